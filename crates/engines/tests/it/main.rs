//! The engines against real servers; one module an engine.

#[cfg(feature = "postgresql")]
mod postgresql;

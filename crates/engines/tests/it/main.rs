//! The engines against real servers; one module an engine.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::items_after_statements,
    reason = "tests end at errors"
)]

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgresql")]
mod postgresql;
#[cfg(feature = "redis")]
mod redis;

//! The engines: one folder each, with the same file names, and the only crate that links drivers.
//!
//! An engine never names another, never reads the fleet file, the journal or the vault.

#![cfg_attr(
    not(all(feature = "mysql", feature = "postgresql", feature = "redis")),
    allow(dead_code, unused_imports, reason = "what several engines share is more than one of them needs")
)]

mod common;
mod digest;
mod registry;
mod tls;
mod tool;

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgresql")]
mod postgresql;
#[cfg(feature = "redis")]
mod redis;

pub use registry::{MESSAGES, registry};

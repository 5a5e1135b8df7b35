//! The engines against real servers; one module an engine.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::items_after_statements,
    reason = "tests end at errors"
)]
#![cfg_attr(
    not(all(feature = "mysql", feature = "postgresql", feature = "redis")),
    allow(dead_code, reason = "what serves several engines' tests is more than one of them needs")
)]

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgresql")]
mod postgresql;
#[cfg(feature = "redis")]
mod redis;

mod conformance;
mod peers;
mod refusals;
mod server;
mod strike;
mod subject;

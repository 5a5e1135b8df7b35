//! MySQL 9 and MariaDB 10.11, run from their rendered layouts.

#![allow(clippy::unwrap_used, reason = "a test that meets an error ends there")]

mod data;
mod deploy;
mod faults;
mod roundtrip;
mod server;

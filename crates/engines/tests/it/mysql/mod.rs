//! MySQL 9 and MariaDB 10.11, run from their rendered layouts.

mod accounts;
mod data;
mod deploy;
mod faults;
mod losses;
mod odd;
mod reach;
mod roundtrip;
pub(crate) mod server;
mod settings;
mod strangers;
mod views;

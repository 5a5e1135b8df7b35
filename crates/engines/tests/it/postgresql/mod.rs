//! PostgreSQL 15 and 18, started from their rendered layouts.

mod catalog;
mod data;
mod deploy;
mod faults;
mod load;
mod observe;
mod outside;
pub(crate) mod server;
mod session;
mod settings;
mod strangers;

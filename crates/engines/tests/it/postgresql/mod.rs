//! PostgreSQL 15 and 18, started from their rendered layouts.

mod deploy;
mod faults;
mod observe;
mod round_trip;
mod server;

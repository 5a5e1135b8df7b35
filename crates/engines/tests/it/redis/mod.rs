//! Redis (or Valkey, where that is installed instead), started from its rendered layouts.

mod backup;
mod data;
mod deploy;
mod faults;
mod module;
mod observe;
pub(crate) mod server;
mod strangers;

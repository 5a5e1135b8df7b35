//! Backups at rest: a vault is a restic repository for the bytes and a catalogue of sealed records beside it.
//!
//! Nothing of `rustic_core` or OpenDAL leaves this crate; it never knows an engine, the fleet file or the journal.
//! The format is described in `docs/vault-format.md`.

mod catalogue;
mod check;
mod claim;
mod key;
mod local;
mod lost;
mod place;
mod prune;
mod repository;
mod source;
mod taking;
mod vault;

use roadstead_core::Messages;

pub use vault::LocalVaults;

/// The sentences of this crate, by language.
pub const MESSAGES: Messages =
    &[("en", include_str!("../messages/en.ftl")), ("zh", include_str!("../messages/zh.ftl"))];

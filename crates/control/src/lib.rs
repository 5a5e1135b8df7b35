//! The controller: observes, has decisions made, carries plans out step by step, and journals.
//!
//! It makes no decision of its own and touches no host: that is `core`'s and the hands' work.

mod controller;
mod executor;
mod journal;
mod lock;
mod observer;
mod past;
mod purse;
mod report;
mod vaults;

pub use controller::{Controller, Parts};
pub use executor::Audience;
pub use journal::SqliteJournal;
pub use lock::{FleetLock, Holder};
pub use observer::Hands;
pub use report::{Report, StepReport};
pub use vaults::Catalogues;

/// The sentences of this crate, by language.
pub const MESSAGES: roadstead_core::Messages =
    &[("en", include_str!("../messages/en.ftl")), ("zh", include_str!("../messages/zh.ftl"))];

//! The host's hand: looks at the members that live here, starts and watches them, and works on their backups.
//!
//! It is the only part that touches a host. It makes no choices and names no engine: it holds `dyn Engine`, and what
//! it does was decided before.

mod ambient;
mod creation;
mod door;
mod files;
mod hand;
mod identity;
mod keeper;
mod link;
mod load;
mod lock;
mod look;
mod member;
mod private;
mod proc;
mod process;
mod prove;
mod remains;
mod scratch;
mod state;
mod supervise;
mod takeover;
mod tools;
mod users;
mod worker;

use roadstead_core::Messages;

pub use ambient::{SystemClock, SystemIds};
pub use door::{DoorHand, ServeOptions, connect, serve};
pub use hand::{LocalHand, Parts};

/// The sentences of this crate, by language.
pub const MESSAGES: Messages =
    &[("en", include_str!("../messages/en.ftl")), ("zh", include_str!("../messages/zh.ftl"))];

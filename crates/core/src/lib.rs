//! The pure heart of Roadstead: what a fleet is, what was seen of it, what follows, and the ports
//! through which the rest of the house is reached.
//!
//! Nothing here touches a file, a socket, a clock or randomness: every function is a function of its
//! arguments, so that a decision can be tested by text and read again on another day.

pub mod error;
pub mod finding;
pub mod fleet;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod port;
pub mod secret;
pub mod seen;
pub mod text;
pub mod units;

pub use error::{Error, Kind, Result};
pub use finding::{Finding, Severity};
pub use secret::{Secret, SecretRef};
pub use text::{Messages, Text};
pub use units::{Bytes, Millis, Timestamp, Version};

/// The sentences of this crate, by language.
pub const MESSAGES: Messages =
    &[("en", include_str!("../messages/en.ftl")), ("zh", include_str!("../messages/zh.ftl"))];

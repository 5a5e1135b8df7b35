//! What surrounds every act: time, randomness, secrets, progress and the wish to stop. All from outside.

use crate::{Error, Kind, Result, Secret, SecretRef, Text, Timestamp};

/// The time.
pub trait Clock: Send + Sync {
    /// Now. May go back: nothing may assume that it does not.
    fn now(&self) -> Timestamp;
}

/// Randomness.
pub trait Ids: Send + Sync {
    /// Sixteen random bytes in lower-case hexadecimal.
    fn id(&self) -> String;
    /// A password of at least 128 bits, in characters that need no quoting anywhere (`[A-Za-z0-9]`).
    fn password(&self) -> Secret;
}

/// Resolves references to secrets.
pub trait Secrets: Send + Sync {
    /// The value. `Kind::NotFound` where there is none, `Kind::Denied` where it may not be read.
    fn resolve(&self, reference: &SecretRef) -> Result<Secret>;
}

/// How far a long act has come.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Progress {
    /// What is being done now.
    pub phase: Text,
    /// Bytes done in this phase.
    pub done: u64,
    /// Bytes in all; `None`: unknown.
    pub total: Option<u64>,
}

/// Who watches a long act: hears its progress, and may want it stopped.
pub trait Watch: Send + Sync {
    /// Called often; must be cheap and must not block.
    fn progress(&self, progress: Progress);
    /// Whether the act should stop at the next safe point.
    fn is_cancelled(&self) -> bool;

    /// `Err(Kind::Cancelled)` when the act should stop.
    fn go_on(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(Kind::Cancelled, Text::new("core-cancelled")));
        }
        Ok(())
    }
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn progress(&self, _: Progress) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

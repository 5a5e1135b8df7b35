//! Faults that come in the middle: a watch that does something, or wants an end, once enough has passed.

use std::sync::Once;

use roadstead_core::port::{Progress, Watch};

/// Strikes once, when more than `after` bytes were told.
pub(crate) struct Strike<F> {
    after: u64,
    once: Once,
    act: F,
    cancels: bool,
}

impl<F: Fn() + Send + Sync> Strike<F> {
    pub(crate) fn new(after: u64, act: F) -> Self {
        Self { after, once: Once::new(), act, cancels: false }
    }

    /// Whether it came to that.
    pub(crate) fn has_struck(&self) -> bool {
        self.once.is_completed()
    }
}

/// A watch that wants the work stopped once more than `after` bytes were told.
pub(crate) fn cancel(after: u64) -> Strike<fn()> {
    Strike { after, once: Once::new(), act: || {}, cancels: true }
}

impl<F: Fn() + Send + Sync> Watch for Strike<F> {
    fn progress(&self, progress: Progress) {
        if progress.done > self.after {
            self.once.call_once(|| (self.act)());
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancels && self.once.is_completed()
    }
}

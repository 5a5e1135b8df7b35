//! The canonical form of one key, hashed as it comes.

use super::input::KEPT_BYTES;
use crate::digest::{Multiset, Xxh3, hash};

/// How much canonical form is held before it is hashed.
const HELD_BYTES: usize = 64 << 10;

/// Hashes canonical bytes as they come.
#[derive(Default)]
pub(super) struct Canon {
    held: Vec<u8>,
    hasher: Option<Box<Xxh3>>,
}

impl Canon {
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
        if self.held.len() > HELD_BYTES {
            self.hasher.get_or_insert_with(Box::default).update(&self.held);
            self.held.clear();
        }
    }

    pub(super) fn number(&mut self, number: u64) {
        self.raw(&number.to_le_bytes());
    }

    /// Bytes and their length, which follows because it may not be known before.
    pub(super) fn text(&mut self, bytes: &[u8]) {
        self.raw(bytes);
        self.number(bytes.len() as u64);
    }

    pub(super) fn members(&mut self, members: &Multiset) {
        self.raw(members.digest().as_bytes());
        self.number(members.count());
    }

    /// The hash of all that came, and the room for the next value.
    pub(super) fn finish(&mut self) -> u128 {
        let hash = match self.hasher.take() {
            None => hash(&self.held),
            Some(mut hasher) => {
                hasher.update(&self.held);
                hasher.digest128()
            }
        };
        self.clear();
        hash
    }

    pub(super) fn clear(&mut self) {
        self.hasher = None;
        self.held.clear();
        self.held.shrink_to(KEPT_BYTES);
    }
}

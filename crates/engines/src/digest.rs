//! An order-independent digest of many rows or keys: equal for equal multisets, whatever the order.
//!
//! Each entry is hashed to 128 bits with XXH3, which is quick at short entries; the digest is the sum of the hashes
//! and, apart, their exclusive or, with the count. A sum alone sees duplicates that an exclusive or would cancel.

pub(crate) use xxhash_rust::xxh3::{Xxh3, xxh3_128 as hash};

/// Collects entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Multiset {
    count: u64,
    sum: u128,
    xor: u128,
}

impl Multiset {
    /// Adds one entry: its canonical bytes.
    pub(crate) fn add(&mut self, entry: &[u8]) {
        self.add_hashed(hash(entry));
    }

    /// Adds one entry by the [`hash`] of its canonical bytes, for entries too long to be held at once.
    pub(crate) fn add_hashed(&mut self, hash: u128) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(hash);
        self.xor ^= hash;
    }

    /// Adds all entries of another.
    pub(crate) fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
        self.xor ^= other.xor;
    }

    /// How many entries.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Sum and exclusive or, in lower-case hexadecimal.
    pub(crate) fn digest(&self) -> String {
        format!("{:032x}{:032x}", self.sum, self.xor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(entries: &[&str]) -> Multiset {
        let mut all = Multiset::default();
        for entry in entries {
            all.add(entry.as_bytes());
        }
        all
    }

    #[test]
    fn order_does_not_matter_but_multiplicity_does() {
        assert_eq!(of(&["a", "b", "c"]), of(&["c", "a", "b"]));
        assert_ne!(of(&["a", "a"]).digest(), of(&["b", "b"]).digest());
        assert_ne!(of(&["a", "a"]).digest(), of(&[]).digest());
        let mut joined = of(&["a", "b"]);
        joined.join(&of(&["a"]));
        assert_eq!(joined, of(&["a", "a", "b"]));
    }
}

//! The vault as its callers use it, on real folders, with real damage, and read by the real `restic`.

#![allow(clippy::unwrap_used, reason = "what a test does not expect is its failure")]

mod damage;
mod disk;
mod key;
mod kill;
mod life;
mod lost;
mod prune;
mod restic;
mod traps;
mod world;

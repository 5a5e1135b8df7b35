//! The vault as its callers use it, on real folders, with real damage, and read by the real `restic`.

mod damage;
mod disk;
mod key;
mod kill;
mod life;
mod prune;
mod restic;
mod traps;
mod world;

//! Tests of the controller through its public face.

mod executor;
mod journal;
mod lock;
mod vaults;
mod world;

//! What the tests of several crates share: real servers, free ports, and a fleet in a folder of its own.
//!
//! Only tests import this; nothing here is linked into the binary.

pub mod fleet;
pub mod memory;
pub mod place;
pub mod stage;
pub mod stranger;
pub mod wait;

//! The hand on real processes: an engine small enough to see through, around a real server.

mod backup;
mod door;
mod member;
mod supervise;
mod tiny;
mod vault;
mod world;

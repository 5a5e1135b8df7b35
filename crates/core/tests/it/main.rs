//! Tests of the core through its public face.

mod fleet;
mod fuzz;
mod harbour;
mod plan;

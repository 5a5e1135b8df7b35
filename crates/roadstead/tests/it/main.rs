//! The binary, as a user meets it: on real servers, in both languages. A test that runs a server of an engine is of the
//! builds with that engine; whole lists of what a build has are compared where it has all three.

#![cfg_attr(
    not(all(feature = "mysql", feature = "postgresql", feature = "redis")),
    allow(
        dead_code,
        unused_imports,
        reason = "what serves the tests of an engine stays when it is left out"
    )
)]

mod besides;
mod crash;
mod demo;
mod elsewhere;
mod faults;
mod halfway;
mod harbour;
mod output;
mod readme;
mod refusals;
mod renamed;
mod secrecy;
mod telling;
mod voyage;

//! The binary, as a user meets it: on real servers, in both languages. What is told of a build without one of the three
//! engines differs in every list, so these tests are of the whole binary; the other crates' tests need no engine.

#[cfg(all(feature = "mysql", feature = "postgresql", feature = "redis"))]
mod besides;
#[cfg(all(feature = "mysql", feature = "postgresql", feature = "redis"))]
mod crash;
#[cfg(all(feature = "mysql", feature = "postgresql", feature = "redis"))]
mod demo;
#[cfg(all(feature = "mysql", feature = "postgresql", feature = "redis"))]
mod faults;
#[cfg(all(feature = "mysql", feature = "postgresql", feature = "redis"))]
mod harbour;
#[cfg(all(feature = "mysql", feature = "postgresql", feature = "redis"))]
mod output;
#[cfg(all(feature = "mysql", feature = "postgresql", feature = "redis"))]
mod readme;
#[cfg(all(feature = "mysql", feature = "postgresql", feature = "redis"))]
mod refusals;
#[cfg(all(feature = "mysql", feature = "postgresql", feature = "redis"))]
mod secrecy;
#[cfg(all(feature = "mysql", feature = "postgresql", feature = "redis"))]
mod voyage;

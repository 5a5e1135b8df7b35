//! The binary, as a user meets it: on real servers, in both languages.

mod crash;
mod demo;
mod faults;
mod harbour;
mod output;
mod readme;
mod secrecy;
mod voyage;

//! `cargo xtask`: what the project does for itself, in Rust and without dependencies so that it starts quickly:
//! `servers` gets the real servers, `tidy` reads the tree for broken rules, `check` is what CI runs.
//! It never touches a fleet, and nothing that ships depends on it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a build tool talks to the terminal")]

mod check;
mod process;
mod servers;
mod tidy;

use std::process::ExitCode;

use process::Failure;

const USAGE: &str = "\
usage: cargo xtask <task>

  servers [--list] [--demo] [NAME...]   get the real servers (all, those of the demo, or those named)
  servers --folder                      print where those that no package of this system has are kept
  tidy [--root DIR]                     read the tree for broken rules
  check [--keep-going]                  format, lints, tidy, tests, docs: what CI runs

ROADSTEAD_SERVERS names the folder that keeps the servers which no package of this system has.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((task, rest)) = arguments.split_first() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let outcome = match task.as_str() {
        "servers" => servers::run(rest),
        "tidy" => tidy::run(rest),
        "check" => check::run(rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => Err(Failure::usage(&format!("no task is called `{other}`"))),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("xtask {task}: {failure}");
            if failure.is_usage() {
                eprintln!("\n{USAGE}");
                return ExitCode::from(2);
            }
            ExitCode::FAILURE
        }
    }
}

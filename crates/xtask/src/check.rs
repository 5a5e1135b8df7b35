//! `cargo xtask check`: what CI runs, in the order that fails soonest for the least work.
//! Every stage is a program that anyone can run by hand; this only names them, times them and counts the tests.

mod suite;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::process::{self, Failure};
use crate::{servers, tidy};

/// What a stage says: whether it passed.
type Stage = fn(&mut suite::Count) -> Result<bool, Failure>;

const STAGES: &[(&str, Stage)] = &[
    ("servers", |_| servers::run(&[])),
    ("format", |_| format()),
    ("tidy", |_| tidy::run(&[])),
    ("clippy", |_| {
        watch(cargo().args(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    }),
    ("an engine less", an_engine_less),
    ("tests", suite::run),
    ("docs", |_| {
        watch(
            cargo()
                .args(["doc", "--locked", "--no-deps", "--workspace"])
                .env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"),
        )
    }),
];

/// Runs the stages. `Ok(false)`: one did not pass.
pub(crate) fn run(arguments: &[String]) -> Result<bool, Failure> {
    let keep_going = match arguments {
        [] => false,
        [flag] if flag == "--keep-going" => true,
        _ => return Err(Failure::usage("check takes `--keep-going` or nothing")),
    };
    if !Path::new("Cargo.toml").exists() {
        return Err(Failure::new("there is no Cargo.toml here").cure("run it in the root of the project"));
    }
    let mut count = suite::Count::default();
    let mut failed = Vec::new();
    for (name, stage) in STAGES {
        println!("== {name}");
        let started = Instant::now();
        let passed = stage(&mut count).unwrap_or_else(|failure| {
            eprintln!("{failure}");
            false
        });
        let word = if passed { "passed" } else { "FAILED" };
        println!("== {name}: {word} in {:.1} s", started.elapsed().as_secs_f64());
        if !passed {
            failed.push(*name);
        }
        if !passed && !keep_going {
            break;
        }
    }
    if !failed.is_empty() {
        println!("did not pass: {}", failed.join(", "));
    }
    println!("{} passed, {} failed", count.passed, count.failed);
    Ok(failed.is_empty())
}

/// Everything else builds and passes without any one engine: nothing but its folder and the list knows it. Each engine
/// is compiled alone with its tests, and the binary's tests that need no server are run on a build that lacks one.
fn an_engine_less(count: &mut suite::Count) -> Result<bool, Failure> {
    for engine in ["mysql", "postgresql", "redis"] {
        // With the whole workspace but the binary, so that what it depends on is built as it was before.
        let alone = ["--workspace", "--exclude", "roadstead", "--no-default-features"];
        let feature = format!("roadstead-engines/{engine}");
        let mut check = cargo();
        check
            .args(["check", "--locked", "--quiet", "--all-targets"])
            .args(alone)
            .args(["--features", &feature]);
        if !watch(&mut check)? {
            return Ok(false);
        }
    }
    let less = ["-p", "roadstead", "--no-default-features", "--features", "mysql,postgresql"];
    suite::count(cargo().args(["test", "--locked"]).args(less).args(["--test", "it", "output::"]), count)
}

/// rustfmt over every tracked file: `cargo fmt` does not see modules that a macro declares.
fn format() -> Result<bool, Failure> {
    let mut git = Command::new("git");
    let list = git.args(["-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard", "*.rs"]);
    let list = process::output(list)?;
    let files = list.split('\0').filter(|path| !path.is_empty() && Path::new(path).exists());
    watch(Command::new("rustfmt").args(["--check", "--edition", "2024"]).args(files))
}

/// Runs a program whose output is worth seeing as it comes.
fn watch(command: &mut Command) -> Result<bool, Failure> {
    let status = command.stdin(Stdio::null()).status();
    let failed = |error| Failure::new(format!("cannot start `{}`: {error}", process::shown(command)));
    status.map(|status| status.success()).map_err(failed)
}

/// The cargo that runs us, without what it told us about ourselves: build scripts watch some of these variables,
/// and would build half the world again.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
    for (name, _) in std::env::vars_os() {
        if told.iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(&name);
        }
    }
    command.env_remove("LD_LIBRARY_PATH");
    command
}

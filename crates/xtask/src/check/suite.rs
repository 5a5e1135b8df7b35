//! The tests of the whole workspace, shown as they run and counted from what they print.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::cargo;
use crate::process::{self, Failure};
use crate::servers;

/// How many tests did what.
#[derive(Default, Debug, PartialEq)]
pub(super) struct Count {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) ignored: usize,
}

impl Count {
    /// Adds a line of the form `test result: ok. 5 passed; 0 failed; 0 ignored; …`; any other changes nothing.
    fn add(&mut self, line: &str) {
        let Some(result) = line.trim_start().strip_prefix("test result: ") else { return };
        let numbers = result.split_once(". ").map_or("", |(_, numbers)| numbers);
        for part in numbers.split(';') {
            let Some((number, what)) = part.trim().split_once(' ') else { continue };
            let number: usize = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

/// Runs every test. They find the servers where `cargo xtask servers` put them.
pub(super) fn run(count: &mut Count) -> Result<bool, Failure> {
    let mut command = cargo();
    command
        .args(["test", "--locked", "--workspace", "--no-fail-fast"])
        .env(servers::VARIABLE, servers::folder()?);
    self::count(&mut command, count)
}

/// Runs tests, shows what they print, and counts them.
pub(super) fn count(command: &mut Command, count: &mut Count) -> Result<bool, Failure> {
    let failed_before = count.failed;
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let started = command.spawn();
    let mut child = started
        .map_err(|error| Failure::new(format!("cannot start `{}`: {error}", process::shown(command))))?;
    if let Some(output) = child.stdout.take() {
        // A test may print bytes that are no text.
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(|error| Failure::new(format!("read what the tests print: {error}")))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            count.add(&line);
        }
    }
    let status = child.wait().map_err(|error| Failure::new(format!("wait for the tests: {error}")))?;
    if !status.success() && count.failed == failed_before {
        // What did not build, or died before it could say so, failed too.
        count.failed += 1;
    }
    if count.ignored > 0 {
        println!("{} tests were ignored, and an ignored test shows nothing", count.ignored);
    }
    Ok(status.success() && count.ignored == 0)
}

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn adds_up_what_each_binary_says() {
        let mut count = Count::default();
        count.add(
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.1s",
        );
        count.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        count.add("test some::thing ... ok");
        assert_eq!(count, Count { passed: 8, failed: 2, ignored: 1 });
    }
}

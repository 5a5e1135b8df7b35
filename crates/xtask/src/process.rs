//! Running other programs, and the one error of this crate.
//! A program gets no input, and its output is kept and shown only when it fails, unless it is meant to be watched.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Lines of a failed program's output worth showing: enough for apt's and cargo's reasons, not their whole story.
const LINES_SHOWN: usize = 25;

/// Why a task could not go on, and what to do about it where that is known.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    cure: Option<String>,
    usage: bool,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), cure: None, usage: false }
    }

    /// The command line was wrong: the usage is shown with it.
    pub(crate) fn usage(what: &str) -> Self {
        Self { what: what.to_owned(), cure: None, usage: true }
    }

    pub(crate) fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }

    pub(crate) fn is_usage(&self) -> bool {
        self.usage
    }

    /// For `map_err`: what was being done to which path when the system refused.
    pub(crate) fn at<'a>(doing: &'a str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Failure + 'a {
        move |error| Failure::new(format!("{doing} {}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.what)?;
        match &self.cure {
            Some(cure) => write!(formatter, "\n  cure: {cure}"),
            None => Ok(()),
        }
    }
}

/// Runs a program to its end and returns what it printed on standard output.
/// Fails with the end of its output when it cannot be started or does not exit with 0.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let name = shown(command);
    let result = command.stdin(Stdio::null()).output();
    let done = result.map_err(|error| Failure::new(format!("cannot start `{name}`: {error}")))?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() {
        return Ok(text);
    }
    let both = format!("{text}{}", String::from_utf8_lossy(&done.stderr));
    let lines: Vec<&str> = both.lines().collect();
    let tail = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n  ");
    Err(Failure::new(format!("`{name}` failed ({}):\n  {tail}", done.status)))
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Whether this process may install packages and change to another user.
pub(crate) fn is_root() -> bool {
    // The owner of our own entry in /proc is our effective user; asking the kernel directly needs unsafe code.
    std::fs::metadata("/proc/self").is_ok_and(|entry| std::os::unix::fs::MetadataExt::uid(&entry) == 0)
}

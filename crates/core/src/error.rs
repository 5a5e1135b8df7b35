//! The one error: what kind, what happened, what to do about it, and what caused it.
//!
//! Callers branch on [`Kind`], never on text. `Display` is for logs; users get the catalogue's words.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::{Arg, Text};

/// Roadstead's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of fault this is; the only thing code branches on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The user's input is wrong (exit code 2).
    Input,
    /// The other side did not answer in time, or not at all.
    Unreachable,
    /// The other side refused us: password, certificate, `pg_hba`, ACL.
    Denied,
    /// What was asked for does not exist.
    NotFound,
    /// Something is there already that must not be overwritten.
    Exists,
    /// Somebody else holds it.
    Busy,
    /// The world is not as the plan requires.
    Precondition,
    /// A program or library is missing on the host.
    Missing,
    /// Data is damaged, or differs from what it must be.
    Corrupt,
    /// No space, no memory, no descriptors.
    Exhausted,
    /// Stopped on request.
    Cancelled,
    /// The server, tool or library reported a failure of its own.
    Failed,
    /// The engine or its version cannot do this.
    Unsupported,
    /// Our own invariant does not hold.
    Internal,
}

/// An error: kind, sentence, cure, and the chain below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// What callers branch on.
    pub kind: Kind,
    /// Trying again without a change may succeed.
    #[serde(default)]
    pub retry: bool,
    /// What happened, where and why.
    pub what: Text,
    /// What it consists of, where it is many things: each a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Text>,
    /// What the user can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<Text>,
    /// What was being done, innermost first: each a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<Text>,
    /// The foreign causes as their libraries told them, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
}

impl Error {
    /// An error of this kind, told by this sentence.
    pub fn new(kind: Kind, what: Text) -> Self {
        Self {
            kind,
            retry: matches!(kind, Kind::Unreachable | Kind::Busy),
            what,
            parts: Vec::new(),
            cure: None,
            context: Vec::new(),
            causes: Vec::new(),
        }
    }

    /// The same error with one more argument in its sentence.
    pub fn with(mut self, name: &str, value: impl Into<Arg>) -> Self {
        self.what = self.what.with(name, value);
        self
    }

    /// The same error with what it consists of.
    pub fn parts(mut self, parts: Vec<Text>) -> Self {
        self.parts = parts;
        self
    }

    /// The same error with its cure.
    pub fn cure(mut self, cure: Text) -> Self {
        self.cure = Some(cure);
        self
    }

    /// The same error, told to be worth (or not worth) another try.
    pub fn retry(mut self, retry: bool) -> Self {
        self.retry = retry;
        self
    }

    /// The same error, with what was being done when it came.
    pub fn during(mut self, doing: Text) -> Self {
        self.context.push(doing);
        self
    }

    /// The same error, with a foreign error and the chain below it as its cause.
    pub fn caused_by(mut self, cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(error) = next {
            let text = error.to_string();
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// An invariant of our own that does not hold: a defect, with what was found.
    pub fn internal(what: impl fmt::Display) -> Self {
        Self::new(Kind::Internal, Text::new("core-internal").with("what", what.to_string()))
    }

    /// An operating-system error, with its kind told from the error number.
    pub fn io(what: Text, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::NotFound => Kind::NotFound,
            Io::PermissionDenied => Kind::Denied,
            Io::AlreadyExists => Kind::Exists,
            Io::TimedOut | Io::ConnectionRefused | Io::ConnectionReset | Io::HostUnreachable => {
                Kind::Unreachable
            }
            Io::StorageFull | Io::QuotaExceeded | Io::OutOfMemory => Kind::Exhausted,
            Io::Interrupted => Kind::Cancelled,
            Io::InvalidData | Io::UnexpectedEof => Kind::Corrupt,
            _ => Kind::Failed,
        };
        let told = Self::new(kind, what).caused_by(error);
        let is_full = matches!(error.kind(), Io::StorageFull | Io::QuotaExceeded);
        if is_full { told.cure(Text::new("core-disk-full-cure")) } else { told }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        for part in &self.parts {
            write!(f, "; {part}")?;
        }
        for doing in &self.context {
            write!(f, " while {doing}")?;
        }
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Adds what was being done to an error that passes by.
pub trait During<T> {
    /// The same result; an error learns what was being done.
    fn during(self, doing: impl FnOnce() -> Text) -> Result<T>;
}

impl<T> During<T> for Result<T> {
    fn during(self, doing: impl FnOnce() -> Text) -> Self {
        self.map_err(|error| error.during(doing()))
    }
}

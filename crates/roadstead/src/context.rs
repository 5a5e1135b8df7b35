//! What every command is given, and what every command gives back.

use std::process::ExitCode;

use roadstead_core::{Error, Finding, Kind};

use crate::{
    render::{Paint, Words},
    settings::Settings,
};

/// What a command is given.
pub(crate) struct Context {
    /// The global options.
    pub(crate) settings: Settings,
    /// The catalogues.
    pub(crate) words: Words,
    /// Colours for standard output.
    pub(crate) paint: Paint,
}

impl Context {
    /// Everything together.
    pub(crate) fn new(settings: Settings, words: Words, paint: Paint) -> Self {
        Self { settings, words, paint }
    }
}

/// What a command gives back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// How the process ends.
    pub(crate) exit: Exit,
    /// For people.
    pub(crate) text: String,
    /// For programs; the same facts.
    pub(crate) json: serde_json::Value,
}

impl Answer {
    /// An answer that ends with 0.
    pub(crate) fn done(text: impl Into<String>, json: serde_json::Value) -> Self {
        Self { exit: Exit::Done, text: text.into(), json }
    }

    /// The same answer with another end.
    pub(crate) fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

/// Why a command gave no answer.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It failed.
    Failed(Box<Error>),
    /// What stands in the fleet file, or in the world, forbids it.
    Findings(Vec<Finding>),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// What commands return.
pub(crate) type Outcome = Result<Answer, Stop>;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// The answer is no, or it failed.
    No,
    /// The input is wrong; nothing was done.
    Input,
    /// Some of it was done.
    Partly,
    /// Stopped on request.
    Interrupted,
}

impl Exit {
    /// How a failure of this kind ends.
    pub(crate) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Input => Self::Input,
            Kind::Cancelled => Self::Interrupted,
            _ => Self::No,
        }
    }

    /// As a number.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::No => 1,
            Self::Input => 2,
            Self::Partly => 3,
            Self::Interrupted => 130,
        }
    }

    /// For the operating system.
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(self.number())
    }
}

//! What every command is given, and what every command gives back.

use std::{process::ExitCode, sync::Arc};

use roadstead_core::{Error, Finding, Kind, Text};

use crate::{
    render::{Paint, Words},
    settings::Settings,
};

/// What a command is given.
pub(crate) struct Context {
    /// The global options.
    pub(crate) settings: Settings,
    /// The catalogues.
    pub(crate) words: Arc<Words>,
    /// Colours for standard output.
    pub(crate) paint: Paint,
    /// The command as it is told to those who find the fleet held: its words, without values.
    pub(crate) command: String,
}

impl Context {
    /// Everything together.
    pub(crate) fn new(settings: Settings, words: Words, paint: Paint, command: String) -> Self {
        Self { settings, words: Arc::new(words), paint, command }
    }

    /// Says something to people before the answer is there; programs get one document at the end.
    pub(crate) fn tell(&self, text: &str) {
        if !self.settings.json {
            crate::write_now(text);
        }
    }
}

/// Does asynchronous work; the two threads are made only for commands that need them.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Error::io(Text::new("cli-runtime"), &error))?;
    let done = runtime.block_on(work);
    // Work on other threads that nobody waits for any more must not keep the process.
    runtime.shutdown_background();
    Ok(done)
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
    /// What stands in the input forbids it.
    Findings(Vec<Finding>),
    /// What was found in the world forbids it.
    Refused(Vec<Finding>),
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
    /// Stopped because the terminal went away.
    HungUp,
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
            Self::HungUp => 129,
            Self::Interrupted => 130,
        }
    }

    /// For the operating system.
    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(self.number())
    }
}

//! Everything a user reads is made here: sentences, tables, findings, errors, progress, JSON.
//!
//! Nothing here decides anything. Foreign text is cleaned before it reaches a terminal.

pub(crate) mod clean;
pub(crate) mod error;
pub(crate) mod finding;
pub(crate) mod json;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod snapshot;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod usage;
mod words;

use anstyle::{AnsiColor, Style};

pub(crate) use words::Words;

/// What a piece of text means, as a colour says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// A heading or a name.
    Strong,
    /// Of little weight.
    Faint,
    /// As it should be.
    Good,
    /// Deserves a look.
    Doubtful,
    /// Wrong.
    Bad,
    /// A hint.
    Hint,
}

/// Colours text, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    color: bool,
}

impl Paint {
    /// With colours, or without.
    pub(crate) const fn new(color: bool) -> Self {
        Self { color }
    }

    /// The text in this tone.
    pub(crate) fn tone(self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Strong => Style::new().bold(),
            Tone::Faint => Style::new().dimmed(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Doubtful => AnsiColor::Yellow.on_default().bold(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Hint => AnsiColor::Cyan.on_default(),
        };
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Adds a line to a text.
pub(crate) fn append(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

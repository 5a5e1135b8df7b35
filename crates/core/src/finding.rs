//! Something wrong or advisable: how bad, where, what, and the cure.

use serde::{Deserialize, Serialize};

use crate::text::{Arg, Text};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Should be changed; work goes on.
    Warning,
    /// Must be changed; nothing is done while it stands.
    Error,
}

/// A place in a file: line and column count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// The line's text, of a long line the part around the column; empty when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The column of the first character of `text`, which is an ellipsis where the line's beginning is cut off.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub text_column: usize,
    /// How many characters of it are meant, from `column`.
    #[serde(default)]
    pub length: usize,
}

const fn first() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_first(column: &usize) -> bool {
    *column == 1
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: `clusters.orders`, `orders-1`, a table's name; empty for the whole fleet.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Where in the fleet file, when it came from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What is wrong, and why that is wrong.
    pub what: Text,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<Text>,
}

impl Finding {
    /// A finding of this severity about this subject.
    pub fn new(severity: Severity, subject: impl Into<String>, what: Text) -> Self {
        Self { severity, subject: subject.into(), place: None, what, cure: None }
    }

    /// An error about this subject.
    pub fn error(subject: impl Into<String>, what: Text) -> Self {
        Self::new(Severity::Error, subject, what)
    }

    /// A warning about this subject.
    pub fn warning(subject: impl Into<String>, what: Text) -> Self {
        Self::new(Severity::Warning, subject, what)
    }

    /// A note about this subject.
    pub fn note(subject: impl Into<String>, what: Text) -> Self {
        Self::new(Severity::Note, subject, what)
    }

    /// The same finding with one more argument in its sentence.
    pub fn with(mut self, name: &str, value: impl Into<Arg>) -> Self {
        self.what = self.what.with(name, value);
        self
    }

    /// The same finding with its cure.
    pub fn cure(mut self, cure: Text) -> Self {
        self.cure = Some(cure);
        self
    }

    /// The same finding with its place in the fleet file.
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }
}

/// Whether any finding forbids going on.
pub fn any_error(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

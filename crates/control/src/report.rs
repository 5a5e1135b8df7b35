//! What came of carrying out a plan.

use roadstead_core::{
    Error,
    plan::Step,
    port::{hand::Outcome, journal::Ended},
};

/// What came of one step.
#[derive(Clone, Debug)]
pub struct StepReport {
    /// The step.
    pub step: Step,
    /// What came of it.
    pub outcome: Result<Outcome, Error>,
}

/// What came of a plan.
#[derive(Clone, Debug)]
pub struct Report {
    /// The operation's id in the journal; empty for a plan without steps, which is not journalled.
    pub operation: String,
    /// The steps that were begun, in the order in which they ended.
    pub steps: Vec<StepReport>,
    /// Steps that were never begun, because an earlier one failed or the whole was stopped.
    pub not_begun: Vec<Step>,
    /// How it ended.
    pub ended: Ended,
    /// Why the journal does not say so.
    pub unrecorded: Option<Error>,
    /// The earlier operation that left its work half done where this one could not begin: that one is to be carried on.
    pub instead: Option<String>,
}

impl Default for Report {
    /// Of nothing, done well.
    fn default() -> Self {
        Self {
            operation: String::new(),
            steps: vec![],
            not_begun: vec![],
            ended: Ended::Done,
            unrecorded: None,
            instead: None,
        }
    }
}

impl Report {
    /// Adds what came of carrying on.
    pub(crate) fn append(&mut self, next: Self) {
        self.steps.extend(next.steps);
        self.not_begun.extend(next.not_begun);
        self.operation = next.operation;
        self.ended = next.ended;
        self.unrecorded = next.unrecorded;
        self.instead = next.instead;
    }

    /// Whether anything was done well.
    pub fn did_something(&self) -> bool {
        self.steps.iter().any(|step| step.outcome.is_ok())
    }

    /// The failures.
    pub fn failures(&self) -> impl Iterator<Item = (&Step, &Error)> {
        self.steps
            .iter()
            .filter_map(|report| report.outcome.as_ref().err().map(|error| (&report.step, error)))
    }
}

//! The journal: an operation is a saved plan; each step is "started" before and has its outcome after,
//! durable before the next begins.

use serde::{Deserialize, Serialize};

use super::hand::Outcome;
use crate::{Error, Result, Timestamp, plan::Plan};

/// One operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// What was planned.
    pub plan: Plan,
    /// When it began.
    pub started: Timestamp,
    /// Who asked: `user@host`.
    pub by: String,
    /// When it ended; `None`: it runs, or was interrupted.
    pub ended: Option<Timestamp>,
    /// How it ended; `None` as above.
    pub result: Option<Ended>,
    /// What became of each step that was begun, in order.
    pub steps: Vec<StepRecord>,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Every step was done and proven.
    Done,
    /// A step failed.
    Failed,
    /// It was stopped on request.
    Cancelled,
    /// It was interrupted, and another operation carried its aim on.
    Resumed,
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The step's id in its plan.
    pub step: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; `None`: unknown, because we were gone before it ended.
    pub ended: Option<Timestamp>,
    /// What came of it; `None` as above.
    pub outcome: Option<std::result::Result<Outcome, Error>>,
}

/// The journal of one fleet. Every call is durable when it returns.
pub trait Journal: Send + Sync {
    /// Begins an operation.
    fn begin(&self, id: &str, plan: &Plan, by: &str, at: Timestamp) -> Result<()>;
    /// A step is about to begin.
    fn started(&self, operation: &str, step: &str, at: Timestamp) -> Result<()>;
    /// A step has ended.
    fn finished(
        &self,
        operation: &str,
        step: &str,
        at: Timestamp,
        outcome: &std::result::Result<Outcome, Error>,
    ) -> Result<()>;
    /// The operation has ended.
    fn end(&self, operation: &str, at: Timestamp, result: Ended) -> Result<()>;
    /// One operation; `Kind::NotFound` when there is none of this id (a unique beginning of an id suffices).
    fn operation(&self, id: &str) -> Result<Operation>;
    /// The newest operations, newest first.
    fn recent(&self, limit: usize) -> Result<Vec<Operation>>;
}

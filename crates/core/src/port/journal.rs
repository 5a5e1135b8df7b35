//! The journal: an operation is a saved plan; each step is "started" before and has its outcome after,
//! durable before the next begins.

use serde::{Deserialize, Serialize};

use super::hand::Outcome;
use crate::{
    Error, Result, Timestamp,
    plan::{Act, Aim, Plan, Step},
};

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

impl Operation {
    /// What became of the steps whose acts are these.
    fn records_of(&self, which: impl Fn(&Act) -> bool) -> impl Iterator<Item = &StepRecord> {
        let plan = &self.plan;
        let is_one = move |id: &str| plan.steps.iter().any(|step| step.id == id && which(&step.act));
        self.steps.iter().filter(move |record| is_one(&record.step))
    }

    /// Whether a load was begun by it, or by one that it carries on: what is at its target since may be of that load.
    pub fn began_to_load(&self) -> bool {
        let goes_on = |step: &Step| matches!(&step.act, Act::Load(task) if task.again.is_some());
        self.records_of(|act| matches!(act, Act::Load(_))).next().is_some()
            || self.plan.steps.iter().any(goes_on)
    }

    /// Whether both found the same server at their addresses, as far as its engine can tell: a copy of a machine may
    /// bear the same name.
    pub fn is_same_server(&self, other: &Self) -> bool {
        let server = self.server();
        server.is_some() && server == other.server()
    }

    /// Which server it found at an address, as its engine names it.
    fn server(&self) -> Option<&str> {
        let now =
            self.steps.iter().filter_map(|record| record.outcome.as_ref()?.as_ref().ok()?.found.as_ref());
        let mut all = now.chain(self.plan.found.values());
        all.find_map(|found| found.get("server")?.as_str().filter(|server| !server.is_empty()))
    }

    /// Whether it put a snapshot where it was to go, whatever came after that.
    pub fn has_loaded(&self) -> bool {
        self.records_of(|act| matches!(act, Act::Load(_))).any(|record| matches!(record.outcome, Some(Ok(_))))
    }

    /// Whether it is a restore that began to change something and did not get to its end, however it ended: what it took
    /// down, or filled in part, waits for it. What was only found to differ afterwards is whole.
    pub fn is_half_done(&self) -> bool {
        let record = |step: &Step| self.steps.iter().find(|record| record.step == step.id);
        let mut changes = self.plan.steps.iter().filter(|step| step.act.changes());
        let is_done = |step: &Step| record(step).is_some_and(|record| matches!(record.outcome, Some(Ok(_))));
        // What one that it carries on had changed is its own to finish.
        let carries_on = self.plan.done.iter().any(|id| !LOOKS.iter().any(|look| id.starts_with(look)));
        matches!(self.plan.aim, Aim::Restore { .. })
            && (carries_on || self.began_to_load() || changes.clone().any(|step| record(step).is_some()))
            && !changes.all(is_done)
    }

    /// Whether it began to change something, or had nothing to change: what it was to carry on is its own since.
    pub fn took_over(&self) -> bool {
        let mut changes = self.plan.steps.iter().filter(|step| step.act.changes()).peekable();
        changes.peek().is_none() || changes.any(|step| self.steps.iter().any(|record| record.step == step.id))
    }
}

/// How the ids of a restore's steps begin that change nothing.
const LOOKS: [&str; 2] = ["ready-", "empty-"];

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
    /// It was interrupted, and whoever runs the fleet said that nobody will carry it on.
    GivenUp,
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
    /// The same of every fleet that shares the journal, and under every name that this one had.
    fn of_all_fleets(&self, limit: usize) -> Result<Vec<Operation>>;
    /// The newest restores, newest first, under every name that the fleet had: they are asked for at every look, where all
    /// would be too much to read.
    fn restores(&self, limit: usize) -> Result<Vec<Operation>>;
}

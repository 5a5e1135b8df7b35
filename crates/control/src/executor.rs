//! Carries out a plan's steps and makes no choices: precondition, act, proof, journal.
//!
//! The steps of one cluster (or snapshot) run in their order; a failure ends that lane and leaves the others.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use roadstead_core::{
    Error, Kind, Result, Text,
    plan::{Condition, Held, MemberTask, Plan, Step},
    port::{
        Clock, Journal, Progress, Watch,
        engine::Depth,
        hand::{Order, Outcome},
        journal::Ended,
    },
    seen::{FleetSeen, Reach},
};

use crate::{
    observer::{More, Scope, View, join_all},
    purse,
    report::{Report, StepReport},
};

/// How long a member that does not answer is looked at before it counts as silent; each look has its own deadline.
const SILENT_AT_MOST: Duration = Duration::from_secs(8);
const BEAT: Duration = Duration::from_millis(200);

/// Who hears of an operation's course, and may want it stopped.
pub trait Audience: Send + Sync {
    /// A step begins.
    fn begins(&self, step: &Step);
    /// A step has come so far. Called often; must not block.
    fn progresses(&self, step: &Step, progress: Progress);
    /// A step has ended.
    fn ends(&self, step: &Step, outcome: &std::result::Result<Outcome, Error>);
    /// Whether to stop at the next safe point.
    fn is_cancelled(&self) -> bool;
}

/// What carrying out needs.
pub(crate) struct Executor<'a> {
    pub(crate) view: View<'a>,
    pub(crate) journal: &'a dyn Journal,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) by: &'a str,
}

/// How a lane ended.
#[derive(Default)]
struct Lane {
    reports: Vec<StepReport>,
    not_begun: Vec<Step>,
    cancelled: bool,
}

impl Executor<'_> {
    /// Carries the plan out. An error means that nothing was begun, for the journal could not take it; all else is in the
    /// report, also that the journal failed later: what was done by then must be told.
    pub(crate) async fn run(
        &self,
        operation: &str,
        plan: &Plan,
        audience: &Arc<dyn Audience>,
    ) -> Result<Report> {
        self.journal.begin(operation, plan, self.by, self.clock.now())?;
        let lanes = lanes(plan);
        let results = join_all(lanes.into_iter().map(|lane| self.lane(operation, lane, audience))).await;
        let mut report = Report { operation: operation.to_owned(), ..Report::default() };
        for lane in results {
            if lane.cancelled {
                report.ended = Ended::Cancelled;
            }
            report.steps.extend(lane.reports);
            report.not_begun.extend(lane.not_begun);
        }
        if report.ended == Ended::Done && report.failures().next().is_some() {
            report.ended = Ended::Failed;
        }
        if let Err(error) = self.journal.end(operation, self.clock.now(), report.ended) {
            report.ended = Ended::Failed;
            report.unrecorded = Some(error);
        }
        Ok(report)
    }

    async fn lane(&self, operation: &str, steps: Vec<Step>, audience: &Arc<dyn Audience>) -> Lane {
        let mut lane = Lane::default();
        let mut rest = steps.into_iter();
        for step in rest.by_ref() {
            if audience.is_cancelled() {
                lane.cancelled = true;
                lane.not_begun.push(step);
                break;
            }
            audience.begins(&step);
            let outcome = match self.journal.started(operation, &step.id, self.clock.now()) {
                Ok(()) => self.recorded(operation, &step, audience).await,
                Err(error) => Err(error),
            };
            audience.ends(&step, &outcome);
            let failed = outcome.as_ref().err().map(|error| error.kind);
            lane.reports.push(StepReport { step, outcome });
            if let Some(kind) = failed {
                lane.cancelled = kind == Kind::Cancelled;
                break;
            }
        }
        lane.not_begun.extend(rest);
        lane
    }

    /// Does a step, and records what came of it. What cannot be recorded is not known to whoever carries on.
    async fn recorded(
        &self,
        operation: &str,
        step: &Step,
        audience: &Arc<dyn Audience>,
    ) -> std::result::Result<Outcome, Error> {
        let outcome = self.step(operation, step, audience).await;
        match self.journal.finished(operation, &step.id, self.clock.now(), &outcome) {
            Ok(()) => outcome,
            Err(mut error) => {
                error.parts.push(match outcome {
                    Ok(_) => Text::new("control-step-done-unrecorded"),
                    Err(failure) => failure.what,
                });
                Err(error)
            }
        }
    }

    async fn step(
        &self,
        operation: &str,
        step: &Step,
        audience: &Arc<dyn Audience>,
    ) -> std::result::Result<Outcome, Error> {
        if !step.requires.is_empty() {
            let seen = self.seen_by(step, &step.requires, audience).await?;
            for condition in &step.requires {
                must_hold(condition, &seen, Kind::Precondition, "control-step-refused")?;
            }
        }
        let supervised = step.act.member().is_none_or(|task| task.member.is_supervised());
        let hand = self.view.hands.of(step.target.host.as_ref().filter(|_| supervised)).await?;
        let order = Order {
            step: step.id.clone(),
            operation: operation.to_owned(),
            by: self.by.to_owned(),
            fleet: self.view.fleet.name.clone(),
            act: step.act.clone(),
        };
        let purse = purse::for_act(&step.act, self.view.secrets)?;
        let watch = StepWatch { step, audience: Arc::clone(audience), last: Mutex::new(0) };
        let outcome = hand.act(&order, &purse, &watch).await?;
        if !step.proves.is_empty() {
            let seen = self.seen_by(step, &step.proves, audience).await?;
            for condition in &step.proves {
                must_hold(condition, &seen, Kind::Failed, "control-step-unproven")?;
            }
        }
        Ok(outcome)
    }

    /// What is seen of them. A member that does not answer in time, as one does that has just been started on a machine
    /// that has much to do, is looked at again: what is not known yet is neither so nor not so.
    async fn seen_by(
        &self,
        step: &Step,
        conditions: &[Condition],
        audience: &Arc<dyn Audience>,
    ) -> Result<FleetSeen> {
        let end = tokio::time::Instant::now() + SILENT_AT_MOST;
        loop {
            let seen = self.look_for(step, conditions).await;
            let is_open = |condition: &Condition| {
                let member = condition.member().and_then(|name| seen.members.get(name));
                let is_silent = member.is_some_and(|member| matches!(member.reach, Reach::Unreachable(_)));
                // Only what the member itself has to say may still come.
                is_silent
                    && match condition.held(&seen) {
                        Held::Unknown(_) => true,
                        Held::No(_) => matches!(condition, Condition::Running(_)),
                        Held::Yes => false,
                    }
            };
            if !conditions.iter().any(is_open) || tokio::time::Instant::now() >= end {
                return Ok(seen);
            }
            if audience.is_cancelled() {
                return Err(Error::new(Kind::Cancelled, Text::new("core-cancelled")));
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    async fn look_for(&self, step: &Step, conditions: &[Condition]) -> FleetSeen {
        let deep = conditions.iter().any(|condition| {
            matches!(
                condition,
                Condition::Setting { .. }
                    | Condition::Database { .. }
                    | Condition::Own { .. }
                    | Condition::Admitted { .. }
            )
        });
        let depth = if deep { Depth::Full } else { Depth::Brief };
        let of_task = |task: &MemberTask| {
            let MemberTask { cluster, member, home, .. } = task.clone();
            More { cluster, member, home }
        };
        let more: Vec<More> = step.act.member().map(of_task).into_iter().collect();
        let nobody = Some([].as_slice());
        self.view.look(&Scope { clusters: nobody, depth, more: &more, ..Scope::default() }).await
    }
}

fn must_hold(condition: &Condition, seen: &FleetSeen, kind: Kind, key: &str) -> Result<()> {
    match condition.held(seen) {
        Held::Yes => Ok(()),
        Held::No(why) | Held::Unknown(why) => Err(Error::new(kind, Text::new(key).with("why", why))),
    }
}

/// The steps by snapshot, else by cluster, each lane in the plan's order: one bad snapshot hides no other.
fn lanes(plan: &Plan) -> Vec<Vec<Step>> {
    let mut lanes: Vec<(String, Vec<Step>)> = Vec::new();
    for step in &plan.steps {
        let target = &step.target;
        let cluster = target.cluster.as_ref().map(ToString::to_string);
        let key = target.snapshot.clone().or(cluster).unwrap_or_default();
        match lanes.iter_mut().find(|(name, _)| *name == key) {
            Some((_, steps)) => steps.push(step.clone()),
            None => lanes.push((key, vec![step.clone()])),
        }
    }
    lanes.into_iter().map(|(_, steps)| steps).collect()
}

/// Passes a step's progress on, once for each 64 KiB.
struct StepWatch<'a> {
    step: &'a Step,
    audience: Arc<dyn Audience>,
    last: Mutex<u64>,
}

impl Watch for StepWatch<'_> {
    fn progress(&self, progress: Progress) {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let far = progress.done.abs_diff(*last) >= 64 * 1024 || progress.done == 0;
        if far || progress.total == Some(progress.done) {
            *last = progress.done;
            drop(last);
            self.audience.progresses(self.step, progress);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.audience.is_cancelled()
    }
}

//! One fleet under control: look, decide, run, resume.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use roadstead_core::{
    Error, Kind, Result, Text,
    model::{Fleet, MemberSpec, Name, Runtime},
    plan::{self, Act, Aim, Decision, Destination, FORMAT, Plan, Risk, Situation, Step},
    port::{
        Clock, Engines, Ids, Journal, Secrets, Vaults,
        engine::Depth,
        journal::{Ended, Operation},
        vault::Record,
    },
    seen::{DataSeen, FleetSeen, HalfDone, MemberSeen},
};

use crate::{
    executor::{Audience, Executor},
    lock::{FleetLock, Holder},
    observer::{self, Hands, More, Scope, View},
    report::Report,
    vaults::Shelves,
};

/// What a controller is made of; all from outside.
pub struct Parts {
    /// The fleet as declared.
    pub fleet: Fleet,
    /// SHA-256 of the fleet file.
    pub fleet_digest: String,
    /// The folder of journal and lock; exists.
    pub state: PathBuf,
    /// The engines.
    pub engines: Arc<dyn Engines>,
    /// The vaults.
    pub vaults: Arc<dyn Vaults>,
    /// The hands.
    pub hands: Arc<dyn Hands>,
    /// The journal.
    pub journal: Arc<dyn Journal>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
    /// Secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Who asks: `user@host`.
    pub by: String,
    /// The command, for those who find the fleet held.
    pub command: String,
}

/// How many of the latest operations are asked what waits to be carried on.
const RECENT: usize = 100;
/// How often applying looks again for what is left to do: a start shows what could not be seen before it.
const ROUNDS_MAX: usize = 3;

/// One fleet under control.
pub struct Controller {
    pub(crate) parts: Parts,
}

impl Controller {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// The fleet.
    pub fn fleet(&self) -> &Fleet {
        &self.parts.fleet
    }

    /// The journal.
    pub fn journal(&self) -> &dyn Journal {
        self.parts.journal.as_ref()
    }

    /// The folder of journal and lock.
    pub fn state(&self) -> &Path {
        &self.parts.state
    }

    /// The newest operations, without those of another fleet file of the same name in the same folder.
    pub(crate) fn recent(&self, limit: usize) -> Result<Vec<Operation>> {
        let mut found = self.of_this_file(self.parts.journal.recent(limit.max(RECENT))?);
        found.truncate(limit);
        Ok(found)
    }

    /// The newest restores of this fleet. Of those under a name that it had before only what went to an address concerns
    /// it: members of that name are not its own.
    fn restores(&self, limit: usize) -> Result<Vec<Operation>> {
        let mut found = self.of_this_file(self.parts.journal.restores(limit)?);
        found.retain(|operation| {
            let plan = &operation.plan;
            let is_elsewhere = matches!(plan.aim, Aim::Restore { into: Destination::Address { .. }, .. });
            plan.fleet == self.parts.fleet.name || is_elsewhere
        });
        Ok(found)
    }

    /// All operations with this fleet file, whatever the fleet's name was then; and those of files that are gone.
    pub(crate) fn of_all_names(&self, limit: usize) -> Result<Vec<Operation>> {
        self.parts.journal.of_all_fleets(limit).map(|found| self.of_this_file(found))
    }

    fn of_this_file(&self, operations: Vec<Operation>) -> Vec<Operation> {
        operations.into_iter().filter(|operation| self.other_file_of(operation).is_none()).collect()
    }

    /// The other fleet file that an operation was planned from, as long as that one is there: its members are not ours.
    pub fn other_file_of<'a>(&self, operation: &'a Operation) -> Option<&'a str> {
        let mut files = operation.plan.steps.iter().filter_map(|step| step.act.member());
        let file = files.next()?.fleet_file.as_str();
        (file != self.parts.fleet.file && Path::new(file).is_file()).then_some(file)
    }

    fn view<'a>(&'a self, half_done: &'a BTreeMap<String, HalfDone>) -> View<'a> {
        View {
            half_done,
            fleet: &self.parts.fleet,
            engines: self.parts.engines.as_ref(),
            hands: self.parts.hands.as_ref(),
            secrets: self.parts.secrets.as_ref(),
        }
    }

    /// Looks at these clusters (all for `None`).
    pub async fn observe(&self, clusters: Option<&[Name]>, depth: Depth, tools: bool) -> FleetSeen {
        let half_done = self.half_done().unwrap_or_default();
        self.view(&half_done).look(&Scope { clusters, depth, tools, ..Scope::default() }).await
    }

    /// Looks briefly at these clusters (all for `None`), and at all members of this fleet that the file does not declare.
    pub async fn survey(&self, clusters: Option<&[Name]>) -> FleetSeen {
        let half_done = self.half_done().unwrap_or_default();
        self.view(&half_done).look(&Scope { clusters, besides: true, ..Scope::default() }).await
    }

    /// Looks, and decides what an aim needs.
    pub async fn decide(&self, aim: &Aim) -> Decision {
        self.decide_on(aim, &self.parts.ids.id(), &[], &BTreeMap::new()).await
    }

    async fn decide_on(
        &self,
        aim: &Aim,
        operation: &str,
        done: &[String],
        found: &BTreeMap<String, serde_json::Value>,
    ) -> Decision {
        let (clusters, depth, tools) = match aim {
            Aim::Apply { clusters } => (clusters.as_slice(), Depth::Full, true),
            Aim::Down { clusters } => (clusters.as_slice(), Depth::Brief, true),
            Aim::Backup { clusters } => (clusters.as_slice(), Depth::Brief, false),
            Aim::Verify { .. } | Aim::Compare { .. } | Aim::Restore { .. } => {
                ([].as_slice(), Depth::Brief, true)
            }
        };
        // Applying asks the vaults too: a member without data whose cluster was backed up has lost it.
        let Shelves { records, unreadable, findings: trouble } = match aim {
            Aim::Verify { .. } | Aim::Compare { .. } | Aim::Restore { .. } => self.records().await,
            Aim::Apply { .. } => {
                let mut shelves = self.records().await;
                // A vault that was never made is made by the first backup.
                let is_new = |name: &str| shelves.records.get(name).is_some_and(Vec::is_empty);
                shelves.findings.retain(|finding| !is_new(&finding.subject));
                shelves
            }
            Aim::Down { .. } | Aim::Backup { .. } => Shelves::default(),
        };
        let more = self.beside(aim, &records);
        let clusters = (!clusters.is_empty()).then_some(clusters);
        let makes_copy = matches!(aim, Aim::Restore { into: Destination::Beside { .. }, .. });
        let besides = makes_copy || matches!(aim, Aim::Apply { .. } | Aim::Down { .. });
        let half_done = self.half_done().unwrap_or_default();
        let scope = Scope { clusters, depth, tools, more: &more, besides };
        let mut seen = self.view(&half_done).look(&scope).await;
        if matches!(aim, Aim::Backup { .. }) {
            // A host whose agent does not answer fails the backups of its members, and no others.
            seen.findings.iter_mut().for_each(observer::spare_others);
        }
        seen.findings.extend(trouble);
        let lacks_data =
            |member: &MemberSeen| member.on_host.as_ref().is_some_and(|on_host| lacks(&on_host.data));
        let created = match aim {
            Aim::Apply { .. } if seen.members.values().any(lacks_data) => self.created(),
            _ => BTreeMap::new(),
        };
        plan::decide(
            &Situation {
                fleet: &self.parts.fleet,
                fleet_digest: &self.parts.fleet_digest,
                seen: &seen,
                engines: self.parts.engines.as_ref(),
                records: &records,
                unreadable: &unreadable,
                created: &created,
                now: self.parts.clock.now(),
                operation,
                done,
                found,
            },
            aim,
        )
    }

    /// The member that a restore beside would make, so that its place is looked at as well.
    fn beside(&self, aim: &Aim, records: &BTreeMap<Name, Vec<Record>>) -> Vec<More> {
        let Aim::Restore { snapshot, into: Destination::Beside { member, port } } = aim else {
            return vec![];
        };
        let mut all = records.values().flatten();
        let cluster = all.find(|record| &record.id().0 == snapshot).map(|record| &record.draft.cluster);
        let Some(cluster) = cluster.and_then(|name| self.parts.fleet.clusters.get(name)) else {
            return vec![];
        };
        let host = match &cluster.first().runtime {
            Runtime::Process { host, .. } => Some(host.clone()),
            Runtime::Managed { .. } => self.parts.fleet.hosts.keys().next().cloned(),
        };
        let Some(host) = host else { return vec![] };
        let listen = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        let runtime = Runtime::Process { host, port: *port, listen };
        let member = MemberSpec { name: member.clone(), runtime };
        vec![More { cluster: cluster.clone(), member, home: None }]
    }

    /// Takes the fleet for a changing command.
    pub fn hold(&self) -> Result<FleetLock> {
        let holder = Holder {
            pid: std::process::id(),
            command: self.parts.command.clone(),
            by: self.parts.by.clone(),
            since: self.parts.clock.now(),
        };
        FleetLock::take(&self.parts.state, &holder)
    }

    /// Refuses a plan that no longer fits: another fleet file, another form, other facts.
    pub async fn still_fits(&self, plan: &Plan) -> Result<()> {
        let refuse = |key: &str| {
            Error::new(Kind::Precondition, Text::new(key)).cure(Text::new("control-plan-stale-cure"))
        };
        if plan.format != FORMAT {
            return Err(refuse("control-plan-other-format"));
        }
        if plan.fleet != self.parts.fleet.name {
            return Err(refuse("control-plan-other-fleet").with("fleet", &plan.fleet));
        }
        if plan.fleet_digest != self.parts.fleet_digest {
            return Err(refuse("control-plan-other-file"));
        }
        let now = self.decide_on(&plan.aim, &plan.operation, &plan.done, &plan.found).await;
        let changed: Vec<_> = now.plan.basis_changes(&plan.basis);
        if changed.is_empty() {
            return Ok(());
        }
        let mut error = refuse("control-plan-stale").with("count", changed.len());
        error.context.extend(changed.iter().take(10).map(plan::Changed::text));
        Err(error)
    }

    /// Carries a plan out; the caller holds the fleet. What a started member then still needs (an account, a database)
    /// is decided and done as well, as long as nobody would notice: a restart is never added to what was read.
    pub async fn run(&self, held: &FleetLock, plan: &Plan, audience: &Arc<dyn Audience>) -> Result<Report> {
        let mut report = self.run_once(held, plan, audience).await?;
        for _ in 1..ROUNDS_MAX {
            if report.ended != Ended::Done || plan.is_empty() || !matches!(plan.aim, Aim::Apply { .. }) {
                break;
            }
            let next = self.decide(&plan.aim).await.plan;
            if next.is_empty() || next.risk() > Some(Risk::Reload) {
                break;
            }
            report.append(self.run_once(held, &next, audience).await?);
        }
        Ok(report)
    }

    async fn run_once(&self, _held: &FleetLock, plan: &Plan, audience: &Arc<dyn Audience>) -> Result<Report> {
        if plan.is_empty() {
            return Ok(Report::default());
        }
        let half_done = self.half_done()?;
        let executor = Executor {
            view: self.view(&half_done),
            journal: self.parts.journal.as_ref(),
            clock: self.parts.clock.as_ref(),
            by: &self.parts.by,
        };
        let mut report = executor.run(&self.parts.ids.id(), plan, audience).await?;
        if report.ended != Ended::Done {
            report.instead = self.waits_in_its_place(plan, &report.operation);
        }
        Ok(report)
    }

    /// The operation that waits where this plan's restore goes, unless it is that restore itself.
    fn waits_in_its_place(&self, plan: &Plan, operation: &str) -> Option<String> {
        let waits = self.half_done().ok()?.remove(&plan.restores_into()?)?;
        (waits.operation != operation).then_some(waits.operation)
    }

    /// The newest operation that waits to be carried on: one that never ended, or a restore that ended half way, while
    /// none has reached its aim since nor put something else in its place; or one that was stopped on request with nothing
    /// done well since.
    pub fn interrupted(&self) -> Result<Option<Operation>> {
        let is_own = |operation: &Operation| operation.plan.fleet == self.parts.fleet.name;
        let half_done = not_over(self.restores(RECENT)?).into_iter().filter(is_open);
        let (own, former): (Vec<_>, Vec<_>) = half_done.partition(is_own);
        if let Some(newest) = own.into_iter().next() {
            return Ok(Some(newest));
        }
        let mut done_since = false;
        for operation in not_over(self.recent(RECENT)?) {
            match operation.result {
                Some(Ended::Done) => done_since = true,
                None => return Ok(Some(operation)),
                Some(Ended::Cancelled) if !done_since => return Ok(Some(operation)),
                Some(_) => {}
            }
        }
        // Under a name that the fleet had it can only be given up, or waits for that name.
        Ok(former.into_iter().next())
    }

    /// The restores that ended half way, by where they go.
    fn half_done(&self) -> Result<BTreeMap<String, HalfDone>> {
        let mut found = BTreeMap::new();
        for operation in not_over(self.restores(RECENT)?) {
            if let (true, Some(place)) = (is_open(&operation), operation.plan.restores_into()) {
                let is_part = operation.began_to_load() && !operation.has_loaded();
                let half = HalfDone { operation: operation.id, is_part };
                found.entry(place).or_insert(half);
            }
        }
        Ok(found)
    }

    /// Whether a later restore put the same, or something else, in the place of this one, however it ended.
    pub fn is_replaced(&self, operation: &Operation) -> Result<bool> {
        let later = self.restores(usize::MAX)?.into_iter();
        let mut later = later.take_while(|later| later.id != operation.id).filter(has_ended_well);
        let is_restore = matches!(operation.plan.aim, Aim::Restore { .. });
        Ok(is_restore
            && later.any(|later| later.plan.replaces(&operation.plan) || later.is_same_server(operation)))
    }

    /// The newest operation of all, if it failed: nothing was done since that would make another try strange.
    pub fn failed(&self) -> Result<Option<Operation>> {
        let newest = self.recent(1)?.into_iter().next();
        Ok(newest.filter(|operation| operation.result == Some(Ended::Failed)))
    }

    /// Decides how an interrupted operation's aim is reached from where the world is now.
    pub async fn decide_resumption(&self, operation: &Operation) -> Decision {
        let plan = &operation.plan;
        let (mut done, mut found) = (plan.done.clone(), plan.found.clone());
        for step in &operation.steps {
            // That a server was found empty holds until a load begins: what is there since may be anybody's.
            let is_stale = |id: &str| {
                let found_empty = |step: &Step| step.id == id && matches!(step.act, Act::RequireEmpty(_));
                !operation.began_to_load() && plan.steps.iter().any(found_empty)
            };
            if let Some(Ok(outcome)) = &step.outcome
                && !is_stale(&step.step)
            {
                done.push(step.step.clone());
                found.extend(outcome.found.clone().map(|found| (step.step.clone(), found)));
            }
        }
        self.decide_on(&plan.aim, &plan.operation, &done, &found).await
    }

    /// Marks an operation as one that nobody will carry on, and with it all that wait at the same place.
    pub fn give_up(&self, _held: &FleetLock, operation: &Operation) -> Result<()> {
        let place = operation.plan.restores_into();
        for other in self.restores(RECENT)? {
            if place.is_some() && is_open(&other) && other.plan.restores_into() == place {
                self.parts.journal.end(&other.id, self.parts.clock.now(), Ended::GivenUp)?;
            }
        }
        self.parts.journal.end(&operation.id, self.parts.clock.now(), Ended::GivenUp)
    }

    /// Marks an interrupted operation as carried on, once the one that carries it on has ended. A restore's that ended
    /// before it changed anything leaves it to wait: what is half done there is still the first one's.
    pub fn resumed(&self, operation: &Operation) -> Result<()> {
        let next = self.recent(1)?.into_iter().next();
        if operation.is_half_done() && next.is_some_and(|next| !next.took_over()) {
            return Ok(());
        }
        // And those before it that went to the same place: it had taken their work over.
        let place = operation.plan.restores_into();
        let restores = self.restores(RECENT)?.into_iter();
        for before in restores.skip_while(|other| other.id != operation.id).skip(1) {
            if place.is_some() && is_open(&before) && before.plan.restores_into() == place {
                self.parts.journal.end(&before.id, self.parts.clock.now(), Ended::Resumed)?;
            }
        }
        self.parts.journal.end(&operation.id, self.parts.clock.now(), Ended::Resumed)
    }
}

const fn lacks(data: &DataSeen) -> bool {
    matches!(data, DataSeen::Absent | DataSeen::Unfinished | DataSeen::HalfLoaded)
}

/// Operations, newest first, without those whose aim was reached since, or in whose place something else was put.
fn not_over(operations: Vec<Operation>) -> Vec<Operation> {
    let is_over = |(at, operation): &(usize, &Operation)| {
        let mut later = operations[..*at].iter();
        later.any(|later| has_ended_well(later) && later.plan.replaces(&operation.plan))
    };
    let left: Vec<bool> = operations.iter().enumerate().map(|one| !is_over(&one)).collect();
    operations.into_iter().zip(left).filter_map(|(operation, left)| left.then_some(operation)).collect()
}

/// Whether what it was for is done, or what it restored is where it was to go.
fn has_ended_well(operation: &Operation) -> bool {
    operation.result == Some(Ended::Done) || operation.has_loaded()
}

/// Whether it is a restore that ended half way, and nobody carried it on or gave it up.
fn is_open(operation: &Operation) -> bool {
    matches!(operation.result, None | Some(Ended::Failed | Ended::Cancelled)) && operation.is_half_done()
}

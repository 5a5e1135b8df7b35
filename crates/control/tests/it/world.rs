//! A controller over a scripted hand. The hand is a fake on purpose: what is shown here (an act that says "done" and
//! changed nothing, a precondition lost in between, a clock that goes back) no real server can be made to do on demand.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use roadstead_control::{Audience, Controller, Hands, Parts, SqliteJournal};
use roadstead_core::{
    Error, Kind, Millis, Result, Secret, SecretRef, Text, Timestamp,
    model::{ClusterSpec, Fleet, HostSpec, MemberHome, MemberSpec, Name, Runtime, VaultSpec},
    plan::{Act, Aim, Condition, FORMAT, LoadTask, MemberTask, Plan, SnapshotTask, Standing, Step, Target},
    port::{
        Clock, Engine, Engines, Hand, Ids, Journal, Progress, Secrets, Vault, Vaults, Watch,
        hand::{LookAsk, Looked, Order, Outcome, Purse},
        journal::{Ended, Operation},
        vault::SnapshotId,
    },
    seen::{DataSeen, HostSeen, MemberSeen, OnHost, ProcessSeen, Reach},
};

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a good name")
}

/// What the scripted hand does: runs and stops members in its mind.
#[derive(Default)]
pub(crate) struct Script {
    /// Members that run.
    pub(crate) running: Mutex<Vec<String>>,
    /// Steps that were carried out.
    pub(crate) acted: Mutex<Vec<String>>,
    /// Members whose start says "done" and does nothing.
    pub(crate) liars: Vec<String>,
    /// Members whose start fails.
    pub(crate) broken: Vec<String>,
    /// How many looks at members that run get no answer.
    pub(crate) silent: AtomicI64,
}

#[async_trait]
impl Hand for Script {
    async fn look(&self, ask: &LookAsk, _: &Purse) -> Result<Looked> {
        let running = self.running.lock().expect("no test panics with it").clone();
        let members = ask.members.iter().map(|asked| {
            let runs = running.contains(&asked.member.name.to_string());
            let process =
                if runs { ProcessSeen::Running { pid: 1, restarts: 0 } } else { ProcessSeen::Stopped };
            let on_host =
                OnHost { data: DataSeen::Absent, process, files: BTreeMap::new(), free: None, listens: None };
            let is_silent = runs && self.silent.fetch_sub(1, Ordering::SeqCst) > 0;
            let silence = || Error::new(Kind::Unreachable, Text::new("silent"));
            let reach = match runs {
                true if is_silent => Reach::Unreachable(silence()),
                true => Reach::Running,
                false => Reach::Stopped,
            };
            let seen = MemberSeen { on_host: Some(on_host), reach, facts: None, took: Millis(0) };
            (asked.member.name.clone(), seen)
        });
        Ok(Looked { host: HostSeen::default(), members: members.collect(), ..Looked::default() })
    }

    async fn act(&self, order: &Order, _: &Purse, watch: &dyn Watch) -> Result<Outcome> {
        watch.progress(Progress { phase: Text::new("t"), done: 0, total: None });
        self.acted.lock().expect("no test panics with it").push(order.step.clone());
        let member = order.act.member().expect("scripts act on members").member.name.to_string();
        if self.broken.contains(&member) {
            return Err(Error::new(Kind::Failed, Text::new("broken")));
        }
        let mut running = self.running.lock().expect("no test panics with it");
        match order.act {
            Act::Start(_) if !self.liars.contains(&member) => running.push(member),
            Act::Stop(_) => running.retain(|other| *other != member),
            _ => {}
        }
        Ok(Outcome { changed: true, ..Outcome::default() })
    }
}

struct OneHand(Arc<Script>);

#[async_trait]
impl Hands for OneHand {
    async fn of(&self, _: Option<&Name>) -> Result<Arc<dyn Hand>> {
        Ok(Arc::clone(&self.0) as Arc<dyn Hand>)
    }
}

struct Nothing;

impl Engines for Nothing {
    fn all(&self) -> Vec<Arc<dyn Engine>> {
        vec![]
    }
}

#[async_trait]
impl Vaults for Nothing {
    async fn init(&self, _: &VaultSpec, _: &Secret) -> Result<Arc<dyn Vault>> {
        Err(Error::internal("no vault here"))
    }

    async fn is_there(&self, _: &VaultSpec) -> Result<bool> {
        Ok(false)
    }

    async fn open(&self, _: &VaultSpec, _: &Secret) -> Result<Arc<dyn Vault>> {
        Err(Error::internal("no vault here"))
    }
}

impl Secrets for Nothing {
    fn resolve(&self, _: &SecretRef) -> Result<Secret> {
        Ok(Secret::new("s"))
    }
}

/// A clock that goes back by a minute at every look.
#[derive(Default)]
pub(crate) struct Backwards(AtomicI64);

impl Clock for Backwards {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 - self.0.fetch_add(60_000, Ordering::SeqCst))
    }
}

#[derive(Default)]
struct Counting(AtomicI64);

impl Ids for Counting {
    fn id(&self) -> String {
        format!("{:032x}", self.0.fetch_add(1, Ordering::SeqCst))
    }

    fn password(&self) -> Secret {
        Secret::new("p")
    }
}

/// Hears nothing; stops everything once it is told to.
#[derive(Default)]
pub(crate) struct Quiet {
    pub(crate) stop_after: Option<String>,
    pub(crate) stopped: AtomicBool,
}

impl Audience for Quiet {
    fn begins(&self, _: &Step) {}

    fn progresses(&self, _: &Step, _: Progress) {}

    fn ends(&self, step: &Step, _: &std::result::Result<Outcome, Error>) {
        if self.stop_after.as_deref() == Some(step.id.as_str()) {
            self.stopped.store(true, Ordering::SeqCst);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

/// A journal whose disk is full from the given record on: no disk fills up at one record on demand.
pub(crate) struct Full {
    pub(crate) journal: SqliteJournal,
    pub(crate) left: AtomicI64,
}

impl Full {
    fn room(&self) -> Result<()> {
        let full = || Error::new(Kind::Exhausted, Text::new("full"));
        if self.left.fetch_sub(1, Ordering::SeqCst) > 0 { Ok(()) } else { Err(full()) }
    }
}

impl Journal for Full {
    fn begin(&self, id: &str, plan: &Plan, by: &str, at: Timestamp) -> Result<()> {
        self.room().and_then(|()| self.journal.begin(id, plan, by, at))
    }

    fn started(&self, operation: &str, step: &str, at: Timestamp) -> Result<()> {
        self.room().and_then(|()| self.journal.started(operation, step, at))
    }

    fn finished(&self, operation: &str, step: &str, at: Timestamp, outcome: &Result<Outcome>) -> Result<()> {
        self.room().and_then(|()| self.journal.finished(operation, step, at, outcome))
    }

    fn end(&self, operation: &str, at: Timestamp, result: Ended) -> Result<()> {
        self.room().and_then(|()| self.journal.end(operation, at, result))
    }

    fn operation(&self, id: &str) -> Result<Operation> {
        self.journal.operation(id)
    }

    fn recent(&self, limit: usize) -> Result<Vec<Operation>> {
        self.journal.recent(limit)
    }

    fn of_all_fleets(&self, limit: usize) -> Result<Vec<Operation>> {
        self.journal.of_all_fleets(limit)
    }

    fn restores(&self, limit: usize) -> Result<Vec<Operation>> {
        self.journal.restores(limit)
    }
}

/// The controller, its script and its folder.
pub(crate) struct World {
    pub(crate) controller: Controller,
    pub(crate) script: Arc<Script>,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new(script: Script) -> Self {
        Self::keeping(script, |journal| Arc::new(journal))
    }

    /// A world whose journal is kept by this.
    pub(crate) fn keeping(script: Script, journal: impl Fn(SqliteJournal) -> Arc<dyn Journal>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let script = Arc::new(script);
        let path = folder.path().join("state.sqlite");
        let kept = SqliteJournal::open(&path, &name("f"), "/f/fleet.yaml").expect("a journal");
        let host = HostSpec { name: name("local"), data: "/d".into(), programs: vec![], user: None };
        let fleet = Fleet {
            name: name("f"),
            directory: "/f".into(),
            file: "/f/fleet.yaml".into(),
            vaults: BTreeMap::new(),
            hosts: [(name("local"), host)].into(),
            clusters: BTreeMap::new(),
        };
        let parts = Parts {
            fleet,
            fleet_digest: "digest".into(),
            state: folder.path().to_owned(),
            engines: Arc::new(Nothing),
            vaults: Arc::new(Nothing),
            hands: Arc::new(OneHand(Arc::clone(&script))),
            journal: journal(kept),
            clock: Arc::new(Backwards::default()),
            ids: Arc::new(Counting::default()),
            secrets: Arc::new(Nothing),
            by: "t@h".into(),
            command: "roadstead test".into(),
        };
        Self { controller: Controller::new(parts), script, _folder: folder }
    }

    pub(crate) fn acted(&self) -> Vec<String> {
        self.script.acted.lock().expect("no test panics with it").clone()
    }
}

fn task(member: &str) -> MemberTask {
    let host = HostSpec { name: name("local"), data: "/d".into(), programs: vec![], user: None };
    let listen = std::net::IpAddr::from([127, 0, 0, 1]);
    let runtime = Runtime::Process { host: name("local"), port: 1, listen };
    let spec = MemberSpec { name: name(member), runtime };
    MemberTask {
        fleet: name("f"),
        fleet_file: "/f/fleet.yaml".into(),
        cluster: ClusterSpec {
            name: name(&format!("c-{member}")),
            engine: "e".into(),
            version: None,
            memory: None,
            members: vec![spec.clone()],
            databases: vec![],
            roles: BTreeMap::new(),
            settings: BTreeMap::new(),
            backup: None,
        },
        home: Some(MemberHome::new(&host, &name("f"), &spec.name)),
        member: spec,
        host,
        layout: None,
    }
}

/// A step that starts or stops a member, and proves it.
pub(crate) fn step(verb: &str, member: &str) -> Step {
    let task = task(member);
    let target = Target {
        host: Some(name("local")),
        cluster: Some(task.cluster.name.clone()),
        member: Some(name(member)),
        ..Target::default()
    };
    let (running, stopped) = (Condition::Running(name(member)), Condition::Stopped(name(member)));
    let (requires, act, proves) = match verb {
        "start" => (vec![stopped], Act::Start(task), vec![running]),
        _ => (vec![running], Act::Stop(task), vec![stopped]),
    };
    Step {
        id: format!("{verb}-{member}"),
        title: Text::new("t"),
        target,
        risk: None,
        requires,
        act,
        proves,
        undo: None,
    }
}

fn about_snapshot(verb: &str, member: &str, act: impl Fn(LoadTask) -> Act) -> Step {
    let other = step("start", member);
    let Act::Start(task) = other.act else { unreachable!("it starts") };
    let key = SecretRef::Env("KEY".into());
    let vault = VaultSpec { name: name("v"), url: "/v".into(), key };
    let snapshot = SnapshotTask { vault, snapshot: SnapshotId("a".repeat(64)) };
    let task = LoadTask { snapshot, member: task, standing: Standing::Loaded, again: None };
    Step { id: format!("{verb}-{member}"), requires: vec![], act: act(task), proves: vec![], ..other }
}

/// The step that loads a snapshot into a member.
pub(crate) fn load(member: &str) -> Step {
    about_snapshot("load", member, Act::Load)
}

/// The step that compares a member with a snapshot.
pub(crate) fn compare(member: &str) -> Step {
    about_snapshot("compare", member, Act::Compare)
}

/// A plan of these steps.
pub(crate) fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        format: FORMAT,
        fleet: name("f"),
        fleet_digest: "digest".into(),
        aim: Aim::Apply { clusters: vec![] },
        made: Timestamp::from_millis(0),
        operation: "op".into(),
        done: vec![],
        found: BTreeMap::new(),
        basis: BTreeMap::new(),
        steps,
    }
}

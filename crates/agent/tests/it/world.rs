//! A host of its own for each test: a folder, a free port, a hand.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use roadstead_agent::{LocalHand, Parts, SystemClock, SystemIds};
use roadstead_core::{
    Result, Secret, SecretRef,
    model::{BackupSpec, ClusterSpec, HostSpec, MemberHome, MemberSpec, Name, Runtime, VaultSpec},
    plan::{Act, LoadTask, MemberTask, ProveTask, SnapshotTask, Standing, TakeTask},
    port::{
        Engine, Hand, Order, Outcome, Progress, Watch,
        ambient::Unwatched,
        engine::{Depth, Purpose, RenderAsk},
        hand::{LookAsk, LookMember, Looked, Purse},
        vault::SnapshotId,
    },
    seen::{Aside, DataSeen, HostSeen, MemberSeen, ProcessSeen},
};
use roadstead_testkit::{place, wait};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    tiny::{self, OnlyTiny, Tiny},
    vault::{MemoryVault, VAULT_KEY},
};

/// How long anything may take at most.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn key() -> SecretRef {
    SecretRef::Env("VAULT_KEY".into())
}

/// A folder that other users may pass through, gone afterwards.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::Builder::new().prefix("rs").tempdir().expect("a folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("opened");
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A host with one member in a fleet. Dropped, every server in its folder is ended.
pub(crate) struct World {
    pub(crate) folder: Folder,
    pub(crate) vault: MemoryVault,
    pub(crate) cluster: ClusterSpec,
    /// The name of the fleet's file in the folder.
    pub(crate) file: String,
}

/// What a hand is made of in these tests.
pub(crate) fn parts(vault: &MemoryVault) -> Parts {
    Parts {
        engines: Arc::new(OnlyTiny),
        vaults: Arc::new(vault.clone()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Only servers that work in this test's own folder, whatever became of the test.
        for entry in std::fs::read_dir("/proc").expect("listed").flatten() {
            let inside = std::fs::read_link(entry.path().join("cwd"))
                .is_ok_and(|folder| folder.starts_with(self.folder.path()));
            if let (true, Some(Ok(pid))) = (inside, entry.file_name().to_str().map(str::parse::<i32>)) {
                let _ = kill_process(Pid::from_raw(pid).expect("a pid"), Signal::KILL);
            }
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::Process {
            host: name("local"),
            port: place::free_port(),
            listen: "127.0.0.1".parse().expect("an address"),
        };
        let cluster = ClusterSpec {
            name: name("words"),
            engine: tiny::NAME.into(),
            version: None,
            memory: None,
            members: vec![MemberSpec { name: name("words-1"), runtime }],
            databases: Vec::new(),
            roles: BTreeMap::new(),
            settings: BTreeMap::new(),
            backup: Some(BackupSpec { vault: name("safe") }),
        };
        Self { folder: Folder::new(), vault: MemoryVault::default(), cluster, file: "fleet.yaml".into() }
    }

    pub(crate) fn with(mut self, fault: &str, value: &str) -> Self {
        self.cluster.settings.insert(fault.into(), value.into());
        self
    }

    pub(crate) fn hand(&self) -> LocalHand {
        LocalHand::new(parts(&self.vault))
    }

    pub(crate) fn host(&self) -> HostSpec {
        HostSpec {
            name: name("local"),
            data: self.folder.path().join("d").display().to_string(),
            programs: Vec::new(),
            user: None,
        }
    }

    pub(crate) fn home(&self) -> MemberHome {
        MemberHome::new(&self.host(), &name("harbour"), &self.cluster.first().name)
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        Path::new(&self.home().root).join(below)
    }

    pub(crate) fn port(&self) -> u16 {
        self.cluster.first().endpoint().1
    }

    /// The member with its layout.
    pub(crate) async fn task(&self) -> MemberTask {
        let ask = LookAsk { tools: true, ..self.ask(vec![]) };
        let seen = self.hand().look(&ask, &Purse::new()).await.expect("a look at the host").host;
        self.task_seen(&seen)
    }

    fn task_seen(&self, seen: &HostSeen) -> MemberTask {
        let (host, home) = (self.host(), self.home());
        let ask = RenderAsk {
            cluster: &self.cluster,
            member: self.cluster.first(),
            host: &host,
            seen,
            home: &home,
            purpose: Purpose::Member,
            version: None,
        };
        let layout = Tiny.deploy().expect("it deploys").render(&ask).expect("a layout");
        MemberTask {
            fleet: name("harbour"),
            fleet_file: self.fleet_file(),
            cluster: self.cluster.clone(),
            member: self.cluster.first().clone(),
            host,
            home: Some(home),
            layout: Some(Box::new(layout)),
        }
    }

    pub(crate) fn order(act: Act) -> Order {
        Order { step: "1".into(), operation: "o".into(), by: "ann@quay".into(), fleet: name("harbour"), act }
    }

    pub(crate) fn purse() -> Purse {
        [(key(), Secret::new(VAULT_KEY))].into()
    }

    pub(crate) async fn act(&self, hand: &dyn Hand, act: Act) -> Result<Outcome> {
        self.act_watched(hand, act, &Unwatched).await
    }

    pub(crate) async fn act_watched(&self, hand: &dyn Hand, act: Act, watch: &dyn Watch) -> Result<Outcome> {
        hand.act(&Self::order(act), &Self::purse(), watch).await
    }

    /// Creates and starts the member.
    pub(crate) async fn up(&self, hand: &dyn Hand) -> MemberTask {
        let task = self.task().await;
        self.act(hand, Act::Create(task.clone())).await.expect("created");
        self.act(hand, Act::Start(task.clone())).await.expect("started");
        task
    }

    pub(crate) async fn down(&self, hand: &dyn Hand) {
        self.act(hand, Act::Stop(self.task().await)).await.expect("stopped");
    }

    pub(crate) async fn look(&self, hand: &dyn Hand) -> Looked {
        let member = LookMember {
            cluster: self.cluster.clone(),
            member: self.cluster.first().clone(),
            home: Some(self.home()),
            settings: Vec::new(),
        };
        hand.look(&self.ask(vec![member]), &Purse::new()).await.expect("a look")
    }

    /// A brief look at these members alone.
    pub(crate) fn ask(&self, members: Vec<LookMember>) -> LookAsk {
        LookAsk {
            host: self.host(),
            members,
            depth: Depth::Brief,
            tools: false,
            fleet: name("harbour"),
            fleet_file: self.fleet_file(),
            besides: None,
        }
    }

    /// The fleet's file; it need not be there.
    pub(crate) fn fleet_file(&self) -> String {
        self.folder.path().join(&self.file).display().to_string()
    }

    pub(crate) async fn seen(&self, hand: &dyn Hand) -> MemberSeen {
        let mut looked = self.look(hand).await;
        looked.members.remove(&self.cluster.first().name).expect("the member was looked at")
    }

    pub(crate) async fn data(&self, hand: &dyn Hand) -> DataSeen {
        self.seen(hand).await.on_host.expect("its host knows it").data
    }

    /// What was set aside.
    pub(crate) async fn asides(&self, hand: &dyn Hand) -> Vec<Aside> {
        let ask = LookAsk { besides: Some(vec![]), ..self.ask(vec![]) };
        hand.look(&ask, &Purse::new()).await.expect("a look").asides
    }

    /// The server's process; `None`: none runs.
    pub(crate) async fn pid(&self, hand: &dyn Hand) -> Option<u32> {
        match self.seen(hand).await.on_host.expect("its host knows it").process {
            ProcessSeen::Running { pid, .. } => Some(pid),
            _ => None,
        }
    }

    pub(crate) fn snapshot(id: char) -> SnapshotTask {
        let safe = VaultSpec { name: name("safe"), url: "/nowhere".into(), key: key() };
        SnapshotTask { vault: safe, snapshot: SnapshotId(String::from(id).repeat(32)) }
    }

    pub(crate) fn take(member: MemberTask, id: char) -> Act {
        let SnapshotTask { vault, snapshot } = Self::snapshot(id);
        Act::Take(TakeTask { member, vault, snapshot, set: "set".into() })
    }

    pub(crate) fn prove(&self, id: char) -> Act {
        Act::Prove(ProveTask {
            snapshot: Self::snapshot(id),
            cluster: self.cluster.clone(),
            host: self.host(),
            fleet: name("harbour"),
        })
    }

    pub(crate) fn load(member: MemberTask, id: char) -> LoadTask {
        LoadTask { snapshot: Self::snapshot(id), member, standing: Standing::Loaded, again: None }
    }
}

/// A watcher that may wish the act stopped.
#[derive(Default)]
pub(crate) struct Wish(pub(crate) AtomicBool);

impl Watch for Wish {
    fn progress(&self, _: Progress) {}

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Sends a signal to a process that a test's own hand started.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
    kill_process(pid, signal).expect("signalled");
}

/// Whether a process of this number executes anything.
pub(crate) fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Waits until the answer is there.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, ask: impl FnMut() -> F) -> T {
    wait::until_answered(what, SOON, ask).await
}

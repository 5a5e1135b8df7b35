//! A real server of any engine from its rendered layout, and the shortest ways to look at, dump and load it.

use std::{collections::BTreeMap, process::Command, sync::Arc};

use roadstead_core::{
    Bytes, Error, Finding, Millis, Result, Secret, SecretRef, Timestamp,
    manifest::{Comparison, Manifest, compare},
    model::{ClusterSpec, HostSpec, May, MemberSpec, Name, RoleSpec, Runtime},
    port::{
        Engine, Layout, Link, Secrets, Source as _, Watch,
        ambient::Unwatched,
        engine::{Depth, Lived, LoadAsk, Purpose, RenderAsk},
        vault::{Draft, Dumped, Record, SnapshotId},
    },
    seen::{Facts, HostSeen, Tool, Tools},
};
use roadstead_testkit::{
    memory::{MemorySink, MemorySource},
    place,
    stage::{Place, Stage},
};

use crate::subject::Subject;

/// The administrator's password on every server; needs quoting wherever it can.
pub(crate) const PASSWORD: &str = "Adm1n'istrator\\";
/// A part of it that no quoting changes.
pub(crate) const NEEDLE: &str = "Adm1n";

/// One server with the place it lives in.
pub(crate) struct Server<S> {
    pub(crate) stage: Stage,
    pub(crate) link: Link,
    pub(crate) cluster: ClusterSpec,
    pub(crate) place: Place,
    pub(crate) subject: S,
}

/// Secrets whose reference is `${env:…}` and whose value is that name.
pub(crate) struct NamedSecrets;

impl Secrets for NamedSecrets {
    fn resolve(&self, reference: &SecretRef) -> Result<Secret> {
        match reference {
            SecretRef::Env(name) => Ok(Secret::new(name.clone())),
            other => panic!("no secret {other}"),
        }
    }
}

pub(crate) fn engine<S: Subject>() -> Arc<dyn Engine> {
    roadstead_engines::registry().get(S::ENGINE).expect("this build has the engine")
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// An account whose password [`NamedSecrets`] knows.
pub(crate) fn role(password: &str, may: May, on: &[&str]) -> RoleSpec {
    let on = on.iter().map(|&name| name.to_owned()).collect();
    RoleSpec { password: Some(SecretRef::Env(password.to_owned())), may, on }
}

/// All programs of the engine on this machine, of all versions.
pub(crate) fn tools<S: Subject>() -> Tools {
    let engine = engine::<S>();
    let mut found = Vec::new();
    for need in engine.profile().tools {
        let paths =
            S::folders().into_iter().flat_map(|folder| need.files.iter().map(move |file| folder.join(file)));
        for path in paths {
            let Ok(output) = Command::new(&path).args(need.version_args).output() else { continue };
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            let (version, flavour) = engine.tool_version(need.name, &printed).expect("a version");
            let (engine, name) = (S::ENGINE.to_owned(), need.name.to_owned());
            found.push(Tool { engine, name, path: path.display().to_string(), version, flavour });
        }
    }
    assert!(!found.is_empty(), "no program of {} on this machine: cargo xtask servers", S::ENGINE);
    Tools(found)
}

pub(crate) fn cluster<S: Subject>(subject: S) -> ClusterSpec {
    let listen = [127, 0, 0, 1].into();
    let runtime = Runtime::Process { host: name("local"), port: place::free_port(), listen };
    let mut cluster = ClusterSpec {
        name: name("orders"),
        engine: S::ENGINE.into(),
        version: subject.version(),
        memory: Some(Bytes::mib(256)),
        members: vec![MemberSpec { name: name("orders-1"), runtime }],
        databases: Vec::new(),
        roles: BTreeMap::new(),
        settings: BTreeMap::new(),
        backup: None,
    };
    subject.declare(&mut cluster);
    cluster
}

/// The layout, or what stands against it.
pub(crate) fn rendered<S: Subject>(
    cluster: &ClusterSpec,
    place: &Place,
    purpose: Purpose,
) -> Result<Layout, Vec<Finding>> {
    let data = place.path().display().to_string();
    let host = HostSpec { name: name("local"), data, programs: vec![], user: None };
    let seen = HostSeen { tools: Some(tools::<S>()), ..HostSeen::default() };
    let (home, member) = (place.home(), cluster.first());
    let ask = RenderAsk { cluster, member, host: &host, seen: &seen, home: &home, purpose, version: None };
    engine::<S>().deploy().expect("the facet").render(&ask)
}

pub(crate) fn layout<S: Subject>(cluster: &ClusterSpec, place: &Place, purpose: Purpose) -> Layout {
    rendered::<S>(cluster, place, purpose).expect("a layout")
}

impl<S: Subject> Server<S> {
    /// A plain member without clients' data.
    pub(crate) async fn member(subject: S) -> Self {
        Self::start(subject, cluster(subject), Purpose::Member).await
    }

    /// A throw-away one.
    pub(crate) async fn scratch(subject: S) -> Self {
        Self::start(subject, cluster(subject), Purpose::Scratch).await
    }

    pub(crate) async fn start(subject: S, cluster: ClusterSpec, purpose: Purpose) -> Self {
        Self::of(subject, cluster, Place::new(), purpose).await
    }

    /// Starts it in this place; on the data that is there, if any is.
    pub(crate) async fn of(subject: S, cluster: ClusterSpec, place: Place, purpose: Purpose) -> Self {
        let layout = layout::<S>(&cluster, &place, purpose);
        let mut server = Self::begin(subject, place, &layout, cluster).await;
        server.ready().await;
        server
    }

    /// Starts it without waiting for its answer.
    pub(crate) async fn begin(subject: S, place: Place, layout: &Layout, cluster: ClusterSpec) -> Self {
        let stage = Stage::start(layout, &place.home(), &Secret::new(PASSWORD)).await;
        let link = Link { deadline: Millis::seconds(20), ..stage.link(&tools::<S>(), place.path()) };
        Self { stage, link, cluster, place, subject }
    }

    /// Waits until it answers.
    pub(crate) async fn ready(&mut self) {
        let (link, cluster) = (self.link.clone(), self.cluster.clone());
        let probe = || async { look::<S>(&link, &cluster, Depth::Brief).await.map(drop) };
        self.stage.answering(probe).await;
    }

    pub(crate) async fn stop(self) -> Place {
        self.stage.stop().await;
        self.place
    }

    /// Its facts with all that a plan wants.
    pub(crate) async fn look(&self) -> Facts {
        let engine = engine::<S>();
        let settings = engine.deploy().expect("the facet").settings_of_interest(&self.cluster);
        let observe = engine.observe().expect("the facet");
        observe.look(&self.link, &self.cluster, Depth::Full, &settings).await.expect("a look")
    }

    /// The same server through another account, as a backup would come: unable to write.
    pub(crate) fn link_as(&self, user: &str, password: &str) -> Link {
        Link { user: user.into(), password: Some(Secret::new(password)), ..self.link_to_read() }
    }

    /// The administrator's way to it, unable to write.
    pub(crate) fn link_to_read(&self) -> Link {
        Link { may_write: false, ..self.link.clone() }
    }

    /// Its link with another deadline.
    pub(crate) fn link_within(&self, deadline: Millis) -> Link {
        Link { deadline, ..self.link.clone() }
    }

    /// Dumps through a link that may not write.
    pub(crate) async fn dump(&self) -> (Dumped, MemorySource) {
        let mut sink = MemorySink::default();
        let dumped = dump::<S>(&self.link_to_read(), &self.cluster, &mut sink, &Unwatched).await;
        (dumped.unwrap_or_else(|error| panic!("a dump: {error:?}")), sink.source())
    }

    /// A fresh private server with this snapshot in it, as a proof makes it, and what the load told.
    pub(crate) async fn restored(
        subject: S,
        purpose: Purpose,
        (dumped, source): (&Dumped, &MemorySource),
        watch: &dyn Watch,
    ) -> Result<(Self, Vec<Finding>)> {
        let (cluster, place) = (cluster(subject), Place::new());
        let layout = layout::<S>(&cluster, &place, purpose);
        Stage::create(&layout, &place.home(), &Secret::new(PASSWORD)).await;
        let record = record::<S>(dumped, source);
        let ask = LoadAsk {
            record: &record,
            private_target: true,
            keep_accounts: vec![layout.admin.clone()],
            before: None,
        };
        let engine = engine::<S>();
        let backup = engine.backup().expect("the facet");
        backup.seed(source, &layout, &ask, watch).await?;
        let mut server = Self::begin(subject, place, &layout, cluster).await;
        server.ready().await;
        let findings = backup.load(source, &server.link, &ask, watch).await?;
        Ok((server, findings))
    }

    /// Loads by protocol alone, as into a server that somebody else runs.
    pub(crate) async fn load_by_address(
        &self,
        dumped: &Dumped,
        source: &MemorySource,
    ) -> Result<Vec<Finding>> {
        load::<S>(&self.link, dumped, source, false).await
    }

    /// The same with a watch.
    pub(crate) async fn load_watched(
        &self,
        dumped: &Dumped,
        source: &MemorySource,
        watch: &dyn Watch,
    ) -> Result<Vec<Finding>> {
        let record = record::<S>(dumped, source);
        let ask = self.ask_by_address(&record, None).await;
        engine::<S>().backup().expect("the facet").load(source, &self.link, &ask, watch).await
    }

    /// What is here before a load by address, for which the server is fit.
    pub(crate) async fn fits(&self, dumped: &Dumped, source: &MemorySource) -> Result<serde_json::Value> {
        let record = record::<S>(dumped, source);
        let ask = self.ask_by_address(&record, None).await;
        engine::<S>().backup().expect("the facet").fits(source, &self.link_to_read(), &ask).await
    }

    /// Takes out what a load by address left.
    pub(crate) async fn clear(
        &self,
        dumped: &Dumped,
        source: &MemorySource,
        before: &serde_json::Value,
    ) -> Result<()> {
        let record = record::<S>(dumped, source);
        let ask = self.ask_by_address(&record, Some(before.clone())).await;
        engine::<S>().backup().expect("the facet").clear(source, &self.link, &ask).await
    }

    async fn ask_by_address<'a>(&self, record: &'a Record, before: Option<serde_json::Value>) -> LoadAsk<'a> {
        let engine = engine::<S>();
        let own = engine.inspect().expect("the facet").own_accounts(&self.link_to_read()).await;
        LoadAsk { record, private_target: false, keep_accounts: own.expect("the accounts"), before }
    }

    /// Whether a load would meet something here.
    pub(crate) async fn is_occupied(&self) -> bool {
        let engine = engine::<S>();
        let inspect = engine.inspect().expect("the facet");
        inspect.occupied(&self.link_to_read()).await.expect("an answer").is_some()
    }

    pub(crate) async fn manifest(&self) -> Manifest {
        let (engine, link) = (engine::<S>(), self.link_to_read());
        let inspect = engine.inspect().expect("the facet");
        inspect.manifest(&link, &self.cluster, &Unwatched).await.expect("a manifest")
    }

    /// Compares this server, that serves nobody, with what was dumped.
    pub(crate) async fn compared(&self, dumped: &Dumped) -> Comparison {
        let engine = engine::<S>();
        let inspect = engine.inspect().expect("the facet");
        let keep = [self.link.user.clone()];
        let (original, copy) =
            inspect.comparable(dumped.manifest.clone(), self.manifest().await, Lived::Unserved, &keep);
        compare(&original, &copy)
    }

    /// What differs between this server and what was dumped.
    pub(crate) async fn differences(&self, dumped: &Dumped) -> Vec<String> {
        lines(&self.compared(dumped).await)
    }
}

pub(crate) async fn look<S: Subject>(link: &Link, cluster: &ClusterSpec, depth: Depth) -> Result<Facts> {
    engine::<S>().observe().expect("the facet").look(link, cluster, depth, &[]).await
}

pub(crate) async fn dump<S: Subject>(
    link: &Link,
    cluster: &ClusterSpec,
    sink: &mut MemorySink,
    watch: &dyn Watch,
) -> Result<Dumped, Error> {
    engine::<S>().backup().expect("the facet").dump(link, cluster, sink, watch).await
}

/// Loads into the running server at the end of a link, whose own account stays as it is.
pub(crate) async fn load<S: Subject>(
    link: &Link,
    dumped: &Dumped,
    source: &MemorySource,
    private_target: bool,
) -> Result<Vec<Finding>> {
    let record = record::<S>(dumped, source);
    let ask =
        LoadAsk { record: &record, private_target, keep_accounts: vec![link.user.clone()], before: None };
    engine::<S>().backup().expect("the facet").load(source, link, &ask, &Unwatched).await
}

/// Every difference as one line: `Missing table shop.parts`.
pub(crate) fn lines(comparison: &Comparison) -> Vec<String> {
    comparison.differences.iter().map(|d| format!("{:?} {} {}", d.how, d.kind, d.name.join("."))).collect()
}

pub(crate) fn record<S: Subject>(dumped: &Dumped, source: &MemorySource) -> Record {
    let draft = Draft {
        id: SnapshotId("0".repeat(32)),
        set: String::new(),
        fleet: name("harbour"),
        cluster: name("orders"),
        member: name("orders-1"),
        engine: S::ENGINE.into(),
        started: Timestamp::from_millis(0),
        number: 0,
        by: "test@here".into(),
    };
    let (stored, took) = (Bytes(0), Millis(0));
    Record {
        draft,
        dumped: dumped.clone(),
        streams: source.streams().to_vec(),
        stored,
        took,
        history: vec![],
    }
}

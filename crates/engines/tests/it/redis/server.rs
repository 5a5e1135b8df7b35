//! A server from its rendered layout, and the shortest way to ask it.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
    sync::Arc,
};

use roadstead_core::{
    Bytes, Millis, Secret, SecretRef,
    manifest::{Comparison, Manifest, compare},
    model::{ClusterSpec, HostSpec, MemberSpec, Name, RoleSpec, Runtime},
    port::{
        Engine, Layout, Link, Secrets,
        ambient::Unwatched,
        engine::{Depth, LoadAsk, Purpose, RenderAsk},
        layout::{Endpoint, Piece},
        vault::{Draft, Dumped, Record, SnapshotId},
    },
    seen::{Facts, HostSeen, Tool, Tools},
};
use roadstead_testkit::{
    memory::{MemorySink, MemorySource},
    place,
    stage::{Place, Stage},
};

pub(crate) const PASSWORD: &str = "Adm1nistrator";

/// One server with the place it lives in.
pub(crate) struct Server {
    pub(crate) stage: Stage,
    pub(crate) link: Link,
    pub(crate) cluster: ClusterSpec,
    pub(crate) place: Place,
}

/// Secrets whose reference is `${env:…}` and whose value is that name.
pub(crate) struct NamedSecrets;

impl Secrets for NamedSecrets {
    fn resolve(&self, reference: &SecretRef) -> roadstead_core::Result<Secret> {
        match reference {
            SecretRef::Env(name) => Ok(Secret::new(name.clone())),
            other => panic!("no secret {other}"),
        }
    }
}

pub(crate) fn engine() -> Arc<dyn Engine> {
    roadstead_engines::registry().get("redis").expect("this build has the engine")
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// All server programs on this machine.
pub(crate) fn tools() -> Tools {
    let engine = engine();
    let need = engine.profile().tools[0];
    let mut found = Vec::new();
    for file in need.files {
        let path = format!("/usr/bin/{file}");
        let Ok(output) = Command::new(&path).args(need.version_args).output() else { continue };
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let (version, flavour) = engine.tool_version(need.name, &printed).expect("a version");
        let (engine, name) = ("redis".to_owned(), need.name.to_owned());
        found.push(Tool { engine, name, path, version, flavour });
    }
    assert!(!found.is_empty(), "no server program on this machine: cargo xtask servers");
    Tools(found)
}

pub(crate) fn cluster() -> ClusterSpec {
    let listen = [127, 0, 0, 1].into();
    let runtime = Runtime::Process { host: name("local"), port: place::free_port(), listen };
    ClusterSpec {
        name: name("sessions"),
        engine: "redis".into(),
        version: None,
        memory: Some(Bytes::mib(64)),
        members: vec![MemberSpec { name: name("sessions-1"), runtime }],
        databases: vec![],
        roles: BTreeMap::new(),
        settings: BTreeMap::new(),
        backup: None,
    }
}

pub(crate) fn role(may: roadstead_core::model::May, password: &str) -> RoleSpec {
    RoleSpec { password: Some(SecretRef::Env(password.to_owned())), may, on: vec![] }
}

pub(crate) fn layout(cluster: &ClusterSpec, place: &Place, purpose: Purpose) -> Layout {
    let host = HostSpec {
        name: name("local"),
        data: place.path().display().to_string(),
        programs: vec![],
        user: None,
    };
    let seen = HostSeen { tools: Some(tools()), ..HostSeen::default() };
    let home = place.home();
    let member = cluster.first();
    let ask = RenderAsk { cluster, member, host: &host, seen: &seen, home: &home, purpose, version: None };
    engine().deploy().expect("a facet").render(&ask).expect("a layout")
}

/// Adds a line to the configuration, for what no fleet file may say.
pub(crate) fn with_line(mut layout: Layout, line: &str) -> Layout {
    layout.files[0].body.push(Piece::Text(format!("{line}\n")));
    layout
}

impl Server {
    pub(crate) async fn member() -> Self {
        Self::start(cluster(), Purpose::Member).await
    }

    pub(crate) async fn start(cluster: ClusterSpec, purpose: Purpose) -> Self {
        let place = Place::new();
        let layout = layout(&cluster, &place, purpose);
        let mut server = Self::begin(place, layout, cluster).await;
        server.ready().await;
        server
    }

    /// Starts it without waiting for its answer.
    pub(crate) async fn begin(place: Place, layout: Layout, cluster: ClusterSpec) -> Self {
        let stage = Stage::start(&layout, &place.home(), &Secret::new(PASSWORD)).await;
        let link = stage.link(&tools(), place.path());
        Self { stage, link, cluster, place }
    }

    pub(crate) async fn ready(&mut self) {
        let (link, cluster) = (self.link.clone(), self.cluster.clone());
        let probe = || async {
            let engine = engine();
            engine.observe().expect("a facet").look(&link, &cluster, Depth::Brief, &[]).await.map(drop)
        };
        self.stage.answering(probe).await;
    }

    /// A fresh place with this snapshot in it, in a server of this purpose that has read it, loaded.
    pub(crate) async fn loaded(purpose: Purpose, source: &MemorySource, dumped: &Dumped) -> Self {
        let cluster = cluster();
        let place = Place::new();
        let layout = layout(&cluster, &place, purpose);
        // The first start makes the data directory; a server that is stopped leaves nothing but its accounts.
        let mut server = Self::begin(place, layout.clone(), cluster.clone()).await;
        server.ready().await;
        let place = server.stop().await;
        let record = record(dumped);
        let ask =
            LoadAsk { record: &record, private_target: true, keep_accounts: vec![layout.admin.clone()] };
        let engine = engine();
        let backup = engine.backup().expect("a facet");
        assert!(backup.seed(source, &layout, &ask, &Unwatched).await.expect("a seed"));
        let mut server = Self::begin(place, layout, cluster).await;
        server.ready().await;
        let findings = backup.load(source, &server.link, &ask, &Unwatched).await.expect("a load");
        assert_eq!(findings, []);
        server
    }

    pub(crate) async fn stop(self) -> Place {
        self.stage.stop().await;
        self.place
    }

    pub(crate) async fn look(&self) -> Facts {
        let engine = engine();
        let settings = engine.deploy().expect("a facet").settings_of_interest(&self.cluster);
        let observe = engine.observe().expect("a facet");
        observe.look(&self.link, &self.cluster, Depth::Full, &settings).await.expect("a look")
    }

    /// The same server through another account, as a backup would come: unable to write.
    pub(crate) fn link_as(&self, user: &str, password: &str) -> Link {
        Link {
            user: user.into(),
            password: Some(Secret::new(password)),
            may_write: false,
            ..self.link.clone()
        }
    }

    /// A link with another deadline.
    pub(crate) fn link_within(&self, deadline: Millis) -> Link {
        Link { deadline, ..self.link.clone() }
    }

    pub(crate) async fn dump(&self) -> (MemorySource, Dumped) {
        let link = Link { may_write: false, ..self.link.clone() };
        let mut sink = MemorySink::default();
        let dumped =
            engine().backup().expect("a facet").dump(&link, &self.cluster, &mut sink, &Unwatched).await;
        (sink.source(), dumped.expect("a dump"))
    }

    pub(crate) async fn manifest(&self) -> Manifest {
        let link = Link { may_write: false, ..self.link.clone() };
        let engine = engine();
        let manifest = engine.inspect().expect("a facet").manifest(&link, &self.cluster, &Unwatched).await;
        manifest.expect("a manifest")
    }

    /// Compares this server, that serves nobody, with what was dumped.
    pub(crate) async fn compared(&self, dumped: &Dumped) -> Comparison {
        let keep = [self.link.user.clone()];
        let (original, copy) = engine().inspect().expect("a facet").comparable(
            dumped.manifest.clone(),
            self.manifest().await,
            None,
            &keep,
        );
        compare(&original, &copy)
    }

    /// Runs one command by the vendor's own client, as a person would; returns what it prints.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        self.cli_as(&self.link.user, PASSWORD, arguments, b"")
    }

    /// The same with the last argument's bytes from outside the command line.
    pub(crate) fn cli_with(&self, arguments: &[&str], last: &[u8]) -> String {
        let mut all = vec!["-x"];
        all.extend(arguments);
        self.cli_as(&self.link.user, PASSWORD, &all, last)
    }

    /// Runs many commands, one a line.
    pub(crate) fn lines(&self, lines: &str) {
        let printed = self.cli_as(&self.link.user, PASSWORD, &["-e"], lines.as_bytes());
        for line in printed.lines() {
            assert!(!line.contains("ERR"), "{line}");
        }
    }

    pub(crate) fn cli_as(&self, user: &str, password: &str, arguments: &[&str], input: &[u8]) -> String {
        let mut command = Command::new("/usr/bin/redis-cli");
        match &self.link.endpoint {
            Endpoint::Tcp(host, port) => command.args(["-h", host, "-p", &port.to_string()]),
            Endpoint::Socket(path) => command.args(["-s", path]),
        };
        command.args(["--user", user, "--no-auth-warning"]).args(arguments).env("REDISCLI_AUTH", password);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("redis-cli");
        let mut stdin = child.stdin.take().expect("its input");
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().expect("its output");
        let _ = writer.join().expect("the writer");
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        text.trim_end().to_owned()
    }
}

pub(crate) fn record(dumped: &Dumped) -> Record {
    let draft = Draft {
        id: SnapshotId("0".repeat(32)),
        set: String::new(),
        fleet: name("harbour"),
        cluster: name("sessions"),
        member: name("sessions-1"),
        engine: "redis".into(),
        started: roadstead_core::Timestamp::from_millis(0),
        by: "test@here".into(),
    };
    Record {
        draft,
        dumped: dumped.clone(),
        streams: vec![],
        stored: Bytes(0),
        took: Millis(0),
        history: vec![],
    }
}

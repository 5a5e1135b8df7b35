//! A server of either flavour from its rendered layout, and the shortest ways to ask, dump and load it.

use std::{collections::BTreeMap, path::Path, process::Command, sync::Arc};

use mysql_async::{Conn, OptsBuilder, Row, Value, prelude::*};
use roadstead_core::{
    Bytes, Finding, Millis, Result, Secret, SecretRef,
    manifest::{Comparison, Manifest, Unlike, compare},
    model::{ClusterSpec, HostSpec, MemberSpec, Name, Runtime},
    port::{
        Engine, Layout, Link, Secrets,
        ambient::Unwatched,
        engine::{LoadAsk, Purpose, RenderAsk},
        layout::Endpoint,
        vault::{Draft, Dumped, Record, SnapshotId},
    },
    seen::{HostSeen, Tool, Tools},
};
use roadstead_testkit::{
    memory::{MemorySink, MemorySource},
    place,
    stage::{Place, Stage},
};

pub(crate) const PASSWORD: &str = "Adm1n'istrator\\";

/// Which server: the versions that the tests run against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Mariadb,
    Mysql,
}

pub(crate) struct Server {
    pub(crate) stage: Stage,
    pub(crate) link: Link,
    pub(crate) cluster: ClusterSpec,
    pub(crate) place: Place,
    pub(crate) which: Which,
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

pub(crate) fn engine() -> Arc<dyn Engine> {
    roadstead_engines::registry().get("mysql").expect("this build has the engine")
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// All programs of the engine on this machine.
pub(crate) fn tools() -> Tools {
    let engine = engine();
    let mut found = Vec::new();
    let mysql = place::servers().join("mysql-9/usr/sbin");
    for need in engine.profile().tools {
        let folders = [mysql.as_path(), Path::new("/usr/sbin"), Path::new("/usr/bin")];
        for path in folders.iter().flat_map(|folder| need.files.iter().map(|file| folder.join(file))) {
            let Ok(output) = Command::new(&path).args(need.version_args).output() else { continue };
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            let (version, flavour) = engine.tool_version(need.name, &printed).expect("a version");
            let path = path.display().to_string();
            found.push(Tool { engine: "mysql".into(), name: need.name.into(), path, version, flavour });
        }
    }
    for flavour in ["mysql", "mariadb"] {
        let has = found.iter().any(|tool| tool.flavour == flavour);
        assert!(has, "no server of {flavour} on this machine: cargo xtask servers");
    }
    Tools(found)
}

pub(crate) fn cluster(which: Which) -> ClusterSpec {
    let listen = [127, 0, 0, 1].into();
    let runtime = Runtime::Process { host: name("local"), port: place::free_port(), listen };
    let version = if which == Which::Mysql { "9" } else { "10.11" };
    ClusterSpec {
        name: name("orders"),
        engine: "mysql".into(),
        version: roadstead_core::Version::parse(version),
        memory: Some(Bytes::mib(384)),
        members: vec![MemberSpec { name: name("orders-1"), runtime }],
        databases: Vec::new(),
        roles: BTreeMap::new(),
        settings: BTreeMap::new(),
        backup: None,
    }
}

pub(crate) fn layout(cluster: &ClusterSpec, place: &Place, purpose: Purpose) -> Result<Layout, Vec<Finding>> {
    let host = HostSpec {
        name: name("local"),
        data: place.path().display().to_string(),
        programs: vec![],
        user: None,
    };
    let seen = HostSeen { tools: Some(tools()), ..HostSeen::default() };
    let home = place.home();
    engine().deploy().expect("the facet").render(&RenderAsk {
        cluster,
        member: cluster.first(),
        host: &host,
        seen: &seen,
        home: &home,
        purpose,
        version: None,
    })
}

impl Server {
    pub(crate) async fn start(which: Which, purpose: Purpose) -> Self {
        Self::of(cluster(which), which, Place::new(), purpose).await
    }

    /// Starts it in this place; on the data that is there, if any is.
    pub(crate) async fn of(cluster: ClusterSpec, which: Which, place: Place, purpose: Purpose) -> Self {
        let layout = layout(&cluster, &place, purpose).expect("a layout");
        let admin = Secret::new(PASSWORD);
        let mut stage = Stage::start(&layout, &place.home(), &admin).await;
        let link = Link { deadline: Millis::seconds(20), ..stage.link(&tools(), place.path()) };
        stage.answering(|| async { connect(&link).await.map(drop) }).await;
        Self { stage, link, cluster, place, which }
    }

    pub(crate) async fn conn(&self) -> Conn {
        connect(&self.link).await.expect("a connection")
    }

    /// Executes statements in one session.
    pub(crate) async fn run(&self, all: &[&str]) {
        let mut conn = self.conn().await;
        for sql in all {
            if let Err(error) = conn.query_drop(*sql).await {
                panic!("{sql}: {error}");
            }
        }
        conn.disconnect().await.expect("a goodbye");
    }

    /// All rows of an answer as one text.
    pub(crate) async fn ask(&self, sql: &str) -> String {
        let mut conn = self.conn().await;
        let rows: Vec<Row> = conn.query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let value = |value: Value| match value {
            Value::NULL => "NULL".to_owned(),
            Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            other => other.as_sql(true),
        };
        let line = |row: Row| row.unwrap().into_iter().map(value).collect::<Vec<_>>().join("|");
        rows.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Dumps through a link that may not write.
    pub(crate) async fn dump(&self) -> (Dumped, MemorySource) {
        let link = Link { may_write: false, ..self.link.clone() };
        let mut sink = MemorySink::default();
        let backup = engine();
        let backup = backup.backup().expect("the facet");
        let dumped = backup.dump(&link, &self.cluster, &mut sink, &Unwatched).await.expect("a dump");
        (dumped, sink.source())
    }

    pub(crate) async fn load(&self, dumped: &Dumped, source: &MemorySource) -> Result<Vec<Finding>> {
        self.load_as(dumped, source, true).await
    }

    pub(crate) async fn load_as(
        &self,
        dumped: &Dumped,
        source: &MemorySource,
        private_target: bool,
    ) -> Result<Vec<Finding>> {
        let record = record(dumped);
        let ask = LoadAsk { record: &record, private_target, keep_accounts: vec![self.link.user.clone()] };
        engine().backup().expect("the facet").load(source, &self.link, &ask, &Unwatched).await
    }

    pub(crate) async fn manifest(&self) -> Manifest {
        let engine = engine();
        let inspect = engine.inspect().expect("the facet");
        inspect.manifest(&self.link, &self.cluster, &Unwatched).await.expect("a manifest")
    }
}

pub(crate) fn record(dumped: &Dumped) -> Record {
    Record {
        draft: Draft {
            id: SnapshotId("0123456789abcdef0123456789abcdef".into()),
            set: "set".into(),
            fleet: name("harbour"),
            cluster: name("orders"),
            member: name("orders-1"),
            engine: "mysql".into(),
            started: roadstead_core::Timestamp::from_millis(0),
            by: "a@b".into(),
        },
        dumped: dumped.clone(),
        streams: Vec::new(),
        stored: Bytes(0),
        took: Millis(0),
        history: Vec::new(),
    }
}

async fn connect(link: &Link) -> Result<Conn, mysql_async::Error> {
    let builder = OptsBuilder::default()
        .user(Some(&link.user))
        .pass(link.password.as_ref().map(Secret::expose))
        .prefer_socket(false)
        .max_allowed_packet(Some(1 << 28));
    let builder = match &link.endpoint {
        Endpoint::Socket(path) => builder.socket(Some(path.as_str())),
        Endpoint::Tcp(host, port) => builder.ip_or_hostname(host.as_str()).tcp_port(*port),
    };
    Conn::new(builder).await
}

/// The differences, each as one line.
pub(crate) fn differences(original: &Manifest, copy: &Manifest) -> Vec<String> {
    let compared: Comparison = compare(original, copy);
    let how = |how: &Unlike| match how {
        Unlike::Missing => "missing".to_owned(),
        Unlike::Extra => "extra".to_owned(),
        Unlike::Count { original, copy } => format!("{copy} of {original}"),
        Unlike::Content => "content".to_owned(),
        Unlike::Incomparable => "incomparable".to_owned(),
    };
    let line = |one: &roadstead_core::manifest::Difference| {
        format!("{} {}: {}", one.kind, one.name.join("."), how(&one.how))
    };
    compared.differences.iter().map(line).collect()
}

impl Server {
    /// Feeds a text to the vendor's own client, which must accept all of it.
    pub(crate) async fn pipe_to_client(&self, text: &[u8], what: &str) {
        let Endpoint::Socket(socket) = &self.link.endpoint else { panic!("a test's place is short") };
        let file = self.place.path().join("client.cnf");
        let quoted = PASSWORD.replace('\\', "\\\\");
        std::fs::write(&file, format!("[client]\nuser={}\npassword=\"{quoted}\"\n", self.link.user))
            .expect("a file");
        let mut child = tokio::process::Command::new("/usr/bin/mariadb")
            .arg(format!("--defaults-file={}", file.display()))
            .args(["--socket", socket, "--binary-mode", "--comments"])
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("the vendor's client");
        let mut stdin = child.stdin.take().expect("a pipe");
        let fed = text.to_vec();
        let feed = tokio::spawn(async move {
            // A client that gave up closes its end; its words say why.
            tokio::io::AsyncWriteExt::write_all(&mut stdin, &fed).await.ok();
        });
        let output = child.wait_with_output().await.expect("its end");
        feed.await.expect("the feeder");
        let head = String::from_utf8_lossy(&text[..text.len().min(2000)]);
        assert!(output.status.success(), "{what}: {}\n{head}", String::from_utf8_lossy(&output.stderr));
    }
}

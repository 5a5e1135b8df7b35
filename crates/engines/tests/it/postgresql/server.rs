//! A throw-away server from its rendered layout, and the shortest way to ask it.

use std::{collections::BTreeMap, path::PathBuf, process::Command, sync::Arc};

use roadstead_core::{
    Bytes, Millis, Secret, SecretRef, Version,
    model::{ClusterSpec, HostSpec, MemberSpec, Name, Runtime},
    port::{
        Engine, Layout, Link, Secrets,
        engine::{Depth, Purpose, RenderAsk},
    },
    seen::{Facts, HostSeen, Tool, Tools},
};
use roadstead_testkit::{
    place,
    stage::{Place, Stage},
};

/// One server with the place it lives in.
pub(crate) struct Server {
    pub(crate) stage: Stage,
    pub(crate) link: Link,
    pub(crate) cluster: ClusterSpec,
    pub(crate) place: Place,
    pub(crate) major: u32,
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
    roadstead_engines::registry().get("postgresql").expect("this build has the engine")
}

fn folder(major: u32) -> PathBuf {
    match major {
        15 => place::postgresql_15(),
        _ => place::servers().join(format!("postgresql-{major}/bin")),
    }
}

/// The versions that are on this machine; the others are told as skipped.
pub(crate) fn majors() -> Vec<u32> {
    let (here, missing): (Vec<u32>, Vec<u32>) =
        [15, 18].into_iter().partition(|m| folder(*m).join("postgres").exists());
    for major in missing {
        println!("skipped: PostgreSQL {major} is not on this machine (cargo xtask servers)");
    }
    assert!(!here.is_empty(), "no PostgreSQL on this machine: cargo xtask servers");
    here
}

/// All programs of all versions here.
pub(crate) fn tools() -> Tools {
    let engine = engine();
    let mut found = Vec::new();
    for major in majors() {
        for need in engine.profile().tools {
            let path = folder(major).join(need.files[0]);
            let printed = Command::new(&path).args(need.version_args).output().expect("a program's version");
            let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
            let (version, flavour) = engine.tool_version(need.name, &printed).expect("a version");
            found.push(Tool {
                engine: engine.profile().name.to_owned(),
                name: need.name.to_owned(),
                path: path.display().to_string(),
                version,
                flavour,
            });
        }
    }
    Tools(found)
}

pub(crate) fn cluster(port: u16) -> ClusterSpec {
    let name = |text| Name::parse(text).expect("a name");
    let runtime = Runtime::Process { host: name("local"), port, listen: [127, 0, 0, 1].into() };
    ClusterSpec {
        name: name("orders"),
        engine: "postgresql".into(),
        version: None,
        memory: Some(Bytes::mib(256)),
        members: vec![MemberSpec { name: name("orders-1"), runtime }],
        databases: vec![],
        roles: BTreeMap::new(),
        settings: BTreeMap::new(),
        backup: None,
    }
}

pub(crate) fn layout(cluster: &ClusterSpec, place: &Place, major: u32, purpose: Purpose) -> Layout {
    let host = HostSpec {
        name: Name::parse("local").expect("a name"),
        data: place.path().display().to_string(),
        programs: vec![],
        user: None,
    };
    let seen = HostSeen { tools: Some(tools()), ..HostSeen::default() };
    let home = place.home();
    let ask = RenderAsk {
        cluster,
        member: cluster.first(),
        host: &host,
        seen: &seen,
        home: &home,
        purpose,
        version: Some((Version { parts: vec![major] }, "postgresql".into())),
    };
    engine().deploy().expect("a facet").render(&ask).expect("a layout")
}

impl Server {
    pub(crate) async fn start(major: u32, purpose: Purpose, cluster: ClusterSpec) -> Self {
        let place = Place::new();
        let layout = layout(&cluster, &place, major, purpose);
        Self::start_in(place, &layout, cluster, major).await
    }

    pub(crate) async fn start_in(place: Place, layout: &Layout, cluster: ClusterSpec, major: u32) -> Self {
        let stage = Stage::start(layout, &place.home(), &Secret::new("Adm1nistrator")).await;
        let link = stage.link(&tools(), place.path());
        let mut server = Self { stage, link, cluster, place, major };
        let (link, cluster) = (server.link.clone(), server.cluster.clone());
        let probe = || async {
            let engine = engine();
            engine.observe().expect("a facet").look(&link, &cluster, Depth::Brief, &[]).await.map(drop)
        };
        server.stage.answering(probe).await;
        server
    }

    /// A plain member without clients' databases.
    pub(crate) async fn member(major: u32) -> Self {
        Self::start(major, Purpose::Member, cluster(place::free_port())).await
    }

    /// A throw-away one.
    pub(crate) async fn scratch(major: u32) -> Self {
        Self::start(major, Purpose::Scratch, cluster(place::free_port())).await
    }

    /// Its first look with all that a plan wants.
    pub(crate) async fn look(&self) -> Facts {
        let engine = engine();
        let settings = engine.deploy().expect("a facet").settings_of_interest(&self.cluster);
        let observe = engine.observe().expect("a facet");
        observe.look(&self.link, &self.cluster, Depth::Full, &settings).await.expect("a look")
    }

    /// The same server through an account of its own.
    pub(crate) fn link_as(&self, user: &str, password: &str) -> Link {
        let password = Some(Secret::new(password));
        Link {
            user: user.into(),
            password,
            deadline: Millis::seconds(5),
            may_write: false,
            ..self.link.clone()
        }
    }

    /// Runs SQL by the vendor's own client, as a person would; returns what it prints.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        self.sql_as("postgres", "Adm1nistrator", database, sql).unwrap_or_else(|told| panic!("{told}\n{sql}"))
    }

    pub(crate) fn sql_as(
        &self,
        user: &str,
        password: &str,
        database: &str,
        sql: &str,
    ) -> Result<String, String> {
        use std::io::Write as _;
        let (host, port) = match &self.link.endpoint {
            roadstead_core::port::layout::Endpoint::Tcp(host, port) => (host.clone(), port.to_string()),
            roadstead_core::port::layout::Endpoint::Socket(path) => {
                let (folder, port) = path.rsplit_once("/.s.PGSQL.").expect("a socket");
                (folder.to_owned(), port.to_owned())
            }
        };
        let mut child = Command::new(folder(self.major).join("psql"))
            .args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-f", "-"])
            .envs([
                ("PGHOST", host),
                ("PGPORT", port),
                ("PGUSER", user.into()),
                ("PGPASSWORD", password.into()),
            ])
            .envs([
                ("PGDATABASE", database),
                ("PGCLIENTENCODING", "UTF8"),
                ("PGOPTIONS", "-c client_min_messages=error"),
            ])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("psql");
        child.stdin.take().expect("a pipe").write_all(sql.as_bytes()).expect("the statements");
        let output = child.wait_with_output().expect("psql's end");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

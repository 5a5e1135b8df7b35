//! An engine small enough to see through, around a real server process: it keeps words, and fails on demand.
//!
//! Faults are asked for by the cluster's settings: `create`, `dump`, `load`. Its looks have no deadline of their own,
//! so that those of the hand are what is tested.

mod words;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use roadstead_core::{
    Bytes, Error, Finding, Kind, Messages, Millis, Result, Text, Version,
    manifest::{Manifest, Object, Strength},
    model::{ClusterSpec, Runtime},
    port::{
        Backup, Deploy, Engine, Engines, Inspect, Layout, Link, Observe, Profile, Secrets, Sink, Source,
        Watch,
        engine::{Change, Depth, EngineAct, LoadAsk, RenderAsk, ToolNeed},
        layout::{Directory, Endpoint, File, Piece, Program, Signal, Stop},
        stream,
        vault::{Dumped, Record},
    },
    secret::SecretForm,
    seen::Facts,
};
use sha2::{Digest, Sha256};

pub(crate) use words::Words;

/// The engine's name in a cluster.
pub(crate) const NAME: &str = "tiny";
/// The user that runs its servers when the hand is root.
pub(crate) const USER: &str = "nobody";

static PROFILE: Profile = Profile {
    name: NAME,
    title: "Tiny",
    port: 6379,
    memory_min: Bytes(1 << 20),
    user: USER,
    tools: &[ToolNeed {
        name: "server",
        files: &["redis-server"],
        directories: &[],
        version_args: &["--version"],
        packages: &["redis-server"],
        for_server: true,
    }],
    has_databases: false,
    guarantee: "tiny-guarantee",
};

/// The engine.
pub(crate) struct Tiny;

/// The only engine of these tests.
pub(crate) struct OnlyTiny;

impl Engines for OnlyTiny {
    fn all(&self) -> Vec<Arc<dyn Engine>> {
        vec![Arc::new(Tiny)]
    }
}

impl Engine for Tiny {
    fn profile(&self) -> &Profile {
        &PROFILE
    }

    fn messages(&self) -> Messages {
        &[]
    }

    fn check(&self, _: &ClusterSpec) -> Vec<Finding> {
        Vec::new()
    }

    fn tool_version(&self, _: &str, printed: &str) -> Option<(Version, String)> {
        let (_, rest) = printed.split_once("v=")?;
        Some((Version::parse(rest)?, NAME.to_owned()))
    }

    fn observe(&self) -> Option<&dyn Observe> {
        Some(self)
    }

    fn deploy(&self) -> Option<&dyn Deploy> {
        Some(self)
    }

    fn backup(&self) -> Option<&dyn Backup> {
        Some(self)
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Observe for Tiny {
    async fn look(&self, link: &Link, _: &ClusterSpec, _: Depth, _: &[String]) -> Result<Facts> {
        let mut words = Words::connect(link).await?;
        words.ask(&["PING"]).await?;
        Ok(Facts { version: Version::parse("7.0"), flavour: NAME.into(), ..Facts::default() })
    }

    async fn admits(&self, link: &Link) -> Result<bool> {
        Words::connect(link).await.map(|_| true)
    }

    async fn survey(&self, _: &Link, _: &ClusterSpec) -> Result<Vec<Finding>> {
        Ok(vec![Finding::note("tiny", Text::new("tiny-surveyed"))])
    }
}

#[async_trait]
impl Deploy for Tiny {
    fn render(&self, ask: &RenderAsk<'_>) -> Result<Layout, Vec<Finding>> {
        let tools = ask.seen.tools.clone().unwrap_or_default();
        let Some(server) = tools.of(NAME, "server").first().copied().cloned() else {
            return Err(vec![Finding::error("tiny", Text::new("tiny-no-server"))]);
        };
        let Runtime::Process { port, .. } = &ask.member.runtime else {
            return Err(vec![Finding::error("tiny", Text::new("tiny-not-here"))]);
        };
        let home = ask.home;
        let folder = |path: String, mode| Directory { path, mode };
        let auth = format!("{}/auth.conf", home.secrets());
        let conf = format!(
            "include {auth}\nport {port}\nbind 127.0.0.1\ndir {}\nappendonly yes\nsave \"\"\n",
            home.data()
        );
        let password = Piece::Secret(home.admin_password(), SecretForm::Raw);
        let script = ask.cluster.settings.get("create").cloned().unwrap_or_else(|| "true".into());
        let program = |path: &str, args: Vec<String>, deadline| Program {
            path: path.into(),
            args,
            env: BTreeMap::new(),
            directory: home.data(),
            deadline,
        };
        Ok(Layout {
            user: USER.into(),
            flavour: NAME.into(),
            version: ask.version.clone().map_or(server.version.clone(), |(version, _)| version),
            directories: vec![
                folder(home.conf(), 0o750),
                folder(home.secrets(), 0o700),
                folder(home.run(), 0o750),
                folder(home.log(), 0o750),
                folder(home.data(), 0o700),
            ],
            files: vec![
                File::plain(format!("{}/server.conf", home.conf()), 0o640, conf),
                File {
                    path: auth,
                    mode: 0o644,
                    body: vec![Piece::Text("requirepass ".into()), password, Piece::Text("\n".into())],
                    only_for_create: false,
                },
                File {
                    only_for_create: true,
                    ..File::plain(format!("{}/once", home.secrets()), 0o600, "once")
                },
            ],
            create: vec![program("/bin/sh", vec!["-c".into(), script], Some(Millis::seconds(20)))],
            server: program(&server.path, vec![format!("{}/server.conf", home.conf())], None),
            endpoint: Endpoint::Tcp("127.0.0.1".into(), *port),
            admin: "default".into(),
            stop: Stop { signal: Signal::Term, deadline: Millis::seconds(20) },
            reload: None,
            settings: Vec::new(),
        })
    }

    fn changes(&self, _: &ClusterSpec, _: &Layout, _: &Facts) -> (Vec<Change>, Vec<Finding>) {
        (Vec::new(), Vec::new())
    }

    fn settings_of_interest(&self, _: &ClusterSpec) -> Vec<String> {
        Vec::new()
    }

    async fn perform(&self, link: &Link, act: &EngineAct, _: &dyn Secrets) -> Result<()> {
        assert!(link.may_write, "an own act may write");
        let word = |name: &str| act.payload[name].as_str().unwrap_or_default().to_owned();
        Words::connect(link).await?.ask(&["SET", &word("key"), &word("value")]).await.map(drop)
    }

    async fn before_stop(&self, _: &Link) -> Result<()> {
        Ok(())
    }
}

fn asked<'a>(cluster: &'a ClusterSpec, fault: &str) -> Option<&'a str> {
    cluster.settings.get(fault).map(String::as_str)
}

#[async_trait]
impl Backup for Tiny {
    async fn dump(
        &self,
        link: &Link,
        cluster: &ClusterSpec,
        sink: &mut dyn Sink,
        _: &dyn Watch,
    ) -> Result<Dumped> {
        assert!(!link.may_write, "a backup may not write");
        let words = Words::connect(link).await?.all().await?;
        stream::write_all(sink, "words.json", serde_json::to_vec(&words).expect("plain")).await?;
        match asked(cluster, "dump") {
            Some("hang") => std::future::pending::<()>().await,
            Some("die") => return Err(Error::new(Kind::Failed, Text::new("tiny-died"))),
            _ => {}
        }
        Ok(Dumped {
            flavour: NAME.into(),
            version: Version::parse("7.0").expect("a version"),
            position: None,
            manifest: manifest(&words),
            findings: Vec::new(),
        })
    }

    async fn seed(&self, _: &dyn Source, _: &Layout, _: &LoadAsk<'_>, _: &dyn Watch) -> Result<bool> {
        Ok(false)
    }

    async fn fits(&self, _: &dyn Source, link: &Link, _: &LoadAsk<'_>) -> Result<serde_json::Value> {
        Words::connect(link).await.map(|_| serde_json::Value::Null)
    }

    async fn clear(&self, _: &dyn Source, link: &Link, _: &LoadAsk<'_>) -> Result<()> {
        unreachable!("no test of this crate clears {link:?}")
    }

    async fn load(
        &self,
        source: &dyn Source,
        link: &Link,
        _: &LoadAsk<'_>,
        _: &dyn Watch,
    ) -> Result<Vec<Finding>> {
        let bytes = stream::read_all(source, "words.json", 1 << 20).await?;
        let mut words: BTreeMap<String, String> = serde_json::from_slice(&bytes).expect("plain");
        // Faults of a load travel in the data itself, because the snapshot is all that a load has.
        match words.get("fault").map(String::as_str) {
            Some("alter") => drop(words.insert("altered".into(), "by the load".into())),
            Some("lose") => drop(words.remove("lost")),
            Some("refuse") => return Err(Error::new(Kind::Failed, Text::new("tiny-refused"))),
            Some("full") => return Err(Error::new(Kind::Exhausted, Text::new("tiny-full"))),
            Some("hang") => std::future::pending::<()>().await,
            _ => {}
        }
        let mut to = Words::connect(link).await?;
        for (key, value) in &words {
            to.ask(&["SET", key, value]).await?;
        }
        Ok(Vec::new())
    }

    fn loads_into(&self, record: &Record) -> (Version, String) {
        (record.dumped.version.clone(), record.dumped.flavour.clone())
    }
}

#[async_trait]
impl Inspect for Tiny {
    fn accounts_besides(&self, _: &Manifest, _: &Manifest) -> Vec<String> {
        // It has none.
        Vec::new()
    }

    async fn manifest(&self, link: &Link, _: &ClusterSpec, _: &dyn Watch) -> Result<Manifest> {
        Ok(manifest(&Words::connect(link).await?.all().await?))
    }

    async fn occupied(&self, link: &Link) -> Result<Option<Text>> {
        let words = Words::connect(link).await?.all().await?;
        Ok((!words.is_empty()).then(|| Text::new("tiny-occupied").with("words", words.len())))
    }
}

fn manifest(words: &BTreeMap<String, String>) -> Manifest {
    let object = |(key, value): (&String, &String)| Object {
        kind: "word".into(),
        name: vec![key.clone()],
        count: Some(1),
        digest: Some(hex::encode(Sha256::digest(value))),
        strength: Strength::ContentSnapshot,
    };
    Manifest { method: "tiny-1".into(), objects: words.iter().map(object).collect() }
}

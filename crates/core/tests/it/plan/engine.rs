//! A small engine for scenarios: settings that reload or restart, databases, one program. Deciding needs no server,
//! and what no real engine does on purpose (refuse to render, lack a facet) is shown here.

use std::sync::Arc;

use async_trait::async_trait;
use roadstead_core::{
    Bytes, Finding, Messages, Millis, Result, Text, Version,
    manifest::Manifest,
    model::ClusterSpec,
    plan::{Condition, Risk},
    port::{
        Backup, Deploy, Engine, Engines, Inspect, Layout, Link, Observe, Profile, Secrets, Sink, Source,
        Watch,
        engine::{Change, EngineAct, How, LoadAsk, RenderAsk},
        layout::{Endpoint, File, Program, SettingWhy, Signal, Stop},
        vault::{Dumped, Record},
    },
    seen::{Effect, Facts},
};

/// The engine `plain`, and `bare`, which has no facets.
pub(super) struct Plain {
    profile: Profile,
    bare: bool,
}

/// Both.
pub(super) struct Both;

impl Engines for Both {
    fn all(&self) -> Vec<Arc<dyn Engine>> {
        let profile = |name| Profile {
            name,
            title: name,
            port: 5000,
            memory_min: Bytes::mib(1),
            user: "plain",
            tools: &[],
            has_databases: true,
            guarantee: "plain-guarantee",
        };
        vec![
            Arc::new(Plain { profile: profile("bare"), bare: true }),
            Arc::new(Plain { profile: profile("plain"), bare: false }),
        ]
    }
}

impl Engine for Plain {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn messages(&self) -> Messages {
        &[]
    }

    fn check(&self, _: &ClusterSpec) -> Vec<Finding> {
        vec![]
    }

    fn tool_version(&self, _: &str, _: &str) -> Option<(Version, String)> {
        None
    }

    fn observe(&self) -> Option<&dyn Observe> {
        None
    }

    fn deploy(&self) -> Option<&dyn Deploy> {
        (!self.bare).then_some(self)
    }

    fn backup(&self) -> Option<&dyn Backup> {
        (!self.bare).then_some(self)
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        None
    }
}

/// A setting whose name begins with `re` is taken by a reload, every other one by a restart.
fn effect(name: &str) -> Effect {
    if name.starts_with("re") { Effect::Reload } else { Effect::Restart }
}

#[async_trait]
impl Deploy for Plain {
    fn render(&self, ask: &RenderAsk<'_>) -> Result<Layout, Vec<Finding>> {
        if ask.cluster.settings.contains_key("impossible") {
            return Err(vec![Finding::error(ask.member.name.as_str(), Text::new("plain-impossible"))]);
        }
        let settings = ask.cluster.settings.iter().map(|(name, value)| SettingWhy {
            name: name.clone(),
            value: value.clone(),
            why: Text::new("plain-why"),
            effect: effect(name),
        });
        let lines: Vec<_> =
            ask.cluster.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let text = lines.join("\n");
        let program = Program {
            path: "/bin/plain".into(),
            args: vec![],
            env: std::collections::BTreeMap::default(),
            directory: "/".into(),
            deadline: None,
        };
        let (host, port) = ask.member.endpoint();
        Ok(Layout {
            user: "plain".into(),
            flavour: "plain".into(),
            version: ask.version.clone().map_or(Version { parts: vec![1, 2] }, |(version, _)| version),
            directories: vec![],
            files: vec![File::plain(format!("{}/plain.conf", ask.home.conf()), 0o600, text)],
            create: vec![],
            server: program,
            endpoint: Endpoint::Tcp(host, port),
            admin: "admin".into(),
            stop: Stop { signal: Signal::Term, deadline: Millis::seconds(5) },
            reload: Some(Signal::Hup),
            settings: settings.collect(),
        })
    }

    fn changes(&self, cluster: &ClusterSpec, layout: &Layout, facts: &Facts) -> (Vec<Change>, Vec<Finding>) {
        let mut changes = Vec::new();
        let member = cluster.first().name.clone();
        for setting in &layout.settings {
            if facts.settings.get(&setting.name).is_some_and(|seen| seen.value == setting.value) {
                continue;
            }
            let restart = effect(&setting.name) == Effect::Restart;
            changes.push(Change {
                title: Text::new("plain-set").with("name", &setting.name),
                risk: Some(if restart { Risk::Restart } else { Risk::Reload }),
                how: if restart { How::Restart } else { How::Reload },
                proves: vec![Condition::Setting {
                    member: member.clone(),
                    name: setting.name.clone(),
                    value: setting.value.clone(),
                }],
            });
        }
        for database in &cluster.databases {
            if facts.databases.as_ref().is_some_and(|all| all.contains(database)) {
                continue;
            }
            changes.push(Change {
                title: Text::new("plain-database").with("name", database),
                risk: Some(Risk::Create),
                how: How::Own(EngineAct { name: "database".into(), payload: database.clone().into() }),
                proves: vec![Condition::Database { member: member.clone(), name: database.clone() }],
            });
        }
        (changes, vec![])
    }

    fn settings_of_interest(&self, cluster: &ClusterSpec) -> Vec<String> {
        cluster.settings.keys().cloned().collect()
    }

    async fn perform(&self, _: &Link, _: &EngineAct, _: &dyn Secrets) -> Result<()> {
        unreachable!("deciding performs nothing")
    }

    async fn before_stop(&self, _: &Link) -> Result<()> {
        unreachable!("deciding stops nothing")
    }
}

#[async_trait]
impl Backup for Plain {
    async fn dump(&self, _: &Link, _: &ClusterSpec, _: &mut dyn Sink, _: &dyn Watch) -> Result<Dumped> {
        unreachable!("deciding dumps nothing")
    }

    async fn seed(&self, _: &dyn Source, _: &Layout, _: &LoadAsk<'_>, _: &dyn Watch) -> Result<bool> {
        unreachable!("deciding loads nothing")
    }

    async fn fits(&self, _: &dyn Source, _: &Link, _: &LoadAsk<'_>) -> Result<serde_json::Value> {
        unreachable!("deciding asks no server")
    }

    async fn clear(&self, _: &dyn Source, _: &Link, _: &LoadAsk<'_>) -> Result<()> {
        unreachable!("deciding removes nothing")
    }

    async fn load(&self, _: &dyn Source, _: &Link, _: &LoadAsk<'_>, _: &dyn Watch) -> Result<Vec<Finding>> {
        unreachable!("deciding loads nothing")
    }

    fn loads_into(&self, record: &Record) -> (Version, String) {
        (record.dumped.version.clone(), record.dumped.flavour.clone())
    }
}

/// An empty manifest of the engine's method.
pub(super) fn manifest() -> Manifest {
    Manifest { method: "plain-1".into(), objects: vec![] }
}

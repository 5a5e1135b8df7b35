//! A world for the fleet reader: engines that only check, and surroundings that are a list.

use std::{collections::BTreeMap, sync::Arc};

use roadstead_core::{
    Bytes, Finding, Text, Version,
    finding::Severity,
    fleet::{self, Input, Reading, SecretFile, Surroundings},
    model::ClusterSpec,
    port::{Backup, Deploy, Engine, Engines, Inspect, Observe, Profile},
    text::Messages,
};

/// Surroundings as a test says them.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) files: BTreeMap<String, SecretFile>,
    pub(crate) variables: Vec<&'static str>,
    pub(crate) root: bool,
}

impl Surroundings for World {
    fn secret_file(&self, absolute: &str) -> SecretFile {
        assert!(absolute.starts_with('/'), "{absolute}");
        self.files.get(absolute).cloned().unwrap_or(SecretFile::Absent)
    }

    fn env_is_set(&self, name: &str) -> bool {
        self.variables.contains(&name)
    }

    fn can_decrypt_age(&self, value: &str) -> Result<(), Text> {
        if value == "good" { Ok(()) } else { Err(Text::new("test-no-identity")) }
    }

    fn is_root(&self) -> bool {
        self.root
    }
}

/// An engine that only checks: versions from 15, and two settings, one of them a number.
struct Checker(Profile);

impl Engine for Checker {
    fn profile(&self) -> &Profile {
        &self.0
    }

    fn messages(&self) -> Messages {
        &[]
    }

    fn check(&self, cluster: &ClusterSpec) -> Vec<Finding> {
        let mut findings = Vec::new();
        let at = format!("clusters.{}", cluster.name);
        if cluster.version.as_ref().is_some_and(|version| version.major() < 10) {
            findings.push(Finding::error(format!("{at}.version"), Text::new("test-version")));
        }
        for (name, value) in &cluster.settings {
            let subject = format!("{at}.settings.{name}");
            if !["max_connections", "work_mem", "a.b", "maxmemory-policy"].contains(&name.as_str()) {
                findings.push(Finding::error(subject, Text::new("test-setting")));
            } else if value == "lots" {
                findings.push(Finding::error(subject, Text::new("test-value")));
            }
        }
        if cluster.first().endpoint().1 == 1 {
            findings.push(Finding::warning("", Text::new("test-port")));
        }
        findings
    }

    fn tool_version(&self, _: &str, _: &str) -> Option<(Version, String)> {
        None
    }

    fn observe(&self) -> Option<&dyn Observe> {
        None
    }

    fn deploy(&self) -> Option<&dyn Deploy> {
        None
    }

    fn backup(&self) -> Option<&dyn Backup> {
        None
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        None
    }
}

/// Three engines.
pub(crate) struct Three;

impl Engines for Three {
    fn all(&self) -> Vec<Arc<dyn Engine>> {
        let engine = |name, title, port, has_databases| {
            let memory_min = Bytes::mib(64);
            let guarantee = "test-guarantee";
            let profile =
                Profile { name, title, port, memory_min, user: name, tools: &[], has_databases, guarantee };
            Arc::new(Checker(profile)) as Arc<dyn Engine>
        };
        vec![
            engine("mysql", "MySQL / MariaDB", 3306, true),
            engine("postgresql", "PostgreSQL", 5432, true),
            engine("redis", "Redis / Valkey", 6379, false),
        ]
    }
}

/// Reads a file that lies in `/srv/fleet`.
pub(crate) fn read(bytes: &[u8], world: &World) -> Reading {
    fleet::read(&Input { file: "fleet.yaml", directory: "/srv/fleet", bytes, facts: world }, &Three)
}

/// Findings as text: `line:column+length severity key(arguments) → cure`.
pub(crate) fn told(reading: &Reading) -> String {
    let lines = reading.findings.iter().map(|finding| {
        let place = finding.place.as_ref().expect("every finding has its place");
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let cure = finding.cure.as_ref().map_or(String::new(), |cure| format!(" -> {cure}"));
        format!("{}:{}+{} {severity} {}{cure}\n", place.line, place.column, place.length, finding.what)
    });
    lines.collect()
}

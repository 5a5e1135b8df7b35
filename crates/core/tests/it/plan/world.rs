//! A world written as text: what is declared, what is seen, what is in the vault.
//!
//! ```text
//! declare a plain size=10 remark=x databases=d,e backup
//! declare m plain managed
//! see a data=ours:1.2 process=running size=10 databases=d
//! undeclared copy plain data=ours:1.2 process=running
//! former old a plain data=ours:1.2 process=running
//! snapshot 00..01 a proven 4000
//! taken 5000
//! done create-a-1
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use roadstead_core::{
    Bytes, Error, Kind, Millis, Text, Timestamp, Version,
    model::{
        BackupSpec, ClusterSpec, Fleet, HostSpec, MemberHome, MemberSpec, Name, Runtime, TlsSpec, VaultSpec,
    },
    plan::{Aim, Decision, Situation, decide},
    port::{
        stream::StreamInfo,
        vault::{Draft, Dumped, Event, Record, SnapshotId, Stage},
    },
    seen::{
        DataSeen, Effect, Facts, FleetSeen, Former, HostSeen, Identity, MemberSeen, OnHost, ProcessSeen,
        Reach, SettingSeen,
    },
};

use super::engine::{Both, manifest};

/// A small world.
pub(super) struct World {
    pub(super) fleet: Fleet,
    pub(super) seen: FleetSeen,
    pub(super) records: BTreeMap<Name, Vec<Record>>,
    pub(super) done: Vec<String>,
    pub(super) created: BTreeMap<Name, Timestamp>,
    pub(super) unreadable: BTreeSet<Name>,
}

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).expect("scenarios use good names")
}

impl World {
    /// Reads a scenario.
    pub(super) fn read(text: &str) -> Self {
        let host = HostSpec { name: name("local"), data: "/data".into(), programs: vec![], user: None };
        let vault = VaultSpec {
            name: name("v"),
            url: "/vault".into(),
            key: roadstead_core::SecretRef::Env("KEY".into()),
        };
        let mut world = Self {
            fleet: Fleet {
                name: name("f"),
                directory: "/f".into(),
                file: "/f/fleet.yaml".into(),
                vaults: [(name("v"), vault)].into(),
                hosts: [(name("local"), host)].into(),
                clusters: BTreeMap::new(),
            },
            seen: FleetSeen::default(),
            records: [(name("v"), vec![])].into(),
            done: vec![],
            created: BTreeMap::new(),
            unreadable: BTreeSet::new(),
        };
        let root = HostSeen { is_root: true, user: "root".into(), ..HostSeen::default() };
        world.seen.hosts.insert(name("local"), root);
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<_> = line.split_whitespace().collect();
            match words.as_slice() {
                ["declare", cluster, engine, rest @ ..] => world.declare(cluster, engine, rest),
                ["see", cluster, rest @ ..] => world.see(cluster, rest),
                ["undeclared", cluster, engine, rest @ ..] => {
                    world.declare(cluster, engine, &[]);
                    world.see(cluster, rest);
                    let spec = world.fleet.clusters.remove(*cluster).expect("just declared");
                    world.seen.undeclared.insert(spec.first().name.clone(), spec);
                }
                ["former", fleet, cluster, engine, rest @ ..] => world.former(fleet, cluster, engine, rest),
                ["taken", port] => {
                    let host = world.seen.hosts.get_mut("local").expect("the host is there");
                    host.listening.push(format!("127.0.0.1:{port}").parse().expect("a port"));
                }
                ["snapshot", id, cluster, stage] => world.snapshot(id, cluster, stage, 0),
                ["snapshot", id, cluster, stage, bytes] => {
                    world.snapshot(id, cluster, stage, bytes.parse().expect("a length"));
                }
                ["user", user] => {
                    let host = world.seen.hosts.get_mut("local").expect("the host is there");
                    host.users.push((*user).to_owned());
                }
                // Nothing is there yet, and it was looked at.
                ["place", member] => {
                    world.seen.members.insert(name(member), nothing_yet());
                }
                ["created", member] => {
                    world.created.insert(name(member), Timestamp::from_millis(1));
                }
                ["unread", vault] => drop(world.records.remove(*vault)),
                ["done", step] => world.done.push((*step).to_owned()),
                other => panic!("a scenario cannot say {other:?}"),
            }
        }
        world
    }

    fn declare(&mut self, cluster: &str, engine: &str, rest: &[&str]) {
        let mut spec = ClusterSpec {
            name: name(cluster),
            engine: engine.into(),
            version: None,
            memory: None,
            members: vec![],
            databases: vec![],
            roles: BTreeMap::new(),
            settings: BTreeMap::new(),
            backup: None,
        };
        let mut runtime =
            Runtime::Process { host: name("local"), port: 5000, listen: IpAddr::from([127, 0, 0, 1]) };
        for word in rest {
            match word.split_once('=') {
                None if *word == "backup" => spec.backup = Some(BackupSpec { vault: name("v") }),
                None if *word == "managed" => {
                    runtime = Runtime::Managed {
                        address: "127.0.0.1".into(),
                        port: 5000,
                        user: "u".into(),
                        password: None,
                        tls: TlsSpec::default(),
                    };
                }
                Some(("databases", all)) => spec.databases = all.split(',').map(str::to_owned).collect(),
                Some(("version", version)) => spec.version = Version::parse(version),
                Some((setting, value)) => {
                    spec.settings.insert(setting.into(), value.into());
                }
                None => panic!("a declaration cannot say {word:?}"),
            }
        }
        spec.members.push(MemberSpec { name: name(&format!("{cluster}-1")), runtime });
        self.fleet.clusters.insert(name(cluster), spec);
    }

    /// `see a data=… process=… reach=… setting=value databases=…`: settings not named are as the files have them.
    pub(super) fn see(&mut self, cluster: &str, rest: &[&str]) {
        let member = name(&format!("{cluster}-1"));
        let managed =
            self.fleet.clusters.get(cluster).is_some_and(|cluster| !cluster.first().is_supervised());
        let mut facts = Facts { version: Version::parse("1.2"), databases: Some(vec![]), ..Facts::default() };
        let mut on_host = OnHost {
            data: DataSeen::Absent,
            process: ProcessSeen::Stopped,
            files: BTreeMap::new(),
            free: None,
            listens: None,
        };
        let mut reach = Reach::Stopped;
        for word in rest {
            let (key, value) = word.split_once('=').expect("key=value");
            match key {
                "data" => on_host.data = data(cluster, &member, value),
                "process" => {
                    on_host.process = process(value);
                    if value == "running" {
                        reach = Reach::Running;
                    }
                }
                "free" => on_host.free = Some(Bytes(value.parse().expect("bytes"))),
                "reach" => reach = reach_of(value),
                "databases" => facts.databases = Some(value.split(',').map(str::to_owned).collect()),
                "file" => {
                    let home = MemberHome::new(&self.fleet.hosts["local"], &self.fleet.name, &member);
                    on_host.files.insert(format!("{}/plain.conf", home.conf()), value.into());
                }
                setting => {
                    let seen = SettingSeen { value: value.into(), effect: Effect::Restart, pending: false };
                    facts.settings.insert(setting.into(), seen);
                }
            }
        }
        let facts = (reach == Reach::Running).then_some(facts);
        let on_host = (!managed).then_some(on_host);
        self.seen.members.insert(member, MemberSeen { on_host, reach, facts, took: Millis(1) });
    }

    /// What is said after the engine is seen; the declaration goes back to what it was.
    fn former(&mut self, fleet: &str, cluster: &str, engine: &str, rest: &[&str]) {
        let (declared, seen) = (self.fleet.clusters.clone(), self.seen.members.clone());
        self.declare(cluster, engine, &[]);
        self.see(cluster, rest);
        let cluster = self.fleet.clusters.remove(cluster).expect("just declared");
        let on_host = self.seen.members.remove(&cluster.first().name).and_then(|seen| seen.on_host);
        let home = MemberHome::new(&self.fleet.hosts["local"], &name(fleet), &cluster.first().name);
        let on_host = on_host.expect("it lives on a host");
        self.seen.former.push(Former { fleet: name(fleet), home, cluster, on_host });
        (self.fleet.clusters, self.seen.members) = (declared, seen);
    }

    fn snapshot(&mut self, id: &str, cluster: &str, stage: &str, bytes: u64) {
        let mut record = Record {
            draft: Draft {
                id: SnapshotId(id.into()),
                set: "s".into(),
                fleet: name("f"),
                cluster: name(cluster),
                member: name(&format!("{cluster}-1")),
                engine: "plain".into(),
                started: Timestamp::from_millis(1_000),
                number: 0,
                by: "t".into(),
            },
            dumped: Dumped {
                flavour: "plain".into(),
                version: Version { parts: vec![1, 2] },
                position: None,
                manifest: manifest(),
                findings: vec![],
            },
            streams: vec![StreamInfo { name: "dump".into(), bytes, digest: String::new() }],
            stored: Bytes(0),
            took: Millis(0),
            history: vec![],
        };
        if stage != "taken" {
            record.history.push(Event {
                stage: if stage == "damaged" { Stage::Checked } else { Stage::Proven },
                at: Timestamp::from_millis(2_000),
                by: "t".into(),
                took: Millis(1),
                passed: stage == "proven",
                comparison: None,
                findings: vec![],
            });
        }
        self.records.get_mut("v").expect("the vault is there").push(record);
    }

    /// Decides.
    pub(super) fn decide(&self, aim: &Aim) -> Decision {
        let found = self.done.iter().map(|step| (step.clone(), serde_json::json!({ "of": step }))).collect();
        let situation = Situation {
            fleet: &self.fleet,
            fleet_digest: "digest",
            seen: &self.seen,
            engines: &Both,
            records: &self.records,
            created: &self.created,
            unreadable: &self.unreadable,
            now: Timestamp::from_millis(5_000),
            operation: "op",
            done: &self.done,
            found: &found,
        };
        decide(&situation, aim)
    }
}

fn nothing_yet() -> MemberSeen {
    let on_host = OnHost {
        data: DataSeen::Absent,
        process: ProcessSeen::Stopped,
        files: BTreeMap::new(),
        free: None,
        listens: None,
    };
    MemberSeen { on_host: Some(on_host), reach: Reach::Stopped, facts: None, took: Millis(1) }
}

fn data(cluster: &str, member: &Name, value: &str) -> DataSeen {
    match value.split_once(':') {
        Some(("ours", version)) => DataSeen::Ours(Identity {
            id: format!("id-{member}"),
            fleet: name("f"),
            fleet_file: "/f/fleet.yaml".into(),
            cluster: name(cluster),
            member: member.clone(),
            engine: "plain".into(),
            flavour: "plain".into(),
            version: Version::parse(version).expect("a version"),
            created: Timestamp::from_millis(1),
            loading: None,
        }),
        None if value == "absent" => DataSeen::Absent,
        None if value == "unfinished" => DataSeen::Unfinished,
        None if value == "half-loaded" => DataSeen::HalfLoaded,
        None if value == "foreign" => DataSeen::Foreign(Text::new("foreign")),
        _ => panic!("data cannot be {value:?}"),
    }
}

fn process(value: &str) -> ProcessSeen {
    match value {
        "running" => ProcessSeen::Running { pid: 7, restarts: 0 },
        "stopped" => ProcessSeen::Stopped,
        "dead" => ProcessSeen::Dead,
        "backing-off" => ProcessSeen::BackingOff { failures: 3, last: Text::new("boom") },
        _ => panic!("a process cannot be {value:?}"),
    }
}

fn reach_of(value: &str) -> Reach {
    match value {
        "running" => Reach::Running,
        "starting" => Reach::Starting,
        "unreachable" => Reach::Unreachable(Error::new(Kind::Unreachable, Text::new("silent"))),
        "refused" => Reach::Refused(Error::new(Kind::Denied, Text::new("no"))),
        _ => panic!("reach cannot be {value:?}"),
    }
}

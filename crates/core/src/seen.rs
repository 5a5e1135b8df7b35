//! What was observed, and only that: nothing here is remembered between two looks.
//!
//! Each `Option` says what `None` means; nothing is guessed.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use serde::{Deserialize, Serialize};

use crate::{
    Bytes, Error, Millis, Text, Timestamp, Version,
    finding::Finding,
    model::{ClusterSpec, MemberHome, MemberSpec, Name, Runtime},
};

/// The whole fleet as seen at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetSeen {
    /// Hosts by name; a host that was not asked or did not answer is missing here and told in `findings`.
    pub hosts: BTreeMap<Name, HostSeen>,
    /// Members by name; every member that was asked is here.
    pub members: BTreeMap<Name, MemberSeen>,
    /// Members that live on a host and are not in the fleet file (restored beside, or no longer declared), each with
    /// its cluster as it was when it was started, of which it is the only member here.
    #[serde(default)]
    pub undeclared: BTreeMap<Name, ClusterSpec>,
    /// Members that this fleet file made under a name or in a data folder that it names no more.
    #[serde(default)]
    pub former: Vec<Former>,
    /// Data directories that were set aside, in the homes of this fleet's members.
    #[serde(default)]
    pub asides: Vec<Aside>,
    /// Restores that began to change something and did not get to their end, as the journal knows them, by where they
    /// go: a member's name, or `HOST:PORT`.
    #[serde(default)]
    pub half_done: BTreeMap<String, HalfDone>,
    /// What went wrong while looking.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// A restore that did not get to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HalfDone {
    /// The operation.
    pub operation: String,
    /// What is there now may be a part of a snapshot.
    pub is_part: bool,
}

/// One host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSeen {
    /// All of its memory; `None`: unknown.
    pub memory: Option<Bytes>,
    /// Whether the hand there may change users and ownership.
    pub is_root: bool,
    /// The user the hand runs as.
    pub user: String,
    /// The system users that were asked about and exist.
    pub users: Vec<String>,
    /// Programs found, each with its version; `None`: nobody asked for them.
    pub tools: Option<Tools>,
    /// Where some process listens.
    #[serde(default)]
    pub listening: Vec<SocketAddr>,
    /// An agent process serves here; `None`: none does.
    pub agent: Option<AgentSeen>,
}

/// The agent's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSeen {
    /// Its process id.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// The members that it watches, of whatever fleet.
    #[serde(default)]
    pub watches: Vec<Watched>,
}

/// A member that an agent watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Where it lives.
    pub home: String,
    /// The fleet file that it was started from, or taken over for.
    pub fleet_file: String,
    /// Whether that file is there.
    pub has_file: bool,
}

/// A member that this fleet file made and that is, by what the file says now, none of its fleet's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// The fleet's name when it was started last.
    pub fleet: Name,
    /// Where it lives.
    pub home: MemberHome,
    /// Its cluster as it was then, of which it is the only member here.
    pub cluster: ClusterSpec,
    /// What its host knows of it; its files are not looked at.
    pub on_host: OnHost,
}

/// A data directory that was set aside, by a restore in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// Whose it was.
    pub member: Name,
    /// Where it lies.
    pub path: String,
    /// How much is in it; `None`: more files than are counted, or not all could be seen.
    pub bytes: Option<Bytes>,
    /// When it was set aside; `None`: its name does not say.
    pub since: Option<Timestamp>,
}

/// Programs found on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tools(pub Vec<Tool>);

/// One program found on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// The engine that asked for it.
    pub engine: String,
    /// Its role there: `server`, `dump`, …, as the engine's profile names it.
    pub name: String,
    /// Absolute path.
    pub path: String,
    /// Its version, as its engine read it from what it printed.
    pub version: Version,
    /// Its flavour, as its engine tells them apart (`mysql`, `mariadb`).
    pub flavour: String,
}

impl Tools {
    /// All programs of this role for this engine, newest version first.
    pub fn of(&self, engine: &str, name: &str) -> Vec<&Tool> {
        let mut found: Vec<_> =
            self.0.iter().filter(|tool| tool.engine == engine && tool.name == name).collect();
        found.sort_by(|a, b| b.version.cmp(&a.version));
        found
    }
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberSeen {
    /// What its host knows of it; `None` for a member that somebody else runs.
    pub on_host: Option<OnHost>,
    /// Whether it answers.
    pub reach: Reach,
    /// What it says of itself; `None` unless it is running and let us in.
    pub facts: Option<Facts>,
    /// How long the look took.
    pub took: Millis,
}

/// Whether a member answers its protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// It answered, as the engine it must be.
    Running,
    /// It answers, but is not ready yet: starting, recovering, loading.
    Starting,
    /// Its host knows that no process of it runs.
    Stopped,
    /// No answer within the deadline, or no connection. Never taken for stopped.
    Unreachable(Error),
    /// It answered and refused us, or is not what it should be.
    Refused(Error),
}

/// What the host knows of a member it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnHost {
    /// The data directory.
    pub data: DataSeen,
    /// The process.
    pub process: ProcessSeen,
    /// SHA-256 of each file in the member's `conf` folder, by absolute path.
    pub files: BTreeMap<String, String>,
    /// What is left for us on the file system of its home; `None`: unknown.
    pub free: Option<Bytes>,
    /// Where its process listens by TCP; `None`: none runs, or we may not see.
    #[serde(default)]
    pub listens: Option<Vec<SocketAddr>>,
}

impl OnHost {
    /// Where it answers, when that is not where it is declared to: another port, or addresses that nobody declared.
    /// Loopback is every member's own.
    pub fn elsewhere(&self, member: &MemberSpec) -> Option<&[SocketAddr]> {
        let Runtime::Process { port, listen, .. } = &member.runtime else { return None };
        let there = self.listens.as_deref()?;
        let answers = there.contains(&SocketAddr::new(*listen, *port));
        let declared = |address: &SocketAddr| address.ip() == *listen || address.ip().is_loopback();
        let others = there.iter().filter(|address| address.port() == *port).any(|address| !declared(address));
        (!answers || others).then_some(there)
    }
}

/// A member's data directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataSeen {
    /// Not there, or an empty folder.
    Absent,
    /// A creation of ours that was interrupted, before the data had an identity.
    Unfinished,
    /// Ours, and waits for a snapshot, or was loaded with one in part.
    HalfLoaded,
    /// Ours, with its identity.
    Ours(Identity),
    /// Somebody else's, or unreadable: never touched.
    Foreign(Text),
}

impl DataSeen {
    /// Whether something was begun there that did not end: what it holds counts for nothing.
    pub fn is_unfinished(&self) -> bool {
        matches!(self, Self::Unfinished | Self::HalfLoaded)
    }
}

/// What the identity file in a data directory says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Random, made when the directory was created.
    pub id: String,
    /// The fleet.
    pub fleet: Name,
    /// Absolute path of the fleet file that created it, or that took it over when that one was gone.
    pub fleet_file: String,
    /// The cluster.
    pub cluster: Name,
    /// The member.
    pub member: Name,
    /// The engine.
    pub engine: String,
    /// The engine's flavour.
    pub flavour: String,
    /// The server version that created it.
    pub version: Version,
    /// When.
    pub created: Timestamp,
    /// The snapshot that it waits for, or that is being loaded into it; `None`: it is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loading: Option<String>,
}

/// A member's process, as its host sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessSeen {
    /// None runs, and none should.
    Stopped,
    /// It runs.
    Running {
        /// Process id.
        pid: u32,
        /// Restarts by the agent since it was last started on purpose.
        restarts: u32,
    },
    /// It died and will be started again after a pause.
    BackingOff {
        /// Deaths in a row.
        failures: u32,
        /// What was left: exit status or signal and the last lines of its log, or why it could not be started.
        last: Text,
    },
    /// It should run and does not, and no agent is there to start it.
    Dead,
}

/// What a member says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Its part in the cluster; `None`: it would not say.
    pub role: Option<Role>,
    /// Its version; `None`: it would not say.
    pub version: Option<Version>,
    /// Its flavour, as the engine tells them apart; empty: it would not say.
    pub flavour: String,
    /// How long it has run; `None`: unknown.
    pub uptime: Option<Millis>,
    /// Its position in the log, as the engine writes it (LSN, GTID set, offset); `None`: it keeps no log, or we may not ask.
    pub position: Option<String>,
    /// Client connections now; `None`: we may not ask.
    pub connections_used: Option<u64>,
    /// Client connections allowed; `None`: without limit, or we may not ask.
    pub connections_allowed: Option<u64>,
    /// Size of its data; `None`: we may not ask.
    pub size: Option<Bytes>,
    /// Replication; `None`: it neither follows nor is followed.
    pub replication: Option<Replication>,
    /// Whether it refuses writes; `None`: unknown.
    pub read_only: Option<bool>,
    /// Settings in force, those that were asked for, by name; one that is missing was not told.
    pub settings: BTreeMap<String, SettingSeen>,
    /// Declared accounts that the server does not let in with the declared password (`Depth::Full`, members run here).
    #[serde(default)]
    pub shut_out: Vec<String>,
    /// Databases; `None`: not asked (a brief look), or the engine has none.
    pub databases: Option<Vec<String>>,
    /// Whether the connection is encrypted and verified, encrypted, or plain.
    pub protection: Protection,
    /// What only the engine's own folder reads, to reconcile accounts and the like.
    #[serde(default)]
    pub own: serde_json::Value,
}

/// How a connection was protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// In clear.
    #[default]
    Plain,
    /// TLS, and the certificate names the server.
    Verified,
}

/// A member's part in its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Takes writes.
    Primary,
    /// Follows another.
    Replica,
}

/// Replication as one member sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replication {
    /// Whom it follows; `None`: nobody.
    pub source: Option<String>,
    /// Whether it receives now; `None`: it follows nobody.
    pub streaming: Option<bool>,
    /// How far it is behind; `None`: unknown.
    pub lag: Option<Millis>,
    /// How far it is behind; `None`: unknown.
    pub lag_bytes: Option<Bytes>,
    /// How many follow it.
    pub followers: u64,
}

/// One setting in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingSeen {
    /// Its value, normalised by the engine so that equal values are equal text.
    pub value: String,
    /// What the engine needs to take another value.
    pub effect: Effect,
    /// A changed value waits for a restart.
    pub pending: bool,
}

/// What a changed setting needs, as the engine itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Taken while running.
    Reload,
    /// Taken at the next start.
    Restart,
    /// Fixed when the data directory is created.
    Fixed,
}

impl ProcessSeen {
    /// Whether a process of it runs, or will again without anybody's doing.
    pub const fn is_up(&self) -> bool {
        matches!(self, Self::Running { .. } | Self::BackingOff { .. })
    }

    /// Whether the next agent would start it, if it is not up: nobody has stopped it on purpose.
    pub const fn is_wanted(&self) -> bool {
        self.is_up() || matches!(self, Self::Dead)
    }
}

impl HostSeen {
    /// Whether somebody listens where a member at this address and port would.
    pub fn is_taken(&self, address: IpAddr, port: u16) -> bool {
        let meets = |other: IpAddr| other == address || other.is_unspecified() || address.is_unspecified();
        self.listening.iter().any(|listener| listener.port() == port && meets(listener.ip()))
    }
}

impl FleetSeen {
    /// The facts that a plan rests on, flat: `orders-1 process` → `running`. What changes by itself (uptime,
    /// connections, size, position) is left out. Two equal maps mean: the plan still fits.
    pub fn basis(&self) -> BTreeMap<String, String> {
        let mut basis = BTreeMap::new();
        for (name, host) in &self.hosts {
            let users = host.users.join(" ");
            basis.insert(format!("{name} users"), users);
        }
        for former in &self.former {
            let state = if former.on_host.process.is_up() { "up" } else { "down" };
            basis.insert(format!("{} state", former.home.root), state.into());
        }
        for (name, member) in &self.members {
            let mut put = |what: &str, value: String| basis.insert(format!("{name} {what}"), value);
            let reach = match &member.reach {
                Reach::Running => "running",
                Reach::Starting => "starting",
                Reach::Stopped => "stopped",
                Reach::Unreachable(_) => "unreachable",
                Reach::Refused(_) => "refused",
            };
            put("state", reach.into());
            if let Some(host) = &member.on_host {
                let data = match &host.data {
                    DataSeen::Absent => "absent".into(),
                    DataSeen::Unfinished => "unfinished".into(),
                    DataSeen::HalfLoaded => "half-loaded".into(),
                    DataSeen::Ours(identity) => identity.id.clone(),
                    DataSeen::Foreign(why) => why.to_string(),
                };
                put("data", data);
                for (path, digest) in &host.files {
                    put(path, digest.clone());
                }
            }
            if let Some(facts) = &member.facts {
                put("role", format!("{:?}", facts.role).to_lowercase());
                put("version", facts.version.as_ref().map(ToString::to_string).unwrap_or_default());
                put("databases", facts.databases.clone().unwrap_or_default().join(" "));
                put("accounts", facts.own.to_string());
                put("shut out", facts.shut_out.join(" "));
                for (setting, seen) in &facts.settings {
                    put(&format!("setting {setting}"), seen.value.clone());
                }
            }
        }
        basis
    }
}

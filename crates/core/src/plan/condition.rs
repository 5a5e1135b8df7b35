//! What must be true, as data: evaluated against a fresh observation, by any process, on any day.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{
    Text,
    model::Name,
    seen::{DataSeen, FleetSeen, MemberSeen, ProcessSeen, Reach},
};

/// One thing that must be true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The member answers its protocol.
    Running(Name),
    /// No process of the member runs.
    Stopped(Name),
    /// The member listens where it is declared to.
    Answers {
        /// Which.
        member: Name,
        /// Its address.
        listen: IpAddr,
        /// Its port.
        port: u16,
    },
    /// The member has no data directory (or an unfinished creation of ours).
    NoData(Name),
    /// The member's data directory is ours.
    OwnData(Name),
    /// The member's data directory is ours, and waits for a load.
    Unfinished(Name),
    /// No restore into this server, reached by address, broke off in the middle of its load.
    Whole {
        /// Which.
        member: Name,
        /// Where it answers, as [`super::place_of`] says it.
        place: String,
    },
    /// The file has these contents (SHA-256); for files that hold no secret.
    File {
        /// Whose.
        member: Name,
        /// Absolute path.
        path: String,
        /// Digest of its contents.
        digest: String,
    },
    /// The setting is in force with this value.
    Setting {
        /// Whose.
        member: Name,
        /// The engine's name for it.
        name: String,
        /// Its value, normalised.
        value: String,
    },
    /// The database exists.
    Database {
        /// Whose.
        member: Name,
        /// Its name.
        name: String,
    },
    /// The engine's own facts have this value at this JSON pointer.
    Own {
        /// Whose.
        member: Name,
        /// JSON pointer into `Facts::own`.
        pointer: String,
        /// The value there.
        value: serde_json::Value,
    },
    /// The account is let in with the declared password.
    Admitted {
        /// Where.
        member: Name,
        /// The account.
        account: String,
    },
    /// The system user exists on the host.
    User {
        /// The host.
        host: Name,
        /// The user.
        user: String,
    },
}

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// It does.
    Yes,
    /// It does not: what is so instead.
    No(Text),
    /// It cannot be told: why.
    Unknown(Text),
}

impl Condition {
    /// Evaluates it against what was seen.
    pub fn held(&self, seen: &FleetSeen) -> Held {
        match self {
            Self::Whole { member, place } => match seen.half_done.get(place).filter(|half| half.is_part) {
                None => Held::Yes,
                Some(half) => {
                    let what = Text::new("core-condition-part").with("member", member);
                    Held::No(what.with("operation", half.operation.get(..8).unwrap_or(&half.operation)))
                }
            },
            Self::User { host, user } => match seen.hosts.get(host) {
                None => Held::Unknown(Text::new("core-condition-host-unseen").with("host", host)),
                Some(host) if host.users.contains(user) => Held::Yes,
                Some(_) => Held::No(Text::new("core-condition-no-user").with("user", user)),
            },
            Self::Running(member)
            | Self::Stopped(member)
            | Self::NoData(member)
            | Self::OwnData(member)
            | Self::Unfinished(member)
            | Self::Answers { member, .. }
            | Self::File { member, .. }
            | Self::Setting { member, .. }
            | Self::Database { member, .. }
            | Self::Own { member, .. }
            | Self::Admitted { member, .. } => match seen.members.get(member) {
                None => Held::Unknown(Text::new("core-condition-member-unseen").with("member", member)),
                Some(found) => self.held_by(member, found),
            },
        }
    }

    /// The member it is about; `None` for a host's.
    pub fn member(&self) -> Option<&Name> {
        match self {
            Self::User { .. } => None,
            Self::Whole { member, .. }
            | Self::Running(member)
            | Self::Stopped(member)
            | Self::NoData(member)
            | Self::OwnData(member)
            | Self::Unfinished(member)
            | Self::Answers { member, .. }
            | Self::File { member, .. }
            | Self::Setting { member, .. }
            | Self::Database { member, .. }
            | Self::Own { member, .. }
            | Self::Admitted { member, .. } => Some(member),
        }
    }

    fn held_by(&self, name: &Name, seen: &MemberSeen) -> Held {
        let no = |key: &str| Held::No(Text::new(key).with("member", name));
        match self {
            Self::Running(_) => match &seen.reach {
                Reach::Running => Held::Yes,
                other => Held::No(state(name, other)),
            },
            Self::Stopped(_) => match &seen.on_host {
                None => Held::Unknown(Text::new("core-condition-not-supervised").with("member", name)),
                Some(host) => match host.process {
                    ProcessSeen::Stopped | ProcessSeen::Dead => Held::Yes,
                    ProcessSeen::Running { .. } | ProcessSeen::BackingOff { .. } => no("core-condition-runs"),
                },
            },
            Self::Answers { listen, port, .. } => match seen.on_host.as_ref().map(|host| &host.listens) {
                Some(Some(there)) if there.contains(&SocketAddr::new(*listen, *port)) => Held::Yes,
                Some(Some(there)) => {
                    let there: Vec<_> = there.iter().map(ToString::to_string).collect();
                    let what = Text::new("core-condition-answers").with("member", name);
                    Held::No(what.with("there", there.join(", ")))
                }
                // Nobody may see where: then that it answers must do.
                Some(None) if seen.reach == Reach::Running => Held::Yes,
                Some(None) | None => Held::Unknown(state(name, &seen.reach)),
            },
            Self::NoData(_) => match seen.on_host.as_ref().map(|host| &host.data) {
                None => Held::Unknown(Text::new("core-condition-not-supervised").with("member", name)),
                Some(DataSeen::Absent | DataSeen::Unfinished | DataSeen::HalfLoaded) => Held::Yes,
                Some(DataSeen::Ours(_)) => no("core-condition-has-data"),
                Some(DataSeen::Foreign(why)) => Held::No(why.clone()),
            },
            Self::OwnData(_) => match seen.on_host.as_ref().map(|host| &host.data) {
                None => Held::Unknown(Text::new("core-condition-not-supervised").with("member", name)),
                Some(DataSeen::Ours(_)) => Held::Yes,
                Some(DataSeen::Foreign(why)) => Held::No(why.clone()),
                Some(DataSeen::Absent | DataSeen::Unfinished | DataSeen::HalfLoaded) => {
                    no("core-condition-no-data")
                }
            },
            Self::Unfinished(_) => match seen.on_host.as_ref().map(|host| &host.data) {
                None => Held::Unknown(Text::new("core-condition-not-supervised").with("member", name)),
                Some(DataSeen::HalfLoaded) => Held::Yes,
                Some(DataSeen::Foreign(why)) => Held::No(why.clone()),
                Some(DataSeen::Ours(_)) => no("core-condition-has-data"),
                Some(DataSeen::Absent | DataSeen::Unfinished) => no("core-condition-no-data"),
            },
            Self::File { path, digest, .. } => match &seen.on_host {
                None => Held::Unknown(Text::new("core-condition-not-supervised").with("member", name)),
                Some(host) if host.files.get(path) == Some(digest) => Held::Yes,
                Some(_) => Held::No(Text::new("core-condition-file-differs").with("path", path)),
            },
            Self::Setting { .. } | Self::Database { .. } | Self::Own { .. } | Self::Admitted { .. } => {
                self.held_by_facts(name, seen)
            }
            Self::User { .. } | Self::Whole { .. } => {
                Held::Unknown(Text::new("core-condition-host-unseen").with("host", name))
            }
        }
    }

    fn held_by_facts(&self, name: &Name, seen: &MemberSeen) -> Held {
        let Some(facts) = &seen.facts else {
            return Held::Unknown(state(name, &seen.reach));
        };
        match self {
            Self::Setting { name: setting, value, .. } => match facts.settings.get(setting) {
                None => Held::Unknown(Text::new("core-condition-setting-unseen").with("setting", setting)),
                Some(found) if &found.value == value => Held::Yes,
                Some(found) => Held::No(
                    Text::new("core-condition-setting-differs")
                        .with("setting", setting)
                        .with("is", &found.value)
                        .with("wanted", value),
                ),
            },
            Self::Database { name: database, .. } => match &facts.databases {
                Some(all) if all.contains(database) => Held::Yes,
                Some(_) => Held::No(Text::new("core-condition-no-database").with("database", database)),
                None => Held::Unknown(Text::new("core-condition-no-database").with("database", database)),
            },
            Self::Own { pointer, value, .. } => {
                if facts.own.pointer(pointer) == Some(value) {
                    Held::Yes
                } else {
                    Held::No(Text::new("core-condition-own-differs").with("what", pointer))
                }
            }
            Self::Admitted { account, .. } if facts.shut_out.contains(account) => {
                Held::No(Text::new("core-condition-shut-out").with("account", account).with("member", name))
            }
            Self::Admitted { .. } => Held::Yes,
            _ => Held::Unknown(state(name, &seen.reach)),
        }
    }
}

fn state(member: &Name, reach: &Reach) -> Text {
    let key = match reach {
        Reach::Running => "core-state-running",
        Reach::Starting => "core-state-starting",
        Reach::Stopped => "core-state-stopped",
        Reach::Unreachable(_) => "core-state-unreachable",
        Reach::Refused(_) => "core-state-refused",
    };
    Text::new("core-condition-state").with("member", member).with("state", Text::new(key))
}

//! One idempotent act with its precondition and its proof.

use serde::{Deserialize, Serialize};

use super::{Act, Condition};
use crate::{Text, model::Name};

/// What a step does to those who use the data, gravest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Makes something new.
    Create,
    /// Settings are read again; nobody notices.
    Reload,
    /// A server is restarted: its connections break.
    Restart,
    /// Writes stop for a while.
    InterruptsWrites,
    /// Another member becomes primary.
    FailsOver,
    /// Data that was live is no longer live afterwards.
    LosesData,
}

impl Risk {
    /// The word shown and stored.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Reload => "reload",
            Self::Restart => "restart",
            Self::InterruptsWrites => "interrupts-writes",
            Self::FailsOver => "fails-over",
            Self::LosesData => "loses-data",
        }
    }
}

/// What a step is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The host whose hand does it.
    pub host: Option<Name>,
    /// The cluster.
    pub cluster: Option<Name>,
    /// The member.
    pub member: Option<Name>,
    /// The snapshot, by full id.
    pub snapshot: Option<String>,
    /// `HOST:PORT` of a server that is no member of the fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl Target {
    /// The most particular name: address, else member, else cluster, else host, else snapshot.
    pub fn name(&self) -> &str {
        if let Some(address) = &self.address {
            return address;
        }
        let named = self.member.as_ref().or(self.cluster.as_ref()).or(self.host.as_ref());
        named.map(Name::as_str).or(self.snapshot.as_deref()).unwrap_or("")
    }
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in its plan: `3-start-orders-1`.
    pub id: String,
    /// What it does, for people.
    pub title: Text,
    /// What it is about.
    pub target: Target,
    /// What it risks; `None`: nothing that anybody would notice.
    pub risk: Option<Risk>,
    /// What must still be true before it begins.
    pub requires: Vec<Condition>,
    /// What does it.
    pub act: Act,
    /// What must be true afterwards: observed, not assumed.
    pub proves: Vec<Condition>,
    /// What takes it back; `None`: nothing can, or nothing needs to.
    pub undo: Option<Act>,
}

//! Plans: what will be done, step by step, and what it risks. One file per operation decides; these types carry.

mod act;
pub mod apply;
pub mod backup;
mod condition;
pub mod down;
pub mod former;
mod lost;
mod place;
pub mod restore;
mod situation;
mod step;
mod undeclared;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use act::{Act, LoadTask, MemberTask, ProveTask, SnapshotTask, Standing, TakeTask};
pub use condition::{Condition, Held};
pub use place::{declared_at, place_of};
pub use situation::Situation;
pub use step::{Risk, Step, Target};

use crate::{Text, Timestamp, finding::Finding, model::Name, seen::FleetSeen};

/// What an operation is for; enough to plan it anew from wherever the world is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// Make the fleet as declared. `members` empty: all.
    Apply {
        /// Only these clusters; empty: all.
        clusters: Vec<Name>,
    },
    /// Stop the members, keep their data.
    Down {
        /// Only these clusters; empty: all.
        clusters: Vec<Name>,
    },
    /// Take one set of snapshots.
    Backup {
        /// Only these clusters; empty: all that declare a backup.
        clusters: Vec<Name>,
    },
    /// Check and prove snapshots.
    Verify {
        /// These snapshots, by full id.
        snapshots: Vec<String>,
    },
    /// Compare what was restored from a snapshot, and runs, with the snapshot's manifest.
    Compare {
        /// The snapshot, by full id.
        snapshot: String,
        /// Where it was restored to.
        with: Destination,
    },
    /// Restore one snapshot.
    Restore {
        /// The snapshot, by full id.
        snapshot: String,
        /// Where to.
        into: Destination,
    },
}

/// Where a restore goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// The cluster's own member; its data is set aside.
    Place,
    /// A new member beside it.
    Beside {
        /// The new member's name.
        member: Name,
        /// Its port.
        port: u16,
    },
    /// An empty server reached by address.
    Address {
        /// Host name or address.
        address: String,
        /// Port.
        port: u16,
        /// Account; password by reference.
        user: String,
        /// Its password.
        password: Option<crate::SecretRef>,
        /// Protection.
        tls: crate::model::TlsSpec,
    },
}

/// What will be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The form of this type; a plan saved by another form is refused.
    pub format: u32,
    /// The fleet.
    pub fleet: Name,
    /// SHA-256 of the fleet file's bytes it was made from.
    pub fleet_digest: String,
    /// What it is for.
    pub aim: Aim,
    /// When it was made.
    pub made: Timestamp,
    /// The id of the operation that the aim began with; a resumed plan keeps it.
    pub operation: String,
    /// Steps of that operation that were finished well before it was interrupted.
    #[serde(default)]
    pub done: Vec<String>,
    /// What those of them found, by their ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub found: BTreeMap<String, serde_json::Value>,
    /// What was observed when it was made, flat: see [`FleetSeen::basis`].
    pub basis: BTreeMap<String, String>,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// The current value of [`Plan::format`].
pub const FORMAT: u32 = 1;

/// What deciding returns: a plan and the findings that explain it. With an error among the findings, `plan` has no steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What to do.
    pub plan: Plan,
    /// Why, and what stands against it.
    pub findings: Vec<Finding>,
}

/// One fact that a saved plan rested on and that is no longer so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Which fact.
    pub fact: String,
    /// What it was; `None`: it was not there.
    pub was: Option<String>,
    /// What it is; `None`: it is gone.
    pub is: Option<String>,
}

impl Changed {
    /// The sentence for it.
    pub fn text(&self) -> Text {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
        Text::new("core-plan-fact-changed")
            .with("fact", &self.fact)
            .with("was", shown(&self.was))
            .with("is", shown(&self.is))
    }
}

/// Decides what an aim needs.
pub fn decide(situation: &Situation<'_>, aim: &Aim) -> Decision {
    match aim {
        Aim::Apply { clusters } => apply::apply(situation, clusters),
        Aim::Down { clusters } => down::down(situation, clusters),
        Aim::Backup { clusters } => backup::backup(situation, clusters),
        Aim::Verify { snapshots } => backup::verify(situation, snapshots),
        Aim::Compare { snapshot, with } => restore::compare_with(situation, snapshot, with),
        Aim::Restore { snapshot, into } => restore::restore(situation, snapshot, into),
    }
}

impl Plan {
    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The gravest risk among its steps.
    pub fn risk(&self) -> Option<Risk> {
        self.steps.iter().filter_map(|step| step.risk).max()
    }

    /// Whether, once this was done, there is nothing left to carry on of another: it has the same aim, or it restored
    /// something else where the other would have.
    pub fn replaces(&self, other: &Self) -> bool {
        self.aim == other.aim || self.restores_into().is_some_and(|here| other.restores_into() == Some(here))
    }

    /// Where it restores: a member of the fleet by its name, a server that somebody else runs as `HOST:PORT`.
    pub fn restores_into(&self) -> Option<String> {
        let Aim::Restore { .. } = self.aim else { return None };
        let member = self.steps.iter().find_map(|step| match &step.act {
            Act::Compare(task) => Some(&task.member.member),
            _ => None,
        })?;
        Some(if member.is_supervised() { member.name.to_string() } else { place_of(member) })
    }

    /// The names of what it would lose data of.
    pub fn loses_data_of(&self) -> Vec<&str> {
        let loses = self.steps.iter().filter(|step| step.risk == Some(Risk::LosesData));
        let mut names: Vec<_> = loses.map(|step| step.target.name()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What has changed since it was made; empty: it still fits.
    pub fn changed(&self, seen: &FleetSeen) -> Vec<Changed> {
        changes(&self.basis, &seen.basis())
    }

    /// How this plan's basis differs from an earlier one; empty: in nothing.
    pub fn basis_changes(&self, earlier: &BTreeMap<String, String>) -> Vec<Changed> {
        changes(earlier, &self.basis)
    }
}

fn changes(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> Vec<Changed> {
    let facts: std::collections::BTreeSet<_> = was.keys().chain(is.keys()).collect();
    facts
        .into_iter()
        .filter(|fact| was.get(*fact) != is.get(*fact))
        .map(|fact| Changed { fact: fact.clone(), was: was.get(fact).cloned(), is: is.get(fact).cloned() })
        .collect()
}

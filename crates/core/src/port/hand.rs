//! What a host can be asked to do. In the same process or behind the agent's door is the same to the caller.
//!
//! Bytes of backups flow between hand and vault, never through the caller.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{
    ambient::Watch,
    engine::Depth,
    vault::{Record, SnapshotId},
};
use crate::{
    Result, SecretRef,
    finding::Finding,
    manifest::Comparison,
    model::{ClusterSpec, HostSpec, MemberHome, MemberSpec, Name},
    plan::Act,
    secret::Secret,
    seen::{Aside, Former, HostSeen, MemberSeen},
};

/// Secrets that travel with an order, by reference: by protocol only, never in a journal.
pub type Purse = BTreeMap<SecretRef, Secret>;

/// A question to a host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LookAsk {
    /// The host.
    pub host: HostSpec,
    /// The members to look at, each with its cluster.
    pub members: Vec<LookMember>,
    /// How much to ask them.
    pub depth: Depth,
    /// Also search for programs.
    pub tools: bool,
    /// The fleet.
    pub fleet: Name,
    /// Absolute path of its file.
    pub fleet_file: String,
    /// Also look at the members of this fleet that live on the host and are none of these, at those that its file made
    /// under another name, and at what was set aside; `None`: only at those asked.
    pub besides: Option<Vec<Name>>,
}

/// One member to look at.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LookMember {
    /// Its cluster.
    pub cluster: ClusterSpec,
    /// The member.
    pub member: MemberSpec,
    /// Its home, when it is run here.
    pub home: Option<MemberHome>,
    /// Settings that the plan wants to know.
    pub settings: Vec<String>,
}

/// What was seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Looked {
    /// The host.
    pub host: HostSeen,
    /// The members by name.
    pub members: BTreeMap<Name, MemberSeen>,
    /// Those among them that were not asked for by name, each with its cluster, of which it is the only member here.
    #[serde(default)]
    pub besides: BTreeMap<Name, ClusterSpec>,
    /// Members that the fleet file made under a name or in a data folder that it names no more; looked for with `besides`.
    #[serde(default)]
    pub former: Vec<Former>,
    /// Data directories that were set aside; looked for with `besides`.
    #[serde(default)]
    pub asides: Vec<Aside>,
    /// What a survey found (`Depth::Grants`).
    pub findings: Vec<Finding>,
}

/// One act to be done.
#[derive(Clone, Debug)]
pub struct Order {
    /// The step's id, unique in its operation.
    pub step: String,
    /// The operation's id.
    pub operation: String,
    /// Who asked: `user@host`.
    pub by: String,
    /// The fleet.
    pub fleet: Name,
    /// What to do.
    pub act: Act,
}

/// What came of an act.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether anything changed; `false`: all was already as wanted.
    pub changed: bool,
    /// What is worth knowing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The snapshot taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<Record>>,
    /// What a comparison found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// What was found, in an engine's own words: what a resumption of the operation must know of the world before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<serde_json::Value>,
    /// The snapshot it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotId>,
}

/// One host's hand.
#[async_trait]
pub trait Hand: Send + Sync {
    /// Looks at the host and its members, all at once; a member that does not answer costs its deadline and no more.
    async fn look(&self, ask: &LookAsk, purse: &Purse) -> Result<Looked>;
    /// Does one act. Idempotent: an act that was done already changes nothing. An error leaves the world as told by a
    /// fresh look; nothing is assumed.
    async fn act(&self, order: &Order, purse: &Purse, watch: &dyn Watch) -> Result<Outcome>;
}

//! Running members: layouts and changes, rendered purely.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Link;
use crate::{
    Result, Text, Version,
    finding::Finding,
    model::{ClusterSpec, HostSpec, MemberHome, MemberSpec},
    plan::{Condition, Risk},
    port::{ambient::Secrets, layout::Layout},
    seen::{Facts, HostSeen},
};

/// What a layout is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A member, for clients.
    Member,
    /// The same data directory while a backup is loaded into it: no clients, nothing fires, durability only at the end.
    Loading,
    /// A throw-away server for a proof: loopback or private socket, bounded memory, no durability.
    Scratch,
}

/// What `render` is given.
#[derive(Clone, Debug)]
pub struct RenderAsk<'a> {
    /// The cluster.
    pub cluster: &'a ClusterSpec,
    /// The member; for a scratch server a member made up for it, with its own port.
    pub member: &'a MemberSpec,
    /// The host's declaration.
    pub host: &'a HostSpec,
    /// What was seen of the host; its `tools` are there.
    pub seen: &'a HostSeen,
    /// Where it lives.
    pub home: &'a MemberHome,
    /// What it is for.
    pub purpose: Purpose,
    /// Render for exactly this version (and flavour), because data of it exists; `None`: the cluster's wish, else the newest.
    pub version: Option<(Version, String)>,
}

/// An engine's own act: only its folder understands the payload. Secrets in it are references.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineAct {
    /// Which act: `create-database`, `reconcile-account`, `apply-settings`.
    pub name: String,
    /// Its particulars.
    pub payload: serde_json::Value,
}

/// One change that a running member needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it does, for people.
    pub title: Text,
    /// What it risks; `None`: nothing.
    pub risk: Option<Risk>,
    /// What does it.
    pub how: How,
    /// What must be true afterwards.
    pub proves: Vec<Condition>,
}

/// What makes a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// The configuration files are written anew and read again by the server.
    Reload,
    /// The configuration files are written anew and the server is restarted.
    Restart,
    /// An act of the engine's own.
    Own(EngineAct),
}

/// Running members. All but `perform` is pure.
#[async_trait]
pub trait Deploy: Send + Sync {
    /// The layout, or every finding that stands against it (a missing program names its package).
    fn render(&self, ask: &RenderAsk<'_>) -> Result<Layout, Vec<Finding>>;
    /// What a running member still needs: settings (by the layout's settings against those in force), databases,
    /// accounts and grants. Empty when the member is as declared. What would be needed but cannot be done comes as findings.
    fn changes(&self, cluster: &ClusterSpec, layout: &Layout, facts: &Facts) -> (Vec<Change>, Vec<Finding>);
    /// The settings whose value in force `changes` wants to see.
    fn settings_of_interest(&self, cluster: &ClusterSpec) -> Vec<String>;
    /// Carries out an act of the engine's own. Idempotent.
    async fn perform(&self, link: &Link, act: &EngineAct, secrets: &dyn Secrets) -> Result<()>;
    /// Asked once before an orderly stop; engines that need a word by protocol (save, shutdown) say it here.
    async fn before_stop(&self, link: &Link) -> Result<()>;
}

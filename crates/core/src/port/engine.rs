//! What an engine can do: a profile that says how it behaves, and facets that are there or absent.
//!
//! An engine never reads the fleet file, the journal or the vault, and remembers nothing between two calls.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{
    ambient::{Secrets, Watch},
    layout::{Endpoint, Layout},
    stream::{Sink, Source},
    vault::{Dumped, Record},
};
use crate::{
    Bytes, Millis, Result, Secret, Text, Timestamp, Version,
    finding::Finding,
    manifest::Manifest,
    model::{ClusterSpec, HostSpec, MemberHome, MemberSpec, TlsSpec},
    plan::{Condition, Risk},
    seen::{Facts, HostSeen, Tools},
    text::Messages,
};

/// The engines that this binary has.
pub trait Engines: Send + Sync {
    /// All, in the order of their names.
    fn all(&self) -> Vec<Arc<dyn Engine>>;
    /// The one of this name; `None` when there is none.
    fn get(&self, name: &str) -> Option<Arc<dyn Engine>> {
        self.all().into_iter().find(|engine| engine.profile().name == name)
    }
}

/// One kind of database.
pub trait Engine: Send + Sync {
    /// How it behaves.
    fn profile(&self) -> &Profile;
    /// Its sentences.
    fn messages(&self) -> Messages;
    /// Checks what the fleet file says of one cluster of it: settings by name and value, names of databases and
    /// accounts, versions, sizes. Subjects are paths in the file: `clusters.orders.settings.max_connections`.
    fn check(&self, cluster: &ClusterSpec) -> Vec<Finding>;
    /// Reads version and flavour from what one of its tools printed when asked; `None`: it is something else.
    fn tool_version(&self, tool: &str, printed: &str) -> Option<(Version, String)>;
    /// Looking at members.
    fn observe(&self) -> Option<&dyn Observe>;
    /// Running members.
    fn deploy(&self) -> Option<&dyn Deploy>;
    /// Backing up and restoring.
    fn backup(&self) -> Option<&dyn Backup>;
    /// Looking into the data.
    fn inspect(&self) -> Option<&dyn Inspect>;
}

/// How an engine behaves. Decisions ask this, never which engine it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name in the fleet file.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// The port its clients expect.
    pub port: u16,
    /// The least memory a member can be given.
    pub memory_min: Bytes,
    /// The system user that usually runs it.
    pub user: &'static str,
    /// The programs it needs.
    pub tools: &'static [ToolNeed],
    /// Whether the fleet file may declare databases by name.
    pub has_databases: bool,
    /// How well its backups are anchored: the sentence that `explain` and `backups` show.
    pub guarantee: &'static str,
}

/// One program that an engine needs on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolNeed {
    /// Its role: `server`, `create`, `client`, `dump`, `restore`. Unique within the engine.
    pub name: &'static str,
    /// File names under which it is installed.
    pub files: &'static [&'static str],
    /// Folders where packages put it, `*` for one path element, before `PATH` is searched.
    pub directories: &'static [&'static str],
    /// Arguments that make it print its version and exit.
    pub version_args: &'static [&'static str],
    /// Debian packages that bring it.
    pub packages: &'static [&'static str],
    /// Needed to run members (`true`), or only to back up and restore (`false`).
    pub for_server: bool,
}

/// An authenticated way to one member. Whoever calls makes it.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where it answers.
    pub endpoint: Endpoint,
    /// The account.
    pub user: String,
    /// Its password; `None`: the server asks for none.
    pub password: Option<Secret>,
    /// How the connection is protected.
    pub tls: TlsSpec,
    /// Limit for connecting and for each short question; long work (dump, digest) has none, but must go on moving.
    pub deadline: Millis,
    /// Whether anything may be changed through it. With `false` every session is opened so that it cannot write.
    pub may_write: bool,
    /// The programs on this host.
    pub tools: Tools,
    /// A private folder (0700) for files that tools need (passwords, certificates); removed by the caller.
    pub private: String,
}

/// How much a look asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// What `status` shows; a handful of cheap questions.
    Brief,
    /// Also settings, databases and accounts, for a plan.
    Full,
    /// Also whether the account's grants suffice for a backup (`check --live`).
    Grants,
}

/// Looking at members.
#[async_trait]
pub trait Observe: Send + Sync {
    /// One look. Ends within the link's deadline: `Kind::Unreachable` when it does not answer, `Kind::Denied` when it
    /// refuses us, `Kind::Busy` when it is starting. With `settings`, those settings are in the facts (`Depth::Full`).
    async fn look(
        &self,
        link: &Link,
        cluster: &ClusterSpec,
        depth: Depth,
        settings: &[String],
    ) -> Result<Facts>;
    /// What could not be backed up, or not consistently, and which grants are missing. Read-only.
    async fn survey(&self, link: &Link, cluster: &ClusterSpec) -> Result<Vec<Finding>>;
}

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

/// What a load is given.
#[derive(Clone, Debug)]
pub struct LoadAsk<'a> {
    /// The snapshot's record.
    pub record: &'a Record,
    /// The target is a server of ours that serves nobody yet (scratch, or in place): durability may be relaxed.
    pub private_target: bool,
    /// Accounts that must stay as they are (the administrator of the target).
    pub keep_accounts: Vec<String>,
}

/// Backing up and restoring, by the vendor's own tools and protocols.
#[async_trait]
pub trait Backup: Send + Sync {
    /// Streams everything into the sink, all in one consistent view where the engine allows it. An error means: no
    /// backup. The watch is told the bytes.
    async fn dump(
        &self,
        link: &Link,
        cluster: &ClusterSpec,
        sink: &mut dyn Sink,
        watch: &dyn Watch,
    ) -> Result<Dumped>;
    /// Puts what must lie in the data directory before the server starts (a memory image, for engines that load one).
    /// `Ok(false)`: this engine needs nothing there. Files are owned by the layout's user afterwards.
    async fn seed(
        &self,
        source: &dyn Source,
        layout: &Layout,
        ask: &LoadAsk<'_>,
        watch: &dyn Watch,
    ) -> Result<bool>;
    /// Loads into a running, empty server. What fires on load is kept from firing. Not repeatable on a half-loaded server.
    async fn load(
        &self,
        source: &dyn Source,
        link: &Link,
        ask: &LoadAsk<'_>,
        watch: &dyn Watch,
    ) -> Result<Vec<Finding>>;
    /// The version and flavour of server that can load this snapshot, as a wish for `render`.
    fn loads_into(&self, record: &Record) -> (Version, String);
}

/// Looking into the data.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// Counts and digests of everything, by the same method as in [`Backup::dump`], so that the two can be compared.
    async fn manifest(&self, link: &Link, cluster: &ClusterSpec, watch: &dyn Watch) -> Result<Manifest>;
    /// Leaves out of an original's and a copy's manifest what may rightly differ, and is asked before every comparison:
    /// accounts that the load had to `keep`, and what was bound to vanish until `now` (keys past their expiry).
    /// `now` is `None` for a copy that served nobody since it was loaded: there nothing may have vanished.
    fn comparable(
        &self,
        original: Manifest,
        copy: Manifest,
        _now: Option<Timestamp>,
        _keep: &[String],
    ) -> (Manifest, Manifest) {
        (original, copy)
    }
    /// What the server holds that a load would meet; `None` when it is empty.
    async fn occupied(&self, link: &Link) -> Result<Option<Text>>;
}

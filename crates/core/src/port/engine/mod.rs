//! What an engine can do: a profile that says how it behaves, and facets that are there or absent.
//!
//! An engine never reads the fleet file, the journal or the vault, and remembers nothing between two calls.

mod backup;
mod deploy;
mod inspect;
mod observe;

use std::sync::Arc;

pub use backup::{Backup, LoadAsk};
pub use deploy::{Change, Deploy, EngineAct, How, Purpose, RenderAsk};
pub use inspect::{Inspect, Lived};
pub use observe::{Depth, Observe};

use super::layout::Endpoint;
use crate::{
    Bytes, Millis, Secret, Version,
    finding::Finding,
    model::{ClusterSpec, TlsSpec},
    seen::Tools,
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

//! Looking at members.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Link;
use crate::{Result, finding::Finding, model::ClusterSpec, seen::Facts};

/// How much a look asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// What `status` shows; a handful of cheap questions.
    #[default]
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
    /// Whether the link's account is let in with the link's password, whatever it may do then. An error says that it
    /// could not be asked.
    async fn admits(&self, link: &Link) -> Result<bool>;
    /// What could not be backed up, or not consistently, and which grants are missing. Read-only.
    async fn survey(&self, link: &Link, cluster: &ClusterSpec) -> Result<Vec<Finding>>;
}

//! Looking into the data.

use async_trait::async_trait;

use super::Link;
use crate::{Result, Text, Timestamp, manifest::Manifest, model::ClusterSpec, port::ambient::Watch};

/// What a copy went through between its load and the moment in which it was looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lived {
    /// It served nobody: nothing may have vanished.
    Unserved,
    /// The process that loaded it served until then.
    Served(Timestamp),
    /// It served until then, by a process that may have been started after the load.
    Started(Timestamp),
}

impl Lived {
    /// Until when it served.
    #[must_use]
    pub fn until(self) -> Option<Timestamp> {
        match self {
            Self::Unserved => None,
            Self::Served(until) | Self::Started(until) => Some(until),
        }
    }
}

/// Looking into the data.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// Counts and digests of everything, by the same method as in [`Backup::dump`](super::Backup::dump), so that the two can be compared.
    async fn manifest(&self, link: &Link, cluster: &ClusterSpec, watch: &dyn Watch) -> Result<Manifest>;
    /// Leaves out of an original's and a copy's manifest what may rightly differ, and is asked before every comparison:
    /// accounts that the load had to `keep`, and what was bound to vanish while the copy `lived` (keys past their expiry,
    /// rows in memory). `keep` is empty for an original that is compared with what was taken from it: every account of
    /// it counts.
    fn comparable(
        &self,
        original: Manifest,
        copy: Manifest,
        _lived: Lived,
        _keep: &[String],
    ) -> (Manifest, Manifest) {
        (original, copy)
    }
    /// Accounts that the copy has and the original has not, by names that [`Inspect::comparable`] keeps.
    fn accounts_besides(&self, original: &Manifest, copy: &Manifest) -> Vec<String>;
    /// Accounts that are the server's own, and stay as they are in a load: the one that the link uses, and what the
    /// server was created with.
    async fn own_accounts(&self, link: &Link) -> Result<Vec<String>> {
        Ok(vec![link.user.clone()])
    }
    /// What the server holds that a load would meet; `None` when it is empty.
    async fn occupied(&self, link: &Link) -> Result<Option<Text>>;
}

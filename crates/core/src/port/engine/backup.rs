//! Backing up and restoring.

use async_trait::async_trait;

use super::Link;
use crate::{
    Result, Version,
    finding::Finding,
    model::ClusterSpec,
    port::{
        ambient::Watch,
        layout::Layout,
        stream::{Sink, Source},
        vault::{Dumped, Record},
    },
};

/// What a load is given.
#[derive(Clone, Debug)]
pub struct LoadAsk<'a> {
    /// The snapshot's record.
    pub record: &'a Record,
    /// The target is a server of ours that serves nobody yet (scratch, or in place): durability may be relaxed.
    pub private_target: bool,
    /// Accounts that must stay as they are (the administrator of the target).
    pub keep_accounts: Vec<String>,
    /// What [`Backup::fits`] found before an earlier load that broke off; `None`: there was none.
    pub before: Option<serde_json::Value>,
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
    /// Fails, and changes nothing, when this server cannot take the snapshot: it is too old, holds something that the
    /// load would meet, or the account may not do what a load does. Returns which server it is and what belongs to it
    /// although it counts as empty (accounts, tablespaces), for [`Backup::clear`]. Asked before a load by address.
    async fn fits(&self, source: &dyn Source, link: &Link, ask: &LoadAsk<'_>) -> Result<serde_json::Value>;
    /// Takes out of a running server what a load of this snapshot left there when it broke off, so that it can be loaded
    /// again; what was there `before` stays. Another server, or anything that the snapshot does not hold, is an error
    /// ([`Kind::Exists`](crate::Kind::Exists)) before anything is removed; an empty server is left as it is. Repeatable.
    async fn clear(&self, source: &dyn Source, link: &Link, ask: &LoadAsk<'_>) -> Result<()>;
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

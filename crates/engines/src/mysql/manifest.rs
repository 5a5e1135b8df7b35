//! Looking into the data: counts and digests by the very reader that dumps, and whether a server is empty.

use async_trait::async_trait;
use roadstead_core::{
    Result, Text,
    manifest::Manifest,
    model::ClusterSpec,
    port::{Inspect, Link, Watch},
};

use super::{
    Mysql,
    dump::{self, Output},
    observe,
    session::Session,
    snapshot::Snapshot,
};

#[async_trait]
impl Inspect for Mysql {
    async fn manifest(&self, link: &Link, _: &ClusterSpec, watch: &dyn Watch) -> Result<Manifest> {
        let mut snapshot = Snapshot::open(link).await?;
        let mut output = Output::new(None, watch);
        let inventory = dump::everything(&mut snapshot.readers, &mut output).await?;
        snapshot.close().await;
        Ok(inventory.manifest())
    }

    async fn occupied(&self, link: &Link) -> Result<Option<Text>> {
        let mut session = Session::open(link).await?;
        let databases = observe::databases(&mut session).await?;
        session.close().await;
        let shown: Vec<_> = databases.iter().take(5).cloned().collect();
        let what =
            || Text::new("mysql-occupied").with("count", databases.len()).with("databases", shown.join(", "));
        Ok((!databases.is_empty()).then(what))
    }
}

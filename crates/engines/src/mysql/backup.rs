//! Taking and loading backups, over the server's own protocol.
//!
//! The vendor's dump tools are not used: what they lose is in `docs/decisions/`. The text they would write is.

use async_trait::async_trait;
use roadstead_core::{
    Finding, Result, Version,
    model::ClusterSpec,
    port::{
        Backup, Layout, Link, Sink, Source, Watch,
        engine::LoadAsk,
        vault::{Dumped, Record},
    },
};

use super::{
    Mysql, clear,
    dump::{self, Output},
    flavour::Flavour,
    load,
    snapshot::Snapshot,
    survey,
};

#[async_trait]
impl Backup for Mysql {
    async fn dump(
        &self,
        link: &Link,
        cluster: &ClusterSpec,
        sink: &mut dyn Sink,
        watch: &dyn Watch,
    ) -> Result<Dumped> {
        let lacking = survey::lacking(link, cluster).await?;
        let mut snapshot = Snapshot::open(link).await?;
        let (flavour, version) = (snapshot.readers[0].flavour, snapshot.readers[0].version.clone());
        let mut output = Output::new(Some(sink), watch);
        let mut inventory = dump::everything(&mut snapshot.readers, &mut output).await?;
        let mut findings = std::mem::take(&mut snapshot.findings);
        findings.append(&mut inventory.findings);
        for finding in lacking {
            if !findings.iter().any(|known| known.what == finding.what) {
                findings.push(finding);
            }
        }
        let position = snapshot.position.take();
        snapshot.close().await;
        Ok(Dumped {
            flavour: flavour.word().into(),
            version,
            position,
            manifest: inventory.manifest(),
            findings,
        })
    }

    async fn seed(&self, _: &dyn Source, _: &Layout, _: &LoadAsk<'_>, _: &dyn Watch) -> Result<bool> {
        // Everything is loaded by protocol once the server runs.
        Ok(false)
    }

    async fn load(
        &self,
        source: &dyn Source,
        link: &Link,
        ask: &LoadAsk<'_>,
        watch: &dyn Watch,
    ) -> Result<Vec<Finding>> {
        load::load(source, link, ask, watch).await
    }

    async fn fits(&self, source: &dyn Source, link: &Link, ask: &LoadAsk<'_>) -> Result<serde_json::Value> {
        clear::fits(source, link, ask).await
    }

    async fn clear(&self, source: &dyn Source, link: &Link, ask: &LoadAsk<'_>) -> Result<()> {
        clear::clear(source, link, ask).await
    }

    fn loads_into(&self, record: &Record) -> (Version, String) {
        let dumped = &record.dumped;
        let parts = &dumped.version.parts;
        // MariaDB's series, and MySQL 8's two, have two numbers; MySQL 9 is one line of releases.
        let kept = match Flavour::from_word(&dumped.flavour) {
            Flavour::Mysql if dumped.version.major() >= 9 => 1,
            _ => 2,
        };
        (Version { parts: parts[..parts.len().min(kept)].to_vec() }, dumped.flavour.clone())
    }
}

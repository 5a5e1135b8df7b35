//! PostgreSQL 15 to 18: observed by its protocol, deployed as a process, backed up by `pg_dump` in one snapshot with
//! the digests that prove it, restored by `pg_restore`.
//!
//! Nothing here reads the fleet file, the journal or the vault, and no shell ever sees a byte of a dump.

mod accounts;
mod backup;
mod body;
mod catalog;
mod clear;
mod constraints;
mod deploy;
mod globals;
mod inspect;
mod link;
mod load;
mod manifest;
mod observe;
mod parameters;
mod profile;
mod rare;
mod recreate;
mod scratch;
mod search_path;
mod settings;
mod sql;
mod survey;
mod wire;

use async_trait::async_trait;
use roadstead_core::{
    Finding, Messages, Result, Text, Version,
    manifest::Manifest,
    model::ClusterSpec,
    port::{
        Backup, Deploy, Engine, Inspect, Layout, Link, Observe, Profile, Secrets, Sink, Source, Watch,
        engine::{Change, Depth, EngineAct, Lived, LoadAsk, RenderAsk},
        vault::{Dumped, Record},
    },
    seen::Facts,
};

/// The engine.
pub(crate) struct Postgresql;

const MESSAGES: Messages =
    &[("en", include_str!("messages/en.ftl")), ("zh", include_str!("messages/zh.ftl"))];

impl Engine for Postgresql {
    fn profile(&self) -> &Profile {
        &profile::PROFILE
    }

    fn messages(&self) -> Messages {
        MESSAGES
    }

    fn check(&self, cluster: &ClusterSpec) -> Vec<Finding> {
        settings::check(cluster)
    }

    fn tool_version(&self, _tool: &str, printed: &str) -> Option<(Version, String)> {
        profile::tool_version(printed)
    }

    fn observe(&self) -> Option<&dyn Observe> {
        Some(self)
    }

    fn deploy(&self) -> Option<&dyn Deploy> {
        Some(self)
    }

    fn backup(&self) -> Option<&dyn Backup> {
        Some(self)
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

#[async_trait]
impl Observe for Postgresql {
    async fn admits(&self, link: &Link) -> Result<bool> {
        match link::Session::home(link).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == roadstead_core::Kind::Denied => Ok(!link::is_wrong_password(&error)),
            Err(error) => Err(error),
        }
    }

    async fn look(
        &self,
        link: &Link,
        cluster: &ClusterSpec,
        depth: Depth,
        settings: &[String],
    ) -> Result<Facts> {
        observe::look(link, cluster, depth, settings).await
    }

    async fn survey(&self, link: &Link, _cluster: &ClusterSpec) -> Result<Vec<Finding>> {
        survey::survey(link).await
    }
}

#[async_trait]
impl Deploy for Postgresql {
    fn render(&self, ask: &RenderAsk<'_>) -> Result<Layout, Vec<Finding>> {
        deploy::render(ask)
    }

    fn changes(&self, cluster: &ClusterSpec, layout: &Layout, facts: &Facts) -> (Vec<Change>, Vec<Finding>) {
        deploy::changes(cluster, layout, facts)
    }

    fn settings_of_interest(&self, cluster: &ClusterSpec) -> Vec<String> {
        deploy::settings_of_interest(cluster)
    }

    async fn perform(&self, link: &Link, act: &EngineAct, secrets: &dyn Secrets) -> Result<()> {
        deploy::perform(link, act, secrets).await
    }

    async fn before_stop(&self, _link: &Link) -> Result<()> {
        // The signal of an orderly stop is all that this server needs.
        Ok(())
    }
}

#[async_trait]
impl Backup for Postgresql {
    async fn dump(
        &self,
        link: &Link,
        _cluster: &ClusterSpec,
        sink: &mut dyn Sink,
        watch: &dyn Watch,
    ) -> Result<Dumped> {
        Box::pin(backup::dump(link, sink, watch)).await
    }

    async fn seed(
        &self,
        _source: &dyn Source,
        _layout: &Layout,
        _ask: &LoadAsk<'_>,
        _watch: &dyn Watch,
    ) -> Result<bool> {
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
        backup::loads_into(record)
    }
}

#[async_trait]
impl Inspect for Postgresql {
    async fn manifest(&self, link: &Link, _cluster: &ClusterSpec, watch: &dyn Watch) -> Result<Manifest> {
        inspect::manifest(link, watch).await
    }

    fn comparable(
        &self,
        original: Manifest,
        copy: Manifest,
        _lived: Lived,
        keep: &[String],
    ) -> (Manifest, Manifest) {
        inspect::comparable(original, copy, keep)
    }

    fn accounts_besides(&self, original: &Manifest, copy: &Manifest) -> Vec<String> {
        copy.names_besides(original, &["role"])
    }

    async fn own_accounts(&self, link: &Link) -> Result<Vec<String>> {
        clear::own_accounts(link).await
    }

    async fn occupied(&self, link: &Link) -> Result<Option<Text>> {
        inspect::occupied(link).await
    }
}

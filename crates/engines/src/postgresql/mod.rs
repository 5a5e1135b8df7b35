//! PostgreSQL 15 to 18: observed by its protocol, deployed as a process, backed up by `pg_dump` in one snapshot with
//! the digests that prove it, restored by `pg_restore`.
//!
//! Nothing here reads the fleet file, the journal or the vault, and no shell ever sees a byte of a dump.

mod accounts;
mod deploy;
mod link;
mod observe;
mod parameters;
mod profile;
mod scratch;
mod settings;
mod sql;

use async_trait::async_trait;
use roadstead_core::{
    Finding, Messages, Result, Version,
    model::ClusterSpec,
    plan::Condition,
    port::{
        Backup, Deploy, Engine, Inspect, Layout, Link, Observe, Profile, Secrets,
        engine::{Change, Depth, EngineAct, RenderAsk},
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
        None
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        None
    }
}

#[async_trait]
impl Observe for Postgresql {
    async fn look(
        &self,
        link: &Link,
        cluster: &ClusterSpec,
        depth: Depth,
        settings: &[String],
    ) -> Result<Facts> {
        observe::look(link, cluster, depth, settings).await
    }

    async fn survey(&self, _link: &Link, _cluster: &ClusterSpec) -> Result<Vec<Finding>> {
        Ok(vec![])
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

//! Redis 7 and later, Valkey 8 and later: one engine, two flavours.
//!
//! Speaks the protocol itself; needs the server's program alone, and that only to run members and to prove backups.

mod accounts;
mod backup;
mod clear;
mod connection;
mod databases;
mod deploy;
mod info;
mod load;
mod manifest;
mod observe;
mod profile;
mod rdb;
mod resp;
mod rights;
mod scratch;
mod settings;
mod sync;

use roadstead_core::{
    Finding, Messages, Version,
    model::ClusterSpec,
    port::{Backup, Deploy, Engine, Inspect, Observe, Profile},
};

/// The flavours, as records and identities name them.
pub(super) const REDIS: &str = "redis";
/// The fork.
pub(super) const VALKEY: &str = "valkey";

const MESSAGES: Messages =
    &[("en", include_str!("messages/en.ftl")), ("zh", include_str!("messages/zh.ftl"))];

/// The engine. Remembers nothing.
pub(crate) struct Redis;

impl Engine for Redis {
    fn profile(&self) -> &Profile {
        &profile::PROFILE
    }

    fn messages(&self) -> Messages {
        MESSAGES
    }

    fn check(&self, cluster: &ClusterSpec) -> Vec<Finding> {
        let mut findings = profile::check(cluster);
        findings.extend(settings::check(cluster));
        findings.extend(accounts::check(cluster));
        findings
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

//! MySQL 8 and 9, and MariaDB 10.11 and later: one engine, two flavours.
//!
//! Owns everything that is particular to the two. Never reads the fleet file, the journal or the vault, and
//! starts no program: backups are taken and loaded over the server's own protocol.

mod accounts;
mod backup;
mod catalogue;
mod clear;
mod definitions;
mod deploy;
mod dump;
mod flavour;
mod given;
mod grants;
mod greeting;
mod load;
mod manifest;
mod memory;
mod observe;
mod outside;
mod people;
mod profile;
mod programs;
mod rows;
mod scratch;
mod session;
mod settings;
mod snapshot;
mod statement;
mod strays;
mod survey;
mod variables;
mod zones;

use roadstead_core::{
    Finding, Messages, Version,
    model::ClusterSpec,
    port::{Backup, Deploy, Engine, Inspect, Observe, Profile},
};

/// The engine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mysql;

const MESSAGES: Messages =
    &[("en", include_str!("messages/en.ftl")), ("zh", include_str!("messages/zh.ftl"))];

impl Engine for Mysql {
    fn profile(&self) -> &Profile {
        &profile::PROFILE
    }

    fn messages(&self) -> Messages {
        MESSAGES
    }

    fn check(&self, cluster: &ClusterSpec) -> Vec<Finding> {
        profile::check(cluster)
    }

    fn tool_version(&self, tool: &str, printed: &str) -> Option<(Version, String)> {
        flavour::of_tool(tool, printed)
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

//! What a throw-away server and a server that is being loaded get instead of a member's settings. Pure.

use roadstead_core::{Bytes, Text, port::engine::Purpose};

use super::{flavour::Flavour, settings::Given};

/// Replaces and adds settings for a purpose other than serving clients.
pub(super) fn adjust(given: &mut Vec<Given>, flavour: Flavour, purpose: &Purpose, memory: Bytes) {
    if *purpose == Purpose::Member {
        return;
    }
    let why = Text::new("mysql-why-loading");
    let pool = if *purpose == Purpose::Scratch { memory.0.min(Bytes::mib(512).0) / 2 } else { memory.0 / 2 };
    let pool = (pool / Bytes::mib(128).0 * Bytes::mib(128).0).max(Bytes::mib(128).0);
    let mut put = |name: &str, value: String| {
        given.retain(|one| one.name != name);
        given.push(Given { name: name.into(), value, why: why.clone() });
    };
    put("innodb_buffer_pool_size", pool.to_string());
    put("max_connections", "20".into());
    put("log_bin", "OFF".into());
    put("sync_binlog", "0".into());
    put("innodb_flush_log_at_trx_commit", "0".into());
    put("event_scheduler", "OFF".into());
    put("max_allowed_packet", "1073741824".into());
    put("performance_schema", "OFF".into());
    put("innodb_buffer_pool_load_at_startup", "OFF".into());
    // A server that is loaded must not refuse what the original has, nor forget accounts by the names of hosts; it
    // knows no zone by its name before the backup says which there are.
    for name in [
        "read_only",
        "super_read_only",
        "require_secure_transport",
        "offline_mode",
        "innodb_read_only",
        "skip_name_resolve",
        "time_zone",
    ] {
        given.retain(|one| one.name != name);
    }
    let mut put = |name: &str, value: &str| {
        given.retain(|one| one.name != name);
        given.push(Given { name: name.into(), value: value.into(), why: Text::new("mysql-why-loading") });
    };
    if flavour == Flavour::Mysql {
        put("innodb_redo_log_capacity", &Bytes::mib(256).0.to_string());
        put("gtid_mode", "OFF");
        put("enforce_gtid_consistency", "OFF");
    } else {
        put("innodb_log_file_size", &Bytes::mib(256).0.to_string());
    }
    if *purpose == Purpose::Scratch {
        put("innodb_doublewrite", "OFF");
        put("innodb_stats_auto_recalc", "OFF");
        put("innodb_buffer_pool_dump_at_shutdown", "OFF");
    }
}

//! What is different where a server has no clients: while a backup is loaded into a member's data directory, and
//! for the throw-away server of a proof. Pure.

use roadstead_core::{
    Bytes, Text,
    model::ClusterSpec,
    port::{engine::Purpose, layout::SettingWhy},
};

use super::settings::{memory, put, setting};

/// Puts what this purpose needs over a member's settings.
pub(super) fn adapt(settings: &mut Vec<SettingWhy>, cluster: &ClusterSpec, purpose: &Purpose, major: u32) {
    let shared = (memory(cluster).0 / 4).clamp(32 * Bytes::MIB, 256 * Bytes::MIB) / Bytes::MIB;
    let maintenance = (memory(cluster).0 / 4).clamp(64 * Bytes::MIB, 512 * Bytes::MIB) / Bytes::MIB;
    let mut wanted = vec![
        ("shared_buffers", format!("{shared}MB")),
        ("maintenance_work_mem", format!("{maintenance}MB")),
        ("work_mem", "32MB".to_owned()),
        ("max_connections", "20".to_owned()),
        ("superuser_reserved_connections", "3".to_owned()),
        // Many objects in one transaction need many locks.
        ("max_locks_per_transaction", "1024".to_owned()),
        ("max_worker_processes", "4".to_owned()),
        ("max_wal_size", "4GB".to_owned()),
        ("checkpoint_timeout", "1h".to_owned()),
        ("full_page_writes", "off".to_owned()),
        ("synchronous_commit", "off".to_owned()),
        ("wal_level", "minimal".to_owned()),
        ("max_wal_senders", "0".to_owned()),
        ("archive_mode", "off".to_owned()),
        ("autovacuum", "off".to_owned()),
        ("log_checkpoints", "off".to_owned()),
        ("log_statement", "none".to_owned()),
        ("log_min_duration_statement", "-1".to_owned()),
        ("max_logical_replication_workers", "0".to_owned()),
        ("synchronous_standby_names", String::new()),
        ("ssl", "off".to_owned()),
        ("huge_pages", "off".to_owned()),
    ];
    if major >= 16 {
        wanted.push(("reserved_connections", "0".to_owned()));
    }
    if major >= 17 {
        wanted.push(("event_triggers", "off".to_owned()));
        wanted.push(("summarize_wal", "off".to_owned()));
    }
    if *purpose == Purpose::Scratch {
        // A member keeps fsync while it is loaded: nothing else would make its files durable before clients come.
        wanted.push(("fsync", "off".to_owned()));
    }
    for (name, value) in wanted {
        let why = match purpose {
            Purpose::Scratch => Text::new("postgresql-why-scratch"),
            _ => Text::new("postgresql-why-loading"),
        };
        put(settings, setting(name, &value, why));
    }
    quiet_schedules(settings);
    settings.sort_by(|a, b| a.name.cmp(&b.name));
}

/// Scheduled jobs that are restored must not run here.
fn quiet_schedules(settings: &mut Vec<SettingWhy>) {
    let preloaded = settings.iter().find(|setting| setting.name == "shared_preload_libraries");
    if preloaded.is_some_and(|setting| setting.value.contains("pg_cron")) {
        put(settings, setting("cron.launch_active_jobs", "off", Text::new("postgresql-why-schedules")));
    }
}

//! How this engine behaves, and what it needs.

use roadstead_core::{
    Bytes, Finding, Text, Version,
    model::ClusterSpec,
    port::engine::{Profile, ToolNeed},
};

use super::{REDIS, VALKEY};

/// The account that Roadstead has on the members it runs.
pub(super) const ADMIN: &str = "roadstead";
/// The tool's role.
pub(super) const SERVER: &str = "server";
/// What a member gets when the fleet file does not say.
pub(super) const MEMORY: Bytes = Bytes::mib(256);
const MEMORY_MIN: Bytes = Bytes::mib(16);

/// Before this, values, accounts and functions are stored in forms that nothing here was tried with.
const VERSION_MIN: u32 = 7;

/// The profile.
pub(super) static PROFILE: Profile = Profile {
    name: REDIS,
    title: "Redis",
    port: 6379,
    memory_min: MEMORY_MIN,
    user: "redis",
    tools: &[ToolNeed {
        name: SERVER,
        files: &["redis-server", "valkey-server"],
        directories: &["/usr/bin", "/usr/local/bin", "/opt/redis*/bin", "/opt/valkey*/bin"],
        version_args: &["--version"],
        packages: &["redis-server", "valkey-server"],
        for_server: true,
    }],
    has_databases: false,
    guarantee: "redis-guarantee",
};

/// Reads `Redis server v=7.0.15 …` and `Valkey server v=8.1.0 …`.
pub(super) fn tool_version(printed: &str) -> Option<(Version, String)> {
    let (name, rest) = printed.trim().split_once(" server v=")?;
    let flavour = match name {
        "Redis" => REDIS,
        "Valkey" => VALKEY,
        _ => return None,
    };
    Some((Version::parse(rest)?, flavour.to_owned()))
}

/// Whether a server of `found` can load data of `wanted`. Later versions read earlier snapshots, never the reverse;
/// Valkey reads what Redis wrote up to 7.2, the last version that both share.
pub(super) fn can_load(wanted: (&Version, &str), found: (&Version, &str)) -> bool {
    if wanted.1 == found.1 || wanted.1.is_empty() {
        return found.0 >= wanted.0;
    }
    let shared = Version { parts: vec![7, 3] };
    wanted.1 == REDIS && found.1 == VALKEY && *wanted.0 < shared
}

/// What does not depend on names of settings and accounts.
pub(super) fn check(cluster: &ClusterSpec) -> Vec<Finding> {
    let subject = |field: &str| format!("clusters.{}.{field}", cluster.name);
    let mut findings = Vec::new();
    if let Some(version) = &cluster.version
        && version.major() < VERSION_MIN
    {
        let what = Text::new("redis-version-old").with("version", version.to_string());
        findings.push(Finding::error(subject("version"), what).cure(Text::new("redis-version-old-cure")));
    }
    if let Some(memory) = cluster.memory
        && memory < MEMORY_MIN
    {
        let what = Text::new("redis-memory-small").with("memory", memory.to_string());
        let cure = Text::new("redis-memory-small-cure").with("least", MEMORY_MIN.to_string());
        findings.push(Finding::error(subject("memory"), what).cure(cure));
    }
    if !cluster.databases.is_empty() {
        let what = Text::new("redis-databases-declared");
        findings.push(
            Finding::error(subject("databases"), what).cure(Text::new("redis-databases-declared-cure")),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_tell_version_and_flavour() {
        let old =
            "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0\n";
        assert_eq!(tool_version(old), Version::parse("7.0.15").map(|v| (v, "redis".into())));
        let new = "Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=0\n";
        assert_eq!(tool_version(new), Version::parse("8.1.1").map(|v| (v, "valkey".into())));
        assert_eq!(tool_version("KeyDB server v=6.3.4"), None);
        assert_eq!(tool_version("redis-cli 7.0.15"), None);
    }

    #[test]
    fn data_is_never_loaded_by_an_older_server() {
        let version = |text: &str| Version::parse(text).expect("a version");
        let can = |wanted: (&str, &str), found: (&str, &str)| {
            can_load((&version(wanted.0), wanted.1), (&version(found.0), found.1))
        };
        assert!(can(("7.0.15", "redis"), ("7.2.4", "redis")));
        assert!(!can(("7.2.4", "redis"), ("7.0.15", "redis")));
        assert!(can(("7.2.4", "redis"), ("8.0.1", "valkey")));
        assert!(!can(("7.4.0", "redis"), ("8.0.1", "valkey")));
        assert!(!can(("8.0.1", "valkey"), ("8.2.0", "redis")));
    }
}

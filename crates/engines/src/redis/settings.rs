//! The settings by name: what a value may be, how equal values are made equal text, what a change needs.
//!
//! The list was read from a running server (`CONFIG GET *`, and which of them `CONFIG SET` calls immutable).

use std::collections::BTreeSet;

use roadstead_core::{Bytes, Finding, Text, Version, model::ClusterSpec, seen::Effect};

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// `yes` or `no`.
    Flag,
    /// A whole number, from the least to the greatest.
    Number(i64, i64),
    /// Bytes, this many or more; `512mb`, `512MiB` and `536870912` are equal.
    Memory(u64),
    /// Bytes, or a share of the memory, as `5%`.
    Share,
    /// Pairs of seconds and changes, or nothing.
    Saves,
    /// Three numbers from -2000 to 2000.
    Scores,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Classes of events, a letter each, in any order.
    Events,
    /// Any of these words, shown in this order.
    Several(&'static [&'static str]),
    /// Numbers with fractions.
    Percentiles,
    /// Limits of the classes of clients: a class that is not named keeps the server's own.
    Limits,
    /// Words or numbers, with single spaces between; sizes in bytes.
    Words,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
struct Setting {
    name: &'static str,
    sort: Sort,
    effect: Effect,
}

const fn live(name: &'static str, sort: Sort) -> Setting {
    Setting { name, sort, effect: Effect::Reload }
}

const fn fixed(name: &'static str, sort: Sort) -> Setting {
    Setting { name, sort, effect: Effect::Restart }
}

/// Settings that Roadstead itself decides: where the member lives, who may come in, whom it follows.
const OWNED: &[&str] = &[
    "aclfile",
    "always-show-logo",
    "appenddirname",
    "appendfilename",
    "bind",
    "cluster-config-file",
    "cluster-enabled",
    "daemonize",
    "dbfilename",
    "dir",
    "enable-debug-command",
    "enable-module-command",
    "enable-protected-configs",
    "include",
    "loadmodule",
    "logfile",
    "masterauth",
    "masteruser",
    "pidfile",
    "port",
    "primaryauth",
    "primaryuser",
    "protected-mode",
    "rdbchecksum",
    "rename-command",
    "replicaof",
    "requirepass",
    "set-proc-title",
    "slaveof",
    "supervised",
    "unixsocket",
    "unixsocketperm",
    "user",
];

const POLICIES: &[&str] = &[
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
];

const FACILITIES: &[&str] =
    &["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"];

/// The greatest number of most settings.
const INT: i64 = i32::MAX as i64;
/// Settings that servers before this version do not have, and do not start with.
const SINCE_7_2: [&str; 2] = ["set-max-listpack-entries", "set-max-listpack-value"];

/// The events that the letter `A` stands for.
const ALL_EVENTS: &str = "g$lshzxetd";

/// The classes of clients in the order in which the server shows them, and the limits it gives them by itself.
const CLIENT_LIMITS: [(&str, [u64; 3]); 3] =
    [("normal", [0, 0, 0]), ("slave", [256 << 20, 64 << 20, 60]), ("pubsub", [32 << 20, 8 << 20, 60])];

const SETTINGS: &[Setting] = &[
    live("acl-pubsub-default", Sort::Word(&["resetchannels", "allchannels"])),
    live("acllog-max-len", Sort::Number(0, i64::MAX)),
    live("active-defrag-cycle-max", Sort::Number(1, 99)),
    live("active-defrag-cycle-min", Sort::Number(1, 99)),
    live("active-defrag-ignore-bytes", Sort::Memory(1)),
    live("active-defrag-max-scan-fields", Sort::Number(1, i64::MAX)),
    live("active-defrag-threshold-lower", Sort::Number(0, 1000)),
    live("active-defrag-threshold-upper", Sort::Number(0, 1000)),
    live("active-expire-effort", Sort::Number(1, 10)),
    live("activedefrag", Sort::Flag),
    live("activerehashing", Sort::Flag),
    live("aof-load-truncated", Sort::Flag),
    live("aof-rewrite-incremental-fsync", Sort::Flag),
    live("aof-timestamp-enabled", Sort::Flag),
    live("aof-use-rdb-preamble", Sort::Flag),
    fixed("aof_rewrite_cpulist", Sort::Words),
    live("appendfsync", Sort::Word(&["everysec", "always", "no"])),
    live("appendonly", Sort::Flag),
    live("auto-aof-rewrite-min-size", Sort::Memory(0)),
    live("auto-aof-rewrite-percentage", Sort::Number(0, INT)),
    fixed("bgsave_cpulist", Sort::Words),
    fixed("bio_cpulist", Sort::Words),
    live("busy-reply-threshold", Sort::Number(0, i64::MAX)),
    live("client-output-buffer-limit", Sort::Limits),
    live("client-query-buffer-limit", Sort::Memory(1 << 20)),
    live("crash-log-enabled", Sort::Flag),
    live("crash-memcheck-enabled", Sort::Flag),
    fixed("databases", Sort::Number(1, INT)),
    fixed("disable-thp", Sort::Flag),
    live("dynamic-hz", Sort::Flag),
    live("hash-max-listpack-entries", Sort::Number(0, i64::MAX)),
    live("hash-max-listpack-value", Sort::Memory(0)),
    live("hll-sparse-max-bytes", Sort::Memory(0)),
    live("hz", Sort::Number(0, INT)),
    fixed("io-threads", Sort::Number(1, 128)),
    fixed("io-threads-do-reads", Sort::Flag),
    live("jemalloc-bg-thread", Sort::Flag),
    live("latency-monitor-threshold", Sort::Number(0, i64::MAX)),
    live("latency-tracking", Sort::Flag),
    live("latency-tracking-info-percentiles", Sort::Percentiles),
    live("lazyfree-lazy-eviction", Sort::Flag),
    live("lazyfree-lazy-expire", Sort::Flag),
    live("lazyfree-lazy-server-del", Sort::Flag),
    live("lazyfree-lazy-user-del", Sort::Flag),
    live("lazyfree-lazy-user-flush", Sort::Flag),
    live("lfu-decay-time", Sort::Number(0, INT)),
    live("lfu-log-factor", Sort::Number(0, INT)),
    live("list-compress-depth", Sort::Number(0, INT)),
    live("list-max-listpack-size", Sort::Number(-INT - 1, INT)),
    live("loglevel", Sort::Word(&["debug", "verbose", "notice", "warning", "nothing"])),
    live("maxclients", Sort::Number(1, u32::MAX as i64)),
    live("maxmemory", Sort::Memory(0)),
    live("maxmemory-clients", Sort::Share),
    live("maxmemory-eviction-tenacity", Sort::Number(0, 100)),
    live("maxmemory-policy", Sort::Word(POLICIES)),
    live("maxmemory-samples", Sort::Number(1, INT)),
    live("min-replicas-max-lag", Sort::Number(0, INT)),
    live("min-replicas-to-write", Sort::Number(0, INT)),
    live("no-appendfsync-on-rewrite", Sort::Flag),
    live("notify-keyspace-events", Sort::Events),
    live("oom-score-adj", Sort::Word(&["no", "yes", "relative", "absolute"])),
    live("oom-score-adj-values", Sort::Scores),
    live("propagation-error-behavior", Sort::Word(&["ignore", "panic", "panic-on-replicas"])),
    live("proto-max-bulk-len", Sort::Memory(1 << 20)),
    live("rdb-del-sync-files", Sort::Flag),
    live("rdb-save-incremental-fsync", Sort::Flag),
    live("rdbcompression", Sort::Flag),
    live("repl-backlog-size", Sort::Memory(1)),
    live("repl-backlog-ttl", Sort::Number(0, i64::MAX)),
    live("repl-disable-tcp-nodelay", Sort::Flag),
    live("repl-diskless-load", Sort::Word(&["disabled", "on-empty-db", "swapdb", "flush-before-load"])),
    live("repl-diskless-sync", Sort::Flag),
    live("repl-diskless-sync-delay", Sort::Number(0, INT)),
    live("repl-diskless-sync-max-replicas", Sort::Number(0, INT)),
    live("repl-ping-replica-period", Sort::Number(1, INT)),
    live("repl-timeout", Sort::Number(1, INT)),
    live("replica-announced", Sort::Flag),
    live("replica-ignore-maxmemory", Sort::Flag),
    live("replica-lazy-flush", Sort::Flag),
    live("replica-priority", Sort::Number(0, INT)),
    live("replica-read-only", Sort::Flag),
    live("replica-serve-stale-data", Sort::Flag),
    live("sanitize-dump-payload", Sort::Word(&["no", "yes", "clients"])),
    live("save", Sort::Saves),
    fixed("server_cpulist", Sort::Words),
    live("set-max-intset-entries", Sort::Number(0, i64::MAX)),
    live("set-max-listpack-entries", Sort::Number(0, i64::MAX)),
    live("set-max-listpack-value", Sort::Memory(0)),
    live("shutdown-on-sigterm", Sort::Several(&["default", "save", "nosave", "now", "force"])),
    live("shutdown-timeout", Sort::Number(0, INT)),
    live("slowlog-log-slower-than", Sort::Number(-1, i64::MAX)),
    live("slowlog-max-len", Sort::Number(0, i64::MAX)),
    live("stop-writes-on-bgsave-error", Sort::Flag),
    live("stream-node-max-bytes", Sort::Memory(0)),
    live("stream-node-max-entries", Sort::Number(0, i64::MAX)),
    fixed("syslog-enabled", Sort::Flag),
    fixed("syslog-facility", Sort::Word(FACILITIES)),
    fixed("syslog-ident", Sort::Words),
    fixed("tcp-backlog", Sort::Number(0, INT)),
    live("tcp-keepalive", Sort::Number(0, INT)),
    live("timeout", Sort::Number(0, INT)),
    live("tracking-table-max-keys", Sort::Number(0, i64::MAX)),
    live("zset-max-listpack-entries", Sort::Number(0, i64::MAX)),
    live("zset-max-listpack-value", Sort::Memory(0)),
];

fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// What a change of this setting needs.
pub(super) fn effect(name: &str) -> Effect {
    find(name).map_or(Effect::Restart, |setting| setting.effect)
}

/// The value as `CONFIG GET` would tell it, so that equal values are equal text.
pub(super) fn normalised(name: &str, value: &str) -> String {
    find(name).and_then(|setting| read(setting.sort, value)).unwrap_or_else(|| value.trim().to_owned())
}

/// Whether this may be told to anybody: settings that hold or name secrets may not.
pub(super) fn is_secret(name: &str) -> bool {
    matches!(name, "requirepass" | "masterauth" | "primaryauth" | "masteruser" | "primaryuser")
        || name.ends_with("-pass")
        || name.contains("password")
}

/// Every mistake in a cluster's settings.
pub(super) fn check(cluster: &ClusterSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, value) in &cluster.settings {
        let subject = format!("clusters.{}.settings.{name}", cluster.name);
        let told = |key: &str, cure: Text| {
            Finding::error(subject.clone(), Text::new(key).with("setting", name).with("value", value))
                .cure(cure)
        };
        if OWNED.contains(&name.as_str()) || name.starts_with("tls-") || is_secret(name) {
            let what = Text::new("redis-setting-owned").with("setting", name);
            findings.push(Finding::error(subject, what).cure(Text::new("redis-setting-owned-cure")));
            continue;
        }
        let Some(setting) = find(name) else {
            let what = Text::new("redis-setting-unknown").with("setting", name);
            let cure = nearest(name).map_or_else(
                || Text::new("redis-setting-unknown-cure"),
                |near| Text::new("redis-setting-meant-cure").with("setting", near),
            );
            findings.push(Finding::error(subject, what).cure(cure));
            continue;
        };
        findings.extend(cluster.version.as_ref().and_then(|version| not_in(name, version, &subject)));
        if read(setting.sort, value).is_none() {
            findings.push(told("redis-setting-value", wanted(setting.sort)));
        } else if let Some(taken) = overruled(name, value) {
            let finding = told(
                "redis-setting-overruled",
                Text::new("redis-setting-overruled-cure").with("taken", taken),
            );
            findings.push(finding.with("taken", taken));
        } else if name == "maxmemory-policy" && value != "noeviction" {
            let what = Text::new("redis-evicts").with("policy", value);
            findings.push(Finding::note(subject, what).cure(Text::new("redis-evicts-cure")));
        }
    }
    findings
}

/// What is wrong with a setting that a server of this version does not have.
pub(super) fn not_in(name: &str, version: &Version, subject: &str) -> Option<Finding> {
    // A version without its second number may be any of them.
    let is_older = version.parts.len() > 1 && (version.major(), version.minor()) < (7, 2);
    (is_older && SINCE_7_2.contains(&name)).then(|| {
        let what = Text::new("redis-setting-not-in").with("setting", name);
        let cure = Text::new("redis-setting-not-in-cure");
        Finding::error(subject, what.with("version", version.to_string())).cure(cure)
    })
}

/// The number that the server puts in the place of this one; `None`: it takes it.
fn overruled(name: &str, value: &str) -> Option<u64> {
    let number = memory(value.trim())?;
    let taken = match name {
        "hz" => number.clamp(1, 500),
        "repl-backlog-size" => number.max(16 << 10),
        _ => number,
    };
    (taken != number).then_some(taken)
}

fn wanted(sort: Sort) -> Text {
    match sort {
        Sort::Flag => Text::new("redis-wants-flag"),
        Sort::Number(least, i64::MAX) => Text::new("redis-wants-number").with("least", least),
        Sort::Number(least, greatest) => {
            Text::new("redis-wants-range").with("least", least).with("greatest", greatest)
        }
        Sort::Memory(0) => Text::new("redis-wants-memory"),
        Sort::Memory(least) => Text::new("redis-wants-memory-from").with("least", Bytes(least).to_string()),
        Sort::Share => Text::new("redis-wants-share"),
        Sort::Saves => Text::new("redis-wants-saves"),
        Sort::Scores => Text::new("redis-wants-scores"),
        Sort::Events => Text::new("redis-wants-events"),
        Sort::Word(words) => Text::new("redis-wants-word").with("words", words.join(", ")),
        Sort::Several(words) => Text::new("redis-wants-several").with("words", words.join(", ")),
        Sort::Limits => Text::new("redis-wants-limits"),
        Sort::Percentiles => Text::new("redis-wants-percentiles"),
        Sort::Words => Text::new("redis-wants-words"),
    }
}

/// The normalised value; `None` when it is not of this sort.
fn read(sort: Sort, value: &str) -> Option<String> {
    let value = value.trim();
    if value.chars().any(char::is_control) {
        return None;
    }
    match sort {
        Sort::Flag => match value {
            "yes" | "true" | "on" => Some("yes".into()),
            "no" | "false" | "off" => Some("no".into()),
            _ => None,
        },
        Sort::Number(least, greatest) => {
            let number = value.parse::<i64>().ok().filter(|number| (least..=greatest).contains(number))?;
            Some(number.to_string())
        }
        Sort::Memory(least) => memory(value).filter(|bytes| *bytes >= least).map(|bytes| bytes.to_string()),
        Sort::Share => match value.strip_suffix('%') {
            Some(share) => {
                let share = share.parse::<u8>().ok().filter(|share| *share <= 100)?;
                Some(if share == 0 { "0".to_owned() } else { format!("{share}%") })
            }
            None => memory(value).map(|bytes| bytes.to_string()),
        },
        Sort::Saves => saves(value),
        Sort::Scores => scores(value),
        // The server shows the first of two names of one meaning.
        Sort::Word(words) if value == "relative" && words.contains(&"relative") => Some("yes".into()),
        Sort::Word(words) => words.contains(&value).then(|| value.to_owned()),
        Sort::Events => {
            value.chars().all(|one| one.is_ascii_alphabetic() || one == '$').then(|| events(value))
        }
        Sort::Several(words) => several(words, value),
        Sort::Percentiles => {
            let share = |word: &str| word.parse().ok().filter(|share: &f64| (0.0..=100.0).contains(share));
            let numbers = value.split_whitespace().map(share);
            let numbers: Option<Vec<_>> = numbers.map(|number| Some(number?.to_string())).collect();
            numbers.map(|numbers| numbers.join(" "))
        }
        Sort::Limits => limits(value),
        Sort::Words => {
            let size = |word: &str| memory(word).map_or_else(|| word.to_owned(), |bytes| bytes.to_string());
            let words = value.split_whitespace().map(size);
            Some(words.collect::<Vec<_>>().join(" "))
        }
    }
}

fn events(value: &str) -> String {
    let mut letters: BTreeSet<char> = value.chars().collect();
    if ALL_EVENTS.chars().all(|one| letters.contains(&one)) {
        letters.insert('A');
    }
    if letters.contains(&'A') {
        letters.retain(|letter| !ALL_EVENTS.contains(*letter));
    }
    letters.into_iter().collect()
}

fn several(words: &[&str], value: &str) -> Option<String> {
    let given: Vec<_> = value.split_whitespace().map(str::to_lowercase).collect();
    let chosen: Vec<_> = words.iter().copied().filter(|word| given.iter().any(|one| one == word)).collect();
    (!given.is_empty() && given.iter().all(|one| words.contains(&one.as_str()))).then(|| chosen.join(" "))
}

/// Seconds and changes by turns.
fn saves(value: &str) -> Option<String> {
    let numbers: Option<Vec<i64>> = value.split_whitespace().map(|word| word.parse().ok()).collect();
    let numbers = numbers.filter(|all| all.len().is_multiple_of(2))?;
    let is_sound = numbers.chunks(2).all(|pair| pair[0] >= 1 && (0..=INT).contains(&pair[1]));
    is_sound.then(|| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
}

fn scores(value: &str) -> Option<String> {
    let numbers: Option<Vec<i64>> = value.split_whitespace().map(|word| word.parse().ok()).collect();
    let numbers = numbers.filter(|all| all.len() == 3)?;
    let is_sound = numbers.iter().all(|one| (-2000..=2000).contains(one));
    is_sound.then(|| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
}

/// All classes, those that are not named with what the server gives them.
fn limits(value: &str) -> Option<String> {
    let mut all = CLIENT_LIMITS;
    let words: Vec<_> = value.split_whitespace().collect();
    for limit in words.chunks(4) {
        let [class, hard, soft, seconds] = limit else { return None };
        let class = class.to_lowercase();
        let class = if class == "replica" { "slave" } else { &class };
        let (_, numbers) = all.iter_mut().find(|(known, _)| *known == class)?;
        *numbers = [
            memory(hard)?,
            memory(soft)?,
            seconds.parse::<u32>().ok().filter(|one| i64::from(*one) <= INT)?.into(),
        ];
    }
    let told = all.map(|(class, [hard, soft, seconds])| format!("{class} {hard} {soft} {seconds}"));
    (!words.is_empty()).then(|| told.join(" "))
}

/// Bytes as the server reads them (`1k` is 1000, `1kb` is 1024), and with the fleet file's own units.
fn memory(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let number: u64 = digits.parse().ok()?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1_000,
        "kb" | "kib" => 1 << 10,
        "m" => 1_000_000,
        "mb" | "mib" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// The known name that is nearest, when it is near enough to be meant.
fn nearest(name: &str) -> Option<&'static str> {
    let asked = name.to_lowercase().replace('_', "-");
    let scored = SETTINGS.iter().map(|setting| (strsim::osa_distance(&asked, setting.name), setting.name));
    scored.filter(|(distance, _)| *distance <= 2).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_equal_text() {
        for (name, written, told) in [
            ("maxmemory", "512MiB", "536870912"),
            ("maxmemory", "512mb", "536870912"),
            ("maxmemory", "1k", "1000"),
            ("appendonly", "true", "yes"),
            ("timeout", "007", "7"),
            ("save", " 3600  1 ", "3600 1"),
            (
                "client-output-buffer-limit",
                "replica 1mb 1kb 6",
                "normal 0 0 0 slave 1048576 1024 6 pubsub 33554432 8388608 60",
            ),
            ("notify-keyspace-events", "Kg$lshzxetd", "AK"),
            ("notify-keyspace-events", "KEAx", "AEK"),
            ("notify-keyspace-events", "xKn", "Knx"),
            ("oom-score-adj", "relative", "yes"),
            ("latency-tracking-info-percentiles", "99.90  50.0", "99.9 50"),
            ("shutdown-on-sigterm", "FORCE save", "save force"),
        ] {
            assert_eq!(normalised(name, written), told, "{name} {written}");
        }
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        assert_eq!(nearest("maxmemroy"), Some("maxmemory"));
        assert_eq!(nearest("max_clients"), Some("maxclients"));
        assert_eq!(nearest("maxclient"), Some("maxclients"));
        assert_eq!(nearest("tcp_backlog"), Some("tcp-backlog"));
        assert_eq!(nearest("shared_buffers"), None);
    }

    #[test]
    fn secrets_are_never_told() {
        for name in ["requirepass", "masterauth", "tls-key-file-pass", "tls-client-key-file-pass"] {
            assert!(is_secret(name), "{name}");
        }
        assert!(!is_secret("maxmemory") && !is_secret("zset-max-listpack-value"));
    }
}

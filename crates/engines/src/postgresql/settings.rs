//! The settings of a member: what follows from its memory, what the fleet file says, and whether the server would
//! take it. Each value has its reason. Pure.

use roadstead_core::{
    Bytes, Finding, Text, Version,
    model::{ClusterSpec, Runtime},
    port::layout::SettingWhy,
    seen::Effect,
};

use super::{
    accounts,
    parameters::{self, Overruled, Parameter, Refused},
    profile,
};

use crate::common::declared_twice;

/// The memory of a member that declares none.
const MEMORY_MODEST: Bytes = Bytes::mib(512);
/// How alike two names must be for one to be suggested for the other: characters that differ.
const TYPING_ERRORS_MAX: usize = 3;

/// Settings that the layout itself decides.
const OURS: &[&str] = &[
    "config_file",
    "data_directory",
    "external_pid_file",
    "hba_file",
    "ident_file",
    "listen_addresses",
    "port",
    "unix_socket_directories",
    "unix_socket_group",
    "unix_socket_permissions",
];

/// Settings that endanger what was acknowledged, and the value that does.
const DANGEROUS: &[(&str, &str)] =
    &[("fsync", "off"), ("full_page_writes", "off"), ("zero_damaged_pages", "on")];

/// What a member runs with: derived values first, then what the fleet file says instead or besides. By name.
pub(super) fn of_member(cluster: &ClusterSpec, major: u32) -> Vec<SettingWhy> {
    let mut settings: Vec<SettingWhy> = derived(cluster)
        .into_iter()
        .filter(|(name, ..)| parameters::find(name).is_some_and(|parameter| parameter.is_in(major)))
        .map(|(name, value, why)| setting(name, &value, why))
        .collect();
    for (name, value) in &cluster.settings {
        put(&mut settings, setting(name, value, Text::new("postgresql-why-declared")));
    }
    settings.sort_by(|a, b| a.name.cmp(&b.name));
    settings
}

/// Sets one setting, over one of the same name.
pub(super) fn put(settings: &mut Vec<SettingWhy>, new: SettingWhy) {
    match settings.iter_mut().find(|old| old.name.eq_ignore_ascii_case(&new.name)) {
        Some(old) => *old = new,
        None => settings.push(new),
    }
}

/// One setting with its value in normal form.
pub(super) fn setting(name: &str, value: &str, why: Text) -> SettingWhy {
    let known = parameters::find(name);
    SettingWhy {
        name: known.map_or_else(|| name.to_owned(), |parameter| parameter.name.to_owned()),
        value: parameters::normal(name, value),
        why,
        effect: known.map_or(Effect::Reload, |parameter| parameter.effect()),
    }
}

/// The member's share of memory.
pub(super) fn memory(cluster: &ClusterSpec) -> Bytes {
    cluster.memory.unwrap_or(MEMORY_MODEST)
}

/// Values that follow from memory, and those that every server of ours has.
fn derived(cluster: &ClusterSpec) -> Vec<(&'static str, String, Text)> {
    let memory = memory(cluster).0;
    let kilobytes = |bytes: u64| format!("{}kB", bytes / 1024);
    let connections = connections(cluster);
    let shared = (memory / 4).max(16 * Bytes::MIB);
    let work = ((memory - memory / 4) / (connections * 3)).clamp(Bytes::MIB, 256 * Bytes::MIB);
    let maintenance = (memory / 16).clamp(16 * Bytes::MIB, 256 * Bytes::MIB);
    let log = memory.clamp(Bytes::GIB, 16 * Bytes::GIB);
    let from_memory = |key: &str| Text::new(key).with("memory", Bytes(memory).to_string());
    vec![
        ("shared_buffers", round(shared, 8 * 1024), from_memory("postgresql-why-shared-buffers")),
        ("effective_cache_size", round(memory / 4 * 3, 8 * 1024), from_memory("postgresql-why-cache")),
        (
            "work_mem",
            kilobytes(work),
            from_memory("postgresql-why-work-mem").with("connections", connections),
        ),
        ("maintenance_work_mem", kilobytes(maintenance), from_memory("postgresql-why-maintenance")),
        ("max_wal_size", format!("{}MB", log / Bytes::MIB), Text::new("postgresql-why-wal-size")),
        ("max_connections", connections.to_string(), Text::new("postgresql-why-connections")),
        ("max_locks_per_transaction", "256".into(), Text::new("postgresql-why-locks")),
        ("checkpoint_timeout", "15min".into(), Text::new("postgresql-why-checkpoint")),
        ("wal_level", "replica".into(), Text::new("postgresql-why-wal-level")),
        ("wal_compression", "pglz".into(), Text::new("postgresql-why-wal-compression")),
        ("password_encryption", "scram-sha-256".into(), Text::new("postgresql-why-scram")),
        ("log_checkpoints", "on".into(), Text::new("postgresql-why-log")),
        ("log_lock_waits", "on".into(), Text::new("postgresql-why-log")),
        ("log_line_prefix", "%m [%p] %q%u@%d ".into(), Text::new("postgresql-why-log")),
        ("log_timezone", "UTC".into(), Text::new("postgresql-why-utc")),
        ("timezone", "UTC".into(), Text::new("postgresql-why-utc")),
        ("lc_messages", "C".into(), Text::new("postgresql-why-messages")),
    ]
}

fn round(bytes: u64, block: u64) -> String {
    format!("{}kB", bytes / block * block / 1024)
}

fn connections(cluster: &ClusterSpec) -> u64 {
    let declared = cluster.settings.iter().find(|(name, _)| name.eq_ignore_ascii_case("max_connections"));
    declared.and_then(|(_, value)| value.trim().parse().ok()).filter(|count| *count > 0).unwrap_or(200)
}

/// Everything that is wrong with what the fleet file says of this cluster.
pub(super) fn check(cluster: &ClusterSpec) -> Vec<Finding> {
    let place = format!("clusters.{}", cluster.name);
    let mut findings = Vec::new();
    findings.extend(cluster.version.as_ref().and_then(|version| check_version(&place, version)));
    for (name, value) in &cluster.settings {
        check_setting(&place, cluster.version.as_ref(), name, value, &mut findings);
    }
    findings.extend(declared_twice(cluster, str::to_ascii_lowercase));
    findings.extend(check_together(&place, cluster));
    findings.extend(cluster.databases.iter().filter_map(|name| check_database(&place, name)));
    findings.extend(accounts::check(&place, cluster));
    findings.extend(cluster.members.iter().filter_map(|member| match &member.runtime {
        Runtime::Process { listen, .. } if !listen.is_loopback() && !is_on(cluster, "ssl") => {
            let what = Text::new("postgresql-listens-in-clear").with("address", listen.to_string());
            let subject = format!("{place}.members.{}", member.name);
            Some(Finding::warning(subject, what).cure(Text::new("postgresql-listens-in-clear-cure")))
        }
        _ => None,
    }));
    findings
}

fn is_on(cluster: &ClusterSpec, name: &str) -> bool {
    said(cluster, name).is_some_and(|value| value == "on")
}

/// What the fleet file says of a setting, in normal form.
fn said(cluster: &ClusterSpec, name: &str) -> Option<String> {
    let found = cluster.settings.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| parameters::normal(name, value))
}

/// Values that no server starts with, or that come to nothing, because of one another.
fn check_together(place: &str, cluster: &ClusterSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut tell = |name: &str, what: Text, cure: Text| {
        findings.push(Finding::error(format!("{place}.settings.{name}"), what).cure(cure));
    };
    let said = |name: &str| said(cluster, name);
    let archives = matches!(said("archive_mode").as_deref(), Some("on" | "always"));
    if said("wal_level").as_deref() == Some("minimal") {
        let senders = said("max_wal_senders").unwrap_or_else(|| "10".into());
        let against = [
            ("max_wal_senders", senders.clone(), senders != "0", "0"),
            ("archive_mode", "on".into(), archives, "off"),
            ("summarize_wal", "on".into(), is_on(cluster, "summarize_wal"), "off"),
        ];
        for (name, value, _, write) in against.into_iter().filter(|(.., is_against, _)| *is_against) {
            let what = Text::new("postgresql-together-wal").with("name", name).with("value", value);
            let cure = Text::new("postgresql-together-wal-cure").with("name", name).with("write", write);
            tell("wal_level", what, cure);
        }
    }
    let count = |name: &str, otherwise: u64| {
        said(name).map_or(Some(otherwise), |value| value.parse().ok()).unwrap_or(otherwise)
    };
    let names = ["superuser_reserved_connections", "reserved_connections", "max_connections"];
    let reserved = count(names[0], 3) + count(names[1], 0);
    if let Some(name) = names.into_iter().find(|name| said(name).is_some())
        && reserved >= connections(cluster)
    {
        let what = Text::new("postgresql-together-connections").with("reserved", reserved);
        let cure = Text::new("postgresql-together-connections-cure").with("more", reserved + 1);
        tell(name, what.with("connections", connections(cluster)), cure);
    }
    if said("archive_command").is_some_and(|command| !command.is_empty()) && !archives {
        let what = Text::new("postgresql-together-archive");
        tell("archive_command", what, Text::new("postgresql-together-archive-cure"));
    }
    let files = ["ssl_cert_file", "ssl_key_file"];
    if let Some(missing) = files.into_iter().find(|file| is_on(cluster, "ssl") && said(file).is_none()) {
        let what = Text::new("postgresql-together-ssl").with("name", missing);
        tell("ssl", what, Text::new("postgresql-together-ssl-cure"));
    }
    findings
}

fn check_version(place: &str, version: &Version) -> Option<Finding> {
    let (least, greatest) = (*profile::MAJORS.start(), *profile::MAJORS.end());
    let what = Text::new("postgresql-version-unknown").with("version", version.to_string());
    (!profile::MAJORS.contains(&version.major())).then(|| {
        Finding::error(format!("{place}.version"), what).cure(
            Text::new("postgresql-version-unknown-cure").with("least", least).with("greatest", greatest),
        )
    })
}

fn check_database(place: &str, name: &str) -> Option<Finding> {
    let key = match name {
        "template0" | "template1" | "postgres" => "postgresql-database-reserved",
        _ if name.is_empty() || name.len() > 63 || name.contains(['\0', '\n', '\r']) => {
            "postgresql-database-name"
        }
        _ => return None,
    };
    let what = Text::new(key).with("database", name);
    Some(Finding::error(format!("{place}.databases"), what).cure(Text::new("postgresql-name-cure")))
}

fn check_setting(
    place: &str,
    version: Option<&Version>,
    name: &str,
    value: &str,
    findings: &mut Vec<Finding>,
) {
    let subject = format!("{place}.settings.{name}");
    // A name with a dot belongs to an extension, which alone knows what it takes.
    if name.contains('.') && is_extension_setting(name) {
        if value.contains(['\0', '\n', '\r']) {
            findings.push(refusal(subject, name, value, &Refused::Unwritable));
        }
        return;
    }
    let Some(parameter) = parameters::find(name) else {
        let finding = Finding::error(subject, Text::new("postgresql-setting-unknown").with("name", name));
        findings.push(match alike(name) {
            Some(meant) => finding.cure(Text::new("postgresql-setting-unknown-cure").with("meant", meant)),
            None => finding.cure(Text::new("postgresql-setting-unknown-list-cure")),
        });
        return;
    };
    let name = parameter.name;
    if OURS.contains(&name) {
        let what = Text::new("postgresql-setting-ours").with("name", name);
        findings.push(Finding::error(subject, what).cure(Text::new("postgresql-setting-ours-cure")));
        return;
    }
    if parameter.effect() == Effect::Fixed {
        let what = Text::new("postgresql-setting-fixed").with("name", name);
        findings.push(Finding::error(subject, what).cure(Text::new("postgresql-setting-leave-cure")));
        return;
    }
    if let Some(version) = version.filter(|version| !parameter.is_in(version.major())) {
        let what =
            Text::new("postgresql-setting-not-in").with("name", name).with("version", version.to_string());
        findings.push(Finding::error(subject, what).cure(Text::new("postgresql-setting-not-in-cure")));
        return;
    }
    match parameter.normalise(value) {
        Err(refused) => findings.push(refusal(subject, name, value, &refused)),
        Ok(normal) => {
            let refused = version.and_then(|version| parameter.refused_in(value, version.major()));
            if let Some(refused) = refused {
                findings.push(refusal(subject, name, value, &refused));
                return;
            }
            findings.extend(overruled(&parameter, &normal, &subject));
            findings.extend(dangerous(&parameter, &normal, subject));
        }
    }
}

fn is_extension_setting(name: &str) -> bool {
    name.split('.').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
    })
}

/// A value that would never be found in force, with what to write in its place.
fn overruled(parameter: &Parameter, normal: &str, subject: &str) -> Option<Finding> {
    let (what, cure) = match parameter.overruled(normal)? {
        Overruled::ByItself => ("postgresql-setting-chosen", Text::new("postgresql-setting-chosen-cure")),
        Overruled::ByClients => ("postgresql-setting-clients", Text::new("postgresql-setting-leave-cure")),
        Overruled::With(taken) => (
            "postgresql-setting-overruled",
            Text::new("postgresql-setting-overruled-cure").with("taken", taken),
        ),
    };
    let what = Text::new(what).with("name", parameter.name).with("value", normal);
    Some(Finding::error(subject, what).cure(cure))
}

fn dangerous(parameter: &Parameter, normal: &str, subject: String) -> Option<Finding> {
    if parameter.name == "password_encryption" && normal != "scram-sha-256" {
        let what = Text::new("postgresql-setting-weak-passwords");
        return Some(Finding::error(subject, what).cure(Text::new("postgresql-setting-leave-cure")));
    }
    let what = Text::new("postgresql-setting-dangerous").with("name", parameter.name).with("value", normal);
    let cure = Text::new("postgresql-setting-dangerous-cure");
    DANGEROUS.contains(&(parameter.name, normal)).then(|| Finding::warning(subject, what).cure(cure))
}

pub(super) fn refusal(subject: String, name: &str, value: &str, refused: &Refused) -> Finding {
    let what = match refused {
        Refused::NotABool => Text::new("postgresql-value-not-bool"),
        Refused::NotANumber { unit: "" } => Text::new("postgresql-value-not-number"),
        Refused::NotANumber { unit } => Text::new("postgresql-value-not-amount").with("unit", *unit),
        Refused::OutOfRange { least, greatest, unit } => Text::new("postgresql-value-out-of-range")
            .with("least", *least)
            .with("greatest", *greatest)
            .with("unit", *unit),
        Refused::NotAMultiple { step, .. } => Text::new("postgresql-value-not-multiple").with("step", step),
        Refused::NotOneOf { values } => {
            Text::new("postgresql-value-not-one-of").with("values", values.replace('|', ", "))
        }
        Refused::Unwritable => Text::new("postgresql-value-unwritable"),
    };
    let example = match refused {
        Refused::NotABool => "on".to_owned(),
        Refused::NotANumber { unit: "" } => "100".to_owned(),
        Refused::NotANumber { unit } if unit.ends_with('B') => "64MB".to_owned(),
        Refused::NotANumber { .. } => "30s".to_owned(),
        Refused::OutOfRange { least, greatest, unit } => {
            // The least often turns something off.
            let number = if matches!(*least, "0" | "-1") { greatest } else { least };
            if matches!(*unit, "kB" | "MB") { format!("{number}{unit}") } else { (*number).to_owned() }
        }
        Refused::NotAMultiple { near, .. } => near.clone(),
        Refused::NotOneOf { values } => values.split('|').next().unwrap_or_default().to_owned(),
        Refused::Unwritable => value.chars().filter(|c| !c.is_control()).collect(),
    };
    let what = what.with("name", name).with("value", super::sql::shown(value));
    let cure = Text::new("postgresql-value-cure").with("name", name);
    Finding::error(subject, what).cure(cure.with("example", super::sql::shown(&example)))
}

/// The known name that this one was probably meant to be.
fn alike(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let (distance, found) = parameters::all()
        .map(|parameter| (strsim::damerau_levenshtein(&lower, parameter.name), parameter.name))
        .min()?;
    (distance <= TYPING_ERRORS_MAX.min(lower.len() / 3)).then_some(found)
}

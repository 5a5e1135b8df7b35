//! Server variables: which there are, what values they take, and what Roadstead sets for a member's memory.
//!
//! Pure. What variables there are, says [`variables`](super::variables).

use roadstead_core::{Bytes, Finding, Text, model::ClusterSpec, seen::Effect};

pub(super) use super::variables::{in_force, normalise, variable};
use super::{
    flavour::Flavour,
    variables::{self, whole},
    zones,
};

/// What Roadstead itself decides: where a member lives and how it is reached.
const MANAGED: [&str; 21] = [
    "admin_address",
    "admin_port",
    "basedir",
    "bind_address",
    "character_sets_dir",
    "datadir",
    "extra_port",
    "init_file",
    "lc_messages_dir",
    "log_error",
    "mysqlx",
    "mysqlx_bind_address",
    "mysqlx_port",
    "mysqlx_socket",
    "pid_file",
    "plugin_dir",
    "port",
    "secure_file_priv",
    "skip_networking",
    "socket",
    "tmpdir",
];
/// The smallest query cache that MariaDB does not turn off: read from a running server.
const QUERY_CACHE_LEAST: i128 = 49 * 1024;
/// What is settled when the data directory is made.
const FIXED: [&str; 3] = ["innodb_page_size", "lower_case_table_names", "innodb_data_file_path"];

/// What a running server takes step by step, or only where it was started with it.
const AT_A_START: [&str; 3] = ["enforce_gtid_consistency", "gtid_mode", "max_user_connections"];
/// The character sets that both flavours have for a server; the last one is of MySQL alone.
const CHARACTER_SETS: [&str; 41] = [
    "armscii8", "ascii", "big5", "binary", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866",
    "cp932", "dec8", "eucjpms", "euckr", "gb2312", "gbk", "geostd8", "greek", "hebrew", "hp8", "keybcs2",
    "koi8r", "koi8u", "latin1", "latin2", "latin5", "latin7", "macce", "macroman", "sjis", "swe7", "tis620",
    "ucs2", "ujis", "utf16", "utf16le", "utf32", "utf8mb3", "utf8mb4", "gb18030",
];

/// What a change of this variable needs.
pub(super) fn effect(name: &str, flavour: Flavour) -> Effect {
    if FIXED.contains(&name) {
        return Effect::Fixed;
    }
    if AT_A_START.contains(&name) {
        return Effect::Restart;
    }
    match variable(name, flavour) {
        Some(variable) if variable.is_dynamic() => Effect::Reload,
        _ => Effect::Restart,
    }
}

/// The name as variables are called: files may write hyphens.
pub(super) fn canonical(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// What is wrong with a setting of the fleet file, and the cure. Without a flavour, what both refuse.
pub(super) fn check(name: &str, value: &str, flavour: Option<Flavour>) -> Result<(), (Text, Option<Text>)> {
    let canonical = canonical(name);
    if MANAGED.contains(&canonical.as_str()) {
        let what = Text::new("mysql-setting-managed").with("setting", name);
        return Err((what, Some(Text::new("mysql-setting-managed-cure"))));
    }
    let flavours = flavour.map_or(vec![Flavour::Mysql, Flavour::Mariadb], |one| vec![one]);
    let known: Vec<_> = flavours.iter().filter_map(|flavour| variable(&canonical, *flavour)).collect();
    if known.is_empty() {
        let what = Text::new("mysql-setting-unknown").with("setting", name);
        let cure = nearest(&canonical, &flavours)
            .map(|near| Text::new("mysql-setting-unknown-cure").with("near", near));
        return Err((what, cure.or_else(|| Some(Text::new("mysql-setting-unknown-list-cure")))));
    }
    if value.contains(['\n', '\r', '\0']) {
        let what = Text::new("mysql-setting-lines").with("setting", name);
        return Err((what, Some(Text::new("mysql-setting-lines-cure"))));
    }
    let fitting: Vec<_> = known.iter().filter(|variable| variable.normalise(value).is_some()).collect();
    if fitting.is_empty() {
        let what = Text::new("mysql-setting-value").with("setting", name).with("value", value);
        return Err((what, Some(known[0].wanted())));
    }
    if let Some((what, cure)) = overruled(&canonical, name, value, flavour) {
        return Err((what, Some(cure)));
    }
    let rounded: Option<Vec<_>> = fitting.iter().map(|variable| variable.rounded(value)).collect();
    let Some((block, near)) = rounded.and_then(|all| all.first().copied()) else { return Ok(()) };
    let what = Text::new("mysql-setting-multiple").with("setting", name).with("value", value);
    let cure = Text::new("mysql-setting-write-cure").with("value", near.to_string());
    Err((what.with("block", block.to_string()), Some(cure)))
}

/// What the server would make something else of, and what to write: such a value would never be found in force.
fn overruled(canonical: &str, name: &str, value: &str, flavour: Option<Flavour>) -> Option<(Text, Text)> {
    let told = |key: &str| Text::new(key).with("setting", name).with("value", value);
    let write = |value: String| Text::new("mysql-setting-write-cure").with("value", value);
    match (canonical, whole(value)) {
        // It and the number of seconds, which every member is given, are one.
        ("expire_logs_days", _) => {
            let seconds = (value.trim().parse::<f64>().ok()? * 86_400.0).round();
            let cure = Text::new("mysql-setting-twin-cure").with("value", format!("{seconds}"));
            Some((told("mysql-setting-twin"), cure))
        }
        ("query_cache_size", Some(bytes)) if bytes > 0 && bytes < QUERY_CACHE_LEAST => {
            let least = QUERY_CACHE_LEAST.to_string();
            Some((told("mysql-setting-cache").with("least", &least), write(least)))
        }
        ("innodb_buffer_pool_instances" | "innodb_open_files" | "open_files_limit", Some(0)) => {
            Some((told("mysql-setting-chosen"), Text::new("mysql-setting-chosen-cure")))
        }
        ("character_set_server" | "collation_server", _) if is_old_unicode(value) => {
            Some((told("mysql-setting-unicode"), Text::new("mysql-setting-unicode-cure")))
        }
        ("innodb_page_size" | "innodb_log_write_ahead_size", Some(bytes)) if bytes.count_ones() != 1 => {
            let near = u32::try_from(bytes).ok().filter(|bytes| *bytes > 0)?.ilog2();
            Some((told("mysql-setting-power"), write((1_u32 << near).to_string())))
        }
        ("character_set_server", _)
            if !CHARACTER_SETS.contains(&value.trim().to_ascii_lowercase().as_str()) =>
        {
            Some((told("mysql-setting-character-set"), Text::new("mysql-setting-character-set-cure")))
        }
        ("collation_server", _) if character_set(value).is_none() => {
            Some((told("mysql-setting-collation"), Text::new("mysql-setting-collation-cure")))
        }
        ("time_zone", _) if !is_zone(value.trim(), flavour) => {
            Some((told("mysql-setting-zone"), Text::new("mysql-setting-zone-cure")))
        }
        _ => None,
    }
}

/// An offset, or what may be a name.
fn is_zone(value: &str, flavour: Option<Flavour>) -> bool {
    let begins_a_name = value.chars().next().is_some_and(char::is_alphabetic);
    begins_a_name || zones::is_known_to_all(value, flavour)
}

/// The character set that a collation belongs to, by its name; `None` where there is none of that name.
pub(super) fn character_set(collation: &str) -> Option<&'static str> {
    let lower = collation.trim().to_ascii_lowercase();
    let of = |set: &&&str| lower == "binary" && **set == "binary" || lower.starts_with(&format!("{set}_"));
    CHARACTER_SETS.iter().find(of).copied()
}

/// Whether it names a character set that means another one by the server's version and modes.
fn is_old_unicode(value: &str) -> bool {
    let lower = value.trim().to_ascii_lowercase();
    lower == "utf8" || lower.starts_with("utf8_")
}

/// What stands against values because of one another: the setting, what is wrong, the cure.
pub(super) fn check_together(cluster: &ClusterSpec, flavour: Option<Flavour>) -> Vec<(&String, Text, Text)> {
    let declared = |wanted: &str| cluster.settings.iter().find(|(name, _)| canonical(name) == wanted);
    let is = |wanted: &str, word: &str| {
        declared(wanted).is_some_and(|(_, value)| normalise(wanted, value, Flavour::Mysql) == word)
    };
    let mut findings = Vec::new();
    findings.extend(instances(cluster, flavour));
    if let (Some((_, set)), Some((name, collation))) =
        (declared("character_set_server"), declared("collation_server"))
        && character_set(collation).is_some_and(|own| !own.eq_ignore_ascii_case(set.trim()))
    {
        let what = Text::new("mysql-setting-other-set").with("value", collation).with("set", set);
        findings.push((name, what, Text::new("mysql-setting-other-set-cure")));
    }
    let is_on = declared("gtid_mode").is_none() || is("gtid_mode", "ON");
    if let Some((name, value)) = declared("enforce_gtid_consistency")
        && is_on
        && !is("enforce_gtid_consistency", "ON")
    {
        let what = Text::new("mysql-setting-gtid").with("value", value);
        findings.push((name, what, Text::new("mysql-setting-gtid-cure")));
    }
    let number = |wanted: &str| declared(wanted).and_then(|(name, value)| Some((name, whole(value.trim())?)));
    if let (Some((name, value)), Some((_, most))) =
        (number("innodb_io_capacity"), number("innodb_io_capacity_max"))
        && value > most
    {
        let what = Text::new("mysql-setting-capacity").with("value", value.to_string());
        let cure = Text::new("mysql-setting-capacity-cure").with("value", value.to_string());
        findings.push((name, what.with("most", most.to_string()), cure));
    }
    findings
}

/// A time zone by its name, which a server knows only where somebody or a backup brought it the zones.
pub(super) fn named_zone(cluster: &ClusterSpec) -> Option<Finding> {
    let (name, value) = cluster.settings.iter().find(|(name, _)| canonical(name) == "time_zone")?;
    (is_zone(value.trim(), None) && !zones::is_known_to_all(value.trim(), None)).then(|| {
        let what = Text::new("mysql-setting-named-zone").with("value", value);
        let subject = format!("clusters.{}.settings.{name}", cluster.name);
        Finding::warning(subject, what).cure(Text::new("mysql-setting-named-zone-cure"))
    })
}

/// A pool that is too small for what is wanted of its parts.
fn instances(cluster: &ClusterSpec, flavour: Option<Flavour>) -> Option<(&String, Text, Text)> {
    let declared = |wanted: &str| cluster.settings.iter().find(|(name, _)| canonical(name) == wanted);
    let pool = match declared("innodb_buffer_pool_size") {
        Some((_, size)) => whole(size.trim())?,
        // A member that declares no memory is small.
        None => cluster.memory.map_or(0, |memory| pool_size(memory).0.into()),
    };
    let is_one = flavour != Some(Flavour::Mariadb) && pool < i128::from(Bytes::GIB);
    let of_instances = ["innodb_buffer_pool_instances", "innodb_page_cleaners"];
    let is_more = |value: &str| whole(value.trim()).is_some_and(|count| count > 1);
    let (name, value) =
        of_instances.into_iter().filter_map(declared).find(|(_, value)| is_one && is_more(value))?;
    let what = Text::new("mysql-setting-instances").with("setting", name).with("value", value);
    Some((name, what, Text::new("mysql-setting-instances-cure")))
}

/// The known name that is nearest, if any is near: at most a third of its letters differ.
fn nearest(name: &str, flavours: &[Flavour]) -> Option<&'static str> {
    let is_known = |name: &&str| flavours.iter().any(|one| variable(name, *one).is_some());
    // Some options of the configuration file are called so, and the variables that they set are not.
    let bare = name.strip_prefix("default_");
    if let Some(known) =
        bare.and_then(|bare| variables::names().find(|known| *known == bare)).filter(is_known)
    {
        return Some(known);
    }
    let known = variables::names().filter(is_known);
    let scored = known.map(|known| (strsim::levenshtein(name, known), known));
    scored.min().filter(|(far, known)| *far <= known.len() / 3).map(|(_, known)| known)
}

/// One variable that a member is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    /// Its name.
    pub(super) name: String,
    /// Its value, normalised.
    pub(super) value: String,
    /// Why.
    pub(super) why: Text,
}

/// What a member of this size gets, before the fleet file's own settings.
pub(super) fn derived(flavour: Flavour, memory: Bytes) -> Vec<Given> {
    let mut given = Vec::new();
    let mut put = |name: &str, value: String, why: Text| given.push(Given { name: name.into(), value, why });
    let share = Text::new("mysql-why-memory").with("memory", memory.to_string());
    let pool = pool_size(memory);
    put("innodb_buffer_pool_size", pool.0.to_string(), share.clone());
    let redo = Bytes((memory.0 / 4).clamp(Bytes::mib(32).0, Bytes::mib(2048).0) / Bytes::MIB * Bytes::MIB);
    let redo_name =
        if flavour == Flavour::Mysql { "innodb_redo_log_capacity" } else { "innodb_log_file_size" };
    put(redo_name, redo.0.to_string(), Text::new("mysql-why-redo"));
    let connections = (memory.0 / Bytes::mib(8).0).clamp(50, 500);
    put("max_connections", connections.to_string(), Text::new("mysql-why-connections"));
    let tables = (memory.0 / Bytes::KIB / 512).clamp(400, 4000);
    put("table_open_cache", tables.to_string(), Text::new("mysql-why-tables"));
    let temporary = Bytes((memory.0 / 64).clamp(Bytes::mib(4).0, Bytes::mib(64).0) / Bytes::MIB * Bytes::MIB);
    put("tmp_table_size", temporary.0.to_string(), Text::new("mysql-why-temporary"));
    put("max_heap_table_size", temporary.0.to_string(), Text::new("mysql-why-temporary"));
    put("max_allowed_packet", Bytes::mib(256).0.to_string(), Text::new("mysql-why-packet"));
    put("innodb_flush_log_at_trx_commit", "1".into(), Text::new("mysql-why-durable"));
    put("sync_binlog", "1".into(), Text::new("mysql-why-durable"));
    put("log_bin", "ON".into(), Text::new("mysql-why-log"));
    put("binlog_expire_logs_seconds", "604800".into(), Text::new("mysql-why-log-age"));
    put("character_set_server", "utf8mb4".into(), Text::new("mysql-why-unicode"));
    put("local_infile", "OFF".into(), Text::new("mysql-why-infile"));
    match flavour {
        Flavour::Mysql => {
            put("gtid_mode", "ON".into(), Text::new("mysql-why-gtid"));
            put("enforce_gtid_consistency", "ON".into(), Text::new("mysql-why-gtid"));
            let watched = if memory.0 >= Bytes::GIB { "ON" } else { "OFF" };
            put("performance_schema", watched.into(), Text::new("mysql-why-performance-schema"));
        }
        Flavour::Mariadb => {
            put("gtid_strict_mode", "ON".into(), Text::new("mysql-why-gtid"));
            put("binlog_format", "ROW".into(), Text::new("mysql-why-log"));
            put("collation_server", "utf8mb4_general_ci".into(), Text::new("mysql-why-unicode"));
            put("performance_schema", "OFF".into(), Text::new("mysql-why-performance-schema"));
        }
    }
    given
}

/// A little more than half of the memory: the rest is for connections, the redo log's buffers and the system's cache.
/// Whole pieces of 128 MiB from there on, because the server would round it up itself.
fn pool_size(memory: Bytes) -> Bytes {
    let share = if memory.0 >= 4 * Bytes::GIB { memory.0 / 20 * 13 } else { memory.0 / 2 };
    let piece = match share {
        _ if share >= 8 * Bytes::GIB => Bytes::GIB,
        _ if share >= Bytes::mib(128).0 => Bytes::mib(128).0,
        _ => Bytes::mib(8).0,
    };
    Bytes((share / piece * piece).max(Bytes::mib(8).0))
}

/// Whether a value in force is the one wanted: the server rounds some up to whole pieces.
pub(super) fn is_as_wanted(name: &str, wanted: &str, in_force: &str) -> bool {
    if wanted == in_force {
        return true;
    }
    let (Ok(wanted), Ok(found)) = (wanted.parse::<u64>(), in_force.parse::<u64>()) else {
        return wanted.eq_ignore_ascii_case(in_force);
    };
    match name {
        "innodb_buffer_pool_size" => found > wanted && found - wanted < Bytes::GIB,
        // Not less than a block of the disk, which is not known here.
        "innodb_log_write_ahead_size" => found > wanted,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_would_make_something_else_of_is_told_with_what_to_write() {
        let told = |name: &str, value: &str, flavour| {
            let (what, cure) = check(name, value, flavour).unwrap_err();
            format!("{} {}", what.key, cure.expect("a cure"))
        };
        for (name, value, flavour, expected) in [
            (
                "max_allowed_packet",
                "1000000",
                None,
                "mysql-setting-multiple mysql-setting-write-cure(value=999424)",
            ),
            (
                "read_buffer_size",
                "100000",
                None,
                "mysql-setting-multiple mysql-setting-write-cure(value=98304)",
            ),
            ("read-buffer-size", "8193", None, "mysql-setting-multiple mysql-setting-write-cure(value=8192)"),
            (
                "binlog_row_event_max_size",
                "300",
                None,
                "mysql-setting-multiple mysql-setting-write-cure(value=256)",
            ),
            (
                "query_cache_size",
                "1000000",
                Some(Flavour::Mariadb),
                "mysql-setting-multiple mysql-setting-write-cure(value=999424)",
            ),
            ("query_cache_size", "10K", None, "mysql-setting-cache mysql-setting-write-cure(value=50176)"),
            ("expire_logs_days", "1.5", None, "mysql-setting-twin mysql-setting-twin-cure(value=129600)"),
            ("innodb_open_files", "0", None, "mysql-setting-chosen mysql-setting-chosen-cure"),
            ("innodb_page_size", "5000", None, "mysql-setting-power mysql-setting-write-cure(value=4096)"),
            (
                "innodb_log_write_ahead_size",
                "1536",
                None,
                "mysql-setting-power mysql-setting-write-cure(value=1024)",
            ),
            ("time_zone", "2:00", None, "mysql-setting-zone mysql-setting-zone-cure"),
            ("time_zone", "+25:00", None, "mysql-setting-zone mysql-setting-zone-cure"),
            ("time_zone", "-13:00", Some(Flavour::Mariadb), "mysql-setting-zone mysql-setting-zone-cure"),
            ("time_zone", "+13:01", Some(Flavour::Mariadb), "mysql-setting-zone mysql-setting-zone-cure"),
            ("time_zone", "+14:01", Some(Flavour::Mysql), "mysql-setting-zone mysql-setting-zone-cure"),
            ("time_zone", "-14:00", Some(Flavour::Mysql), "mysql-setting-zone mysql-setting-zone-cure"),
            (
                "character_set_server",
                "utf8mb5",
                None,
                "mysql-setting-character-set mysql-setting-character-set-cure",
            ),
            ("collation_server", "german_ci", None, "mysql-setting-collation mysql-setting-collation-cure"),
        ] {
            assert_eq!(told(name, value, flavour), expected, "{name} {value}");
        }
        // MySQL takes any size of this, MariaDB multiples of 16384 alone.
        assert!(check("tmp_table_size", "5000000", None).is_ok());
        assert!(check("tmp_table_size", "5000000", Some(Flavour::Mariadb)).is_err());
        assert!(check("max_allowed_packet", "64M", None).is_ok());
        assert!(check("query_cache_size", "0", None).is_ok());
        for zone in ["+14:00", "-13:59"] {
            assert!(check("time_zone", zone, Some(Flavour::Mysql)).is_ok());
            assert!(check("time_zone", zone, None).is_ok());
        }
    }

    #[test]
    fn wrong_settings_are_told_with_a_cure() {
        let cure = |name, value| check(name, value, None).unwrap_err().1.map(|cure| cure.to_string());
        assert_eq!(cure("max_conections", "5").unwrap(), "mysql-setting-unknown-cure(near=max_connections)");
        assert_eq!(
            cure("default-time-zone", "+00:00").unwrap(),
            "mysql-setting-unknown-cure(near=time_zone)"
        );
        assert!(cure("max_connections", "many").unwrap().starts_with("mysql-setting-value-range-cure"));
        assert!(cure("max_connections", "0").is_some());
        assert_eq!(cure("datadir", "/x").unwrap(), "mysql-setting-managed-cure");
        assert_eq!(cure("sql_mode", "A\nport=1").unwrap(), "mysql-setting-lines-cure");
        assert!(check("innodb-buffer-pool-size", "512MiB", None).is_ok());
        assert!(check("gtid_mode", "ON", Some(Flavour::Mariadb)).is_err());
    }

    #[test]
    fn derived_settings_fit_the_memory_and_the_table() {
        for flavour in [Flavour::Mysql, Flavour::Mariadb] {
            for memory in [256, 512, 1024, 4096, 65_536].map(Bytes::mib) {
                let given = derived(flavour, memory);
                for one in &given {
                    let known = variable(&one.name, flavour).unwrap_or_else(|| panic!("{}", one.name));
                    assert_eq!(known.normalise(&one.value).as_ref(), Some(&one.value), "{}", one.name);
                    assert_eq!(known.rounded(&one.value), None, "{}", one.name);
                }
                let pool: u64 = given[0].value.parse().unwrap();
                assert!(pool >= memory.0 * 3 / 10 && pool <= memory.0 * 7 / 10, "{memory}: {pool}");
            }
        }
    }
}

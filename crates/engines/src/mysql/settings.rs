//! Server variables: which there are, what values they take, and what Roadstead sets for a member's memory.
//!
//! Pure. The table lies in `variables.txt`, made from the servers themselves.

use std::{collections::BTreeMap, sync::LazyLock};

use roadstead_core::{Bytes, Text, seen::Effect};

use super::flavour::Flavour;

const TABLE: &str = include_str!("variables.txt");

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
/// What is settled when the data directory is made.
const FIXED: [&str; 3] = ["innodb_page_size", "lower_case_table_names", "innodb_data_file_path"];

/// The type of a variable's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Switch,
    Whole,
    Number,
    Word,
    Text,
}

/// One variable of one flavour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variable {
    value: Type,
    is_dynamic: bool,
    least: Option<i128>,
    greatest: Option<i128>,
    words: Option<&'static str>,
}

type Table = BTreeMap<&'static str, [Option<Variable>; 2]>;

static VARIABLES: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let (name, flavour, variable) = read(line).expect("a program made the table, and a test reads it");
        table.entry(name).or_default()[index(flavour)] = Some(variable);
    }
    table
});

const fn index(flavour: Flavour) -> usize {
    match flavour {
        Flavour::Mysql => 0,
        Flavour::Mariadb => 1,
    }
}

fn read(line: &'static str) -> Option<(&'static str, Flavour, Variable)> {
    let mut fields = line.split(' ');
    let (name, flavour, kind) = (fields.next()?, fields.next()?, fields.next()?);
    let (least, greatest, words) = (fields.next()?, fields.next()?, fields.next()?);
    let value = match kind.chars().next()? {
        'b' => Type::Switch,
        'i' => Type::Whole,
        'd' => Type::Number,
        'e' => Type::Word,
        's' => Type::Text,
        _ => return None,
    };
    let variable = Variable {
        value,
        is_dynamic: kind.ends_with('d'),
        least: least.parse().ok(),
        greatest: greatest.parse().ok(),
        words: (words != "-").then_some(words),
    };
    Some((name, Flavour::from_word(flavour), variable))
}

/// The variable of this name; `None` when this flavour has none.
pub(super) fn variable(name: &str, flavour: Flavour) -> Option<&'static Variable> {
    VARIABLES.get(name)?[index(flavour)].as_ref()
}

/// What a change of this variable needs.
pub(super) fn effect(name: &str, flavour: Flavour) -> Effect {
    if FIXED.contains(&name) {
        return Effect::Fixed;
    }
    match variable(name, flavour) {
        Some(variable) if variable.is_dynamic => Effect::Reload,
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
    if known.iter().any(|variable| variable.normalise(value).is_some()) {
        return Ok(());
    }
    let what = Text::new("mysql-setting-value").with("setting", name).with("value", value);
    Err((what, Some(known[0].wanted())))
}

/// The value as the server shows it, so that equal values are equal text; as it is when the variable is unknown.
pub(super) fn normalise(name: &str, value: &str, flavour: Flavour) -> String {
    let known = variable(name, flavour).and_then(|variable| variable.normalise(value));
    known.unwrap_or_else(|| value.to_owned())
}

impl Variable {
    fn normalise(&self, value: &str) -> Option<String> {
        let value = value.trim();
        match self.value {
            Type::Text => Some(value.to_owned()),
            Type::Switch => match value.to_ascii_lowercase().as_str() {
                "on" | "1" | "true" | "yes" => Some("ON".into()),
                "off" | "0" | "false" | "no" => Some("OFF".into()),
                other => {
                    other.chars().all(|c| c.is_ascii_alphabetic() || c == '_').then(|| value.to_uppercase())
                }
            },
            Type::Whole => {
                let number = whole(value)?;
                let fits = self.least.is_none_or(|least| number >= least)
                    && self.greatest.is_none_or(|greatest| number <= greatest);
                fits.then(|| number.to_string())
            }
            Type::Number => {
                value.parse::<f64>().ok().filter(|number| number.is_finite()).map(|n| format!("{n:.6}"))
            }
            Type::Word => match self.words {
                None => Some(value.to_uppercase()),
                Some(words) => {
                    let same = |word: &&str| {
                        word.eq_ignore_ascii_case(value)
                            || word.eq_ignore_ascii_case(&value.replace(' ', "_"))
                    };
                    let by_number = || words.split(',').nth(value.parse().ok()?);
                    words.split(',').find(same).or_else(by_number).map(str::to_owned)
                }
            },
        }
    }

    fn wanted(&self) -> Text {
        match (self.value, self.least, self.greatest) {
            (Type::Switch, ..) => Text::new("mysql-setting-value-switch-cure"),
            (Type::Whole, Some(least), Some(greatest)) => Text::new("mysql-setting-value-range-cure")
                .with("least", least.to_string())
                .with("greatest", greatest.to_string()),
            (Type::Word, ..) => Text::new("mysql-setting-value-words-cure")
                .with("words", self.words.unwrap_or("").replace(',', ", ")),
            _ => Text::new("mysql-setting-value-number-cure"),
        }
    }
}

/// A whole number, with the server's own suffixes or with a unit of the fleet file.
fn whole(value: &str) -> Option<i128> {
    if let Ok(number) = value.parse() {
        return Some(number);
    }
    if let Some(Bytes(bytes)) = Bytes::parse(value) {
        return Some(bytes.into());
    }
    let last = value.chars().last()?;
    let factor: i128 = match last.to_ascii_uppercase() {
        'K' => 1 << 10,
        'M' => 1 << 20,
        'G' => 1 << 30,
        'T' => 1 << 40,
        _ => return None,
    };
    value[..value.len() - last.len_utf8()].parse::<i128>().ok()?.checked_mul(factor)
}

/// The known name that is nearest, if any is near: at most a third of its letters differ.
fn nearest(name: &str, flavours: &[Flavour]) -> Option<&'static str> {
    let of_these = |known: &[Option<Variable>; 2]| flavours.iter().any(|one| known[index(*one)].is_some());
    let known = VARIABLES.iter().filter(|(_, known)| of_these(known));
    let scored = known.map(|(known, _)| (strsim::levenshtein(name, known), *known));
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

/// Whether a value in force is the one wanted: the server rounds its buffer pool up to whole pieces.
pub(super) fn is_as_wanted(name: &str, wanted: &str, in_force: &str) -> bool {
    if wanted == in_force {
        return true;
    }
    let (Ok(wanted), Ok(found)) = (wanted.parse::<u64>(), in_force.parse::<u64>()) else {
        return wanted.eq_ignore_ascii_case(in_force);
    };
    name == "innodb_buffer_pool_size" && found > wanted && found - wanted < Bytes::GIB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_and_names_are_canonical() {
        assert!(VARIABLES.len() > 700);
        assert!(VARIABLES.keys().all(|name| canonical(name) == *name));
    }

    #[test]
    fn equal_values_are_equal_text() {
        let pool = |value| normalise("innodb_buffer_pool_size", value, Flavour::Mysql);
        assert_eq!(pool("1G"), "1073741824");
        assert_eq!(pool("1024MiB"), pool("1073741824"));
        assert_eq!(normalise("log_bin", "1", Flavour::Mariadb), "ON");
        assert_eq!(normalise("binlog_format", "row", Flavour::Mariadb), "ROW");
    }

    #[test]
    fn wrong_settings_are_told_with_a_cure() {
        let cure = |name, value| check(name, value, None).unwrap_err().1.map(|cure| cure.to_string());
        assert_eq!(cure("max_conections", "5").unwrap(), "mysql-setting-unknown-cure(near=max_connections)");
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
                }
                let pool: u64 = given[0].value.parse().unwrap();
                assert!(pool >= memory.0 * 3 / 10 && pool <= memory.0 * 7 / 10, "{memory}: {pool}");
            }
        }
    }
}

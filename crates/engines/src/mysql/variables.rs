//! Which server variables there are, and the one form in which equal values are equal text.
//!
//! Pure. The table lies in `variables.txt`, made from the servers themselves.

use std::{collections::BTreeMap, sync::LazyLock};

use roadstead_core::{Bytes, Text};

use super::{flavour::Flavour, zones};

const TABLE: &str = include_str!("variables.txt");

/// The type of a variable's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Switch,
    Whole,
    Number,
    Word,
    Several,
    Flags,
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
    /// What the server rounds a value down to multiples of; `None`: it takes every number.
    block: Option<i128>,
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
        'm' => Type::Several,
        'f' => Type::Flags,
        's' => Type::Text,
        _ => return None,
    };
    let variable = Variable {
        value,
        is_dynamic: kind.ends_with('d'),
        least: least.parse().ok(),
        greatest: greatest.parse().ok(),
        words: (words != "-").then_some(words),
        block: fields.next().and_then(|block| block.parse().ok()),
    };
    Some((name, Flavour::from_word(flavour), variable))
}

/// The variable of this name; `None` when this flavour has none.
pub(super) fn variable(name: &str, flavour: Flavour) -> Option<&'static Variable> {
    VARIABLES.get(name)?[index(flavour)].as_ref()
}

/// The names of all variables of both flavours.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    VARIABLES.keys().copied()
}

/// The value as the server shows it, so that equal values are equal text; as it is when the variable is unknown.
pub(super) fn normalise(name: &str, value: &str, flavour: Flavour) -> String {
    let known = variable(name, flavour).and_then(|variable| {
        let normal = variable.normalise(value)?;
        match variable.value {
            Type::Several if name == "sql_mode" => variable.normalise(&expanded(&normal, flavour)),
            Type::Text => Some(spelt(name, &normal, flavour)),
            _ => Some(normal),
        }
    });
    known.unwrap_or_else(|| value.to_owned())
}

/// The value that a running server shows, normalised. Of flags those that were declared: the others are the server's
/// own, and a value sets only those that it names.
pub(super) fn in_force(name: &str, shown: &str, declared: Option<&str>, flavour: Flavour) -> String {
    let shown = normalise(name, shown, flavour);
    let has_flags = variable(name, flavour).is_some_and(|variable| variable.value == Type::Flags);
    let Some(declared) = declared.filter(|_| has_flags) else { return shown };
    let declared = normalise(name, declared, flavour);
    let flag = |text: &str| text.split('=').next().map(str::to_owned);
    let found = declared.split(',').filter_map(|one| shown.split(',').find(|seen| flag(seen) == flag(one)));
    found.collect::<Vec<_>>().join(",")
}

impl Variable {
    /// Whether a running server takes a new value.
    pub(super) fn is_dynamic(&self) -> bool {
        self.is_dynamic
    }

    /// The value in its normal form; `None` when it is not of this type.
    pub(super) fn normalise(&self, value: &str) -> Option<String> {
        let value = value.trim();
        match self.value {
            Type::Text => Some(value.to_owned()),
            Type::Switch => switch(value),
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
            Type::Several => several(self.words?, value),
            Type::Flags => flags(value),
        }
    }

    /// What the server would round this value by, and the nearest one that it takes as it is; `None`: it takes it.
    pub(super) fn rounded(&self, value: &str) -> Option<(i128, i128)> {
        let (block, number) = (self.block?, whole(value.trim())?);
        let down = number / block * block;
        let near = if self.least.is_some_and(|least| down < least) { down + block } else { down };
        // The greatest value stands for "no limit", and some servers show it as it is.
        (down != number && self.greatest != Some(number)).then_some((block, near))
    }

    /// What it takes, for people.
    pub(super) fn wanted(&self) -> Text {
        let words = || self.words.unwrap_or("").replace(',', ", ");
        match (self.value, self.least, self.greatest) {
            (Type::Switch, ..) => Text::new("mysql-setting-value-switch-cure"),
            (Type::Whole, Some(least), Some(greatest)) => Text::new("mysql-setting-value-range-cure")
                .with("least", least.to_string())
                .with("greatest", greatest.to_string()),
            (Type::Word, ..) => Text::new("mysql-setting-value-words-cure").with("words", words()),
            (Type::Several, ..) => Text::new("mysql-setting-value-several-cure").with("words", words()),
            (Type::Flags, ..) => Text::new("mysql-setting-value-flags-cure"),
            _ => Text::new("mysql-setting-value-number-cure"),
        }
    }
}

fn switch(value: &str) -> Option<String> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "1" | "true" | "yes" => Some("ON".into()),
        "off" | "0" | "false" | "no" => Some("OFF".into()),
        other => other.chars().all(|c| c.is_ascii_alphabetic() || c == '_').then(|| value.to_uppercase()),
    }
}

/// Any of the words, in the server's order.
fn several(words: &'static str, value: &str) -> Option<String> {
    let given: Vec<_> =
        value.split(',').map(str::trim).filter(|one| !one.is_empty() && *one != "0").collect();
    let is_given = |word: &&str| given.iter().any(|one| one.eq_ignore_ascii_case(word));
    let is_known = |one: &&str| words.split(',').any(|word| word.eq_ignore_ascii_case(one));
    let chosen = words.split(',').filter(is_given).collect::<Vec<_>>().join(",");
    given.iter().all(is_known).then_some(chosen)
}

/// Flags with their states, in the order in which they are written.
fn flags(value: &str) -> Option<String> {
    let flag = |one: &str| {
        let (name, state) = one.split_once('=')?;
        let state = match state.trim().to_ascii_lowercase().as_str() {
            "on" | "1" => "on",
            "off" | "0" => "off",
            "default" => "default",
            _ => return None,
        };
        Some(format!("{}={state}", name.trim().to_ascii_lowercase()))
    };
    value.split(',').map(flag).collect::<Option<Vec<_>>>().map(|all| all.join(","))
}

/// Modes that stand for several others, which the server then shows: read from running servers.
fn expanded(modes: &str, flavour: Flavour) -> String {
    const SOMEBODY: &str =
        "PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,NO_KEY_OPTIONS,NO_TABLE_OPTIONS,NO_FIELD_OPTIONS";
    const STRICT: &str = "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,\
                          ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";
    let mut all = modes.to_owned();
    let mut add = |more: &str| {
        all.push(',');
        all.push_str(more);
    };
    for mode in modes.split(',') {
        match (mode, flavour) {
            ("ANSI", _) => {
                add("REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE");
                if flavour == Flavour::Mysql {
                    add("ONLY_FULL_GROUP_BY");
                }
            }
            ("TRADITIONAL", Flavour::Mysql) => add(STRICT),
            ("TRADITIONAL", Flavour::Mariadb) => {
                add(STRICT);
                add("NO_AUTO_CREATE_USER");
            }
            ("ORACLE", _) => {
                add(SOMEBODY);
                add("NO_AUTO_CREATE_USER,SIMULTANEOUS_ASSIGNMENT");
            }
            ("MAXDB", _) => {
                add(SOMEBODY);
                add("NO_AUTO_CREATE_USER");
            }
            ("MSSQL" | "DB2" | "POSTGRESQL", _) => add(SOMEBODY),
            ("MYSQL323" | "MYSQL40", _) => add("HIGH_NOT_PRECEDENCE"),
            _ => {}
        }
    }
    all
}

/// Names that the server takes in any case, as it shows them.
fn spelt(name: &str, value: &str, flavour: Flavour) -> String {
    const STORAGE: [&str; 6] = ["InnoDB", "MyISAM", "MEMORY", "ARCHIVE", "CSV", "Aria"];
    match name {
        "character_set_server" | "collation_server" => value.to_ascii_lowercase(),
        "default_storage_engine" | "default_tmp_storage_engine" => {
            let known = STORAGE.iter().find(|known| known.eq_ignore_ascii_case(value));
            known.map_or_else(|| value.to_owned(), |known| (*known).to_owned())
        }
        "time_zone" if value.eq_ignore_ascii_case("system") => "SYSTEM".into(),
        "time_zone" => zones::offset(value, Some(flavour)).unwrap_or_else(|| value.to_owned()),
        "lc_messages" | "lc_time_names" => match value.split_once('_') {
            Some((language, land)) => format!("{}_{}", language.to_lowercase(), land.to_uppercase()),
            None => value.to_owned(),
        },
        _ => value.to_owned(),
    }
}

/// A whole number, with the server's own suffixes or with a unit of the fleet file.
pub(super) fn whole(value: &str) -> Option<i128> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_and_names_are_canonical() {
        assert!(VARIABLES.len() > 700);
        assert!(VARIABLES.keys().all(|name| crate::mysql::settings::canonical(name) == *name));
        let blocks = TABLE.lines().filter(|line| read(line).is_some_and(|(.., one)| one.block.is_some()));
        assert!(blocks.count() > 70);
    }

    #[test]
    fn equal_values_are_equal_text() {
        use Flavour::{Mariadb, Mysql};
        for (name, flavour, written, told) in [
            ("innodb_buffer_pool_size", Mysql, "1G", "1073741824"),
            ("innodb_buffer_pool_size", Mysql, "1024MiB", "1073741824"),
            ("log_bin", Mariadb, "1", "ON"),
            ("binlog_format", Mariadb, "row", "ROW"),
            ("sql_mode", Mysql, "ansi_quotes, real_as_float", "REAL_AS_FLOAT,ANSI_QUOTES"),
            ("sql_mode", Mysql, "", ""),
            (
                "sql_mode",
                Mysql,
                "ansi",
                "REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ONLY_FULL_GROUP_BY,ANSI",
            ),
            ("sql_mode", Mariadb, "mysql40", "MYSQL40,HIGH_NOT_PRECEDENCE"),
            ("log_output", Mysql, "table,file", "FILE,TABLE"),
            ("optimizer_switch", Mysql, "MRR=0, index_merge=ON", "mrr=off,index_merge=on"),
            ("collation_server", Mariadb, "UTF8MB4_BIN", "utf8mb4_bin"),
            ("default_storage_engine", Mariadb, "innodb", "InnoDB"),
            ("time_zone", Mysql, "+2:00", "+02:00"),
            ("time_zone", Mysql, "-13:9", "-13:9"),
            ("time_zone", Mysql, "-13:09", "-13:09"),
            ("time_zone", Mariadb, "-00:00", "+00:00"),
            ("time_zone", Mariadb, "Europe/Berlin", "Europe/Berlin"),
            ("transaction_isolation", Mysql, "read-committed", "READ-COMMITTED"),
        ] {
            assert_eq!(normalise(name, written, flavour), told, "{name} {written}");
        }
    }

    #[test]
    fn of_flags_those_that_were_declared_are_seen() {
        let seen = |declared| in_force("optimizer_switch", "a=on,b=off,c=on", declared, Flavour::Mysql);
        assert_eq!(seen(Some("c=off,a=on")), "c=on,a=on");
        assert_eq!(seen(None), "a=on,b=off,c=on");
        assert_eq!(in_force("sql_mode", "ANSI_QUOTES", Some("x"), Flavour::Mysql), "ANSI_QUOTES");
    }
}

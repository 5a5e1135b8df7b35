//! What the server's parameters are called, what they take and when they take it, for PostgreSQL 15 to 18.
//!
//! Values have one normal form, so that `1GB`, `1024MB` and what `pg_settings` shows are equal text. Nothing here
//! decides a value.

use roadstead_core::seen::Effect;

/// Generated from `pg_settings` of real servers; the first line says how.
const TABLE: &str = include_str!("parameters.tsv");

/// Parameters that count pages in whole banks, and the pages of one: `SLRU_BANK_SIZE` of the server's `slru.c`.
const BANKS: [&str; 7] = [
    "commit_timestamp_buffers",
    "multixact_member_buffers",
    "multixact_offset_buffers",
    "notify_buffers",
    "serializable_buffers",
    "subtransaction_buffers",
    "transaction_buffers",
];
const BANK_PAGES: f64 = 16.0;

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    kind: Kind,
    context: &'static str,
    unit: &'static str,
    least: &'static str,
    greatest: &'static str,
    /// What an enumeration takes, `|` between them.
    values: &'static str,
    since: u32,
    until: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Integer,
    Real,
    Enumeration,
    Text,
}

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Not `on` or `off`.
    NotABool,
    /// Not a number, or with a unit that this parameter does not have.
    NotANumber { unit: &'static str },
    /// A number outside the range; both ends in the parameter's own unit.
    OutOfRange { least: &'static str, greatest: &'static str, unit: &'static str },
    /// A number between those that the server takes.
    NotAMultiple { step: String, near: String },
    /// Not one of these.
    NotOneOf { values: &'static str },
    /// Characters that no configuration file can carry.
    Unwritable,
}

/// What comes of a value that the server does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Overruled {
    /// It chooses a number, and shows that one.
    ByItself,
    /// Each client says its own.
    ByClients,
    /// This one takes its place.
    With(String),
}

/// All parameters, by name.
pub(super) fn all() -> impl Iterator<Item = Parameter> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(read)
}

/// The parameter of this name. Names are compared as the server does, without regard to case.
pub(super) fn find(name: &str) -> Option<Parameter> {
    all().find(|parameter| parameter.name.eq_ignore_ascii_case(name))
}

fn read(line: &'static str) -> Option<Parameter> {
    let mut fields = line.split('\t');
    let name = fields.next()?;
    let kind = match fields.next()? {
        "bool" => Kind::Bool,
        "int" => Kind::Integer,
        "real" => Kind::Real,
        "enum" => Kind::Enumeration,
        _ => Kind::Text,
    };
    let (context, unit) = (fields.next()?, fields.next()?);
    let (least, greatest, values) = (fields.next()?, fields.next()?, fields.next()?);
    let since = fields.next()?.parse().ok()?;
    let until = fields.next()?.parse().unwrap_or(u32::MAX);
    Some(Parameter { name, kind, context, unit, least, greatest, values, since, until })
}

impl Parameter {
    /// Whether a server of this major version has it.
    pub(super) fn is_in(&self, major: u32) -> bool {
        (self.since..=self.until).contains(&major)
    }

    /// Why a server of this major version, which has it, refuses a value that some version takes. From 15.18 and 18.4; that
    /// later releases of 17 take less memory is told by their source.
    pub(super) fn refused_in(&self, value: &str, major: u32) -> Option<Refused> {
        if major >= 18 {
            return None;
        }
        let amount = self.amount(value.trim()).ok().filter(|amount| *amount >= 0.0);
        let is_outside =
            |least: f64, most: f64| amount.is_some_and(|amount| !(least..=most).contains(&amount));
        let range = |least, greatest| Some(Refused::OutOfRange { least, greatest, unit: self.unit });
        match self.name {
            "log_connections" if boolean(value.trim()).is_none() => Some(Refused::NotABool),
            // The latter begins with less, and takes this in its place.
            "maintenance_work_mem" | "autovacuum_work_mem" if major < 17 && is_outside(1024.0, f64::MAX) => {
                range("1024", self.greatest)
            }
            "log_rotation_size" if is_outside(0.0, 2_097_151.0) => range(self.least, "2097151"),
            _ => None,
        }
    }

    /// What a change of it needs.
    pub(super) fn effect(&self) -> Effect {
        effect(self.context)
    }

    /// The value in its normal form.
    pub(super) fn normalise(&self, value: &str) -> Result<String, Refused> {
        let value = value.trim();
        match self.kind {
            Kind::Bool => boolean(value).map(str::to_owned).ok_or(Refused::NotABool),
            Kind::Integer | Kind::Real => self.number(value),
            Kind::Enumeration => self.member(value),
            Kind::Text if value.contains(['\0', '\n', '\r']) => Err(Refused::Unwritable),
            Kind::Text if self.name == "DateStyle" => date_style(value),
            Kind::Text if self.name == "client_encoding" => Ok(encoding(value)),
            Kind::Text if self.name == "log_connections" => log_connections(value),
            Kind::Text if self.name == "log_destination" => all_of(value, "stderr|csvlog|jsonlog|syslog"),
            Kind::Text => Ok(value.to_owned()),
        }
    }

    fn member(&self, value: &str) -> Result<String, Refused> {
        let lower = value.to_ascii_lowercase();
        let known = |wanted: &str| self.values.split('|').any(|one| one == wanted);
        if known(&lower) && (self.name, lower.as_str()) != ("wal_compression", "on") {
            return Ok(lower);
        }
        // Older names that the server still takes, and shows by the new one.
        let meant = match (self.name, lower.as_str()) {
            ("wal_level", "archive" | "hot_standby") => Some("replica"),
            ("wal_compression", _) if boolean(&lower) == Some("on") => Some("pglz"),
            ("client_min_messages" | "log_min_messages" | "log_min_error_statement", "debug") => {
                Some("debug2")
            }
            _ => boolean(&lower),
        };
        match meant {
            Some(meant) if known(meant) => Ok(meant.to_owned()),
            _ => Err(Refused::NotOneOf { values: self.values }),
        }
    }

    /// What the server shows in the place of this value, which is in normal form; `None`: it shows the value.
    pub(super) fn overruled(&self, normal: &str) -> Option<Overruled> {
        // What each session says for itself cannot be seen as the server's own.
        let is_clients = match self.name {
            "client_encoding" => normal != "UTF8",
            "application_name"
            | "transaction_deferrable"
            | "transaction_isolation"
            | "transaction_read_only" => true,
            _ => false,
        };
        let is_chosen = match self.name {
            "wal_buffers" | "io_max_concurrency" => normal == "-1",
            "commit_timestamp_buffers" | "subtransaction_buffers" | "transaction_buffers" => normal == "0",
            _ => false,
        };
        if is_clients {
            return Some(Overruled::ByClients);
        }
        if is_chosen {
            return Some(Overruled::ByItself);
        }
        if self.name == "wal_buffers" && ["0", "8kB", "16kB", "24kB"].contains(&normal) {
            return Some(Overruled::With("32kB".to_owned()));
        }
        if self.name == "autovacuum_work_mem" && self.amount(normal).is_ok_and(|kb| (0.0..64.0).contains(&kb))
        {
            return Some(Overruled::With("64kB".to_owned()));
        }
        let number = normal.parse::<f64>().ok().filter(|_| self.kind == Kind::Real)?;
        // Numbers with a fraction are shown with six digits.
        let shown = format!("{number:.5e}").parse::<f64>().ok()?.to_string();
        (shown != normal).then_some(Overruled::With(shown))
    }

    fn number(&self, value: &str) -> Result<String, Refused> {
        if let Some(mode) = value.strip_prefix('0').filter(|_| self.name == "log_file_mode") {
            // Modes of files are written with eight digits.
            let decimal = i64::from_str_radix(mode.trim_start_matches(['o', 'O']), 8).unwrap_or(0);
            return self.number(&decimal.to_string());
        }
        let base = self.amount(value)?;
        // Rings of pages come in banks; nothing, where it is allowed, has the server choose.
        let is_in_banks = BANKS.contains(&self.name);
        if is_in_banks && base % BANK_PAGES != 0.0 {
            let near = (base / BANK_PAGES).floor().max(1.0) * BANK_PAGES;
            return Err(Refused::NotAMultiple { step: self.show(BANK_PAGES), near: self.show(near) });
        }
        Ok(self.show(base))
    }

    /// The number in the parameter's own unit.
    pub(super) fn amount(&self, value: &str) -> Result<f64, Refused> {
        let refused = Refused::NotANumber { unit: self.unit };
        let split = value.find(|c: char| c.is_ascii_alphabetic() && c != 'e' && c != 'E');
        let (digits, suffix) = value.split_at(split.unwrap_or(value.len()));
        let number: f64 = digits.trim().parse().map_err(|_| refused.clone())?;
        let base = if suffix.is_empty() {
            number
        } else {
            let (Some(own), Some(given)) = (scale(self.unit), scale(suffix)) else { return Err(refused) };
            if own.0 != given.0 {
                return Err(refused);
            }
            number * given.1 / own.1
        };
        let base = if self.kind == Kind::Integer { base.round() } else { base };
        let within = |limit: &str, ok: fn(&f64, &f64) -> bool| {
            limit.parse::<f64>().ok().is_none_or(|limit| ok(&base, &limit))
        };
        let least = self.truly_least(base);
        if !base.is_finite() || !within(least, f64::ge) || !within(self.greatest, f64::le) {
            let (greatest, unit) = (self.greatest, self.unit);
            return Err(Refused::OutOfRange { least, greatest, unit });
        }
        Ok(base)
    }

    /// The least number that a server starts with, where it says another in `pg_settings`: read from its refusals.
    fn truly_least(&self, given: f64) -> &'static str {
        match self.name {
            // Twice a segment of 16 MB, which every member of ours has.
            "max_wal_size" | "min_wal_size" => "32",
            "io_max_concurrency" if given >= 0.0 => "1",
            "vacuum_buffer_usage_limit" if given > 0.0 => "128",
            _ => self.least,
        }
    }

    /// The largest unit that needs no fraction, as `SHOW` writes it; zero and negative numbers mean something else
    /// than an amount and have no unit.
    fn show(&self, base: f64) -> String {
        let Some((dimension, factor)) = scale(self.unit) else { return base.to_string() };
        if base <= 0.0 || self.kind == Kind::Real {
            return base.to_string();
        }
        let amount = base * factor;
        let units: &[&str] = match dimension {
            Dimension::Memory => &["TB", "GB", "MB", "kB", "B"],
            Dimension::Time => &["d", "h", "min", "s", "ms"],
        };
        let whole = |unit: &&&str| scale(unit).is_some_and(|(_, size)| amount % size == 0.0);
        match units.iter().find(whole) {
            Some(unit) => format!("{}{unit}", amount / scale(unit).map_or(1.0, |(_, size)| size)),
            None => base.to_string(),
        }
    }
}

/// What a change needs, by the server's word for when it is taken.
pub(super) fn effect(context: &str) -> Effect {
    match context {
        "internal" => Effect::Fixed,
        "postmaster" => Effect::Restart,
        _ => Effect::Reload,
    }
}

/// A seen value in its normal form; what the table does not know stays as it is.
pub(super) fn normal(name: &str, value: &str) -> String {
    find(name).and_then(|parameter| parameter.normalise(value).ok()).unwrap_or_else(|| value.to_owned())
}

/// The server's own name of the encoding that our sessions have; others as they are written.
fn encoding(value: &str) -> String {
    let letters = value.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase();
    if ["UTF8", "UNICODE"].contains(&letters.as_str()) { "UTF8".to_owned() } else { value.to_owned() }
}

/// Style and order of dates. What is not said is what the server has at first, and not what was in force before.
fn date_style(value: &str) -> Result<String, Refused> {
    let (mut style, mut order) = (None, None);
    for word in value.split(',').map(|word| word.trim().to_ascii_lowercase()) {
        match word.as_str() {
            "iso" => style = Some("ISO"),
            "sql" => style = Some("SQL"),
            "german" => style = Some("German"),
            _ if word.starts_with("postgres") => style = Some("Postgres"),
            "ymd" => order = Some("YMD"),
            "mdy" | "us" => order = Some("MDY"),
            "dmy" => order = Some("DMY"),
            _ if word.starts_with("noneuro") => order = Some("MDY"),
            _ if word.starts_with("euro") => order = Some("DMY"),
            "default" => {}
            _ => return Err(Refused::NotOneOf { values: "ISO|SQL|Postgres|German|MDY|DMY|YMD" }),
        }
    }
    let style = style.unwrap_or("ISO");
    let order = order.unwrap_or(if style == "German" { "DMY" } else { "MDY" });
    Ok(format!("{style}, {order}"))
}

/// On, off, or what of a connection is logged, which version 18 tells apart.
fn log_connections(value: &str) -> Result<String, Refused> {
    match boolean(value) {
        Some(switch) => Ok(switch.to_owned()),
        None => all_of(value, "receipt|authentication|authorization|setup_durations|all"),
    }
}

/// A list of which every word is one of these, as it was written.
fn all_of(value: &str, values: &'static str) -> Result<String, Refused> {
    let is_known = |word: &str| values.split('|').any(|known| known.eq_ignore_ascii_case(word));
    let words = value.split(',').map(|word| word.trim().trim_matches('"')).filter(|word| !word.is_empty());
    if words.clone().all(is_known) { Ok(value.to_owned()) } else { Err(Refused::NotOneOf { values }) }
}

fn boolean(value: &str) -> Option<&'static str> {
    let lower = value.to_ascii_lowercase();
    let begins = |word: &str, least: usize| lower.len() >= least && word.starts_with(&lower);
    match () {
        () if lower == "1" || begins("true", 1) || begins("yes", 1) || lower == "on" => Some("on"),
        () if lower == "0" || begins("false", 1) || begins("no", 1) || begins("off", 2) => Some("off"),
        () => None,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dimension {
    Memory,
    Time,
}

/// A unit as bytes or milliseconds. Memory counts in 1024 whatever the letters say: that is the server's way.
fn scale(unit: &str) -> Option<(Dimension, f64)> {
    let memory = |bytes: f64| Some((Dimension::Memory, bytes));
    let time = |millis: f64| Some((Dimension::Time, millis));
    match unit.trim() {
        "B" => memory(1.0),
        "kB" => memory(1024.0),
        "8kB" => memory(8192.0),
        "MB" => memory(1_048_576.0),
        "GB" => memory(1_073_741_824.0),
        "TB" => memory(1_099_511_627_776.0),
        "us" => time(0.001),
        "ms" => time(1.0),
        "s" => time(1_000.0),
        "min" => time(60_000.0),
        "h" => time(3_600_000.0),
        "d" => time(86_400_000.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal_of(name: &str, value: &str) -> Result<String, Refused> {
        find(name).expect("a parameter").normalise(value)
    }

    #[test]
    fn equal_values_have_equal_text() {
        for value in ["1GB", "1024MB", "1048576kB", "131072", " 1 GB "] {
            assert_eq!(normal_of("shared_buffers", value).unwrap(), "1GB", "{value}");
        }
        for value in ["15min", "900s", "900", "0.25h", "900000ms"] {
            assert_eq!(normal_of("checkpoint_timeout", value).unwrap(), "15min", "{value}");
        }
        assert_eq!(normal_of("work_mem", "1.5MB").unwrap(), "1536kB");
        assert_eq!(normal_of("wal_buffers", "-1").unwrap(), "-1");
        assert_eq!(normal_of("statement_timeout", "0").unwrap(), "0");
        assert_eq!(normal_of("random_page_cost", "1.10").unwrap(), "1.1");
        assert_eq!(normal_of("fsync", "TRUE").unwrap(), "on");
        assert_eq!(normal_of("wal_level", "hot_standby").unwrap(), "replica");
        assert_eq!(normal_of("synchronous_commit", "no").unwrap(), "off");
        assert_eq!(normal_of("log_min_messages", "DEBUG").unwrap(), "debug2");
        assert_eq!(normal_of("log_file_mode", "0640").unwrap(), "416");
        for (written, told) in [
            ("iso, dmy", "ISO, DMY"),
            ("DMY,ISO", "ISO, DMY"),
            ("sql", "SQL, MDY"),
            ("german", "German, DMY"),
            ("postgres, european", "Postgres, DMY"),
        ] {
            assert_eq!(normal_of("datestyle", written).unwrap(), told, "{written}");
        }
    }

    #[test]
    fn what_the_server_does_not_keep_is_known() {
        let overruled = |name: &str, value: &str| {
            find(name).expect("a parameter").overruled(&normal_of(name, value).expect("a value"))
        };
        assert_eq!(overruled("wal_buffers", "-1"), Some(Overruled::ByItself));
        assert_eq!(overruled("wal_buffers", "2"), Some(Overruled::With("32kB".into())));
        assert_eq!(overruled("wal_buffers", "16MB"), None);
        assert_eq!(overruled("client_encoding", "latin1"), Some(Overruled::ByClients));
        assert_eq!(overruled("random_page_cost", "1.12345678"), Some(Overruled::With("1.12346".into())));
        assert_eq!(overruled("random_page_cost", "1.1"), None);
        assert_eq!(overruled("autovacuum_work_mem", "-1"), None);
        assert_eq!(overruled("autovacuum_work_mem", "64kB"), None);
        assert_eq!(overruled("autovacuum_work_mem", "63kB"), Some(Overruled::With("64kB".into())));
    }

    #[test]
    fn what_only_newer_servers_take_is_known() {
        for (name, value) in [
            ("maintenance_work_mem", "64kB"),
            ("maintenance_work_mem", "1023"),
            ("autovacuum_work_mem", "512kB"),
            ("log_rotation_size", "2GB"),
            ("log_connections", "receipt"),
        ] {
            let parameter = find(name).expect("a parameter");
            assert!(parameter.normalise(value).is_ok(), "{name} {value}");
            assert_eq!(parameter.refused_in(value, 18), None, "{name} {value}");
            assert!(parameter.refused_in(value, 16).is_some(), "{name} {value}");
            let is_memory = name.ends_with("work_mem");
            assert_eq!(parameter.refused_in(value, 17).is_none(), is_memory, "{name} {value}");
        }
        for (name, value) in [
            ("maintenance_work_mem", "1MB"),
            ("autovacuum_work_mem", "-1"),
            ("autovacuum_work_mem", "1MB"),
            ("log_rotation_size", "2097151kB"),
            ("log_connections", "yes"),
            ("work_mem", "64kB"),
        ] {
            assert_eq!(find(name).expect("a parameter").refused_in(value, 15), None, "{name} {value}");
        }
    }

    #[test]
    fn wrong_values_are_refused_with_the_reason() {
        assert!(matches!(normal_of("shared_buffers", "1GiB"), Err(Refused::NotANumber { unit: "8kB" })));
        assert!(matches!(normal_of("shared_buffers", "5min"), Err(Refused::NotANumber { .. })));
        assert!(matches!(normal_of("max_connections", "many"), Err(Refused::NotANumber { .. })));
        assert!(matches!(normal_of("max_connections", "0"), Err(Refused::OutOfRange { .. })));
        assert!(matches!(
            normal_of("work_mem", "NaN"),
            Err(Refused::NotANumber { .. } | Refused::OutOfRange { .. })
        ));
        assert!(matches!(
            normal_of("work_mem", "inf"),
            Err(Refused::NotANumber { .. } | Refused::OutOfRange { .. })
        ));
        assert!(matches!(normal_of("DateStyle", "ISO, swiss"), Err(Refused::NotOneOf { .. })));
        assert!(matches!(normal_of("wal_level", "full"), Err(Refused::NotOneOf { .. })));
        assert!(matches!(normal_of("jit", "o"), Err(Refused::NotABool)));
        assert!(matches!(normal_of("archive_command", "a\nfsync=off"), Err(Refused::Unwritable)));
    }

    #[test]
    fn each_line_of_the_table_is_read() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(all().count(), lines);
        assert!(!find("io_method").unwrap().is_in(17));
        assert!(find("io_method").unwrap().is_in(18));
        assert!(!find("promote_trigger_file").unwrap().is_in(16));
        assert_eq!(find("Max_Connections").unwrap().effect(), Effect::Restart);
        assert_eq!(find("work_mem").unwrap().effect(), Effect::Reload);
    }
}

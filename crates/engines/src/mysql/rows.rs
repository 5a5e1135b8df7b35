//! Rows of one table: which expressions read them exactly, how they are written as SQL, and what their digest covers.
//!
//! The digest is made of the very values that the dump writes from, and the copy is read by the same expressions: a
//! value that loading changed is seen, whatever changed it.

use std::fmt::Write as _;

use mysql_async::{Row, Value};

use super::{
    catalogue::{Column, Table},
    flavour::{self, Flavour},
    session::{Fault, Session},
};
use crate::digest::Multiset;

/// How a value is read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// A number that is exact as text.
    Number,
    /// A floating-point number: its text is exact, and is written so that it is read as one.
    Double,
    /// Bytes between quotes.
    Bytes,
    /// Text between quotes that must not be taken for bytes.
    Text,
    /// A JSON document: its text, and the type of what it is.
    Json,
    /// A moment, read in UTC and written so that it is the same in the zone of [`Plan::zone`].
    Moment,
}

/// The zone in which what is computed from moments was computed, as far as a server can be told to compute in it again
/// without harm to the moments themselves; `None`: UTC, or a zone that cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Zone {
    name: String,
    flavour: Flavour,
}

impl Zone {
    /// The zone in which clients of this server are who say nothing of it.
    pub(super) async fn of(session: &mut Session) -> Result<Option<Self>, Fault> {
        let sql = "SELECT @@global.time_zone, TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), \
                   CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM'))";
        let row = session.rows(sql).await?.into_iter().next().unwrap_or_default();
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let (global, minutes) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
        let name = if global == "SYSTEM" { offset(minutes.parse().unwrap_or(0)) } else { global };
        let is_offset = name.starts_with(['+', '-']);
        // MySQL takes moments with their offset, MariaDB only text in its own zone, where an hour may be there twice.
        let can =
            if session.is_mysql() { session.is_at_least(Flavour::Mysql, &[8, 0, 19]) } else { is_offset };
        let flavour = session.flavour;
        Ok((can && !matches!(name.as_str(), "+00:00" | "UTC")).then_some(Self { name, flavour }))
    }

    /// The beginning of a statement that computes in it.
    fn insert(&self) -> String {
        let zone = flavour::text(&self.name);
        match self.flavour {
            Flavour::Mysql => format!("INSERT /*+ SET_VAR(time_zone={zone}) */"),
            Flavour::Mariadb => format!("SET STATEMENT time_zone={zone} FOR INSERT"),
        }
    }

    fn write(&self, out: &mut Vec<u8>, value: &[u8]) {
        if value.starts_with(b"0000") {
            return flavour::quote(out, value);
        }
        let (before, after) = match self.flavour {
            Flavour::Mysql => (&b"'"[..], "+00:00'".to_owned()),
            Flavour::Mariadb => (&b"CONVERT_TZ('"[..], format!("','+00:00',{})", flavour::text(&self.name))),
        };
        out.extend_from_slice(before);
        out.extend_from_slice(value);
        out.extend_from_slice(after.as_bytes());
    }
}

fn offset(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

/// How one table's rows are read and written.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The question that reads all of them.
    pub(super) select: String,
    /// The beginning of the statement that writes some of them.
    pub(super) insert: String,
    columns: Vec<How>,
    /// How many of the columns are written; those after them are computed, stored, and only compared.
    written: usize,
    zone: Option<Zone>,
}

/// What was read of one table.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Count and digest of its rows.
    pub(super) rows: Multiset,
    /// Documents whose inner types no text can carry.
    pub(super) inexact: u64,
}

/// Whether a versioned table's history can be written again: with the times of each row. Numbers of transactions mean
/// nothing on another server, and no server takes them.
pub(super) fn history_can_be_kept(columns: &[Column]) -> bool {
    columns.iter().filter(|column| column.is_period).all(|column| column.kind == "timestamp")
}

impl Plan {
    /// The plan for a table with these columns, of which what is computed was computed in this zone.
    pub(super) fn new(table: &Table, columns: &[Column], flavour: Flavour, zone: Option<&Zone>) -> Self {
        let period: Vec<_> = columns.iter().filter(|column| column.is_period).collect();
        let is_history = table.is_versioned() && history_can_be_kept(columns);
        let chosen = columns.iter().filter(|column| !column.is_generated || (is_history && column.is_period));
        // A versioned table keeps its moments as they are.
        let computes = columns.iter().any(|column| column.is_generated) && !table.is_versioned();
        let zone = zone.filter(|_| computes && columns.iter().any(|column| column.kind == "timestamp"));
        let mut reads = Vec::new();
        let mut names = Vec::new();
        let mut hows = Vec::new();
        for column in chosen {
            let name = flavour::name(&column.name);
            let (read, how) = read(&name, &column.kind, flavour);
            reads.push(read);
            hows.push(if zone.is_some() && column.kind == "timestamp" { How::Moment } else { how });
            names.push(name);
        }
        if is_history && period.is_empty() {
            for name in ["row_start", "row_end"] {
                reads.push(name.to_uppercase());
                hows.push(How::Bytes);
                names.push(name.to_owned());
            }
        }
        let written = hows.len();
        for column in columns.iter().filter(|column| column.is_stored && !column.is_period) {
            let (read, how) = read(&flavour::name(&column.name), &column.kind, flavour);
            reads.push(read);
            hows.push(how);
        }
        if reads.is_empty() {
            reads.push("1".into());
        }
        let quoted = table.quoted();
        let all = if is_history { " FOR SYSTEM_TIME ALL" } else { "" };
        let hint = if flavour == Flavour::Mariadb { "SQL_NO_CACHE " } else { "" };
        let insert = zone.map_or_else(|| "INSERT".to_owned(), Zone::insert);
        Self {
            select: format!("SELECT {hint}{} FROM {quoted}{all}", reads.join(", ")),
            insert: format!("{insert} INTO {quoted} ({}) VALUES\n", names.join(",")),
            columns: hows,
            written,
            zone: zone.cloned(),
        }
    }

    /// Takes one row: adds it to the tally and, where it is wanted, appends it as SQL.
    pub(super) fn take(
        &self,
        row: Row,
        tally: &mut Tally,
        canonical: &mut Vec<u8>,
        out: Option<&mut Vec<u8>>,
    ) {
        let mut values = Row::unwrap(row).into_iter();
        canonical.clear();
        let mut written = out;
        if let Some(out) = written.as_deref_mut() {
            out.push(b'(');
        }
        for (index, how) in self.columns.iter().enumerate() {
            let value = bytes(values.next());
            let tag = if *how == How::Json { bytes(values.next()) } else { None };
            note(canonical, value.as_deref());
            let mut tag = tag.map(|tag| String::from_utf8_lossy(&tag).into_owned());
            if tag.as_deref() == Some("INEXACT") {
                tally.inexact += 1;
                tag = None;
            }
            if *how == How::Json {
                note(canonical, tag.as_deref().map(str::as_bytes));
            }
            if let Some(out) = written.as_deref_mut().filter(|_| index < self.written) {
                if index > 0 {
                    out.push(b',');
                }
                match (&value, &self.zone) {
                    (None, _) => out.extend_from_slice(b"NULL"),
                    (Some(value), Some(zone)) if *how == How::Moment => zone.write(out, value),
                    (Some(value), _) => write(out, *how, value, tag.as_deref()),
                }
            }
        }
        if let Some(out) = written {
            out.push(b')');
        }
        tally.rows.add(canonical);
    }
}

fn bytes(value: Option<Value>) -> Option<Vec<u8>> {
    match value {
        Some(Value::Bytes(bytes)) => Some(bytes),
        Some(Value::NULL) | None => None,
        // The text protocol has no other kinds.
        Some(other) => Some(other.as_sql(false).into_bytes()),
    }
}

/// Appends a value so that no two rows look alike: a mark for NULL, else length and bytes.
fn note(canonical: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => canonical.push(0),
        Some(value) => {
            canonical.push(1);
            canonical.extend_from_slice(&(value.len() as u64).to_le_bytes());
            canonical.extend_from_slice(value);
        }
    }
}

/// The expression that reads a column exactly, and how its value is written.
fn read(name: &str, kind: &str, flavour: Flavour) -> (String, How) {
    let as_is = |how| (name.to_owned(), how);
    match kind {
        "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" | "decimal" | "numeric" => {
            as_is(How::Number)
        }
        "double" | "real" => as_is(How::Double),
        // As it is shown, a FLOAT is cut to six digits.
        "float" => (format!("CAST({name} AS DOUBLE)"), How::Double),
        // By number: the error value 0 of an ENUM looks like an empty text.
        "enum" | "set" | "bit" => (format!("CAST({name} AS UNSIGNED)"), How::Number),
        "inet4" | "inet6" | "uuid" => as_is(How::Text),
        "json" if flavour == Flavour::Mysql => (format!("{name}, {}", json_type(name)), How::Json),
        _ => as_is(How::Bytes),
    }
}

/// What a JSON value is, where its text does not say so: `INEXACT` for a document that differs from what its own
/// text is read as (in a type, or in its stored size).
fn json_type(name: &str) -> String {
    let again = format!("CAST(CAST({name} AS CHAR CHARACTER SET utf8mb4) AS JSON)");
    let mut expression = String::from("CASE JSON_TYPE(");
    let sized =
        format!("JSON_STORAGE_SIZE({name}) - JSON_STORAGE_FREE({name}) <> JSON_STORAGE_SIZE({again})");
    write!(
        expression,
        "{name}) WHEN 'OBJECT' THEN IF({name} <> {again} OR {sized}, 'INEXACT', NULL) \
         WHEN 'ARRAY' THEN IF({name} <> {again} OR {sized}, 'INEXACT', NULL) \
         WHEN 'STRING' THEN NULL WHEN 'INTEGER' THEN NULL WHEN 'DOUBLE' THEN NULL WHEN 'NULL' THEN NULL \
         WHEN 'BOOLEAN' THEN NULL WHEN 'BLOB' THEN 'INEXACT' WHEN 'BIT' THEN 'INEXACT' \
         WHEN 'OPAQUE' THEN 'INEXACT' ELSE JSON_TYPE({name}) END"
    )
    .expect("writing to a string does not fail");
    expression
}

fn write(out: &mut Vec<u8>, how: How, value: &[u8], tag: Option<&str>) {
    match how {
        How::Number => out.extend_from_slice(value),
        How::Double => {
            out.extend_from_slice(value);
            if !value.contains(&b'e') {
                out.extend_from_slice(b"e0");
            }
        }
        How::Bytes | How::Moment => flavour::quote(out, value),
        How::Text => introduced(out, value),
        How::Json => write_json(out, value, tag),
    }
}

fn introduced(out: &mut Vec<u8>, value: &[u8]) {
    out.extend_from_slice(b"_utf8mb4");
    flavour::quote(out, value);
}

/// A scalar of a type that its text does not carry is made from that type.
fn write_json(out: &mut Vec<u8>, value: &[u8], tag: Option<&str>) {
    let text = String::from_utf8_lossy(value);
    let inner = text.trim_matches('"');
    let digits = |part: Option<&str>| part.map_or(0, |part| part.bytes().filter(u8::is_ascii_digit).count());
    let made = match tag {
        Some("UNSIGNED INTEGER") => format!("{inner} AS UNSIGNED"),
        Some("DECIMAL") => {
            let (whole, fraction) = (digits(inner.split('.').next()), digits(inner.split('.').nth(1)));
            format!("'{inner}' AS DECIMAL({},{fraction})", (whole + fraction).max(1))
        }
        Some("DATE") => format!("'{inner}' AS DATE"),
        Some("TIME") => format!("'{inner}' AS TIME(6)"),
        Some("DATETIME") => format!("'{inner}' AS DATETIME(6)"),
        _ => return introduced(out, value),
    };
    out.extend_from_slice(format!("CAST(CAST({made}) AS JSON)").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(kind: &str) -> Table {
        Table {
            database: "d".into(),
            name: "t`".into(),
            kind: kind.into(),
            engine: "InnoDB".into(),
            is_encrypted: false,
        }
    }

    fn column(name: &str, kind: &str) -> Column {
        Column {
            name: name.into(),
            kind: kind.into(),
            is_generated: false,
            is_stored: false,
            is_period: false,
        }
    }

    #[test]
    fn columns_are_read_and_written_by_name() {
        let columns = [column("a", "int"), column("f", "float"), column("e", "enum")];
        let plan = Plan::new(&table("BASE TABLE"), &columns, Flavour::Mysql, None);
        assert_eq!(plan.select, "SELECT `a`, CAST(`f` AS DOUBLE), CAST(`e` AS UNSIGNED) FROM `d`.`t```");
        assert_eq!(plan.insert, "INSERT INTO `d`.`t``` (`a`,`f`,`e`) VALUES\n");
        let history = Plan::new(&table("SYSTEM VERSIONED"), &columns[..1], Flavour::Mariadb, None);
        assert!(history.select.ends_with("`a`, ROW_START, ROW_END FROM `d`.`t``` FOR SYSTEM_TIME ALL"));
    }

    #[test]
    fn offsets_are_told_as_servers_take_them() {
        assert_eq!(
            [offset(480), offset(0), offset(-210), offset(-30)],
            ["+08:00", "+00:00", "-03:30", "-00:30"]
        );
    }

    #[test]
    fn values_are_written_so_that_their_type_survives() {
        let written = |how, value: &str, tag| {
            let mut out = Vec::new();
            write(&mut out, how, value.as_bytes(), tag);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(How::Double, "-0", None), "-0e0");
        assert_eq!(written(How::Double, "1.5e300", None), "1.5e300");
        assert_eq!(written(How::Bytes, "a'\n", None), "'a\\'\\n'");
        assert_eq!(written(How::Json, "1.50", Some("DECIMAL")), "CAST(CAST('1.50' AS DECIMAL(3,2)) AS JSON)");
        assert_eq!(written(How::Json, "{\"a\":1}", None), "_utf8mb4'{\"a\":1}'");
    }

    #[test]
    fn no_two_rows_have_the_same_canonical_form() {
        let form = |values: &[Option<&str>]| {
            let mut canonical = Vec::new();
            for value in values {
                note(&mut canonical, value.map(str::as_bytes));
            }
            canonical
        };
        assert_ne!(form(&[Some("ab"), Some("c")]), form(&[Some("a"), Some("bc")]));
        assert_ne!(form(&[None, Some("")]), form(&[Some(""), None]));
    }
}

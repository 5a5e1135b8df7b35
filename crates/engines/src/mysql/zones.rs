//! The server's own tables of time zones: events and users' queries name zones, and a new server knows none.
//!
//! Not compared by a proof: they are the server's knowledge, not a user's data. Loaded only where none are known.

use super::{
    catalogue::{self, Table},
    dump::{Output, Stream},
    flavour::Flavour,
    rows::{Plan, Tally},
    session::{Fault, Session},
    statement::{Role, Statement},
};
use roadstead_core::Result;

/// The kind that the statements bear.
pub(super) const KIND: &str = "time zone";
const TABLES: [&str; 5] = [
    "time_zone",
    "time_zone_leap_second",
    "time_zone_name",
    "time_zone_transition",
    "time_zone_transition_type",
];
const STATEMENT_BYTES: usize = 256 * 1024;

/// An offset as the server shows it; `None` when it is none. Without a flavour, what one of them takes.
pub(super) fn offset(value: &str, flavour: Option<Flavour>) -> Option<String> {
    let sign = value.chars().next().filter(|sign| "+-".contains(*sign))?;
    let (hours, minutes) = value[1..].split_once(':')?;
    let is_number = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.chars().all(|digit| digit.is_ascii_digit())
    };
    if !is_number(hours, 2) || !is_number(minutes, 2) || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let sign = if hours + minutes == 0 { '+' } else { sign };
    let (west, east) = if flavour == Some(Flavour::Mariadb) { (12, 13) } else { (13, 14) };
    let is_near = if sign == '-' { hours <= west } else { hours * 60 + minutes <= east * 60 };
    (minutes < 60 && is_near).then(|| format!("{sign}{hours:02}:{minutes:02}"))
}

/// Whether a server that knows no zone by its name knows this one.
pub(super) fn is_known_to_all(value: &str, flavour: Option<Flavour>) -> bool {
    value.eq_ignore_ascii_case("system") || offset(value, flavour).is_some()
}

/// Writes them, where there are any and they may be read.
pub(super) async fn dump(session: &mut Session, output: &mut Output<'_>, stream: &mut Stream) -> Result<()> {
    if !output.is_written() || !matches!(are_known(session).await, Ok(true)) {
        return Ok(());
    }
    let columns = catalogue::columns(session, "mysql").await?;
    for name in TABLES {
        let Some(columns) = columns.get(name) else { continue };
        let (database, kind, engine) = ("mysql".into(), "BASE TABLE".into(), "InnoDB".into());
        let table = Table { database, name: name.into(), kind, engine, is_encrypted: false };
        let plan = Plan::new(&table, columns, session.flavour, None);
        let mut all = Vec::new();
        let (mut tally, mut canonical, mut sql) = (Tally::default(), Vec::new(), Vec::new());
        let mut rows = session.stream(&plan.select).await?;
        while let Some(row) = rows.next().await? {
            sql.extend_from_slice(if sql.is_empty() { plan.insert.as_bytes() } else { b",\n" });
            plan.take(row, &mut tally, &mut canonical, Some(&mut sql));
            if sql.len() >= STATEMENT_BYTES {
                all.push(Statement::new(Role::Make, KIND, &table.path(), std::mem::take(&mut sql)));
            }
        }
        if !sql.is_empty() {
            all.push(Statement::new(Role::Make, KIND, &table.path(), sql));
        }
        drop(rows);
        output.put(stream, &all).await?;
    }
    Ok(())
}

/// Whether the server knows any zone by name.
pub(super) async fn are_known(session: &mut Session) -> Result<bool, Fault> {
    Ok(session.value("SELECT 1 FROM mysql.time_zone_name LIMIT 1").await?.is_some())
}

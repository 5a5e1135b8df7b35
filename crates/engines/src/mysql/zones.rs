//! The server's own tables of time zones: events and users' queries name zones, and a new server knows none.
//!
//! Not compared by a proof: they are the server's knowledge, not a user's data. Loaded only where none are known.

use super::{
    catalogue::{self, Table},
    dump::{Output, Stream},
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

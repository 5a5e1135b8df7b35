//! The journal in one SQLite file. Every call is durable when it returns (`synchronous = FULL`).
//!
//! Losing the file loses history and nothing else: snapshots are catalogued in their vaults.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use roadstead_core::{
    Error, Kind, Result, Text, Timestamp,
    model::Name,
    plan::Plan,
    port::{
        Journal,
        hand::Outcome,
        journal::{Ended, Operation, StepRecord},
    },
};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

const UNREADABLE: &str = "control-journal-unreadable";
/// `SQLITE_IOERR_SHMSIZE` of <https://sqlite.org/rescode.html>.
const IOERR_SHMSIZE: i32 = 4874;
/// What every plan of this fleet has among its first words, and what every plan that was made from this file has.
const OF_WHOM: &str = "(SELECT ?2 AS of_fleet, ?3 AS of_file)";
/// Holds for the operations of one fleet, and for those of whose fleet nothing can be read: they may be anybody's.
const OF_FLEET: &str =
    "(instr(substr(plan, 1, 200), of_fleet) > 0 OR instr(substr(plan, 1, 200), '\"fleet\":') = 0)";
/// Holds for restores; a plan's aim stands among its first words, and the rest may be long.
const A_RESTORE: &str = "instr(substr(plan, 1, 1000), '\"aim\":{\"restore\":') > 0";
/// Holds for what was done with one fleet file, whatever the fleet was called.
const OF_FILE: &str = "instr(plan, of_file) > 0";
/// The form of the tables; a file of a newer form is refused.
const SCHEMA: i64 = 1;

/// The journal of one fleet. Several fleets may share the file, as they do whose fleet files lie in one folder; none sees
/// what was done of another.
pub struct SqliteJournal {
    path: PathBuf,
    fleet: Name,
    file: String,
    connection: Mutex<Connection>,
    skipped: Mutex<BTreeSet<String>>,
}

impl SqliteJournal {
    /// Opens or creates the journal of a fleet and its file (empty for one that has no name); where nothing can be written, one that is there is opened to
    /// be read. A damaged journal or one of a newer form is an error that says so.
    pub fn open(path: &Path, fleet: &Name, file: &str) -> Result<Self> {
        match Self::to_write(path, fleet) {
            Err(error) if matches!(error.kind, Kind::Denied | Kind::Exhausted) && path.is_file() => {
                let is_more = |other: &Error| matches!(other.kind, Kind::Corrupt | Kind::Unsupported);
                Self::to_read(path, fleet).map_err(|other| if is_more(&other) { other } else { error })
            }
            opened => opened,
        }
        .map(|journal| Self { file: file.to_owned(), ..journal })
    }

    /// The operations that were passed over so far because nobody can read what the journal says of them.
    pub fn skipped(&self) -> Vec<String> {
        self.skipped.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn to_write(path: &Path, fleet: &Name) -> Result<Self> {
        let connection = Connection::open(path).map_err(|error| trouble(path, &error))?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;",
            )
            .map_err(|error| trouble(path, &error))?;
        if form(path, &connection)? < SCHEMA {
            connection.execute_batch(TABLES).map_err(|error| trouble(path, &error))?;
        }
        Ok(Self::of(path, fleet, connection))
    }

    /// SQLite wants files beside one with a write-ahead log. Where it cannot make them it reads the file alone if told that
    /// nobody writes it, which is so when that log is not there; records that only the log has are never passed over.
    fn to_read(path: &Path, fleet: &Name) -> Result<Self> {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let has_log = std::fs::metadata(log).is_ok_and(|facts| facts.len() > 0);
        let shown = path.display().to_string();
        let name = shown.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let uri = format!("file:{name}?mode=ro{}", if has_log { "" } else { "&immutable=1" });
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(uri, flags).map_err(|error| trouble(path, &error))?;
        if form(path, &connection)? < SCHEMA {
            return Err(Error::new(Kind::Denied, Text::new("control-journal-trouble").with("path", shown)));
        }
        Ok(Self::of(path, fleet, connection))
    }

    fn of(path: &Path, fleet: &Name, connection: Connection) -> Self {
        let fleet = fleet.clone();
        Self {
            path: path.to_owned(),
            fleet,
            file: String::new(),
            connection: Mutex::new(connection),
            skipped: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn steps(&self, connection: &Connection, operation: &str) -> Result<Vec<StepRecord>> {
        let mut statement = connection
            .prepare("SELECT step, started, ended, outcome FROM step WHERE operation = ?1 ORDER BY number")
            .map_err(|error| trouble(&self.path, &error))?;
        let rows = statement
            .query_map([operation], |row| {
                let ended: Option<i64> = row.get(2)?;
                let outcome: Option<String> = row.get(3)?;
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, ended, outcome))
            })
            .map_err(|error| trouble(&self.path, &error))?;
        rows.map(|row| {
            let (step, started, ended, outcome) = row.map_err(|error| trouble(&self.path, &error))?;
            // What nobody can read any more is told in its place, and stands in nobody's way.
            let outcome = outcome.map(|text| {
                serde_json::from_str(&text).unwrap_or_else(|error| Err(unreadable(&self.path, &error)))
            });
            Ok(StepRecord {
                step,
                started: Timestamp::from_millis(started),
                ended: ended.map(Timestamp::from_millis),
                outcome,
            })
        })
        .collect()
    }

    fn read(&self, connection: &Connection, id: &str) -> Result<Operation> {
        let row = connection
            .query_row(
                "SELECT id, plan, started, by_whom, ended, result FROM operation WHERE id = ?1",
                [id],
                |row| {
                    Ok((
                        row.get::<_, String>(0)?,
                        row.get::<_, String>(1)?,
                        row.get::<_, i64>(2)?,
                        row.get::<_, String>(3)?,
                        row.get::<_, Option<i64>>(4)?,
                        row.get::<_, Option<String>>(5)?,
                    ))
                },
            )
            .optional()
            .map_err(|error| trouble(&self.path, &error))?
            .ok_or_else(|| not_found(id))?;
        let result = row
            .5
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| unreadable(&self.path, &error))?;
        Ok(Operation {
            steps: self.steps(connection, &row.0)?,
            plan: serde_json::from_str(&row.1).map_err(|error| unreadable(&self.path, &error))?,
            id: row.0,
            started: Timestamp::from_millis(row.2),
            by: row.3,
            ended: row.4.map(Timestamp::from_millis),
            result,
        })
    }

    /// What stands among the first words of every plan of this fleet, and of no other's.
    fn of_fleet(&self) -> String {
        format!("\"fleet\":\"{}\",", self.fleet)
    }

    /// What stands in every plan that was made from this fleet file, whatever the fleet was called. `None`, which nothing
    /// holds, for one without a name of its own.
    fn of_file(&self) -> Option<String> {
        let file = serde_json::Value::from(self.file.as_str());
        (!self.file.is_empty()).then(|| format!("\"fleet_file\":{file}"))
    }

    /// The newest operations for which this holds. One that cannot be read stands in nobody's way.
    fn newest(&self, which: &str, limit: usize) -> Result<Vec<Operation>> {
        let connection = self.lock();
        let mut statement = connection
            .prepare(&format!(
                "SELECT id FROM operation, {OF_WHOM} WHERE {which} ORDER BY number DESC LIMIT ?1"
            ))
            .map_err(|error| trouble(&self.path, &error))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement
            .query_map(params![limit, self.of_fleet(), self.of_file()], |row| row.get::<_, String>(0))
            .map_err(|error| trouble(&self.path, &error))?;
        let found =
            rows.collect::<rusqlite::Result<Vec<_>>>().map_err(|error| trouble(&self.path, &error))?;
        let readable = |id: &String| match self.read(&connection, id) {
            Err(error) if error.what.key == UNREADABLE => {
                tracing::warn!(operation = %id, %error, "an operation in the journal cannot be read");
                self.skipped.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
                None
            }
            read => Some(read),
        };
        found.iter().filter_map(readable).collect()
    }
}

impl Journal for SqliteJournal {
    fn begin(&self, id: &str, plan: &Plan, by: &str, at: Timestamp) -> Result<()> {
        let plan = serde_json::to_string(plan).map_err(Error::internal)?;
        self.lock()
            .execute(
                "INSERT INTO operation (id, plan, started, by_whom) VALUES (?1, ?2, ?3, ?4)",
                params![id, plan, at.millis(), by],
            )
            .map_err(|error| trouble(&self.path, &error))?;
        crash_point();
        Ok(())
    }

    fn started(&self, operation: &str, step: &str, at: Timestamp) -> Result<()> {
        self.lock()
            .execute(
                "INSERT INTO step (operation, step, started) VALUES (?1, ?2, ?3)",
                params![operation, step, at.millis()],
            )
            .map_err(|error| trouble(&self.path, &error))?;
        crash_point();
        Ok(())
    }

    fn finished(
        &self,
        operation: &str,
        step: &str,
        at: Timestamp,
        outcome: &std::result::Result<Outcome, Error>,
    ) -> Result<()> {
        let outcome = serde_json::to_string(outcome).map_err(Error::internal)?;
        let changed = self
            .lock()
            .execute(
                "UPDATE step SET ended = ?3, outcome = ?4 WHERE operation = ?1 AND step = ?2 AND ended IS NULL",
                params![operation, step, at.millis(), outcome],
            )
            .map_err(|error| trouble(&self.path, &error))?;
        crash_point();
        if changed == 1 { Ok(()) } else { Err(Error::internal("a step ended that had not begun")) }
    }

    fn end(&self, operation: &str, at: Timestamp, result: Ended) -> Result<()> {
        let result = serde_json::to_string(&result).map_err(Error::internal)?;
        self.lock()
            .execute(
                "UPDATE operation SET ended = ?2, result = ?3 WHERE id = ?1",
                params![operation, at.millis(), result],
            )
            .map_err(|error| trouble(&self.path, &error))?;
        crash_point();
        Ok(())
    }

    fn operation(&self, id: &str) -> Result<Operation> {
        let connection = self.lock();
        let pattern = format!("{}%", id.replace(['%', '_', '\\'], ""));
        let mut statement = connection
            .prepare(&format!(
                "SELECT id FROM operation, {OF_WHOM} WHERE id LIKE ?1 AND ({OF_FLEET} OR {A_RESTORE} AND {OF_FILE}) LIMIT 2"
            ))
            .map_err(|error| trouble(&self.path, &error))?;
        let rows = statement
            .query_map(params![pattern, self.of_fleet(), self.of_file()], |row| row.get::<_, String>(0))
            .map_err(|error| trouble(&self.path, &error))?;
        let found =
            rows.collect::<rusqlite::Result<Vec<_>>>().map_err(|error| trouble(&self.path, &error))?;
        match found.as_slice() {
            [one] => self.read(&connection, one),
            [] => Err(not_found(id)),
            _ => Err(Error::new(Kind::Input, Text::new("control-operation-ambiguous").with("id", id))),
        }
    }

    fn restores(&self, limit: usize) -> Result<Vec<Operation>> {
        self.newest(&format!("{A_RESTORE} AND ({OF_FLEET} OR {OF_FILE})"), limit)
    }

    fn recent(&self, limit: usize) -> Result<Vec<Operation>> {
        self.newest(OF_FLEET, limit)
    }

    fn of_all_fleets(&self, limit: usize) -> Result<Vec<Operation>> {
        self.newest("instr(substr(plan, 1, 200), '\"fleet\":') > 0", limit)
    }
}

/// In debug builds, for the tests of resumption: ends this very process, as a power cut would, once the journal has
/// made the number of records that `ROADSTEAD_CRASH_AFTER_RECORD` says.
#[cfg(debug_assertions)]
fn crash_point() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static RECORDS: AtomicU32 = AtomicU32::new(0);
    let made = RECORDS.fetch_add(1, Ordering::SeqCst) + 1;
    let wanted = std::env::var("ROADSTEAD_CRASH_AFTER_RECORD").ok().and_then(|text| text.parse::<u32>().ok());
    if wanted == Some(made) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

#[cfg(not(debug_assertions))]
const fn crash_point() {}

const TABLES: &str = "
BEGIN;
CREATE TABLE operation (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    plan TEXT NOT NULL,
    started INTEGER NOT NULL,
    by_whom TEXT NOT NULL,
    ended INTEGER,
    result TEXT
) STRICT;
CREATE TABLE step (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    operation TEXT NOT NULL REFERENCES operation (id),
    step TEXT NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER,
    outcome TEXT,
    UNIQUE (operation, step)
) STRICT;
PRAGMA user_version = 1;
COMMIT;
";

/// The form of the tables in a file; of a newer one than ours nothing is read.
fn form(path: &Path, connection: &Connection) -> Result<i64> {
    let found: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|error| trouble(path, &error))?;
    if found > SCHEMA {
        let what = Text::new("control-journal-newer").with("path", path.display().to_string());
        return Err(Error::new(Kind::Unsupported, what).cure(Text::new("control-journal-newer-cure")));
    }
    Ok(found)
}

fn trouble(path: &Path, error: &rusqlite::Error) -> Error {
    let kind = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => Kind::Exhausted,
        // The file beside a write-ahead log that its readers share could not be made long enough.
        _ if error.sqlite_error().is_some_and(|error| error.extended_code == IOERR_SHMSIZE) => {
            Kind::Exhausted
        }
        Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly) => Kind::Denied,
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => Kind::Corrupt,
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => Kind::Busy,
        _ => Kind::Failed,
    };
    let told =
        Error::new(kind, Text::new("control-journal-trouble").with("path", path.display().to_string()))
            .caused_by(error);
    match kind {
        Kind::Corrupt => told.cure(Text::new("control-journal-corrupt-cure")),
        Kind::Exhausted => told.cure(Text::new("control-journal-full-cure")),
        Kind::Denied => told.cure(Text::new("control-journal-closed-cure")),
        _ => told,
    }
}

fn unreadable(path: &Path, error: &serde_json::Error) -> Error {
    Error::new(Kind::Corrupt, Text::new(UNREADABLE).with("path", path.display().to_string())).caused_by(error)
}

fn not_found(id: &str) -> Error {
    Error::new(Kind::Input, Text::new("control-operation-not-found").with("id", id))
        .cure(Text::new("control-operation-not-found-cure"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_cannot_be_written_is_read_with_its_log_and_nothing_is_made_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, fleet) = (|name: &str| folder.path().join(name), Name::parse("f").expect("a name"));
        let written = SqliteJournal::to_write(&path("a?#%41.sqlite"), &fleet).expect("made");
        let insert = "INSERT INTO operation (id, plan, started, by_whom) VALUES ('x', '', 0, '')";
        written.lock().execute(insert, []).expect("inserted");
        let count = |path: &Path| {
            let journal = SqliteJournal::to_read(path, &fleet).expect("read");
            let connection = journal.lock();
            connection
                .query_row("SELECT count(*) FROM operation", [], |row| row.get::<_, i64>(0))
                .expect("read")
        };
        // As a crash leaves it: the record is in the log alone.
        for suffix in ["", "-wal"] {
            let from = path(&format!("a?#%41.sqlite{suffix}"));
            fs::copy(from, path(&format!("crashed.sqlite{suffix}"))).expect("copied");
        }
        assert_eq!(count(&path("crashed.sqlite")), 1);
        drop(written);
        let there = || fs::read_dir(folder.path()).expect("own folder").count();
        let before = there();
        assert_eq!(count(&path("a?#%41.sqlite")), 1);
        assert_eq!(there(), before);
    }
}

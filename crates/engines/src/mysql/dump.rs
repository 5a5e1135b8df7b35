//! Everything of a server into named streams, and the manifest of exactly that, in one pass.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use roadstead_core::{
    Error, Finding, Result, Text,
    manifest::{Manifest, Object, Strength},
    port::{Progress, Sink, StreamWriter, Watch},
};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    catalogue::{self, Column, Holds, Table},
    definitions::{self, Definition},
    observe, people, programs,
    rows::{Plan, Tally, Zone},
    session::Session,
    statement::{HEAD, Role, Statement},
    strays, survey, zones,
};

/// Method of the manifest: changes whenever a digest would differ for the same data.
pub(super) const METHOD: &str = "mysql-rows-3";
/// A statement of rows is closed when it is this long. Longer ones load no faster and need more memory: the driver keeps
/// up to 128 buffers that were once as long.
const STATEMENT_BYTES: usize = 128 * 1024;
/// Pieces that wait between the readers and the vault.
const WAITING: usize = 8;
/// Definitions are gathered into pieces of this size.
const PIECE_BYTES: usize = 256 * 1024;

/// In what circumstances our own statements are written; a program has its own, and these hold again after it.
pub(super) const OWN_SETUP: [&str; 3] = [
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_DIR_IN_CREATE,NO_ENGINE_SUBSTITUTION'",
];

/// How a client's session is set so that everything is stored as it is written.
pub(super) const LOAD_SETUP: &[&str] = &[
    OWN_SETUP[0],
    OWN_SETUP[1],
    OWN_SETUP[2],
    "SET SESSION foreign_key_checks = 0",
    "SET SESSION unique_checks = 0",
    "SET SESSION explicit_defaults_for_timestamp = 1",
    "SET SESSION innodb_strict_mode = 0",
];

/// What rows need besides.
pub(super) const ROWS_SETUP: &str = "SET NAMES binary";

/// And what those of a MariaDB need: the history of versioned tables, and rows that its checks would no longer let in.
pub(super) const MARIADB_ROWS_SETUP: &[&str] =
    &["SET SESSION system_versioning_insert_history = 1", "SET SESSION check_constraint_checks = 0"];

/// Everything that was read, for the manifest.
#[derive(Default)]
pub(super) struct Inventory {
    objects: Vec<Object>,
    /// What is weaker than it should be, or missing.
    pub(super) findings: Vec<Finding>,
}

impl Inventory {
    /// The manifest of it.
    pub(super) fn manifest(mut self) -> Manifest {
        self.objects.sort_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
        Manifest { method: METHOD.into(), objects: self.objects }
    }

    fn note(&mut self, definition: &Definition) {
        if let Some(digest) = &definition.digest {
            self.objects.push(Object {
                kind: definition.kind.into(),
                name: definition.name.clone(),
                count: None,
                digest: Some(digest.clone()),
                strength: Strength::ContentSnapshot,
            });
        }
    }

    /// A view that is there, and that its reader could not use.
    fn note_broken(&mut self, view: &Table) {
        self.objects.push(Object {
            kind: programs::BROKEN.into(),
            name: view.path(),
            count: None,
            digest: None,
            strength: Strength::CountSnapshot,
        });
    }

    fn note_rows(&mut self, table: &Table, tally: &Tally) {
        let strength =
            if table.holds() == Holds::Apart { Strength::ContentAfter } else { Strength::ContentSnapshot };
        self.objects.push(Object {
            kind: "table".into(),
            name: table.path(),
            count: Some(tally.rows.count()),
            digest: Some(tally.rows.digest()),
            strength,
        });
        if tally.inexact > 0 {
            let what =
                Text::new("mysql-json-inexact").with("table", table.shown()).with("count", tally.inexact);
            self.findings.push(Finding::warning(table.shown(), what));
        }
    }
}

/// Where the text goes: into a sink, or nowhere when only the manifest is wanted.
pub(super) struct Output<'a> {
    sink: Option<&'a mut dyn Sink>,
    watch: &'a dyn Watch,
    done: u64,
}

/// One open stream of an output.
pub(super) struct Stream {
    writer: Option<Box<dyn StreamWriter>>,
    buffer: Vec<u8>,
    bytes: u64,
}

impl<'a> Output<'a> {
    /// Into this sink; `None`: nowhere.
    pub(super) fn new(sink: Option<&'a mut dyn Sink>, watch: &'a dyn Watch) -> Self {
        Self { sink, watch, done: 0 }
    }

    async fn open(&mut self, name: &str, setup: &[&str]) -> Result<Stream> {
        let writer = match &mut self.sink {
            Some(sink) => Some(sink.stream(name).await?),
            None => None,
        };
        let mut stream = Stream { writer, buffer: HEAD.as_bytes().to_vec(), bytes: 0 };
        for sql in setup {
            Statement::setup(*sql).write(&mut stream.buffer);
        }
        Ok(stream)
    }

    /// Whether anything is kept of what is put.
    pub(super) fn is_written(&self) -> bool {
        self.sink.is_some()
    }

    /// Appends statements to a stream.
    pub(super) async fn put(&mut self, stream: &mut Stream, statements: &[Statement]) -> Result<()> {
        if stream.writer.is_none() {
            return self.watch.go_on();
        }
        for statement in statements {
            statement.write(&mut stream.buffer);
        }
        if stream.buffer.len() >= PIECE_BYTES {
            self.flush(stream).await?;
        }
        Ok(())
    }

    async fn send(&mut self, stream: &mut Stream, piece: Bytes) -> Result<()> {
        self.watch.go_on()?;
        let length = piece.len() as u64;
        self.done += length;
        stream.bytes += length;
        let phase =
            Text::new(if stream.writer.is_some() { "mysql-phase-dump" } else { "mysql-phase-compare" });
        self.watch.progress(Progress { phase, done: self.done, total: None });
        match &mut stream.writer {
            Some(writer) if length > 0 => writer.write(piece).await,
            _ => Ok(()),
        }
    }

    async fn flush(&mut self, stream: &mut Stream) -> Result<()> {
        let piece = std::mem::take(&mut stream.buffer).into();
        self.send(stream, piece).await
    }

    async fn finish(&mut self, mut stream: Stream) -> Result<()> {
        Statement::end().write(&mut stream.buffer);
        self.flush(&mut stream).await?;
        let Some(writer) = stream.writer else { return Ok(()) };
        let info = writer.finish().await?;
        if info.bytes == stream.bytes {
            return Ok(());
        }
        Err(Error::internal(format!(
            "stream {}: {} bytes were written, {} stored",
            info.name, stream.bytes, info.bytes
        )))
    }
}

/// Reads everything through sessions that see one moment.
pub(super) async fn everything(readers: &mut Vec<Session>, output: &mut Output<'_>) -> Result<Inventory> {
    let mut inventory = Inventory::default();
    let databases = observe::databases(&mut readers[0]).await?;
    let mut known = people::Known::default();
    let mut all_tables = Vec::new();
    let (mut libraries, mut routines) = (Vec::new(), Vec::new());
    for database in &databases {
        let session = &mut readers[0];
        let tables = catalogue::tables(session, database).await?;
        known.tables.extend(tables.iter().map(|table| (table.database.clone(), table.name.clone())));
        libraries.extend(programs::libraries(session, database).await?);
        routines.extend(programs::routines(session, database).await?);
        all_tables.push(tables);
    }
    let routines = [libraries, routines].concat();
    known.routines.extend(routines.iter().map(|one| (one.name[0].clone(), one.name[1].clone())));
    let people = people::read(&mut readers[0], Some(&known)).await?;
    inventory.findings.extend(people.findings);

    let mut stream = output.open("accounts.sql", LOAD_SETUP).await?;
    output.put(&mut stream, &people.plugins).await?;
    several(output, &mut stream, &mut inventory, &people.accounts).await?;
    output.put(&mut stream, &people.early).await?;
    output.finish(stream).await?;

    let last = containers(readers, output, &mut inventory, &databases, &all_tables).await?;
    for (database, tables) in databases.iter().zip(&all_tables) {
        contents(readers, output, &mut inventory, database, tables).await?;
    }

    let mut stream = output.open("routines.sql", LOAD_SETUP).await?;
    several(output, &mut stream, &mut inventory, &routines).await?;
    output.finish(stream).await?;
    drop(routines);

    code(&mut readers[0], output, &mut inventory, &databases, &all_tables).await?;

    let mut stream = output.open("grants.sql", LOAD_SETUP).await?;
    output.put(&mut stream, &people.late).await?;
    output.put(&mut stream, &last).await?;
    output.finish(stream).await?;
    inventory.findings.extend(survey::of_tables(&all_tables.concat()));
    inventory.findings.extend(strays::found(&mut readers[0]).await?);
    Ok(inventory)
}

async fn several(
    output: &mut Output<'_>,
    stream: &mut Stream,
    inventory: &mut Inventory,
    definitions: &[Definition],
) -> Result<()> {
    for definition in definitions {
        inventory.note(definition);
        output.put(stream, &definition.statements).await?;
    }
    Ok(())
}

/// Databases, sequences and what belongs to no database: everything that tables may refer to.
async fn containers(
    readers: &mut [Session],
    output: &mut Output<'_>,
    inventory: &mut Inventory,
    databases: &[String],
    tables: &[Vec<Table>],
) -> Result<Vec<Statement>> {
    let session = &mut readers[0];
    let mut stream = output.open("databases.sql", LOAD_SETUP).await?;
    zones::dump(session, output, &mut stream).await?;
    let of_server = definitions::of_server(session).await?;
    several(output, &mut stream, inventory, &of_server).await?;
    let (made, last) = definitions::databases(session, databases).await?;
    several(output, &mut stream, inventory, &made).await?;
    for table in tables.iter().flatten().filter(|table| table.is_sequence()) {
        let sequence = definitions::sequence(session, table).await?;
        several(output, &mut stream, inventory, &[sequence]).await?;
    }
    output.finish(stream).await?;
    Ok(last)
}

/// Views, triggers and events: what works on tables, and what fires.
async fn code(
    session: &mut Session,
    output: &mut Output<'_>,
    inventory: &mut Inventory,
    databases: &[String],
    tables: &[Vec<Table>],
) -> Result<()> {
    let mut stream = output.open("views.sql", LOAD_SETUP).await?;
    for table in tables.iter().flatten().filter(|table| table.is_view()) {
        let (definition, broken) = programs::view(session, table).await?;
        if let Some(why) = broken {
            inventory.findings.push(survey::broken_view(table, &why));
            inventory.note_broken(table);
        }
        several(output, &mut stream, inventory, &[definition]).await?;
    }
    output.finish(stream).await?;
    let mut triggers = output.open("triggers.sql", LOAD_SETUP).await?;
    let mut events = output.open("events.sql", LOAD_SETUP).await?;
    for database in databases {
        let found = programs::triggers(session, database).await?;
        several(output, &mut triggers, inventory, &found).await?;
        let found = definitions::histograms(session, database).await?;
        several(output, &mut events, inventory, &found).await?;
        let found = programs::events(session, database).await?;
        several(output, &mut events, inventory, &found).await?;
    }
    output.finish(triggers).await?;
    output.finish(events).await
}

/// The tables of one database, and their rows.
async fn contents(
    readers: &mut Vec<Session>,
    output: &mut Output<'_>,
    inventory: &mut Inventory,
    database: &str,
    tables: &[Table],
) -> Result<()> {
    let base: Vec<_> =
        tables.iter().filter(|table| !table.is_view() && !table.is_sequence()).cloned().collect();
    if base.is_empty() {
        return Ok(());
    }
    let folder = format!("database/{}", encoded(database));
    let mut stream = output.open(&format!("{folder}/tables.sql"), LOAD_SETUP).await?;
    for table in &base {
        let definition = definitions::table(&mut readers[0], table).await?;
        if table.is_in_memory() {
            inventory.note(&definitions::lasting(&definition));
        }
        several(output, &mut stream, inventory, &[definition]).await?;
    }
    output.finish(stream).await?;
    let columns = catalogue::columns(&mut readers[0], database).await?;
    inventory.findings.extend(survey::of_history(&base, &columns));
    let zone = Zone::of(&mut readers[0]).await?;
    let work = Work::new(base, columns, zone);
    let others = if readers[0].is_mysql() { &[] } else { MARIADB_ROWS_SETUP };
    let setup: Vec<_> = [LOAD_SETUP, &[ROWS_SETUP], others].concat();
    let mut stream = output.open(&format!("{folder}/data.sql"), &setup).await?;
    let is_written = stream.writer.is_some();
    output.flush(&mut stream).await?;
    let (sender, mut receiver) = mpsc::channel::<Bytes>(WAITING);
    let mut tasks = JoinSet::new();
    for mut session in readers.drain(..) {
        let (work, sender) = (work.clone(), sender.clone());
        tasks.spawn(async move {
            let done = read_tables(&mut session, &work, &sender, is_written).await;
            (session, done)
        });
    }
    drop(sender);
    // Leaving on an error drops the set, which ends the readers; their connections close with them.
    loop {
        tokio::select! {
            piece = receiver.recv() => match piece {
                Some(piece) => output.send(&mut stream, piece).await?,
                None => break,
            },
            Some(task) = tasks.join_next() => readers.push(ended(task, inventory)?),
        }
    }
    while let Some(task) = tasks.join_next().await {
        readers.push(ended(task, inventory)?);
    }
    output.finish(stream).await
}

type Ended = (Session, Result<Vec<(Table, Tally)>>);

fn ended(task: Result<Ended, tokio::task::JoinError>, inventory: &mut Inventory) -> Result<Session> {
    let (session, done) = task.map_err(Error::internal)?;
    for (table, tally) in done? {
        inventory.note_rows(&table, &tally);
    }
    Ok(session)
}

/// Tables that wait to be read.
#[derive(Clone)]
struct Work {
    tables: Arc<Mutex<VecDeque<Table>>>,
    columns: Arc<HashMap<String, Vec<Column>>>,
    zone: Option<Zone>,
}

impl Work {
    fn new(mut tables: Vec<Table>, columns: HashMap<String, Vec<Column>>, zone: Option<Zone>) -> Self {
        // What lies in no snapshot is read first, so that it is nearest to the moment.
        tables.sort_by_key(|table| table.holds() != Holds::Apart);
        let tables = tables.into_iter().filter(|table| table.holds() != Holds::Nothing).collect();
        Self { tables: Arc::new(Mutex::new(tables)), columns: Arc::new(columns), zone }
    }

    fn next(&self) -> Option<Table> {
        self.tables.lock().expect("nobody panics while it holds the list").pop_front()
    }
}

async fn read_tables(
    session: &mut Session,
    work: &Work,
    sender: &mpsc::Sender<Bytes>,
    is_written: bool,
) -> Result<Vec<(Table, Tally)>> {
    let mut done = Vec::new();
    while let Some(table) = work.next() {
        let none = Vec::new();
        let columns = work.columns.get(&table.name).unwrap_or(&none);
        let plan = Plan::new(&table, columns, session.flavour, work.zone.as_ref());
        let tally = read_table(session, &table, &plan, sender, is_written)
            .await
            .map_err(|error| error.during(Text::new("mysql-doing-table").with("table", table.shown())))?;
        done.push((table, tally));
    }
    Ok(done)
}

async fn read_table(
    session: &mut Session,
    table: &Table,
    plan: &Plan,
    sender: &mpsc::Sender<Bytes>,
    is_written: bool,
) -> Result<Tally> {
    let gone = |_| Error::internal("the writer of a dump ended before its readers");
    let mut tally = Tally::default();
    let mut canonical = Vec::new();
    let mut sql: Vec<u8> = Vec::new();
    let mut rows = session.stream(&plan.select).await?;
    while let Some(row) = rows.next().await? {
        if !is_written {
            plan.take(row, &mut tally, &mut canonical, None);
            if tally.rows.count() % 65_536 == 0 {
                // A word to the writer, who looks whether the work is still wanted.
                sender.send(Bytes::new()).await.map_err(gone)?;
            }
            continue;
        }
        sql.extend_from_slice(if sql.is_empty() { plan.insert.as_bytes() } else { b",\n" });
        plan.take(row, &mut tally, &mut canonical, Some(&mut sql));
        if sql.len() >= STATEMENT_BYTES {
            send_rows(table, &mut sql, sender).await?;
        }
    }
    if !sql.is_empty() {
        send_rows(table, &mut sql, sender).await?;
    }
    Ok(tally)
}

async fn send_rows(table: &Table, sql: &mut Vec<u8>, sender: &mpsc::Sender<Bytes>) -> Result<()> {
    let statement = Statement::new(Role::Rows, "table", &table.path(), std::mem::take(sql));
    let mut piece = Vec::with_capacity(statement.sql.len() + 256);
    statement.write(&mut piece);
    *sql = Vec::with_capacity(STATEMENT_BYTES + STATEMENT_BYTES / 8);
    sender
        .send(piece.into())
        .await
        .map_err(|_| Error::internal("the writer of a dump ended before its readers"))
}

/// A name as part of a stream's name: what is not a plain letter, digit, hyphen or underscore as `%` and two digits.
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    name.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_streams_are_plain_and_distinct() {
        assert_eq!(encoded("orders"), "orders");
        assert_eq!(encoded("../ü`.x"), "%2E%2E%2F%C3%BC%60%2Ex");
    }
}

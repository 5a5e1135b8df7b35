//! Streams of a dump into an empty server, statement by statement.
//!
//! Nothing is parsed, and nothing goes through a client program: text in a dump can reach neither a shell nor the
//! terminal. Rows go in by several sessions at once; what fires comes last.

use std::collections::{BTreeSet, HashSet};

use roadstead_core::{
    Error, Finding, Kind, Result, Text,
    error::During,
    port::{Link, Progress, Source, Watch, engine::LoadAsk, stream::StreamInfo},
};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    catalogue,
    dump::{LOAD_SETUP, MARIADB_ROWS_SETUP, ROWS_SETUP},
    flavour::{self, Flavour},
    manifest, memory, observe, people,
    session::{ADMIN, Fault, STALL, Session},
    statement::{Reader, Role, Statement},
    zones,
};

use crate::common::occupied;

/// Sessions that write rows at once.
const WRITERS: usize = 2;
/// How often rows are tried that another writer's locks kept out.
const TRIES_MAX: u32 = 10;
/// Streams in the order in which they are loaded; the folders of databases come where `database/` stands.
const ORDER: &[&str] = &[
    "accounts.sql",
    "databases.sql",
    "database/",
    "routines.sql",
    "views.sql",
    "triggers.sql",
    "events.sql",
    "grants.sql",
];

/// Loads everything.
pub(super) async fn load(
    source: &dyn Source,
    link: &Link,
    ask: &LoadAsk<'_>,
    watch: &dyn Watch,
) -> Result<Vec<Finding>> {
    let mut session = open(link, ask.private_target).await?;
    fits(&mut session, link, ask).await?;
    let relaxed = relax(&mut session, ask.private_target).await?;
    let mut keep: HashSet<String> = ask.keep_accounts.iter().cloned().collect();
    keep.insert(ADMIN.to_owned());
    let knows_zones = zones::are_known(&mut session).await?;
    let mut loader =
        Loader { knows_zones, source, link, ask, watch, keep, done: 0, findings: Vec::new(), session };
    let mut loaded = loader.all().await;
    if loaded.is_ok() && !ask.private_target {
        loaded = loader.verify_people().await;
    }
    // Also after a failure: a server without its redo log must not be left so by an act that ended.
    let restored =
        if relaxed { loader.session.run("ALTER INSTANCE ENABLE INNODB REDO_LOG").await } else { Ok(()) };
    loaded?;
    restored?;
    let Loader { session, mut findings, .. } = loader;
    if ask.private_target {
        findings.extend(memory::taken_by_a_start(&ask.record.dumped.manifest));
    }
    session.close().await;
    Ok(findings)
}

async fn open(link: &Link, is_private: bool) -> Result<Session, Fault> {
    let mut session = Session::open(link).await?;
    session.patience(STALL);
    session
        .run_all([
            "SET SESSION autocommit = 1",
            "SET SESSION net_write_timeout = 3600",
            "SET SESSION net_read_timeout = 3600",
            "SET SESSION wait_timeout = 86400",
        ])
        .await?;
    if is_private {
        session.run("SET SESSION sql_log_bin = 0").await?;
    }
    session.run_all(LOAD_SETUP).await?;
    let known: &[&str] = match session.flavour {
        Flavour::Mysql => &[
            "max_execution_time = 0",
            "sql_require_primary_key = 0",
            "sql_generate_invisible_primary_key = 0",
            "restrict_fk_on_non_standard_key = 0",
        ],
        Flavour::Mariadb => &["max_statement_time = 0"],
    };
    catalogue::set_if_known(&mut session, known).await?;
    Ok(session)
}

/// The target must be of the dump's flavour, and empty.
pub(super) async fn fits(session: &mut Session, link: &Link, ask: &LoadAsk<'_>) -> Result<()> {
    let dumped = &ask.record.dumped;
    if session.flavour.word() != dumped.flavour {
        let what = Text::new("mysql-other-flavour")
            .with("dumped", &dumped.flavour)
            .with("target", session.flavour.word());
        return Err(Error::new(Kind::Unsupported, what));
    }
    let databases = observe::databases(session).await?;
    if databases.is_empty() {
        return Ok(());
    }
    Err(occupied(link, manifest::holds(&databases)))
}

/// A part of a right on everything that an account does not have (`partial_revokes`).
fn takes_away(statement: &Statement) -> bool {
    statement.kind == "grant" && statement.sql.starts_with(b"REVOKE ")
}

/// The snapshot's accounts from which such a part was taken, each its user and host.
pub(super) async fn who_lost(source: &dyn Source) -> Result<BTreeSet<Vec<String>>> {
    let grants = definitions(source, &["accounts.sql", "grants.sql"]).await?;
    Ok(grants.into_iter().filter(takes_away).map(|statement| statement.of).collect())
}

/// The statements of these streams, which hold no rows.
pub(super) async fn definitions(source: &dyn Source, streams: &[&str]) -> Result<Vec<Statement>> {
    let mut all = Vec::new();
    for info in source.streams().iter().filter(|info| streams.contains(&info.name.as_str())) {
        let mut reader = Reader::new(source.open(&info.name).await?, info);
        while let Some(statement) = reader.next().await? {
            all.push(statement);
        }
    }
    Ok(all)
}

/// On a server that serves nobody yet, the redo log is off while rows go in: a crash then means loading again.
async fn relax(session: &mut Session, is_private: bool) -> Result<bool, Fault> {
    if !is_private || !session.is_at_least(Flavour::Mysql, &[8, 0, 21]) {
        return Ok(false);
    }
    session.run("ALTER INSTANCE DISABLE INNODB REDO_LOG").await?;
    Ok(true)
}

/// A statement that failed and may succeed once others were made, with what must go before and after it.
struct Pending {
    before: Vec<Statement>,
    statement: Statement,
    after: Vec<Statement>,
}

struct Loader<'a> {
    knows_zones: bool,
    source: &'a dyn Source,
    link: &'a Link,
    ask: &'a LoadAsk<'a>,
    watch: &'a dyn Watch,
    keep: HashSet<String>,
    done: u64,
    findings: Vec<Finding>,
    session: Session,
}

impl Loader<'_> {
    async fn all(&mut self) -> Result<()> {
        let streams: Vec<StreamInfo> = self.source.streams().to_vec();
        for step in ORDER {
            let of_step: Vec<_> = if step.ends_with('/') {
                let of = |end: &str| {
                    let fits = |info: &&StreamInfo| info.name.starts_with(step) && info.name.ends_with(end);
                    streams.iter().filter(fits).cloned().collect::<Vec<_>>()
                };
                [of("/tables.sql"), of("/data.sql")].concat()
            } else {
                let found: Vec<_> = streams.iter().filter(|info| info.name == *step).cloned().collect();
                if found.is_empty() {
                    let what = Text::new("mysql-stream-missing").with("stream", *step);
                    return Err(Error::new(Kind::Corrupt, what));
                }
                found
            };
            for info in of_step {
                let doing = || Text::new("mysql-doing-stream").with("stream", &info.name);
                if info.name.ends_with("/data.sql") {
                    self.rows(&info).await.during(doing)?;
                } else {
                    self.definitions(&info).await.during(doing)?;
                }
            }
        }
        Ok(())
    }

    /// No comparison can know which accounts a server of somebody else's had before, so it compares those on both sides
    /// by name. What this load made is compared here, and what differs is told.
    async fn verify_people(&mut self) -> Result<()> {
        let mut session = Session::open(self.link).await?;
        catalogue::read_exactly(&mut session).await?;
        let found = people::read(&mut session, None).await?.accounts;
        session.close().await;
        for wanted in &self.ask.record.dumped.manifest.objects {
            let there = found.iter().find(|one| one.kind == wanted.kind && one.name == wanted.name);
            let Some(there) = there.filter(|there| there.digest != wanted.digest) else { continue };
            let is_told = |of: &[String]| self.findings.iter().any(|told| told.subject == of.join("."));
            if there.statements.iter().all(|made| !self.is_kept(&made.of) && !is_told(&made.of)) {
                let account = wanted.name.join("@");
                let what = Text::new("mysql-account-differs").with("account", &account);
                self.findings.push(Finding::warning(account, what));
            }
        }
        Ok(())
    }

    fn tell(&mut self, taken: u64) -> Result<()> {
        self.watch.go_on()?;
        let total = self.source.streams().iter().map(|info| info.bytes).sum();
        let phase = Text::new("mysql-phase-load");
        self.watch.progress(Progress { phase, done: self.done + taken, total: Some(total) });
        Ok(())
    }

    async fn definitions(&mut self, info: &StreamInfo) -> Result<()> {
        let mut reader = Reader::new(self.source.open(&info.name).await?, info);
        let mut before: Vec<Statement> = Vec::new();
        let mut pending: Vec<Pending> = Vec::new();
        let mut waits = false;
        let mut is_new = true;
        while let Some(statement) = reader.next().await? {
            self.tell(reader.taken)?;
            if statement.role == Role::Setup {
                self.session.run(&statement.sql).await?;
                if statement.kind == "after" {
                    if let Some(last) = pending.last_mut().filter(|_| waits) {
                        last.after.push(statement);
                    }
                    continue;
                }
                if is_new {
                    before.clear();
                    is_new = false;
                }
                before.push(statement);
                continue;
            }
            is_new = true;
            waits = false;
            match self.make(&statement).await {
                Ok(()) => {}
                Err(_) if matches!(statement.kind.as_str(), "view" | "trigger") => {
                    waits = true;
                    pending.push(Pending { before: before.clone(), statement, after: Vec::new() });
                }
                Err(fault) => return Err(named(fault, &statement)),
            }
        }
        self.done += info.bytes;
        self.try_again(pending).await
    }

    /// Views may rest on views that come later: each round makes those whose ground is there by now.
    async fn try_again(&mut self, mut pending: Vec<Pending>) -> Result<()> {
        while !pending.is_empty() {
            let mut left = Vec::new();
            let count = pending.len();
            for one in pending {
                for setup in &one.before {
                    self.session.run(&setup.sql).await?;
                }
                let made = self.make(&one.statement).await;
                for setup in &one.after {
                    self.session.run(&setup.sql).await?;
                }
                if let Err(fault) = made {
                    left.push((one, fault));
                }
            }
            if left.len() == count {
                return self.leave(left);
            }
            pending = left.into_iter().map(|(one, _)| one).collect();
        }
        Ok(())
    }

    /// What no round could make: what lacks its ground is told, and the comparison misses it; all else is a failure.
    fn leave(&mut self, left: Vec<(Pending, Fault)>) -> Result<()> {
        for (Pending { statement, .. }, fault) in left {
            if statement.role != Role::Try && !lacks_ground(&statement, &fault) {
                return Err(named(fault, &statement));
            }
            self.findings.push(not_made(&statement, &fault.words()));
        }
        Ok(())
    }

    /// Executes one statement that makes something. What another server may lack becomes a finding.
    async fn make(&mut self, statement: &Statement) -> Result<(), Fault> {
        let is_person = matches!(statement.kind.as_str(), "account" | "role" | "grant");
        if is_person && self.is_kept(&statement.of) {
            return if statement.kind == "account" { self.keeps(statement).await } else { Ok(()) };
        }
        if statement.kind == "histogram" {
            return self.histogram(statement).await;
        }
        // A server of somebody else's keeps its own zones, and loads no library for us.
        if (statement.kind == zones::KIND && self.knows_zones)
            || (statement.kind == people::PLUGIN && !self.ask.private_target)
        {
            return Ok(());
        }
        let takes_away = takes_away(statement);
        if takes_away && self.ask.private_target {
            // The server that starts on this data turns it on by itself, because there are such accounts.
            self.session.run("SET GLOBAL partial_revokes = ON").await?;
        }
        let Err(fault) = self.session.run(&statement.sql).await else {
            return if statement.kind == "event" { self.expired(statement).await } else { Ok(()) };
        };
        if fault.code == 0 || fault.ends_session() {
            return Err(fault);
        }
        match statement.kind.as_str() {
            // 1396: it is there already, and stays as it is.
            "account" | "role" => {
                self.keep.insert(statement.of.join("@"));
                let key = if fault.code == 1396 { "mysql-account-exists" } else { "mysql-not-made" };
                let mut finding = not_made(statement, &hidden(&fault));
                finding.what.key = key.into();
                self.findings.push(finding);
                Ok(())
            }
            // Left out, this account would have more rights than in the backup; a right that is not given is told.
            "grant" if takes_away => Err(fault),
            "grant" => {
                self.findings.push(not_made(statement, &hidden(&fault)));
                Ok(())
            }
            // 1125, 1968: it is there already.
            people::PLUGIN if matches!(fault.code, 1125 | 1968) => Ok(()),
            "view" | "trigger" => Err(fault),
            _ if statement.role == Role::Try => {
                self.findings.push(not_made(statement, &fault.words()));
                Ok(())
            }
            _ => Err(fault),
        }
    }

    fn is_kept(&self, of: &[String]) -> bool {
        of.first().is_some_and(|user| self.keep.contains(user)) || self.keep.contains(&of.join("@"))
    }

    /// An account of a kept name is not made, lest it stand before the kept one: where it is not there, that is told.
    async fn keeps(&mut self, statement: &Statement) -> Result<(), Fault> {
        let [user, host] = statement.of.as_slice() else { return Ok(()) };
        let (user, host) = (flavour::text(user), flavour::text(host));
        let sql = format!("SELECT COUNT(*) FROM mysql.user WHERE User = {user} AND Host = {host}");
        match self.session.value(&sql).await {
            Ok(count) if count.as_deref() == Some("0") => {
                let name = statement.of.join("@");
                let what = Text::new("mysql-account-kept").with("name", &name).with("user", &statement.of[0]);
                self.findings.push(Finding::warning(name, what).cure(Text::new("mysql-account-kept-cure")));
                Ok(())
            }
            Err(fault) if !fault.is_denied() => Err(fault),
            _ => Ok(()),
        }
    }

    /// An event whose time has passed is dropped as it is made, with a warning alone.
    async fn expired(&mut self, statement: &Statement) -> Result<(), Fault> {
        for row in self.session.rows("SHOW WARNINGS").await? {
            if let [_, Some(code), Some(words)] = row.as_slice()
                && matches!(code.as_str(), "1588" | "1544")
            {
                self.findings.push(not_made(statement, words));
            }
        }
        Ok(())
    }

    /// The server answers with rows that say what went wrong, not with an error.
    async fn histogram(&mut self, statement: &Statement) -> Result<(), Fault> {
        let rows = self.session.rows(&statement.sql).await?;
        for row in rows {
            let [_, _, Some(kind), words] = row.as_slice() else { continue };
            if kind.eq_ignore_ascii_case("error") {
                self.findings.push(not_made(statement, words.as_deref().unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// Rows of one database, by several sessions.
    async fn rows(&mut self, info: &StreamInfo) -> Result<()> {
        let mut reader = Reader::new(self.source.open(&info.name).await?, info);
        let mut writers = JoinSet::new();
        let mut queues = Vec::new();
        for _ in 0..WRITERS {
            let mut session = open(self.link, self.ask.private_target).await?;
            session.run(ROWS_SETUP).await?;
            if !session.is_mysql() {
                session.run_all(MARIADB_ROWS_SETUP).await?;
            }
            let (sender, receiver) = mpsc::channel::<Statement>(2);
            writers.spawn(write(session, receiver));
            queues.push(sender);
        }
        let mut turn = 0;
        while let Some(statement) = reader.next().await? {
            self.tell(reader.taken)?;
            if statement.role != Role::Rows {
                continue;
            }
            turn = (turn + 1) % WRITERS;
            if give(&queues, turn, statement).await.is_err() {
                // A writer has ended before its time: its own words are the reason.
                break;
            }
        }
        drop(queues);
        while let Some(writer) = writers.join_next().await {
            writer.map_err(Error::internal)??;
        }
        self.done += info.bytes;
        Ok(())
    }
}

/// Gives a statement to the first writer that has room, beginning with this one.
async fn give(
    queues: &[mpsc::Sender<Statement>],
    turn: usize,
    statement: Statement,
) -> Result<(), mpsc::error::SendError<Statement>> {
    let mut statement = statement;
    for offset in 0..queues.len() {
        match queues[(turn + offset) % queues.len()].try_send(statement) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Full(back)) => statement = back,
            Err(mpsc::error::TrySendError::Closed(back)) => return Err(mpsc::error::SendError(back)),
        }
    }
    queues[turn].send(statement).await
}

async fn write(mut session: Session, mut receiver: mpsc::Receiver<Statement>) -> Result<()> {
    while let Some(statement) = receiver.recv().await {
        let mut tries = 1;
        while let Err(fault) = session.run(&statement.sql).await {
            // 1205, 1213: another writer's lock. Each statement is a transaction of its own, and nothing of it is left.
            if !matches!(fault.code, 1205 | 1213) || tries == TRIES_MAX {
                return Err(named(fault, &statement));
            }
            tries += 1;
        }
    }
    session.close().await;
    Ok(())
}

fn named(fault: Fault, statement: &Statement) -> Error {
    let doing =
        Text::new("mysql-doing-make").with("kind", &statement.kind).with("name", statement.of.join("."));
    let error = Error::from(fault).during(doing);
    let needs_keys =
        statement.kind == "table" && catalogue::is_encrypted(&String::from_utf8_lossy(&statement.sql));
    if needs_keys { error.cure(Text::new("mysql-encrypted-cure")) } else { error }
}

/// Whether what it reads from or fires on is not there: a table, a column, a routine, or a view that lacks one of these.
/// A target may lack a table's engine, and no backup takes tables of the server's own schemas.
fn lacks_ground(statement: &Statement, fault: &Fault) -> bool {
    match statement.kind.as_str() {
        "view" => matches!(fault.code, 1054 | 1146 | 1305 | 1356),
        "trigger" => fault.code == 1146,
        _ => false,
    }
}

fn not_made(statement: &Statement, words: &str) -> Finding {
    let name = statement.of.join(".");
    let what =
        Text::new("mysql-not-made").with("kind", &statement.kind).with("name", &name).with("why", words);
    Finding::warning(name, what)
}

/// What may quote the statement, and so a password's hash, is told by its number alone.
fn hidden(fault: &Fault) -> String {
    if fault.code == 1064 { String::from("1064") } else { fault.words() }
}

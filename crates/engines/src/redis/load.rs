//! Loading: into a server of ours that read the snapshot when it started, or key by key into one reached by address.

use std::time::Duration;

use bytes::Bytes;
use roadstead_core::{
    Error, Finding, Kind, Result, Text,
    port::{
        Inspect, Source, Watch,
        ambient::Progress,
        engine::{Link, LoadAsk},
        stream::read_all,
    },
};
use tokio::sync::mpsc;

use super::{
    Redis,
    accounts::{self, Account},
    backup::{ACCOUNTS, Saved},
    connection::{Connection, refusal},
    databases,
    deploy::DUMP,
    info::Info,
    manifest::{self, judge},
    observe,
    rdb::{self, Key, Listener, Read, crc64},
    resp::{Reply, push_command},
    scratch,
    sync::patience,
};

use crate::common::occupied;

/// The largest list of accounts that is believed.
const ACCOUNTS_BYTES_MAX: usize = 64 << 20;
/// How much is sent before replies are read: few enough that they fit where nobody reads them yet.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_COMMANDS: usize = 512;
/// Batches and pieces on their way at once.
const AHEAD: usize = 4;
/// How often a server that writes its file of changes is asked how far it is.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Loads a snapshot.
pub(super) async fn load(
    source: &dyn Source,
    link: &Link,
    ask: &LoadAsk<'_>,
    watch: &dyn Watch,
) -> Result<Vec<Finding>> {
    let mut connection = Connection::open(link).await?;
    let mut findings = Vec::new();
    if ask.private_target {
        let info = Info::ask(&mut connection).await?;
        if info.text("role") == Some("slave") {
            scratch::release(&mut connection).await?;
        }
    } else {
        // Whoever calls has asked too; what is merged into somebody's keys cannot be taken out again.
        if let Some(holds) = Redis.occupied(link).await? {
            return Err(occupied(link, holds));
        }
        suits(source, &mut connection, link, ask).await?;
        connection.be_patient(patience(link));
        findings.extend(restore_keys(source, &mut connection, watch).await?);
    }
    findings.extend(restore_accounts(source, &mut connection, link, ask).await?);
    if ask.private_target {
        make_durable(&mut connection, link, watch).await?;
    }
    Ok(findings)
}

/// Fails where a server that somebody else runs cannot take the snapshot, or has accounts of its own by the same names.
pub(super) async fn suits(
    source: &dyn Source,
    connection: &mut Connection,
    link: &Link,
    ask: &LoadAsk<'_>,
) -> Result<()> {
    if Info::ask(connection).await?.is_set("cluster_enabled") {
        let what = Text::new("redis-target-sharded").with("endpoint", connection.place());
        return Err(Error::new(Kind::Unsupported, what).cure(Text::new("redis-target-sharded-cure")));
    }
    databases::enough(ask.record, connection, link).await?;
    if !manifest::is_by_content(&ask.record.dumped.manifest) {
        // Key by key only what is understood can be loaded, and that it is not all would show in the middle.
        let what = Text::new("redis-target-not-understood").with("endpoint", connection.place());
        return Err(Error::new(Kind::Unsupported, what).cure(Text::new("redis-target-not-understood-cure")));
    }
    knows_modules(ask, connection).await?;
    let wanted = saved_accounts(source, link, ask).await?;
    if wanted.is_empty() {
        return Ok(());
    }
    // Unseen, an account of the server's own would be overwritten, and one that was made could not be looked at.
    let Some(there) = accounts::names(connection).await? else {
        let what = Text::new("redis-target-accounts-unseen").with("endpoint", connection.place());
        let what = what.with("accounts", wanted.iter().map(Account::shown).collect::<Vec<_>>().join(", "));
        return Err(Error::new(Kind::Denied, what).cure(Text::new("redis-target-accounts-unseen-cure")));
    };
    let clash: Vec<String> =
        wanted.iter().filter(|account| there.contains(&account.name)).map(Account::shown).collect();
    if clash.is_empty() {
        return Ok(());
    }
    let what = Text::new("redis-accounts-exist").with("endpoint", connection.place());
    let what = what.with("accounts", clash.join(", "));
    Err(Error::new(Kind::Exists, what).cure(Text::new("redis-accounts-exist-cure")))
}

/// The snapshot's accounts, but for those that stay as they are.
pub(super) async fn saved_accounts(
    source: &dyn Source,
    link: &Link,
    ask: &LoadAsk<'_>,
) -> Result<Vec<Account>> {
    if !source.streams().iter().any(|stream| stream.name == ACCOUNTS) {
        return Ok(Vec::new());
    }
    let bytes = read_all(source, ACCOUNTS, ACCOUNTS_BYTES_MAX).await?;
    let corrupt = || Error::new(Kind::Corrupt, Text::new("redis-accounts-corrupt").with("stream", ACCOUNTS));
    let saved: Vec<Saved> = serde_json::from_slice(&bytes).map_err(|error| corrupt().caused_by(&error))?;
    let own = if link.user.is_empty() { "default" } else { &link.user };
    let mut all = Vec::new();
    for saved in &saved {
        let account = saved.account().ok_or_else(corrupt)?;
        let kept = |name: &str| name.as_bytes() == account.name.as_slice();
        // Every server has one of this name, and who may come in by it is its own affair.
        let is_servers = !ask.private_target && kept("default");
        if !kept(own) && !is_servers && !ask.keep_accounts.iter().any(|name| kept(name)) {
            all.push(account);
        }
    }
    Ok(all)
}

/// Has a server that will stay write its file of changes, and waits until all is in it.
async fn make_durable(connection: &mut Connection, link: &Link, watch: &dyn Watch) -> Result<()> {
    let told = observe::pairs(connection.ask(&["CONFIG", "GET", "save"]).await?);
    if told.iter().all(|(_, value)| value.is_empty()) {
        return Ok(());
    }
    connection.be_patient(patience(link));
    connection.ask(&["CONFIG", "SET", "appendonly", "yes"]).await?;
    loop {
        watch.go_on()?;
        let info = Info::ask(connection).await?;
        let runs = info.is_set("aof_rewrite_in_progress") || info.is_set("aof_rewrite_scheduled");
        if !runs {
            let good = info.is_set("aof_enabled") && info.text("aof_last_bgrewrite_status") == Some("ok");
            let what = Text::new("redis-not-durable").with("endpoint", connection.place());
            return if good { Ok(()) } else { Err(Error::new(Kind::Failed, what)) };
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// Values of modules' types are for servers with modules: one that has none is not half loaded.
async fn knows_modules(ask: &LoadAsk<'_>, connection: &mut Connection) -> Result<()> {
    let types = manifest::module_types(&ask.record.dumped.manifest);
    if types.is_empty() {
        return Ok(());
    }
    match connection.ask(&["MODULE", "LIST"]).await {
        // Who may not ask is told by the first such key.
        Err(error) if error.kind == Kind::Denied => Ok(()),
        Err(error) => Err(error),
        Ok(reply) if !reply.clone().list().is_empty() => Ok(()),
        Ok(_) => {
            let what = Text::new("redis-target-modules").with("endpoint", connection.place());
            let error = Error::new(Kind::Unsupported, what.with("modules", types.join(", ")));
            Err(error.cure(Text::new("redis-modules-cure")))
        }
    }
}

async fn restore_accounts(
    source: &dyn Source,
    connection: &mut Connection,
    link: &Link,
    ask: &LoadAsk<'_>,
) -> Result<Vec<Finding>> {
    if !source.streams().iter().any(|stream| stream.name == ACCOUNTS) {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    let mut wanted = Vec::new();
    for account in saved_accounts(source, link, ask).await? {
        let mut command = vec![&b"ACL"[..], b"SETUSER", &account.name, b"reset"];
        command.extend(account.rules_to_restore());
        match connection.ask(&command).await {
            Ok(_) => wanted.push(account),
            Err(error) if error.kind == Kind::Failed => {
                let what = Text::new("redis-account-refused").with("account", account.shown());
                findings.push(Finding::error(connection.place(), what.with("said", error.to_string())));
            }
            Err(error) => return Err(error),
        }
    }
    if wanted.is_empty() {
        return Ok(findings);
    }
    verify_accounts(connection, &wanted).await?;
    match connection.ask(&["ACL", "SAVE"]).await {
        Err(error) if error.kind == Kind::Failed => {
            let what = Text::new("redis-accounts-not-kept").with("endpoint", connection.place());
            let finding = Finding::warning(connection.place(), what);
            findings.push(finding.cure(Text::new("redis-accounts-not-kept-cure")));
        }
        other => {
            other?;
        }
    }
    Ok(findings)
}

/// The passwords are compared here, hash by hash: a manifest tells nothing of them.
async fn verify_accounts(connection: &mut Connection, wanted: &[Account]) -> Result<()> {
    let found = accounts::list(connection).await?;
    let sorted = |account: &Account| {
        let mut hashes: Vec<_> = account.hashes().into_iter().map(<[u8]>::to_vec).collect();
        hashes.sort();
        hashes
    };
    let differs = wanted.iter().find(|account| {
        let there = found.iter().find(|found| found.name == account.name);
        there.is_none_or(|there| there.rights() != account.rights() || sorted(there) != sorted(account))
    });
    differs.map_or(Ok(()), |account| {
        Err(Error::new(Kind::Corrupt, Text::new("redis-account-differs").with("account", account.shown())))
    })
}

/// Commands that go out together, and what each is about.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    about: Vec<String>,
}

/// What a server is asked about each key of a snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// To restore it.
    Restore,
    /// Whether it is there.
    Exists,
    /// To forget it.
    Unlink,
}

/// Turns what is in a snapshot into commands.
struct Restorer {
    wish: Wish,
    batches: mpsc::Sender<Batch>,
    batch: Batch,
    database: Option<u64>,
    version: u16,
    module_data: Vec<String>,
    /// Of functions, by name.
    libraries: Vec<String>,
}

impl Restorer {
    fn push(&mut self, about: String, parts: &[&[u8]]) -> Result<()> {
        push_command(&mut self.batch.bytes, parts);
        self.batch.about.push(about);
        if self.batch.bytes.len() >= BATCH_BYTES || self.batch.about.len() >= BATCH_COMMANDS {
            self.send()?;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        if batch.about.is_empty() {
            return Ok(());
        }
        // Nobody takes it any more: the load failed, and its error is the one that is told.
        let gone = |_| Error::new(Kind::Cancelled, Text::new("core-cancelled"));
        self.batches.blocking_send(batch).map_err(gone)
    }
}

impl Listener for Restorer {
    fn wants_raw(&self) -> bool {
        self.wish == Wish::Restore
    }

    fn version(&mut self, version: u32) {
        self.version = u16::try_from(version).unwrap_or(u16::MAX);
    }

    fn library(&mut self, code: &[u8]) -> Result<()> {
        if self.wish != Wish::Restore {
            self.libraries.extend(library_name(code));
            return Ok(());
        }
        self.push("FUNCTION LOAD".to_owned(), &[b"FUNCTION", b"LOAD", b"REPLACE", code])
    }

    fn module_data(&mut self, module: &str) {
        self.module_data.push(module.to_owned());
    }

    fn key(&mut self, key: Key<'_>) -> Result<()> {
        if self.database != Some(key.database) {
            self.database = Some(key.database);
            let number = key.database.to_string();
            self.push(format!("SELECT {number}"), &[b"SELECT", number.as_bytes()])?;
        }
        let about = format!("{} in database {}", String::from_utf8_lossy(key.name), key.database);
        match self.wish {
            Wish::Restore => {}
            Wish::Exists => return self.push(about, &[b"EXISTS", key.name]),
            Wish::Unlink => return self.push(about, &[b"UNLINK", key.name]),
        }
        let mut value = key.raw.expect("raw values were asked for");
        value.extend_from_slice(&self.version.to_le_bytes());
        value.extend_from_slice(&crc64::of(&value).to_le_bytes());
        // A time before 1970 is as past as the first millisecond; 0 would be never.
        let expires = key.expires.map_or(0, |expires| expires.max(1)).to_string();
        self.push(about, &[b"RESTORE", key.name, expires.as_bytes(), &value, b"ABSTTL"])
    }
}

/// The name in a library's first line: `#!lua name=counters`.
fn library_name(code: &[u8]) -> Option<String> {
    let line = code.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    let word = |word: &str| {
        let (key, value) = word.split_once('=')?;
        key.eq_ignore_ascii_case("name").then(|| value.trim_matches(['"', '\'']).to_owned())
    };
    line.split_whitespace().find_map(word)
}

/// Key by key, in the server's own serialised form, so that no value is ever read and written as something else.
async fn restore_keys(
    source: &dyn Source,
    connection: &mut Connection,
    watch: &dyn Watch,
) -> Result<Vec<Finding>> {
    let place = connection.place().to_owned();
    let Asked { read, module_data, .. } = each_key(source, connection, watch, Wish::Restore).await?;
    let mut findings = judge(&read, &place)?;
    if !findings.is_empty() && read.not_understood.is_some() {
        return Err(Error::new(Kind::Unsupported, findings.remove(0).what));
    }
    findings.extend(module_data.iter().map(|module| {
        let what = Text::new("redis-module-data-lost").with("module", module);
        Finding::warning(&place, what).cure(Text::new("redis-modules-cure"))
    }));
    Ok(findings)
}

/// What came of asking about each key.
pub(super) struct Asked {
    read: Read,
    module_data: Vec<String>,
    pub(super) libraries: Vec<String>,
    /// How many keys the server said it has.
    pub(super) found: u64,
}

/// Asks the server about each key of the snapshot, many at a time.
pub(super) async fn each_key(
    source: &dyn Source,
    connection: &mut Connection,
    watch: &dyn Watch,
    wish: Wish,
) -> Result<Asked> {
    let total = source.streams().iter().find(|stream| stream.name == DUMP).map(|stream| stream.bytes);
    let (sender, mut pieces) = mpsc::channel::<Bytes>(AHEAD);
    let (batches, mut ready) = mpsc::channel::<Batch>(AHEAD);
    let decoder = tokio::task::spawn_blocking(move || {
        let batch = Batch::default();
        let mut restorer = Restorer {
            wish,
            batches,
            batch,
            database: None,
            version: 0,
            module_data: Vec::new(),
            libraries: Vec::new(),
        };
        let read = rdb::read(&mut || Ok(pieces.blocking_recv()), &mut restorer)?;
        // What could not be read to its end has no end that may be sent.
        if read.not_understood.is_none() {
            restorer.send()?;
        }
        Ok::<_, Error>((read, restorer.module_data, restorer.libraries))
    });
    let feed = async {
        let mut reader = source.open(DUMP).await?;
        let mut done = 0;
        while let Some(piece) = reader.next().await? {
            done += piece.len() as u64;
            if sender.send(piece).await.is_err() {
                break;
            }
            watch.progress(Progress { phase: Text::new("redis-phase-load"), done, total });
        }
        drop(sender);
        Ok::<_, Error>(())
    };
    let apply = async {
        let mut found = 0;
        while let Some(batch) = ready.recv().await {
            watch.go_on()?;
            found += run(connection, batch).await?;
        }
        Ok(found)
    };
    let finished = tokio::try_join!(feed, apply);
    drop(ready);
    let ((), found) = finished?;
    let (read, module_data, libraries) = decoder.await.map_err(Error::internal)??;
    Ok(Asked { read, module_data, libraries, found })
}

/// The sum of the numbers that are answered.
async fn run(connection: &mut Connection, batch: Batch) -> Result<u64> {
    connection.send_pipeline(&batch.bytes).await?;
    let mut sum = 0;
    for about in batch.about {
        match connection.reply().await? {
            Reply::Error(said) => return Err(refusal(connection.place(), &about, &said)),
            Reply::Integer(count) => sum += u64::try_from(count).unwrap_or(0),
            _ => {}
        }
    }
    Ok(sum)
}

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
            return Err(Error::new(Kind::Exists, holds));
        }
        if Info::ask(&mut connection).await?.is_set("cluster_enabled") {
            let what = Text::new("redis-target-sharded").with("endpoint", connection.place());
            return Err(Error::new(Kind::Unsupported, what).cure(Text::new("redis-target-sharded-cure")));
        }
        databases::enough(ask.record, &mut connection, link).await?;
        knows_modules(ask, &mut connection).await?;
        connection.be_patient(patience(link));
        findings.extend(restore_keys(source, &mut connection, watch).await?);
    }
    findings.extend(restore_accounts(source, &mut connection, link, ask).await?);
    if ask.private_target {
        make_durable(&mut connection, link, watch).await?;
    }
    Ok(findings)
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
    let bytes = read_all(source, ACCOUNTS, ACCOUNTS_BYTES_MAX).await?;
    let corrupt = || Error::new(Kind::Corrupt, Text::new("redis-accounts-corrupt").with("stream", ACCOUNTS));
    let saved: Vec<Saved> = serde_json::from_slice(&bytes).map_err(|error| corrupt().caused_by(&error))?;
    let mut findings = Vec::new();
    let mut wanted = Vec::new();
    let own = if link.user.is_empty() { "default" } else { &link.user };
    for saved in &saved {
        let account = saved.account().ok_or_else(corrupt)?;
        let kept = |name: &str| name.as_bytes() == account.name.as_slice();
        if kept(own) || ask.keep_accounts.iter().any(|name| kept(name)) {
            continue;
        }
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

/// Turns what is in a snapshot into commands.
struct Restorer {
    batches: mpsc::Sender<Batch>,
    batch: Batch,
    database: Option<u64>,
    version: u16,
    module_data: Vec<String>,
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
        true
    }

    fn version(&mut self, version: u32) {
        self.version = u16::try_from(version).unwrap_or(u16::MAX);
    }

    fn library(&mut self, code: &[u8]) -> Result<()> {
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
        let mut value = key.raw.expect("raw values were asked for");
        value.extend_from_slice(&self.version.to_le_bytes());
        value.extend_from_slice(&crc64::of(&value).to_le_bytes());
        // A time before 1970 is as past as the first millisecond; 0 would be never.
        let expires = key.expires.map_or(0, |expires| expires.max(1)).to_string();
        let about = format!("{} in database {}", String::from_utf8_lossy(key.name), key.database);
        self.push(about, &[b"RESTORE", key.name, expires.as_bytes(), &value, b"ABSTTL"])
    }
}

/// Key by key, in the server's own serialised form, so that no value is ever read and written as something else.
async fn restore_keys(
    source: &dyn Source,
    connection: &mut Connection,
    watch: &dyn Watch,
) -> Result<Vec<Finding>> {
    let total = source.streams().iter().find(|stream| stream.name == DUMP).map(|stream| stream.bytes);
    let (sender, mut pieces) = mpsc::channel::<Bytes>(AHEAD);
    let (batches, mut ready) = mpsc::channel::<Batch>(AHEAD);
    let decoder = tokio::task::spawn_blocking(move || {
        let batch = Batch::default();
        let mut restorer = Restorer { batches, batch, database: None, version: 0, module_data: Vec::new() };
        let read = rdb::read(&mut || Ok(pieces.blocking_recv()), &mut restorer)?;
        // What could not be read to its end has no end that may be sent.
        if read.not_understood.is_none() {
            restorer.send()?;
        }
        Ok::<_, Error>((read, restorer.module_data))
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
        while let Some(batch) = ready.recv().await {
            watch.go_on()?;
            run(connection, batch).await?;
        }
        Ok(())
    };
    let finished = tokio::try_join!(feed, apply);
    drop(ready);
    finished?;
    let (read, module_data): (Read, _) = decoder.await.map_err(Error::internal)??;
    let place = connection.place().to_owned();
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

async fn run(connection: &mut Connection, batch: Batch) -> Result<()> {
    connection.send_pipeline(&batch.bytes).await?;
    for about in batch.about {
        if let Reply::Error(said) = connection.reply().await? {
            return Err(refusal(connection.place(), &about, &said));
        }
    }
    Ok(())
}

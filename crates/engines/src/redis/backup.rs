//! Backing up: the snapshot as a replica gets it, and beside it the accounts and settings that it does not carry.

use std::os::unix::fs::{MetadataExt, chown};

use async_trait::async_trait;
use roadstead_core::{
    Error, Finding, Kind, Result, Text, Version,
    model::ClusterSpec,
    port::{
        Backup, Layout, Sink, Source, Watch,
        ambient::Progress,
        engine::{Link, LoadAsk},
        stream::write_all,
        vault::{Dumped, Record},
    },
};
use serde::{Deserialize, Serialize};
use tokio::{
    fs::{self, OpenOptions},
    io::AsyncWriteExt,
};

use super::{
    Redis,
    accounts::Account,
    clear,
    connection::Connection,
    databases,
    deploy::DUMP,
    info::Info,
    load, manifest, observe,
    rdb::crc64::{Checked, Verdict},
    settings,
};

/// The stream of accounts.
pub(super) const ACCOUNTS: &str = "accounts.json";
/// The stream of settings.
pub(super) const SETTINGS: &str = "settings.json";

/// One account in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saved {
    name: Word,
    rules: Vec<Word>,
}

/// Bytes that are text, nearly always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Word {
    Text(String),
    Bytes { hex: String },
}

impl Word {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Bytes { hex: hex::encode(bytes) },
        }
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.clone().into_bytes()),
            Self::Bytes { hex } => hex::decode(hex).ok(),
        }
    }
}

impl Saved {
    fn of(account: &Account) -> Self {
        Self {
            name: Word::of(&account.name),
            rules: account.rules.iter().map(|rule| Word::of(rule)).collect(),
        }
    }

    /// The account; `None` when what was saved is no account.
    pub(super) fn account(&self) -> Option<Account> {
        let rules = self.rules.iter().map(Word::bytes).collect::<Option<_>>()?;
        Some(Account { name: self.name.bytes()?, rules })
    }
}

#[async_trait]
impl Backup for Redis {
    async fn dump(
        &self,
        link: &Link,
        _cluster: &ClusterSpec,
        sink: &mut dyn Sink,
        watch: &dyn Watch,
    ) -> Result<Dumped> {
        let mut questions = Connection::open(link).await?;
        let info = Info::ask(&mut questions).await?;
        let place = questions.place().to_owned();
        let mut findings = Vec::new();
        if info.is_set("cluster_enabled") {
            let cure = Text::new("redis-sharded-cure");
            findings.push(Finding::warning(&place, Text::new("redis-sharded")).cure(cure));
        }
        let before = manifest::accounts_or_finding(&mut questions, &mut findings).await?;
        // The server may close a connection that is silent for long; the snapshot takes as long as it takes.
        drop(questions);

        let mut writer = sink.stream(DUMP).await?;
        let received = manifest::receive(link, Some(writer.as_mut()), watch).await?;
        findings.extend(manifest::findings(&received, &place)?);
        let stored = writer.finish().await?;
        if stored.bytes != received.read.bytes {
            let what = Text::new("redis-stored-other")
                .with("stored", stored.bytes)
                .with("sent", received.read.bytes);
            return Err(Error::new(Kind::Corrupt, what));
        }

        let mut questions = Connection::open(link).await?;
        if let Some(before) = &before {
            let after = manifest::accounts_or_finding(&mut questions, &mut findings).await?;
            if after.as_ref() != Some(before) {
                findings.push(Finding::warning(&place, Text::new("redis-accounts-changed")));
            }
            let saved: Vec<_> = before.iter().map(Saved::of).collect();
            write_all(sink, ACCOUNTS, json(&saved)?).await?;
        }
        if let Some(settings) = all_settings(&mut questions, &mut findings).await? {
            write_all(sink, SETTINGS, json(&settings)?).await?;
        }
        let (version, flavour) = info.version();
        let version = version.ok_or_else(|| {
            Error::new(Kind::Failed, Text::new("redis-no-version").with("endpoint", &place))
        })?;
        Ok(Dumped {
            flavour: flavour.to_owned(),
            version,
            position: received.position.clone(),
            manifest: manifest::manifest(&received, &info.keyspace(), before.as_deref()),
            findings,
        })
    }

    async fn seed(
        &self,
        source: &dyn Source,
        layout: &Layout,
        ask: &LoadAsk<'_>,
        watch: &dyn Watch,
    ) -> Result<bool> {
        let directory = &layout.server.directory;
        let changes = format!("{directory}/appendonlydir");
        if fs::try_exists(&changes).await.unwrap_or(true) {
            return Err(Error::new(Kind::Exists, Text::new("redis-data-there").with("path", changes)));
        }
        let beside = databases::beside(ask.record, source, layout).await?;
        let (partly, whole) = (format!("{directory}/{DUMP}.part"), format!("{directory}/{DUMP}"));
        let failed =
            |error: &std::io::Error| Error::io(Text::new("redis-seed-failed").with("path", &whole), error);
        let owner = fs::metadata(directory).await.map_err(|error| failed(&error))?;
        match fs::remove_file(&partly).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&error)),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partly)
            .await
            .map_err(|error| failed(&error))?;
        let total = source.streams().iter().find(|stream| stream.name == DUMP).map(|stream| stream.bytes);
        let mut reader = source.open(DUMP).await?;
        let mut checked = Checked::default();
        while let Some(chunk) = reader.next().await? {
            watch.go_on()?;
            checked.update(&chunk);
            file.write_all(&chunk).await.map_err(|error| failed(&error))?;
            let phase = Text::new("redis-phase-seed");
            watch.progress(Progress { phase, done: checked.bytes(), total });
        }
        if checked.verdict() == Verdict::Wrong {
            let what = Text::new("redis-checksum-wrong").with("endpoint", DUMP);
            return Err(Error::new(Kind::Corrupt, what));
        }
        file.sync_all().await.map_err(|error| failed(&error))?;
        let made = file.metadata().await.map_err(|error| failed(&error))?;
        drop(file);
        if (made.uid(), made.gid()) != (owner.uid(), owner.gid()) {
            chown(&partly, Some(owner.uid()), Some(owner.gid())).map_err(|error| failed(&error))?;
        }
        fs::rename(&partly, &whole).await.map_err(|error| failed(&error))?;
        if let Some(text) = beside {
            // Whoever reads the data may read it; what reads it is the server.
            let path = format!("{directory}/{}", databases::FILE);
            fs::write(&path, text).await.map_err(|error| failed(&error))?;
            chown(&path, Some(owner.uid()), Some(owner.gid())).map_err(|error| failed(&error))?;
        }
        let folder = fs::File::open(directory).await.map_err(|error| failed(&error))?;
        folder.sync_all().await.map_err(|error| failed(&error))?;
        Ok(true)
    }

    async fn load(
        &self,
        source: &dyn Source,
        link: &Link,
        ask: &LoadAsk<'_>,
        watch: &dyn Watch,
    ) -> Result<Vec<Finding>> {
        load::load(source, link, ask, watch).await
    }

    async fn fits(&self, source: &dyn Source, link: &Link, ask: &LoadAsk<'_>) -> Result<serde_json::Value> {
        clear::fits(source, link, ask).await
    }

    async fn clear(&self, source: &dyn Source, link: &Link, ask: &LoadAsk<'_>) -> Result<()> {
        clear::clear(source, link, ask).await
    }

    fn loads_into(&self, record: &Record) -> (Version, String) {
        (record.dumped.version.clone(), record.dumped.flavour.clone())
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(Error::internal)
}

/// All settings that are no secret, for whoever must rebuild the server by hand; `None` with a finding when we may not
/// ask.
async fn all_settings(
    connection: &mut Connection,
    findings: &mut Vec<Finding>,
) -> Result<Option<std::collections::BTreeMap<String, String>>> {
    match connection.ask(&["CONFIG", "GET", "*"]).await {
        Ok(reply) => {
            let told = observe::pairs(reply).into_iter().filter(|(name, _)| !settings::is_secret(name));
            Ok(Some(told.collect()))
        }
        Err(error) if matches!(error.kind, Kind::Denied | Kind::Failed) => {
            let what = Text::new("redis-no-settings").with("endpoint", connection.place());
            let cure = Text::new("redis-no-permission-cure").with("command", "CONFIG GET");
            findings.push(Finding::note(connection.place(), what).cure(cure));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

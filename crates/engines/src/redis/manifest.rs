//! What a snapshot holds, key by key brought down to counts and digests, and how two such are compared.
//!
//! Both sides of a comparison come through the same decoder from a snapshot that a server sent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use bytes::Bytes;
use roadstead_core::{
    Error, Finding, Kind, Result, Text,
    finding::Severity,
    manifest::{Manifest, Object, Strength},
    model::ClusterSpec,
    port::{
        Inspect, Watch,
        ambient::Progress,
        engine::{Link, Lived},
        stream::StreamWriter,
    },
};
use tokio::sync::mpsc;

use super::{
    Redis,
    accounts::{self, Account},
    connection::Connection,
    info::Info,
    profile::ADMIN,
    rdb::{self, Fault, Key, Listener, Read, Sort, crc64::Verdict},
    sync::Snapshot,
};
use crate::digest::Multiset;

const BY_CONTENT: &str = "redis-rdb-2";
const BY_COUNT: &str = "redis-counts-1";

/// Whether all that the dump holds was understood.
pub(super) fn is_by_content(manifest: &Manifest) -> bool {
    manifest.method == BY_CONTENT
}
/// Keys that never expire.
pub(super) const KEYS: &str = "keys";
/// Keys that expire, by the day (UTC) on which they do.
pub(super) const EXPIRING: &str = "expiring-keys";
/// Hashes of which some fields expire: what is left of them depends on the hour.
pub(super) const FADING: &str = "hashes-with-expiring-fields";
const LIBRARY: &str = "function-library";
const ACCOUNT: &str = "account";
/// Keys that expire on this day or later are counted together.
const LATER: &str = "2100-01-01";
/// The same in days since 1970.
const LATER_DAYS: i64 = 47_482;
const DAY_MILLIS: i64 = 86_400_000;
/// Pieces between the connection and the decoder.
const PIECES: usize = 16;

/// What was in a snapshot.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    keys: HashMap<Like, Multiset>,
    modules: BTreeMap<(u64, String), u64>,
    module_data: BTreeSet<String>,
    libraries: BTreeMap<String, blake3::Hash>,
}

/// What keys that are counted together have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Like {
    database: u64,
    sort: Sort,
    fields_fade: bool,
    /// The day on which they expire, in days since 1970 and at most [`LATER_DAYS`].
    expires: Option<i64>,
}

impl Like {
    /// As the manifest names it.
    fn named(&self) -> (&'static str, Vec<String>) {
        let mut name = vec![self.database.to_string(), self.sort.word().to_owned()];
        let kind = match self.expires {
            _ if self.fields_fade => FADING,
            None => KEYS,
            Some(days) => {
                name.push(day(days * DAY_MILLIS));
                EXPIRING
            }
        };
        (kind, name)
    }
}

/// A snapshot that came through to its end.
pub(super) struct Received {
    /// What was in it, as far as it was understood.
    pub(super) contents: Contents,
    /// How it ended.
    pub(super) read: Read,
    /// The position it belongs to.
    pub(super) position: Option<String>,
}

impl Listener for Contents {
    fn library(&mut self, code: &[u8]) -> Result<()> {
        let first = code.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let first = String::from_utf8_lossy(first);
        let name = first.split_whitespace().find_map(|word| word.strip_prefix("name=")).unwrap_or(&first);
        self.libraries.insert(name.to_owned(), blake3::hash(code));
        Ok(())
    }

    fn module_data(&mut self, module: &str) {
        self.module_data.insert(module.to_owned());
    }

    fn key(&mut self, key: Key<'_>) -> Result<()> {
        if let Sort::Module(module) = &key.sort {
            *self.modules.entry((key.database, module.clone())).or_default() += 1;
            return Ok(());
        }
        let digest = key.digest.expect("only a module's value has no digest");
        let days = |millis: i64| millis.div_euclid(DAY_MILLIS);
        let expires =
            key.expires.map(days).map(|d| if (0..LATER_DAYS).contains(&d) { d } else { LATER_DAYS });
        let like = Like { database: key.database, sort: key.sort, fields_fade: key.fields_fade, expires };
        self.keys.entry(like).or_default().add_hashed(digest);
        Ok(())
    }
}

fn day(millis: i64) -> String {
    let start = millis.div_euclid(DAY_MILLIS).saturating_mul(DAY_MILLIS);
    let instant = jiff::Timestamp::from_millisecond(start).map(|instant| instant.strftime("%F").to_string());
    instant.ok().filter(|day| day.as_str() < LATER && start >= 0).unwrap_or_else(|| LATER.to_owned())
}

impl Contents {
    fn objects(&self) -> Vec<Object> {
        let mut named: BTreeMap<_, Multiset> = BTreeMap::new();
        for (like, keys) in &self.keys {
            named.entry(like.named()).or_default().join(keys);
        }
        let keys = named.into_iter().map(|((kind, name), all)| Object {
            kind: kind.to_owned(),
            name,
            count: Some(all.count()),
            digest: Some(all.digest()),
            strength: Strength::ContentSnapshot,
        });
        let modules = self.modules.iter().map(|((database, module), count)| Object {
            kind: KEYS.to_owned(),
            name: vec![database.to_string(), module.clone()],
            count: Some(*count),
            digest: None,
            strength: Strength::CountSnapshot,
        });
        let libraries = self.libraries.iter().map(|(name, hash)| Object {
            kind: LIBRARY.to_owned(),
            name: vec![name.clone()],
            count: None,
            digest: Some(hash.to_hex().to_string()),
            strength: Strength::ContentSnapshot,
        });
        keys.chain(modules).chain(libraries).collect()
    }

    /// What a backup of this is weaker in.
    fn findings(&self, place: &str) -> Vec<Finding> {
        let counted = self.modules.iter().map(|((database, module), count)| {
            let what = Text::new("redis-module-keys")
                .with("module", module)
                .with("database", *database)
                .with("count", *count);
            Finding::warning(place, what).cure(Text::new("redis-modules-cure"))
        });
        let beside = self.module_data.iter().map(|module| {
            let what = Text::new("redis-module-data").with("module", module);
            Finding::warning(place, what).cure(Text::new("redis-modules-cure"))
        });
        counted.chain(beside).collect()
    }
}

/// Takes a snapshot to its end: every piece to the writer, if there is one, and to the decoder at once.
pub(super) async fn receive(
    link: &Link,
    mut writer: Option<&mut dyn StreamWriter>,
    watch: &dyn Watch,
) -> Result<Received> {
    let phase = if writer.is_some() { "redis-phase-dump" } else { "redis-phase-digest" };
    let mut snapshot = Snapshot::begin(link).await?;
    let (sender, mut pieces) = mpsc::channel::<Bytes>(PIECES);
    let decoder = tokio::task::spawn_blocking(move || {
        let mut contents = Contents::default();
        let read = rdb::read(&mut || Ok(pieces.blocking_recv()), &mut contents);
        read.map(|read| (contents, read))
    });
    let mut done = 0;
    while let Some(piece) = snapshot.next().await? {
        watch.go_on()?;
        done += piece.len() as u64;
        if sender.send(piece.clone()).await.is_err() {
            break;
        }
        if let Some(writer) = &mut writer {
            writer.write(piece).await?;
        }
        watch.progress(Progress { phase: Text::new(phase), done, total: snapshot.total });
    }
    drop(sender);
    let position = snapshot.position.clone();
    // The server is rid of its replica before anything else is waited for.
    drop(snapshot);
    let (contents, read) = decoder.await.map_err(Error::internal)??;
    if read.bytes != done {
        return Err(Error::internal("the decoder did not see every byte"));
    }
    Ok(Received { contents, read, position })
}

/// Whether a snapshot that ended is whole. What is weaker than it should be comes as findings.
pub(super) fn judge(read: &Read, place: &str) -> Result<Vec<Finding>> {
    let corrupt = |key: &str| Error::new(Kind::Corrupt, Text::new(key).with("endpoint", place));
    let not_understood = read.not_understood.as_ref().map(told);
    match (read.verdict, not_understood) {
        (Verdict::Wrong, _) => Err(corrupt("redis-checksum-wrong")),
        (Verdict::Absent, Some(what)) => Err(corrupt("redis-snapshot-damaged").with("what", what)),
        (Verdict::Absent, None) => {
            let what = Text::new("redis-no-checksum");
            Ok(vec![Finding::warning(place, what).cure(Text::new("redis-no-checksum-cure"))])
        }
        (Verdict::Right, None) => Ok(Vec::new()),
        (Verdict::Right, Some(what)) => {
            let what = Text::new("redis-not-understood").with("what", what);
            Ok(vec![Finding::warning(place, what).cure(Text::new("redis-not-understood-cure"))])
        }
    }
}

/// Types of modules that keys of a manifest are of: theirs alone were counted and not read.
pub(super) fn module_types(manifest: &Manifest) -> Vec<String> {
    let by_content = manifest.objects.iter().filter(|_| manifest.method == BY_CONTENT);
    let counted = by_content.filter(|object| object.kind == KEYS && object.digest.is_none());
    let types: BTreeSet<_> = counted.filter_map(|object| object.name.get(1).cloned()).collect();
    types.into_iter().collect()
}

fn told(fault: &Fault) -> String {
    match fault {
        Fault::Ended => "end".to_owned(),
        Fault::Damaged(what) => (*what).to_owned(),
        Fault::Unknown(what) => what.clone(),
        Fault::Outside(error) => error.to_string(),
    }
}

/// The manifest of a snapshot: by content where it was understood to its end, else by the counts that the server told.
pub(super) fn manifest(
    received: &Received,
    keyspace: &BTreeMap<u64, u64>,
    accounts: Option<&[Account]>,
) -> Manifest {
    let understood = received.read.not_understood.is_none();
    let (method, mut objects) = if understood {
        (BY_CONTENT, received.contents.objects())
    } else {
        let counts = keyspace.iter().map(|(database, count)| Object {
            kind: KEYS.to_owned(),
            name: vec![database.to_string()],
            count: Some(*count),
            digest: None,
            strength: Strength::CountAfter,
        });
        (BY_COUNT, counts.collect())
    };
    let others = accounts.unwrap_or_default().iter().filter(|account| account.name != ADMIN.as_bytes());
    objects.extend(others.map(|account| {
        // Not over the hashes of passwords: who saw the digest could try passwords against it. Those are compared
        // one by one where accounts are loaded.
        let about = format!("{} {}", account.hashes().len(), account.rights().join(" "));
        Object {
            kind: ACCOUNT.to_owned(),
            name: vec![account.shown()],
            count: None,
            digest: Some(blake3::hash(about.as_bytes()).to_hex().to_string()),
            strength: Strength::ContentAfter,
        }
    }));
    Manifest { method: method.to_owned(), objects }
}

/// What a snapshot is weaker in than it should be.
pub(super) fn findings(received: &Received, place: &str) -> Result<Vec<Finding>> {
    let mut findings = judge(&received.read, place)?;
    findings.extend(received.contents.findings(place));
    Ok(findings)
}

/// The accounts; `None` with a finding when we may not ask.
pub(super) async fn accounts_or_finding(
    connection: &mut Connection,
    findings: &mut Vec<Finding>,
) -> Result<Option<Vec<Account>>> {
    match accounts::list(connection).await {
        Ok(accounts) => Ok(Some(accounts)),
        Err(error) if error.kind == Kind::Denied => {
            let what = Text::new("redis-no-accounts").with("endpoint", connection.place());
            let finding = Finding::new(Severity::Warning, connection.place(), what);
            findings.push(finding.cure(Text::new("redis-no-permission-cure").with("command", "ACL LIST")));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[async_trait]
impl Inspect for Redis {
    async fn manifest(&self, link: &Link, _cluster: &ClusterSpec, watch: &dyn Watch) -> Result<Manifest> {
        let received = receive(link, None, watch).await?;
        let mut connection = Connection::open(link).await?;
        judge(&received.read, connection.place())?;
        let accounts = accounts_or_finding(&mut connection, &mut Vec::new()).await?;
        let keyspace = Info::ask(&mut connection).await?.keyspace();
        Ok(manifest(&received, &keyspace, accounts.as_deref()))
    }

    fn accounts_besides(&self, original: &Manifest, copy: &Manifest) -> Vec<String> {
        copy.names_besides(original, &[ACCOUNT])
    }

    async fn own_accounts(&self, link: &Link) -> Result<Vec<String>> {
        // Every server has one of this name, and who may come in by it is the server's affair.
        Ok(vec![link.user.clone(), "default".to_owned()])
    }

    async fn occupied(&self, link: &Link) -> Result<Option<Text>> {
        let mut connection = Connection::open(link).await?;
        let keyspace = Info::ask(&mut connection).await?.keyspace();
        let keys: u64 = keyspace.values().sum();
        if keys > 0 {
            let what = Text::new("redis-occupied").with("keys", keys);
            return Ok(Some(what.with("databases", keyspace.len())));
        }
        let libraries = connection.ask(&["FUNCTION", "LIST"]).await?.list().len();
        Ok((libraries > 0).then(|| Text::new("redis-occupied-functions").with("count", libraries)))
    }

    fn comparable(
        &self,
        mut original: Manifest,
        mut copy: Manifest,
        lived: Lived,
        keep: &[String],
    ) -> (Manifest, Manifest) {
        let is_account = |object: &Object| object.kind == ACCOUNT;
        // A backup by an account that may not list accounts has none to compare.
        let has_accounts = original.objects.iter().any(is_account);
        let stays = |object: &Object| {
            if is_account(object) {
                return has_accounts && !object.name.first().is_some_and(|name| keep.contains(name));
            }
            match (lived.until(), object.kind.as_str()) {
                (Some(_), FADING) => false,
                (Some(now), EXPIRING) => object.name.last().is_none_or(|due| *due > day(now.millis())),
                _ => true,
            }
        };
        original.objects.retain(stays);
        copy.objects.retain(stays);
        (original, copy)
    }
}

#[cfg(test)]
mod tests {
    use roadstead_core::Timestamp;

    use super::*;

    #[test]
    fn days_are_told_in_utc_and_end() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(DAY_MILLIS - 1), "1970-01-01");
        assert_eq!(day(1_790_000_000_000), "2026-09-21");
        assert_eq!(day((LATER_DAYS - 1) * DAY_MILLIS), "2099-12-31");
        for far in [LATER_DAYS * DAY_MILLIS, i64::MAX, i64::MIN, -1] {
            assert_eq!(day(far), LATER, "{far}");
        }
    }

    #[test]
    fn what_was_bound_to_vanish_is_not_compared() {
        let object = |kind: &str, name: &[&str]| Object {
            kind: kind.into(),
            name: name.iter().map(|part| (*part).into()).collect(),
            count: Some(1),
            digest: None,
            strength: Strength::CountSnapshot,
        };
        let original = Manifest {
            method: BY_CONTENT.into(),
            objects: vec![
                object(EXPIRING, &["0", "string", "2026-09-21"]),
                object(EXPIRING, &["0", "string", "2026-09-23"]),
                object(ACCOUNT, &["al"]),
                object(ACCOUNT, &["default"]),
            ],
        };
        let keep = ["default".to_owned()];
        let names = |manifest: &Manifest| {
            manifest.objects.iter().map(|object| object.name.join(" ")).collect::<Vec<_>>()
        };
        let lived = Lived::Served(Timestamp::from_millis(1_790_000_000_000));
        let (left, right) = Redis.comparable(original.clone(), original.clone(), lived, &keep);
        assert_eq!(names(&left), ["0 string 2026-09-23", "al"]);
        assert_eq!(left, right);
        let (all, _) = Redis.comparable(original.clone(), original.clone(), Lived::Unserved, &[]);
        assert_eq!(all, original);
    }
}

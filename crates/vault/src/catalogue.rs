//! The catalogue: one folder a snapshot, in it the sealed record, written once, and its events, each an object of its
//! own. Nothing here is ever overwritten; order is the number in the name, never a clock.
//!
//! An intent stands there before the record, and a tombstone once the snapshot is given up. So a record that is gone
//! without either was lost, and is damage: what is missing is never taken for what nobody wants.
//!
//! It reads no index and no data of the repository: a look at it costs a listing and the small objects.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use roadstead_core::{
    Error, Finding, Kind, Millis, Result, Text,
    port::vault::{Draft, Event, Record, SnapshotId, Stage},
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::{
    key::Cipher,
    place::{Object, Place, Put},
};

/// The folder of all this.
pub(crate) const FOLDER: &str = "catalogue/";
/// The object that opens the vault quickly; its presence in a listing proves that the listing saw the vault.
pub(crate) const SEAL: &str = "catalogue/seal";
/// A longer one was not written by us: ours has less than 1 KiB.
pub(crate) const SEAL_LENGTH_MAX: u64 = 64 << 10;
/// No other object is longer, and one that is was not written by us. A record is as long as its manifest, some 200
/// bytes for each object of the cluster: more than a million of them fit. It is in memory whole, and more than once.
const LENGTH_MAX: u64 = 256 << 20;
const RECORD: &str = "000-record";
/// The intent: a backup has begun, and its record may never come.
const TAKING: &str = "000-taking";
/// The tombstone: the snapshot is removed, whatever else still lies there.
const REMOVED: &str = "000-removed";
/// How many objects are read at once.
const READERS: usize = 8;
/// An event's number is found by trying the next one; this many writers at once are a defect.
const TRIES: usize = 1000;

/// A record and where its streams lie in the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// What the world sees.
    pub(crate) record: Record,
    /// By stream name.
    pub(crate) lies: BTreeMap<String, Lies>,
}

/// Where one stream lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lies {
    /// The repository's snapshot.
    pub(crate) object: String,
    /// The path in it.
    pub(crate) path: String,
}

/// All that the catalogue holds.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Oldest first.
    pub(crate) entries: Vec<Entry>,
    /// Snapshots whose record cannot be opened, or is lost.
    pub(crate) damaged: BTreeSet<String>,
    /// Backups that have begun and have no record: they are being taken, or were interrupted.
    pub(crate) unfinished: BTreeSet<String>,
    /// Snapshots that are removed, and of which something is left.
    pub(crate) removed: BTreeSet<String>,
    /// Snapshots whose intent still stands beside the record.
    pub(crate) unsettled: BTreeSet<String>,
    /// What is wrong.
    pub(crate) findings: Vec<Finding>,
}

/// What one folder of the catalogue is.
enum Folder {
    Snapshot { entry: Box<Entry>, unsettled: bool, findings: Vec<Finding> },
    Damaged(Finding),
    Unfinished,
    Removed,
}

/// The catalogue of one vault.
#[derive(Clone)]
pub(crate) struct Catalogue {
    place: Place,
    cipher: Cipher,
}

impl Loaded {
    fn add(&mut self, id: String, folder: Option<Folder>) {
        match folder {
            Some(Folder::Snapshot { entry, unsettled, findings }) => {
                self.entries.push(*entry);
                self.findings.extend(findings);
                if unsettled {
                    self.unsettled.insert(id);
                }
            }
            Some(Folder::Damaged(finding)) => self.add_damaged(id, finding),
            Some(Folder::Unfinished) => drop(self.unfinished.insert(id)),
            Some(Folder::Removed) => drop(self.removed.insert(id)),
            None => {}
        }
    }

    /// Counts one more whose record cannot be had.
    pub(crate) fn add_damaged(&mut self, id: String, finding: Finding) {
        self.findings.push(finding);
        self.damaged.insert(id);
    }

    /// Whether the catalogue has anything of this snapshot.
    pub(crate) fn knows(&self, id: &str) -> bool {
        let told = [&self.damaged, &self.unfinished, &self.removed];
        told.iter().any(|ids| ids.contains(id))
            || self.entries.iter().any(|entry| entry.record.draft.id.0 == id)
    }
}

impl Catalogue {
    /// The catalogue at this place.
    pub(crate) fn new(place: Place, cipher: Cipher) -> Self {
        Self { place, cipher }
    }

    /// Reads everything.
    pub(crate) async fn load(&self) -> Result<Loaded> {
        let listed = self.place.list(FOLDER).await?;
        if !listed.iter().any(|object| object.path == SEAL) {
            let what =
                Text::new("vault-seal-gone").with("path", self.place.address(SEAL).display().to_string());
            return Err(Error::new(Kind::NotFound, what).cure(Text::new("vault-seal-gone-cure")));
        }
        let mut folders: BTreeMap<String, Vec<Object>> = BTreeMap::new();
        for object in listed {
            let rest = object.path.strip_prefix(FOLDER).unwrap_or_default();
            if let Some((id, name)) = rest.split_once('/')
                && is_id(id)
                && number(name).is_some()
            {
                folders.entry(id.to_owned()).or_default().push(object);
            }
        }
        let contents = self.read_all(folders.values().flatten().cloned().collect()).await?;
        let mut loaded = Loaded::default();
        for (id, objects) in folders {
            let paths = objects.into_iter().map(|object| object.path).collect();
            let folder = match self.assemble(&id, paths, &contents) {
                // Somebody may have committed or removed it between the listing and the reading.
                Folder::Damaged(_) => self.folder(&id).await?,
                folder => Some(folder),
            };
            loaded.add(id, folder);
        }
        loaded.entries.sort_by(|one, other| {
            let key = |entry: &Entry| (entry.record.draft.order(), entry.record.draft.id.clone());
            key(one).cmp(&key(other))
        });
        Ok(loaded)
    }

    /// Reads one snapshot's record and events. `Kind::NotFound` when there is none, `Kind::Corrupt` when it cannot be
    /// opened.
    pub(crate) async fn entry(&self, id: &SnapshotId) -> Result<Entry> {
        let absent = || {
            let what = Text::new("vault-snapshot-unknown").with("snapshot", id.0.as_str());
            Error::new(Kind::NotFound, what).cure(Text::new("vault-snapshot-unknown-cure"))
        };
        if !is_id(&id.0) {
            return Err(absent());
        }
        match self.folder(&id.0).await? {
            Some(Folder::Snapshot { entry, .. }) => Ok(*entry),
            Some(Folder::Damaged(finding)) => {
                let error = Error::new(Kind::Corrupt, finding.what);
                Err(finding.cure.into_iter().fold(error, Error::cure))
            }
            Some(Folder::Unfinished | Folder::Removed) | None => Err(absent()),
        }
    }

    /// Reads one folder; `None` when nothing of ours is in it.
    async fn folder(&self, id: &str) -> Result<Option<Folder>> {
        let objects = self.objects(id).await?;
        if objects.is_empty() {
            return Ok(None);
        }
        let paths = objects.iter().map(|object| object.path.clone()).collect();
        let contents = self.read_all(objects).await?;
        Ok(Some(self.assemble(id, paths, &contents)))
    }

    /// What lies in one folder and is ours.
    async fn objects(&self, id: &str) -> Result<Vec<Object>> {
        match self.place.list(&format!("{FOLDER}{id}/")).await {
            Err(error) if error.kind == Kind::NotFound => Ok(Vec::new()),
            listed => Ok(listed?.into_iter().filter(|object| path_number(&object.path).is_some()).collect()),
        }
    }

    /// Whether a snapshot of this id was ever more than begun.
    pub(crate) async fn has(&self, id: &str) -> Result<bool> {
        let intent = path_in(id, TAKING);
        Ok(self.objects(id).await?.iter().any(|object| object.path != intent))
    }

    /// Whether nothing speaks of this snapshot, now that its streams were seen: neither intent nor record nor
    /// tombstone. The order counts: an intent goes only after its record has come.
    pub(crate) async fn knows_nothing_of(&self, id: &str) -> Result<bool> {
        for name in [TAKING, RECORD, REMOVED] {
            if self.place.exists(&path_in(id, name)).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes the intent, before anything of the snapshot goes into the repository.
    pub(crate) async fn begin(&self, draft: &Draft) -> Result<()> {
        let path = path_in(&draft.id.0, TAKING);
        let plain = serde_json::to_vec(draft).map_err(Error::internal)?;
        // What an interrupted backup of this id left is the same thing.
        self.place.put(&path, vec![self.sealed(&path, &plain)?], Put::Replace).await
    }

    /// Takes the intent away: the record is there.
    pub(crate) async fn settle(&self, id: &str) -> Result<()> {
        self.place.remove(&path_in(id, TAKING)).await
    }

    /// Writes a record. `Kind::Exists` when there is one of this id.
    pub(crate) async fn write(&self, entry: &Entry) -> Result<()> {
        let path = record_path(&entry.record.draft.id.0);
        let plain = serde_json::to_vec(entry).map_err(Error::internal)?;
        self.place.put(&path, vec![self.sealed(&path, &plain)?], Put::New).await
    }

    /// Appends an event. `Kind::NotFound` when there is no such snapshot.
    pub(crate) async fn note(&self, id: &SnapshotId, event: &Event) -> Result<()> {
        self.entry(id).await?;
        let plain = serde_json::to_vec(event).map_err(Error::internal)?;
        for _ in 0..TRIES {
            let listed = self.place.list(&format!("{FOLDER}{id}/")).await?;
            let last = listed.iter().filter_map(|object| path_number(&object.path)).max().unwrap_or(0);
            let path = format!("{FOLDER}{id}/{:03}-event", last + 1);
            match self.place.put(&path, vec![self.sealed(&path, &plain)?], Put::New).await {
                // Another writer was faster: the next number is ours.
                Err(error) if error.kind == Kind::Exists => {}
                written => return written,
            }
        }
        Err(Error::internal("no number was free for an event"))
    }

    /// Seals an object; one that nobody would read back for its length is refused.
    fn sealed(&self, path: &str, plain: &[u8]) -> Result<Bytes> {
        let sealed = self.cipher.seal(path, plain)?;
        if sealed.len() as u64 <= LENGTH_MAX {
            return Ok(sealed);
        }
        let what = Text::new("vault-object-long")
            .with("path", self.place.address(path).display().to_string())
            .with("most", roadstead_core::Bytes(LENGTH_MAX).to_string());
        Err(Error::new(Kind::Failed, what).cure(Text::new("vault-object-long-cure")))
    }

    /// Removes a snapshot from the catalogue: by its tombstone, which is written at once or not at all and stays
    /// until [`Catalogue::forget`]; then by the rest.
    pub(crate) async fn bury(&self, id: &str) -> Result<()> {
        let tombstone = path_in(id, REMOVED);
        let sealed = self.cipher.seal(&tombstone, b"{}")?;
        self.place.put(&tombstone, vec![sealed], Put::Replace).await?;
        self.place.remove(&record_path(id)).await?;
        for object in self.place.list(&format!("{FOLDER}{id}/")).await? {
            if object.path != tombstone {
                self.place.remove(&object.path).await?;
            }
        }
        Ok(())
    }

    /// Removes the tombstone, after all that the snapshot had in the repository.
    pub(crate) async fn forget(&self, id: &str) -> Result<()> {
        self.place.remove(&path_in(id, REMOVED)).await?;
        self.place.remove(&format!("{FOLDER}{id}/")).await
    }

    /// Puts one folder's objects together. What cannot be opened proves nothing, neither that a backup never ended
    /// nor that a snapshot was removed.
    fn assemble(&self, id: &str, paths: Vec<String>, contents: &BTreeMap<String, Option<Bytes>>) -> Folder {
        let opened = |path: &String| {
            let object = contents.get(path)?.as_ref()?;
            self.cipher.open(path, object)
        };
        let (record, intent, tombstone) = (record_path(id), path_in(id, TAKING), path_in(id, REMOVED));
        if opened(&tombstone).is_some() {
            return Folder::Removed;
        }
        let has_events = paths.iter().any(|path| path_number(path) > Some(0));
        if !paths.contains(&record) {
            // Events come after a record: then there was one.
            let never_was = !has_events && opened(&intent).is_some();
            return if never_was { Folder::Unfinished } else { Folder::Damaged(self.lost(id)) };
        }
        let entry = opened(&record).and_then(|plain| serde_json::from_slice::<Entry>(&plain).ok());
        let Some(mut entry) = entry.filter(|entry| entry.record.draft.id.0 == id) else {
            return Folder::Damaged(self.unreadable(id, &record));
        };
        let mut findings = Vec::new();
        if paths.contains(&tombstone) {
            findings.push(self.unreadable(id, &tombstone));
        }
        let unsettled = paths.contains(&intent);
        let mut events: Vec<String> = paths.into_iter().filter(|path| path_number(path) > Some(0)).collect();
        events.sort_by_key(|path| path_number(path));
        entry.record.history.clear();
        for path in events {
            let event = opened(&path).and_then(|plain| serde_json::from_slice::<Event>(&plain).ok());
            let event = event.unwrap_or_else(|| {
                let finding = self.unreadable(id, &path);
                findings.push(finding.clone());
                doubt(&entry.record, finding)
            });
            entry.record.history.push(event);
        }
        Folder::Snapshot { entry: Box::new(entry), unsettled, findings }
    }

    /// Reads objects, some at a time; `None` is one that is there and cannot be read for damage, is longer than any of
    /// ours, or was removed between the listing and the reading.
    async fn read_all(&self, objects: Vec<Object>) -> Result<BTreeMap<String, Option<Bytes>>> {
        let share = objects.len().div_ceil(READERS).max(1);
        let mut readers = JoinSet::new();
        for objects in objects.chunks(share) {
            let (place, objects) = (self.place.clone(), objects.to_vec());
            readers.spawn(async move {
                let mut read = Vec::with_capacity(objects.len());
                for Object { path, bytes, .. } in objects {
                    // By its length, for which no more memory is taken than it has.
                    let content = match bytes {
                        0 => Some(Bytes::new()),
                        1..=LENGTH_MAX => match place.get_part(&path, 0, bytes).await {
                            Ok(content) => Some(content),
                            Err(error) if matches!(error.kind, Kind::NotFound | Kind::Corrupt) => None,
                            Err(error) => return Err(error),
                        },
                        _ => None,
                    };
                    read.push((path, content));
                }
                Ok(read)
            });
        }
        let mut contents = BTreeMap::new();
        while let Some(read) = readers.join_next().await {
            contents.extend(read.map_err(Error::internal)??);
        }
        Ok(contents)
    }

    /// What is said of a snapshot whose record is gone, and that nobody has removed.
    pub(crate) fn lost(&self, id: &str) -> Finding {
        let path = self.place.address(&record_path(id)).display().to_string();
        let what = Text::new("vault-record-lost").with("snapshot", id).with("path", path);
        Finding::error(id, what).cure(Text::new("vault-record-lost-cure").with("snapshot", id))
    }

    fn unreadable(&self, id: &str, path: &str) -> Finding {
        let what = Text::new("vault-record-unreadable")
            .with("snapshot", id)
            .with("path", self.place.address(path).display().to_string());
        Finding::error(id, what).cure(Text::new("vault-record-unreadable-cure"))
    }
}

/// An event that cannot be read may have been a failure: the snapshot counts as only taken until it is checked again.
fn doubt(record: &Record, finding: Finding) -> Event {
    Event {
        stage: Stage::Checked,
        at: record.draft.started,
        by: record.draft.by.clone(),
        took: Millis(0),
        passed: false,
        comparison: None,
        findings: vec![finding],
    }
}

/// Whether this is an id as we give them, and so safe in a path.
pub(crate) fn is_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn record_path(id: &str) -> String {
    path_in(id, RECORD)
}

fn path_in(id: &str, name: &str) -> String {
    format!("{FOLDER}{id}/{name}")
}

/// `Some` for names that are ours: `000-record`, `000-taking`, `000-removed`, `012-event`, `1000-event`.
fn number(name: &str) -> Option<u64> {
    let (digits, word) = name.split_once('-')?;
    let number = digits.parse().ok().filter(|_| digits.len() >= 3)?;
    matches!((word, number), ("record" | "taking" | "removed", 0) | ("event", 1..)).then_some(number)
}

fn path_number(path: &str) -> Option<u64> {
    number(path.rsplit('/').next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_names_have_numbers() {
        assert_eq!(number("000-record"), Some(0));
        assert_eq!(number("1000-event"), Some(1000));
        for other in [
            "001-record",
            "001-taking",
            "001-removed",
            "000-event",
            "1-event",
            "x",
            "001-event.tmp",
            "-event",
        ] {
            assert_eq!(number(other), None, "{other}");
        }
    }

    #[test]
    fn ids_cannot_leave_the_catalogue() {
        assert!(is_id("0123456789abcdef0123456789abcdef"));
        for wrong in ["", "../../../../etc/passwd0123456789a", "0123456789ABCDEF0123456789ABCDEF", "0"] {
            assert!(!is_id(wrong), "{wrong}");
        }
    }
}

//! The catalogue: one folder a snapshot, in it the sealed record, written once, and its events, each an object of its
//! own. Nothing here is ever overwritten; order is the number in the name, never a clock.
//!
//! It reads no index and no data of the repository: a look at it costs a listing and the small objects.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use roadstead_core::{
    Error, Finding, Kind, Millis, Result, Text,
    port::vault::{Event, Record, SnapshotId, Stage},
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
const RECORD: &str = "000-record";
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
    /// Snapshots whose record is there and cannot be opened.
    pub(crate) damaged: BTreeSet<String>,
    /// Folders without a record: what an interrupted removal left behind.
    pub(crate) strays: BTreeSet<String>,
    /// What is wrong.
    pub(crate) findings: Vec<Finding>,
}

/// The catalogue of one vault.
#[derive(Clone)]
pub(crate) struct Catalogue {
    place: Place,
    cipher: Cipher,
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
            self.assemble(&mut loaded, &id, paths, &contents);
        }
        loaded.entries.sort_by(|one, other| {
            let key = |entry: &Entry| (entry.record.draft.started, entry.record.draft.id.clone());
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
        if !is_id(&id.0) || !self.place.exists(&record_path(&id.0)).await? {
            return Err(absent());
        }
        let listed = self.place.list(&format!("{FOLDER}{id}/")).await?;
        let objects: Vec<Object> =
            listed.into_iter().filter(|object| path_number(&object.path).is_some()).collect();
        let paths = objects.iter().map(|object| object.path.clone()).collect();
        let contents = self.read_all(objects).await?;
        let mut loaded = Loaded::default();
        self.assemble(&mut loaded, &id.0, paths, &contents);
        match (loaded.entries.pop(), loaded.findings.pop()) {
            (Some(entry), _) => Ok(entry),
            (None, Some(finding)) => {
                let error = Error::new(Kind::Corrupt, finding.what);
                Err(finding.cure.into_iter().fold(error, Error::cure))
            }
            (None, None) => Err(absent()),
        }
    }

    /// Whether a snapshot of this id has a record, readable or not.
    pub(crate) async fn has(&self, id: &str) -> Result<bool> {
        self.place.exists(&record_path(id)).await
    }

    /// Writes a record. `Kind::Exists` when there is one of this id.
    pub(crate) async fn write(&self, entry: &Entry) -> Result<()> {
        let path = record_path(&entry.record.draft.id.0);
        let plain = serde_json::to_vec(entry).map_err(Error::internal)?;
        self.place.put(&path, vec![self.cipher.seal(&path, &plain)?], Put::New).await
    }

    /// Appends an event. `Kind::NotFound` when there is no such snapshot.
    pub(crate) async fn note(&self, id: &SnapshotId, event: &Event) -> Result<()> {
        self.entry(id).await?;
        let plain = serde_json::to_vec(event).map_err(Error::internal)?;
        for _ in 0..TRIES {
            let listed = self.place.list(&format!("{FOLDER}{id}/")).await?;
            let last = listed.iter().filter_map(|object| path_number(&object.path)).max().unwrap_or(0);
            let path = format!("{FOLDER}{id}/{:03}-event", last + 1);
            match self.place.put(&path, vec![self.cipher.seal(&path, &plain)?], Put::New).await {
                // Another writer was faster: the next number is ours.
                Err(error) if error.kind == Kind::Exists => {}
                written => return written,
            }
        }
        Err(Error::internal("no number was free for an event"))
    }

    /// Removes a snapshot from the catalogue: first its record, so that it is gone at once or not at all.
    pub(crate) async fn remove(&self, id: &str) -> Result<()> {
        self.place.remove(&record_path(id)).await?;
        for object in self.place.list(&format!("{FOLDER}{id}/")).await? {
            self.place.remove(&object.path).await?;
        }
        self.place.remove(&format!("{FOLDER}{id}/")).await
    }

    /// Puts one folder's objects together.
    fn assemble(
        &self,
        loaded: &mut Loaded,
        id: &str,
        paths: Vec<String>,
        contents: &BTreeMap<String, Option<Bytes>>,
    ) {
        let opened = |path: &String| {
            let object = contents.get(path)?.as_ref()?;
            self.cipher.open(path, object)
        };
        let record = record_path(id);
        if !paths.contains(&record) {
            loaded.findings.push(stray(id));
            loaded.strays.insert(id.to_owned());
            return;
        }
        let entry = opened(&record).and_then(|plain| serde_json::from_slice::<Entry>(&plain).ok());
        let Some(mut entry) = entry.filter(|entry| entry.record.draft.id.0 == id) else {
            loaded.findings.push(self.unreadable(id, &record));
            loaded.damaged.insert(id.to_owned());
            return;
        };
        let mut events: Vec<String> = paths.into_iter().filter(|path| *path != record).collect();
        events.sort_by_key(|path| path_number(path));
        entry.record.history.clear();
        for path in events {
            let event = opened(&path).and_then(|plain| serde_json::from_slice::<Event>(&plain).ok());
            let event = event.unwrap_or_else(|| {
                let finding = self.unreadable(id, &path);
                loaded.findings.push(finding.clone());
                doubt(&entry.record, finding)
            });
            entry.record.history.push(event);
        }
        loaded.entries.push(entry);
    }

    /// Reads objects, some at a time; `None` is one that is there and cannot be read for damage, or was removed
    /// between the listing and the reading.
    async fn read_all(&self, objects: Vec<Object>) -> Result<BTreeMap<String, Option<Bytes>>> {
        let share = objects.len().div_ceil(READERS).max(1);
        let mut readers = JoinSet::new();
        for objects in objects.chunks(share) {
            let (place, objects) = (self.place.clone(), objects.to_vec());
            readers.spawn(async move {
                let mut read = Vec::with_capacity(objects.len());
                for Object { path, bytes, .. } in objects {
                    // By its length, for which no more memory is taken than it has.
                    let content =
                        if bytes == 0 { Ok(Bytes::new()) } else { place.get_part(&path, 0, bytes).await };
                    let content = match content {
                        Ok(content) => Some(content),
                        Err(error) if matches!(error.kind, Kind::NotFound | Kind::Corrupt) => None,
                        Err(error) => return Err(error),
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

fn stray(id: &str) -> Finding {
    let what = Text::new("vault-stray-record").with("snapshot", id);
    Finding::note(id, what).cure(Text::new("vault-leftover-cure"))
}

/// Whether this is an id as we give them, and so safe in a path.
pub(crate) fn is_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn record_path(id: &str) -> String {
    format!("{FOLDER}{id}/{RECORD}")
}

/// `Some` for names that are ours: `000-record`, `012-event`, `1000-event`.
fn number(name: &str) -> Option<u64> {
    let (digits, word) = name.split_once('-')?;
    let number = digits.parse().ok().filter(|_| digits.len() >= 3)?;
    matches!((word, number), ("record", 0) | ("event", 1..)).then_some(number)
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
        for other in ["001-record", "000-event", "1-event", "x", "001-event.tmp", "-event"] {
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

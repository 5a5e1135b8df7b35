//! Reading streams back. Whatever cannot be read is damage, told as such; a reader decides what was expected.

use std::{collections::BTreeSet, io::Write, sync::Arc};

use roadstead_core::{Result, Text};
use rustic_core::{
    DataId, FileType, IndexedFullStatus, ReadBackend, RusticResult,
    repofile::{Node, SnapshotFile, SnapshotId},
};
use sha2::{Digest, Sha256};

use super::{
    Repository,
    backend::{Backend, Snapshots, fault},
};
use crate::{key::Master, place::Place};

/// A repository that streams are read from: it holds the whole index, some 100 bytes a mebibyte stored.
pub(crate) struct Library {
    /// What can be relied on before what cannot: a piece that was stored again is not looked for where it was lost.
    halves: Vec<Half>,
}

/// A part of the index, and what is read by it.
struct Half {
    backend: Arc<Backend>,
    inner: rustic_core::Repository<IndexedFullStatus>,
}

impl Half {
    fn open(repository: Repository) -> Result<Self> {
        let Repository { backend, inner } = repository;
        let inner = inner.to_indexed();
        let inner = inner.map_err(|error| fault(Text::new("vault-index-unreadable"), &backend, &error))?;
        Ok(Self { backend, inner })
    }

    fn node(&self, object: &str, path: &str) -> Result<Node> {
        let failed = || Text::new("vault-read-failed").with("stream", path);
        let id = object.parse::<SnapshotId>().map_err(|error| fault(failed(), &self.backend, &error))?;
        let snapshot: SnapshotFile =
            self.inner.get_file(&id).map_err(|error| fault(failed(), &self.backend, &error))?;
        let node = self.inner.node_from_snapshot_and_path(&snapshot, path);
        node.map_err(|error| fault(failed(), &self.backend, &error))
    }

    fn pack_of(&self, blob: &DataId) -> RusticResult<String> {
        self.inner.get_index_entry(blob).map(|entry| entry.pack.to_hex().to_string())
    }
}

impl Library {
    /// Opens for reading.
    pub(crate) fn open(place: Place, master: &Master) -> Result<Self> {
        let repository = Repository::open_with(place.clone(), master, Snapshots::Written)?;
        let survey = repository.survey_packs()?;
        // One that cannot be read must not hide what the others tell; one that names a lost pack may be all that knows
        // of others.
        let bad: BTreeSet<String> = survey.bad_indexes.iter().map(|(index, _)| index.clone()).collect();
        let doubtful = survey.doubtful_indexes();
        let with_doubtful =
            (doubtful != bad).then(|| Repository::open_with(place, master, Snapshots::Written));
        repository.backend.hide(doubtful);
        let mut halves = vec![Half::open(repository)?];
        if let Some(repository) = with_doubtful {
            let repository = repository?;
            repository.backend.hide(bad);
            halves.push(Half::open(repository)?);
        }
        Ok(Self { halves })
    }

    /// Writes the file at `path` of the snapshot `object` to `target`. Every piece is authenticated; that it is all of
    /// them and the right ones, the caller proves by length and digest.
    pub(crate) fn read(&self, object: &str, path: &str, target: &mut impl Write) -> Result<()> {
        let failed = || Text::new("vault-read-failed").with("stream", path);
        let mut node = self.node(object, path)?;
        let content = node.content.take().unwrap_or_default();
        for run in content.chunk_by(|one, next| self.place_of(one) == self.place_of(next)) {
            let half = &self.halves[self.place_of(&run[0])];
            let part = Node { content: Some(run.to_vec()), ..node.clone() };
            half.inner.dump(&part, target).map_err(|error| fault(failed(), &half.backend, &error))?;
        }
        Ok(())
    }

    /// The packs that the file at `path` of the snapshot `object` is made of, its own entry in the tree included as
    /// far as it had to be read.
    pub(crate) fn packs(&self, object: &str, path: &str) -> Result<BTreeSet<String>> {
        let node = self.node(object, path)?;
        let mut packs = BTreeSet::new();
        for blob in node.content.iter().flatten() {
            let half = &self.halves[self.place_of(blob)];
            let failed = || Text::new("vault-read-failed").with("stream", path);
            packs.insert(half.pack_of(blob).map_err(|error| fault(failed(), &half.backend, &error))?);
        }
        Ok(packs)
    }

    /// Which part of the index knows this piece: the first that does, else the last, which says that it does not.
    fn place_of(&self, blob: &DataId) -> usize {
        let last = self.halves.len() - 1;
        self.halves[..last].iter().position(|half| half.pack_of(blob).is_ok()).unwrap_or(last)
    }

    fn node(&self, object: &str, path: &str) -> Result<Node> {
        let (last, before) = self.halves.split_last().expect("there is one at least");
        let mut found = before.iter().filter_map(|half| half.node(object, path).ok());
        found.next().map_or_else(|| last.node(object, path), Ok)
    }

    /// The first pack of this file that is there and whose content is not what its name, its own digest, says.
    pub(crate) fn wrong_pack(&self, object: &str, path: &str) -> Result<Option<String>> {
        for pack in self.packs(object, path)? {
            let failed = |error: &_| {
                fault(Text::new("vault-read-failed").with("stream", path), &self.halves[0].backend, error)
            };
            let id = pack.parse().map_err(|error: Box<_>| failed(&error))?;
            let content =
                self.halves[0].backend.read_full(FileType::Pack, &id).map_err(|error| failed(&error))?;
            if hex::encode(Sha256::digest(&content)) != pack {
                return Ok(Some(pack));
            }
        }
        Ok(None)
    }
}

//! Reading streams back. Whatever cannot be read is damage, told as such; a reader decides what was expected.

use std::{collections::BTreeSet, io::Write, sync::Arc};

use roadstead_core::{Result, Text};
use rustic_core::{
    FileType, IndexedFullStatus, ReadBackend,
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
    backend: Arc<Backend>,
    inner: rustic_core::Repository<IndexedFullStatus>,
}

impl Library {
    /// Opens for reading.
    pub(crate) fn open(place: Place, master: &Master) -> Result<Self> {
        let repository = Repository::open_with(place, master, Snapshots::Written)?;
        // One that cannot be read must not hide what the others tell.
        let bad = repository.survey_packs()?.bad_indexes;
        repository.backend.hide(bad.into_iter().map(|(index, _)| index));
        let Repository { backend, inner } = repository;
        let inner = inner.to_indexed();
        let inner = inner.map_err(|error| fault(Text::new("vault-index-unreadable"), &backend, &error))?;
        Ok(Self { backend, inner })
    }

    /// Writes the file at `path` of the snapshot `object` to `target`. Every piece is authenticated; that it is all of
    /// them and the right ones, the caller proves by length and digest.
    pub(crate) fn read(&self, object: &str, path: &str, target: &mut impl Write) -> Result<()> {
        let failed = || Text::new("vault-read-failed").with("stream", path);
        let node = self.node(object, path)?;
        self.inner.dump(&node, target).map_err(|error| fault(failed(), &self.backend, &error))
    }

    /// The packs that the file at `path` of the snapshot `object` is made of, its own entry in the tree included as
    /// far as it had to be read.
    pub(crate) fn packs(&self, object: &str, path: &str) -> Result<BTreeSet<String>> {
        let node = self.node(object, path)?;
        let mut packs = BTreeSet::new();
        for blob in node.content.iter().flatten() {
            let entry = self.inner.get_index_entry(blob);
            let failed = || Text::new("vault-read-failed").with("stream", path);
            let entry = entry.map_err(|error| fault(failed(), &self.backend, &error))?;
            packs.insert(entry.pack.to_hex().to_string());
        }
        Ok(packs)
    }

    /// The first pack of this file that is there and whose content is not what its name, its own digest, says.
    pub(crate) fn wrong_pack(&self, object: &str, path: &str) -> Result<Option<String>> {
        for pack in self.packs(object, path)? {
            let failed =
                |error: &_| fault(Text::new("vault-read-failed").with("stream", path), &self.backend, error);
            let id = pack.parse().map_err(|error: Box<_>| failed(&error))?;
            let content = self.backend.read_full(FileType::Pack, &id).map_err(|error| failed(&error))?;
            if hex::encode(Sha256::digest(&content)) != pack {
                return Ok(Some(pack));
            }
        }
        Ok(None)
    }

    fn node(&self, object: &str, path: &str) -> Result<Node> {
        let failed = || Text::new("vault-read-failed").with("stream", path);
        let id = object.parse::<SnapshotId>().map_err(|error| fault(failed(), &self.backend, &error))?;
        let snapshot: SnapshotFile =
            self.inner.get_file(&id).map_err(|error| fault(failed(), &self.backend, &error))?;
        let node = self.inner.node_from_snapshot_and_path(&snapshot, path);
        node.map_err(|error| fault(failed(), &self.backend, &error))
    }
}

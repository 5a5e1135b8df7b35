//! The restic repository that holds the bytes: `rustic_core` behind a fence. No type of it leaves this module.
//!
//! Everything here blocks, may use much CPU, and is called on a blocking thread. Measured traps of `rustic_core` 0.13
//! and where each is fenced: a failing reader that becomes an empty snapshot ([`archive`], [`backend`]), stale bytes
//! without `force` ([`archive`]), short reads that shrink its buffer ([`archive`]), dropped listing errors
//! ([`backend`]), no locks (`claim.rs`), key files that cost 128 MiB ([`keyfile`]).

mod archive;
mod backend;
mod keyfile;
mod library;
mod survey;

use std::{collections::BTreeSet, sync::Arc};

use bytesize::ByteSize;
use roadstead_core::{Error, Kind, Result, Text};
use rustic_core::{
    ConfigOptions, Credentials, FileType, KeyOptions, OpenStatus, PruneOptions, ReadBackend,
    RepairIndexOptions, RepositoryBackends, RepositoryOptions, WriteBackend, repofile,
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub(crate) use archive::{Archive, Label, Stored, path_of};
pub(crate) use backend::FOLDERS;
pub(crate) use library::Library;
pub(crate) use survey::Survey;

use crate::{claim::Hold, key::Master, place::Place};
use backend::{Backend, Snapshots, fault};

/// zstd's level: dumps are text, and the CPU belongs to the database.
const COMPRESSION: i32 = 1;
/// Each stream being taken holds up to three packs in memory.
const PACK: ByteSize = ByteSize::mib(8);
const TREE_PACK: ByteSize = ByteSize::mib(1);
/// A chunk is cut on average this far behind its least length; only that far is each byte looked at, and a dozen
/// chunks are on their way at once.
const CHUNK: ByteSize = ByteSize::kib(512);
const CHUNK_MIN: ByteSize = ByteSize::kib(512);
const CHUNK_MAX: ByteSize = ByteSize::mib(2);

/// An opened repository, without its index.
pub(crate) struct Repository {
    backend: Arc<Backend>,
    inner: rustic_core::Repository<OpenStatus>,
}

impl Repository {
    /// Opens with the master key: no key derivation, two small reads.
    pub(crate) fn open(place: Place, master: &Master) -> Result<Self> {
        Self::open_with(place, master, Snapshots::Written)
    }

    /// The same for pruning and mending: each object is written or removed only while this claim holds, else it is the
    /// error of a claim that was lost.
    pub(crate) fn open_under(place: Place, master: &Master, hold: Hold) -> Result<Self> {
        Self::open_at(Backend::new(place, Snapshots::Written).under(hold), master)
    }

    fn open_with(place: Place, master: &Master, snapshots: Snapshots) -> Result<Self> {
        Self::open_at(Backend::new(place, snapshots), master)
    }

    fn open_at(backend: Backend, master: &Master) -> Result<Self> {
        let backend = Arc::new(backend);
        let credentials = Credentials::Masterkey(parse(&master.json)?);
        let inner = closed(&backend)?.open(&credentials);
        let inner = inner.map_err(|error| {
            let told = fault(Text::new("vault-repository-unreadable"), &backend, &error);
            let is_damage = told.kind == Kind::Corrupt && told.cure.is_none();
            if is_damage { told.cure(Text::new("vault-repository-unreadable-cure")) } else { told }
        })?;
        Ok(Self { backend, inner })
    }

    /// Removes these snapshots, then every pack that no other snapshot needs; returns the bytes freed. With
    /// `dry_run` nothing is touched and the figure is the plan's. Nobody else may take, read or prune meanwhile: see
    /// [`Self::open_under`].
    pub(crate) fn prune(&self, remove: &BTreeSet<String>, dry_run: bool) -> Result<u64> {
        let failed =
            |error: &rustic_core::RusticError| fault(Text::new("vault-prune-failed"), &self.backend, error);
        let ids = remove.iter().map(|id| id.parse::<repofile::SnapshotId>());
        let ids: Vec<_> = ids.collect::<Result<_, _>>().map_err(Error::internal)?;
        let mut options = PruneOptions::default().instant_delete(true);
        if dry_run {
            options.ignore_snaps = ids;
            let plan = self.inner.prune_plan(&options).map_err(|error| failed(&error))?;
            let sizes = plan.stats.size_sum();
            let marked = plan.stats.size_to_delete.total();
            return Ok(sizes.remove + sizes.repackrm + plan.stats.size_unref + marked);
        }
        let before = self.size()?;
        self.inner.delete_snapshots(&ids).map_err(|error| failed(&error))?;
        let plan = self.inner.prune_plan(&options).map_err(|error| failed(&error))?;
        self.inner.prune(&options, plan).map_err(|error| failed(&error))?;
        Ok(before.saturating_sub(self.size()?))
    }

    /// Takes out of the index what is not there any more, and puts in what only the packs themselves still tell.
    /// Nobody else may take, read or prune meanwhile: see [`Self::open_under`].
    pub(crate) fn mend(&self, survey: &Survey) -> Result<()> {
        let failed =
            |error: &rustic_core::RusticError| fault(Text::new("vault-mend-failed"), &self.backend, error);
        for (index, _) in &survey.bad_indexes {
            let id = index.parse().map_err(|error: Box<_>| failed(&error))?;
            self.backend.remove(FileType::Index, &id, false).map_err(|error| failed(&error))?;
        }
        // The library counts below zero over a pack that is shorter than its header.
        let short = survey.short_packs();
        self.backend.hide(short.clone());
        let mended = self.inner.repair_index(&RepairIndexOptions::default(), false);
        self.backend.show(&short);
        mended.map_err(|error| failed(&error))
    }

    /// Puts in the index what only the packs themselves still tell, as if the index files that must not be relied on
    /// were not there; these stay. Nobody else may take, read or prune meanwhile: see [`Self::open_under`].
    pub(crate) fn add_to_index(&self, survey: &Survey) -> Result<()> {
        self.distrust(survey);
        self.backend.hide(survey.short_packs());
        let mended = self.inner.repair_index(&RepairIndexOptions::default(), false);
        mended.map_err(|error| fault(Text::new("vault-mend-failed"), &self.backend, &error))
    }

    /// Leaves out, from now on, the index files that must not be relied on.
    pub(crate) fn distrust(&self, survey: &Survey) {
        self.backend.hide(survey.doubtful_indexes());
    }

    fn size(&self) -> Result<u64> {
        let mut bytes = 0;
        for kind in [FileType::Pack, FileType::Index, FileType::Snapshot] {
            let listed = self.backend.list_with_size(kind);
            let listed = listed
                .map_err(|error| fault(Text::new("vault-repository-unreadable"), &self.backend, &error))?;
            bytes += listed.iter().map(|(_, length)| u64::from(*length)).sum::<u64>();
        }
        Ok(bytes)
    }
}

/// The longest key file that is read; restic's have half a kibibyte.
pub(crate) const KEY_LENGTH_MAX: u64 = 64 << 10;

/// Whether this is where a key file lies; other tools leave their own files beside them.
pub(crate) fn is_key(path: &str) -> bool {
    let name = path.strip_prefix("keys/").unwrap_or_default();
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a file that bears the hash of its content has that content.
pub(crate) fn is_whole(name: &str, content: &[u8]) -> bool {
    hex::encode(Sha256::digest(content)) == name
}

/// Makes a repository with this master key, or completes one whose making was interrupted; whether there was
/// something left to do.
pub(crate) fn create(place: Place, master: &Master, password: &str) -> Result<bool> {
    let backend = Arc::new(Backend::new(place, Snapshots::Written));
    let failed = |error: &rustic_core::RusticError| {
        let told = fault(Text::new("vault-repository-uncreatable"), &backend, error);
        if told.kind == Kind::Corrupt { Error { kind: Kind::Failed, ..told } } else { told }
    };
    let repository = closed(&backend)?;
    let key = Credentials::Masterkey(parse(&master.json)?);
    let missing = repository.config_id().map_err(|error| failed(&error))?.is_none();
    let opened = if missing {
        repository.init(&key, &KeyOptions::default(), &settings())
    } else {
        repository.open(&key)
    };
    opened.map_err(|error| failed(&error))?;
    let keys = keys(&backend).map_err(|error| failed(&error))?;
    let damaged: Vec<_> = keys.iter().filter(|(_, key)| *key == Key::Damaged).map(|(id, _)| *id).collect();
    // Whether a whole one among others opens by this password is not known: another one more does no harm.
    let is_wanted = keys.is_empty() || !damaged.is_empty();
    if is_wanted {
        let file = keyfile::key_file(master, password)?;
        let id = hex::encode(Sha256::digest(&file)).parse().map_err(|error: Box<_>| failed(&error))?;
        backend.write_bytes(FileType::Key, &id, false, file.into()).map_err(|error| failed(&error))?;
        // restic gives up at the first one that it cannot read.
        for id in damaged {
            backend.remove(FileType::Key, &id, false).map_err(|error| failed(&error))?;
        }
    }
    Ok(missing || is_wanted)
}

/// What a key file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// What its name says, at a cost that can be paid.
    Whole,
    /// What its name says, and nobody knows who wrote it: trying it would take more than this host should give.
    Costly,
    /// Not what its name says.
    Damaged,
}

/// The key files.
fn keys(backend: &Backend) -> rustic_core::RusticResult<Vec<(rustic_core::Id, Key)>> {
    let listed = backend.list_with_size(FileType::Key)?.into_iter();
    let judged = |(id, length): (rustic_core::Id, u32)| {
        if u64::from(length) > KEY_LENGTH_MAX {
            return Ok((id, Key::Damaged));
        }
        let content = backend.read_full(FileType::Key, &id)?;
        let key = match is_whole(&id.to_hex(), &content) {
            false => Key::Damaged,
            true if keyfile::is_bearable(&content) => Key::Whole,
            true => Key::Costly,
        };
        Ok((id, key))
    };
    listed.map(judged).collect()
}

/// The master key by the repository's own key files: slow, and 32 MiB or more. `Kind::Denied` when the password opens none.
pub(crate) fn master_by_password(place: Place, password: &str) -> Result<Master> {
    let backend = Arc::new(Backend::new(place, Snapshots::Written));
    // The library gives up at the first one that it cannot read, although another may open the vault.
    let useless = keys(&backend).unwrap_or_default().into_iter().filter(|(_, key)| *key != Key::Whole);
    backend.hide(useless.map(|(id, _)| id.to_hex().to_string()));
    let opened = closed(&backend)?.open(&Credentials::password(password));
    let opened = opened.map_err(|error| {
        if error.is_incorrect_password() {
            return denied(&backend);
        }
        fault(Text::new("vault-repository-unreadable"), &backend, &error)
    })?;
    master(&opened.key())
}

/// A new random master key.
pub(crate) fn new_master() -> Result<Master> {
    master(&repofile::MasterKey::new())
}

/// The master key from the JSON that the seal held.
pub(crate) fn master_from(json: &str) -> Result<Master> {
    master(&parse(json)?)
}

/// The error of a key that opens nothing here.
pub(crate) fn denied_at(place: &Place) -> Error {
    let what = Text::new("vault-key-wrong").with("path", place.address("").display().to_string());
    Error::new(Kind::Denied, what).cure(Text::new("vault-key-wrong-cure"))
}

fn denied(backend: &Backend) -> Error {
    let what = Text::new("vault-key-wrong").with("path", backend.location());
    Error::new(Kind::Denied, what).cure(Text::new("vault-key-wrong-cure"))
}

fn closed(backend: &Arc<Backend>) -> Result<rustic_core::Repository<()>> {
    let options = RepositoryOptions::default().no_cache(true);
    let storage: Arc<dyn rustic_core::WriteBackend> = backend.clone();
    let repository = rustic_core::Repository::new(&options, &RepositoryBackends::new(storage, None));
    repository.map_err(|error| fault(Text::new("vault-repository-unreadable"), backend, &error))
}

fn settings() -> ConfigOptions {
    ConfigOptions::default()
        .set_compression(COMPRESSION)
        .set_chunk_size(CHUNK)
        .set_chunk_min_size(CHUNK_MIN)
        .set_chunk_max_size(CHUNK_MAX)
        .set_datapack_size(PACK)
        .set_datapack_growfactor(0_u32)
        .set_treepack_size(TREE_PACK)
        .set_treepack_growfactor(0_u32)
}

fn master(key: &repofile::MasterKey) -> Result<Master> {
    let json = serde_json::to_string(key).map(Zeroizing::new).map_err(Error::internal)?;
    let material = [key.encrypt.as_slice(), &key.mac.k, &key.mac.r].concat();
    Ok(Master { json, material: Zeroizing::new(material) })
}

fn parse(json: &str) -> Result<repofile::MasterKey> {
    // The text is never told: it is the key.
    serde_json::from_str(json).map_err(|_| Error::internal("the sealed master key is not one"))
}

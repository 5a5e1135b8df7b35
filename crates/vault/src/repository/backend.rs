//! The storage as `rustic_core` sees it: every listing error is an error, every object appears whole, and snapshot
//! files are held back until somebody who has verified them lets them go. What pruning does, it does only while its claim
//! holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use roadstead_core::{Error, Kind};
use rustic_core::{BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend};
use tokio::runtime::Handle;

use crate::{
    claim::Hold,
    place::{Place, Put},
};

/// Folders that a repository has from its first moment, so that a missing one is damage.
pub(crate) const FOLDERS: [&str; 4] = ["data", "index", "keys", "snapshots"];

/// Whether snapshot files are written at once or kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Snapshots {
    /// Written as they come.
    Written,
    /// Kept until [`Backend::held`] is asked for them. `rustic_core` stores a snapshot of an empty tree, and returns
    /// `Ok`, when its reader fails: such a one must never reach the storage.
    Held,
}

/// One repository's storage.
pub(crate) struct Backend {
    place: Place,
    /// `rustic_core` is synchronous and runs on threads of its own.
    runtime: Handle,
    snapshots: Snapshots,
    /// The claim that every change rests on; `None`: nothing is taken away that somebody may rely on.
    hold: Option<Hold>,
    held: Mutex<BTreeMap<String, Bytes>>,
    /// Index files that must not be believed, and packs that cannot be read.
    hidden: Mutex<BTreeSet<String>>,
    /// The first thing that went wrong in storage: `rustic_core` often tells only its consequence.
    fault: Mutex<Option<Error>>,
}

impl Backend {
    /// To be called from within the runtime.
    pub(crate) fn new(place: Place, snapshots: Snapshots) -> Self {
        let (held, hidden, fault) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { place, runtime: Handle::current(), snapshots, hold: None, held, hidden, fault }
    }

    /// The same, which writes and removes only while this claim holds.
    pub(crate) fn under(self, hold: Hold) -> Self {
        Self { hold: Some(hold), ..self }
    }

    /// Leaves these index files and packs out of every listing.
    pub(crate) fn hide(&self, objects: impl IntoIterator<Item = String>) {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner).extend(objects);
    }

    /// Lists these again.
    pub(crate) fn show(&self, objects: &BTreeSet<String>) {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner).retain(|hidden| !objects.contains(hidden));
    }

    /// The first fault of the storage since the last call.
    pub(crate) fn take_fault(&self) -> Option<Error> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Takes a snapshot file that was held back.
    pub(crate) fn take_held(&self, id: &str) -> Option<Bytes> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// To be asked before every change: `rustic_core` plans once and works long, and whoever took this process for dead
    /// meanwhile may rely on what that plan gives up.
    fn may_change(&self) -> RusticResult<()> {
        let Some(hold) = &self.hold else { return Ok(()) };
        self.runtime.block_on(hold.still_holds()).map_err(|error| self.told(error))
    }

    fn told(&self, error: Error) -> Box<RusticError> {
        let foreign = RusticError::with_source(ErrorKind::Backend, "the storage failed", error.clone());
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        foreign
    }
}

/// The path of a repository's object, as restic lays it out.
pub(crate) fn path(kind: FileType, id: &str) -> String {
    match kind {
        FileType::Config => "config".into(),
        FileType::Pack => format!("data/{}/{id}", id.get(..2).unwrap_or("00")),
        FileType::Key | FileType::Snapshot | FileType::Index => format!("{}/{id}", kind.dirname()),
    }
}

impl ReadBackend for Backend {
    fn location(&self) -> String {
        self.place.address("").display().to_string()
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        if kind == FileType::Config {
            let there = self.runtime.block_on(self.place.exists("config")).map_err(|e| self.told(e))?;
            return Ok(if there { vec![(Id::default(), 0)] } else { vec![] });
        }
        let folder = format!("{}/", kind.dirname());
        let listed = self.runtime.block_on(self.place.list(&folder)).map_err(|e| self.told(e))?;
        let hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::with_capacity(listed.len());
        for object in listed {
            // What does not look like an object is none: other tools leave their own files.
            let Some(id) = Id::parse_some(object.name(), kind) else { continue };
            if matches!(kind, FileType::Index | FileType::Pack | FileType::Key)
                && hidden.contains(object.name())
            {
                continue;
            }
            if object.path == path(kind, object.name()) {
                // A pack is far below 4 GiB; a longer file is damaged, and its length tells so.
                found.push((id, u32::try_from(object.bytes).unwrap_or(u32::MAX)));
            }
        }
        Ok(found)
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        let path = path(kind, &id.to_hex());
        self.runtime.block_on(self.place.get(&path)).map_err(|error| self.told(error))
    }

    fn read_partial(
        &self,
        kind: FileType,
        id: &Id,
        _: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        let path = path(kind, &id.to_hex());
        let read = self.place.get_part(&path, u64::from(offset), u64::from(length));
        self.runtime.block_on(read).map_err(|error| self.told(error))
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        path(kind, &id.to_hex())
    }
}

impl WriteBackend for Backend {
    fn create(&self) -> RusticResult<()> {
        self.runtime.block_on(self.place.make_folders(&FOLDERS)).map_err(|error| self.told(error))
    }

    fn write_bytes(&self, kind: FileType, id: &Id, _: bool, content: BytesList) -> RusticResult<()> {
        if kind == FileType::Snapshot && self.snapshots == Snapshots::Held {
            let content: Vec<u8> = content.into_vec().concat();
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.insert(id.to_hex().to_string(), content.into());
            return Ok(());
        }
        self.may_change()?;
        let path = path(kind, &id.to_hex());
        // The name is the content's hash, so a second one of the same name is the same one.
        let written = self.place.put(&path, content.into_vec(), Put::Replace);
        self.runtime.block_on(written).map_err(|error| self.told(error))
    }

    fn remove(&self, kind: FileType, id: &Id, _: bool) -> RusticResult<()> {
        self.may_change()?;
        let path = path(kind, &id.to_hex());
        self.runtime.block_on(self.place.remove(&path)).map_err(|error| self.told(error))
    }
}

/// Our error for one of `rustic_core`: the storage's own fault where there was one.
pub(crate) fn fault(what: roadstead_core::Text, backend: &Backend, error: &RusticError) -> Error {
    match backend.take_fault() {
        // An object that is not there, or is shorter than the index says, is damage.
        Some(fault) if matches!(fault.kind, Kind::NotFound | Kind::Corrupt) => {
            Error { kind: Kind::Corrupt, ..fault }.during(what)
        }
        Some(fault) => fault.during(what),
        None => {
            let mut told = Error::new(Kind::Corrupt, what);
            // What follows is a trace of the library's own calls.
            let log = error.display_log();
            let words = log.split("Backtrace").next().unwrap_or_default();
            told.causes.push(words.trim_start_matches("Error: ").trim_end().to_owned());
            told
        }
    }
}

//! Storing one stream as one snapshot of one file, and proving that all of it went in.

use std::{
    ffi::OsStr,
    fmt::Write,
    io::{self, Read},
    iter,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use roadstead_core::{Error, Kind, Result, Text};
use rustic_core::{
    BackupOptions, IndexedIdsStatus, ReadSource, ReadSourceEntry, ReadSourceOpen, RusticResult,
    SnapshotOptions,
    repofile::{Metadata, Node, NodeType},
};

use super::{
    Repository,
    backend::{self, Backend, Snapshots, fault},
};
use crate::{key::Master, place::Place};

/// A repository that streams are stored into. Its snapshots are held back until [`Archive::release`].
pub(crate) struct Archive {
    backend: Arc<Backend>,
    inner: rustic_core::Repository<IndexedIdsStatus>,
}

/// What restic's listing shows of a stream.
pub(crate) struct Label {
    /// The snapshot it belongs to.
    pub(crate) id: String,
    /// Shown as the host.
    pub(crate) host: String,
    /// The stream's path in restic's eyes.
    pub(crate) path: String,
}

/// A stream that went in whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The id of its snapshot in the repository.
    pub(crate) object: String,
    /// How many bytes were read and stored.
    pub(crate) bytes: u64,
    /// How many bytes it added to the storage.
    pub(crate) added: u64,
}

impl Archive {
    /// Opens for storing: reads the index's ids.
    pub(crate) fn open(place: Place, master: &Master) -> Result<Self> {
        let repository = Repository::open_with(place, master, Snapshots::Held)?;
        // What lies in a damaged pack must be stored again, not taken for stored.
        repository.backend.hide(repository.survey_packs()?.doubtful_indexes());
        let Repository { backend, inner } = repository;
        let inner = inner.to_indexed_ids();
        let inner = inner.map_err(|error| fault(Text::new("vault-index-unreadable"), &backend, &error))?;
        Ok(Self { backend, inner })
    }

    /// Stores all that `reader` gives. An error of the reader, of the storage, or a difference between what was read
    /// and what was stored is an error, and leaves no snapshot.
    pub(crate) fn store(&self, label: &Label, reader: impl Read + Send + 'static) -> Result<Stored> {
        let failed = || Text::new("vault-store-failed").with("stream", label.path.as_str());
        let watched = Watched::default();
        let source = Source {
            path: PathBuf::from(&label.path),
            reader: Mutex::new(Some(Full { reader, watched: watched.clone() })),
        };
        let mut options = BackupOptions::default().no_scan(true);
        // Without it a stream of the same path may keep the bytes of the one before.
        options.parent_opts.force = true;
        let snapshot = SnapshotOptions::default()
            .host(label.host.clone())
            .label(label.id.clone())
            // Its default is the whole command line of this process.
            .command("roadstead".to_owned())
            .add_tags("roadstead")
            .and_then(|options| options.to_snapshot());
        let snapshot = snapshot.map_err(|error| failure(failed(), &self.backend, &error))?;
        let paths = [source.path.clone()];
        let stored = self.inner.archive(&options, &source, snapshot, &paths);
        if let Some(cause) = watched.take_error() {
            if let Ok(snapshot) = &stored {
                self.backend.take_held(&snapshot.id.to_hex());
            }
            // The storage gave up first, or the writer did.
            let told = self.backend.take_fault().map(|fault| fault.during(failed()));
            return Err(told.unwrap_or_else(|| Error::io(failed(), &cause)));
        }
        let snapshot = stored.map_err(|error| failure(failed(), &self.backend, &error))?;
        let object = snapshot.id.to_hex().to_string();
        let summary = snapshot.summary.unwrap_or_default();
        let (files, bytes, read) =
            (summary.total_files_processed, summary.total_bytes_processed, watched.bytes());
        if files != 1 || bytes != read {
            self.backend.take_held(&object);
            let what = Text::new("vault-store-length").with("stream", label.path.as_str());
            let what = what.with("read", read).with("stored", bytes);
            return Err(self.backend.take_fault().unwrap_or_else(|| Error::new(Kind::Failed, what)));
        }
        Ok(Stored { object, bytes, added: summary.data_added_packed })
    }

    /// A snapshot's file and the path it belongs at. It does not exist in the vault before it is written there.
    pub(crate) fn release(&self, object: &str) -> Option<(String, Bytes)> {
        let content = self.backend.take_held(object)?;
        Some((backend::path(rustic_core::FileType::Snapshot, object), content))
    }
}

/// The path of a stream as restic shows it: one segment for the cluster, then the stream's own, with everything that
/// is not plain in a file name written as `%XX`. No two names share a path.
pub(crate) fn path_of(cluster: &str, stream: &str) -> String {
    let mut path = format!("/{cluster}");
    for segment in stream.split('/') {
        path.push('/');
        match segment {
            "" => path.push('%'),
            "." => path.push_str("%2E"),
            ".." => path.push_str("%2E%2E"),
            _ => segment.bytes().for_each(|byte| escape(&mut path, byte)),
        }
    }
    path
}

fn escape(path: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
        path.push(char::from(byte));
    } else {
        write!(path, "%{byte:02X}").expect("writing to a string does not fail");
    }
}

/// While storing, what is not the storage's fault is a failure, not damage.
fn failure(what: Text, backend: &Backend, error: &rustic_core::RusticError) -> Error {
    let told = fault(what, backend, error);
    if told.kind == Kind::Corrupt { Error { kind: Kind::Failed, ..told } } else { told }
}

/// One entry, read once.
struct Source<R> {
    path: PathBuf,
    reader: Mutex<Option<Full<R>>>,
}

struct Opened<R>(Full<R>);

impl<R: Read + Send + 'static> ReadSourceOpen for Opened<R> {
    type Reader = Full<R>;

    fn open(self) -> RusticResult<Full<R>> {
        Ok(self.0)
    }
}

impl<R: Read + Send + 'static> ReadSource for Source<R> {
    type Open = Opened<R>;
    type Iter = iter::Once<RusticResult<ReadSourceEntry<Opened<R>>>>;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Self::Iter {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
        let name = self.path.file_name().unwrap_or(OsStr::new("stream"));
        let node = Node::new_node(name, NodeType::File, Metadata::default());
        iter::once(Ok(ReadSourceEntry { path: self.path.clone(), node, open: reader.map(Opened) }))
    }
}

/// What became of a reader, told from outside: `rustic_core` swallows a reader's error.
#[derive(Clone, Default)]
struct Watched(Arc<(AtomicU64, Mutex<Option<io::Error>>)>);

impl Watched {
    fn bytes(&self) -> u64 {
        self.0.0.load(Ordering::Acquire)
    }

    fn take_error(&self) -> Option<io::Error> {
        self.0.1.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Fills the whole buffer at each read but the last: a short one shrinks the chunker's own buffer for good.
struct Full<R> {
    reader: R,
    watched: Watched,
}

impl<R: Read> Read for Full<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(length) => filled += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let told = io::Error::new(error.kind(), error.to_string());
                    *self.watched.0.1.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return Err(told);
                }
            }
        }
        self.watched.0.0.fetch_add(filled as u64, Ordering::AcqRel);
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sips(Vec<u8>, usize);

    impl Read for Sips {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(3).min(self.0.len() - self.1);
            buffer[..length].copy_from_slice(&self.0[self.1..self.1 + length]);
            self.1 += length;
            Ok(length)
        }
    }

    #[test]
    fn short_reads_fill_whole_buffers() {
        let data: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        let watched = Watched::default();
        let mut full = Full { reader: Sips(data.clone(), 0), watched: watched.clone() };
        let (mut read, mut buffer, mut lengths) = (Vec::new(), [0; 4096], Vec::new());
        loop {
            let length = full.read(&mut buffer).unwrap();
            if length == 0 {
                break;
            }
            lengths.push(length);
            read.extend_from_slice(&buffer[..length]);
        }
        assert_eq!(lengths, [4096, 4096, 1808]);
        assert_eq!((read, watched.bytes()), (data, 10_000));
    }

    #[test]
    fn odd_names_have_plain_paths_of_their_own() {
        assert_eq!(path_of("orders", "database/orders.dump"), "/orders/database/orders.dump");
        assert_eq!(path_of("o", "a/../b c"), "/o/a/%2E%2E/b%20c");
        assert_eq!(path_of("o", "数"), "/o/%E6%95%B0");
        let odd = ["", "/", "//", "a", "a/", "/a", "%", ".", "..", "%2E", "\n", "a%2Fb", "a/b", "-", "\u{0}"];
        let paths: std::collections::BTreeSet<_> = odd.iter().map(|name| path_of("o", name)).collect();
        assert_eq!(paths.len(), odd.len());
    }
}

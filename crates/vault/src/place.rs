//! Where a vault's objects lie, reached by OpenDAL: listing, reading and removing with deadlines and retries.
//!
//! Two things OpenDAL's file service does not give are added for a local folder: an object appears whole and
//! durable or not at all (`local.rs`), and a folder that is gone is an error, never an empty list.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use opendal::{
    Buffer, Operator,
    layers::{RetryLayer, TimeoutLayer},
    services,
};
use roadstead_core::{Error, Kind, Result, Text};

use crate::local;

/// A stalled disk or network is told after this long, once per try.
const CONTROL_DEADLINE: Duration = Duration::from_secs(30);
/// The same for one piece of a body.
const BODY_DEADLINE: Duration = Duration::from_secs(60);

/// Whether an object may replace one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// `Kind::Exists` when the name is taken.
    New,
    /// The old one is there until the new one is.
    Replace,
}

/// One object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// Its path from the vault's root.
    pub(crate) path: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// When it was last written, by the storage's own clock, in milliseconds; `None` when the storage does not say.
    pub(crate) written: Option<i64>,
}

impl Object {
    /// The last part of its path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// One vault's storage.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    operator: Operator,
    /// The folder, where objects are published with its own means; `None`: a service whose writes are atomic.
    root: Option<PathBuf>,
}

impl Place {
    /// A folder of this host, which must exist.
    pub(crate) fn local(root: &Path) -> Result<Self> {
        let service = services::Fs::default().root(&root.to_string_lossy());
        let operator = Operator::new(service).map_err(|error| fault("vault-unreadable", root, &error))?;
        Ok(Self { operator: layered(operator), root: Some(root.to_owned()) })
    }

    /// A service that is not a folder: proves that nothing depends on one.
    #[cfg(test)]
    pub(crate) fn remote() -> Self {
        let operator = Operator::new(services::Memory::default()).expect("memory needs no settings");
        Self { operator: layered(operator), root: None }
    }

    /// The whole address of an object, for people.
    pub(crate) fn address(&self, path: &str) -> PathBuf {
        self.root.as_ref().map_or_else(|| PathBuf::from(path), |root| root.join(path))
    }

    /// Makes the folders that must exist from the beginning.
    pub(crate) async fn make_folders(&self, folders: &[&str]) -> Result<()> {
        let Some(root) = self.root.clone() else { return Ok(()) };
        let folders: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
        let work = move || folders.iter().try_for_each(|folder| local::make_folder(folder));
        let done = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;
        done.map_err(|error| Error::io(self.text("vault-unwritable", ""), &error))
    }

    /// Writes an object: when this returns it is whole and durable; when it fails nothing of that name appeared.
    pub(crate) async fn put(&self, path: &str, content: Vec<Bytes>, how: Put) -> Result<()> {
        if let Some(root) = self.root.clone() {
            let target = path.to_owned();
            let work = move || local::publish(&root, &target, &content, how == Put::New);
            let done = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;
            return done.map_err(|error| Error::io(self.text("vault-unwritable", path), &error));
        }
        let content = Buffer::from_iter(content);
        let written = self.operator.write_with(path, content).if_not_exists(how == Put::New).await;
        written.map(drop).map_err(|error| fault("vault-unwritable", &self.address(path), &error))
    }

    /// Reads a whole object. `Kind::NotFound` when there is none.
    pub(crate) async fn get(&self, path: &str) -> Result<Bytes> {
        let read = self.operator.read(path).await;
        // The service reads into blocks of 2 MiB, which would live as long as the few bytes that are kept.
        read.map(|buffer| buffer.to_vec().into())
            .map_err(|error| fault("vault-unreadable", &self.address(path), &error))
    }

    /// Reads a whole object; `None` when it is longer than this, and then nothing of it is read. `Kind::NotFound` when
    /// there is none.
    pub(crate) async fn get_within(&self, path: &str, length_max: u64) -> Result<Option<Bytes>> {
        let found = self.operator.stat(path).await;
        let found = found.map_err(|error| fault("vault-unreadable", &self.address(path), &error))?;
        match found.content_length() {
            // Neither is what says that it has none: a device may have no end.
            0 => Ok(Some(Bytes::new())),
            length if length > length_max => Ok(None),
            length => self.get_part(path, 0, length).await.map(Some),
        }
    }

    /// Reads a part of an object; one that is too short for it is `Kind::Corrupt`.
    pub(crate) async fn get_part(&self, path: &str, offset: u64, length: u64) -> Result<Bytes> {
        let read = self.operator.read_with(path).range(offset..offset + length).await;
        let bytes = read.map_err(|error| {
            let error = fault("vault-unreadable", &self.address(path), &error);
            // The service says that the range is not there: the object was cut.
            if error.kind == Kind::Input { Error { kind: Kind::Corrupt, ..error } } else { error }
        })?;
        if bytes.len() as u64 != length {
            return Err(Error::new(Kind::Corrupt, self.text("vault-object-short", path)));
        }
        Ok(bytes.to_bytes())
    }

    /// Whether there is an object of this name.
    pub(crate) async fn exists(&self, path: &str) -> Result<bool> {
        let found = self.operator.exists(path).await;
        found.map_err(|error| fault("vault-unreadable", &self.address(path), &error))
    }

    /// All objects under a folder, at any depth, sorted by path. Any error on the way is an error, and so is a
    /// folder that does not exist where folders do.
    pub(crate) async fn list(&self, folder: &str) -> Result<Vec<Object>> {
        let failed = |error: &opendal::Error| fault("vault-unreadable", &self.address(folder), error);
        if self.root.is_some() {
            self.operator.stat(folder).await.map_err(|error| failed(&error))?;
        }
        let entries =
            self.operator.list_with(folder).recursive(true).await.map_err(|error| failed(&error))?;
        let files = entries.into_iter().filter(|entry| entry.metadata().is_file());
        let mut objects: Vec<Object> = files
            .map(|entry| Object {
                bytes: entry.metadata().content_length(),
                written: entry
                    .metadata()
                    .last_modified()
                    .map(|at| jiff::Timestamp::from(at).as_millisecond()),
                path: entry.path().to_owned(),
            })
            .collect();
        objects.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(objects)
    }

    /// Removes an object, or an empty folder (`name/`). One that is not there is no error.
    pub(crate) async fn remove(&self, path: &str) -> Result<()> {
        match self.operator.delete(path).await {
            // Somebody else removed it between the two looks that a deletion takes.
            Err(error) if error.kind() == opendal::ErrorKind::NotFound => {}
            removed => removed.map_err(|error| fault("vault-unwritable", &self.address(path), &error))?,
        }
        let Some(root) = self.root.clone() else { return Ok(()) };
        let target = path.to_owned();
        let work = move || local::settle_removal(&root, &target);
        let done = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;
        done.map_err(|error| Error::io(self.text("vault-unwritable", path), &error))
    }

    /// Removes an object without waiting where that is possible, durable or not; nothing is told.
    pub(crate) fn forget(&self, path: &str) {
        if let Some(root) = &self.root {
            // Whoever calls this also removes it properly, and hears of errors there.
            let _ = std::fs::remove_file(root.join(path));
        }
    }

    /// Removes what interrupted writes left behind; returns how many pieces.
    pub(crate) async fn sweep(&self) -> Result<usize> {
        let Some(root) = self.root.clone() else { return Ok(0) };
        let work = move || local::sweep(&root);
        let done = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;
        done.map_err(|error| Error::io(self.text("vault-unwritable", local::TEMPORARY), &error))
    }

    fn text(&self, key: &str, path: &str) -> Text {
        Text::new(key).with("path", self.address(path).display().to_string())
    }
}

fn layered(operator: Operator) -> Operator {
    let timeout = TimeoutLayer::new().with_timeout(CONTROL_DEADLINE).with_io_timeout(BODY_DEADLINE);
    let retry = RetryLayer::new()
        .with_max_times(3)
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(1));
    // The order matters: each try has its own deadline.
    operator.layer(timeout).layer(retry)
}

/// Our error for a service's: by the system's error number where there is one, else by the service's own word.
fn fault(key: &str, path: &Path, error: &opendal::Error) -> Error {
    let what = Text::new(key).with("path", path.display().to_string());
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return Error::io(what, io);
        }
        next = cause.source();
    }
    let kind = match error.kind() {
        opendal::ErrorKind::NotFound => Kind::NotFound,
        opendal::ErrorKind::PermissionDenied => Kind::Denied,
        opendal::ErrorKind::AlreadyExists | opendal::ErrorKind::ConditionNotMatch => Kind::Exists,
        opendal::ErrorKind::RangeNotSatisfied => Kind::Input,
        opendal::ErrorKind::Unsupported => Kind::Unsupported,
        _ if error.is_temporary() => Kind::Unreachable,
        _ => Kind::Failed,
    };
    Error::new(kind, what).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn behaves(place: &Place) {
        place.make_folders(&["a", "empty"]).await.unwrap();
        place.put("a/b/one", vec!["he".into(), "llo".into()], Put::New).await.unwrap();
        assert_eq!(place.get("a/b/one").await.unwrap(), "hello");
        assert_eq!(place.get_within("a/b/one", 5).await.unwrap().unwrap(), "hello");
        assert!(place.get_within("a/b/one", 4).await.unwrap().is_none());
        assert_eq!(place.get_within("a/none", 4).await.unwrap_err().kind, Kind::NotFound);
        assert_eq!(place.get_part("a/b/one", 1, 3).await.unwrap(), "ell");
        assert_eq!(place.get_part("a/b/one", 3, 9).await.unwrap_err().kind, Kind::Corrupt);
        let again = place.put("a/b/one", vec!["x".into()], Put::New).await.unwrap_err();
        assert_eq!(again.kind, Kind::Exists, "{again}");
        place.put("a/b/one", vec!["bye".into()], Put::Replace).await.unwrap();
        assert_eq!(place.get("a/b/one").await.unwrap(), "bye");
        place.put("a/two", vec![], Put::New).await.unwrap();
        let listed = place.list("a/").await.unwrap();
        let found: Vec<_> = listed.iter().map(|object| (object.path.as_str(), object.bytes)).collect();
        assert_eq!(found, [("a/b/one", 3), ("a/two", 0)]);
        // Memory does not tell; a claim's age rests on it where it is told.
        assert!(place.root.is_none() || listed.iter().all(|object| object.written.is_some()));
        place.remove("a/two").await.unwrap();
        place.remove("a/two").await.unwrap();
        assert!(!place.exists("a/two").await.unwrap());
        assert_eq!(place.get("a/two").await.unwrap_err().kind, Kind::NotFound);
    }

    #[tokio::test]
    async fn a_folder_and_a_service_behave_alike() {
        let folder = tempfile::tempdir().unwrap();
        behaves(&Place::local(folder.path()).unwrap()).await;
        behaves(&Place::remote()).await;
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_an_error_and_not_an_empty_list() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::local(folder.path()).unwrap();
        assert_eq!(place.list("snapshots/").await.unwrap_err().kind, Kind::NotFound);
    }

    #[tokio::test]
    async fn nothing_is_left_of_writes_that_ended() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::local(folder.path()).unwrap();
        place.put("x", vec!["1".into()], Put::New).await.unwrap();
        place.put("x", vec!["1".into()], Put::New).await.unwrap_err();
        assert!(place.list("tmp/").await.unwrap().is_empty());
    }
}

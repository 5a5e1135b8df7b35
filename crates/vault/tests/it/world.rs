//! A vault in a temporary folder, and what tests do to it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use roadstead_core::{
    Millis, Result, Secret, SecretRef, Timestamp, Version,
    manifest::Manifest,
    model::{Name, VaultSpec},
    port::{
        ambient::Unwatched,
        stream::{Source, read_all, write_all},
        vault::{Draft, Dumped, Event, Record, SnapshotId, Stage, Taking, Vault, Vaults},
    },
};
use roadstead_vault::LocalVaults;
use tempfile::TempDir;

pub(crate) const KEY: &str = "a key that is long enough, 9431";

/// A vault that goes away with the test.
pub(crate) struct World {
    _folder: TempDir,
    pub(crate) root: PathBuf,
    pub(crate) vault: Arc<dyn Vault>,
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

pub(crate) fn spec(root: &Path) -> VaultSpec {
    VaultSpec { name: name("local"), url: root.display().to_string(), key: SecretRef::Env("KEY".into()) }
}

pub(crate) fn key() -> Secret {
    Secret::new(KEY)
}

pub(crate) fn id(number: u32) -> SnapshotId {
    SnapshotId(format!("{number:032x}"))
}

pub(crate) fn draft(number: u32) -> Draft {
    Draft {
        id: id(number),
        set: "set".into(),
        fleet: name("harbour"),
        cluster: name("orders"),
        member: name("orders-1"),
        engine: "engine".into(),
        started: Timestamp::from_millis(1_700_000_000_000 + i64::from(number)),
        number: 0,
        by: "test@host".into(),
    }
}

pub(crate) fn dumped() -> Dumped {
    Dumped {
        flavour: "Engine".into(),
        version: Version { parts: vec![15] },
        position: Some("0/1".into()),
        manifest: Manifest::default(),
        findings: vec![],
    }
}

pub(crate) fn event(stage: Stage, passed: bool) -> Event {
    Event {
        stage,
        at: Timestamp::from_millis(1),
        by: "test@host".into(),
        took: Millis(5),
        passed,
        comparison: None,
        findings: vec![],
    }
}

/// Bytes that no compressor makes shorter, the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("vault");
        let vault = LocalVaults::new().init(&spec(&root), &key()).await.expect("a vault");
        Self { _folder: folder, root, vault }
    }

    pub(crate) async fn reopened(&self) -> Arc<dyn Vault> {
        LocalVaults::new().open(&spec(&self.root), &key()).await.expect("it opens")
    }

    /// Takes a snapshot of these streams.
    pub(crate) async fn take(&self, number: u32, streams: &[(&str, Vec<u8>)]) -> Record {
        try_take(&*self.vault, number, streams).await.expect("it is taken")
    }

    /// The number of files under a folder of the vault.
    pub(crate) fn count(&self, folder: &str) -> usize {
        self.files(folder).len()
    }

    /// All files under a folder of the vault.
    pub(crate) fn files(&self, folder: &str) -> Vec<PathBuf> {
        files(&self.root.join(folder))
    }

    /// The largest pack: it holds data, not trees.
    pub(crate) fn big_pack(&self) -> PathBuf {
        let mut packs = self.files("data");
        packs.sort_by_key(|path| std::fs::metadata(path).expect("its length").len());
        packs.pop().expect("a pack")
    }

    /// Deletes a pack that the first snapshot needs, and not for this stream.
    pub(crate) async fn lose_a_pack_without(&self, stream: &str) {
        for pack in self.files("data") {
            let away = self.root.with_extension("away");
            std::fs::rename(&pack, &away).expect("it is moved");
            let still_read = self.read(1, stream).await.is_ok();
            if still_read && !self.check(1).await.is_empty() {
                return;
            }
            std::fs::rename(&away, &pack).expect("it is moved back");
        }
        panic!("each pack holds something of {stream}");
    }

    pub(crate) async fn check(&self, number: u32) -> Vec<roadstead_core::Finding> {
        self.vault.check(&id(number), &Unwatched).await.expect("it can be checked")
    }

    pub(crate) async fn structure(&self) -> Vec<roadstead_core::Finding> {
        self.vault.check_structure(&Unwatched).await.expect("it can be checked").all()
    }

    pub(crate) async fn read(&self, number: u32, stream: &str) -> Result<Vec<u8>> {
        let source: Arc<dyn Source> = self.vault.open(&id(number)).await?;
        read_all(&*source, stream, 1 << 30).await
    }
}

pub(crate) async fn try_take(vault: &dyn Vault, number: u32, streams: &[(&str, Vec<u8>)]) -> Result<Record> {
    let mut taking: Box<dyn Taking> = vault.take(draft(number)).await?;
    for (name, bytes) in streams {
        write_all(taking.sink(), name, bytes.clone()).await?;
    }
    taking.commit(dumped(), Millis(7)).await
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // What goes away meanwhile is not there.
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Flips one bit in the middle of a file.
pub(crate) fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).expect("the file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(path, bytes).expect("written");
}

/// Waits until a condition holds, for half a minute at most.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    // Short, because some conditions last for a moment only.
    let mut beat = tokio::time::interval(std::time::Duration::from_millis(1));
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "{what} did not come true");
        beat.tick().await;
    }
}

//! A snapshot being taken: streams flow through bounded channels into the repository, the record comes last.
//!
//! What is in memory is bounded by the channels and by the packs being written. Until the commit nothing in the vault
//! counts: packs and indexes without a snapshot are leftovers that `prune` removes, and the intent tells whose.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::{Buf, Bytes, BytesMut};
use roadstead_core::{
    Error, Kind, Millis, Result, Text,
    port::{
        stream::{Chunk, Sink, StreamInfo, StreamWriter},
        vault::{Draft, Dumped, Record, Taking},
    },
};
use sha2::{Digest, Sha256};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    catalogue::{Catalogue, Entry, Lies},
    claim::Claim,
    place::{Place, Put},
    repository::{Archive, Label, Stored, path_of},
    vault::unfold,
};

/// Small chunks are gathered to this length before they are handed on; longer ones go as they are, uncopied.
const GATHERED: usize = 128 * 1024;
/// How many pieces wait between the writer and the repository.
const WAITING: usize = 4;

/// The taking of one snapshot.
pub(crate) struct VaultTaking {
    place: Place,
    catalogue: Catalogue,
    archive: Arc<Archive>,
    /// Also held by every stream's worker: nobody may prune while one writes.
    claim: Arc<Claim>,
    draft: Draft,
    opened: BTreeSet<String>,
    finished: Arc<Mutex<Vec<Finished>>>,
}

#[derive(Clone)]
struct Finished {
    info: StreamInfo,
    lies: Lies,
    added: u64,
}

impl VaultTaking {
    pub(crate) fn new(
        place: Place,
        catalogue: Catalogue,
        archive: Arc<Archive>,
        claim: Arc<Claim>,
        draft: Draft,
    ) -> Self {
        let (opened, finished) = (BTreeSet::new(), Arc::default());
        Self { place, catalogue, archive, claim, draft, opened, finished }
    }

    /// The record of what was finished. An error when something was not.
    fn entry(&self, dumped: Dumped, took: Millis) -> Result<(Entry, Vec<Finished>)> {
        let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let names: BTreeSet<&str> = finished.iter().map(|stream| stream.info.name.as_str()).collect();
        if let Some(open) = self.opened.iter().find(|name| !names.contains(name.as_str())) {
            let what = Text::new("vault-stream-unfinished").with("stream", open.as_str());
            return Err(Error::new(Kind::Precondition, what.with("snapshot", self.draft.id.short())));
        }
        let record = Record {
            draft: self.draft.clone(),
            dumped,
            streams: finished.iter().map(|stream| stream.info.clone()).collect(),
            stored: roadstead_core::Bytes(finished.iter().map(|stream| stream.added).sum()),
            took,
            history: Vec::new(),
        };
        let lies: BTreeMap<_, _> =
            finished.iter().map(|stream| (stream.info.name.clone(), stream.lies.clone())).collect();
        Ok((Entry { record, lies }, finished))
    }
}

#[async_trait]
impl Sink for VaultTaking {
    async fn stream(&mut self, name: &str) -> Result<Box<dyn StreamWriter>> {
        if !self.opened.insert(name.to_owned()) {
            let what = Text::new("vault-stream-exists").with("stream", name);
            return Err(Error::new(Kind::Exists, what.with("snapshot", self.draft.id.short())));
        }
        let label = Label {
            id: self.draft.id.0.clone(),
            host: self.draft.fleet.as_str().to_owned(),
            path: path_of(self.draft.cluster.as_str(), name),
        };
        let path = label.path.clone();
        let (pieces, waiting) = mpsc::channel(WAITING);
        let (archive, claim) = (self.archive.clone(), self.claim.clone());
        let storing = tokio::task::spawn_blocking(move || {
            let stored = archive.store(&label, Pieces { waiting, piece: Bytes::new(), ended: false });
            drop(claim);
            stored
        });
        Ok(Box::new(Writer {
            name: name.to_owned(),
            path,
            pieces,
            storing: Some(storing),
            gathered: BytesMut::new(),
            hash: Sha256::new(),
            bytes: 0,
            finished: self.finished.clone(),
        }))
    }
}

#[async_trait]
impl Taking for VaultTaking {
    async fn commit(self: Box<Self>, dumped: Dumped, took: Millis) -> Result<Record> {
        let (entry, finished) = self.entry(dumped, took)?;
        // Whoever took this claim for dead may have pruned what was stored under it.
        self.claim.still_holds().await?;
        for stream in &finished {
            let Some((path, content)) = self.archive.release(&stream.lies.object) else {
                return Err(Error::internal("a finished stream has no snapshot in the repository"));
            };
            self.place.put(&path, vec![content], Put::Replace).await?;
        }
        self.claim.still_holds().await?;
        self.catalogue.write(&entry).await?;
        // What was written is what is read: only then it is said.
        let read = self.catalogue.entry(&entry.record.draft.id).await?;
        if read != entry {
            return Err(Error::internal("the record that was written is not the one that is read"));
        }
        if let Err(error) = self.catalogue.settle(&entry.record.draft.id.0).await {
            tracing::warn!(%error, "a backup's intent was not removed; pruning removes it");
        }
        if let Some(claim) = Arc::into_inner(self.claim)
            && let Err(error) = claim.give_up().await
        {
            tracing::debug!(%error, "a claim was not removed; it ends with this process");
        }
        Ok(read.record)
    }

    fn sink(&mut self) -> &mut dyn Sink {
        self
    }
}

enum Piece {
    Bytes(Bytes),
    /// The writer said that this was all. A channel that closes without it is a dump that died.
    End,
}

struct Writer {
    name: String,
    path: String,
    pieces: mpsc::Sender<Piece>,
    /// `None` once its outcome was told.
    storing: Option<JoinHandle<Result<Stored>>>,
    gathered: BytesMut,
    hash: Sha256,
    bytes: u64,
    finished: Arc<Mutex<Vec<Finished>>>,
}

impl Writer {
    async fn hand_on(&mut self, piece: Piece) -> Result<()> {
        if self.storing.is_some() && self.pieces.send(piece).await.is_ok() {
            return Ok(());
        }
        Err(self.outcome().await.err().unwrap_or_else(|| self.gave_up()))
    }

    async fn outcome(&mut self) -> Result<Stored> {
        match self.storing.take() {
            Some(storing) => unfold(storing.await),
            None => Err(self.gave_up()),
        }
    }

    fn gave_up(&self) -> Error {
        Error::new(Kind::Failed, Text::new("vault-stream-ended").with("stream", self.name.as_str()))
    }
}

#[async_trait]
impl StreamWriter for Writer {
    async fn write(&mut self, chunk: Chunk) -> Result<()> {
        self.hash.update(&chunk);
        self.bytes += chunk.len() as u64;
        if self.gathered.is_empty() && chunk.len() >= GATHERED {
            return self.hand_on(Piece::Bytes(chunk)).await;
        }
        self.gathered.extend_from_slice(&chunk);
        if self.gathered.len() >= GATHERED {
            let piece = self.gathered.split().freeze();
            return self.hand_on(Piece::Bytes(piece)).await;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<StreamInfo> {
        let rest = self.gathered.split().freeze();
        if !rest.is_empty() {
            self.hand_on(Piece::Bytes(rest)).await?;
        }
        self.hand_on(Piece::End).await?;
        let stored = self.outcome().await?;
        if stored.bytes != self.bytes {
            let what = Text::new("vault-stored-length")
                .with("stream", self.name.as_str())
                .with("written", self.bytes)
                .with("stored", stored.bytes);
            return Err(Error::new(Kind::Failed, what));
        }
        let digest = hex::encode(std::mem::take(&mut self.hash).finalize());
        let info = StreamInfo { name: self.name.clone(), bytes: self.bytes, digest };
        let lies = Lies { object: stored.object, path: self.path.clone() };
        let finished = Finished { info: info.clone(), lies, added: stored.added };
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).push(finished);
        Ok(info)
    }
}

/// The repository's end of the channel.
struct Pieces {
    waiting: mpsc::Receiver<Piece>,
    piece: Bytes,
    ended: bool,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !self.ended {
            match self.waiting.blocking_recv() {
                Some(Piece::Bytes(piece)) => self.piece = piece,
                Some(Piece::End) => self.ended = true,
                None => return Err(io::Error::other("the stream was dropped before its end")),
            }
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

//! Reading a snapshot back: each stream flows through a bounded channel, and its end is told only after length and
//! digest were found right.

use std::{
    io::{self, Write},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use roadstead_core::{
    Error, Kind, Result, Text,
    port::stream::{Chunk, Source, StreamInfo, StreamReader},
};
use sha2::{Digest, Sha256};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    catalogue::{Entry, Lies},
    claim::Claim,
    repository::Library,
    vault::unfold,
};

/// How many pieces wait between the repository and the reader.
const WAITING: usize = 4;

/// One snapshot's streams.
pub(crate) struct VaultSource {
    entry: Entry,
    library: Arc<Library>,
    /// `None` where the vault cannot be written: then nobody can prune either.
    claim: Option<Arc<Claim>>,
}

impl VaultSource {
    pub(crate) fn new(entry: Entry, library: Arc<Library>, claim: Option<Arc<Claim>>) -> Self {
        Self { entry, library, claim }
    }
}

#[async_trait]
impl Source for VaultSource {
    fn streams(&self) -> &[StreamInfo] {
        &self.entry.record.streams
    }

    async fn open(&self, name: &str) -> Result<Box<dyn StreamReader>> {
        let snapshot = self.entry.record.draft.id.short().to_owned();
        let info = self.streams().iter().find(|info| info.name == name).cloned();
        let found = info.and_then(|info| Some((info, self.entry.lies.get(name)?.clone())));
        let Some((info, Lies { object, path })) = found else {
            let what = Text::new("vault-stream-unknown").with("stream", name).with("snapshot", snapshot);
            return Err(Error::new(Kind::NotFound, what));
        };
        let (pieces, waiting) = mpsc::channel(WAITING);
        let (library, claim) = (self.library.clone(), self.claim.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let read = library.read(&object, &path, &mut Pieces(pieces));
            drop(claim);
            read
        });
        let (hash, bytes) = (Sha256::new(), 0);
        Ok(Box::new(Reader { info, snapshot, waiting, reading: Some(reading), hash, bytes, end: None }))
    }
}

struct Reader {
    info: StreamInfo,
    snapshot: String,
    waiting: mpsc::Receiver<Bytes>,
    /// `None` once its outcome is known.
    reading: Option<JoinHandle<Result<()>>>,
    hash: Sha256,
    bytes: u64,
    /// What every further call is told.
    end: Option<Result<()>>,
}

impl Reader {
    fn damaged(&self, why: Text) -> Error {
        let what = Text::new("vault-stream-damaged")
            .with("stream", self.info.name.as_str())
            .with("snapshot", self.snapshot.as_str())
            .with("why", why);
        Error::new(Kind::Corrupt, what).cure(Text::new("vault-damage-cure"))
    }

    /// The outcome, after the last piece.
    async fn judge(&mut self) -> Result<()> {
        if let Some(reading) = self.reading.take()
            && let Err(cause) = unfold(reading.await)
        {
            return Err(if cause.kind == Kind::Corrupt { self.damaged(told(cause)) } else { cause });
        }
        let digest = hex::encode(std::mem::take(&mut self.hash).finalize());
        if self.bytes != self.info.bytes || digest != self.info.digest {
            let why = Text::new("vault-why-differs").with("bytes", self.bytes).with("of", self.info.bytes);
            return Err(self.damaged(why));
        }
        Ok(())
    }
}

#[async_trait]
impl StreamReader for Reader {
    async fn next(&mut self) -> Result<Option<Chunk>> {
        if let Some(end) = &self.end {
            return end.clone().map(|()| None);
        }
        let end = match self.waiting.recv().await {
            Some(piece) => {
                self.hash.update(&piece);
                self.bytes += piece.len() as u64;
                if self.bytes <= self.info.bytes {
                    return Ok(Some(piece));
                }
                // More than there ever was.
                self.waiting.close();
                let why =
                    Text::new("vault-why-differs").with("bytes", self.bytes).with("of", self.info.bytes);
                Err(self.damaged(why))
            }
            None => self.judge().await,
        };
        self.end = Some(end.clone());
        end.map(|()| None)
    }
}

/// An error as the reason of another: its sentence, and what the library or the system said.
pub(crate) fn told(error: Error) -> Text {
    if error.causes.is_empty() {
        return error.what;
    }
    Text::new("vault-why-said").with("what", error.what).with("said", error.causes.join(": "))
}

/// The repository's end of the channel; it ends when the reader does.
struct Pieces(mpsc::Sender<Bytes>);

impl Write for Pieces {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Bytes::copy_from_slice(piece));
        sent.map(|()| piece.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! Named streams of bytes, out of an engine into a vault and back.
//!
//! A stream exists only after `finish()`; dropping a writer aborts it and leaves nothing that counts.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;

/// A piece of a stream; 64 KiB to 1 MiB is a good size.
pub type Chunk = bytes::Bytes;

/// One finished stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamInfo {
    /// Its name within the snapshot: `accounts.json`, `database/orders.dump`.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub digest: String,
}

/// Takes named streams; several may be open at once.
#[async_trait]
pub trait Sink: Send {
    /// Opens a stream. `Kind::Exists` when the name was used before in this sink.
    async fn stream(&mut self, name: &str) -> Result<Box<dyn StreamWriter>>;
}

/// One stream being written.
#[async_trait]
pub trait StreamWriter: Send {
    /// Appends; waits while the other side is slower. An error ends the stream for good.
    async fn write(&mut self, chunk: Chunk) -> Result<()>;
    /// Ends the stream and makes it exist; returns what was stored, which the caller checks against what it wrote.
    async fn finish(self: Box<Self>) -> Result<StreamInfo>;
}

/// Gives back the named streams of one snapshot.
#[async_trait]
pub trait Source: Send + Sync {
    /// The streams, in the order in which they were finished.
    fn streams(&self) -> &[StreamInfo];
    /// Opens one from its beginning. `Kind::NotFound` for a name that is not in `streams()`.
    async fn open(&self, name: &str) -> Result<Box<dyn StreamReader>>;
}

/// One stream being read.
#[async_trait]
pub trait StreamReader: Send {
    /// The next piece; `None` at the end. The end is only reported after length and digest were found right:
    /// damage is `Kind::Corrupt`, never a short stream.
    async fn next(&mut self) -> Result<Option<Chunk>>;
}

/// Reads a whole stream into memory, refusing one longer than `limit` bytes. For small streams only.
pub async fn read_all(source: &dyn Source, name: &str, limit: usize) -> Result<Vec<u8>> {
    let mut reader = source.open(name).await?;
    let mut all = Vec::new();
    while let Some(chunk) = reader.next().await? {
        if all.len() + chunk.len() > limit {
            let what = crate::Text::new("core-stream-too-long").with("name", name).with("limit", limit);
            return Err(crate::Error::new(crate::Kind::Corrupt, what));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

/// Writes one small stream and ends it.
pub async fn write_all(sink: &mut dyn Sink, name: &str, bytes: Vec<u8>) -> Result<StreamInfo> {
    let mut writer = sink.stream(name).await?;
    writer.write(bytes.into()).await?;
    writer.finish().await
}

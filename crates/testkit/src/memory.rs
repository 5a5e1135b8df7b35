//! A sink and a source in memory, as strict as a vault: a stream exists only when it was finished, and damage is
//! told at its end.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use roadstead_core::{
    Error, Kind, Result, Text,
    port::{Chunk, Sink, Source, StreamReader, StreamWriter, stream::StreamInfo},
};
use sha2::{Digest, Sha256};

const CHUNK_BYTES: usize = 128 * 1024;

type Streams = Arc<Mutex<Vec<(StreamInfo, Vec<u8>)>>>;

/// Takes streams and keeps them.
#[derive(Clone, Default)]
pub struct MemorySink {
    streams: Streams,
    opened: Vec<String>,
    /// Streams end with an error once this many bytes were written in all; `None`: no limit.
    pub room: Option<usize>,
}

/// Gives kept streams back.
#[derive(Clone, Default)]
pub struct MemorySource {
    infos: Vec<StreamInfo>,
    streams: Streams,
}

fn locked(streams: &Streams) -> MutexGuard<'_, Vec<(StreamInfo, Vec<u8>)>> {
    streams.lock().expect("no test panics while it holds the streams")
}

fn info(name: &str, bytes: &[u8]) -> StreamInfo {
    StreamInfo {
        name: name.to_owned(),
        bytes: bytes.len() as u64,
        digest: hex::encode(Sha256::digest(bytes)),
    }
}

impl MemorySink {
    /// The finished streams, to be read.
    pub fn source(&self) -> MemorySource {
        let infos = locked(&self.streams).iter().map(|(info, _)| info.clone()).collect();
        MemorySource { infos, streams: self.streams.clone() }
    }
}

impl MemorySource {
    /// Changes the bytes of one stream behind its digest's back.
    pub fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut streams = locked(&self.streams);
        let found = streams.iter_mut().find(|(info, _)| info.name == name);
        change(&mut found.expect("a stream of this name").1);
    }

    /// The bytes of one stream.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let streams = locked(&self.streams);
        streams.iter().find(|(info, _)| info.name == name).expect("a stream of this name").1.clone()
    }

    /// The same streams, one of them with other bytes and a digest to match.
    pub fn with(&self, name: &str, bytes: Vec<u8>) -> Self {
        let mut streams = locked(&self.streams).clone();
        let found = streams.iter_mut().find(|(info, _)| info.name == name).expect("a stream of this name");
        *found = (info(name, &bytes), bytes);
        let infos = streams.iter().map(|(info, _)| info.clone()).collect();
        Self { infos, streams: Arc::new(Mutex::new(streams)) }
    }
}

#[async_trait]
impl Sink for MemorySink {
    async fn stream(&mut self, name: &str) -> Result<Box<dyn StreamWriter>> {
        if self.opened.iter().any(|opened| opened == name) {
            return Err(Error::new(Kind::Exists, Text::new("testkit-stream-exists").with("name", name)));
        }
        self.opened.push(name.to_owned());
        let streams = self.streams.clone();
        Ok(Box::new(Writer { name: name.to_owned(), bytes: Vec::new(), room: self.room, streams }))
    }
}

struct Writer {
    name: String,
    bytes: Vec<u8>,
    room: Option<usize>,
    streams: Streams,
}

#[async_trait]
impl StreamWriter for Writer {
    async fn write(&mut self, chunk: Chunk) -> Result<()> {
        if self.room.is_some_and(|room| self.bytes.len() + chunk.len() > room) {
            return Err(Error::new(Kind::Exhausted, Text::new("testkit-sink-full")));
        }
        self.bytes.extend_from_slice(&chunk);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<StreamInfo> {
        let info = info(&self.name, &self.bytes);
        locked(&self.streams).push((info.clone(), self.bytes));
        Ok(info)
    }
}

#[async_trait]
impl Source for MemorySource {
    fn streams(&self) -> &[StreamInfo] {
        &self.infos
    }

    async fn open(&self, name: &str) -> Result<Box<dyn StreamReader>> {
        let streams = locked(&self.streams);
        let found = streams.iter().find(|(info, _)| info.name == name);
        let (info, bytes) = found
            .ok_or_else(|| Error::new(Kind::NotFound, Text::new("testkit-no-stream").with("name", name)))?;
        Ok(Box::new(Reader { info: info.clone(), bytes: bytes.clone().into(), at: 0 }))
    }
}

struct Reader {
    info: StreamInfo,
    bytes: Chunk,
    at: usize,
}

#[async_trait]
impl StreamReader for Reader {
    async fn next(&mut self) -> Result<Option<Chunk>> {
        if self.at < self.bytes.len() {
            let end = (self.at + CHUNK_BYTES).min(self.bytes.len());
            let chunk = self.bytes.slice(self.at..end);
            self.at = end;
            return Ok(Some(chunk));
        }
        if info(&self.info.name, &self.bytes) == self.info {
            return Ok(None);
        }
        Err(Error::new(Kind::Corrupt, Text::new("testkit-stream-damaged").with("name", &self.info.name)))
    }
}

//! A snapshot as a replica gets it: the handshake, the two ways in which its end is told, and nothing after it.
//!
//! The connection is a replica's for no longer than the snapshot: what a server must hold for a slow replica is memory
//! that its clients miss.

use std::time::Duration;

use bytes::Bytes;
use roadstead_core::{Error, Kind, Result, Text, port::engine::Link};

use super::connection::{Connection, refusal};

/// Bytes of the mark that ends a snapshot whose length was not known.
const MARK_BYTES: usize = 40;
/// How much is gathered before it is handed on.
const PIECE_BYTES: usize = 192 << 10;

/// The longest silence that is borne, however long questions may take: servers themselves give up after as long.
const PATIENCE_MAX: Duration = Duration::from_mins(1);

/// A snapshot being received.
pub(super) struct Snapshot {
    connection: Connection,
    /// History and offset that it belongs to; `None`: the server did not say.
    pub(super) position: Option<String>,
    /// Its length; `None`: the server tells it only at the end.
    pub(super) total: Option<u64>,
    end: End,
    patience: Duration,
}

/// How the end is told.
enum End {
    /// So many bytes are left.
    After(u64),
    /// By these bytes.
    Mark([u8; MARK_BYTES]),
    /// It was reached.
    Reached,
}

/// How long a server that works may be silent: a snapshot has no limit, but it must go on moving.
pub(super) fn patience(link: &Link) -> Duration {
    (link.deadline.duration() * 15).min(PATIENCE_MAX)
}

impl Snapshot {
    /// Asks for a snapshot and waits until it begins.
    pub(super) async fn begin(link: &Link) -> Result<Self> {
        let mut connection = Connection::open(link).await?;
        let patience = patience(link);
        // The end told by a mark lets the server send while it writes; a server that knows better answers otherwise.
        // A replica that says it wants the snapshot alone has no changes kept for it.
        for capability in [["REPLCONF", "capa", "eof"], ["REPLCONF", "rdb-only", "1"]] {
            match connection.ask(&capability).await {
                Err(error) if error.kind != Kind::Failed => return Err(error),
                _ => {}
            }
        }
        connection.say(&["PSYNC", "?", "-1"]).await?;
        let mut position = None;
        loop {
            let line = connection.line(patience).await?;
            let line = String::from_utf8_lossy(&line).into_owned();
            // Empty lines say that the server is still preparing.
            if line.is_empty() {
                continue;
            }
            if let Some(said) = line.strip_prefix('-') {
                return Err(refusal(connection.place(), "PSYNC", said));
            }
            if let Some(told) = line.strip_prefix("+FULLRESYNC ") {
                position = told.split_once(' ').map(|(history, offset)| format!("{history}:{offset}"));
                continue;
            }
            let Some((end, total)) = framing(&line) else {
                let what = Text::new("redis-no-snapshot").with("endpoint", connection.place());
                let error = Error::new(Kind::Failed, what.with("said", line));
                return Err(error.cure(Text::new("redis-not-resp-cure")));
            };
            return Ok(Self { connection, position, total, end, patience });
        }
    }

    /// The next piece; `None` at the end, which was told by the server and not by a broken connection.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let held = self.connection.held();
            match &self.end {
                End::Reached => return Ok(None),
                End::After(left) => {
                    let due = usize::try_from(*left).unwrap_or(usize::MAX);
                    if held.len() >= due.min(PIECE_BYTES) {
                        let count = held.len().min(due);
                        let left = left - count as u64;
                        self.end = if left == 0 { End::Reached } else { End::After(left) };
                        return Ok(piece(self.connection.take(count)));
                    }
                }
                End::Mark(mark) => {
                    let whole = held.ends_with(mark);
                    if whole || held.len() >= PIECE_BYTES {
                        let count = held.len() - MARK_BYTES;
                        if whole {
                            self.end = End::Reached;
                        }
                        return Ok(piece(self.connection.take(count)));
                    }
                }
            }
            self.connection.fill(self.patience).await?;
        }
    }
}

fn piece(bytes: Bytes) -> Option<Bytes> {
    (!bytes.is_empty()).then_some(bytes)
}

fn framing(line: &str) -> Option<(End, Option<u64>)> {
    let told = line.strip_prefix('$')?;
    if let Some(mark) = told.strip_prefix("EOF:") {
        return Some((End::Mark(mark.as_bytes().try_into().ok()?), None));
    }
    let length = told.parse().ok()?;
    Some((End::After(length), Some(length)))
}

//! The agent's door: its protocol, the side that serves and the side that asks.
//!
//! Frames are a length and JSON, so that the same words can later travel between machines; nothing in them is a
//! descriptor, a path that only one side knows, or a backup's bytes.

mod client;
mod server;
mod wire;

pub use client::{DoorHand, connect};
pub use server::{ServeOptions, serve};

use roadstead_core::{Error, Kind, Result, Text};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

/// The longest frame of a greeted peer, and of one that has not greeted yet.
const FRAME_BYTES_MAX: usize = 64 << 20;
const HELLO_BYTES_MAX: usize = 4 << 10;
/// How much is allocated before that much has arrived.
const FRAME_STEP: usize = 1 << 20;

fn broken(error: &std::io::Error) -> Error {
    let mut told = Error::io(Text::new("agent-door-broke"), error);
    told.kind = Kind::Unreachable;
    told
}

/// Writes one frame. Its bytes may hold secrets and are wiped.
async fn write<T: Serialize>(to: &mut (impl AsyncWrite + Unpin), message: &T) -> Result<()> {
    let body = serde_json::to_vec(message).map_err(|error| Error::internal(format!("a frame: {error}")))?;
    let body = Zeroizing::new(body);
    if body.len() > FRAME_BYTES_MAX {
        let what = Text::new("agent-frame-too-long").with("bytes", body.len()).with("limit", FRAME_BYTES_MAX);
        return Err(Error::new(Kind::Exhausted, what));
    }
    let length = u32::try_from(body.len()).expect("64 MiB fit").to_be_bytes();
    to.write_all(&length).await.map_err(|error| broken(&error))?;
    to.write_all(&body).await.map_err(|error| broken(&error))?;
    to.flush().await.map_err(|error| broken(&error))
}

/// Reads one frame of at most `limit` bytes; `None`: the other side has gone. Never allocates what a length only claims.
async fn read<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin), limit: usize) -> Result<Option<T>> {
    let mut length = [0_u8; 4];
    match from.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(broken(&error)),
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > limit {
        let what = Text::new("agent-frame-too-long").with("bytes", length).with("limit", limit);
        return Err(Error::new(Kind::Input, what));
    }
    let mut body = Zeroizing::new(Vec::new());
    while body.len() < length {
        let (start, step) = (body.len(), FRAME_STEP.min(length - body.len()));
        body.resize(start + step, 0);
        from.read_exact(&mut body[start..]).await.map_err(|error| broken(&error))?;
    }
    match serde_json::from_slice(&body) {
        Ok(message) => Ok(Some(message)),
        // What the frame held is not told: it may be a secret.
        Err(_) => Err(Error::new(Kind::Input, Text::new("agent-frame-not-understood"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_length_that_only_claims_is_not_allocated() {
        let claim = u32::try_from(FRAME_BYTES_MAX).expect("fits").to_be_bytes();
        let bytes = [&claim[..], b"{}"].concat();
        let error =
            read::<serde_json::Value>(&mut bytes.as_slice(), FRAME_BYTES_MAX).await.expect_err("short");
        assert_eq!(error.kind, Kind::Unreachable);
        let error =
            read::<serde_json::Value>(&mut bytes.as_slice(), HELLO_BYTES_MAX).await.expect_err("long");
        assert_eq!(error.kind, Kind::Input);
    }

    #[tokio::test]
    async fn frames_survive_the_way_and_garbage_is_told_without_its_text() {
        let mut sent = Vec::new();
        write(&mut sent, &serde_json::json!({"a": 1})).await.expect("written");
        let back: serde_json::Value = read(&mut sent.as_slice(), 64).await.expect("read").expect("a frame");
        assert_eq!(back, serde_json::json!({"a": 1}));
        let garbage = [&7_u32.to_be_bytes()[..], b"hunter2"].concat();
        let error = read::<serde_json::Value>(&mut garbage.as_slice(), 64).await.expect_err("garbage");
        assert!(!format!("{error:?}").contains("hunter2"));
        assert_eq!(read::<serde_json::Value>(&mut &[][..], 64).await.expect("an end"), None);
    }
}

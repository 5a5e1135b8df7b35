//! The side that asks: a hand that is somewhere else.
//!
//! Each question has its own connection; when that breaks, what became of the act is unknown and said so.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use roadstead_core::{
    Error, Kind, Result, Text,
    port::{
        Hand, Order, Outcome, Watch,
        hand::{LookAsk, Looked, Purse},
    },
};
use tokio::net::UnixStream;

use super::{
    FRAME_BYTES_MAX, HELLO_BYTES_MAX, broken, read,
    wire::{GREETING, Hello, PROTOCOL, Reply, Request, WireLook, WireOrder},
    write,
};

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// A look is bounded on the other side; this is for an agent that hangs.
const LOOK_DEADLINE: Duration = Duration::from_mins(2);
const CANCEL_PERIOD: Duration = Duration::from_millis(100);
/// How long a cancelled act may take to clean up before we go away, which ends it as well.
const CANCELLED_WITHIN: Duration = Duration::from_secs(90);

/// The hand behind an agent's door.
#[derive(Clone, Debug)]
pub struct DoorHand {
    socket: PathBuf,
    /// The agent's process.
    pub pid: u32,
    /// The agent's version.
    pub version: String,
}

/// The agent that serves at this socket; `None`: nobody does.
pub async fn connect(socket: &Path) -> Result<Option<DoorHand>> {
    let Some((_, pid, version)) = greet(socket).await? else { return Ok(None) };
    Ok(Some(DoorHand { socket: socket.to_owned(), pid, version }))
}

async fn greet(socket: &Path) -> Result<Option<(UnixStream, u32, String)>> {
    let connecting = tokio::time::timeout(CONNECT_DEADLINE, UnixStream::connect(socket));
    let mut stream = match connecting.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) if nobody(&error) => return Ok(None),
        Ok(Err(error)) => {
            let what = Text::new("agent-door-closed").with("path", socket.display().to_string());
            return Err(Error::io(what, &error));
        }
        Err(_) => return Err(silent(socket, None)),
    };
    // The kernel knows who made the door, also when nobody stands behind it.
    let pid = stream.peer_cred().ok().and_then(|peer| u32::try_from(peer.pid()?).ok());
    let met = async {
        let hello = Hello {
            roadstead: GREETING.into(),
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").into(),
        };
        write(&mut stream, &hello).await?;
        match read(&mut stream, HELLO_BYTES_MAX).await? {
            Some(Reply::Welcome { protocol: PROTOCOL, version, pid }) => Ok(Some((pid, version))),
            Some(Reply::Failed(error)) if error.kind != Kind::Unsupported => Err(*error),
            // One of another version does not know what its caller should do, nor its own number in a cure.
            Some(_) => Err(other_protocol(pid)),
            // It closed before the first word: it is just ending.
            None => Ok(None),
        }
    };
    let met = tokio::time::timeout(CONNECT_DEADLINE, met).await.map_err(|_| silent(socket, pid))?;
    Ok(met?.map(|(pid, version)| (stream, pid, version)))
}

/// Another version of Roadstead serves there.
fn other_protocol(pid: Option<u32>) -> Error {
    let pid = pid.map_or_else(|| "?".to_owned(), |pid| pid.to_string());
    let what = Text::new("agent-door-other-version").with("pid", &pid);
    Error::new(Kind::Unsupported, what).cure(Text::new("agent-door-other-version-cure").with("pid", pid))
}

/// Somebody holds the door and says nothing.
fn silent(socket: &Path, pid: Option<u32>) -> Error {
    let pid = pid.map_or_else(|| "?".to_owned(), |pid| pid.to_string());
    let what = Text::new("agent-door-silent").with("path", socket.display().to_string()).with("pid", &pid);
    Error::new(Kind::Unreachable, what).cure(Text::new("agent-door-silent-cure").with("pid", pid))
}

fn nobody(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused)
}

impl DoorHand {
    async fn open(&self) -> Result<UnixStream> {
        let gone = || {
            let what = Text::new("agent-door-gone").with("path", self.socket.display().to_string());
            Error::new(Kind::Unreachable, what).cure(Text::new("agent-door-gone-cure"))
        };
        Ok(greet(&self.socket).await?.ok_or_else(gone)?.0)
    }

    /// Has the agent end and waits until another one can serve in its place; the members go on.
    pub async fn shutdown(&self) -> Result<()> {
        let mut stream = self.open().await?;
        write(&mut stream, &Request::Shutdown).await?;
        let ended = async {
            while let Some(reply) = read::<Reply>(&mut stream, FRAME_BYTES_MAX).await? {
                if let Reply::Failed(error) = reply {
                    return Err(*error);
                }
            }
            Ok(())
        };
        let ended = tokio::time::timeout(CANCELLED_WITHIN, ended).await;
        ended.unwrap_or_else(|_| Err(silent(&self.socket, Some(self.pid))))
    }
}

fn unexpected() -> Error {
    Error::new(Kind::Unsupported, Text::new("agent-door-other-protocol"))
        .cure(Text::new("agent-door-other-protocol-cure"))
}

/// The connection broke before the last word.
fn cut() -> Error {
    Error::new(Kind::Unreachable, Text::new("agent-door-cut"))
        .retry(false)
        .cure(Text::new("agent-door-cut-cure"))
}

#[async_trait]
impl Hand for DoorHand {
    async fn look(&self, ask: &LookAsk, purse: &Purse) -> Result<Looked> {
        let asked = async {
            let mut stream = self.open().await?;
            write(&mut stream, &Request::Look(Box::new(WireLook::of(ask, purse)))).await?;
            match read(&mut stream, FRAME_BYTES_MAX).await? {
                Some(Reply::Looked(looked)) => Ok(*looked),
                Some(Reply::Failed(error)) => Err(*error),
                Some(_) => Err(unexpected()),
                None => Err(cut()),
            }
        };
        let asked = tokio::time::timeout(LOOK_DEADLINE, asked).await;
        asked.unwrap_or_else(|_| Err(silent(&self.socket, Some(self.pid))))
    }

    async fn act(&self, order: &Order, purse: &Purse, watch: &dyn Watch) -> Result<Outcome> {
        watch.go_on()?;
        let mut stream = self.open().await?;
        write(&mut stream, &Request::Act(Box::new(WireOrder::of(order, purse)))).await?;
        let (mut from, mut to) = stream.split();
        let mut beat = tokio::time::interval(CANCEL_PERIOD);
        let mut cancelled: Option<tokio::time::Instant> = None;
        loop {
            // A frame is read to its end once begun: dropping the read half-way would lose its place.
            let next = read::<Reply>(&mut from, FRAME_BYTES_MAX);
            tokio::pin!(next);
            let reply = loop {
                tokio::select! {
                    biased;
                    reply = &mut next => break reply?,
                    _ = beat.tick() => match cancelled {
                        None if watch.is_cancelled() => {
                            cancelled = Some(tokio::time::Instant::now());
                            write(&mut to, &Request::Cancel).await?;
                        }
                        Some(since) if since.elapsed() > CANCELLED_WITHIN => {
                            return Err(broken(&std::io::ErrorKind::TimedOut.into()));
                        }
                        _ => {}
                    },
                }
            };
            match reply {
                Some(Reply::Progress(progress)) => watch.progress(progress),
                Some(Reply::Done(outcome)) => return Ok(*outcome),
                Some(Reply::Failed(error)) => return Err(*error),
                Some(_) => return Err(unexpected()),
                None => return Err(cut()),
            }
        }
    }
}

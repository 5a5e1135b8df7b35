//! The bytes between us and a server, until it has let us in: whatever is no PostgreSQL is found out by its first bytes,
//! before the driver makes room for as much as they happen to claim.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use rustix::net::sockopt;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

/// The longest message that a server sends before it is ready: a list of its parameters, or why it refuses.
const MESSAGE_BYTES_MAX: u32 = 1 << 20;
/// The kinds of such messages: authentication, key, notice, parameter, refusal, version, and that it is ready.
const KINDS: &[u8] = b"RKNSEvZ";
const READY: u8 = b'Z';
/// A peer that is gone is noticed after this much silence, and three questions.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_COUNT: u32 = 3;

/// A connection of either kind.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Bytes for S {}

/// A connection whose beginning is checked.
pub(super) struct Wire {
    inner: Box<dyn Bytes>,
    greeting: Greeting,
}

impl Wire {
    /// By TCP. `asks_tls`: the driver will ask for TLS first.
    pub(super) async fn tcp(host: &str, port: u16, asks_tls: bool) -> io::Result<Self> {
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        sockopt::set_socket_keepalive(&stream, true)?;
        sockopt::set_tcp_keepidle(&stream, KEEPALIVE_IDLE)?;
        sockopt::set_tcp_keepcnt(&stream, KEEPALIVE_COUNT)?;
        Ok(Self::new(Box::new(stream), asks_tls))
    }

    /// By the socket of this path.
    pub(super) async fn socket(path: &str) -> io::Result<Self> {
        Ok(Self::new(Box::new(UnixStream::connect(path).await?), false))
    }

    fn new(inner: Box<dyn Bytes>, asks_tls: bool) -> Self {
        let greeting = if asks_tls { Greeting::Tls } else { Greeting::Head(Vec::new()) };
        Self { inner, greeting }
    }
}

/// What is expected next.
#[derive(Debug, PartialEq, Eq)]
enum Greeting {
    /// One letter: whether the server speaks TLS.
    Tls,
    /// The rest of a message's kind and length.
    Head(Vec<u8>),
    /// So many bytes of a message.
    Body(u32, u8),
    /// Nothing: the server is ready, or TLS stands between.
    Over,
}

impl Greeting {
    fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let Some((&first, rest)) = bytes.split_first() {
            match self {
                Self::Over => return Ok(()),
                Self::Tls => {
                    *self = match first {
                        b'S' => Self::Over,
                        b'N' => Self::Head(Vec::new()),
                        // A server that is too busy even to ask who comes refuses in words.
                        b'E' => Self::Head(vec![first]),
                        _ => return Err(garbled()),
                    };
                    bytes = rest;
                }
                Self::Head(head) => {
                    head.push(first);
                    bytes = rest;
                    if !KINDS.contains(&head[0]) {
                        return Err(garbled());
                    }
                    if let &[kind, a, b, c, d] = head.as_slice() {
                        let length = u32::from_be_bytes([a, b, c, d]);
                        if !(4..=MESSAGE_BYTES_MAX).contains(&length) {
                            return Err(if kind == b'E' { overloaded() } else { garbled() });
                        }
                        *self = Self::Body(length - 4, kind).or_next();
                    }
                }
                Self::Body(left, kind) => {
                    let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX).min(*left);
                    bytes = &bytes[count as usize..];
                    *self = Self::Body(*left - count, *kind).or_next();
                }
            }
        }
        Ok(())
    }

    /// The next state, where nothing of a message is left.
    fn or_next(self) -> Self {
        match self {
            Self::Body(0, READY) => Self::Over,
            Self::Body(0, _) => Self::Head(Vec::new()),
            other => other,
        }
    }
}

fn garbled() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "what answers there does not speak PostgreSQL's protocol")
}

/// A server that can start no process for us says so in plain words, without their length.
fn overloaded() -> io::Error {
    io::Error::other("the server refuses before it asks who comes: it cannot start another process")
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        Poll::Ready(self.greeting.take(&buffer.filled()[before..]))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(asks_tls: bool, pieces: &[&[u8]]) -> Option<Greeting> {
        let mut greeting = if asks_tls { Greeting::Tls } else { Greeting::Head(Vec::new()) };
        for piece in pieces {
            greeting.take(piece).ok()?;
        }
        Some(greeting)
    }

    #[test]
    fn a_server_is_told_from_anything_else_by_its_first_bytes() {
        let ready: [&[u8]; 4] =
            [b"R\0\0", b"\0\x08\0\0\0\0S\0\0\0\x06a", b"\0", b"Z\0\0\0\x05IT\xff\xff\xff\xff"];
        assert_eq!(after(false, &ready), Some(Greeting::Over));
        assert_eq!(after(true, &[&[&b"N"[..]], ready.as_slice()].concat()), Some(Greeting::Over));
        assert_eq!(after(true, &[b"S", b"\x16\x03\x03"]), Some(Greeting::Over));
        assert!(after(true, &[b"E", b"\0\0\0\x05x"]).is_some());
        for garbage in
            [&b"HTTP/1.1 400"[..], b"SSH-2.0", b"\0", b"R\x7f\xff\xff\xff", b"R\0\0\0\x03", b"D\0\0\0\x08"]
        {
            assert_eq!(after(false, &[garbage]), None, "{garbage:?}");
        }
        assert_eq!(after(true, &[b"HTTP"]), None);
        assert_eq!(after(true, &[b"N", b"HTTP"]), None);
    }
}

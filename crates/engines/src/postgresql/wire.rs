//! The bytes between us and a server. Until it has let us in, whatever is no PostgreSQL is found out by its first bytes,
//! before the driver makes room for as much as they happen to claim; from then on, an answer without end is cut off
//! before all of it is held.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
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
/// The longest answer to one question, as it is held: no question of ours has one that is longer.
pub(super) const ANSWER_BYTES_MAX: u64 = 1 << 28;
/// What each message of an answer takes where it is held, beside its bytes.
const MESSAGE_BYTES_BESIDES: u64 = 128;
/// A peer that is gone is noticed after this much silence, and three questions.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_COUNT: u32 = 3;

/// A connection of either kind.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Bytes for S {}

/// A connection whose beginning is checked, and whose answers have an end.
pub(super) struct Wire {
    inner: Box<dyn Bytes>,
    incoming: Incoming,
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
        Self { inner, incoming: Incoming::new(asks_tls) }
    }

    /// Becomes `true` when an answer is cut off: the driver tells only that the connection is closed.
    pub(super) fn is_endless(&self) -> Arc<AtomicBool> {
        self.incoming.is_endless.clone()
    }
}

/// What is expected next.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// One letter: whether the server speaks TLS.
    Tls,
    /// The rest of a message's kind and length.
    Head(Vec<u8>),
    /// So many bytes of a message.
    Body(u32, u8),
    /// Bytes of any kind: TLS stands between.
    Sealed,
}

/// What came of a server.
struct Incoming {
    expected: Expected,
    /// It has let us in, and says what it likes.
    is_ready: bool,
    /// What its answer takes so far; whatever it says is an answer to what we said last.
    held: u64,
    is_endless: Arc<AtomicBool>,
}

impl Incoming {
    fn new(asks_tls: bool) -> Self {
        let expected = if asks_tls { Expected::Tls } else { Expected::Head(Vec::new()) };
        Self { expected, is_ready: false, held: 0, is_endless: Arc::default() }
    }

    /// We said something: what comes from here on is another answer.
    fn asked(&mut self) {
        self.held = 0;
    }

    fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let Some((&first, rest)) = bytes.split_first() {
            match &mut self.expected {
                Expected::Sealed => return self.hold(bytes.len() as u64),
                Expected::Tls => {
                    self.expected = match first {
                        b'S' => Expected::Sealed,
                        b'N' => Expected::Head(Vec::new()),
                        // A server that is too busy even to ask who comes refuses in words.
                        b'E' => Expected::Head(vec![first]),
                        _ => return Err(garbled()),
                    };
                    bytes = rest;
                }
                Expected::Head(head) => {
                    head.push(first);
                    bytes = rest;
                    if !self.is_ready && !KINDS.contains(&head[0]) {
                        return Err(garbled());
                    }
                    if let &[kind, a, b, c, d] = head.as_slice() {
                        self.begin(kind, u32::from_be_bytes([a, b, c, d]))?;
                    }
                }
                Expected::Body(left, kind) => {
                    let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX).min(*left);
                    let (left, kind) = (*left - count, *kind);
                    bytes = &bytes[count as usize..];
                    self.go_on(left, kind);
                }
            }
        }
        Ok(())
    }

    /// A message of this kind, which claims so many bytes with its length.
    fn begin(&mut self, kind: u8, length: u32) -> io::Result<()> {
        let longest = if self.is_ready { u32::MAX } else { MESSAGE_BYTES_MAX };
        if !(4..=longest).contains(&length) {
            return Err(if kind == b'E' && !self.is_ready { overloaded() } else { garbled() });
        }
        self.hold(MESSAGE_BYTES_BESIDES + u64::from(length))?;
        self.go_on(length - 4, kind);
        Ok(())
    }

    /// So many bytes of a message of this kind are left.
    fn go_on(&mut self, left: u32, kind: u8) {
        if left > 0 {
            self.expected = Expected::Body(left, kind);
            return;
        }
        self.is_ready |= kind == READY;
        self.expected = Expected::Head(Vec::new());
    }

    fn hold(&mut self, more: u64) -> io::Result<()> {
        self.held += more;
        if self.held <= ANSWER_BYTES_MAX {
            return Ok(());
        }
        self.is_endless.store(true, Ordering::Relaxed);
        Err(io::Error::new(io::ErrorKind::InvalidData, "its answer is longer than any that is asked for"))
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
        Poll::Ready(self.incoming.take(&buffer.filled()[before..]))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        self.incoming.asked();
        Poll::Ready(Ok(written))
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

    /// The words of a server that lets in whoever comes.
    const LETS_IN: [&[u8]; 4] = [b"R\0\0", b"\0\x08\0\0\0\0S\0\0\0\x06a", b"\0", b"Z\0\0\0\x05IT\0\0"];

    fn after(asks_tls: bool, pieces: &[&[u8]]) -> Option<Incoming> {
        let mut incoming = Incoming::new(asks_tls);
        for piece in pieces {
            incoming.take(piece).ok()?;
        }
        Some(incoming)
    }

    fn expected(asks_tls: bool, pieces: &[&[u8]]) -> Option<Expected> {
        after(asks_tls, pieces).map(|incoming| incoming.expected)
    }

    #[test]
    fn a_server_is_told_from_anything_else_by_its_first_bytes() {
        let is_in = Some(Expected::Head(b"T\0\0".to_vec()));
        assert_eq!(expected(false, &LETS_IN), is_in);
        assert_eq!(expected(true, &[&[&b"N"[..]], LETS_IN.as_slice()].concat()), is_in);
        assert_eq!(expected(true, &[b"S", b"\x16\x03\x03"]), Some(Expected::Sealed));
        assert!(after(true, &[b"E", b"\0\0\0\x05x"]).is_some());
        for garbage in
            [&b"HTTP/1.1 400"[..], b"SSH-2.0", b"\0", b"R\x7f\xff\xff\xff", b"R\0\0\0\x03", b"D\0\0\0\x08"]
        {
            assert!(after(false, &[garbage]).is_none(), "{garbage:?}");
        }
        assert!(after(true, &[b"HTTP"]).is_none());
        assert!(after(true, &[b"N", b"HTTP"]).is_none());
    }

    /// Takes this piece again and again: how often it was taken, which is no more than this.
    fn taken(incoming: &mut Incoming, piece: &[u8], most: u64) -> u64 {
        let count = (0..most).take_while(|_| incoming.take(piece).is_ok()).count() as u64;
        assert_eq!(incoming.is_endless.load(Ordering::Relaxed), count < most);
        count
    }

    #[test]
    fn an_answer_has_an_end_and_each_question_begins_another() {
        let let_in: [&[u8]; 2] = [b"R\0\0\0\x08\0\0\0\0", b"Z\0\0\0\x05I"];
        let mebibyte = 1_u64 << 20;
        let most = ANSWER_BYTES_MAX / mebibyte;
        let long = [&b"D\0\x10\0\0"[..], &vec![b'x'; (1 << 20) - 4]].concat();
        let mut incoming = after(false, &let_in).expect("let in");
        for _ in 0..3 {
            incoming.asked();
            assert_eq!(taken(&mut incoming, &long, most - 1), most - 1, "of a mebibyte each");
        }
        assert_eq!(taken(&mut incoming, &long, most), 0, "one more");
        // Short ones take more than their bytes.
        let mut incoming = after(false, &let_in).expect("let in");
        assert_eq!(taken(&mut incoming, b"D\0\0\0\x06\0\0", 1000), 1000);
        assert!(incoming.held > 1000 * MESSAGE_BYTES_BESIDES, "{}", incoming.held);
        // What is claimed is not waited for.
        assert!(after(false, &[let_in[0], let_in[1], b"D\x7f\xff\xff\xff"]).is_none());
        let mut incoming = after(true, &[b"S"]).expect("sealed");
        assert_eq!(taken(&mut incoming, &long, 2 * most), most - 1, "behind TLS there are bytes alone");
    }
}

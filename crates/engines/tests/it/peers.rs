//! Peers that are no server, or that stop being one in the middle: fakes, because no server can be had that lies, and a
//! relay that spoils what a real one says.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use roadstead_core::{
    Error, Kind, Millis, Result,
    model::{TlsMode, TlsSpec},
    port::{Link, Source as _, ambient::Unwatched, engine::Depth, layout::Endpoint},
};
use roadstead_testkit::memory::MemorySink;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    server::{Server, dump, engine, look},
    subject::Subject,
};

/// What every short question is given here.
pub(crate) const DEADLINE: Millis = Millis(500);
/// How many short questions the longest act asks before it must have noticed: each with its own deadline.
const QUESTIONS: u32 = 3;
/// What a machine that has much to do adds to that.
const GRACE: Duration = Duration::from_secs(10);

/// A fake. It says its first word to everybody, then the second again and again where it has one.
pub(crate) struct Peer {
    pub(crate) port: u16,
    /// Bytes that it got rid of, to all.
    sent: Arc<AtomicU64>,
    /// Connections on which it still speaks.
    speaking: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    pub(crate) async fn new(first: &[u8], again: &[u8]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let (sent, speaking) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (first, again) = (first.to_vec(), again.to_vec());
        let (all, open) = (sent.clone(), speaking.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (first, again, all, open) = (first.clone(), again.clone(), all.clone(), open.clone());
                tokio::spawn(async move {
                    open.fetch_add(1, Ordering::SeqCst);
                    speak(stream, &first, &again, &all).await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, sent, speaking, task }
    }

    /// Waits until nobody listens to it any more.
    pub(crate) async fn is_left(&self) {
        let left = || async { (self.speaking.load(Ordering::SeqCst) == 0).then_some(()) };
        roadstead_testkit::wait::until_answered("the peer to be left", Duration::from_secs(30), left).await;
    }
}

async fn speak(mut stream: TcpStream, first: &[u8], again: &[u8], sent: &AtomicU64) {
    let mut heard = [0; 4096];
    let mut word = first;
    loop {
        if word.is_empty() {
            // Silent, until the other hangs up.
            if !matches!(stream.read(&mut heard).await, Ok(1..)) {
                return;
            }
            continue;
        }
        let Ok(count) = stream.write(word).await else { return };
        sent.fetch_add(count as u64, Ordering::SeqCst);
        word = &word[count..];
        if word.is_empty() {
            word = again;
        }
    }
}

/// A way to a port of this host.
pub(crate) fn at<S: Subject>(server: &Server<S>, port: u16) -> Link {
    Link {
        endpoint: Endpoint::Tcp("127.0.0.1".into(), port),
        may_write: false,
        ..server.link_within(DEADLINE)
    }
}

/// Looks, what `check --live` asks, and a backup where that is wanted: each with what came of it and how long it took.
async fn asked<S: Subject>(
    link: &Link,
    server: &Server<S>,
    backup: bool,
) -> Vec<(&'static str, Result<()>, Duration)> {
    let (engine, cluster) = (engine::<S>(), &server.cluster);
    let mut answers = Vec::new();
    let begun = Instant::now();
    let looked = look::<S>(link, cluster, Depth::Full).await.map(drop);
    answers.push(("look", looked, begun.elapsed()));
    let begun = Instant::now();
    let surveyed = engine.observe().expect("the facet").survey(link, cluster).await.map(drop);
    answers.push(("survey", surveyed, begun.elapsed()));
    if !backup {
        return answers;
    }
    let begun = Instant::now();
    let mut sink = MemorySink::default();
    let dumped = dump::<S>(link, cluster, &mut sink, &Unwatched).await.map(drop);
    let whole = dumped.is_ok();
    answers.push(("backup", dumped, begun.elapsed()));
    assert!(whole || sink.source().streams().len() < 8, "a backup that failed has streams that are whole");
    answers
}

/// Nothing that is asked of this peer is answered well, waits longer than it may, or panics; each error has a cure, and
/// what was taken from the peer was no more than `bytes` in all.
async fn is_no_server<S: Subject>(server: &Server<S>, what: &str, peer: &Peer, bytes: u64) {
    for mode in [TlsMode::Auto, TlsMode::Off, TlsMode::VerifyFull] {
        let link = Link { tls: TlsSpec { mode, ca: None }, ..at(server, peer.port) };
        for (question, answer, took) in asked(&link, server, true).await {
            let error: Error = answer.expect_err(&format!("{what}: {question}"));
            let fits =
                [Kind::Denied, Kind::Unreachable, Kind::Failed, Kind::Unsupported].contains(&error.kind);
            assert!(fits, "{what}: {question} by {mode:?}: {error:?}");
            assert!(error.cure.is_some(), "{what}: {question} by {mode:?} has no cure: {error:?}");
            assert!(format!("{error:?}").len() < 4096, "{what}: {question} by {mode:?} tells too much");
            let limit = DEADLINE.duration() * QUESTIONS + GRACE;
            assert!(took < limit, "{what}: {question} by {mode:?}: {took:?}");
        }
    }
    peer.is_left().await;
    let sent = peer.sent.load(Ordering::SeqCst);
    assert!(sent <= bytes, "{what}: {sent} bytes were taken");
}

/// The same of many peers, each with its first word and the one that it repeats, and of noise of many lengths: at once,
/// and after the words of a server that `lets_in` everybody.
pub(crate) async fn are_no_servers<S: Subject>(
    server: &Server<S>,
    peers: &[(&str, &[u8], &[u8])],
    lets_in: &[u8],
    bytes: u64,
) {
    for (what, first, again) in peers {
        is_no_server(server, what, &Peer::new(first, again).await, bytes).await;
    }
    for seed in 0..8 {
        let first = noise(seed, 1 << (2 * seed));
        is_no_server(server, &format!("noise {seed}"), &Peer::new(&first, b"").await, bytes).await;
        let first = [lets_in, &noise(seed, 999)].concat();
        let what = format!("noise {seed} after a welcome");
        is_no_server(server, &what, &Peer::new(&first, b"").await, bytes).await;
    }
}

/// Bytes of no meaning, the same for the same seed.
pub(crate) fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[2]
    });
    next.take(count).collect()
}

/// What the relay does to the server's words, counted from each connection's first byte.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spoil {
    /// Stops there, and keeps the connection.
    Stop(u64),
    /// Hangs up there.
    Hang(u64),
    /// Changes the byte there, and goes on.
    Alter(u64, u8),
}

/// A relay to this port.
struct Relay {
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    async fn new(to: u16, spoil: Spoil) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
                let ((mut near_in, near_out), (far_in, mut far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(async move {
                    tokio::select! {
                        _ = tokio::io::copy(&mut near_in, &mut far_out) => {}
                        () = pass(far_in, near_out, spoil) => {}
                    }
                });
            }
        });
        Self { port, task }
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    spoil: Spoil,
) {
    let (mut buffer, mut done) = (vec![0; 16 << 10], 0_u64);
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let piece = &mut buffer[..count];
        let here =
            |at: u64| at.checked_sub(done).and_then(|at| usize::try_from(at).ok()).filter(|at| *at < count);
        let end = match spoil {
            Spoil::Stop(at) | Spoil::Hang(at) => here(at),
            Spoil::Alter(at, with) => {
                if let Some(at) = here(at) {
                    piece[at] ^= with.max(1);
                }
                None
            }
        };
        if to.write_all(&piece[..end.unwrap_or(count)]).await.is_err() {
            return;
        }
        done += count as u64;
        match (end, spoil) {
            (Some(_), Spoil::Stop(_)) => std::future::pending().await,
            (Some(_), _) => return,
            (None, _) => {}
        }
    }
}

/// A real server whose words are spoilt on the way: nothing waits longer than it may or panics, and an answer that never
/// came to its end is an error with a cure.
pub(crate) async fn is_spoilt<S: Subject>(server: &Server<S>, spoil: Spoil) {
    let relay = Relay::new(server.cluster.first().endpoint().1, spoil).await;
    let link = Link { deadline: Millis(200), ..at(server, relay.port) };
    // One that is patient in the middle of a backup would be so here for each.
    let backup = S::PATIENCE < Duration::from_mins(1);
    for (question, answer, took) in asked(&link, server, backup).await {
        let limit = link.deadline.duration() * 20 + GRACE;
        assert!(took < limit, "{spoil:?}: {question}: {took:?}");
        match (answer, spoil) {
            (Ok(()), _) => {}
            (Err(error), Spoil::Alter(..)) => assert_ne!(error.kind, Kind::Internal, "{spoil:?}: {error:?}"),
            (Err(error), _) => {
                let fits = matches!(error.kind, Kind::Unreachable | Kind::Failed | Kind::Denied);
                assert!(fits && error.cure.is_some(), "{spoil:?}: {question}: {error:?}");
            }
        }
    }
}

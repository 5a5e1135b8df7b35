//! The side that serves: one process for each socket, answering its own user and root alone.
//!
//! It takes the members over that run already, watches those that should run, and leaves all of them running when it
//! ends.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use roadstead_core::{
    Error, Kind, Result, Text,
    model::{HostSpec, Name},
    port::{Hand, Outcome, Progress, Watch},
    seen::AgentSeen,
};
use tokio::{
    net::{UnixListener, UnixStream},
    signal::unix::{SignalKind, signal},
    sync::{Semaphore, watch},
    task::JoinSet,
};

use super::{
    FRAME_BYTES_MAX, HELLO_BYTES_MAX, read,
    wire::{GREETING, Hello, PROTOCOL, Reply, Request, WireOrder},
    write,
};
use crate::{
    LocalHand, Parts, files,
    hand::sweep,
    lock::{self, Held},
    takeover,
};

/// The longest path that a Unix socket can have.
const SOCKET_LENGTH_MAX: usize = 107;
const CONNECTIONS_MAX: usize = 256;
const HELLO_DEADLINE: Duration = Duration::from_secs(5);
/// How long running acts may take to stop when the agent ends.
const ENDING_WITHIN: Duration = Duration::from_secs(20);
/// How long callers wait at most until the members are taken over; the rest goes on beside them.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(2);
/// How often progress is sent at most.
const PROGRESS_PERIOD: Duration = Duration::from_millis(100);
/// How long the asker may take to receive one word.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

/// Where and for whom an agent serves.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The socket; its folder is made for us alone if it is missing.
    pub socket: PathBuf,
    /// The fleet whose members are taken over.
    pub fleet: Name,
    /// Absolute path of its file.
    pub fleet_file: String,
    /// The host this is.
    pub host: HostSpec,
    /// The version that is told to whoever asks.
    pub version: String,
}

/// Serves until it is asked to end, by `SIGTERM`, `SIGINT` or through the door. `Kind::Busy`: another agent serves here.
pub async fn serve(options: ServeOptions, parts: Parts) -> Result<()> {
    // A session of our own: no terminal's hang-up or Ctrl-C reaches us. A leader of a group has that already.
    let _ = rustix::process::setsid();
    let mut ended = Ended::listen()?;
    let single = alone(&options)?;
    let agent = AgentSeen { pid: std::process::id(), version: options.version.clone(), watches: vec![] };
    let hand = LocalHand::of_agent(parts, Some(agent));
    let listener = bind(&options.socket)?;
    let (inner, host) = (hand.inner.clone(), options.host.clone());
    let (fleet, file) = (options.fleet.clone(), options.fleet_file.clone());
    let mut takeover = tokio::spawn(async move { takeover::take_over(&inner, &host, &fleet, &file).await });
    // Done in a moment, unless it ends what a broken-off load left: nobody who connects waits for that.
    let _ = tokio::time::timeout(TAKEN_OVER_WITHIN, &mut takeover).await;
    let data = options.host.data.clone();
    tokio::spawn(sweep(data));
    let door = Arc::new(Door {
        hand,
        version: options.version,
        turns: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        ending: watch::channel(false).0,
        parting: Mutex::default(),
    });
    tracing::info!(socket = %options.socket.display(), "agent serves");
    let mut guests = JoinSet::new();
    let mut ending = door.ending.subscribe();
    loop {
        tokio::select! {
            biased;
            () = ended.wait() => break,
            () = wished(&mut ending) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => door.clone().receive(stream, &mut guests),
                Err(error) => {
                    tracing::warn!(%error, "a caller could not be received");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = guests.join_next(), if !guests.is_empty() => {}
        }
    }
    door.ending.send_replace(true);
    // Removed while the lock is held: nobody else can have bound it meanwhile.
    drop(listener);
    let _ = fs::remove_file(&options.socket);
    let all = async { while guests.join_next().await.is_some() {} };
    if tokio::time::timeout(ENDING_WITHIN, all).await.is_err() {
        tracing::warn!("acts were still running when the agent ended");
    }
    tracing::info!("agent ends; members go on");
    takeover.abort();
    let parting = std::mem::take(&mut *door.parting.lock().unwrap_or_else(PoisonError::into_inner));
    drop(single);
    drop(parting);
    Ok(())
}

/// Waits until the agent is to end.
async fn wished(ending: &mut watch::Receiver<bool>) {
    // A sender that is gone has ended too.
    let _ = ending.wait_for(|ending| *ending).await.is_ok();
}

/// The signals that end an agent in order.
struct Ended {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Ended {
    fn listen() -> Result<Self> {
        let told = |error: std::io::Error| Error::io(Text::new("agent-no-signals"), &error);
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(told)?,
            interrupt: signal(SignalKind::interrupt()).map_err(told)?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }
}

fn not_bound(socket: &Path, error: &std::io::Error) -> Error {
    Error::io(Text::new("agent-socket").with("path", socket.display().to_string()), error)
}

/// The lock of the one agent that serves at this socket, whose folder is ours alone.
fn alone(options: &ServeOptions) -> Result<Held> {
    let socket = &options.socket;
    let shown = || socket.display().to_string();
    if socket.as_os_str().len() > SOCKET_LENGTH_MAX {
        let what = Text::new("agent-socket-too-long").with("path", shown()).with("limit", SOCKET_LENGTH_MAX);
        return Err(Error::new(Kind::Input, what));
    }
    let told = |error: &std::io::Error| not_bound(socket, error);
    let folder = socket.parent().unwrap_or(Path::new("/"));
    match fs::DirBuilder::new().recursive(true).mode(0o700).create(folder) {
        Ok(()) => {}
        Err(error) => return Err(told(&error)),
    }
    let (mode, owner) = files::mode_and_owner(folder).map_err(|error| told(&error))?;
    if mode & 0o022 != 0 || owner != rustix::process::geteuid().as_raw() {
        let what = Text::new("agent-socket-folder-open").with("path", folder.display().to_string());
        return Err(Error::new(Kind::Denied, what).cure(Text::new("agent-socket-folder-open-cure")));
    }
    let mut lock_path = socket.clone().into_os_string();
    lock_path.push(".lock");
    let what = Text::new("agent-held-door").with("path", shown());
    lock::take(Path::new(&lock_path), lock::AGENT, &what)
}

fn bind(socket: &Path) -> Result<UnixListener> {
    let told = |error: &std::io::Error| not_bound(socket, error);
    match fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(told(&error)),
        _ => {}
    }
    let listener = UnixListener::bind(socket).map_err(|error| told(&error))?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600)).map_err(|error| told(&error))?;
    Ok(listener)
}

struct Door {
    hand: LocalHand,
    version: String,
    turns: Arc<Semaphore>,
    ending: watch::Sender<bool>,
    /// Those who asked for the end: they hear of it when another agent can serve here.
    parting: Mutex<Vec<UnixStream>>,
}

impl Door {
    fn receive(self: Arc<Self>, stream: UnixStream, guests: &mut JoinSet<()>) {
        // Whoever comes when all places are taken is sent away by the closed connection.
        let Ok(turn) = self.turns.clone().try_acquire_owned() else { return };
        guests.spawn(async move {
            if let Err(error) = self.serve(stream).await {
                tracing::warn!(%error, "a caller was sent away");
            }
            drop(turn);
        });
    }

    async fn serve(&self, mut stream: UnixStream) -> Result<()> {
        let refused = |error: Error| Reply::Failed(Box::new(error));
        if let Err(error) = permitted(&stream) {
            return write(&mut stream, &refused(error)).await;
        }
        let hello = tokio::time::timeout(HELLO_DEADLINE, read::<Hello>(&mut stream, HELLO_BYTES_MAX)).await;
        let hello = match hello {
            Err(_) | Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return write(&mut stream, &refused(error)).await,
            Ok(Ok(Some(hello))) => hello,
        };
        if hello.roadstead != GREETING || hello.protocol != PROTOCOL {
            tracing::warn!(version = %hello.version, protocol = hello.protocol, "a caller speaks another protocol");
            let error = Error::new(Kind::Unsupported, Text::new("agent-door-other-protocol"))
                .cure(Text::new("agent-door-other-protocol-cure"));
            return write(&mut stream, &refused(error)).await;
        }
        let welcome =
            Reply::Welcome { protocol: PROTOCOL, version: self.version.clone(), pid: std::process::id() };
        write(&mut stream, &welcome).await?;
        match read(&mut stream, FRAME_BYTES_MAX).await {
            Ok(None | Some(Request::Cancel)) => Ok(()),
            Err(error) => write(&mut stream, &refused(error)).await,
            Ok(Some(Request::Look(look))) => {
                let (ask, purse) = look.open();
                let looked = self.hand.look(&ask, &purse).await;
                let reply = looked.map_or_else(refused, |looked| Reply::Looked(Box::new(looked)));
                write(&mut stream, &reply).await
            }
            Ok(Some(Request::Act(order))) => self.act(stream, *order).await,
            Ok(Some(Request::Shutdown)) => {
                let told = write(&mut stream, &Reply::Ending).await;
                self.parting.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
                self.ending.send_replace(true);
                told
            }
        }
    }

    async fn act(&self, stream: UnixStream, order: WireOrder) -> Result<()> {
        let (order, purse) = order.open();
        let far = Arc::new(Far { wish: AtomicBool::new(false), progress: watch::channel(None).0 });
        let (mut from, mut to) = stream.into_split();
        let listening = listen(&mut from, far.clone(), self.ending.subscribe());
        tokio::pin!(listening);
        let (hand, shared) = (self.hand.clone(), far.clone());
        // In a task of its own, so that a panic in it is an answer and not a broken connection.
        let mut work = tokio::spawn(async move { hand.act(&order, &purse, shared.as_ref()).await });
        let mut news = far.progress.subscribe();
        let mut heard = false;
        let mut beat = tokio::time::interval(PROGRESS_PERIOD);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut work => break ended,
                () = &mut listening, if !heard => heard = true,
                _ = beat.tick() => if news.has_changed().unwrap_or(false) {
                    let progress = news.borrow_and_update().clone();
                    if let Some(progress) = progress {
                        let reply = Reply::Progress(progress);
                        let told = write(&mut to, &reply);
                        // Who cannot even hear how it goes has gone.
                        if !matches!(tokio::time::timeout(HEARD_WITHIN, told).await, Ok(Ok(()))) {
                            far.wish.store(true, Ordering::Relaxed);
                        }
                    }
                },
            }
        };
        let outcome: Result<Outcome> =
            ended.unwrap_or_else(|error| Err(Error::internal(format!("an act ended with {error}"))));
        let reply = match outcome {
            Ok(outcome) => Reply::Done(Box::new(outcome)),
            Err(error) => Reply::Failed(Box::new(error)),
        };
        let told = write(&mut to, &reply);
        tokio::time::timeout(HEARD_WITHIN, told).await.unwrap_or(Ok(()))
    }
}

/// Waits until the asker cancels or goes away, or the agent ends; then wishes the act stopped.
async fn listen(
    from: &mut tokio::net::unix::OwnedReadHalf,
    far: Arc<Far>,
    mut ending: watch::Receiver<bool>,
) {
    tokio::select! {
        // Whatever comes now, a wish to cancel, an end or nonsense, means that the act is not wanted any more.
        _ = read::<Request>(from, HELLO_BYTES_MAX) => {}
        () = wished(&mut ending) => {}
    }
    far.wish.store(true, Ordering::Relaxed);
}

/// Only our own user and root may ask.
fn permitted(stream: &UnixStream) -> Result<()> {
    let told = |error: &std::io::Error| Error::io(Text::new("agent-door-who"), error);
    let peer = stream.peer_cred().map_err(|error| told(&error))?.uid();
    if peer == 0 || peer == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(Error::new(Kind::Denied, Text::new("agent-door-not-yours").with("uid", peer)))
}

/// A watcher on the other side of the door.
struct Far {
    wish: AtomicBool,
    progress: watch::Sender<Option<Progress>>,
}

impl Watch for Far {
    fn progress(&self, progress: Progress) {
        self.progress.send_replace(Some(progress));
    }

    fn is_cancelled(&self) -> bool {
        self.wish.load(Ordering::Relaxed)
    }
}

//! The door: who is answered, who is sent away, and what a lost asker means.

use std::{path::PathBuf, sync::atomic::Ordering};

use roadstead_agent::{ServeOptions, connect, serve};
use roadstead_core::{Error, Kind, Result, plan::Act, port::Hand, seen::DataSeen};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    task::JoinHandle,
};

use crate::world::{Wish, World, name, parts, until};

/// An agent in this process.
struct Served {
    socket: PathBuf,
    agent: JoinHandle<Result<()>>,
}

fn options(world: &World) -> ServeOptions {
    ServeOptions {
        socket: world.folder.path().join("s/agent.sock"),
        fleet: name("harbour"),
        fleet_file: world.fleet_file(),
        host: world.host(),
        version: "test".into(),
    }
}

async fn served(world: &World) -> Served {
    let options = options(world);
    let socket = options.socket.clone();
    let agent = tokio::spawn(serve(options, parts(&world.vault)));
    until("the door", || async { connect(&socket).await.ok().flatten() }).await;
    Served { socket, agent }
}

impl Served {
    async fn hand(&self) -> impl Hand + use<> {
        connect(&self.socket).await.expect("asked").expect("it serves")
    }

    async fn end(self) {
        let hand = connect(&self.socket).await.expect("asked").expect("it serves");
        hand.shutdown().await.expect("ended");
        self.agent.await.expect("no panic").expect("an orderly end");
        assert!(!self.socket.exists());
    }

    /// Sends raw bytes and returns all that comes back before the end.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(&self.socket).await.expect("connected");
        stream.write_all(bytes).await.expect("sent");
        stream.shutdown().await.expect("closed");
        let mut answer = Vec::new();
        // An agent that closes while we still send is an answer too.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn frame(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("short").to_be_bytes();
    [&length[..], text.as_bytes()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn acts_through_the_door_are_the_same_and_their_errors_too() {
    let world = World::new();
    let served = served(&world).await;
    let hand = served.hand().await;
    world.up(&hand).await;
    world.act(&hand, World::take(world.task().await, 'a')).await.expect("taken: the key came with the order");
    let error: Error = world.act(&hand, Act::Create(world.task().await)).await.map_or_else(
        |e| e,
        |outcome| {
            assert!(!outcome.changed);
            Error::internal("idempotent")
        },
    );
    assert_eq!(error.kind, Kind::Internal);
    world.down(&hand).await;
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_hello_a_long_frame_and_garbage_are_sent_away_and_the_door_stays_open() {
    let world = World::new();
    let served = served(&world).await;
    let hello = |word: &str, protocol: u32| {
        frame(&format!("{{\"roadstead\":\"{word}\",\"protocol\":{protocol},\"version\":\"x\"}}"))
    };
    let other = served.raw(&hello("hand", 99)).await;
    assert!(other.contains("agent-door-other-protocol"), "{other}");
    let wrong = served.raw(&hello("foot", 6)).await;
    assert!(wrong.contains("agent-door-other-protocol"), "{wrong}");
    let long = served.raw(&[0xff; 64]).await;
    assert!(long.contains("agent-frame-too-long"), "{long}");
    let garbage = served.raw(&frame("hunter2 is no hello")).await;
    assert!(garbage.contains("agent-frame-not-understood") && !garbage.contains("hunter2"), "{garbage}");
    let greeted = [hello("hand", 6), frame("{\"nonsense\":1}")].concat();
    let greeted = served.raw(&greeted).await;
    assert!(greeted.contains("welcome") && greeted.contains("agent-frame-not-understood"), "{greeted}");
    let long = [hello("hand", 6), vec![0x7f, 0xff, 0xff, 0xff]].concat();
    assert!(served.raw(&long).await.contains("agent-frame-too-long"));
    assert_eq!(served.raw(b"").await, "");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asker_who_cancels_or_goes_away_ends_the_act() {
    let world = World::new().with("create", "mkfifo fifo && read line < fifo");
    let served = served(&world).await;
    let hand = served.hand().await;
    let task = world.task().await;
    let at_work = || async { world.path("data/fifo").exists().then_some(()) };
    let free = || async {
        let error = world.act(&world.hand(), Act::Start(task.clone())).await.expect_err("never created");
        (error.kind != Kind::Busy).then_some(())
    };

    let watch = Wish::default();
    let act = world.act_watched(&hand, Act::Create(task.clone()), &watch);
    let cancel = async {
        until("the creation at work", at_work).await;
        watch.0.store(true, Ordering::Relaxed);
    };
    let (act, ()) = tokio::join!(act, cancel);
    assert_eq!(act.expect_err("cancelled").kind, Kind::Cancelled);
    until("the member free again", free).await;

    std::fs::remove_file(world.path("data/fifo")).expect("removed");
    let gone = tokio::select! {
        _ = world.act(&hand, Act::Create(task.clone())) => false,
        () = until("the creation at work", at_work) => true,
    };
    assert!(gone, "the asker went away while the act was at work");
    until("the member free again", free).await;
    assert_eq!(world.data(&hand).await, DataSeen::Unfinished);
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_door_one_agent_and_only_in_a_closed_folder() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let served = served(&world).await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&served.socket), 0o600);
    assert_eq!(mode(served.socket.parent().expect("a folder")), 0o700);
    let second = serve(options(&world), parts(&world.vault)).await.expect_err("one serves already");
    assert_eq!(second.kind, Kind::Busy);
    let folder = served.socket.parent().expect("a folder").to_owned();
    served.end().await;
    assert!(connect(&options(&world).socket).await.expect("asked").is_none());
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).expect("opened");
    let open = serve(options(&world), parts(&world.vault)).await.expect_err("anybody could serve there");
    assert_eq!(open.kind, Kind::Denied);
    let mut long = options(&world);
    long.socket = folder.join("x".repeat(200));
    assert_eq!(serve(long, parts(&world.vault)).await.expect_err("too long").kind, Kind::Input);
}

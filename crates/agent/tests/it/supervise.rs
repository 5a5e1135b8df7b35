//! Watching: what dies is started again and told, whoever watches.

use std::{
    path::{Path, PathBuf},
    process::Child,
    time::Duration,
};

use roadstead_agent::{DoorHand, connect};
use roadstead_core::{
    plan::Act,
    port::{Hand, engine::EngineAct},
    seen::{DataSeen, ProcessSeen, Reach},
};
use rustix::process::Signal;

use crate::world::{World, lives, signal, until};

async fn process(world: &World, hand: &dyn Hand) -> ProcessSeen {
    world.seen(hand).await.on_host.expect("its host knows it").process
}

async fn restarted(world: &World, hand: &dyn Hand, before: u32, count: u32) -> u32 {
    until("the member started again", || async {
        match process(world, hand).await {
            ProcessSeen::Running { pid, restarts } if pid != before && restarts == count => Some(pid),
            _ => None,
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_dies_is_started_again_with_growing_pauses_and_told() {
    let world = World::new();
    let hand = world.hand();
    world.up(&hand).await;
    let first = world.pid(&hand).await.expect("it runs");
    // Nobody starts a member that is being acted on: however late this test looks, it sees the death.
    let held = std::fs::File::options().write(true).open(world.path("agent/lock")).expect("its lock");
    held.lock().expect("held");
    let began = std::time::Instant::now();
    signal(first, Signal::KILL);
    let seen = until("the death seen", || async {
        let seen = world.look(&hand).await;
        let on_host = seen.members.values().next().and_then(|member| member.on_host.clone());
        match on_host?.process {
            // How it ended is known a moment after that it ended.
            ProcessSeen::BackingOff { failures: 1, last } if last.to_string().contains("signal 9") => {
                Some(seen)
            }
            _ => None,
        }
    })
    .await;
    held.unlock().expect("freed");
    assert_eq!(seen.findings, [], "what is seen of the process says it all");
    assert_eq!(seen.members.values().next().expect("one").reach, Reach::Stopped);
    let second = restarted(&world, &hand, first, 1).await;
    let pause = began.elapsed();
    assert!(pause >= Duration::from_millis(500), "{pause:?}");
    let began = std::time::Instant::now();
    signal(second, Signal::KILL);
    restarted(&world, &hand, second, 2).await;
    let pause = began.elapsed();
    assert!(pause >= Duration::from_secs(1), "the second death in a row waits longer: {pause:?}");
    let told = world.look(&hand).await.findings;
    assert!(told.iter().any(|finding| finding.what.key == "agent-member-restarted"), "{told:?}");
    world.down(&hand).await;
    assert_eq!(process(&world, &hand).await, ProcessSeen::Stopped);
}

/// A server whose port somebody took while it was dead does not even run for a moment: nobody takes it for well.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_port_was_taken_meanwhile_is_not_started_and_comes_up_when_it_is_free() {
    let world = World::new();
    let hand = world.hand();
    world.up(&hand).await;
    let first = world.pid(&hand).await.expect("it runs");
    let held = std::fs::File::options().write(true).open(world.path("agent/lock")).expect("its lock");
    held.lock().expect("held");
    signal(first, Signal::KILL);
    let other = until("its port", || async { std::net::TcpListener::bind(("127.0.0.1", world.port())).ok() });
    let other = other.await;
    held.unlock().expect("freed");
    until("the attempt told", || async {
        match process(&world, &hand).await {
            ProcessSeen::BackingOff { last, .. } => {
                last.to_string().contains("agent-port-taken").then_some(())
            }
            other => panic!("nothing of it can run: {other:?}"),
        }
    })
    .await;
    drop(other);
    until("the member up", || async {
        matches!(world.seen(&hand).await.reach, Reach::Running).then_some(())
    })
    .await;
    world.down(&hand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_another_hand_stops_or_starts_is_not_fought_over() {
    let world = World::new();
    let (hand, other) = (world.hand(), world.hand());
    let task = world.up(&hand).await;
    let first = world.pid(&hand).await.expect("it runs");
    assert_eq!(world.pid(&other).await, Some(first), "known by what was written down");
    world.act(&other, Act::Restart(task)).await.expect("restarted by the other");
    let second = world.pid(&other).await.expect("it runs");
    let adopted = until("the other's server watched here too", || async {
        matches!(process(&world, &hand).await, ProcessSeen::Running { pid, .. } if pid == second)
            .then_some(())
    });
    adopted.await;
    assert!(!lives(first));
    world.down(&other).await;
    until("the first hand no longer waiting to start it", || async {
        (process(&world, &hand).await == ProcessSeen::Stopped).then_some(())
    })
    .await;
    assert_eq!(world.pid(&other).await, None);
}

/// An agent in a process of its own, killed when dropped.
struct Agent {
    child: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(world: &World) -> Self {
        let socket = world.folder.path().join("s/agent.sock");
        let program = std::env::current_exe().expect("this test");
        let examples =
            program.parent().and_then(|deps| deps.parent()).expect("a target folder").join("examples");
        let child = std::process::Command::new(examples.join("agent"))
            .arg(&socket)
            .arg(world.host().data)
            .spawn()
            .expect("the example of this crate is built with its tests");
        Self { child, socket }
    }

    async fn hand(&self) -> DoorHand {
        let pid = self.child.id();
        until("the agent's door", || async {
            connect(&self.socket).await.ok().flatten().filter(|hand| hand.pid == pid)
        })
        .await
    }

    fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_agent_leaves_its_members_serving_and_the_next_watches_them() {
    let world = World::new();
    let mut first = Agent::start(&world);
    let hand = first.hand().await;
    world.up(&hand).await;
    let pid = world.pid(&hand).await.expect("it runs");
    assert_eq!(world.look(&hand).await.host.agent.expect("an agent").pid, first.child.id());
    first.kill();
    assert!(connect(&first.socket).await.expect("asked").is_none(), "nobody serves");
    let seen = world.seen(&world.hand()).await;
    assert_eq!(seen.reach, Reach::Running, "the member serves on");

    let second = Agent::start(&world);
    let hand = second.hand().await;
    assert_eq!(world.pid(&hand).await, Some(pid), "the same process, taken over");
    signal(pid, Signal::KILL);
    let again = restarted(&world, &hand, pid, 1).await;
    hand.shutdown().await.expect("ended");
    assert!(lives(again), "a member outlives its agent's orderly end too");

    let mut third = Agent::start(&world);
    let hand = third.hand().await;
    third.kill();
    signal(again, Signal::KILL);
    until("the member gone", || async { (!lives(again)).then_some(()) }).await;
    assert_eq!(
        process(&world, &world.hand()).await,
        ProcessSeen::Dead,
        "it should run, and nobody starts it"
    );
    drop(hand);
    let fourth = Agent::start(&world);
    let hand = fourth.hand().await;
    until("the member started by the next agent", || async {
        matches!(world.seen(&hand).await.reach, Reach::Running).then_some(())
    })
    .await;
    world.act(&hand, Act::Stop(world.task().await)).await.expect("stopped");
    hand.shutdown().await.expect("ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_agent_serves_as_soon_as_the_one_before_said_that_it_ended() {
    let world = World::new();
    let mut before = None;
    for _ in 0..20 {
        let agent = Agent::start(&world);
        let hand = agent.hand().await;
        hand.shutdown().await.expect("ended");
        // Reaped only when the next one serves: its process may still be on its way out.
        before.replace(agent);
    }
}

/// The process of this program that works in a folder; `None`: none does.
fn working_in(folder: &Path, program: &Path) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").expect("listed").flatten();
    let inside = |entry: &std::fs::DirEntry| {
        std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
            && std::fs::read_link(entry.path().join("exe")).is_ok_and(|executed| executed == program)
    };
    processes.filter(inside).find_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_agent_left_of_a_proof_or_a_load_is_ended_and_removed_by_the_next() {
    let world = World::new();
    let mut agent = Agent::start(&world);
    let hand = agent.hand().await;
    let task = world.up(&hand).await;
    let payload = serde_json::json!({"key": "fault", "value": "hang"});
    let act = EngineAct { name: "set".into(), payload };
    world.act(&hand, Act::Own { member: task.clone(), act }).await.expect("written");
    world.act(&hand, World::take(task.clone(), 'a')).await.expect("taken");
    world.down(&hand).await;
    let aside = Act::SetAside { member: task.clone(), label: "old".into() };
    world.act(&hand, aside).await.expect("set aside");
    world.act(&hand, Act::Create(task.clone())).await.expect("created");

    let scratch = Path::new(&world.host().data).join("harbour/.scratch");
    // What makes its data works there too, and ends by itself.
    let server = &task.layout.as_ref().expect("a layout").server.path;
    let server = std::fs::canonicalize(server).expect("its program");
    let both = async {
        let scratch = until("the throw-away server", || async { working_in(&scratch, &server) }).await;
        let loading = until("the server for loading", || async { world.pid(&world.hand()).await }).await;
        agent.kill();
        (scratch, loading)
    };
    let prove = world.act(&hand, world.prove('a'));
    let load = world.act(&hand, Act::Load(World::load(task.clone(), 'a')));
    let (proved, loaded, pids) = tokio::join!(prove, load, both);
    for lost in [proved, loaded] {
        assert_eq!(lost.expect_err("the agent was killed").what.key, "agent-door-cut");
    }
    assert!(lives(pids.1), "the server that loads outlived the agent");
    until("the throw-away server ended without anybody's command", || async {
        let gone = std::fs::read_dir(&scratch).map_or(true, |mut left| left.next().is_none());
        (!lives(pids.0) && gone).then_some(())
    })
    .await;

    let next = Agent::start(&world);
    let hand = next.hand().await;
    until("the server that loads ended", || async { (!lives(pids.1)).then_some(()) }).await;
    assert_eq!(world.data(&hand).await, DataSeen::HalfLoaded, "half a load counts as none");
    world.act(&hand, Act::Create(task.clone())).await.expect("made again");
    world.act(&hand, Act::Start(task)).await.expect("started");
    world.down(&hand).await;
    hand.shutdown().await.expect("ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_killed_before_its_note_is_found_by_its_folder() {
    let world = World::new();
    let hand = world.hand();
    world.up(&hand).await;
    let pid = world.pid(&hand).await.expect("it runs");
    std::fs::write(world.path("agent/process.json"), "\"starting\"").expect("written");
    assert_eq!(world.pid(&world.hand()).await, Some(pid));
    world.down(&world.hand()).await;
    assert!(!lives(pid));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_inherited_the_number_is_not_taken_for_the_member() {
    let world = World::new();
    let hand = world.hand();
    world.up(&hand).await;
    world.down(&hand).await;
    let path = world.path("agent/process.json");
    let record = serde_json::json!({"started": {
        "identity": {"pid": std::process::id(), "start": 1, "boot": "x", "executable": "/bin/true"},
        "restarts": 0,
    }});
    std::fs::write(&path, record.to_string()).expect("written");
    assert_eq!(process(&world, &world.hand()).await, ProcessSeen::Stopped);
    world.down(&world.hand()).await;
    assert!(lives(std::process::id()), "this very test was not stopped for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_running_member_is_bounded() {
    let world = World::new();
    let hand = world.hand();
    world.up(&hand).await;
    let (log, old) = (world.path("log/server.log"), world.path("log/server.log.1"));
    let long = 65 << 20;
    std::fs::File::options().write(true).open(&log).expect("a log").set_len(long).expect("a long one");
    until("the log put aside", || async {
        let length = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        (length(&log) < 1 << 20 && length(&old) == long).then_some(())
    })
    .await;
    assert!(lives(world.pid(&hand).await.expect("it runs")));
    world.down(&hand).await;
}

//! Creating, starting, stopping, setting aside; and everything that must be refused.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, sync::atomic::Ordering, time::Instant};

use roadstead_core::{
    Error, Kind, SecretRef, Text,
    model::Name,
    plan::{Act, MemberTask},
    port::{
        Hand,
        engine::EngineAct,
        hand::{LookAsk, Purse},
        layout::Piece,
    },
    secret::SecretForm,
    seen::{DataSeen, Identity, ProcessSeen, Reach},
};
use rustix::process::Signal;

use crate::world::{Wish, World, lives, signal, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_member_lives_from_creation_to_stop_and_each_act_twice_changes_nothing() {
    let world = World::new();
    let hand = world.hand();
    let task = world.task().await;
    assert_eq!(world.data(&hand).await, DataSeen::Absent);
    for (act, changes) in [
        (Act::Create(task.clone()), true),
        (Act::Create(task.clone()), false),
        (Act::Start(task.clone()), true),
        (Act::Start(task.clone()), false),
    ] {
        assert_eq!(world.act(&hand, act.clone()).await.expect("done").changed, changes, "{act:?}");
    }
    let seen = world.seen(&hand).await;
    assert_eq!(seen.reach, Reach::Running);
    let on_host = seen.on_host.expect("its host knows it");
    assert!(matches!(&on_host.data, DataSeen::Ours(Identity { member, .. }) if member.as_str() == "words-1"));
    let conf = world.path("conf/server.conf").display().to_string();
    assert_eq!(on_host.files.keys().collect::<Vec<_>>(), [&conf], "secrets are no configuration");
    assert!(world.look(&hand).await.host.is_taken([127, 0, 0, 1].into(), world.port()));
    for changes in [true, false] {
        let outcome = world.act(&hand, Act::Stop(task.clone())).await.expect("stopped");
        assert_eq!((outcome.changed, outcome.findings.len()), (changes, 0));
    }
    let seen = world.seen(&hand).await;
    assert_eq!(
        (seen.reach, seen.on_host.map(|host| host.process)),
        (Reach::Stopped, Some(ProcessSeen::Stopped))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_a_home_is_closed_and_what_was_for_creation_is_gone() {
    let world = World::new();
    let hand = world.hand();
    world.up(&hand).await;
    let mode = |path: &str| fs::metadata(world.path(path)).expect(path).permissions().mode() & 0o7777;
    assert_eq!(mode("secrets/admin"), 0o600);
    assert_eq!(mode("secrets/auth.conf"), 0o600, "a file with a secret is closed whatever its layout says");
    assert_eq!((mode("conf/server.conf"), mode("agent"), mode("data")), (0o640, 0o700, 0o700));
    assert!(!world.path("secrets/once").exists());
    let pid = world.pid(&hand).await.expect("it runs");
    let password = fs::read_to_string(world.path("secrets/admin")).expect("read");
    assert!(password.len() >= 22 && password.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    for file in ["cmdline", "environ"] {
        let text =
            String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/{file}")).expect("read")).into_owned();
        assert!(!text.contains(&password), "the password is in {file}");
    }
    for entry in fs::read_dir(world.path("agent")).expect("listed").flatten() {
        assert!(!fs::read_to_string(entry.path()).expect("read").contains(&password), "{:?}", entry.path());
    }
    world.down(&hand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_creation_is_unfinished_and_made_again() {
    let world = World::new().with("create", "echo half > half; exit 7");
    let hand = world.hand();
    let error = world.act(&hand, Act::Create(world.task().await)).await.expect_err("exit status 7");
    assert_eq!(error.kind, Kind::Failed);
    assert!(world.path("data/half").exists());
    assert!(!world.path("secrets/once").exists(), "what was for creation goes even when it fails");
    assert_eq!(world.data(&hand).await, DataSeen::Unfinished);
    let refused = world.act(&hand, Act::Start(world.task().await)).await.expect_err("half made");
    assert_eq!(refused.kind, Kind::Precondition);
    let world = world.with("create", "true");
    world.up(&hand).await;
    assert!(!world.path("data/half").exists());
    // Nobody can tell whose it was, so it is kept, and listed.
    let asides = world.asides(&hand).await;
    let [aside] = asides.as_slice() else { panic!("{asides:?}") };
    assert!(fs::read_to_string(std::path::Path::new(&aside.path).join("half")).is_ok(), "{aside:?}");
    assert!(aside.since.is_some(), "{aside:?}");
    world.down(&hand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_a_killed_creation_left_at_work_is_ended_before_the_next() {
    use std::os::unix::process::CommandExt;
    let world = World::new().with("create", "exit 7");
    let hand = world.hand();
    world.act(&hand, Act::Create(world.task().await)).await.expect_err("exit status 7");
    // As a creation whose hand was killed: a program that writes to the log, and would wipe the data when it fails.
    let log = fs::File::options().append(true).open(world.path("log/server.log")).expect("a log");
    let mut left = std::process::Command::new("/bin/sh")
        .args(["-c", "read never; rm -rf data"])
        .current_dir(&world.home().root)
        .stdin(std::process::Stdio::piped())
        .stdout(log)
        .process_group(0)
        .spawn()
        .expect("started");
    let world = world.with("create", "echo made > made");
    world.act(&hand, Act::Create(world.task().await)).await.expect("created");
    assert!(!lives(left.id()), "it was ended first");
    left.wait().expect("reaped");
    assert!(world.path("data/made").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_data_is_refused_and_left_alone() {
    let world = World::new();
    let hand = world.hand();
    fs::create_dir_all(world.path("data")).expect("made");
    fs::write(world.path("data/somebody"), "else").expect("written");
    assert!(matches!(world.data(&hand).await, DataSeen::Foreign(_)));
    let task = world.task().await;
    for act in [
        Act::Create(task.clone()),
        Act::Start(task.clone()),
        Act::SetAside { member: task.clone(), label: "x".into() },
    ] {
        assert_eq!(world.act(&hand, act).await.expect_err("foreign").kind, Kind::Exists);
    }
    assert_eq!(fs::read_to_string(world.path("data/somebody")).expect("read"), "else");
    assert_eq!(fs::read_dir(world.path("data")).expect("listed").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_another_owner_or_a_newer_version_is_refused_with_the_difference() {
    let world = World::new();
    let hand = world.hand();
    let task = world.task().await;
    world.act(&hand, Act::Create(task.clone())).await.expect("created");
    let path = world.path("data/roadstead-identity.json");
    let text = fs::read_to_string(&path).expect("read");
    let version = task.layout.as_ref().expect("a layout").version.to_string();
    for (key, from, to, told) in [
        ("fleet", "harbour", "other", "agent-data-of-fleet"),
        ("cluster", "words", "other", "agent-data-of-cluster"),
        ("member", "words-1", "other", "agent-data-of-member"),
        ("engine", "tiny", "other", "agent-data-of-engine"),
        ("flavour", "tiny", "other", "agent-data-of-flavour"),
    ] {
        let (line, other) = (format!("\"{key}\": \"{from}\""), format!("\"{key}\": \"{to}\""));
        assert!(text.contains(&line), "{line} in {text}");
        fs::write(&path, text.replace(&line, &other)).expect("written");
        let error = world.act(&hand, Act::Start(task.clone())).await.expect_err(key);
        assert_eq!((error.kind, error.what.key.as_str()), (Kind::Exists, told));
    }
    let mut newer: Identity = serde_json::from_str(&text).expect("an identity");
    newer.version.parts[0] += 1;
    fs::write(&path, serde_json::to_vec(&newer).expect("plain")).expect("written");
    let error = world.act(&hand, Act::Start(task.clone())).await.expect_err("newer");
    assert_eq!((error.kind, error.what.key.as_str()), (Kind::Precondition, "agent-data-newer"));
    assert!(error.what.to_string().contains(&version));
    fs::write(&path, "{ not an identity").expect("written");
    assert!(matches!(world.data(&hand).await, DataSeen::Foreign(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_told_with_its_holder() {
    let world = World::new();
    let hand = world.hand();
    let task = world.task().await;
    world.act(&hand, Act::Create(task.clone())).await.expect("created");
    let taken = TcpListener::bind(("0.0.0.0", world.port())).expect("taken by this test");
    let error = world.act(&hand, Act::Start(task.clone())).await.expect_err("taken");
    assert_eq!((error.kind, error.retry), (Kind::Busy, false));
    assert!(error.what.to_string().contains(&format!("pid={}", std::process::id())), "{error}");
    assert_eq!(world.pid(&hand).await, None);
    drop(taken);
    world.act(&hand, Act::Start(task)).await.expect("free now");
    world.down(&hand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_process_is_unreachable_in_time_and_can_still_be_stopped_in_order() {
    let world = World::new();
    let hand = world.hand();
    let task = world.up(&hand).await;
    let pid = world.pid(&hand).await.expect("it runs");
    signal(pid, Signal::STOP);
    let mut looks = Vec::new();
    for _ in 0..3 {
        let began = Instant::now();
        let seen = world.seen(&hand).await;
        looks.push(began.elapsed());
        assert!(
            matches!(&seen.reach, Reach::Unreachable(error) if error.kind == Kind::Unreachable),
            "{seen:?}"
        );
        let process = seen.on_host.expect("known").process;
        assert!(matches!(process, ProcessSeen::Running { pid: same, .. } if same == pid));
    }
    // The deadline is two seconds; one of three looks has not to wait for the machine as well.
    assert!(looks.iter().any(|took| took.as_millis() < 2_500), "{looks:?}");
    let stopped = world.act(&hand, Act::Stop(task)).await.expect("stopped");
    assert!(stopped.findings.is_empty(), "it heard the orderly signal");
    assert!(!lives(pid));
}

/// What was last heard of a member that waits to be started again; for a moment it may run, as far as anybody knows.
async fn backing_off(world: &World, hand: &dyn Hand) -> Text {
    until("the member to back off", || async {
        match world.seen(hand).await.on_host.expect("known").process {
            ProcessSeen::BackingOff { last, .. } => Some(last),
            _ => None,
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_while_starting_is_told_with_its_last_words() {
    let world = World::new();
    let hand = world.hand();
    let mut task = world.task().await;
    world.act(&hand, Act::Create(task.clone())).await.expect("created");
    task.layout.as_mut().expect("a layout").server.args.push("--no-such-setting".into());
    let error = world.act(&hand, Act::Start(task)).await.expect_err("it ends");
    assert_eq!(error.what.key, "agent-start-died");
    assert!(error.causes.iter().any(|line| line.contains("no-such-setting")), "{:?}", error.causes);
    let last = backing_off(&world, &hand).await;
    assert!(last.to_string().contains("no-such-setting"), "{last}");
    world.down(&hand).await;
    assert_eq!(world.seen(&hand).await.on_host.expect("known").process, ProcessSeen::Stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_port_is_taken_at_its_first_start_is_told_as_failed_and_comes_up_when_it_is_free() {
    let world = World::new();
    let hand = world.hand();
    let task = world.task().await;
    world.act(&hand, Act::Create(task.clone())).await.expect("created");
    let other = std::net::TcpListener::bind(("127.0.0.1", world.port())).expect("its port");
    let error = world.act(&hand, Act::Start(task)).await.expect_err("the port is taken");
    assert_eq!(error.what.key, "agent-port-taken");
    let seen = world.seen(&hand).await.on_host.expect("known");
    assert!(matches!(seen.process, ProcessSeen::BackingOff { .. }), "{seen:?}");
    drop(other);
    until("the member up", || async { (world.seen(&hand).await.reach == Reach::Running).then_some(()) })
        .await;
    world.down(&hand).await;
}

/// Its program is gone, or takes a setting no more: what cannot be laid out anew is stopped by what it was started by.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_cannot_be_laid_out_any_more_is_stopped() {
    let world = World::new();
    let hand = world.hand();
    let task = world.up(&hand).await;
    let bare = MemberTask { layout: None, ..task };
    world.act(&hand, Act::Stop(bare.clone())).await.expect("stopped");
    assert_eq!(world.seen(&hand).await.on_host.expect("known").process, ProcessSeen::Stopped);
    world.act(&hand, Act::Stop(bare)).await.expect("it is stopped already");
}

/// A restart into a configuration that the server refuses: nobody stopped it on purpose.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_ran_and_does_not_start_again_is_tried_again_and_not_taken_for_stopped() {
    let world = World::new();
    let hand = world.hand();
    let task = world.up(&hand).await;
    world.act(&hand, Act::Stop(task.clone())).await.expect("stopped");
    let mut broken = task.clone();
    broken.layout.as_mut().expect("a layout").server.args.push("--no-such-setting".into());
    world.act(&hand, Act::Start(broken)).await.expect_err("it ends");
    backing_off(&world, &hand).await;
    world.act(&hand, Act::Start(task)).await.expect("the old configuration is good");
    let seen = world.seen(&hand).await.on_host.expect("known");
    assert!(matches!(seen.process, ProcessSeen::Running { .. }), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_aside_renames_once_and_only_what_does_not_run() {
    let world = World::new();
    let hand = world.hand();
    let task = world.up(&hand).await;
    let aside = |label: &str| Act::SetAside { member: task.clone(), label: label.into() };
    assert_eq!(world.act(&hand, aside("a")).await.expect_err("it runs").kind, Kind::Precondition);
    world.down(&hand).await;
    for wrong in ["", "../x", "a/b"] {
        assert_eq!(world.act(&hand, aside(wrong)).await.expect_err(wrong).kind, Kind::Input);
    }
    assert!(world.act(&hand, aside("a")).await.expect("set aside").changed);
    assert!(!world.act(&hand, aside("a")).await.expect("again").changed);
    assert_eq!(world.data(&hand).await, DataSeen::Absent);
    assert!(world.path("data.a/appendonlydir").exists());
    world.act(&hand, Act::Create(task.clone())).await.expect("created anew");
    assert_eq!(world.act(&hand, aside("a")).await.expect_err("taken").kind, Kind::Exists);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_act_writes_and_a_file_with_an_unknown_secret_is_refused() {
    let world = World::new();
    let hand = world.hand();
    let mut task = world.up(&hand).await;
    let payload = serde_json::json!({"key": "a", "value": "1"});
    let act = EngineAct { name: "set".into(), payload };
    world.act(&hand, Act::Own { member: task.clone(), act }).await.expect("done");
    let unknown = Piece::Secret(SecretRef::Env("NOT_SENT".into()), SecretForm::Raw);
    task.layout.as_mut().expect("a layout").files[0].body.push(unknown);
    let error = world.act(&hand, Act::Reload(task)).await.expect_err("no such secret");
    assert_eq!(error.kind, Kind::NotFound);
    world.down(&hand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_acts_on_one_member_at_once_are_refused_and_a_cancelled_one_ends() {
    let world = World::new().with("create", "mkfifo fifo && read line < fifo");
    let hand = world.hand();
    let task = world.task().await;
    let watch = Wish::default();
    let slow = world.act_watched(&hand, Act::Create(task.clone()), &watch);
    let second = async {
        let at_work = || async { world.path("data/fifo").exists().then_some(()) };
        until("the creation at work", at_work).await;
        let refused = world.act(&world.hand(), Act::WriteFiles(task.clone())).await;
        watch.0.store(true, Ordering::Relaxed);
        refused
    };
    let (first, second) = tokio::join!(slow, second);
    let second = second.expect_err("the first holds it");
    assert_eq!(second.kind, Kind::Busy);
    assert!(second.what.to_string().contains("ann@quay"), "{second}");
    assert_eq!(first.expect_err("cancelled").kind, Kind::Cancelled);
    assert_eq!(world.data(&hand).await, DataSeen::Unfinished);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_of_the_same_name_is_refused_and_a_moved_file_is_followed() {
    let mut world = World::new();
    let hand = world.hand();
    fs::write(world.fleet_file(), "fleet: harbour").expect("written");
    world.up(&hand).await;
    world.file = "copy.yaml".into();
    let (is, wanted) = (world.folder.path().join("fleet.yaml"), world.fleet_file());
    let seen = world.seen(&hand).await;
    let Reach::Refused(Error { what: why, .. }) = seen.reach else { panic!("it is not ours: {seen:?}") };
    assert_eq!(seen.on_host, None, "what runs there is not this fleet's");
    assert_eq!(why.key, "agent-data-of-namesake");
    for file in [is.display().to_string(), wanted.clone()] {
        assert!(why.to_string().contains(&file), "{why}");
    }
    let refused = world.act(&hand, Act::Restart(world.task().await)).await.expect_err("not ours");
    assert_eq!(refused.what.key, "agent-data-of-namesake");

    // A file that is gone from where it was has been moved.
    fs::rename(&is, &wanted).expect("moved");
    assert!(matches!(world.data(&hand).await, DataSeen::Ours(_)));
    world.act(&hand, Act::Restart(world.task().await)).await.expect("ours");
    // From then on the data belongs to the file that it followed.
    fs::write(&is, "fleet: harbour").expect("written");
    let DataSeen::Ours(identity) = world.data(&hand).await else { panic!("still ours") };
    assert_eq!(identity.fleet_file, wanted);
    world.down(&hand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_nobody_declares_are_found_by_their_homes() {
    let world = World::new();
    let hand = world.hand();
    world.up(&hand).await;
    let member = world.cluster.first().name.clone();
    let looked = |known: Option<Vec<Name>>| {
        let ask = LookAsk { besides: known, ..world.ask(vec![]) };
        let hand = hand.clone();
        async move { hand.look(&ask, &Purse::new()).await.expect("a look") }
    };
    assert!(looked(None).await.members.is_empty(), "nobody asked");
    assert!(looked(Some(vec![member.clone()])).await.members.is_empty(), "it is known");
    let found = looked(Some(vec![])).await;
    assert_eq!(found.members[&member].reach, Reach::Running);
    assert_eq!((found.besides.len(), &found.besides[&member]), (1, &world.cluster));
    world.down(&hand).await;
    assert_eq!(looked(Some(vec![])).await.members[&member].reach, Reach::Stopped);
}

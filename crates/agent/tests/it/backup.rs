//! Taking, checking, proving, loading, comparing; and what speaks against a snapshot and what does not.

use std::{fs, path::Path, sync::atomic::Ordering};

use roadstead_core::{
    Kind,
    plan::{Act, MemberTask},
    port::{Hand, engine::EngineAct, vault::Stage},
    seen::{DataSeen, Reach},
};

use crate::world::{Wish, World, lives, until};

async fn put(world: &World, hand: &dyn Hand, task: &MemberTask, key: &str, value: &str) {
    let act = EngineAct { name: "set".into(), payload: serde_json::json!({"key": key, "value": value}) };
    world.act(hand, Act::Own { member: task.clone(), act }).await.expect("written");
}

/// A member with a few words, taken as snapshot `a`; one word asks the load for a fault.
async fn taken(world: &World, hand: &dyn Hand, fault: &str) -> MemberTask {
    let task = world.up(hand).await;
    for (key, value) in [("altered", "1"), ("lost", "2"), ("fault", fault)] {
        put(world, hand, &task, key, value).await;
    }
    world.act(hand, World::take(task.clone(), 'a')).await.expect("taken");
    task
}

fn scratch_is_empty(world: &World) -> bool {
    let folder = Path::new(&world.host().data).join("harbour/.scratch");
    std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_taken_checked_and_proven_and_nothing_is_left_behind() {
    let world = World::new();
    let hand = world.hand();
    let task = taken(&world, &hand, "none").await;
    let again = world.act(&hand, World::take(task.clone(), 'a')).await.expect("taken before");
    assert!(!again.changed && again.record.is_some(), "an id is taken once");
    world.act(&hand, Act::Check(World::snapshot('a'))).await.expect("whole");
    let proven = world.act(&hand, world.prove('a')).await.expect("proven");
    let comparison = proven.comparison.expect("compared");
    assert_eq!((comparison.by_content, comparison.is_equal()), (3, true));
    let record = world.vault.kept(&World::snapshot('a').snapshot).expect("kept");
    assert_eq!((record.stage(), record.history.len()), (Stage::Proven, 2));
    assert_eq!(record.draft.by, "ann@quay");
    assert!(scratch_is_empty(&world));
    world.act(&hand, Act::Compare(World::load(task.clone(), 'a'))).await.expect("equal");
    put(&world, &hand, &task, "lost", "changed since").await;
    let error = world.act(&hand, Act::Compare(World::load(task, 'a'))).await.expect_err("differs");
    assert_eq!(error.kind, Kind::Corrupt);
    assert!(error.to_string().contains("lost"), "{error}");
    world.down(&hand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_differs_is_noted_and_named() {
    for (fault, named, noted) in [
        ("alter", "altered", true),
        ("lose", "lost", true),
        ("refuse", "refused", true),
        ("full", "full", false),
    ] {
        let world = World::new();
        let hand = world.hand();
        taken(&world, &hand, fault).await;
        let error = world.act(&hand, world.prove('a')).await.expect_err(fault);
        assert!(error.to_string().contains(named), "{fault}: {error}");
        let record = world.vault.kept(&World::snapshot('a').snapshot).expect("kept");
        let events: Vec<_> = record.history.iter().map(|event| (event.stage, event.passed)).collect();
        let wanted: &[_] = if noted { &[(Stage::Proven, false)] } else { &[] };
        assert_eq!(events, wanted, "{fault}");
        assert!(scratch_is_empty(&world), "{fault}");
        world.down(&hand).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_in_the_vault_fails_check_and_proof_and_is_noted() {
    let world = World::new();
    let hand = world.hand();
    taken(&world, &hand, "none").await;
    world.vault.meddle(&World::snapshot('a').snapshot, |_, source| {
        source.damage("words.json", |bytes| bytes[2] ^= 1);
    });
    for act in [Act::Check(World::snapshot('a')), world.prove('a')] {
        assert_eq!(world.act(&hand, act).await.expect_err("damaged").kind, Kind::Corrupt);
    }
    let record = world.vault.kept(&World::snapshot('a').snapshot).expect("kept");
    let events: Vec<_> = record.history.iter().map(|event| (event.stage, event.passed)).collect();
    assert_eq!(events, [(Stage::Checked, false), (Stage::Proven, false)]);
    world.down(&hand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_dies_or_is_cancelled_leaves_no_snapshot_and_two_at_once_are_refused() {
    let world = World::new().with("dump", "die");
    let hand = world.hand();
    let task = world.up(&hand).await;
    assert_eq!(world.act(&hand, World::take(task.clone(), 'a')).await.expect_err("died").kind, Kind::Failed);
    let world = world.with("dump", "hang");
    let task = MemberTask { cluster: world.cluster.clone(), ..task };
    let watch = Wish::default();
    let first = world.act_watched(&hand, World::take(task.clone(), 'a'), &watch);
    let second = async {
        let refused = until("the second backup refused", || async {
            world
                .act(&world.hand(), World::take(task.clone(), 'b'))
                .await
                .err()
                .filter(|e| e.kind == Kind::Busy)
        });
        // The second must not be the one that hangs: it only tries once the first holds the lock.
        let locks = Path::new(&world.host().data).join("harbour/.locks");
        let taken = || std::fs::read_dir(&locks).is_ok_and(|mut locks| locks.next().is_some());
        until("the first at work", || async { taken().then_some(()) }).await;
        let error = refused.await;
        watch.0.store(true, Ordering::Relaxed);
        error
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.expect_err("cancelled").kind, Kind::Cancelled);
    assert!(second.what.to_string().contains("ann@quay"), "{second}");
    for id in ['a', 'b'] {
        assert!(world.vault.kept(&World::snapshot(id).snapshot).is_none());
    }
    world.down(&hand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_and_a_missing_program_are_errors_of_the_act_alone() {
    let world = World::new();
    let hand = world.hand();
    taken(&world, &hand, "none").await;
    let order = World::order(world.prove('a'));
    let mut purse = World::purse();
    for secret in purse.values_mut() {
        *secret = roadstead_core::Secret::new("another key altogether");
    }
    let error = hand.act(&order, &purse, &Wish::default()).await.expect_err("wrong key");
    assert_eq!(error.kind, Kind::Denied);
    let record = world.vault.kept(&World::snapshot('a').snapshot).expect("kept");
    assert!(record.history.is_empty());
    world.down(&hand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_loaded_into_new_data_and_never_into_used() {
    let world = World::new();
    let hand = world.hand();
    let task = taken(&world, &hand, "none").await;
    let load = || Act::Load(World::load(task.clone(), 'a'));
    assert_eq!(world.act(&hand, load()).await.expect_err("it runs").kind, Kind::Precondition);
    world.down(&hand).await;
    assert_eq!(world.act(&hand, load()).await.expect_err("it was used").kind, Kind::Exists);
    let aside = Act::SetAside { member: task.clone(), label: "old".into() };
    world.act(&hand, aside).await.expect("set aside");
    assert_eq!(world.act(&hand, load()).await.expect_err("no data").kind, Kind::Precondition);
    world.act(&hand, Act::Create(task.clone())).await.expect("created");
    assert!(world.act(&hand, load()).await.expect("loaded").changed);
    assert!(!world.act(&hand, load()).await.expect("loaded before").changed);
    assert_eq!(world.seen(&hand).await.reach, Reach::Stopped, "a load leaves the member stopped");
    world.act(&hand, Act::Start(task.clone())).await.expect("started");
    world.act(&hand, Act::Compare(World::load(task.clone(), 'a'))).await.expect("equal");
    world.down(&hand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_load_is_unfinished_and_made_again() {
    let world = World::new();
    let hand = world.hand();
    let task = taken(&world, &hand, "hang").await;
    world.down(&hand).await;
    let aside = Act::SetAside { member: task.clone(), label: "old".into() };
    world.act(&hand, aside).await.expect("set aside");
    world.act(&hand, Act::Create(task.clone())).await.expect("created");
    let watch = Wish::default();
    let load = world.act_watched(&hand, Act::Load(World::load(task.clone(), 'a')), &watch);
    let cancel = async {
        let pid = until("the server for loading", || async { world.pid(&hand).await }).await;
        watch.0.store(true, Ordering::Relaxed);
        pid
    };
    let (load, pid) = tokio::join!(load, cancel);
    assert_eq!(load.expect_err("cancelled").kind, Kind::Cancelled);
    assert!(!lives(pid), "the server for loading is gone");
    assert_eq!(world.data(&hand).await, DataSeen::HalfLoaded, "half a load counts as none");
    assert_eq!(world.act(&hand, Act::Start(task.clone())).await.expect_err("half").kind, Kind::Precondition);
    world.act(&hand, Act::Create(task.clone())).await.expect("made again");
    assert!(matches!(world.data(&hand).await, DataSeen::Ours(_)));
}

/// Whoever puts the old data back while a restore waits has decided: it counts, and nothing of a restore removes it.
#[tokio::test(flavor = "multi_thread")]
async fn data_that_was_brought_back_under_a_mark_is_never_removed() {
    let world = World::new();
    let hand = world.hand();
    let task = taken(&world, &hand, "none").await;
    world.down(&hand).await;
    let DataSeen::Ours(old) = world.data(&hand).await else { panic!("it was made") };
    let aside = Act::SetAside { member: task.clone(), label: "old".into() };
    world.act(&hand, aside).await.expect("set aside");
    let make = || Act::CreateToLoad {
        clears: true,
        member: task.clone(),
        snapshot: World::load(task.clone(), 'a').snapshot.snapshot,
    };
    world.act(&hand, make()).await.expect("made");
    assert_eq!(world.data(&hand).await, DataSeen::HalfLoaded);
    let run = world.act(&hand, Act::Start(task.clone())).await.expect_err("not loaded");
    assert_eq!(run.kind, Kind::Precondition);
    let taken = world.act(&hand, World::take(task.clone(), 'b')).await.expect_err("not loaded");
    assert_eq!(taken.what.key, "core-plan-unfinished");

    fs::remove_dir_all(world.path("data")).expect("the operator's");
    fs::rename(world.path("data.old"), world.path("data")).expect("the operator's");
    let refused = world.act(&hand, make()).await.expect_err("it counts");
    assert_eq!(refused.kind, Kind::Exists, "{refused:?}");
    let refused = world.act(&hand, Act::Load(World::load(task.clone(), 'a'))).await.expect_err("it counts");
    assert_eq!(refused.kind, Kind::Exists, "{refused:?}");
    assert_eq!(world.data(&hand).await, DataSeen::Ours(old.clone()));
    world.act(&hand, Act::Start(task.clone())).await.expect("started");
    world.down(&hand).await;
    assert_eq!(world.data(&hand).await, DataSeen::Ours(old));
}

/// The same with data that nobody can tell whose it is, under the mark of a creation.
#[tokio::test(flavor = "multi_thread")]
async fn what_lies_under_a_mark_and_is_not_known_is_set_aside() {
    let world = World::new();
    let hand = world.hand();
    let task = taken(&world, &hand, "none").await;
    world.down(&hand).await;
    let aside = Act::SetAside { member: task.clone(), label: "old".into() };
    world.act(&hand, aside).await.expect("set aside");
    let make = || Act::CreateToLoad {
        clears: true,
        member: task.clone(),
        snapshot: World::load(task.clone(), 'a').snapshot.snapshot,
    };
    world.act(&hand, make()).await.expect("made");
    // As a creation that was killed leaves it.
    fs::write(world.path("unfinished"), "creating").expect("planted");
    fs::remove_dir_all(world.path("data")).expect("the operator's");
    fs::create_dir(world.path("data")).expect("the operator's");
    fs::write(world.path("data/precious"), "1").expect("the operator's");
    let made = world.act(&hand, make()).await.expect("made again");
    assert_eq!(made.findings[0].what.key, "agent-unfinished-kept");
    let kept = || async {
        let asides = world.asides(&hand).await;
        asides
            .iter()
            .filter(|aside| aside.path.contains("data.unfinished-"))
            .map(|aside| aside.path.clone())
            .collect::<Vec<_>>()
    };
    let first = kept().await;
    assert_eq!(first.len(), 1);
    assert_eq!(fs::read_to_string(Path::new(&first[0]).join("precious")).expect("kept"), "1");
    // Half loaded, and said so by the data itself: made again without leaving anything, but only as consented to.
    fs::write(world.path("data/more"), "somebody's").expect("planted");
    let unasked = Act::CreateToLoad {
        clears: false,
        member: task.clone(),
        snapshot: World::load(task.clone(), 'a').snapshot.snapshot,
    };
    world.act(&hand, unasked).await.expect("made again");
    let second = kept().await;
    assert_eq!(second.len(), 2, "{second:?}");
    assert!(second.iter().any(|path| Path::new(path).join("more").exists()), "{second:?}");
    world.act(&hand, make()).await.expect("made again");
    assert_eq!(kept().await.len(), 2);
    assert!(world.act(&hand, Act::Load(World::load(task.clone(), 'a'))).await.expect("loaded").changed);
}

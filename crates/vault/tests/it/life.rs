//! A snapshot's life: taken, listed, read back, noted.

use roadstead_core::{
    Kind, Millis,
    port::{
        stream::write_all,
        vault::{Draft, Stage, Vaults},
    },
};
use roadstead_vault::LocalVaults;

use crate::world::{World, draft, dumped, event, id, key, noise, spec, try_take};

#[tokio::test]
async fn what_was_taken_is_listed_and_read_back() {
    let world = World::new().await;
    let text: Vec<u8> = "a line of a dump\n".repeat(200_000).into_bytes();
    let streams = [
        ("accounts.json", b"[]".to_vec()),
        ("database/orders.dump", text),
        ("database/ü ../..", noise(1, 3_000_000)),
        ("empty", vec![]),
    ];
    let record = world.take(1, &streams).await;
    assert_eq!(record.stage(), Stage::Taken);
    assert_eq!(record.draft, draft(1));
    assert_eq!((record.dumped.clone(), record.took), (dumped(), Millis(7)));
    let names: Vec<_> = record.streams.iter().map(|info| info.name.as_str()).collect();
    assert_eq!(names, streams.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    assert_eq!(record.bytes().0, streams.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
    assert!(record.stored.0 > 3_000_000 && record.stored.0 < 3_500_000, "{:?}", record.stored);
    for (name, bytes) in &streams {
        assert_eq!(world.read(1, name).await.unwrap(), *bytes, "{name}");
    }
    assert_eq!(world.read(1, "other").await.unwrap_err().kind, Kind::NotFound);
    let catalogue = world.reopened().await.catalogue().await.unwrap();
    assert_eq!(catalogue.records, [record]);
    assert!(catalogue.findings.is_empty());
    assert!(world.check(1).await.is_empty());
    assert_eq!(world.structure().await, []);
}

/// A clock that was ahead once must not make an old snapshot the newest for ever.
#[tokio::test]
async fn the_order_of_snapshots_does_not_depend_on_clocks() {
    let world = World::new().await;
    for (name, number) in [(1, 3), (2, 1), (3, 2)] {
        let taking = world.vault.take(Draft { number, ..draft(name) }).await.unwrap();
        taking.commit(dumped(), Millis(1)).await.unwrap();
    }
    let records = world.reopened().await.catalogue().await.unwrap().records;
    assert_eq!(records.iter().map(|record| record.id().clone()).collect::<Vec<_>>(), [id(2), id(3), id(1)]);
}

#[tokio::test]
async fn events_are_appended_and_decide_the_stage() {
    let world = World::new().await;
    world.take(1, &[("a", b"1".to_vec())]).await;
    let other = world.reopened().await;
    for round in 0..4 {
        let (passed, id) = (round != 2, id(1));
        let (one, two) = tokio::join!(
            world.vault.note(&id, event(Stage::Checked, true)),
            other.note(&id, event(Stage::Proven, passed))
        );
        one.unwrap();
        two.unwrap();
    }
    let record = world.vault.record(&id(1)).await.unwrap();
    assert_eq!(record.history.len(), 8);
    assert_eq!(record.history.iter().filter(|event| !event.passed).count(), 1);
    assert_eq!(record.stage(), Stage::Proven);
    let unknown = world.vault.note(&id(2), event(Stage::Checked, true)).await.unwrap_err();
    assert_eq!(unknown.kind, Kind::NotFound);
    assert_eq!(world.vault.record(&id(2)).await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_takes_at_once_and_streams_side_by_side() {
    let world = World::new().await;
    let streams: Vec<(&str, Vec<u8>)> = vec![("one", noise(1, 2_000_000)), ("two", noise(2, 1_000_000))];
    let other = world.reopened().await;
    let (one, two) = tokio::join!(try_take(&*world.vault, 1, &streams), try_take(&*other, 2, &streams));
    assert_eq!(one.unwrap().streams, two.unwrap().streams);
    let mut taking = world.vault.take(draft(3)).await.unwrap();
    let mut first = taking.stream("first").await.unwrap();
    let mut second = taking.stream("second").await.unwrap();
    for piece in noise(3, 2_000_000).chunks(100_000) {
        first.write(piece.to_vec().into()).await.unwrap();
        second.write(piece.to_vec().into()).await.unwrap();
    }
    second.finish().await.unwrap();
    first.finish().await.unwrap();
    let record = taking.commit(dumped(), Millis(1)).await.unwrap();
    let names: Vec<_> = record.streams.iter().map(|info| info.name.as_str()).collect();
    assert_eq!(names, ["second", "first"], "in the order in which they were finished");
    let (one, two) = tokio::join!(world.read(3, "first"), world.read(3, "second"));
    assert_eq!(one.unwrap(), noise(3, 2_000_000));
    assert_eq!(two.unwrap(), noise(3, 2_000_000));
    assert_eq!(world.structure().await, []);
}

#[tokio::test]
async fn what_is_not_committed_does_not_exist() {
    let world = World::new().await;
    let mut taking = world.vault.take(draft(1)).await.unwrap();
    write_all(taking.sink(), "done", noise(1, 100_000)).await.unwrap();
    assert_eq!(taking.stream("done").await.err().unwrap().kind, Kind::Exists);
    let open = taking.stream("open").await.unwrap();
    assert_eq!(taking.commit(dumped(), Millis(1)).await.unwrap_err().kind, Kind::Precondition);
    drop(open);
    assert!(world.vault.catalogue().await.unwrap().records.is_empty());
    assert_eq!(world.count("snapshots"), 0, "a stream without a record left a snapshot");
    let taking = world.vault.take(draft(2)).await.unwrap();
    let record = taking.commit(dumped(), Millis(1)).await.unwrap();
    assert!(record.streams.is_empty());
    let again = world.vault.take(draft(2)).await.err().unwrap();
    assert_eq!(again.kind, Kind::Exists);
}

#[tokio::test]
async fn a_look_at_the_catalogue_is_cheap() {
    let world = World::new().await;
    for number in 0..5 {
        world.take(number, &[("a", noise(u64::from(number), 1000))]).await;
        world.vault.note(&id(number), event(Stage::Checked, true)).await.unwrap();
    }
    // Neither the index nor the data nor the keys are needed for it.
    for folder in ["index", "data", "keys", "snapshots"] {
        std::fs::rename(world.root.join(folder), world.root.join(format!("{folder}-away"))).unwrap();
    }
    let vault = LocalVaults::new().open(&spec(&world.root), &key()).await.unwrap();
    let catalogue = vault.catalogue().await.unwrap();
    assert_eq!(catalogue.records.len(), 5);
    assert!(catalogue.records.iter().all(|record| record.stage() == Stage::Checked));
    let order: Vec<_> = catalogue.records.iter().map(|record| record.id().clone()).collect();
    assert_eq!(order, (0..5).map(id).collect::<Vec<_>>());
}

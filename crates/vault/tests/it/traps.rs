//! The measured traps of the repository's library, each fenced.

use crate::world::{World, draft, dumped, id, noise, until};
use roadstead_core::{Kind, Millis, port::stream::write_all};

#[tokio::test]
async fn a_dump_that_dies_leaves_no_stream_behind() {
    let world = World::new().await;
    let mut taking = world.vault.take(draft(1)).await.unwrap();
    let mut writer = taking.stream("dump").await.unwrap();
    for piece in noise(1, 3_000_000).chunks(250_000) {
        writer.write(piece.to_vec().into()).await.unwrap();
    }
    drop(writer);
    let error = taking.commit(dumped(), Millis(1)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Precondition);
    // Its worker gives up the claim when it has ended: what it left is final then.
    until("the end of the worker", || world.count("claims") == 0).await;
    assert_eq!(world.count("snapshots"), 0, "an empty or truncated snapshot was stored");
    assert!(world.vault.catalogue().await.unwrap().records.is_empty());
    world.take(2, &[("dump", noise(1, 3_000_000))]).await;
    assert!(world.check(2).await.is_empty());
}

#[tokio::test]
async fn a_second_stream_of_the_same_name_has_its_own_bytes() {
    let world = World::new().await;
    for number in 1..4 {
        world.take(number, &[("dump", noise(u64::from(number), 700_000))]).await;
    }
    for number in 1..4 {
        assert_eq!(world.read(number, "dump").await.unwrap(), noise(u64::from(number), 700_000));
    }
}

#[tokio::test]
async fn short_writes_are_cut_as_long_ones_are() {
    let world = World::new().await;
    let bytes = noise(7, 6_000_000);
    world.take(1, &[("long", bytes.clone())]).await;
    let mut taking = world.vault.take(draft(2)).await.unwrap();
    let mut writer = taking.stream("short").await.unwrap();
    let mut rest = bytes.as_slice();
    for length in [1, 7, 4_093, 65_537, 300_001].iter().cycle() {
        let (piece, after) = rest.split_at(rest.len().min(*length));
        writer.write(piece.to_vec().into()).await.unwrap();
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    writer.finish().await.unwrap();
    let record = taking.commit(dumped(), Millis(1)).await.unwrap();
    // The same pieces are in the vault already: only the tree that names them is new.
    assert!(record.stored.0 < 10_000, "stored {} again", record.stored);
    assert_eq!(world.read(2, "short").await.unwrap(), bytes);
}

#[tokio::test]
async fn a_listing_that_fails_stops_the_pruning() {
    let world = World::new().await;
    world.take(1, &[("a", noise(1, 100_000))]).await;
    world.take(2, &[("a", noise(2, 100_000))]).await;
    let (there, away) = (world.root.join("snapshots"), world.root.join("snapshots-away"));
    std::fs::rename(&there, &away).unwrap();
    let error = world.vault.prune(&[id(1)], false, &roadstead_core::port::ambient::Unwatched).await;
    assert_eq!(error.unwrap_err().kind, Kind::Corrupt);
    std::fs::rename(&away, &there).unwrap();
    for number in [1, 2] {
        assert!(world.check(number).await.is_empty());
    }
}

#[tokio::test]
async fn a_missing_pack_is_stored_again_and_never_taken_for_stored() {
    let world = World::new().await;
    let bytes = noise(1, 5_000_000);
    world.take(1, &[("dump", bytes.clone())]).await;
    std::fs::remove_file(world.big_pack()).unwrap();
    let record = world.take(2, &[("dump", bytes.clone())]).await;
    assert!(record.stored.0 > 5_000_000, "it relies on a pack that is gone");
}

#[tokio::test]
async fn metadata_tells_nothing_of_the_command_line() {
    let world = World::new().await;
    let mut taking = world.vault.take(draft(1)).await.unwrap();
    write_all(taking.sink(), "a", b"planted-content".to_vec()).await.unwrap();
    taking.commit(dumped(), Millis(1)).await.unwrap();
    for file in crate::world::files(&world.root) {
        let bytes = std::fs::read(&file).unwrap();
        for planted in [&b"planted-content"[..], crate::world::KEY.as_bytes(), b"orders", b"test@host"] {
            assert!(!contains(&bytes, planted), "{} tells {planted:?}", file.display());
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

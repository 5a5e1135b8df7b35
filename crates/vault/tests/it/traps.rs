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
    // And it is read from where it was stored again, whatever else the index says.
    assert_eq!(world.read(2, "dump").await.unwrap(), bytes);
    assert_eq!(world.check(2).await, []);
    assert_eq!(world.check(1).await, [], "the same pieces make the first one whole again");
    let structure = world.vault.check_structure(&roadstead_core::port::ambient::Unwatched).await.unwrap();
    let told: Vec<_> = structure.findings.iter().map(|finding| finding.what.key.as_str()).collect();
    assert_eq!((structure.damaged.len(), told.as_slice()), (0, ["vault-pack-missing"].as_slice()));
    // A removal cleans up after it, and the rest stays.
    for dry_run in [true, false] {
        let watch = &roadstead_core::port::ambient::Unwatched;
        world.vault.prune(&[id(1)], dry_run, watch).await.unwrap();
        assert_eq!(world.read(2, "dump").await.unwrap(), bytes);
    }
    let structure = world.vault.check_structure(&roadstead_core::port::ambient::Unwatched).await.unwrap();
    assert!(structure.damaged.is_empty() && structure.findings.is_empty(), "{structure:?}");
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

/// Half of a backup's pieces were lost with their pack, and other content is stored since: what is there is read.
#[tokio::test]
async fn packs_that_share_an_index_with_a_lost_one_are_still_read() {
    let world = World::new().await;
    // Several packs: pieces reach them in the order in which they are ready, so which one holds what is looked up.
    let (one, two) = (noise(1, 25_000_000), noise(2, 3_000_000));
    world.take(1, &[("one", one.clone()), ("two", two.clone())]).await;
    world.lose_a_pack_without("two").await;
    // Only what was lost, or cannot be relied on, comes again.
    let more = noise(3, 1_000_000);
    world.take(2, &[("one", one.clone()), ("more", more.clone())]).await;
    for _ in 0..2 {
        assert_eq!(world.read(2, "one").await.unwrap(), one);
        assert_eq!(world.read(2, "more").await.unwrap(), more);
        assert_eq!(world.check(2).await, []);
        assert_eq!(world.read(1, "one").await.unwrap(), one, "made whole by what was stored again");
        assert_eq!(world.read(1, "two").await.unwrap(), two, "its index is doubted, and its pack is there");
        world.vault.prune(&[], false, &roadstead_core::port::ambient::Unwatched).await.unwrap();
    }
}

/// Two index files name one pack, as after a look at what a pruning would do; lost, it is doubted in both.
#[tokio::test]
async fn a_lost_pack_that_two_indexes_name_is_doubted_in_both() {
    let watch = &roadstead_core::port::ambient::Unwatched;
    let world = World::new().await;
    let (one, two) = (noise(1, 9_000_000), noise(2, 3_000_000));
    world.take(1, &[("one", one.clone()), ("two", two.clone())]).await;
    std::fs::remove_file(world.big_pack()).unwrap();
    // Puts what is left of the doubted index into another one.
    world.vault.prune(&[id(1)], true, watch).await.unwrap();
    for pack in crate::world::files(&world.root.join("data")) {
        std::fs::remove_file(pack).unwrap();
    }
    world.take(2, &[("one", one.clone()), ("two", two.clone())]).await;
    assert_eq!(world.read(2, "one").await.unwrap(), one);
    assert_eq!(world.read(2, "two").await.unwrap(), two);
    assert_eq!(world.check(2).await, []);
}

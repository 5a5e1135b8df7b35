//! Damage of every kind: found, named, and never a panic or a short stream.

use std::fs;

use roadstead_core::{
    Finding, Kind, Severity,
    port::{
        ambient::Unwatched,
        vault::{Stage, Vaults as _},
    },
};
use roadstead_vault::LocalVaults;

use crate::world::{World, event, flip, id, noise, spec};

/// Two snapshots that share nothing; the first one's data is damaged by `damage`, given its large pack.
async fn damaged(damage: impl FnOnce(&World, &std::path::Path)) -> World {
    let world = World::new().await;
    world.take(1, &[("database/orders.dump", noise(1, 3_000_000)), ("accounts.json", b"[]".to_vec())]).await;
    let pack = world.big_pack();
    world.take(2, &[("database/orders.dump", noise(2, 200_000))]).await;
    damage(&world, &pack);
    world
}

/// Exactly this stream of the first snapshot is told to be damaged, with a reason.
fn names_the_dump(findings: &[Finding]) {
    let [finding] = findings else { panic!("not one finding: {findings:#?}") };
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(finding.subject, id(1).0);
    assert_eq!(finding.what.key, "vault-stream-damaged");
    assert_eq!(finding.what.args["stream"], "database/orders.dump".into());
    assert_eq!(finding.what.args["snapshot"], "00000000".into());
    assert!(finding.cure.is_some());
}

async fn is_told(world: &World) {
    names_the_dump(&world.check(1).await);
    let error = world.read(1, "database/orders.dump").await.unwrap_err();
    assert_eq!(error.kind, Kind::Corrupt, "{error}");
    assert_eq!(world.read(1, "accounts.json").await.unwrap(), b"[]");
    assert!(world.check(2).await.is_empty(), "an undamaged snapshot is accused");
}

#[tokio::test]
async fn a_flipped_bit_is_found_by_reading() {
    let mut flipped = None;
    let world = damaged(|_, pack| {
        flip(pack);
        flipped = Some(pack.to_owned());
    })
    .await;
    is_told(&world).await;
    // The file is named. Taken away, what lay in it is stored again, and pruning goes on.
    let pack = flipped.expect("a pack");
    let name = pack.strip_prefix(&world.root).unwrap().display().to_string();
    let why = format!("{}", world.check(1).await[0].what);
    assert!(why.contains(&name), "{why} does not name {name}");
    fs::remove_file(pack).unwrap();
    world.take(3, &[("database/orders.dump", noise(1, 3_000_000))]).await;
    world.vault.prune(&[id(1)], false, &Unwatched).await.unwrap();
    for number in [2, 3] {
        assert!(world.check(number).await.is_empty(), "{number}");
    }
    assert_eq!(world.structure().await, []);
}

#[tokio::test]
async fn a_truncated_pack_is_found_by_reading_and_by_listing() {
    let world = damaged(|_, pack| {
        let bytes = fs::read(pack).unwrap();
        fs::write(pack, &bytes[..bytes.len() / 2]).unwrap();
    })
    .await;
    is_told(&world).await;
    let findings = world.structure().await;
    assert!(findings.iter().any(|finding| finding.what.key == "vault-pack-length"), "{findings:#?}");
    names_the_dump(&of_the_first(findings));
}

#[tokio::test]
async fn an_emptied_pack_is_found() {
    let world = damaged(|_, pack| fs::write(pack, "").unwrap()).await;
    is_told(&world).await;
}

#[tokio::test]
async fn a_missing_pack_is_found_by_reading_and_by_listing() {
    let world = damaged(|_, pack| fs::remove_file(pack).unwrap()).await;
    is_told(&world).await;
    let findings = world.structure().await;
    assert!(findings.iter().any(|finding| finding.what.key == "vault-pack-missing"), "{findings:#?}");
    names_the_dump(&of_the_first(findings));
}

fn of_the_first(findings: Vec<Finding>) -> Vec<Finding> {
    findings.into_iter().filter(|finding| finding.subject == id(1).0).collect()
}

/// The index file that names the largest pack: each stream has its own, so it is the one of the largest index.
async fn without_index(remove: bool) -> World {
    let world = World::new().await;
    world.take(1, &[("database/orders.dump", noise(1, 3_000_000))]).await;
    let index = world.files("index").pop().expect("an index");
    world.take(2, &[("database/orders.dump", noise(2, 200_000))]).await;
    if remove {
        fs::remove_file(index).unwrap();
    } else {
        flip(&index);
    }
    world
}

#[tokio::test]
async fn a_missing_or_damaged_index_is_found_and_mended_by_pruning() {
    for remove in [true, false] {
        let world = without_index(remove).await;
        names_the_dump(&world.check(1).await);
        assert!(world.check(2).await.is_empty());
        let findings = world.structure().await;
        let told = findings.iter().any(|finding| finding.what.key == "vault-index-damaged");
        assert_eq!(told, !remove, "{findings:#?}");
        names_the_dump(&of_the_first(findings));
        // A new backup must not be stopped by it.
        world.take(3, &[("database/orders.dump", noise(3, 200_000))]).await;
        assert!(world.check(3).await.is_empty());
        // The packs tell what the index told: pruning mends it before it removes anything.
        world.vault.prune(&[], false, &Unwatched).await.unwrap();
        for number in 1..=3 {
            assert!(world.check(number).await.is_empty(), "{number} {remove}");
        }
        assert_eq!(world.structure().await, []);
    }
}

/// Removes one of the index files, or all, and shows that nothing is lost by it; returns how many there were.
async fn heals_without(which: Option<usize>) -> usize {
    let world = World::new().await;
    let bytes = [noise(1, 3_000_000), noise(2, 200_000)];
    for (number, bytes) in (1..).zip(&bytes) {
        world.take(number, &[("database/orders.dump", bytes.clone()), ("b", b"[]".to_vec())]).await;
    }
    let packs = world.files("data");
    let indexes = world.files("index");
    let removed = which.map_or(&indexes[..], |which| &indexes[which..=which]);
    for index in removed {
        fs::remove_file(index).unwrap();
    }
    let structure = world.vault.check_structure(&Unwatched).await.unwrap();
    assert!(!structure.damaged.is_empty() && (which.is_some() || structure.damaged.len() == 2));
    let findings = structure.all();
    let first = &findings[0];
    assert_eq!((first.severity, first.what.key.as_str()), (Severity::Error, "vault-packs-unindexed"));
    for finding in &findings {
        let cure = finding.cure.as_ref().expect("a cure").key.as_str();
        assert_eq!(cure, "vault-index-cure", "{findings:#?}");
    }
    // As the command does it: a dry run first. It deletes nothing, and it heals.
    let would = world.vault.prune(&[], true, &Unwatched).await.unwrap();
    assert_eq!((would.findings[0].what.key.as_str(), would.freed.0), ("vault-index-mended", 0));
    assert_eq!(world.structure().await, []);
    let pruned = world.vault.prune(&[], false, &Unwatched).await.unwrap();
    // Small index files may become one.
    assert!(pruned.findings.is_empty() && pruned.freed.0 < 2000, "{pruned:?}");
    assert_eq!(world.files("data"), packs);
    for (number, bytes) in (1..).zip(bytes) {
        assert!(world.check(number).await.is_empty());
        assert!(world.read(number, "database/orders.dump").await.unwrap() == bytes);
    }
    assert_eq!(world.structure().await, []);
    indexes.len()
}

#[tokio::test]
async fn a_lost_index_is_made_anew_by_bare_pruning() {
    let indexes = heals_without(None).await;
    assert!(indexes > 1);
    for lost in 0..indexes {
        heals_without(Some(lost)).await;
    }
}

/// Shorter than its own header, or empty, as a disk that was full leaves a file.
#[tokio::test]
async fn an_emptied_pack_is_told_and_pruned_with_its_snapshot() {
    for length in [0, 3, 40] {
        let world = damaged(|_, pack| {
            fs::File::options().write(true).open(pack).unwrap().set_len(length).unwrap();
        })
        .await;
        let refused = world.vault.prune(&[], false, &Unwatched).await.unwrap_err();
        assert_eq!((refused.kind, refused.what.key.as_str()), (Kind::Corrupt, "vault-prune-broken"));
        for dry_run in [true, false] {
            let pruned = world.vault.prune(&[id(1)], dry_run, &Unwatched).await.unwrap();
            assert_eq!(pruned.snapshots, [id(1)], "{length}");
        }
        assert_eq!(world.check(2).await, []);
        assert_eq!(world.structure().await, [], "{length}");
    }
}

#[tokio::test]
async fn a_damaged_key_file_is_told_and_written_again() {
    for empty in [true, false] {
        let world = World::new().await;
        world.take(1, &[("dump", noise(1, 10_000))]).await;
        let key = world.files("keys").pop().unwrap();
        if empty {
            fs::write(&key, "").unwrap();
        } else {
            flip(&key);
        }
        let told = world.structure().await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].what.key, "vault-key-damaged");
        LocalVaults::new().init(&spec(&world.root), &crate::world::key()).await.unwrap();
        assert_eq!(world.structure().await, []);
        assert_eq!(world.count("keys"), 1);
        // It opens the vault by itself.
        fs::remove_file(world.root.join("catalogue/seal")).unwrap();
        world.reopened().await;
        assert_eq!(world.check(1).await, []);
    }
}

/// Another key file opens the vault as well: that one of them is damaged is told and mended all the same.
#[tokio::test]
async fn one_damaged_key_file_of_several_is_told_and_removed() {
    let world = World::new().await;
    world.take(1, &[("dump", noise(1, 10_000))]).await;
    let damaged = world.root.join("keys").join("0".repeat(64));
    fs::write(&damaged, "cut off").unwrap();
    // What is no key is none: some systems leave their own files everywhere.
    fs::write(world.root.join("keys/.DS_Store"), "of a desktop").unwrap();
    let told = world.structure().await;
    assert_eq!((told.len(), told[0].what.key.as_str()), (1, "vault-key-damaged"), "{told:?}");
    // It opens by the whole one although the damaged one is the first.
    fs::remove_file(world.root.join("catalogue/seal")).unwrap();
    world.reopened().await;
    LocalVaults::new().init(&spec(&world.root), &crate::world::key()).await.unwrap();
    assert_eq!(world.structure().await, []);
    assert!(!damaged.exists() && world.root.join("keys/.DS_Store").exists());
    fs::remove_file(world.root.join("catalogue/seal")).unwrap();
    world.reopened().await;
    assert_eq!(world.check(1).await, []);
}

/// The seal opens the vault: a key file that cannot be read is told and stands in nobody's way.
#[tokio::test]
async fn a_key_file_that_cannot_be_read_hides_nothing_else() {
    let world = World::new().await;
    world.take(1, &[("dump", noise(1, 10_000))]).await;
    let key = world.files("keys").pop().unwrap();
    fs::remove_file(&key).unwrap();
    // A file whose reading fails for every user, as on a bad disk.
    std::os::unix::fs::symlink("/proc/self/mem", &key).unwrap();
    let told = world.structure().await;
    assert_eq!((told.len(), told[0].what.key.as_str()), (1, "vault-key-unreadable"), "{told:?}");
    assert_eq!(world.check(1).await, []);
}

#[tokio::test]
async fn a_dry_run_deletes_nothing_of_a_damaged_vault() {
    for damage in [|path: &std::path::Path| fs::remove_file(path).unwrap(), flip] {
        let world = World::new().await;
        world.take(1, &[("dump", noise(1, 300_000))]).await;
        let first = world.files("index").pop().unwrap();
        world.take(2, &[("dump", noise(2, 3_000_000))]).await;
        let big = world.big_pack();
        damage(&first);
        let content = fs::read(&big).unwrap();
        fs::remove_file(&big).unwrap();
        let before = world.files("");
        world.vault.prune(&[], true, &Unwatched).await.unwrap_err();
        let planned = world.vault.prune(&[id(2)], true, &Unwatched).await.unwrap();
        assert_eq!(planned.snapshots, [id(2)]);
        let after = world.files("");
        assert!(before.iter().all(|path| after.contains(path)), "a dry run removed something");
        assert!(world.check(1).await.is_empty(), "what the packs still tell is found again");
        // The missing pack comes back from a copy.
        fs::write(&big, content).unwrap();
        assert!(world.check(2).await.is_empty());
        world.vault.prune(&[], false, &Unwatched).await.unwrap();
        for number in 1..=2 {
            assert!(world.check(number).await.is_empty(), "{number}");
        }
        assert_eq!(world.structure().await, []);
    }
}

#[tokio::test]
async fn a_record_without_its_snapshot_and_a_snapshot_without_its_record() {
    let world = World::new().await;
    world.take(1, &[("dump", noise(1, 100_000))]).await;
    let first = world.files("snapshots");
    world.take(2, &[("dump", noise(2, 100_000))]).await;
    fs::remove_file(&first[0]).unwrap();
    fs::remove_file(world.root.join(format!("catalogue/{}/000-record", id(2)))).unwrap();
    let findings = world.check(1).await;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].what.key, "vault-stream-damaged");
    let findings = world.structure().await;
    let keys: Vec<_> = findings.iter().map(|finding| (finding.severity, finding.what.key.as_str())).collect();
    assert_eq!(
        keys,
        [(Severity::Error, "vault-record-lost"), (Severity::Error, "vault-stream-damaged")],
        "{findings:#?}"
    );
    // What the first record needs and nobody can find any more forbids pruning, until it is given up.
    let refused = world.vault.prune(&[], false, &Unwatched).await.unwrap_err();
    assert_eq!((refused.kind, refused.what.key.as_str()), (Kind::Corrupt, "vault-prune-broken"));
    world.vault.prune(&[id(1)], false, &Unwatched).await.unwrap();
    assert_eq!(world.count("snapshots"), 1, "what has lost its record is not garbage");
    world.vault.prune(&[id(2)], false, &Unwatched).await.unwrap();
    assert_eq!((world.count("snapshots"), world.count("data")), (0, 0));
    assert_eq!(world.structure().await, []);
}

#[tokio::test]
async fn a_torn_record_is_named_and_hides_no_other() {
    let world = World::new().await;
    for number in 1..=3 {
        world.take(number, &[("dump", noise(u64::from(number), 100_000))]).await;
    }
    let path = |number| world.root.join(format!("catalogue/{}/000-record", id(number)));
    let whole = fs::read(path(1)).unwrap();
    // Torn, altered, empty, and another one's in its place.
    for content in [whole[..whole.len() / 2].to_vec(), Vec::new(), fs::read(path(2)).unwrap()] {
        fs::write(path(1), content).unwrap();
        let catalogue = world.vault.catalogue().await.unwrap();
        let ids: Vec<_> = catalogue.records.iter().map(|record| record.id().clone()).collect();
        assert_eq!(ids, [id(2), id(3)]);
        let [finding] = &catalogue.findings[..] else { panic!("{:?}", catalogue.findings) };
        assert_eq!((finding.subject.as_str(), finding.severity), (id(1).0.as_str(), Severity::Error));
        assert_eq!(world.vault.record(&id(1)).await.unwrap_err().kind, Kind::Corrupt);
        assert_eq!(world.check(1).await.len(), 1);
    }
    // Its data is not taken for a leftover: the record may come back from a copy.
    world.vault.prune(&[], false, &Unwatched).await.unwrap();
    fs::write(path(1), whole).unwrap();
    assert!(world.check(1).await.is_empty());
    // Or it is given up.
    fs::write(path(1), "").unwrap();
    world.vault.prune(&[id(1)], false, &Unwatched).await.unwrap();
    assert!(world.vault.catalogue().await.unwrap().findings.is_empty());
    assert_eq!(world.count("snapshots"), 2);
}

/// Longer than the memory, and no room on the disk: nothing of it is read, and it hides no other.
#[tokio::test]
async fn an_object_of_the_catalogue_longer_than_any_is_damaged() {
    let world = World::new().await;
    for number in 1..=2 {
        world.take(number, &[("dump", noise(u64::from(number), 1000))]).await;
        world.vault.note(&id(number), event(Stage::Checked, true)).await.unwrap();
    }
    let swell = |name: &str| {
        let path = world.root.join(format!("catalogue/{}/{name}", id(1)));
        fs::File::options().write(true).open(path).unwrap().set_len(1 << 40).unwrap();
    };
    swell("001-event");
    let catalogue = world.vault.catalogue().await.unwrap();
    let [first, second] = &catalogue.records[..] else { panic!("{:?}", catalogue.records) };
    assert_eq!((first.stage(), second.stage()), (Stage::Taken, Stage::Checked));
    assert_eq!(catalogue.findings.len(), 1);
    swell("000-record");
    let catalogue = world.vault.catalogue().await.unwrap();
    assert_eq!(catalogue.records.iter().map(|record| record.id().clone()).collect::<Vec<_>>(), [id(2)]);
    assert_eq!(catalogue.unreadable, [id(1)]);
    let [finding] = &catalogue.findings[..] else { panic!("{:?}", catalogue.findings) };
    assert_eq!(
        (finding.subject.as_str(), finding.what.key.as_str()),
        (id(1).0.as_str(), "vault-record-unreadable")
    );
    assert_eq!(world.vault.record(&id(1)).await.unwrap_err().kind, Kind::Corrupt);
    assert_eq!(world.check(1).await.len(), 1);
    assert!(world.check(2).await.is_empty());
    world.vault.prune(&[id(1)], false, &Unwatched).await.unwrap();
    assert!(world.check(2).await.is_empty());
    assert_eq!(world.structure().await, []);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_takes_the_stage_away() {
    let world = World::new().await;
    world.take(1, &[("dump", noise(1, 1000))]).await;
    world.vault.note(&id(1), event(Stage::Proven, true)).await.unwrap();
    world.vault.note(&id(1), event(Stage::Proven, false)).await.unwrap();
    fs::write(world.root.join(format!("catalogue/{}/002-event", id(1))), "x").unwrap();
    let catalogue = world.vault.catalogue().await.unwrap();
    assert_eq!(catalogue.records[0].stage(), Stage::Taken);
    assert_eq!(catalogue.findings.len(), 1);
    world.vault.note(&id(1), event(Stage::Proven, true)).await.unwrap();
    assert_eq!(world.vault.record(&id(1)).await.unwrap().stage(), Stage::Proven);
}

#[tokio::test]
async fn noise_in_place_of_any_file_is_never_a_panic() {
    let world = World::new().await;
    world.take(1, &[("dump", noise(1, 100_000)), ("b", noise(2, 10))]).await;
    let folders = ["data", "index", "snapshots", "catalogue", "config"];
    let all: Vec<_> = crate::world::files(&world.root)
        .into_iter()
        .filter(|path| folders.iter().any(|folder| path.starts_with(world.root.join(folder))))
        .collect();
    for path in all {
        let whole = fs::read(&path).unwrap();
        for content in [noise(9, whole.len()), noise(9, 3), whole.repeat(2)] {
            fs::write(&path, content).unwrap();
            let checked = world.vault.check(&id(1), &Unwatched).await;
            let structure = world.vault.check_structure(&Unwatched).await.map(|structure| structure.all());
            let told = |findings: &roadstead_core::Result<Vec<Finding>>| {
                findings.as_ref().map_or(true, |findings| !findings.is_empty())
            };
            let seal = path.ends_with("seal");
            assert!(seal || told(&checked) || told(&structure), "{} is not told", path.display());
        }
        fs::write(&path, whole).unwrap();
    }
    assert!(world.check(1).await.is_empty());
}

#[tokio::test]
async fn missing_key_files_are_told_while_the_seal_still_opens_the_vault() {
    let world = World::new().await;
    world.take(1, &[("dump", noise(1, 1000))]).await;
    let keys = |structure: roadstead_core::port::vault::Structure| {
        structure.findings.into_iter().filter(|finding| finding.what.key == "vault-keys-missing").count()
    };
    assert_eq!(keys(world.vault.check_structure(&Unwatched).await.unwrap()), 0);
    for file in crate::world::files(&world.root.join("keys")) {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(keys(world.vault.check_structure(&Unwatched).await.unwrap()), 1);
    fs::remove_dir(world.root.join("keys")).unwrap();
    assert_eq!(keys(world.vault.check_structure(&Unwatched).await.unwrap()), 1);
}

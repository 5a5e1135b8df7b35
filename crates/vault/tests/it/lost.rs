//! Records that are gone: never taken for what nobody wants.

use std::fs;

use roadstead_core::{
    Finding, Kind, Millis, Severity,
    port::{ambient::Unwatched, stream::write_all, vault::Stage},
};

use crate::world::{World, draft, dumped, event, id, noise, until};

/// Two snapshots, the first one proven, and beside them what a removal and a backup that were interrupted left.
async fn world() -> World {
    let world = World::new().await;
    for number in 1..=2 {
        world.take(number, &[("a", noise(u64::from(number), 300_000)), ("b", b"[]".to_vec())]).await;
    }
    world.vault.note(&id(1), event(Stage::Proven, true)).await.unwrap();
    let mut taking = world.vault.take(draft(9)).await.unwrap();
    write_all(taking.sink(), "a", noise(9, 300_000)).await.unwrap();
    drop(taking);
    until("the claim is given up", || world.count("claims") == 0).await;
    world
}

fn tells_the_loss(findings: &[Finding], number: u32) {
    let lost: Vec<_> = findings.iter().filter(|finding| finding.what.key == "vault-record-lost").collect();
    let [finding] = &lost[..] else { panic!("not one record is told as lost: {findings:#?}") };
    assert_eq!((finding.severity, finding.subject.as_str()), (Severity::Error, id(number).0.as_str()));
    assert_eq!(finding.cure.as_ref().unwrap().args["snapshot"], id(number).0.as_str().into());
}

#[tokio::test]
async fn a_lost_record_is_an_error_and_bare_pruning_keeps_its_data() {
    let world = world().await;
    let folder = world.root.join(format!("catalogue/{}", id(1)));
    let record = fs::read(folder.join("000-record")).unwrap();
    fs::remove_file(folder.join("000-record")).unwrap();
    let catalogue = world.vault.catalogue().await.unwrap();
    tells_the_loss(&catalogue.findings, 1);
    assert_eq!(catalogue.unreadable, [id(1)]);
    tells_the_loss(&world.structure().await, 1);
    assert_eq!(world.check(1).await[0].what.key, "vault-record-lost");
    assert_eq!(world.vault.take(draft(1)).await.err().unwrap().kind, Kind::Exists);
    until("the claim is given up", || world.count("claims") == 0).await;
    for dry_run in [true, false] {
        let pruned = world.vault.prune(&[], dry_run, &Unwatched).await.unwrap();
        assert!(pruned.freed.0 < 600_000, "{pruned:?}");
    }
    // The rest was pruned: the interrupted backup is gone.
    assert!(!world.root.join(format!("catalogue/{}", id(9))).exists());
    assert_eq!(world.count("snapshots"), 4);
    fs::write(folder.join("000-record"), record).unwrap();
    for number in 1..=2 {
        assert!(world.check(number).await.is_empty(), "{number}");
    }
    assert_eq!(world.vault.record(&id(1)).await.unwrap().stage(), Stage::Proven);
    assert_eq!(world.structure().await, []);
}

#[tokio::test]
async fn snapshots_whose_whole_folders_are_gone_are_kept_until_they_are_named() {
    let world = world().await;
    let away = world.root.parent().unwrap().join("away");
    fs::create_dir(&away).unwrap();
    for number in 1..=2 {
        let name = id(number).0;
        fs::rename(world.root.join("catalogue").join(&name), away.join(&name)).unwrap();
    }
    let catalogue = world.vault.catalogue().await.unwrap();
    assert_eq!(catalogue.unreadable, [id(1), id(2)]);
    assert!(catalogue.findings.iter().all(|finding| finding.what.key == "vault-record-lost"));
    assert_eq!(world.structure().await.iter().filter(|f| f.severity == Severity::Error).count(), 2);
    world.vault.prune(&[], false, &Unwatched).await.unwrap();
    fs::rename(away.join(id(1).0), world.root.join("catalogue").join(id(1).0)).unwrap();
    assert!(world.check(1).await.is_empty());
    tells_the_loss(&world.structure().await, 2);
    let pruned = world.vault.prune(&[id(2)], false, &Unwatched).await.unwrap();
    assert!(pruned.freed.0 > 290_000, "{pruned:?}");
    assert_eq!(world.structure().await, []);
    assert!(world.check(1).await.is_empty());
    assert_eq!((world.count("catalogue"), world.count("snapshots")), (3, 2));
}

#[tokio::test]
async fn an_intent_that_outlived_its_record_excuses_no_loss() {
    let world = world().await;
    let intent = |number| world.root.join(format!("catalogue/{}/000-taking", id(number)));
    let record = |number| world.root.join(format!("catalogue/{}/000-record", id(number)));
    // Another snapshot's intent does not open here, and one beside events came before a record.
    fs::copy(intent(9), intent(2)).unwrap();
    fs::remove_file(record(2)).unwrap();
    tells_the_loss(&world.vault.catalogue().await.unwrap().findings, 2);
    fs::copy(record(1), world.root.join(format!("catalogue/{}/001-event", id(9)))).unwrap();
    let lost = world.vault.catalogue().await.unwrap().unreadable;
    assert_eq!(lost, [id(2), id(9)]);
    world.vault.prune(&[], false, &Unwatched).await.unwrap();
    assert!(intent(9).exists() && intent(2).exists());
    assert_eq!(world.count("snapshots"), 4);
}

#[tokio::test]
async fn a_backup_that_is_being_taken_is_neither_lost_nor_left_over() {
    let world = World::new().await;
    let mut taking = world.vault.take(draft(1)).await.unwrap();
    assert_eq!(world.count("data"), 0, "the intent comes before the first byte");
    assert!(world.root.join(format!("catalogue/{}/000-taking", id(1))).exists());
    write_all(taking.sink(), "a", noise(1, 300_000)).await.unwrap();
    assert_eq!(world.structure().await, []);
    let catalogue = world.vault.catalogue().await.unwrap();
    assert!(catalogue.findings.is_empty() && catalogue.records.is_empty() && catalogue.unreadable.is_empty());
    taking.commit(dumped(), Millis(1)).await.unwrap();
    assert_eq!(world.files(&format!("catalogue/{}", id(1))).len(), 1, "only the record stays");
    // A commit that was cut before its intent went is whole; pruning tidies it.
    let copy = fs::read(world.root.join(format!("catalogue/{}/000-record", id(1)))).unwrap();
    fs::write(world.root.join(format!("catalogue/{}/000-taking", id(1))), copy).unwrap();
    assert_eq!(world.structure().await, []);
    world.vault.prune(&[], false, &Unwatched).await.unwrap();
    assert_eq!(world.files(&format!("catalogue/{}", id(1))).len(), 1);
    assert!(world.check(1).await.is_empty());
}

#[tokio::test]
async fn a_lost_index_takes_nothing_of_a_lost_record() {
    let world = world().await;
    let folder = world.root.join(format!("catalogue/{}", id(1)));
    let away = world.root.parent().unwrap().join("away");
    fs::rename(&folder, &away).unwrap();
    for index in world.files("index") {
        fs::remove_file(index).unwrap();
    }
    for dry_run in [true, false] {
        let pruned = world.vault.prune(&[], dry_run, &Unwatched).await.unwrap();
        tells_the_loss(&pruned.findings, 1);
    }
    fs::rename(&away, &folder).unwrap();
    for number in 1..=2 {
        assert!(world.check(number).await.is_empty(), "{number}");
    }
}

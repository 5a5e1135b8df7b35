//! Pruning: alone, never the last proven one, and safe to be killed anywhere.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use roadstead_core::{
    Kind,
    port::{
        ambient::{Progress, Unwatched, Watch},
        vault::Stage,
    },
};

use crate::world::{World, draft, dumped, event, files, id, noise};

#[tokio::test]
async fn what_nobody_needs_goes_and_all_else_stays() {
    let world = World::new().await;
    let shared = noise(1, 2_000_000);
    world.take(1, &[("shared", shared.clone()), ("own", noise(2, 1_000_000))]).await;
    world.take(2, &[("shared", shared.clone()), ("own", noise(3, 1_000_000))]).await;
    let planned = world.vault.prune(&[id(1)], true, &Unwatched).await.unwrap();
    assert_eq!(planned.snapshots, [id(1)]);
    assert!((900_000..1_200_000).contains(&planned.freed.0), "{planned:?}");
    assert_eq!(world.vault.catalogue().await.unwrap().records.len(), 2, "a dry run removed something");
    let pruned = world.vault.prune(&[id(1)], false, &Unwatched).await.unwrap();
    assert!((900_000..1_200_000).contains(&pruned.freed.0), "{pruned:?}");
    let catalogue = world.vault.catalogue().await.unwrap();
    assert_eq!(catalogue.records.iter().map(|record| record.id().clone()).collect::<Vec<_>>(), [id(2)]);
    assert!(catalogue.findings.is_empty());
    assert!(!world.root.join(format!("catalogue/{}", id(1))).exists());
    assert_eq!(world.read(2, "shared").await.unwrap(), shared);
    assert!(world.check(2).await.is_empty());
    assert_eq!(world.structure().await, []);
    let again = world.vault.prune(&[id(1)], false, &Unwatched).await.unwrap_err();
    assert_eq!(again.kind, Kind::NotFound);
    assert_eq!(world.vault.prune(&[], false, &Unwatched).await.unwrap().freed.0, 0);
}

#[tokio::test]
async fn the_last_proven_snapshot_of_a_cluster_stays() {
    let world = World::new().await;
    for number in 1..=3 {
        world.take(number, &[("a", noise(u64::from(number), 1000))]).await;
    }
    for number in [1, 2] {
        world.vault.note(&id(number), event(Stage::Proven, true)).await.unwrap();
    }
    let error = world.vault.prune(&[id(1), id(2)], false, &Unwatched).await.unwrap_err();
    assert_eq!((error.kind, error.what.key.as_str()), (Kind::Precondition, "vault-last-proven"));
    world.vault.prune(&[id(2)], false, &Unwatched).await.unwrap();
    let error = world.vault.prune(&[id(1)], true, &Unwatched).await.unwrap_err();
    assert_eq!(error.kind, Kind::Precondition);
    // A failure takes the proof away; then it is no longer the last proven one.
    world.vault.note(&id(1), event(Stage::Checked, false)).await.unwrap();
    world.vault.prune(&[id(1)], false, &Unwatched).await.unwrap();
    assert!(world.check(3).await.is_empty());
}

#[tokio::test]
async fn taking_reading_and_pruning_know_of_each_other() {
    let world = World::new().await;
    world.take(1, &[("a", noise(1, 1000))]).await;
    let other = world.reopened().await;
    let taking = world.vault.take(draft(2)).await.unwrap();
    let busy = other.prune(&[], false, &Unwatched).await.unwrap_err();
    assert_eq!((busy.kind, busy.what.key.as_str()), (Kind::Busy, "vault-busy"), "{busy}");
    taking.commit(dumped(), roadstead_core::Millis(1)).await.unwrap();
    let source = other.open(&id(1)).await.unwrap();
    assert_eq!(world.vault.prune(&[], false, &Unwatched).await.unwrap_err().kind, Kind::Busy);
    drop(source);
    crate::world::until("the reader's claim is given up", || world.count("claims") == 0).await;
    other.prune(&[], false, &Unwatched).await.unwrap();
}

/// Stops the pruning at the beginning of a phase, as a kill would.
struct StopAt(&'static str, std::sync::atomic::AtomicBool);

impl Watch for StopAt {
    fn progress(&self, progress: Progress) {
        if progress.phase.key == self.0 {
            self.1.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.1.load(std::sync::atomic::Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_pruning_that_stops_between_its_phases_loses_nothing_and_is_completed() {
    for phase in
        ["vault-phase-catalogue", "vault-phase-structure", "vault-phase-records", "vault-phase-packs"]
    {
        let world = World::new().await;
        for number in 1..=2 {
            world.take(number, &[("a", noise(u64::from(number), 1_000_000))]).await;
        }
        let watch = StopAt(phase, false.into());
        let error = world.vault.prune(&[id(1)], false, &watch).await.unwrap_err();
        assert_eq!(error.kind, Kind::Cancelled);
        assert!(world.check(2).await.is_empty(), "{phase}");
        let gone = world.vault.catalogue().await.unwrap().records.len() == 1;
        assert_eq!(gone, phase == "vault-phase-packs");
        let notes = world.structure().await;
        assert!(notes.iter().all(|finding| finding.severity == roadstead_core::Severity::Note), "{notes:#?}");
        assert_eq!(notes.is_empty(), !gone);
        let remove: &[_] = if gone { &[] } else { &[id(1)] };
        let pruned = world.vault.prune(remove, false, &Unwatched).await.unwrap();
        assert!(pruned.freed.0 > 900_000);
        assert_eq!(world.structure().await, []);
        assert!(world.check(2).await.is_empty());
    }
}

#[tokio::test]
async fn a_removal_cut_after_its_tombstone_is_completed() {
    let world = World::new().await;
    world.take(1, &[("a", noise(1, 1000))]).await;
    world.vault.note(&id(1), event(Stage::Checked, true)).await.unwrap();
    let before: Vec<_> = world
        .files(&format!("catalogue/{}", id(1)))
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    assert_eq!(before.len(), 2, "a record and an event");
    let watch = StopAt("vault-phase-packs", false.into());
    assert_eq!(world.vault.prune(&[id(1)], false, &watch).await.unwrap_err().kind, Kind::Cancelled);
    // As if it had been cut before the record went: the tombstone decides.
    for (path, content) in before {
        fs::write(path, content).unwrap();
    }
    assert!(world.vault.catalogue().await.unwrap().records.is_empty());
    assert_eq!(world.vault.record(&id(1)).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(
        world.vault.take(draft(1)).await.err().unwrap().kind,
        Kind::Exists,
        "its tombstone would count"
    );
    crate::world::until("the claim is given up", || world.count("claims") == 0).await;
    let findings = world.structure().await;
    assert_eq!(findings[0].what.key, "vault-removal-interrupted", "{findings:#?}");
    assert!(findings.iter().all(|finding| finding.severity == roadstead_core::Severity::Note));
    world.vault.prune(&[], false, &Unwatched).await.unwrap();
    assert_eq!(world.structure().await, []);
    assert_eq!((world.count("data"), world.count("catalogue")), (0, 1));
    assert!(!world.root.join(format!("catalogue/{}", id(1))).exists());
}

/// Ties the claim to a file once the last look of the pruning itself is near: it lasts as long as that file does.
struct LastsAsLongAs {
    claims: PathBuf,
    file: PathBuf,
}

impl Watch for LastsAsLongAs {
    fn progress(&self, progress: Progress) {
        if progress.phase.key == "vault-phase-packs" {
            for claim in files(&self.claims) {
                fs::remove_file(&claim).unwrap();
                symlink(&self.file, &claim).unwrap();
            }
        }
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}

/// As when it stood still for so long that another host took it for dead: the first thing that the library removes takes
/// the claim along, and from there on nothing may go that a backup of that host relies on.
#[tokio::test]
async fn a_pruning_whose_claim_is_lost_in_the_middle_removes_nothing_more() {
    let world = World::new().await;
    let bytes = noise(1, 3_000_000);
    world.take(1, &[("a", bytes.clone())]).await;
    let first = world.files("snapshots").pop().unwrap();
    world.take(2, &[("a", noise(2, 100_000))]).await;
    let before = (world.files("data"), world.files("index"));
    let watch = LastsAsLongAs { claims: world.root.join("claims"), file: first.clone() };
    let lost = world.vault.prune(&[id(1)], false, &watch).await.unwrap_err();
    assert_eq!((lost.kind, lost.what.key.as_str()), (Kind::Busy, "vault-claim-lost"), "{lost}");
    assert!(!first.exists(), "it was refused before the library began");
    assert_eq!((world.files("data"), world.files("index")), before);
    for claim in world.files("claims") {
        fs::remove_file(claim).unwrap();
    }
    let record = world.take(3, &[("a", bytes.clone())]).await;
    assert!(record.stored.0 < 10_000, "it does not rely on what was there: {} stored", record.stored);
    // The next one completes it.
    world.vault.prune(&[], false, &Unwatched).await.unwrap();
    assert!(world.read(3, "a").await.unwrap() == bytes);
    for number in [2, 3] {
        assert_eq!(world.check(number).await, []);
    }
    assert_eq!(world.structure().await, []);
}

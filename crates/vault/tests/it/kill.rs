//! `kill -9` in the middle of taking and of pruning: nothing counts that is not whole, and nobody waits for the dead.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use roadstead_core::{
    Severity,
    port::{ambient::Unwatched, vault::Vault},
};

use crate::world::{KEY, World, id, noise, until};

/// The example `measure`, which `cargo test` builds beside this test.
fn measure(arguments: &[&str], root: &Path) -> Command {
    let test = std::env::current_exe().expect("this test");
    let examples: PathBuf =
        test.parent().and_then(Path::parent).expect("the build's folder").join("examples");
    let mut command = Command::new(examples.join("measure"));
    command.env("MEASURE_KEY", KEY).arg(arguments[0]).arg(root).args(&arguments[1..]);
    command
}

fn has_ended(child: &mut Child) -> bool {
    child.try_wait().expect("a child of ours").is_some()
}

fn kill(mut child: Child) {
    child.kill().expect("it can be killed");
    child.wait().expect("it is gone");
}

async fn is_as_if_nothing_had_been(world: &World, vault: &Arc<dyn Vault>) {
    let catalogue = vault.catalogue().await.unwrap();
    assert_eq!(catalogue.records.iter().map(|record| record.id().clone()).collect::<Vec<_>>(), [id(1)]);
    assert!(catalogue.findings.is_empty(), "{:?}", catalogue.findings);
    assert!(world.check(1).await.is_empty());
    let structure = world.structure().await;
    assert!(structure.iter().all(|finding| finding.severity == Severity::Note), "{structure:#?}");
}

#[tokio::test]
async fn a_killed_taker_leaves_only_what_pruning_removes_at_once() {
    let world = World::new().await;
    world.take(1, &[("a", noise(1, 500_000))]).await;
    let packs = world.count("data");
    let mut child = measure(&["stall", "77", "40", "noise"], &world.root)
        .stdout(Stdio::piped())
        .spawn()
        .expect("cargo test builds the example");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "stalled\n");
    until("a pack is written", || world.count("data") > packs).await;
    kill(child);
    assert_eq!(world.count("claims"), 1, "its claim is still there");
    is_as_if_nothing_had_been(&world, &world.vault).await;
    for key in ["vault-backup-interrupted", "vault-leftover-packs"] {
        assert!(world.structure().await.iter().any(|finding| finding.what.key == key), "{key}");
    }
    let pruned = world.vault.prune(&[], false, &Unwatched).await.unwrap();
    assert!(pruned.freed.0 > 5_000_000, "{pruned:?}");
    assert_eq!((world.count("claims"), world.count("data")), (0, packs));
    assert_eq!(world.count("catalogue"), 2, "the seal and one record");
    assert_eq!(world.structure().await, []);
}

#[tokio::test]
async fn a_pruning_killed_at_any_moment_is_completed_by_the_next() {
    let world = World::new().await;
    world.take(1, &[("a", noise(1, 500_000)), ("b", noise(5, 500_000))]).await;
    for round in 0..6_u64 {
        let victims: Vec<u32> = (10..14).collect();
        for number in &victims {
            let bytes = [noise(1, 500_000), noise(u64::from(*number) + round * 100, 700_000)].concat();
            world.take(*number, &[("a", bytes)]).await;
        }
        let before = world.count("data");
        let mut child = measure(&["prune", &format!("{:x}", victims[0])], &world.root)
            .stdout(Stdio::null())
            .spawn()
            .expect("cargo test builds the example");
        // Some rounds end it before it has begun, some between the first removals, one not at all.
        match round {
            0 => {}
            // It may have ended between two looks.
            1 => until("it claims", || world.count("claims") > 0 || has_ended(&mut child)).await,
            2 => {
                let record = world.root.join(format!("catalogue/{}/000-record", id(victims[0])));
                until("the record goes", || !record.exists()).await;
            }
            3 => until("a snapshot goes", || world.count("snapshots") < 6).await,
            4 => until("a pack goes", || world.count("data") < before).await,
            _ => {
                until("it ends", || has_ended(&mut child)).await;
                assert!(child.wait().expect("it ended").success());
            }
        }
        kill(child);
        for number in [1, 11, 12, 13] {
            assert!(world.check(number).await.is_empty(), "round {round}: {number} is damaged");
        }
        let there = world.vault.catalogue().await.unwrap().records;
        let left: Vec<_> =
            there.iter().map(|record| record.id().clone()).filter(|left| *left != id(1)).collect();
        world.vault.prune(&left, false, &Unwatched).await.unwrap();
        is_as_if_nothing_had_been(&world, &world.vault).await;
        assert_eq!(world.structure().await, []);
        assert_eq!(world.count("snapshots"), 2);
    }
}

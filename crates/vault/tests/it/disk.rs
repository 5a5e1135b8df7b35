//! A full disk: told with its path, nothing recorded, what was there before is whole.

use std::{path::Path, process::Command};

use roadstead_core::{
    Kind,
    port::{ambient::Unwatched, vault::Vaults},
};
use roadstead_vault::LocalVaults;

use crate::world::{id, key, noise, spec, try_take};

/// A small file system in memory; unmounted when dropped. Needs root, as the whole suite does.
struct Small(tempfile::TempDir);

impl Small {
    fn new(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "roadstead-test"], folder.path());
        Self(folder)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        run("umount", &["-l"], self.0.path());
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) {
    let status = Command::new(program).args(arguments).arg(path).status().expect("it starts");
    assert!(status.success(), "{program} {arguments:?} (this test needs root)");
}

#[tokio::test]
async fn a_full_disk_fails_the_taking_and_harms_nothing() {
    let disk = Small::new("24m");
    let root = disk.0.path().join("vault");
    let vault = LocalVaults::new().init(&spec(&root), &key()).await.unwrap();
    try_take(&*vault, 1, &[("a", noise(1, 4_000_000))]).await.unwrap();
    let error = try_take(&*vault, 2, &[("big", noise(2, 60_000_000))]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Exhausted, "{error}");
    let told = format!("{error}");
    assert!(told.contains(&root.display().to_string()), "{told} does not tell the path");
    assert_eq!(error.cure.expect("a cure").key, "core-disk-full-cure");
    let catalogue = vault.catalogue().await.unwrap();
    assert_eq!(catalogue.records.iter().map(|record| record.id().clone()).collect::<Vec<_>>(), [id(1)]);
    assert!(catalogue.findings.is_empty());
    crate::world::until("half objects are gone", || crate::world::files(&root.join("tmp")).is_empty()).await;
    assert!(vault.check(&id(1), &Unwatched).await.unwrap().is_empty());
    // Pruning gives back what the failed one left, and then there is room again.
    crate::world::until("the claim is given up", || crate::world::files(&root.join("claims")).is_empty())
        .await;
    vault.prune(&[], false, &Unwatched).await.unwrap();
    try_take(&*vault, 3, &[("a", noise(3, 8_000_000))]).await.unwrap();
    assert!(vault.check(&id(3), &Unwatched).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_disk_without_room_for_the_record_leaves_no_half_of_one() {
    let disk = Small::new("8m");
    let root = disk.0.path().join("vault");
    let vault = LocalVaults::new().init(&spec(&root), &key()).await.unwrap();
    let mut taking = vault.take(crate::world::draft(1)).await.unwrap();
    roadstead_core::port::stream::write_all(taking.sink(), "a", noise(1, 100_000)).await.unwrap();
    let ballast = disk.0.path().join("ballast");
    let mut filled = 0;
    // Until not even one page is left.
    for size in [1 << 20, 1 << 12] {
        loop {
            let path = ballast.with_extension(filled.to_string());
            filled += 1;
            if std::fs::write(path, vec![1; size]).is_err() {
                break;
            }
        }
    }
    let error = taking.commit(crate::world::dumped(), roadstead_core::Millis(1)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Exhausted, "{error}");
    for number in 0..filled {
        let _ = std::fs::remove_file(ballast.with_extension(number.to_string()));
    }
    let catalogue = vault.catalogue().await.unwrap();
    assert!(catalogue.records.is_empty() && catalogue.findings.is_empty());
    try_take(&*vault, 1, &[("a", noise(1, 100_000))]).await.unwrap();
}

#[tokio::test]
async fn a_vault_that_cannot_be_written_is_still_read() {
    let disk = Small::new("16m");
    let root = disk.0.path().join("vault");
    let vault = LocalVaults::new().init(&spec(&root), &key()).await.unwrap();
    try_take(&*vault, 1, &[("a", noise(1, 100_000))]).await.unwrap();
    drop(vault);
    crate::world::until("no claim is held", || crate::world::files(&root.join("claims")).is_empty()).await;
    run("mount", &["-o", "remount,ro"], disk.0.path());
    let vault = LocalVaults::new().open(&spec(&root), &key()).await.unwrap();
    assert_eq!(vault.catalogue().await.unwrap().records.len(), 1);
    assert!(vault.check(&id(1), &Unwatched).await.unwrap().is_empty());
    assert!(vault.check_structure(&Unwatched).await.unwrap().all().is_empty());
    let source = vault.open(&id(1)).await.unwrap();
    let read = roadstead_core::port::stream::read_all(&*source, "a", 1 << 20).await.unwrap();
    assert!(read == noise(1, 100_000));
    let refused = try_take(&*vault, 2, &[("a", noise(1, 10))]).await.unwrap_err();
    assert!(format!("{refused}").contains("claims"), "{refused}");
}

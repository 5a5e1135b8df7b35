//! The independent verifier: `restic` itself reads the vault.

use std::{path::Path, process::Command};

use crate::world::{KEY, World, noise};

/// Runs restic on the vault, with the vault's key as its password.
fn restic(root: &Path, arguments: &[&str]) -> Vec<u8> {
    let password = root.with_extension("password");
    std::fs::write(&password, format!("{KEY}\n")).unwrap();
    let output = Command::new("restic")
        .args(["--no-cache", "-r"])
        .arg(root)
        .arg("--password-file")
        .arg(password)
        .args(arguments)
        .output()
        .expect("restic is installed: the package is called restic");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "restic {arguments:?}: {said}");
    output.stdout
}

#[tokio::test]
async fn restic_lists_checks_and_reads_a_vault() {
    let world = World::new().await;
    let text = "a line of a dump\n".repeat(100_000).into_bytes();
    world.take(1, &[("database/orders.dump", text.clone()), ("empty", vec![])]).await;
    world.take(2, &[("database/a b", noise(1, 2_000_000))]).await;
    let listed: serde_json::Value =
        serde_json::from_slice(&restic(&world.root, &["snapshots", "--json"])).unwrap();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|snapshot| snapshot["hostname"] == "harbour"));
    assert!(listed.iter().all(|snapshot| snapshot["tags"] == serde_json::json!(["roadstead"])));
    let object = |path: &str| {
        let of_path = |snapshot: &&serde_json::Value| snapshot["paths"] == serde_json::json!([path]);
        listed.iter().find(of_path).and_then(|found| found["id"].as_str()).expect("the stream").to_owned()
    };
    for (path, bytes) in [
        ("/orders/database/orders.dump", text),
        ("/orders/empty", vec![]),
        ("/orders/database/a%20b", noise(1, 2_000_000)),
    ] {
        assert!(restic(&world.root, &["dump", &object(path), path]) == bytes, "{path} differs");
    }
    restic(&world.root, &["check", "--read-data"]);
    // Its locks and what it read disturb nothing.
    assert!(world.check(1).await.is_empty() && world.check(2).await.is_empty());
    assert_eq!(world.structure().await, []);
    assert_eq!(world.vault.catalogue().await.unwrap().records.len(), 2);
}

#[tokio::test]
async fn what_restic_itself_put_there_is_not_ours_to_remove() {
    let world = World::new().await;
    world.take(1, &[("a", noise(1, 1000))]).await;
    let file = world.root.with_extension("mine");
    std::fs::write(&file, "mine").unwrap();
    restic(&world.root, &["backup", &file.display().to_string()]);
    world.vault.prune(&[], false, &roadstead_core::port::ambient::Unwatched).await.unwrap();
    assert_eq!(restic(&world.root, &["dump", "latest", &file.display().to_string()]), b"mine");
    assert!(world.check(1).await.is_empty());
}

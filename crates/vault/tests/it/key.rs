//! The key: refused when weak, told when wrong, and what else may lie in a vault's place.

use std::fs;

use roadstead_core::{Kind, Secret, port::vault::Vaults};
use roadstead_vault::LocalVaults;

use crate::world::{World, files, key, noise, spec};

#[tokio::test]
async fn another_key_is_denied_and_changes_nothing() {
    let world = World::new().await;
    let before = files(&world.root);
    let vaults = LocalVaults::new();
    let other = Secret::new("another key, just as long");
    for error in [
        vaults.open(&spec(&world.root), &other).await.err().unwrap(),
        vaults.init(&spec(&world.root), &other).await.err().unwrap(),
    ] {
        assert_eq!(error.kind, Kind::Denied, "{error}");
        assert!(!format!("{error:?}").contains("another key"), "the key is told");
    }
    assert_eq!(vaults.init(&spec(&world.root), &key()).await.err().unwrap().kind, Kind::Exists);
    assert_eq!(files(&world.root), before);
}

#[tokio::test]
async fn places_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let vaults = LocalVaults::new();
    let absent = folder.path().join("absent");
    assert_eq!(vaults.open(&spec(&absent), &key()).await.err().unwrap().kind, Kind::NotFound);
    assert!(!absent.exists(), "opening made a folder");
    let short = vaults.init(&spec(&absent), &Secret::new("short")).await.err().unwrap();
    assert_eq!((short.kind, short.what.key.as_str()), (Kind::Input, "vault-key-short"));
    assert!(!absent.exists(), "a refused key made a folder");
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("letters.txt"), "mine").unwrap();
    let error = vaults.init(&spec(&other), &key()).await.err().unwrap();
    assert_eq!(error.kind, Kind::Precondition);
    assert_eq!(files(&other).len(), 1);
    let file = other.join("letters.txt");
    assert_eq!(vaults.init(&spec(&file), &key()).await.err().unwrap().kind, Kind::Precondition);
    let empty = folder.path().join("empty");
    fs::create_dir_all(empty.join("lost+found")).unwrap();
    vaults.init(&spec(&empty), &key()).await.unwrap();
    let mut remote = spec(&empty);
    remote.url = "s3://bucket/path".into();
    assert_eq!(vaults.open(&remote, &key()).await.err().unwrap().kind, Kind::Unsupported);
}

#[tokio::test]
async fn an_interrupted_making_is_completed() {
    let world = World::new().await;
    for gone in [&["config"][..], &["keys"], &["keys", "config"]] {
        for path in gone {
            let path = world.root.join(path);
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        let wrong = Secret::new("another key, just as long");
        let denied = LocalVaults::new().init(&spec(&world.root), &wrong).await.err().unwrap();
        assert_eq!(denied.kind, Kind::Denied, "{denied}");
        LocalVaults::new().init(&spec(&world.root), &key()).await.unwrap();
        assert_eq!((world.count("keys"), world.root.join("config").exists()), (1, true));
    }
    world.take(1, &[("a", noise(1, 1000))]).await;
    assert!(world.check(1).await.is_empty());
}

#[tokio::test]
async fn a_lost_or_damaged_seal_is_made_anew() {
    let world = World::new().await;
    world.take(1, &[("a", noise(1, 1000))]).await;
    let seal = world.root.join("catalogue/seal");
    for damage in [None, Some("{}"), Some("")] {
        match damage {
            None => fs::remove_file(&seal).unwrap(),
            Some(content) => fs::write(&seal, content).unwrap(),
        }
        let wrong = Secret::new("another key, just as long");
        let denied = LocalVaults::new().open(&spec(&world.root), &wrong).await.err().unwrap();
        assert_eq!(denied.kind, Kind::Denied, "{denied}");
        let vault = world.reopened().await;
        assert_eq!(vault.catalogue().await.unwrap().records.len(), 1);
        assert!(fs::read_to_string(&seal).unwrap().contains("scrypt"));
    }
}

/// Whoever can write one file of the vault must not take all memory or hours of everybody who opens it.
#[tokio::test]
async fn a_seal_that_asks_for_too_much_is_not_tried_and_is_made_anew() {
    let world = World::new().await;
    world.take(1, &[("a", noise(1, 1000))]).await;
    let seal = world.root.join("catalogue/seal");
    let ours = fs::read_to_string(&seal).unwrap();
    for (cost, greedy) in [
        ("\"p\": 1\n", "\"p\": 0\n"),
        ("\"p\": 1\n", "\"p\": 100000000\n"),
        ("\"p\": 1\n", "\"p\": 4294967295\n"),
        ("\"log_n\": 12", "\"log_n\": 63"),
    ] {
        let theirs = ours.replace(cost, greedy);
        assert_ne!(theirs, ours, "{greedy}");
        fs::write(&seal, theirs).unwrap();
        let vault = world.reopened().await;
        assert_eq!(vault.catalogue().await.unwrap().records.len(), 1, "{greedy}");
        assert!(fs::read_to_string(&seal).unwrap().contains(cost), "{greedy}");
    }
}

#[tokio::test]
async fn a_seal_longer_than_any_is_not_read_and_is_made_anew() {
    let world = World::new().await;
    world.take(1, &[("a", noise(1, 1000))]).await;
    let seal = world.root.join("catalogue/seal");
    // Longer than the memory, and no room on the disk.
    for length in [(64 << 10) + 1, 1 << 40] {
        fs::File::options().write(true).open(&seal).unwrap().set_len(length).unwrap();
        let vault = world.reopened().await;
        assert_eq!(vault.catalogue().await.unwrap().records.len(), 1);
        assert!(fs::metadata(&seal).unwrap().len() < 1024, "it was not made anew");
        assert!(world.check(1).await.is_empty());
    }
}

#[tokio::test]
async fn a_catalogue_that_vanished_is_an_error_and_not_an_empty_list() {
    let world = World::new().await;
    world.take(1, &[("a", noise(1, 1000))]).await;
    fs::rename(&world.root, world.root.with_extension("away")).unwrap();
    world.vault.catalogue().await.unwrap_err();
    fs::create_dir_all(world.root.join("catalogue")).unwrap();
    world.vault.catalogue().await.unwrap_err();
}

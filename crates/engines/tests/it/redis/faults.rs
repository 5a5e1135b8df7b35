//! A snapshot that is not what it was is put nowhere.

use roadstead_core::{
    Kind,
    port::{
        ambient::Unwatched,
        engine::{LoadAsk, Purpose},
    },
};
use roadstead_testkit::stage::Place;

use super::server::Redis;
use crate::server::{Server, engine, layout, record};

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_never_loaded() {
    let server = Server::member(Redis).await;
    server.lines("SET a 1\nSET b 2\n");
    let (dumped, source) = server.dump().await;
    let whole = source.bytes("dump.rdb");
    let mut flipped = whole.clone();
    flipped[40] ^= 1;
    let target = Server::member(Redis).await;
    let fresh = Place::new();
    let layout = layout::<Redis>(&target.cluster, &fresh, Purpose::Loading);
    std::fs::create_dir_all(fresh.home().data()).expect("a data directory");
    let record = record::<Redis>(&dumped, &source);
    let engine = engine::<Redis>();
    let backup = engine.backup().expect("a facet");
    let ask =
        |private_target| LoadAsk { record: &record, private_target, keep_accounts: vec![], before: None };
    for bytes in [flipped, whole[..whole.len() - 3].to_vec(), whole[..20].to_vec(), Vec::new()] {
        let damaged = source.with("dump.rdb", bytes);
        let error = backup.load(&damaged, &target.link, &ask(false), &Unwatched).await.expect_err("damage");
        assert_eq!(error.kind, Kind::Corrupt, "{error}");
        target.cli(&["FLUSHALL"]);
        let error = backup.seed(&damaged, &layout, &ask(true), &Unwatched).await.expect_err("damage");
        assert_eq!(error.kind, Kind::Corrupt, "{error}");
        let seeded = format!("{}/dump.rdb", fresh.home().data());
        assert!(
            !std::path::Path::new(&seeded).exists(),
            "nothing damaged is put where a server would read it"
        );
    }
    let bad = source.with("accounts.json", b"{}".to_vec());
    let error = backup.load(&bad, &target.link, &ask(false), &Unwatched).await.expect_err("no accounts");
    assert_eq!(error.kind, Kind::Corrupt, "{error}");
}

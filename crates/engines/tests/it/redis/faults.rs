//! What goes wrong in the middle, each told and none taken for a backup.

use std::time::Duration;

use roadstead_core::{
    Error, Kind, Millis,
    port::{
        Link, Progress, Source, Watch,
        ambient::Unwatched,
        engine::{LoadAsk, Purpose},
    },
};
use roadstead_testkit::{memory::MemorySink, stage::Place};
use tokio::sync::Notify;

use super::server::{Server, engine, layout, record};

/// Tells when the first bytes have come.
#[derive(Default)]
struct Begun {
    begun: Notify,
    cancelled: std::sync::atomic::AtomicBool,
}

impl Watch for Begun {
    fn progress(&self, progress: Progress) {
        if progress.done > 0 {
            self.begun.notify_one();
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// A server whose snapshots take seconds.
async fn slow_server() -> Server {
    let server = Server::member().await;
    let value = "v".repeat(2000);
    let lines: Vec<_> = (0..6000).map(|n| format!("SET key:{n} {n}{value}")).collect();
    server.lines(&lines.join("\n"));
    server.cli(&["CONFIG", "SET", "rdbcompression", "no"]);
    assert_eq!(server.cli(&["CONFIG", "SET", "rdb-key-save-delay", "500"]), "OK");
    server
}

async fn dump_and(server: &Server, deadline: Millis, fault: impl FnOnce(&Begun)) -> Error {
    let link = Link { may_write: false, ..server.link_within(deadline) };
    let watch = Begun::default();
    let mut sink = MemorySink::default();
    let engine = engine();
    let dump = engine.backup().expect("a facet").dump(&link, &server.cluster, &mut sink, &watch);
    let after = async {
        watch.begun.notified().await;
        fault(&watch);
    };
    let both = async { tokio::join!(dump, after) };
    let (dumped, ()) = tokio::time::timeout(Duration::from_secs(30), both).await.expect("an end in time");
    assert!(sink.source().streams().iter().all(|stream| stream.name != "dump.rdb"), "half a dump is none");
    dumped.expect_err("a fault")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_the_middle_leaves_no_dump() {
    let server = slow_server().await;
    let error =
        dump_and(&server, Millis::seconds(2), |_| server.stage.signal(rustix::process::Signal::KILL)).await;
    assert_eq!(error.kind, Kind::Unreachable, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_in_the_middle_is_given_up() {
    let server = slow_server().await;
    let error = dump_and(&server, Millis(100), |_| server.stage.signal(rustix::process::Signal::STOP)).await;
    assert_eq!(error.kind, Kind::Unreachable, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_is_cancelled_ends_soon() {
    let server = slow_server().await;
    let cancel = |watch: &Begun| watch.cancelled.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(dump_and(&server, Millis::seconds(2), cancel).await.kind, Kind::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_vault_is_told() {
    let server = slow_server().await;
    let mut sink = MemorySink::default();
    sink.room = Some(500_000);
    let engine = engine();
    let dumped =
        engine.backup().expect("a facet").dump(&server.link, &server.cluster, &mut sink, &Unwatched).await;
    assert_eq!(dumped.expect_err("no room").kind, Kind::Exhausted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_never_loaded() {
    let server = Server::member().await;
    server.lines("SET a 1\nSET b 2\n");
    let (source, dumped) = server.dump().await;
    let whole = source.bytes("dump.rdb");
    let mut flipped = whole.clone();
    flipped[40] ^= 1;
    let target = Server::member().await;
    let fresh = Place::new();
    let layout = layout(&target.cluster, &fresh, Purpose::Loading);
    std::fs::create_dir_all(fresh.home().data()).expect("a data directory");
    let record = record(&dumped);
    let engine = engine();
    let backup = engine.backup().expect("a facet");
    let ask = |private_target| LoadAsk { record: &record, private_target, keep_accounts: vec![] };
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

//! What a backup of keys and accounts must survive beyond what every engine's must.

use std::time::Duration;

use roadstead_core::{
    Kind, Timestamp,
    manifest::compare,
    model::May,
    port::{
        Link,
        ambient::Unwatched,
        engine::{EngineAct, Purpose},
        vault::Dumped,
    },
};
use roadstead_testkit::{
    memory::{MemorySink, MemorySource},
    wait,
};

use super::{data, server::Redis};
use crate::server::{NamedSecrets, PASSWORD, Server, cluster, engine, layout, role};
use crate::subject::with_lines;

async fn restored(purpose: Purpose, dumped: &Dumped, source: &MemorySource) -> Server<Redis> {
    let made = Server::restored(Redis, purpose, (dumped, source), &Unwatched).await;
    made.expect("a load").0
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_fall_due_meanwhile_are_proven_too() {
    let server = Server::member(Redis).await;
    server.lines(
        "SET stays 1\nSET goes 1 PX 1500\nHSET goes:hash a b\nPEXPIRE goes:hash 1500\nSET later 1 EX 9999\n",
    );
    let (dumped, source) = server.dump().await;
    wait::until("the keys to expire", Duration::from_secs(20), || {
        (server.cli(&["DBSIZE"]) == "2").then_some(())
    });
    let scratch = restored(Purpose::Scratch, &dumped, &source).await;
    assert_eq!(scratch.cli(&["DBSIZE"]), "4");
    let compared = scratch.compared(&dumped).await;
    assert!(compared.is_equal(), "{:?}", compared.differences);
    assert_eq!(compared.rows, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_loaded_in_place_survives_the_change_to_a_member() {
    let server = Server::member(Redis).await;
    let keys = data::fill(&server);
    server.cli(&["ACL", "SETUSER", "app", "on", ">word", "~*", "+@all"]);
    server.cli(&["SET", "goes", "1", "PX", "1"]);
    let (dumped, source) = server.dump().await;
    let loading = restored(Purpose::Loading, &dumped, &source).await;
    let cluster = loading.cluster.clone();
    let place = loading.stop().await;
    let member = layout::<Redis>(&cluster, &place, Purpose::Member);
    let mut member = Server::begin(Redis, place, &member, cluster).await;
    member.ready().await;
    assert_eq!(member.cli(&["CONFIG", "GET", "appendonly"]), "appendonly\nyes");
    let now = Some(Timestamp::from_millis(
        i64::try_from(
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_millis(),
        )
        .expect("now"),
    ));
    let engine = engine::<Redis>();
    let inspect = engine.inspect().expect("a facet");
    let keep = [member.link.user.clone()];
    let (original, copy) = inspect.comparable(dumped.manifest.clone(), member.manifest().await, now, &keep);
    let compared = compare(&original, &copy);
    assert!(compared.is_equal(), "{:?}", compared.differences);
    assert!(compared.rows >= keys - 1, "{} of {keys}", compared.rows);
    assert_eq!(member.cli_as("app", "word", &["GET", "tiny"], b""), "7");
    // And once more from its own files.
    let cluster = member.cluster.clone();
    let place = member.stop().await;
    let again = layout::<Redis>(&cluster, &place, Purpose::Member);
    let mut again = Server::begin(Redis, place, &again, cluster).await;
    again.ready().await;
    let (original, copy) = inspect.comparable(dumped.manifest.clone(), again.manifest().await, now, &keep);
    assert!(compare(&original, &copy).is_equal());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_grants_suffice_and_lacking_ones_are_named() {
    let server = Server::member(Redis).await;
    server.lines("SET a 1\n");
    let least = [
        "+@connection",
        "+info",
        "+psync",
        "+replconf",
        "+config|get",
        "+acl|list",
        "+acl|whoami",
        "+module|list",
    ];
    let mut command = vec!["ACL", "SETUSER", "keeper", "on", ">word"];
    command.extend(least);
    assert_eq!(server.cli(&command), "OK");
    let link = server.link_as("keeper", "word");
    let engine = engine::<Redis>();
    let observe = engine.observe().expect("a facet");
    assert_eq!(observe.survey(&link, &server.cluster).await.expect("a survey"), []);
    let mut sink = MemorySink::default();
    let backup = engine.backup().expect("a facet");
    let dumped = backup.dump(&link, &server.cluster, &mut sink, &Unwatched).await.expect("a dump");
    assert_eq!(dumped.findings, []);

    server.cli(&["ACL", "SETUSER", "keeper", "-psync", "-acl|list"]);
    let findings = observe.survey(&link, &server.cluster).await.expect("a survey");
    let told: Vec<_> = findings.iter().map(|finding| finding.what.to_string()).collect();
    assert_eq!(
        told,
        ["redis-lacks(command=PSYNC, user=keeper)", "redis-lacks(command=ACL LIST, user=keeper)"]
    );
    let error = backup.dump(&link, &server.cluster, &mut MemorySink::default(), &Unwatched).await;
    assert_eq!(error.expect_err("no right").kind, Kind::Denied);

    server.cli(&["ACL", "SETUSER", "keeper", "+psync"]);
    let dumped =
        backup.dump(&link, &server.cluster, &mut MemorySink::default(), &Unwatched).await.expect("a dump");
    assert_eq!(dumped.findings.len(), 1, "{:?}", dumped.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_checksums_is_backed_up_and_told() {
    let cluster = cluster(Redis);
    let place = roadstead_testkit::stage::Place::new();
    let layout =
        with_lines(layout::<Redis>(&cluster, &place, Purpose::Member), "redis.conf", "rdbchecksum no");
    let mut server = Server::begin(Redis, place, &layout, cluster).await;
    server.ready().await;
    server.lines("SET a 1\n");
    let (dumped, _) = server.dump().await;
    assert_eq!(dumped.findings.len(), 1);
    assert_eq!(dumped.findings[0].what.key, "redis-no-checksum");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_backed_up_like_its_primary() {
    let primary = Server::member(Redis).await;
    let keys = data::fill(&primary);
    let replica = Server::member(Redis).await;
    let roadstead_core::port::layout::Endpoint::Tcp(host, port) = &primary.link.endpoint else {
        panic!("a member answers by TCP");
    };
    replica.cli(&["CONFIG", "SET", "masteruser", &primary.link.user, "masterauth", PASSWORD]);
    replica.cli(&["REPLICAOF", host, &port.to_string()]);
    wait::until("replication", Duration::from_secs(30), || {
        replica.cli(&["INFO", "replication"]).contains("master_link_status:up").then_some(())
    });
    let facts = replica.look().await;
    assert_eq!(facts.role, Some(roadstead_core::seen::Role::Replica));
    let (dumped, _) = replica.dump().await;
    let (original, _) = primary.dump().await;
    let compared = compare(&original.manifest, &dumped.manifest);
    assert!(compared.is_equal(), "{:?}", compared.differences);
    assert_eq!(compared.rows, keys);
    // The replica that a backup was is gone.
    wait::until("the primary to be rid of us", Duration::from_secs(10), || {
        primary.cli(&["INFO", "replication"]).contains("connected_slaves:1").then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_write_privilege_cannot_reach_beyond() {
    let mut cluster = cluster(Redis);
    cluster.roles.insert("reader".into(), role("r", May::Read, &[]));
    cluster.roles.insert("app".into(), role("w", May::Write, &[]));
    let server = Server::start(Redis, cluster, Purpose::Member).await;
    let engine = engine::<Redis>();
    let deploy = engine.deploy().expect("a facet");
    let (changes, _) = deploy.changes(&server.cluster, &server.stage.layout, &server.look().await);
    for change in changes {
        let roadstead_core::port::engine::How::Own(act) = change.how else { panic!("{:?}", change.how) };
        let act: EngineAct = act;
        deploy.perform(&server.link, &act, &NamedSecrets).await.expect("an act");
    }
    server.lines("SET a 1\n");
    let reader = |arguments: &[&str]| server.cli_as("reader", "r", arguments, b"");
    let app = |arguments: &[&str]| server.cli_as("app", "w", arguments, b"");
    assert_eq!(reader(&["GET", "a"]), "1");
    for wrong in [&["SET", "a", "2"][..], &["EVAL", "return 1", "0"], &["CONFIG", "GET", "*"], &["KEYS", "*"]]
    {
        assert!(reader(wrong).starts_with("NOPERM"), "{wrong:?}: {}", reader(wrong));
    }
    assert_eq!(app(&["SET", "a", "2"]), "OK");
    assert_eq!(app(&["EVAL", "return redis.call('GET', KEYS[1])", "1", "a"]), "2");
    for wrong in [
        &["FLUSHALL"][..],
        &["ACL", "LIST"],
        &["FUNCTION", "FLUSH"],
        &["REPLICAOF", "NO", "ONE"],
        &["SHUTDOWN"],
    ] {
        assert!(app(wrong).starts_with("NOPERM"), "{wrong:?}: {}", app(wrong));
    }
    let _: Link = server.link_as("app", "w");
}

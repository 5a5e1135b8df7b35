//! What a backup of keys and accounts must survive beyond what every engine's must.

use std::time::Duration;

use roadstead_core::{
    Kind, Timestamp,
    manifest::compare,
    model::May,
    port::{
        Link,
        ambient::Unwatched,
        engine::{EngineAct, Lived, LoadAsk, Purpose},
        vault::Dumped,
    },
};
use roadstead_testkit::{
    memory::{MemorySink, MemorySource},
    wait,
};

use super::{data, server::Redis};
use crate::server::{NamedSecrets, PASSWORD, Server, cluster, engine, layout, record, role};
use crate::subject::with_lines;

async fn restored(purpose: Purpose, dumped: &Dumped, source: &MemorySource) -> Server<Redis> {
    let made = Server::restored(Redis, purpose, (dumped, source), &Unwatched).await;
    made.expect("a load").0
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_fall_due_meanwhile_are_proven_too() {
    let server = Server::member(Redis).await;
    server.lines(
        "SET stays 1\nSET goes 1 PX 10000\nHSET goes:hash a b\nPEXPIRE goes:hash 10000\nSET later 1 EX 9999\n",
    );
    let (dumped, source) = server.dump().await;
    wait::until("the keys to expire", Duration::from_secs(60), || {
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
    let lived = Lived::Started(Timestamp::from_millis(
        i64::try_from(
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_millis(),
        )
        .expect("now"),
    ));
    let engine = engine::<Redis>();
    let inspect = engine.inspect().expect("a facet");
    let keep = [member.link.user.clone()];
    let (original, copy) = inspect.comparable(dumped.manifest.clone(), member.manifest().await, lived, &keep);
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
    let (original, copy) = inspect.comparable(dumped.manifest.clone(), again.manifest().await, lived, &keep);
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
    wait::until("the primary to be rid of us", Duration::from_secs(30), || {
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

/// A server that somebody runs with more databases than a server has by itself.
async fn with_databases(count: &str) -> Server<Redis> {
    let mut cluster = cluster(Redis);
    cluster.settings.insert("databases".into(), count.into());
    Server::start(Redis, cluster, Purpose::Member).await
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_databases_as_the_original_had_are_there_again() {
    let original = with_databases("64").await;
    original.lines("SET a 1\nSELECT 63\nSET b 2\nEXPIRE b 999999\n");
    let (dumped, source) = original.dump().await;
    drop(original);
    // A proof, and a member made of it, whose fleet file says nothing of databases.
    let scratch = restored(Purpose::Scratch, &dumped, &source).await;
    assert_eq!(scratch.differences(&dumped).await, [""; 0]);
    let loading = restored(Purpose::Loading, &dumped, &source).await;
    assert_eq!(loading.differences(&dumped).await, [""; 0]);
    let (cluster, place) = (loading.cluster.clone(), loading.stop().await);
    let member = Server::of(Redis, cluster, place, Purpose::Member).await;
    assert_eq!(member.differences(&dumped).await, [""; 0]);
    assert_eq!(member.cli(&["CONFIG", "GET", "databases"]), "databases\n64");

    // One whose file declares too few is refused before anything lies in its data directory.
    let mut few = crate::server::cluster(Redis);
    few.settings.insert("databases".into(), "32".into());
    let (place, record) = (roadstead_testkit::stage::Place::new(), record::<Redis>(&dumped, &source));
    let layout = layout::<Redis>(&few, &place, Purpose::Loading);
    std::fs::create_dir_all(place.home().data()).expect("a data directory");
    let ask = LoadAsk { record: &record, private_target: true, keep_accounts: vec![], before: None };
    let engine = engine::<Redis>();
    let backup = engine.backup().expect("a facet");
    let error = backup.seed(&source, &layout, &ask, &Unwatched).await.expect_err("too few");
    assert_eq!(error.what.to_string(), "redis-databases-few(has=32, needs=64, place=settings)");
    assert_eq!(std::fs::read_dir(place.home().data()).expect("the directory").count(), 0);
    // A proof is of the backup, and not of the file.
    let layout = crate::server::layout::<Redis>(&few, &place, Purpose::Scratch);
    assert!(backup.seed(&source, &layout, &ask, &Unwatched).await.expect("a seed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_with_too_few_databases_is_refused_before_the_load() {
    let original = with_databases("64").await;
    original.lines("SET a 1\nSELECT 40\nSET b 2\n");
    let (dumped, source) = original.dump().await;
    let target = Server::member(Redis).await;
    let error = target.load_by_address(&dumped, &source).await.expect_err("too few");
    assert_eq!(error.kind, Kind::Precondition);
    let place = &target.link.endpoint;
    assert_eq!(error.what.to_string(), format!("redis-databases-few(has=16, needs=41, place={place})"));
    assert_eq!(target.cli(&["DBSIZE"]), "0", "nothing was written");
    let target = with_databases("41").await;
    target.load_by_address(&dumped, &source).await.expect("a load");
    assert_eq!(target.differences(&dumped).await, [""; 0]);
}

/// A shard of a cluster, that has all slots: it is backed up with a word, and not loaded into.
#[tokio::test(flavor = "multi_thread")]
async fn a_shard_of_a_cluster_is_told_and_never_loaded_into() {
    let (cluster, place) = (cluster(Redis), roadstead_testkit::stage::Place::new());
    let layout = layout::<Redis>(&cluster, &place, Purpose::Member);
    let layout = with_lines(layout, "redis.conf", "cluster-enabled yes");
    let mut shard = Server::begin(Redis, place, &layout, cluster).await;
    shard.ready().await;
    assert_eq!(shard.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]), "OK");
    wait::until("the cluster to be well", Duration::from_secs(20), || {
        shard.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok").then_some(())
    });
    let empty = shard.dump().await;
    shard.lines(
        "SET a 1\nHSET {b}c d e\nXADD f 1-1 g h\nXGROUP CREATE f i 0\nXREADGROUP GROUP i j STREAMS f >\n",
    );
    let (dumped, source) = shard.dump().await;
    let told: Vec<_> = dumped.findings.iter().map(|finding| finding.what.key.as_str()).collect();
    assert_eq!(told, ["redis-sharded"]);
    let copy = restored(Purpose::Scratch, &dumped, &source).await;
    assert_eq!(copy.differences(&dumped).await, [""; 0]);
    shard.cli(&["FLUSHALL"]);
    let error = shard.load_by_address(&empty.0, &empty.1).await.expect_err("a shard");
    assert_eq!(error.what.key, "redis-target-sharded");
}

/// Who may come into somebody else's server is not changed: one with an account of a name of the snapshot's is refused,
/// before anything is loaded, and again by the load.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_an_account_of_the_snapshots_is_refused() {
    let original = Server::member(Redis).await;
    original.lines("SET a 1\nACL SETUSER app on >word ~* +@all\nACL SETUSER other on >word ~* +@all\n");
    let (dumped, source) = original.dump().await;
    let target = Server::member(Redis).await;
    target.lines("ACL SETUSER app on >own ~mine:* +get\n");
    let had = target.cli(&["ACL", "LIST"]);
    let by_load = target.load_by_address(&dumped, &source).await.map(drop);
    for refused in [target.fits(&dumped, &source).await.map(drop), by_load] {
        let refused = refused.expect_err("app is there");
        assert_eq!((refused.kind, refused.what.key.as_str()), (Kind::Exists, "redis-accounts-exist"));
        let told = refused.what.to_string();
        assert!(told.contains("app") && !told.contains("other") && refused.cure.is_some(), "{refused:?}");
    }
    assert_eq!((target.cli(&["DBSIZE"]), target.cli(&["ACL", "LIST"])), ("0".into(), had));
    target.cli(&["ACL", "DELUSER", "app"]);
    target.load_by_address(&dumped, &source).await.expect("a load");
    assert_eq!(target.cli_as("app", "word", &["GET", "a"], b""), "1");
}

//! Backups that are loaded again and compared: into a scratch server, in place, and over the wire.

use std::time::Duration;

use roadstead_core::{
    Kind, Timestamp,
    manifest::{Strength, Unlike, compare},
    model::May,
    port::{
        Link, Source,
        ambient::Unwatched,
        engine::{EngineAct, LoadAsk, Purpose},
    },
};
use roadstead_testkit::{memory::MemorySink, wait};

use super::{
    data,
    server::{PASSWORD, Server, cluster, engine, layout, record, with_line},
};

#[tokio::test(flavor = "multi_thread")]
async fn every_type_comes_back_in_a_scratch_server() {
    let server = Server::member().await;
    let keys = data::fill(&server);
    server.cli(&["ACL", "SETUSER", "app", "on", ">hidden-word", "%R~app:*", "&*", "+@read", "(~x* +set)"]);
    let (source, dumped) = server.dump().await;
    assert_eq!(dumped.findings, []);
    assert_eq!(dumped.manifest.method, "redis-rdb-1");
    let counted: u64 = dumped.manifest.objects.iter().filter_map(|object| object.count).sum();
    assert_eq!(counted, keys);
    let position = dumped.position.clone().expect("a position");
    assert_eq!(position.split(':').next().map(str::len), Some(40), "{position}");

    let scratch = Server::loaded(Purpose::Scratch, &source, &dumped).await;
    let compared = scratch.compared(&dumped).await;
    assert!(compared.is_equal(), "{:?}", compared.differences);
    assert_eq!((compared.rows, compared.by_count), (keys, 0));
    assert_eq!(compared.weakest, Some(Strength::ContentAfter));
    assert_eq!(scratch.cli(&["FCALL", "answer", "0"]), "42");
    let refused = scratch.cli_as("app", "hidden-word", &["PING"], b"");
    assert!(refused.starts_with("NOPERM"), "the password is right, the right is lacking: {refused}");

    for stream in source.streams() {
        let text = String::from_utf8_lossy(&source.bytes(&stream.name)).into_owned();
        assert!(!text.contains("hidden-word") && !text.contains(PASSWORD), "{}", stream.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_fall_due_meanwhile_are_proven_too() {
    let server = Server::member().await;
    server.lines(
        "SET stays 1\nSET goes 1 PX 1500\nHSET goes:hash a b\nPEXPIRE goes:hash 1500\nSET later 1 EX 9999\n",
    );
    let (source, dumped) = server.dump().await;
    wait::until("the keys to expire", Duration::from_secs(20), || {
        (server.cli(&["DBSIZE"]) == "2").then_some(())
    });
    let scratch = Server::loaded(Purpose::Scratch, &source, &dumped).await;
    assert_eq!(scratch.cli(&["DBSIZE"]), "4");
    let compared = scratch.compared(&dumped).await;
    assert!(compared.is_equal(), "{:?}", compared.differences);
    assert_eq!(compared.rows, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_loaded_in_place_survives_the_change_to_a_member() {
    let server = Server::member().await;
    let keys = data::fill(&server);
    server.cli(&["ACL", "SETUSER", "app", "on", ">word", "~*", "+@all"]);
    server.cli(&["SET", "goes", "1", "PX", "1"]);
    let (source, dumped) = server.dump().await;
    let loading = Server::loaded(Purpose::Loading, &source, &dumped).await;
    let cluster = loading.cluster.clone();
    let place = loading.stop().await;
    let member = layout(&cluster, &place, Purpose::Member);
    let mut member = Server::begin(place, member, cluster).await;
    member.ready().await;
    assert_eq!(member.cli(&["CONFIG", "GET", "appendonly"]), "appendonly\nyes");
    let now = Some(Timestamp::from_millis(
        i64::try_from(
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_millis(),
        )
        .expect("now"),
    ));
    let engine = engine();
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
    let again = layout(&cluster, &place, Purpose::Member);
    let mut again = Server::begin(place, again, cluster).await;
    again.ready().await;
    let (original, copy) = inspect.comparable(dumped.manifest.clone(), again.manifest().await, now, &keep);
    assert!(compare(&original, &copy).is_equal());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_reached_by_address_is_loaded_key_by_key() {
    let server = Server::member().await;
    let keys = data::fill(&server);
    server.cli(&["ACL", "SETUSER", "app", "on", ">word", "~*", "+@all"]);
    let (source, dumped) = server.dump().await;
    let target = Server::member().await;
    let engine = engine();
    let (backup, inspect) = (engine.backup().expect("a facet"), engine.inspect().expect("a facet"));
    assert_eq!(inspect.occupied(&target.link).await.expect("an answer"), None);
    let record = record(&dumped);
    let keep_accounts = vec![target.link.user.clone()];
    let ask = LoadAsk { record: &record, private_target: false, keep_accounts: keep_accounts.clone() };
    let findings = backup.load(&source, &target.link, &ask, &Unwatched).await.expect("a load");
    assert_eq!(findings, []);
    assert!(inspect.occupied(&target.link).await.expect("an answer").is_some());
    let compared = target.compared(&dumped).await;
    assert!(compared.is_equal(), "{:?}", compared.differences);
    assert_eq!(compared.rows, keys);
    assert_eq!(target.cli(&["FCALL", "answer", "0"]), "42");
    assert_eq!(target.cli_as("app", "word", &["GET", "tiny"], b""), "7");
    // Loading again meets what is there and says which key.
    let error = backup.load(&source, &target.link, &ask, &Unwatched).await.expect_err("not empty");
    assert_eq!(error.kind, Kind::Exists, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_loss_is_named() {
    let server = Server::member().await;
    server.lines("SET a 1\nSET b 2\nSADD s x y\nZADD z 1 m\nSELECT 2\nHSET h f v\n");
    server.cli(&["ACL", "SETUSER", "app", "on", ">word", "~*", "+@all"]);
    let (source, dumped) = server.dump().await;
    let scratch = Server::loaded(Purpose::Scratch, &source, &dumped).await;
    scratch.lines("SET a 2\nSREM s x\nDEL z\nSELECT 2\nHSET h f w\nSELECT 5\nSET extra 1\n");
    scratch.cli(&["ACL", "DELUSER", "app"]);
    let told: Vec<_> = scratch
        .compared(&dumped)
        .await
        .differences
        .into_iter()
        .map(|difference| (difference.kind, difference.name.join("."), difference.how))
        .collect();
    let named = |kind: &str, name: &str, how| (kind.to_owned(), name.to_owned(), how);
    assert_eq!(
        told,
        [
            named("account", "app", Unlike::Missing),
            named("keys", "0.set", Unlike::Content),
            named("keys", "0.string", Unlike::Content),
            named("keys", "0.zset", Unlike::Missing),
            named("keys", "2.hash", Unlike::Content),
            named("keys", "5.string", Unlike::Extra),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_grants_suffice_and_lacking_ones_are_named() {
    let server = Server::member().await;
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
    let engine = engine();
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
    let cluster = cluster();
    let place = roadstead_testkit::stage::Place::new();
    let layout = with_line(layout(&cluster, &place, Purpose::Member), "rdbchecksum no");
    let mut server = Server::begin(place, layout, cluster).await;
    server.ready().await;
    server.lines("SET a 1\n");
    let (_, dumped) = server.dump().await;
    assert_eq!(dumped.findings.len(), 1);
    assert_eq!(dumped.findings[0].what.key, "redis-no-checksum");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_backed_up_like_its_primary() {
    let primary = Server::member().await;
    let keys = data::fill(&primary);
    let replica = Server::member().await;
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
    let (_, dumped) = replica.dump().await;
    let (_, original) = primary.dump().await;
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
    let mut cluster = cluster();
    cluster.roles.insert("reader".into(), super::server::role(May::Read, "r"));
    cluster.roles.insert("app".into(), super::server::role(May::Write, "w"));
    let server = Server::start(cluster, Purpose::Member).await;
    let engine = engine();
    let deploy = engine.deploy().expect("a facet");
    let (changes, _) = deploy.changes(&server.cluster, &server.stage.layout, &server.look().await);
    for change in changes {
        let roadstead_core::port::engine::How::Own(act) = change.how else { panic!("{:?}", change.how) };
        let act: EngineAct = act;
        deploy.perform(&server.link, &act, &super::server::NamedSecrets).await.expect("an act");
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

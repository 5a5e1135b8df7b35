//! A dump, loaded into a scratch server, is the original; and what is not, is named.

use roadstead_core::{Finding, port::engine::Purpose, port::stream::read_all, text::Arg};
use roadstead_testkit::stage::Place;

use super::{
    data,
    server::{Server, Which, cluster, differences, engine},
};

async fn round_trip(which: Which) {
    let original = Server::start(which, Purpose::Member).await;
    data::fill(&original).await;
    let (dumped, source) = original.dump().await;
    assert!(
        dumped.position.as_deref().is_some_and(|position| position.contains(':')),
        "{:?}",
        dumped.position
    );
    let told: Vec<_> = dumped.findings.iter().map(|finding| finding.what.key.as_str()).collect();
    let mut expected = vec!["mysql-not-transactional", "mysql-broken-view", "mysql-orphan-grant"];
    if which == Which::Mysql {
        expected.extend(["mysql-json-inexact", "mysql-holds-nothing"]);
    }
    for key in expected {
        assert!(told.contains(&key), "{key} is not in {told:?}");
    }
    let again = original.manifest().await;
    assert_eq!(differences(&dumped.manifest, &again), Vec::<String>::new(), "the original is itself");

    let copy = Server::start(which, Purpose::Scratch).await;
    let findings = copy.load(&dumped, &source).await.unwrap_or_else(|error| panic!("{error:?}"));
    let not_made: Vec<_> = findings.iter().filter(|finding| finding.what.key == "mysql-not-made").collect();
    let names: Vec<_> = not_made.iter().map(|finding| finding.subject.as_str()).collect();
    assert_eq!(
        names,
        ["shop.broken_view", "shop.once"],
        "only the broken view, and what has passed: {findings:?}"
    );
    let found = differences(&dumped.manifest, &copy.manifest().await);
    for table in
        found.iter().filter_map(|line| line.strip_prefix("definition shop.")?.strip_suffix(": content"))
    {
        let sql = format!("SHOW CREATE TABLE shop.`{table}`");
        println!("{}\nis now\n{}", original.ask(&sql).await, copy.ask(&sql).await);
    }
    assert_eq!(found, Vec::<String>::new());
    for question in data::questions(which) {
        assert_eq!(original.ask(question).await, copy.ask(question).await, "{question}");
    }
    assert_eq!(copy.ask("SELECT COUNT(*) FROM shop.log").await, "0", "a trigger fired while loading");

    let harmed = [
        ("UPDATE shop.texts SET e = 0 WHERE id = 3", "table shop.texts: content"),
        ("DELETE FROM shop.times WHERE id = 2", "table shop.times: 3 of 4"),
        ("DROP USER 'app'@'%'", "account app@%: missing"),
        ("ALTER EVENT shop.nightly DISABLE", "event shop.nightly: content"),
        ("DROP TRIGGER shop.first", "trigger shop.first: missing"),
        ("REVOKE PROCESS ON *.* FROM 'öd\\'e %'@'10.%'", "account öd'e %@10.%: content"),
        ("CREATE TABLE shop.surplus (id INT)", "table shop.surplus: extra"),
        ("DROP VIEW shop.a_view", "view shop.a_view: missing"),
    ];
    for (harm, _) in harmed {
        copy.run(&["SET SESSION sql_mode = ''", harm]).await;
    }
    copy.run(&["DROP TABLE shop.parts"]).await;
    let found = differences(&dumped.manifest, &copy.manifest().await);
    for (_, expected) in harmed {
        assert!(found.iter().any(|line| line == expected), "{expected} is not in {found:#?}");
    }
    assert!(found.iter().any(|line| line == "table shop.parts: missing"), "{found:#?}");

    let twice = copy.load(&dumped, &source).await.unwrap_err();
    assert_eq!(twice.kind, roadstead_core::Kind::Exists, "a server that holds data is never loaded into");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_comes_back_as_it_was() {
    round_trip(Which::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_comes_back_as_it_was() {
    round_trip(Which::Mysql).await;
}

/// History that is kept by the numbers of transactions cannot be written again: that is told, by name, and what is
/// there now comes back all the same. History by times comes back whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_cannot_come_back_is_named_when_it_is_backed_up() {
    let original = Server::start(Which::Mariadb, Purpose::Member).await;
    let table = |name: &str, kind: &str| {
        format!(
            "CREATE TABLE shop.{name} (id INT PRIMARY KEY, t VARCHAR(9), s {kind} GENERATED ALWAYS AS ROW START, \
             e {kind} GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) ENGINE=InnoDB WITH SYSTEM VERSIONING"
        )
    };
    let (numbered, timed) = (table("numbered", "BIGINT UNSIGNED"), table("timed", "TIMESTAMP(6)"));
    original.run(&["CREATE DATABASE shop", &numbered, &timed]).await;
    for name in ["numbered", "timed"] {
        let (insert, update) = (
            format!("INSERT INTO shop.{name} (id, t) VALUES (1, 'before'), (2, 'same')"),
            format!("UPDATE shop.{name} SET t = 'after' WHERE id = 1"),
        );
        original.run(&[&insert, &update]).await;
    }
    let lost = |findings: &[Finding]| -> Vec<String> {
        let told = findings.iter().filter(|finding| finding.what.key == "mysql-history-lost");
        told.map(|finding| match &finding.what.args["tables"] {
            Arg::Literal(names) => names.clone(),
            other => panic!("{other:?}"),
        })
        .collect()
    };
    let surveyed = engine().observe().unwrap().survey(&original.link, &original.cluster).await.unwrap();
    assert_eq!(lost(&surveyed), ["shop.numbered"], "{surveyed:?}");
    let (dumped, source) = original.dump().await;
    assert_eq!(lost(&dumped.findings), ["shop.numbered"], "{:?}", dumped.findings);
    let copy = Server::start(Which::Mariadb, Purpose::Scratch).await;
    copy.load(&dumped, &source).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(differences(&dumped.manifest, &copy.manifest().await), [""; 0]);
    let all = |name: &str| format!("SELECT COUNT(*) FROM shop.{name} FOR SYSTEM_TIME ALL");
    assert_eq!(copy.ask(&all("numbered")).await, "2");
    assert_eq!(copy.ask(&all("timed")).await, "3");
}

/// Folders may have any name: nothing on the way to the server takes a path apart.
async fn lives_in_odd_folders(which: Which) {
    for name in ["a b\\c", "a'b\"c", "数据é #;$(a)`b`", " "] {
        let place = Place::below(name);
        let server = Server::of(cluster(which), which, place, Purpose::Member).await;
        assert_eq!(server.ask("SELECT 1").await, "1", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_lives_in_folders_of_any_name() {
    lives_in_odd_folders(Which::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_lives_in_folders_of_any_name() {
    lives_in_odd_folders(Which::Mysql).await;
}

/// A server that somebody else runs: its log goes on, its settings stay, and what is there is not overwritten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_empty_server_is_loaded_with_its_log_on() {
    let original = Server::start(Which::Mysql, Purpose::Member).await;
    data::fill(&original).await;
    let (dumped, source) = original.dump().await;
    drop(original);
    let target = Server::start(Which::Mysql, Purpose::Member).await;
    target.run(&["CREATE USER app@'%' IDENTIFIED BY 'its own'"]).await;
    let before = target.ask("SELECT @@global.gtid_executed").await;
    let findings = target.load_as(&dumped, &source, false).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert!(findings.iter().any(|finding| finding.what.key == "mysql-account-exists"), "{findings:?}");
    assert_ne!(target.ask("SELECT @@global.gtid_executed").await, before, "replicas of it must follow");
    let found = differences(&dumped.manifest, &target.manifest().await);
    assert_eq!(
        found,
        ["account app@%: content"],
        "an account that was there stays, and the comparison says so"
    );
    let status = "SELECT VARIABLE_VALUE FROM performance_schema.global_status \
                  WHERE VARIABLE_NAME = 'Innodb_redo_log_enabled'";
    assert_eq!(target.ask(status).await, "ON");
}

/// The text of a dump is the vendor's own form: its client loads it without us.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendors_client_loads_a_dump() {
    let original = Server::start(Which::Mariadb, Purpose::Member).await;
    data::fill(&original).await;
    let (dumped, source) = original.dump().await;
    let copy = Server::start(Which::Mariadb, Purpose::Scratch).await;
    let order = [
        "accounts.sql",
        "databases.sql",
        "/tables.sql",
        "/data.sql",
        "routines.sql",
        "triggers.sql",
        "events.sql",
        "grants.sql",
    ];
    let mut names: Vec<String> =
        roadstead_core::port::Source::streams(&source).iter().map(|info| info.name.clone()).collect();
    names.sort_by_key(|name| order.iter().position(|end| name.ends_with(end)).unwrap_or(usize::MAX));
    names.retain(|name| name != "views.sql");
    for name in names {
        let text = read_all(&source, &name, 1 << 30).await.unwrap();
        copy.pipe_to_client(&text, &name).await;
    }
    let found = differences(&dumped.manifest, &copy.manifest().await);
    let others: Vec<_> = found.iter().filter(|line| !line.starts_with("view ")).collect();
    assert!(others.is_empty(), "{others:#?}");
}

//! A dump that others load, and a target that keeps what is its own.

use roadstead_core::{
    Finding, Kind,
    port::{ambient::Unwatched, engine::Purpose, stream::read_all},
    text::Arg,
};

use super::{data, server::Which};
use crate::server::{Server, engine};

/// History that is kept by the numbers of transactions cannot be written again: that is told, by name, and what is
/// there now comes back all the same. History by times comes back whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_cannot_come_back_is_named_when_it_is_backed_up() {
    let original = Server::member(Which::Mariadb).await;
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
    let surveyed =
        engine::<Which>().observe().unwrap().survey(&original.link, &original.cluster).await.unwrap();
    assert_eq!(lost(&surveyed), ["shop.numbered"], "{surveyed:?}");
    let (dumped, source) = original.dump().await;
    assert_eq!(lost(&dumped.findings), ["shop.numbered"], "{:?}", dumped.findings);
    let copy = Server::restored(Which::Mariadb, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
    let (copy, _) = copy.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(copy.differences(&dumped).await, [""; 0]);
    let all = |name: &str| format!("SELECT COUNT(*) FROM shop.{name} FOR SYSTEM_TIME ALL");
    assert_eq!(copy.ask(&all("numbered")).await, "2");
    assert_eq!(copy.ask(&all("timed")).await, "3");
}

/// The server's own schemas are in no backup: what users made there is told by name, and nothing of the server's is.
async fn strays_are_named(which: Which) {
    let server = Server::member(which).await;
    let told = |findings: &[Finding]| -> Vec<String> {
        let strays = findings.iter().filter(|finding| finding.what.key == "mysql-strays");
        strays.map(|finding| finding.what.args["names"].to_string()).collect()
    };
    assert_eq!(told(&server.dump().await.0.findings), [""; 0]);
    server
        .run(&[
            "CREATE PROCEDURE sys.own_procedure() SELECT 1",
            "CREATE FUNCTION mysql.own_function() RETURNS INT DETERMINISTIC RETURN 1",
            "CREATE EVENT mysql.own_event ON SCHEDULE EVERY 1 DAY DO SET @x = 1",
            "CREATE VIEW sys.own_view AS SELECT 1 AS x",
            "CREATE TABLE mysql.`own tablé` (id INT PRIMARY KEY)",
            "CREATE TABLE sys.own_isam (id INT) ENGINE=MyISAM",
        ])
        .await;
    let expected =
        "mysql.own tablé, mysql.own_event, mysql.own_function, sys.own_isam, sys.own_procedure, sys.own_view";
    let surveyed =
        engine::<Which>().observe().unwrap().survey(&server.link_to_read(), &server.cluster).await.unwrap();
    assert_eq!(told(&surveyed), [expected]);
    assert_eq!(told(&server.dump().await.0.findings), [expected]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_users_made_in_the_schemas_of_mysql_is_named() {
    strays_are_named(Which::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_users_made_in_the_schemas_of_mariadb_is_named() {
    strays_are_named(Which::Mariadb).await;
}

/// A server that somebody else runs: its log goes on, its settings stay, and what is there is not overwritten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_empty_server_is_loaded_with_its_log_on() {
    let original = Server::member(Which::Mysql).await;
    data::fill(&original).await;
    let (dumped, source) = original.dump().await;
    drop(original);
    let target = Server::member(Which::Mysql).await;
    target.run(&["CREATE USER app@'%' IDENTIFIED BY 'its own'"]).await;
    let before = target.ask("SELECT @@global.gtid_executed").await;
    let findings = target.load_by_address(&dumped, &source).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert!(findings.iter().any(|finding| finding.what.key == "mysql-account-exists"), "{findings:?}");
    assert_ne!(target.ask("SELECT @@global.gtid_executed").await, before, "replicas of it must follow");
    let found = target.differences(&dumped).await;
    assert_eq!(
        found,
        ["Content account app@%"],
        "an account that was there stays, and the comparison says so"
    );
    let status = "SELECT VARIABLE_VALUE FROM performance_schema.global_status \
                  WHERE VARIABLE_NAME = 'Innodb_redo_log_enabled'";
    assert_eq!(target.ask(status).await, "ON");
}

/// The text of a dump is the vendor's own form: its client loads it without us.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendors_client_loads_a_dump() {
    let original = Server::member(Which::Mariadb).await;
    data::fill(&original).await;
    let (dumped, source) = original.dump().await;
    let copy = Server::scratch(Which::Mariadb).await;
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
        copy.pipe_to_client(&text, &name);
    }
    let found = copy.differences(&dumped).await;
    let others: Vec<_> = found.iter().filter(|line| !line.contains(" view ")).collect();
    assert!(others.is_empty(), "{others:#?}");
}

/// A stream that was cut between two statements, with a length and a digest to match, is not whole, and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_was_cut_between_statements_is_refused_by_name() {
    let original = Server::member(Which::Mariadb).await;
    original
        .run(&[
            "CREATE DATABASE shop",
            "CREATE TABLE shop.t (id INT PRIMARY KEY, v LONGTEXT)",
            "INSERT INTO shop.t VALUES (1, REPEAT('x', 300000)), (2, REPEAT('y', 300000))",
            "CREATE USER app@'%' IDENTIFIED BY 'x'",
            "GRANT SELECT ON shop.t TO app@'%'",
        ])
        .await;
    let (dumped, source) = original.dump().await;
    drop(original);
    let starts = |text: &[u8]| -> Vec<usize> {
        let is_start = |at: &usize| text[*at..].starts_with(b"-- >") && (*at == 0 || text[at - 1] == b'\n');
        (0..text.len()).filter(is_start).collect()
    };
    for name in ["database/shop/data.sql", "accounts.sql", "grants.sql"] {
        let whole = source.bytes(name);
        let starts = starts(&whole);
        // Before the last statement that does something.
        let cut = source.with(name, whole[..starts[starts.len() - 2]].to_vec());
        let made = Server::restored(Which::Mariadb, Purpose::Scratch, (&dumped, &cut), &Unwatched).await;
        let error = made.map(drop).expect_err(name);
        assert_eq!((error.kind, error.what.key.as_str()), (Kind::Corrupt, "mysql-stream-cut"), "{error:?}");
        assert_eq!(error.what.args["stream"].to_string(), name);
    }

    // Snapshots that were taken before there were end marks have another head, and are loaded as ever.
    let mut older = source.clone();
    for info in roadstead_core::port::Source::streams(&source) {
        let whole = source.bytes(&info.name);
        let last = *starts(&whole).last().expect("an end mark");
        let body = whole.iter().position(|byte| *byte == b'\n').expect("a head") + 1;
        let head = b"-- A dump by roadstead. Load the streams in their order, with the client of the same flavour.\n";
        older = older.with(&info.name, [&head[..], &whole[body..last]].concat());
    }
    let made = Server::restored(Which::Mariadb, Purpose::Scratch, (&dumped, &older), &Unwatched).await;
    let (copy, told) = made.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!((told, copy.differences(&dumped).await), (vec![], vec![]));
}

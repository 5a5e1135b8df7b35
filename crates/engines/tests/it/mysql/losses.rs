//! What a restored server lacks, or loses at its start: told when it is backed up, and no difference that nobody could mend.

use roadstead_core::{
    Timestamp,
    manifest::{Comparison, Strength, compare},
    port::{
        ambient::Unwatched,
        engine::{Lived, Purpose},
        vault::Dumped,
    },
};

use super::server::Which;
use crate::server::{Server, engine, lines};

/// Compares a server that lived like this since it was loaded.
async fn compared(server: &Server<Which>, dumped: &Dumped, lived: Lived) -> Comparison {
    let engine = engine::<Which>();
    let inspect = engine.inspect().expect("the facet");
    let keep = [server.link.user.clone()];
    let (original, copy) = inspect.comparable(dumped.manifest.clone(), server.manifest().await, lived, &keep);
    compare(&original, &copy)
}

async fn memory(which: Which) {
    let original = Server::member(which).await;
    original
        .run(&[
            "CREATE DATABASE shop",
            "CREATE TABLE shop.mem (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(9)) ENGINE=MEMORY AUTO_INCREMENT=500",
            "INSERT INTO shop.mem (v) VALUES ('a'), ('b')",
            "CREATE TABLE shop.none (id INT PRIMARY KEY) ENGINE=MEMORY",
            "CREATE TABLE shop.kept (id INT PRIMARY KEY)",
            "INSERT INTO shop.kept VALUES (1), (2), (3)",
        ])
        .await;
    let (dumped, source) = original.dump().await;
    let told: Vec<_> = dumped.findings.iter().map(|finding| finding.what.to_string()).collect();
    assert_eq!(told, ["mysql-in-memory(count=2, tables=shop.mem (MEMORY), shop.none (MEMORY))"]);
    let restored = async || {
        let made = Server::restored(which, Purpose::Loading, (&dumped, &source), &Unwatched).await;
        made.unwrap_or_else(|error| panic!("{error:?}"))
    };

    // A proof's server is not started again: there the rows themselves are compared.
    let (copy, told) = restored().await;
    let told: Vec<_> = told.iter().map(|finding| finding.what.to_string()).collect();
    assert_eq!(told, ["mysql-memory-emptied(count=1, tables=shop.mem)"]);
    assert_eq!(copy.differences(&dumped).await, [""; 0]);
    copy.run(&["DELETE FROM shop.mem WHERE id = 500"]).await;
    let one = "Count { original: 2, copy: 1 } table shop.mem";
    assert_eq!(copy.differences(&dumped).await, [one]);
    drop(copy);

    // A restore ends with a start.
    let (copy, _) = restored().await;
    let (cluster, place) = (copy.cluster.clone(), copy.stop().await);
    let copy = Server::of(which, cluster, place, Purpose::Member).await;
    assert_eq!(copy.ask("SELECT COUNT(*) FROM shop.mem").await, "0");
    let now = Timestamp::from_millis(0);
    let found = compared(&copy, &dumped, Lived::Started(now)).await;
    assert_eq!((lines(&found), found.rows), (vec![], 3));
    assert_eq!((found.by_name, found.weakest), (2, Some(Strength::CountAfter)), "its rows and its counter");
    // Where nothing was started, as after a restore to an address, rows that are not there are missing.
    let served = lines(&compared(&copy, &dumped, Lived::Served(now)).await);
    let expected = ["Content definition shop.mem", "Count { original: 2, copy: 0 } table shop.mem"];
    assert_eq!(served, expected);
    // What else is lost is a difference as ever: its definition, itself, and the rows of others.
    copy.run(&[
        "ALTER TABLE shop.mem ADD COLUMN w INT",
        "DROP TABLE shop.none",
        "DELETE FROM shop.kept WHERE id = 1",
    ])
    .await;
    let expected = [
        "Missing definition shop.none",
        "Content memory table shop.mem",
        "Missing memory table shop.none",
        "Count { original: 3, copy: 2 } table shop.kept",
        "Missing table shop.none",
    ];
    assert_eq!(lines(&compared(&copy, &dumped, Lived::Started(now)).await), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_in_the_memory_of_a_mysql_are_told_and_no_failure_of_a_restore() {
    memory(Which::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_in_the_memory_of_a_mariadb_are_told_and_no_failure_of_a_restore() {
    memory(Which::Mariadb).await;
}

/// Told by a backup and by `check --live`, without any value.
async fn told(server: &Server<Which>) -> Vec<String> {
    let engine = engine::<Which>();
    let link = server.link_to_read();
    let surveyed = engine.observe().expect("the facet").survey(&link, &server.cluster).await;
    let by_check: Vec<_> =
        surveyed.expect("a survey").iter().map(|finding| finding.what.to_string()).collect();
    let (dumped, _) = server.dump().await;
    let by_backup: Vec<_> = dumped.findings.iter().map(|finding| finding.what.to_string()).collect();
    assert_eq!(by_check, by_backup);
    assert!(dumped.findings.iter().all(|finding| finding.cure.is_some()), "{:?}", dumped.findings);
    by_backup
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_mysql_was_given_beside_its_data_is_told_by_name() {
    let original = Server::member(Which::Mysql).await;
    assert_eq!(told(&original).await, [""; 0]);
    original
        .run(&[
            "CREATE FUNCTION service_release_locks RETURNS INT SONAME 'locking_service.so'",
            "UPDATE sys.sys_config SET value = 99 WHERE variable = 'statement_truncate_len'",
            "INSTALL COMPONENT 'file://component_query_attributes'",
            "SET PERSIST max_connections = 77",
            "SET PERSIST_ONLY back_log = 99",
            "CREATE RESOURCE GROUP slow TYPE = USER VCPU = 0",
            "UPDATE mysql.server_cost SET cost_value = 0.2 WHERE cost_name = 'row_evaluate_cost'",
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = 1, SOURCE_USER = 'x', SOURCE_PASSWORD = 'secret'",
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.2', SOURCE_PORT = 1 FOR CHANNEL 'other'",
            "INSTALL PLUGIN ddl_rewriter SONAME 'ddl_rewriter.so'",
            "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'",
            "CREATE USER app@localhost IDENTIFIED WITH auth_socket",
        ])
        .await;
    let expected = [
        "mysql-loadable(count=1, names=service_release_locks)",
        "mysql-sys-config(count=1, names=statement_truncate_len)",
        "mysql-components(count=1, names=file://component_query_attributes)",
        "mysql-persisted(count=2, names=back_log, max_connections)",
        "mysql-resource-groups(count=1, names=slow)",
        "mysql-costs(count=1, names=row_evaluate_cost)",
        "mysql-follows(count=2, names=127.0.0.1, other 127.0.0.2)",
        "mysql-plugins(count=1, names=ddl_rewriter)",
    ];
    assert_eq!(told(&original).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_mariadb_was_given_beside_its_data_is_told_by_name() {
    let original = Server::member(Which::Mariadb).await;
    assert_eq!(told(&original).await, [""; 0]);
    original
        .run(&[
            "CREATE DATABASE shop",
            "CREATE TABLE shop.t (a INT)",
            "INSERT INTO shop.t VALUES (1), (2)",
            "ANALYZE TABLE shop.t PERSISTENT FOR ALL",
            "INSERT INTO sys.sys_config (variable, value) VALUES ('debug', 'ON')",
            "INSTALL SONAME 'disks'",
            "INSTALL SONAME 'auth_ed25519'",
            "CREATE USER app@localhost IDENTIFIED VIA unix_socket OR ed25519 USING PASSWORD('x')",
            "CHANGE MASTER 'other' TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1",
        ])
        .await;
    let expected = [
        "mysql-sys-config(count=1, names=debug)",
        "mysql-statistics(count=1, names=shop.t)",
        "mysql-plugins(count=1, names=DISKS)",
        "mysql-follows(count=1, names=other 127.0.0.1)",
    ];
    assert_eq!(told(&original).await, expected);
}

/// MySQL's libraries are nobody's routines: no dump of the vendor's holds them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libraries_of_a_mysql_come_back() {
    let original = Server::member(Which::Mysql).await;
    original
        .run(&[
            "CREATE DATABASE shop",
            "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
            "CREATE LIBRARY shop.lib COMMENT 'a''b' LANGUAGE JAVASCRIPT AS 'export function f() { return \"\\n\" }'",
            "CREATE LIBRARY shop.bytes LANGUAGE WASM AS 0x0061736d00ff",
        ])
        .await;
    let (dumped, source) = original.dump().await;
    let made = Server::restored(Which::Mysql, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
    let (copy, told) = made.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!((told, copy.differences(&dumped).await), (vec![], vec![]));
    let question = "SELECT LIBRARY_NAME, HEX(LIBRARY_DEFINITION), LIBRARY_COMMENT, SQL_MODE FROM information_schema.LIBRARIES ORDER BY 1";
    let there = original.ask(question).await;
    assert!(there.contains("bytes|") && there.contains("lib|"), "{there}");
    assert_eq!(there, copy.ask(question).await);
    copy.run(&["DROP LIBRARY shop.lib"]).await;
    assert_eq!(copy.differences(&dumped).await, ["Missing library shop.lib"]);

    // Where a load broke off, somebody else's is not dropped with the snapshot's.
    let target = Server::member(Which::Mysql).await;
    let before = target.fits(&dumped, &source).await.unwrap_or_else(|error| panic!("{error:?}"));
    target.load_by_address(&dumped, &source).await.unwrap_or_else(|error| panic!("{error:?}"));
    target.run(&["CREATE LIBRARY shop.other LANGUAGE JAVASCRIPT AS ''"]).await;
    let refused = target.clear(&dumped, &source, &before).await.expect_err("it is none of the snapshot's");
    assert!(refused.what.to_string().contains("library shop.other"), "{refused:?}");
    target.run(&["DROP LIBRARY shop.other"]).await;
    target.clear(&dumped, &source, &before).await.unwrap_or_else(|error| panic!("{error:?}"));
}

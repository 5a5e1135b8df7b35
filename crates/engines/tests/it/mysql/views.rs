//! Views and triggers whose ground a target lacks, and views that only some accounts can use.

use roadstead_core::{
    Finding,
    port::{ambient::Unwatched, engine::Purpose},
};
use roadstead_testkit::memory::{MemorySink, MemorySource};

use super::server::Which;
use crate::server::{Server, dump};

/// Each as its key and what it is about.
fn told(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{} {}", finding.what.key, finding.subject)).collect()
}

/// The same streams, one of them with other words of the same length.
fn altered(source: &MemorySource, stream: &str, from: &str, to: &str) -> MemorySource {
    assert_eq!(from.len(), to.len(), "the length of a statement stands before it");
    let text = String::from_utf8(source.bytes(stream)).expect("a stream of plain text");
    assert!(text.contains(from), "{text}");
    source.with(stream, text.replace(from, to).into_bytes())
}

/// One table whose engine the target lacks, or that no backup takes, holds nothing else hostage.
async fn without_ground(which: Which) {
    let original = Server::member(which).await;
    if which == Which::Mariadb {
        original.run(&["INSTALL SONAME 'ha_blackhole'"]).await;
    }
    original
        .run(&[
            "CREATE DATABASE shop",
            "CREATE TABLE shop.kept (id INT PRIMARY KEY)",
            "INSERT INTO shop.kept VALUES (1)",
            "CREATE VIEW shop.good AS SELECT id FROM shop.kept",
            "CREATE TRIGGER shop.kept_trigger BEFORE INSERT ON shop.kept FOR EACH ROW SET @x = 1",
            "CREATE TABLE shop.far (id INT) ENGINE=BLACKHOLE",
            "CREATE VIEW shop.far_view AS SELECT id FROM shop.far",
            "CREATE VIEW shop.b_on_far AS SELECT id FROM shop.far_view",
            "CREATE TRIGGER shop.far_trigger BEFORE INSERT ON shop.far FOR EACH ROW SET @x = 1",
            "CREATE TABLE mysql.own (id INT PRIMARY KEY)",
            "CREATE VIEW shop.over_own AS SELECT id FROM mysql.own",
        ])
        .await;
    let (dumped, source) = original.dump().await;
    drop(original);
    // A MariaDB has the engine only where it was installed. Every MySQL has it, so there the stream names one that none has.
    let source = match which {
        Which::Mariadb => source,
        Which::Mysql => altered(&source, "database/shop/tables.sql", "ENGINE=BLACKHOLE", "ENGINE=ELSEWHERE"),
    };
    let made = Server::restored(which, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
    let (copy, findings) = made.unwrap_or_else(|error| panic!("{error:?}"));
    let expected = [
        "mysql-not-made shop.far",
        "mysql-not-made shop.b_on_far",
        "mysql-not-made shop.far_view",
        "mysql-not-made shop.over_own",
        "mysql-not-made shop.far_trigger",
    ];
    assert_eq!(told(&findings), expected, "{findings:?}");
    let expected = [
        "Missing trigger shop.far_trigger",
        "Missing view shop.b_on_far",
        "Missing view shop.far_view",
        "Missing view shop.over_own",
    ];
    assert_eq!(copy.differences(&dumped).await, expected);
    assert_eq!(copy.ask("SELECT id FROM shop.good").await, "1");
    drop(copy);

    // What fails for another reason ends the load, named with its own error.
    let damaged = altered(&source, "views.sql", "VIEW `shop`.`good`", "VIEM `shop`.`good`");
    let made = Server::restored(which, Purpose::Scratch, (&dumped, &damaged), &Unwatched).await;
    let error = made.map(drop).expect_err("it is no statement");
    assert_eq!(error.what.args["code"].to_string(), "1064", "{error:?}");
    assert_eq!(error.context[0].args["name"].to_string(), "shop.good", "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_rests_on_a_table_that_a_mysql_lacks_is_told_and_all_else_comes_back() {
    without_ground(Which::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_rests_on_a_table_that_a_mariadb_lacks_is_told_and_all_else_comes_back() {
    without_ground(Which::Mariadb).await;
}

/// Others may use a view that the account of the backup could not: such a backup can be proven all the same.
async fn broken_for_the_backup(which: Which, rights: &str) {
    let original = Server::member(which).await;
    original
        .run(&[
            "CREATE DATABASE shop",
            "CREATE TABLE shop.t (id INT PRIMARY KEY)",
            "INSERT INTO shop.t VALUES (1)",
            "CREATE FUNCTION shop.next_one(x INT) RETURNS INT DETERMINISTIC RETURN x + 1",
            "CREATE ALGORITHM=TEMPTABLE SQL SECURITY INVOKER VIEW shop.asks AS SELECT shop.next_one(id) AS x FROM shop.t",
            // One that can be made and that nobody can use, and one that cannot be made.
            "CREATE USER poor@localhost IDENTIFIED BY 'p'",
            "CREATE DEFINER=poor@localhost SQL SECURITY DEFINER VIEW shop.by_poor AS SELECT id FROM shop.t",
            "CREATE TABLE shop.gone (id INT)",
            "CREATE VIEW shop.lost AS SELECT id FROM shop.gone",
            "DROP TABLE shop.gone",
            "CREATE USER backup@localhost IDENTIFIED BY 'b'",
            &format!("GRANT {rights} ON *.* TO backup@localhost"),
        ])
        .await;
    let mut sink = MemorySink::default();
    let link = original.link_as("backup", "b");
    let dumped = dump::<Which>(&link, &original.cluster, &mut sink, &Unwatched).await;
    let (dumped, source) = (dumped.unwrap_or_else(|error| panic!("{error:?}")), sink.source());
    drop(original);
    let mut broken = told(&dumped.findings);
    broken.retain(|line| line.starts_with("mysql-broken-view "));
    let expected =
        ["mysql-broken-view shop.asks", "mysql-broken-view shop.by_poor", "mysql-broken-view shop.lost"];
    assert_eq!(broken, expected, "{:?}", dumped.findings);

    let made = Server::restored(which, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
    let (copy, findings) = made.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(told(&findings), ["mysql-not-made shop.lost"], "{findings:?}");
    let compared = copy.compared(&dumped).await;
    assert_eq!((compared.differences, compared.by_name), (vec![], 2));
    assert_eq!(copy.ask("SELECT x FROM shop.asks").await, "2");
    copy.run(&["CREATE VIEW shop.besides AS SELECT 1 AS x"]).await;
    assert_eq!(copy.differences(&dumped).await, ["Extra view shop.besides"]);
    drop(copy);

    // Where a load broke off, they are the snapshot's, and taken out with it.
    let target = Server::member(which).await;
    let before = target.fits(&dumped, &source).await.unwrap_or_else(|error| panic!("{error:?}"));
    target.load_by_address(&dumped, &source).await.unwrap_or_else(|error| panic!("{error:?}"));
    target.clear(&dumped, &source, &before).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert!(!target.is_occupied().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_that_the_backup_of_a_mysql_cannot_use_can_be_proven() {
    let rights =
        "SELECT, RELOAD, PROCESS, REPLICATION CLIENT, SHOW VIEW, TRIGGER, EVENT, BACKUP_ADMIN, SHOW_ROUTINE";
    broken_for_the_backup(Which::Mysql, rights).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_that_the_backup_of_a_mariadb_cannot_use_can_be_proven() {
    let rights = "SELECT, RELOAD, PROCESS, BINLOG MONITOR, SHOW VIEW, TRIGGER, EVENT";
    broken_for_the_backup(Which::Mariadb, rights).await;
}

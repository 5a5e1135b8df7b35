//! What is no archive of the vendor's is not loaded; what the vendor's tool loses or changes is told.

use roadstead_core::{
    Finding, Result,
    port::{ambient::Unwatched, engine::Purpose, vault::Dumped},
};
use roadstead_testkit::memory::MemorySource;

use super::server::{Postgresql, majors};
use crate::server::Server;

async fn restored(dumped: &Dumped, source: &MemorySource) -> Result<(Server<Postgresql>, Vec<Finding>)> {
    Server::restored(majors()[0], Purpose::Scratch, (dumped, source), &Unwatched).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_stream_and_a_foreign_one_are_refused() {
    let subject = majors()[0];
    let server = Server::member(subject).await;
    server.sql("postgres", "create table t as select i, repeat('x', 1000) from generate_series(1, 5000) i");
    let (dumped, source) = server.dump().await;
    for (what, bytes) in [("nothing", vec![]), ("noise", vec![7; 9000])] {
        let foreign = source.with("database/postgres.dump", bytes);
        let made =
            Server::<Postgresql>::restored(subject, Purpose::Scratch, (&dumped, &foreign), &Unwatched).await;
        assert!(made.is_err(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_extension_of_another_version_is_told() {
    let server = Server::member(majors()[0]).await;
    server.sql("postgres", "create extension pg_stat_statements version '1.9'; create extension hstore");
    let (dumped, source) = server.dump().await;
    assert!(dumped.findings.iter().any(|finding| finding.what.key == "postgresql-extension-versions"));
    let (_, findings) = restored(&dumped, &source).await.unwrap_or_else(|error| panic!("{error}"));
    let told: Vec<String> = findings.iter().map(|finding| finding.what.to_string()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    for word in ["postgresql-extension-other", "pg_stat_statements", "1.9", "1.10"] {
        assert!(told[0].contains(word), "{word} is not in {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_search_path_makes_unloadable_is_named_at_backup_and_told_at_load() {
    let server = Server::member(majors()[0]).await;
    server.sql(
        "postgres",
        "create table rate (r numeric); insert into rate values (2);
         create function fine() returns numeric language sql stable set search_path = public as 'select max(r) from rate';
         create function whole() returns numeric language sql stable as 'select max(r) from public.rate';
         create function harmless(i int) returns int language sql immutable as 'select i + 1';
         create table t (i int, g int generated always as (harmless(i)) stored); insert into t values (1);
         create materialized view good as select fine() + whole() as r",
    );
    let named = |dumped: &Dumped| {
        let all = dumped.findings.iter().filter(|finding| finding.what.key == "postgresql-search-path");
        all.map(|finding| finding.what.to_string()).collect::<Vec<_>>()
    };
    let (dumped, source) = server.dump().await;
    assert_eq!(named(&dumped), Vec::<String>::new());
    restored(&dumped, &source).await.unwrap_or_else(|error| panic!("{error}"));
    server.sql(
        "postgres",
        "create function by_path() returns numeric language sql stable as 'select max(r) from rate';
         create materialized view bad as select by_path() as r",
    );
    let (dumped, source) = server.dump().await;
    let told = named(&dumped);
    assert!(told.len() == 1 && told[0].contains("public.by_path()") && !told[0].contains("fine"), "{told:?}");
    let error = restored(&dumped, &source).await.map(drop).expect_err("the tool's known loss");
    assert!(error.causes.iter().any(|line| line.contains("rate")), "{error:?}");
    assert_eq!(error.cure.map(|cure| cure.key), Some("postgresql-load-search-path-cure".to_owned()));
}

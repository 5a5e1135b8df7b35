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

fn told(findings: &[Finding], key: &str) -> Vec<String> {
    findings
        .iter()
        .filter(|finding| finding.what.key == key)
        .map(|finding| finding.what.to_string())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_needs_the_search_path_is_named_at_backup_and_not_blamed_on_rows() {
    for subject in majors() {
        let server = Server::member(subject).await;
        server.sql(
            "postgres",
            "create table t (a int); insert into t values (1);
             create function by_path(int) returns bool language sql as 'select exists(select 1 from t where a = $1)';
             create function whole(int) returns bool language sql as '/* t */ select exists(select 1 from public.t where a = $1)';
             create function for_domain(int) returns bool language plpgsql as 'begin return by_path($1); end';
             create domain d as int check (for_domain(value));
             create table unasked (a int check (by_path(a))); insert into unasked values (1);
             create table violated (a int check (whole(a))); insert into violated values (1);
             create table asked (a int check (whole(a))); insert into asked values (1);
             insert into t values (2); insert into violated values (2); delete from t where a = 2",
        );
        let (dumped, source) = server.dump().await;
        let named = told(&dumped.findings, "postgresql-search-path");
        assert!(named.len() == 1 && !named[0].contains("whole"), "{named:?}");
        assert!(
            named[0].contains("public.by_path(integer)") && named[0].contains("public.for_domain(integer)"),
            "{named:?}"
        );
        let made = Server::restored(subject, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
        let (copy, findings) = made.unwrap_or_else(|error| panic!("{error}"));
        let (failed, violated) =
            (told(&findings, "postgresql-check-failed"), told(&findings, "postgresql-check-not-valid"));
        assert_eq!((failed.len(), violated.len(), findings.len()), (1, 1, 2), "{findings:?}");
        assert!(failed[0].contains("unasked") && failed[0].contains("42P01"), "{failed:?}");
        assert!(violated[0].contains("violated") && violated[0].contains("23514"), "{violated:?}");
        assert_eq!(
            copy.differences(&dumped).await,
            [
                "Content table-definition postgres.public.unasked",
                "Content table-definition postgres.public.violated"
            ]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_search_for_paths_costs_no_more_with_many_functions() {
    let server = Server::member(majors()[0]).await;
    server.sql(
        "postgres",
        "create extension hstore; create extension pg_trgm; create extension pgcrypto;
         create table rows (i int, v text); insert into rows select i, md5(i::text) from generate_series(1, 2000) i;
         do $$ begin for i in 1..400 loop
           execute format('create function f%s(t text) returns text language sql immutable as %L', i, 'select upper(t) || ' || repeat('t || ', 200) || 't');
         end loop; end $$;
         create index system on rows (f1(v));
         create function near(t text) returns real language plpgsql immutable as 'begin return similarity(t, t); end';
         create index by_extension on rows (near(v)); create index of_extension on rows (digest(v, 'sha256'))",
    );
    let started = std::time::Instant::now();
    let (dumped, _) = server.dump().await;
    let took = started.elapsed();
    let named = told(&dumped.findings, "postgresql-search-path");
    assert!(named.len() == 1 && named[0].contains("names=public.near(t text)"), "{named:?}");
    println!("a backup with 531 functions took {took:?}");
    // It was a quarter of a minute and more as long as each function was compared with each name.
    assert!(took < std::time::Duration::from_secs(8), "{took:?}");
}

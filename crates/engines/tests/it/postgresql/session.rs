//! The role that a session acts as, where the database or the account sets one.

use std::time::Duration;

use roadstead_core::port::{ambient::Unwatched, engine::Purpose};
use roadstead_testkit::{memory::MemorySink, wait};

use super::server::{Postgresql, majors};
use crate::{
    server::{Server, dump},
    strike::Strike,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_a_database_sets_is_the_applications_and_not_ours() {
    for subject in majors() {
        let server = Server::member(subject).await;
        server.sql("postgres", "create database shop; create role app; create role readers");
        server.sql("shop", "create table t as select 1 as a; revoke all on t from public");
        server.sql(
            "postgres",
            "create role plain login password 'p'; grant app, pg_read_all_data to plain;
             create role by_group login noinherit password 'p'; grant pg_read_all_data to readers; grant readers to by_group;
             alter database shop set role = 'app'; alter database template1 set role = 'app'; alter role by_group set role = 'readers'",
        );
        let (dumped, source) = server.dump().await;
        let made = Server::restored(subject, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
        let (copy, findings) = made.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(findings, [], "{subject:?}");
        assert_eq!(copy.differences(&dumped).await, [""; 0], "{subject:?}");
        // One has its rights itself, the other by the role that is set for it.
        for account in ["plain", "by_group"] {
            let (link, mut sink) = (server.link_as(account, "p"), MemorySink::default());
            let dumped = dump::<Postgresql>(&link, &server.cluster, &mut sink, &Unwatched).await;
            let objects = dumped.unwrap_or_else(|error| panic!("{account}: {error}")).manifest.objects;
            assert!(
                objects.iter().any(|object| object.kind == "table" && object.name == ["shop", "public", "t"])
            );
        }
    }
}

/// The limit is for the applications, which a backup outlives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_on_transactions_does_not_end_a_backup() {
    for subject in majors().into_iter().filter(|subject| subject.major >= 17) {
        let server = Server::member(subject).await;
        server.sql("postgres", "create table t as select g from generate_series(1, 500000) g");
        server.sql("postgres", "alter database postgres set transaction_timeout = '2s'");
        // In the middle of that table it is held until what it began is older than the limit.
        let older = "select count(*) from pg_stat_activity where application_name = 'roadstead' \
            and xact_start < clock_timestamp() - interval '3 s'";
        let watch = Strike::new(1 << 20, || {
            wait::until("a transaction beyond the limit", Duration::from_secs(60), || {
                (server.sql("template1", older) != "0").then_some(())
            });
        });
        let mut sink = MemorySink::default();
        let dumped = dump::<Postgresql>(&server.link_to_read(), &server.cluster, &mut sink, &watch).await;
        let (dumped, source) = (dumped.unwrap_or_else(|error| panic!("{error}")), sink.source());
        assert!(watch.has_struck());
        let made = Server::restored(subject, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
        let (copy, _) = made.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(copy.differences(&dumped).await, [""; 0], "{subject:?}");
    }
}

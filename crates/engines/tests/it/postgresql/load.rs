//! What is no archive of the vendor's is not loaded.

use roadstead_core::port::{ambient::Unwatched, engine::Purpose};

use super::server::{Postgresql, majors};
use crate::server::Server;

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

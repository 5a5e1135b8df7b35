//! What a server holds that belongs to no database, and that no backup takes: it is told by name.

use roadstead_core::port::{ambient::Unwatched, engine::Purpose};
use roadstead_testkit::memory::MemorySink;

use super::server::{Postgresql, majors};
use crate::server::{Server, cluster, dump};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_no_database_is_told_without_a_value() {
    for subject in majors() {
        let mut declared = cluster(subject);
        declared.settings.insert("max_prepared_transactions".into(), "4".into());
        let server = Server::start(subject, declared, Purpose::Member).await;
        server.sql(
            "postgres",
            "create role plain login password 'p'; grant pg_read_all_data to plain;
             create role watcher login password 'p'; grant pg_read_all_data, pg_monitor to watcher",
        );
        let told = async |account: Option<&str>| -> Vec<String> {
            let link = account.map_or_else(|| server.link_to_read(), |account| server.link_as(account, "p"));
            let dumped =
                dump::<Postgresql>(&link, &server.cluster, &mut MemorySink::default(), &Unwatched).await;
            let findings = dumped.unwrap_or_else(|error| panic!("{error}")).findings;
            assert!(findings.iter().all(|finding| finding.cure.is_some()), "{findings:?}");
            findings.iter().map(|finding| finding.what.to_string()).collect()
        };
        assert_eq!(told(None).await, [""; 0], "{subject:?}");

        server.sql("postgres", "alter system set archive_command = 'hidden'");
        server.sql("postgres", "alter system set log_min_messages = error");
        server.sql("postgres", "select pg_reload_conf(), pg_create_physical_replication_slot('follower')");
        server.sql("postgres", "alter system set max_connections = 77");
        server.sql("postgres", "begin; create table later (i int); prepare transaction 'half'");
        let prepared = "postgresql-prepared(count=1, database=, names=half (postgres))";
        let slots = "postgresql-slots(count=1, database=, names=follower)";
        let in_file = "postgresql-altered(count=3, database=, names=archive_command, log_min_messages, max_connections)";
        assert_eq!(told(None).await, [prepared, slots, in_file], "{subject:?}");
        // The reload is seen by a new session at the latest when the server has read its files.
        let in_force = "postgresql-altered(count=2, database=, names=archive_command, log_min_messages)";
        assert_eq!(told(Some("watcher")).await, [prepared, slots, in_force], "{subject:?}");
        assert_eq!(told(Some("plain")).await, [prepared, slots], "{subject:?}");
    }
}

//! Settings that a server writes in its own way, or makes something else of.

use roadstead_core::port::engine::Purpose;

use super::server::{Postgresql, majors};
use crate::server::{Server, cluster, engine};

/// Values as people write them are in force after a start, and nothing is left to do.
#[tokio::test]
async fn settings_written_in_other_ways_settle() {
    for major in majors() {
        let mut declared = cluster(major);
        for (name, value) in [
            ("DateStyle", "dmy, iso"),
            ("timezone", "europe/berlin"),
            ("client_encoding", "utf-8"),
            ("wal_buffers", "4"),
            ("random_page_cost", "1.10"),
            ("vacuum_cost_delay", "2ms"),
            ("log_file_mode", "0640"),
            ("log_destination", "STDERR"),
            ("search_path", "Public,  \"$user\""),
            ("default_text_search_config", "english"),
            ("bytea_output", "HEX"),
        ] {
            declared.settings.insert(name.into(), value.into());
        }
        let engine = engine::<Postgresql>();
        assert_eq!(engine.check(&declared), []);
        let server = Server::start(major, declared, Purpose::Member).await;
        let seen = server.look().await;
        let (left, findings) = engine.deploy().unwrap().changes(&server.cluster, &server.stage.layout, &seen);
        assert!(left.is_empty() && findings.is_empty(), "{left:#?} {findings:#?}");
        assert_eq!(seen.settings["DateStyle"].value, "ISO, DMY");
    }
}

#[test]
fn what_a_server_does_not_keep_is_refused_with_what_to_write() {
    for (name, value, key) in [
        ("wal_buffers", "-1", "postgresql-setting-chosen"),
        ("wal_buffers", "8kB", "postgresql-setting-overruled"),
        ("client_encoding", "LATIN1", "postgresql-setting-clients"),
        ("application_name", "shop", "postgresql-setting-clients"),
        ("random_page_cost", "1.12345678", "postgresql-setting-overruled"),
        ("datestyle", "swiss", "postgresql-value-not-one-of"),
    ] {
        let mut declared = cluster(majors()[0]);
        declared.settings.insert(name.into(), value.into());
        let findings = engine::<Postgresql>().check(&declared);
        let keys: Vec<_> = findings.iter().map(|finding| finding.what.key.as_str()).collect();
        assert_eq!(keys, [key], "{name} {value}");
        assert!(findings[0].cure.is_some(), "{findings:?}");
    }
}

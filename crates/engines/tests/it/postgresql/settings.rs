//! Settings that a server writes in its own way, or makes something else of.

use std::time::Duration;

use roadstead_core::{
    Finding, Version,
    port::engine::{Depth, Purpose},
};
use roadstead_testkit::{stage::Place, wait};

use super::server::{Postgresql, majors};
use crate::server::{Server, cluster, engine, layout, look};

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
            ("wal_compression", "on"),
            ("log_connections", "yes"),
            ("autovacuum_work_mem", "1MB"),
            ("min_wal_size", "32MB"),
            ("vacuum_cost_limit", "1"),
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
        ("transaction_isolation", "serializable", "postgresql-setting-clients"),
        ("autovacuum_work_mem", "32", "postgresql-value-out-of-range"),
        ("archive_command", "true", "postgresql-together-archive"),
        ("log_connections", "receipts", "postgresql-value-not-one-of"),
    ] {
        let mut declared = cluster(majors()[0]);
        declared.settings.insert(name.into(), value.into());
        let findings = engine::<Postgresql>().check(&declared);
        let keys: Vec<_> = findings.iter().map(|finding| finding.what.key.as_str()).collect();
        assert_eq!(keys, [key], "{name} {value}");
        assert!(findings[0].cure.is_some(), "{findings:?}");
    }
}

/// What is said of one setting beside others, in a file that declares this major version.
fn found(major: u32, settings: &[(&str, &str)]) -> Vec<Finding> {
    let mut declared = cluster(majors()[0]);
    declared.version = Version::parse(&major.to_string());
    declared.settings.extend(settings.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    engine::<Postgresql>().check(&declared)
}

/// What a server says, in either version, that refuses what we tell by this key.
fn refusal(key: &str) -> &'static [&'static str] {
    match key {
        "postgresql-together-wal" => &["WAL streaming", "WAL archival", "WAL cannot be summarized"],
        "postgresql-together-connections" => &["must be less than"],
        "postgresql-together-ssl" => &["could not load server certificate", "SSL is not supported"],
        "postgresql-value-out-of-range" => &["must be at least twice", "invalid value for parameter"],
        _ => &["invalid value for parameter"],
    }
}

/// Starts a server with these settings, and waits until it says why it does not, in one of these words.
async fn ends(major: Postgresql, data: Place, settings: &[(&str, &str)], words: &[&str]) -> Place {
    let mut declared = cluster(major);
    declared.settings.extend(settings.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    let wanted = layout::<Postgresql>(&declared, &data, Purpose::Member);
    let told = std::fs::read_to_string(format!("{}/server.log", data.home().log())).unwrap_or_default().len();
    let server = Server::begin(major, data, &wanted, declared).await;
    let ask = || async {
        let answers = look::<Postgresql>(&server.link, &server.cluster, Depth::Brief).await.is_ok();
        assert!(!answers, "{settings:?} keeps no server from starting");
        let log = server.stage.log();
        words.iter().any(|word| log[told..].contains(word)).then_some(())
    };
    let what = format!("{major:?} to say why it ends with {settings:?}");
    wait::until_answered(&what, Duration::from_secs(30), ask).await;
    server.place
}

/// Each of these is told with its cure, and no server starts with it. What stands beside it is sound.
#[tokio::test]
async fn what_no_server_starts_with_is_told_before() {
    let banks = [
        "commit_timestamp_buffers",
        "multixact_member_buffers",
        "multixact_offset_buffers",
        "notify_buffers",
        "serializable_buffers",
        "subtransaction_buffers",
        "transaction_buffers",
    ];
    let banks = banks.map(|name| (17, vec![(name, "17")], "postgresql-value-not-multiple"));
    let mut rows = vec![
        (15, vec![("wal_level", "minimal")], "postgresql-together-wal"),
        (
            15,
            vec![("wal_level", "minimal"), ("max_wal_senders", "0"), ("archive_mode", "on")],
            "postgresql-together-wal",
        ),
        (
            17,
            vec![("wal_level", "minimal"), ("max_wal_senders", "0"), ("summarize_wal", "on")],
            "postgresql-together-wal",
        ),
        (15, vec![("superuser_reserved_connections", "200")], "postgresql-together-connections"),
        (15, vec![("max_connections", "3")], "postgresql-together-connections"),
        (
            16,
            vec![("max_connections", "20"), ("reserved_connections", "17")],
            "postgresql-together-connections",
        ),
        (15, vec![("min_wal_size", "16MB")], "postgresql-value-out-of-range"),
        (15, vec![("max_wal_size", "31MB")], "postgresql-value-out-of-range"),
        (15, vec![("ssl", "on")], "postgresql-together-ssl"),
        (16, vec![("vacuum_buffer_usage_limit", "64kB")], "postgresql-value-out-of-range"),
        (18, vec![("io_max_concurrency", "0")], "postgresql-value-out-of-range"),
        (15, vec![("log_destination", "stdout")], "postgresql-value-not-one-of"),
    ];
    rows.extend(banks);
    let mut made = Vec::new();
    for major in majors() {
        made.push((major, Some(Server::member(major).await.stop().await)));
    }
    for (since, settings, key) in rows {
        let told = found(since, &settings);
        let keys: Vec<_> = told.iter().map(|finding| finding.what.key.as_str()).collect();
        assert_eq!(keys, [key], "{settings:?}");
        assert!(told[0].cure.is_some(), "{told:?}");
        for (major, data) in made.iter_mut().filter(|(major, _)| major.major >= since) {
            *data = Some(ends(*major, data.take().expect("the data"), &settings, refusal(key)).await);
        }
    }
    assert_eq!(found(18, &[("log_connections", "authorization,receipt")]), []);
    assert_eq!(found(17, &[("log_connections", "receipt")])[0].what.key, "postgresql-value-not-bool");
    assert_eq!(found(17, &[("transaction_buffers", "1MB"), ("notify_buffers", "32")]), []);
    assert_eq!(found(15, &[("wal_level", "minimal"), ("max_wal_senders", "0")]), []);
    assert_eq!(found(15, &[("archive_command", "true"), ("archive_mode", "on")]), []);
}

/// One name in two spellings: only one of the values would count, and nobody would learn which.
#[test]
fn a_setting_is_declared_once() {
    let mut declared = cluster(majors()[0]);
    for (name, value) in [("TimeZone", "UTC"), ("timezone", "Europe/Berlin")] {
        declared.settings.insert(name.into(), value.into());
    }
    let findings = engine::<Postgresql>().check(&declared);
    let told: Vec<_> = findings.iter().map(|one| (one.what.key.as_str(), one.subject.as_str())).collect();
    let subject = format!("clusters.{}.settings.timezone", declared.name);
    assert_eq!(told, [("engines-setting-twice", subject.as_str())]);
}

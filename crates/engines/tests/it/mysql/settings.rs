//! Settings that a server writes in its own way, or makes something else of.

use roadstead_core::port::engine::{How, Purpose};

use super::server::Which;
use crate::server::{NamedSecrets, Server, cluster, engine, layout};

/// Values as people write them, which every server is content with.
const WRITTEN: &[(&str, &str)] = &[
    ("max_allowed_packet", "999424"),
    ("read_buffer_size", "98304"),
    ("sql_mode", "traditional, ansi_quotes"),
    ("log_output", "table,file"),
    ("optimizer_switch", "index_merge=OFF, mrr=on"),
    ("character_set_server", "UTF8MB4"),
    ("default_storage_engine", "innodb"),
    ("time_zone", "system"),
    ("lc_messages", "en_us"),
    ("myisam_recover_options", "quick,backup"),
    ("long_query_time", "2.5"),
];

/// What is written is in force after a start, and what changes while it runs is so after its act.
async fn settles(which: Which, more: &[(&str, &str)], changed: &[(&str, &str)]) {
    let mut declared = cluster(which);
    let put = |cluster: &mut roadstead_core::model::ClusterSpec, all: &[(&str, &str)]| {
        cluster.settings.extend(all.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    };
    put(&mut declared, WRITTEN);
    put(&mut declared, more);
    assert_eq!(engine::<Which>().check(&declared), []);
    let mut server = Server::start(which, declared, Purpose::Member).await;
    let engine = engine::<Which>();
    let deploy = engine.deploy().unwrap();
    let (left, findings) = deploy.changes(&server.cluster, &server.stage.layout, &server.look().await);
    assert!(left.is_empty() && findings.is_empty(), "{left:#?} {findings:#?}");

    put(&mut server.cluster, changed);
    let wanted = layout::<Which>(&server.cluster, &server.place, Purpose::Member);
    let (changes, _) = deploy.changes(&server.cluster, &wanted, &server.look().await);
    assert_eq!(changes.len(), changed.len(), "{changes:#?}");
    for change in &changes {
        let How::Own(act) = &change.how else { panic!("{change:?}") };
        deploy.perform(&server.link, act, &NamedSecrets).await.unwrap();
    }
    let seen = server.look().await;
    for (name, _) in changed {
        let wanted = wanted.settings.iter().find(|setting| setting.name == *name).unwrap();
        assert_eq!(seen.settings[*name].value, wanted.value, "the proof of the step: {name}");
    }
    assert!(deploy.changes(&server.cluster, &wanted, &seen).0.is_empty());
}

const CHANGED: &[(&str, &str)] = &[
    ("sql_mode", "no_engine_substitution, ansi"),
    ("log_output", "file"),
    ("optimizer_switch", "index_merge=on"),
    ("max_allowed_packet", "1M"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_settles_on_settings_written_in_other_ways() {
    let more =
        [("replica_type_conversions", "all_unsigned,ALL_LOSSY"), ("innodb_buffer_pool_size", "200000000")];
    settles(Which::Mysql, &more, CHANGED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_settles_on_settings_written_in_other_ways() {
    let more = [
        ("query_cache_size", "999424"),
        ("old_mode", "no_progress_info"),
        ("tls_version", "TLSv1.3,TLSv1.2"),
    ];
    settles(Which::Mariadb, &more, CHANGED).await;
}

#[test]
fn what_a_server_would_make_something_else_of_is_refused_with_what_to_write() {
    for (version, name, value, key) in [
        (None, "max_allowed_packet", "1000000", "mysql-setting-multiple"),
        (Some("9"), "read_buffer_size", "100000", "mysql-setting-multiple"),
        (Some("10.11"), "query_cache_size", "1000000", "mysql-setting-multiple"),
        (Some("10.11"), "innodb_buffer_pool_size", "100000000", "mysql-setting-multiple"),
        (Some("10.11"), "expire_logs_days", "1.5", "mysql-setting-twin"),
        (Some("9"), "innodb_buffer_pool_instances", "2", "mysql-setting-instances"),
        (None, "sql_mode", "STRICT", "mysql-setting-value"),
        (None, "optimizer_switch", "mrr", "mysql-setting-value"),
    ] {
        let mut declared = cluster(Which::Mysql);
        declared.version = version.and_then(roadstead_core::Version::parse);
        declared.settings.insert(name.into(), value.into());
        let findings = engine::<Which>().check(&declared);
        let keys: Vec<_> = findings.iter().map(|finding| finding.what.key.as_str()).collect();
        assert_eq!(keys, [key], "{name} {value}");
        assert!(findings[0].cure.is_some(), "{findings:?}");
    }
}

/// MariaDB tells the multiples that it takes; each of them is known before a server is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_multiples_of_mariadb_are_known() {
    let server = Server::member(Which::Mariadb).await;
    let told = server
        .ask(
            "SELECT LOWER(VARIABLE_NAME), NUMERIC_BLOCK_SIZE, NUMERIC_MIN_VALUE FROM \
             information_schema.SYSTEM_VARIABLES WHERE NUMERIC_BLOCK_SIZE > 1",
        )
        .await;
    let told: Vec<Vec<_>> = told.lines().map(|line| line.split('|').collect()).collect();
    let mut missed = Vec::new();
    for line in &told {
        let [name, block, least] = line.as_slice() else { panic!("{line:?}") };
        let odd = least.parse::<u64>().unwrap().max(block.parse().unwrap()) + 1;
        let mut declared = cluster(Which::Mariadb);
        declared.settings.insert((*name).into(), odd.to_string());
        if engine::<Which>().check(&declared).is_empty() {
            missed.push(*name);
        }
    }
    assert!(missed.is_empty() && told.len() > 30, "{missed:?} of {}", told.len());
}

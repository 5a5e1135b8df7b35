//! Settings that a server writes in its own way, or makes something else of.

use roadstead_core::port::engine::{How, Purpose};
use roadstead_testkit::stage::Place;

use super::server::Which;
use crate::server::{NamedSecrets, Server, cluster, engine, layout, rendered};

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
        (None, "innodb_page_size", "5000", "mysql-setting-power"),
        (Some("10.11"), "innodb_log_write_ahead_size", "1536", "mysql-setting-power"),
        (None, "time_zone", "2:00", "mysql-setting-zone"),
        (None, "time_zone", "Europe/Berlin", "mysql-setting-named-zone"),
        (None, "character_set_server", "utf8mb5", "mysql-setting-character-set"),
        (None, "collation_server", "uca1400_ai_ci", "mysql-setting-collation"),
        (Some("9"), "enforce_gtid_consistency", "OFF", "mysql-setting-gtid"),
        (Some("9"), "transaction_isolation", "READ COMMITTED", "mysql-setting-value"),
        (Some("9"), "binlog_format", "ROWS", "mysql-setting-value"),
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

/// Settings of which one follows from the other: in force after a start, and, where a running server is given other
/// ones, after the acts, in the order of the plan.
async fn follows(which: Which, more: &[(&str, &str)]) {
    let sets = |all: &[(&str, &str)]| {
        let mut declared = cluster(which);
        declared.settings.extend(all.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        assert_eq!(engine::<Which>().check(&declared), [], "{all:?}");
        declared
    };
    let engine = engine::<Which>();
    let deploy = engine.deploy().unwrap();
    let first = [("character_set_server", "latin1"), ("time_zone", "+2:00"), ("innodb_io_capacity", "300")];
    let mut all = first.to_vec();
    all.extend(more);
    let mut server = Server::start(which, sets(&all), Purpose::Member).await;
    let (left, findings) = deploy.changes(&server.cluster, &server.stage.layout, &server.look().await);
    assert!(left.is_empty() && findings.is_empty(), "{left:#?} {findings:#?}");
    assert_eq!(server.look().await.settings["time_zone"].value, "+02:00");
    for then in [
        vec![("collation_server", "latin2_bin"), ("time_zone", "-00:00"), ("innodb_io_capacity", "30000")],
        vec![("character_set_server", "utf8mb4"), ("innodb_io_capacity", "200")],
        vec![("character_set_server", "latin1"), ("collation_server", "latin1_bin")],
        vec![("innodb_io_capacity", "150"), ("innodb_io_capacity_max", "250")],
    ] {
        let mut all = then.clone();
        all.extend(more);
        server.cluster.settings = sets(&all).settings;
        let wanted = layout::<Which>(&server.cluster, &server.place, Purpose::Member);
        let (changes, _) = deploy.changes(&server.cluster, &wanted, &server.look().await);
        for change in &changes {
            let How::Own(act) = &change.how else { panic!("{change:?}") };
            deploy.perform(&server.link, act, &NamedSecrets).await.unwrap();
        }
        let (left, _) = deploy.changes(&server.cluster, &wanted, &server.look().await);
        assert!(!changes.is_empty() && left.is_empty(), "{then:?}: {changes:#?} {left:#?}");
    }
    let (declared, place) = (server.cluster.clone(), server.stop().await);
    let wanted = layout::<Which>(&declared, &place, Purpose::Member);
    let mut server = Server::begin(which, place, &wanted, declared).await;
    server.ready().await;
    assert!(deploy.changes(&server.cluster, &wanted, &server.look().await).0.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_is_given_what_belongs_together() {
    follows(Which::Mysql, &[("innodb_log_write_ahead_size", "1024")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_is_given_what_belongs_together() {
    follows(Which::Mariadb, &[("innodb_log_write_ahead_size", "1024")]).await;
}

/// What only a start takes is a restart, and what the data was made with is told with its cure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_a_start_takes_is_a_restart() {
    for (which, settings) in [
        (Which::Mysql, [("gtid_mode", "OFF"), ("event-scheduler", "DISABLED")]),
        (Which::Mariadb, [("max_user_connections", "20"), ("event-scheduler", "DISABLED")]),
    ] {
        let mut server = Server::member(which).await;
        server.cluster.settings.extend(settings.map(|(name, value)| (name.into(), value.into())));
        let engine = engine::<Which>();
        let deploy = engine.deploy().unwrap();
        let wanted = layout::<Which>(&server.cluster, &server.place, Purpose::Member);
        let (changes, _) = deploy.changes(&server.cluster, &wanted, &server.look().await);
        assert_eq!(changes.len(), 2, "{changes:#?}");
        assert!(changes.iter().all(|change| change.how == How::Restart), "{changes:#?}");
        let (mut declared, place) = (server.cluster.clone(), server.stop().await);
        let mut server = Server::begin(which, place, &wanted, declared.clone()).await;
        server.ready().await;
        assert!(deploy.changes(&declared, &wanted, &server.look().await).0.is_empty());

        declared.settings.insert("innodb-page-size".into(), "8192".into());
        declared.settings.insert("lower_case_table_names".into(), "1".into());
        let wanted = layout::<Which>(&declared, &server.place, Purpose::Member);
        server.cluster = declared;
        let (_, findings) = deploy.changes(&server.cluster, &wanted, &server.look().await);
        let told: Vec<_> = findings
            .iter()
            .map(|one| (one.subject.rsplit('.').next().unwrap(), one.cure.is_some()))
            .collect();
        assert_eq!(told, [("innodb-page-size", true), ("lower_case_table_names", true)], "{findings:#?}");
    }
}

/// A server of a proof, and one that is loaded, know no zone by its name, and do without; a new member is refused it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_zone_is_for_those_who_know_it() {
    for which in [Which::Mysql, Which::Mariadb] {
        let mut declared = cluster(which);
        declared.settings.insert("time_zone".into(), "Europe/Berlin".into());
        let refused = rendered::<Which>(&declared, &Place::new(), Purpose::Member).unwrap_err();
        assert_eq!(refused[0].what.key, "mysql-setting-named-zone");
        drop(Server::start(which, declared, Purpose::Scratch).await);
    }
}

/// The words that are told to be a setting's are the server's own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_words_of_mysql_are_known() {
    let server = Server::member(Which::Mysql).await;
    let told = server.ask("SELECT VARIABLE_NAME FROM performance_schema.global_variables").await;
    let mut tried = 0;
    for name in told.lines() {
        let mut declared = cluster(Which::Mysql);
        declared.version = roadstead_core::Version::parse("9");
        declared.settings.insert(name.into(), "nonsense".into());
        let findings = engine::<Which>().check(&declared);
        let cure = findings.first().and_then(|one| one.cure.as_ref()).map(ToString::to_string);
        let words = cure.and_then(|cure| {
            let words = cure.strip_prefix("mysql-setting-value-words-cure(words=")?;
            Some(words.trim_end_matches(')').split(", ").map(str::to_owned).collect::<Vec<_>>())
        });
        // These take some of their words at a start alone, or only beside others.
        let at_a_start = ["enforce_gtid_consistency", "event_scheduler", "gtid_mode", "thread_handling"];
        if at_a_start.contains(&name) {
            continue;
        }
        for word in words.unwrap_or_default() {
            server.ask(&format!("SET GLOBAL {name} = '{word}'")).await;
            assert_eq!(server.ask(&format!("SELECT @@GLOBAL.{name}")).await, word, "{name}");
            tried += 1;
        }
    }
    assert!(tried > 30, "{tried}");
}

/// One name in two spellings: only one of the values would count, and nobody would learn which.
#[test]
fn a_setting_is_declared_once() {
    let mut declared = cluster(Which::Mysql);
    for (name, value) in [("max-connections", "100"), ("max_connections", "200")] {
        declared.settings.insert(name.into(), value.into());
    }
    let findings = engine::<Which>().check(&declared);
    let told: Vec<_> = findings.iter().map(|one| (one.what.key.as_str(), one.subject.as_str())).collect();
    let subject = format!("clusters.{}.settings.max_connections", declared.name);
    assert_eq!(told, [("engines-setting-twice", subject.as_str())]);
}

//! Members as declared: settings, accounts, and what a change of them needs.

use roadstead_core::{
    Finding,
    model::May,
    plan::Risk,
    port::engine::{Depth, How, Purpose},
    seen::{Effect, Protection, Role},
};

use super::server::Redis;
use crate::server::{NamedSecrets, Server, cluster, engine, layout, role};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_member_is_as_declared() {
    let mut wanted = cluster(Redis);
    wanted.settings.insert("maxclients".into(), "321".into());
    wanted.settings.insert("client-output-buffer-limit".into(), "replica 128mb 32mb 30".into());
    wanted.settings.insert("notify-keyspace-events".into(), "Ex".into());
    wanted.settings.insert("maxmemory-clients".into(), "5%".into());
    let server = Server::start(Redis, wanted, Purpose::Member).await;
    let facts = server.look().await;
    assert_eq!((facts.role, facts.read_only), (Some(Role::Primary), Some(false)));
    assert_eq!(facts.flavour, server.stage.layout.flavour);
    assert_eq!(facts.version.as_ref(), Some(&server.stage.layout.version));
    assert_eq!((facts.protection, facts.connections_allowed), (Protection::Plain, Some(321)));
    assert!(facts.position.is_some() && facts.size.is_some() && facts.uptime.is_some());
    assert_eq!(facts.settings["maxmemory"].value, (48 << 20).to_string());
    for setting in &server.stage.layout.settings {
        assert_eq!(facts.settings[&setting.name].value, setting.value, "{}", setting.name);
    }
    // Nobody comes in without a password, not even for one word.
    assert!(server.cli_as("default", "", &["PING"], b"").contains("NOAUTH"), "the default account is closed");
    assert!(server.cli(&["DEBUG", "SLEEP", "0"]).contains("DEBUG command not allowed"));
}

/// Redis 7.0 replays its append-only file as the default account. One without rights loses every transaction.
#[tokio::test(flavor = "multi_thread")]
async fn transactions_and_scripts_survive_a_restart_although_the_default_account_is_shut() {
    let server = Server::member(Redis).await;
    server.lines("MULTI\nSET in-transaction 1\nEXEC\n");
    server.cli(&["EVAL", "for i = 1, 9 do redis.call('set', 'k' .. i, i) end", "0"]);
    assert!(server.cli(&["DBSIZE"]).contains("10"));
    let cluster = server.cluster.clone();
    let place = server.stop().await;
    let again = layout::<Redis>(&cluster, &place, Purpose::Member);
    let mut server = Server::begin(Redis, place, &again, cluster).await;
    server.ready().await;
    assert!(server.cli(&["DBSIZE"]).contains("10"), "{}", server.cli(&["DBSIZE"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_made_once() {
    let mut wanted = cluster(Redis);
    for (name, may) in [("r", May::Read), ("w", May::Write), ("m", May::Migrate), ("o~/", May::Owner)] {
        wanted.roles.insert(name.into(), role("first", may, &[]));
    }
    let server = Server::start(Redis, wanted, Purpose::Member).await;
    let engine = engine::<Redis>();
    let deploy = engine.deploy().expect("a facet");
    let (changes, findings) = deploy.changes(&server.cluster, &server.stage.layout, &server.look().await);
    assert_eq!((changes.len(), findings.len()), (4, 0));
    for change in &changes {
        assert_eq!(change.risk, Some(Risk::Create));
        let How::Own(act) = &change.how else { panic!("{:?}", change.how) };
        assert!(!act.payload.to_string().contains("\"first\""), "{}", act.payload);
        deploy.perform(&server.link, act, &NamedSecrets).await.expect("an act");
        deploy.perform(&server.link, act, &NamedSecrets).await.expect("the same again");
    }
    let facts = server.look().await;
    let (left, _) = deploy.changes(&server.cluster, &server.stage.layout, &facts);
    assert_eq!(left, [], "{}", facts.own);
    assert!(!facts.own.to_string().contains('#'), "{}", facts.own);
    // They are still there after a restart, and one that was changed by hand is put right.
    let cluster = server.cluster.clone();
    let place = server.stop().await;
    let layout = layout::<Redis>(&cluster, &place, Purpose::Member);
    let mut server = Server::begin(Redis, place, &layout, cluster).await;
    server.ready().await;
    assert_eq!(server.cli_as("w", "first", &["SET", "a", "1"], b""), "OK");
    server.cli(&["ACL", "SETUSER", "w", "+@all"]);
    let (left, _) = deploy.changes(&server.cluster, &server.stage.layout, &server.look().await);
    assert_eq!(
        left.iter().map(|change| change.title.key.as_str()).collect::<Vec<_>>(),
        ["redis-change-account"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_setting_needs_what_the_server_says() {
    let mut server = Server::member(Redis).await;
    server.cluster.settings.insert("maxclients".into(), "222".into());
    server.cluster.settings.insert("io-threads".into(), "2".into());
    let wanted = layout::<Redis>(&server.cluster, &server.place, Purpose::Member);
    let engine = engine::<Redis>();
    let deploy = engine.deploy().expect("a facet");
    let (changes, _) = deploy.changes(&server.cluster, &wanted, &server.look().await);
    assert_eq!(
        changes.iter().map(|change| change.risk).collect::<Vec<_>>(),
        [Some(Risk::Restart), Some(Risk::Reload)]
    );
    assert_eq!(changes[0].how, How::Restart);
    let How::Own(act) = &changes[1].how else { panic!("{:?}", changes[1].how) };
    deploy.perform(&server.link, act, &NamedSecrets).await.expect("an act");
    let (left, _) = deploy.changes(&server.cluster, &wanted, &server.look().await);
    assert_eq!(left.len(), 1);
    // A fresh start of the same data takes the other one.
    let cluster = server.cluster.clone();
    let place = server.stop().await;
    let mut server = Server::begin(Redis, place, &wanted, cluster).await;
    server.ready().await;
    assert_eq!(deploy.changes(&server.cluster, &wanted, &server.look().await).0, []);
}

/// Values as people write them, in force after a start, and after the act where they change while it runs.
#[tokio::test(flavor = "multi_thread")]
async fn settings_written_in_other_ways_settle() {
    let first = [
        ("client-output-buffer-limit", "normal 0 0 0"),
        ("notify-keyspace-events", "g$lshzxetdK"),
        ("oom-score-adj", "relative"),
        ("latency-tracking-info-percentiles", "99.90 50.0"),
        ("shutdown-on-sigterm", "force save"),
        ("syslog-facility", "local3"),
        ("maxmemory-clients", "5%"),
    ];
    let then = [
        ("client-output-buffer-limit", "pubsub 1mb 1mb 5"),
        ("notify-keyspace-events", "xKE"),
        ("latency-tracking-info-percentiles", "50 99.99"),
        ("shutdown-on-sigterm", "NOW"),
    ];
    let mut wanted = cluster(Redis);
    wanted.settings.extend(first.map(|(name, value)| (name.into(), value.into())));
    assert_eq!(engine::<Redis>().check(&wanted), []);
    let mut server = Server::start(Redis, wanted, Purpose::Member).await;
    let engine = engine::<Redis>();
    let deploy = engine.deploy().expect("a facet");
    assert_eq!(deploy.changes(&server.cluster, &server.stage.layout, &server.look().await).0, []);
    server.cluster.settings.extend(then.map(|(name, value)| (name.into(), value.into())));
    let wanted = layout::<Redis>(&server.cluster, &server.place, Purpose::Member);
    let (changes, _) = deploy.changes(&server.cluster, &wanted, &server.look().await);
    assert_eq!(changes.len(), 1, "all at once: {changes:#?}");
    let How::Own(act) = &changes[0].how else { panic!("{:?}", changes[0].how) };
    deploy.perform(&server.link, act, &NamedSecrets).await.expect("an act");
    assert_eq!(deploy.changes(&server.cluster, &wanted, &server.look().await).0, []);
}

/// What the fleet file would say about one setting of a server.
fn findings(name: &str, value: &str) -> Vec<Finding> {
    let mut cluster = cluster(Redis);
    cluster.settings.insert(name.into(), value.into());
    engine::<Redis>().check(&cluster)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_settings_is_the_servers() {
    let server = Server::member(Redis).await;
    let printed = server.cli(&["CONFIG", "GET", "*"]);
    let words: Vec<_> = printed.split('\n').collect();
    let mut known = 0;
    for pair in words.chunks_exact(2) {
        let (name, value) = (pair[0], pair[1]);
        if value.is_empty() || findings(name, value).iter().any(|finding| finding.what.key != "redis-evicts")
        {
            continue;
        }
        known += 1;
        let names = [name.to_owned()];
        let engine = engine::<Redis>();
        let observe = engine.observe().expect("a facet");
        let facts = observe.look(&server.link, &server.cluster, Depth::Full, &names).await.expect("a look");
        let fixed = server.cli(&["CONFIG", "SET", name, value]).contains("immutable");
        let effect = if fixed { Effect::Restart } else { Effect::Reload };
        assert_eq!(facts.settings[name].effect, effect, "{name}");
    }
    assert!(known > 80, "{known}");
}

/// Every number beyond what a setting takes is told before a server is there, and no number that it takes is.
#[tokio::test(flavor = "multi_thread")]
async fn the_ranges_of_settings_are_the_servers() {
    let server = Server::member(Redis).await;
    let printed = server.cli(&["CONFIG", "GET", "*"]);
    let words: Vec<_> = printed.split('\n').collect();
    let (mut refused, mut wrong) = (0, Vec::new());
    for pair in words.chunks_exact(2) {
        let (name, own) = (pair[0], pair[1]);
        let wants = |key: &str| key == "redis-wants-number" || key == "redis-wants-range";
        let is_number = |finding: &Finding| finding.cure.as_ref().is_some_and(|cure| wants(&cure.key));
        let is_fixed = server.cli(&["CONFIG", "SET", name, own]).contains("immutable");
        // A server of one client has none left to set it back.
        if is_fixed || name == "maxclients" || !findings(name, "many").iter().any(is_number) {
            continue;
        }
        for value in
            ["-2147483649", "-2147483648", "-2", "-1", "0", "1", "100", "101", "2147483647", "4294967296"]
        {
            let answer = server.cli(&["CONFIG", "SET", name, value]);
            server.cli(&["CONFIG", "SET", name, own]);
            let is_outside = answer.contains("must be");
            let is_told =
                findings(name, value).iter().any(|finding| finding.what.key == "redis-setting-value");
            refused += usize::from(is_outside);
            if is_told != is_outside {
                wrong.push(format!("{name} {value}: {answer}"));
            }
        }
    }
    assert!(wrong.is_empty() && refused > 100, "{refused} {wrong:#?}");
}

#[test]
fn mistakes_in_the_fleet_file_are_all_found() {
    for (name, value, key) in [
        ("maxmemroy", "1gb", "redis-setting-unknown"),
        ("requirepass", "x", "redis-setting-owned"),
        ("port", "1", "redis-setting-owned"),
        ("tls-key-file-pass", "x", "redis-setting-owned"),
        ("maxmemory", "lots", "redis-setting-value"),
        ("appendonly", "maybe", "redis-setting-value"),
        ("maxmemory-policy", "lru", "redis-setting-value"),
        ("maxmemory-policy", "allkeys-lru", "redis-evicts"),
        ("loglevel", "notice\nport 1", "redis-setting-value"),
        ("save", "1 1\nrequirepass x", "redis-setting-value"),
        ("client-output-buffer-limit", "normal 0 0", "redis-setting-value"),
        ("client-output-buffer-limit", "nobody 0 0 0", "redis-setting-value"),
        ("shutdown-on-sigterm", "soon", "redis-setting-value"),
        ("hz", "1000", "redis-setting-overruled"),
        ("repl-backlog-size", "1kb", "redis-setting-overruled"),
        ("databases", "0", "redis-setting-value"),
        ("io-threads", "1000", "redis-setting-value"),
        ("tcp-backlog", "-1", "redis-setting-value"),
        ("maxclients", "0", "redis-setting-value"),
        ("save", "60", "redis-setting-value"),
        ("save", "60 a", "redis-setting-value"),
        ("notify-keyspace-events", "KE1", "redis-setting-value"),
        ("maxmemory-clients", "120%", "redis-setting-value"),
        ("oom-score-adj-values", "0 200", "redis-setting-value"),
        ("proto-max-bulk-len", "1kb", "redis-setting-value"),
        ("latency-tracking-info-percentiles", "101", "redis-setting-value"),
    ] {
        let told: Vec<_> = findings(name, value).into_iter().map(|finding| finding.what.key).collect();
        assert_eq!(told, [key], "{name} {value:?}");
    }
    let mut wrong = cluster(Redis);
    wrong.databases.push("orders".into());
    wrong.roles.insert("default".into(), role("x", May::Read, &[]));
    wrong.version = roadstead_core::Version::parse("6.2");
    assert_eq!(engine::<Redis>().check(&wrong).len(), 3);
    for (version, expected) in [("7.0", 1), ("7", 0), ("7.2", 0), ("8.1", 0)] {
        let mut newer = cluster(Redis);
        newer.version = roadstead_core::Version::parse(version);
        newer.settings.insert("set-max-listpack-entries".into(), "64".into());
        assert_eq!(engine::<Redis>().check(&newer).len(), expected, "{version}");
    }
}

//! A member made from nothing, brought to what is declared, and left alone once it is so.

use roadstead_core::{
    Millis,
    model::{May, RoleSpec},
    port::engine::{How, Purpose},
    seen::Effect,
};

use super::server::{Postgresql, majors};
use crate::server::{self, NamedSecrets, Server, cluster, layout, tools};

fn role(may: May, on: &[&str]) -> RoleSpec {
    server::role("p$w'o\\rd", may, on)
}

/// Makes the server as declared by the engine's own acts; the second time there is nothing to do.
async fn reconcile(server: &Server<Postgresql>) -> usize {
    let engine = server::engine::<Postgresql>();
    let deploy = engine.deploy().unwrap();
    let (changes, findings) = deploy.changes(&server.cluster, &server.stage.layout, &server.look().await);
    assert_eq!(findings, []);
    for change in &changes {
        let How::Own(act) = &change.how else { panic!("{change:?}") };
        deploy.perform(&server.link, act, &NamedSecrets).await.unwrap();
        // An act is idempotent.
        deploy.perform(&server.link, act, &NamedSecrets).await.unwrap();
    }
    changes.len()
}

#[tokio::test]
async fn databases_and_accounts_become_as_declared_and_stay_so() {
    for major in majors() {
        let mut spec = cluster(major);
        spec.databases = vec!["orders".into(), "a $body$ 'q\\\"%/~".into()];
        spec.roles.insert("own$er'".into(), role(May::Owner, &[]));
        spec.roles.insert("mover".into(), role(May::Migrate, &["orders"]));
        spec.roles.insert("app".into(), role(May::Write, &["orders"]));
        spec.roles.insert("reader".into(), role(May::Read, &["orders"]));
        let mut server = Server::start(major, spec, Purpose::Member).await;
        assert_eq!(reconcile(&server).await, 6);
        assert_eq!(reconcile(&server).await, 0, "nothing to do on {major:?}");

        let ask = |user: &str, database: &str, sql: &str| server.sql_as(user, "p$w'o\\rd", database, sql);
        ask("mover", "orders", "create table t (id int generated always as identity, v text); create schema s; create table s.u (a int)").unwrap();
        ask("app", "orders", "insert into t (v) values ('x'); update t set v = 'y'; insert into s.u values (1); create temp table x (a int)").unwrap();
        assert_eq!(ask("reader", "orders", "select v from t").unwrap(), "y");
        assert_eq!(
            ask("own$er'", "orders", "alter table t add w int; select count(*) from s.u").unwrap(),
            "1"
        );
        for (user, sql) in [
            ("reader", "insert into t (v) values ('x')"),
            ("reader", "create temp table x (a int)"),
            ("app", "create table w (a int)"),
            ("app", "drop table t"),
            ("mover", "create role r"),
            ("mover", "drop database orders"),
            ("own$er'", "create database d"),
        ] {
            assert!(ask(user, "orders", sql).unwrap_err().contains("ERROR"), "{user}: {sql}");
        }
        assert!(ask("app", "a $body$ 'q\\\"%/~", "select 1").unwrap_err().contains("permission denied"));
        assert!(
            ask("app", "postgres", "select 1").is_ok(),
            "the maintenance database is as the server made it"
        );
        assert_eq!(reconcile(&server).await, 0, "later tables are covered by default");

        // A right taken away by hand, a level that changed, and an account that was made stronger than declared.
        server.sql("orders", "revoke select on t from orders_may_read; alter role app createdb");
        server.cluster.roles.get_mut("mover").unwrap().may = May::Read;
        assert_eq!(reconcile(&server).await, 3);
        assert_eq!(reconcile(&server).await, 0);
        assert!(server.sql_as("mover", "p$w'o\\rd", "orders", "create table z (a int)").is_err());
        let log = server.stage.log();
        assert!(!log.contains("p$w") && !log.contains("SCRAM-SHA"), "no secret in the log");
        server.stage.stop().await;
    }
}

#[tokio::test]
async fn an_account_that_is_moved_keeps_nothing_of_a_database_that_is_no_longer_declared() {
    for major in majors() {
        let long = "l".repeat(60);
        let mut spec = cluster(major);
        spec.databases = vec!["shop".into(), long.clone(), "other".into()];
        spec.roles.insert("app".into(), role(May::Write, &["shop"]));
        spec.roles.insert("mover".into(), role(May::Migrate, &["shop", &long]));
        let mut server = Server::start(major, spec, Purpose::Member).await;
        assert_eq!(reconcile(&server).await, 5);
        // What somebody else granted is no business of the fleet file's.
        server.sql("postgres", "create role theirs_may_read; create role shop_readers; grant theirs_may_read, shop_readers to app");
        server.cluster.databases = vec!["other".into()];
        for role in server.cluster.roles.values_mut() {
            role.on = vec!["other".into()];
        }
        let engine = server::engine::<Postgresql>();
        let look = server.look().await;
        let (changes, _) = engine.deploy().unwrap().changes(&server.cluster, &server.stage.layout, &look);
        let told: Vec<_> = changes.iter().map(|change| change.title.to_string()).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        for title in &told {
            assert!(title.contains("leaves") && title.contains("shop"), "{title}");
        }
        assert!(told[1].contains(&long), "{told:?}");
        assert_eq!(reconcile(&server).await, 2);
        assert_eq!(reconcile(&server).await, 0, "{major:?}");
        let groups = "select string_agg(x, ', ' order by x collate \"C\") from (select format('%s in %s', \
            member::regrole, roleid::regrole) from pg_auth_members where member::regrole::text in ('app', 'mover')) y(x)";
        assert_eq!(
            server.sql("postgres", groups),
            "app in other_may_write, app in shop_readers, app in theirs_may_read, mover in other_may_migrate"
        );
        let acts_as = "select count(*) from pg_db_role_setting where setrole = 'mover'::regrole";
        assert_eq!(server.sql("postgres", acts_as), "1", "as the group of the other alone");
        for (user, database) in [("app", "shop"), ("mover", "shop"), ("mover", &long)] {
            let refused = server.sql_as(user, "p$w'o\\rd", database, "select 1").unwrap_err();
            assert!(refused.contains("permission denied"), "{user} on {database}: {refused}");
        }
    }
}

#[tokio::test]
async fn settings_need_what_the_server_itself_says() {
    for major in majors() {
        let mut spec = cluster(major);
        spec.settings.insert("shared_buffers".into(), "65536kB".into());
        spec.settings.insert("log_min_duration_statement".into(), "1.5s".into());
        spec.settings.insert("search_path".into(), "\"$user\", 'odd\\one', public".into());
        spec.settings.insert("myapp.note".into(), "it's \\ fine".into());
        let server = Server::start(major, spec.clone(), Purpose::Member).await;
        let engine = server::engine::<Postgresql>();
        let deploy = engine.deploy().unwrap();
        let facts = server.look().await;
        assert_eq!(facts.settings["shared_buffers"].value, "64MB");
        assert_eq!(facts.settings["myapp.note"].value, "it's \\ fine");
        assert_eq!(facts.settings["shared_buffers"].effect, Effect::Restart);
        let (changes, findings) = deploy.changes(&spec, &server.stage.layout, &facts);
        assert_eq!((changes, findings), (vec![], vec![]), "what was rendered is in force on {major:?}");

        let risks = |spec: &roadstead_core::model::ClusterSpec| {
            let wanted = layout::<Postgresql>(spec, &server.place, Purpose::Member);
            let (changes, _) = deploy.changes(spec, &wanted, &facts);
            changes.into_iter().map(|change| (change.how, change.proves.len())).collect::<Vec<_>>()
        };
        spec.settings.insert("work_mem".into(), "9MB".into());
        assert_eq!(risks(&spec), [(How::Reload, 1)]);
        spec.settings.insert("max_connections".into(), "50".into());
        // The work memory is declared, so only the connections follow.
        assert_eq!(risks(&spec), [(How::Restart, 2)]);

        // Somebody's ALTER SYSTEM wins over every file: it is taken back by an act of its own.
        server.sql("postgres", "alter system set checkpoint_timeout = '7min'; select pg_reload_conf()");
        let facts = roadstead_testkit::wait::until_answered(
            "the reload",
            std::time::Duration::from_secs(30),
            || async {
                let facts = server.look().await;
                (facts.settings["checkpoint_timeout"].value == "7min").then_some(facts)
            },
        )
        .await;
        let (changes, _) = deploy.changes(&server.cluster, &server.stage.layout, &facts);
        assert_eq!(changes.len(), 2, "{changes:?}");
        let How::Own(act) = &changes[0].how else { panic!("{changes:?}") };
        deploy.perform(&server.link, act, &NamedSecrets).await.unwrap();
        roadstead_testkit::wait::until_answered(
            "the second reload",
            std::time::Duration::from_secs(30),
            || async {
                let facts = server.look().await;
                let (changes, _) = deploy.changes(&server.cluster, &server.stage.layout, &facts);
                changes.is_empty().then_some(())
            },
        )
        .await;
        server.stage.stop().await;
    }
}

/// An older snapshot is proven by a server of its own version, whatever the fleet file declares for a newer one by now.
#[tokio::test]
async fn what_only_a_newer_server_takes_is_refused_for_a_member_and_left_out_of_a_proof() {
    let mut spec = cluster(majors()[0]);
    spec.version = None;
    for (name, value) in [("maintenance_work_mem", "512kB"), ("event_triggers", "on"), ("work_mem", "2MB")] {
        spec.settings.insert(name.into(), value.into());
    }
    let tools = tools::<Postgresql>();
    let seen = roadstead_core::seen::HostSeen { tools: Some(tools), ..Default::default() };
    let host = roadstead_core::model::HostSpec {
        name: roadstead_core::model::Name::parse("local").unwrap(),
        data: String::new(),
        programs: vec![],
        user: None,
    };
    let home = roadstead_core::model::MemberHome { root: "/r".into() };
    let render = |purpose: Purpose| {
        let ask = roadstead_core::port::engine::RenderAsk {
            cluster: &spec,
            member: spec.first(),
            host: &host,
            seen: &seen,
            home: &home,
            purpose,
            version: Some((roadstead_core::Version { parts: vec![15] }, "PostgreSQL".into())),
        };
        server::engine::<Postgresql>().deploy().unwrap().render(&ask)
    };
    let refused: Vec<_> =
        render(Purpose::Member).unwrap_err().into_iter().map(|finding| finding.what.key).collect();
    assert_eq!(refused, ["postgresql-setting-not-in", "postgresql-value-out-of-range"]);
    let settings = render(Purpose::Scratch).unwrap().settings;
    let value = |name: &str| settings.iter().find(|setting| setting.name == name).map(|s| s.value.as_str());
    assert_eq!(value("event_triggers"), None);
    assert!(value("maintenance_work_mem").is_some_and(|value| value != "512kB"));
}

#[tokio::test]
async fn a_long_home_gets_loopback_instead_of_a_socket() {
    let spec = cluster(majors()[0]);
    let place = roadstead_testkit::stage::Place::new();
    let host = roadstead_core::model::HostSpec {
        name: roadstead_core::model::Name::parse("local").unwrap(),
        data: String::new(),
        programs: vec![],
        user: None,
    };
    let seen = roadstead_core::seen::HostSeen { tools: Some(tools::<Postgresql>()), ..Default::default() };
    let home =
        roadstead_core::model::MemberHome { root: format!("{}/{}", place.path().display(), "x".repeat(100)) };
    let ask = roadstead_core::port::engine::RenderAsk {
        cluster: &spec,
        member: spec.first(),
        host: &host,
        seen: &seen,
        home: &home,
        purpose: Purpose::Scratch,
        version: None,
    };
    let layout = server::engine::<Postgresql>().deploy().unwrap().render(&ask).unwrap();
    assert!(
        matches!(layout.endpoint, roadstead_core::port::layout::Endpoint::Tcp(ref host, _) if host == "127.0.0.1")
    );
    assert_eq!(layout.stop.deadline, Millis::seconds(60));
    let none = roadstead_core::seen::HostSeen {
        tools: Some(roadstead_core::seen::Tools::default()),
        ..Default::default()
    };
    let findings = server::engine::<Postgresql>()
        .deploy()
        .unwrap()
        .render(&roadstead_core::port::engine::RenderAsk { seen: &none, ..ask });
    assert_eq!(findings.unwrap_err()[0].cure.as_ref().unwrap().key, "engines-tool-missing-cure");
}

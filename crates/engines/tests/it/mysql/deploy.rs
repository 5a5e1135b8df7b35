//! Layouts and changes, on real servers.

use std::collections::BTreeMap;

use roadstead_core::{
    Kind,
    model::May,
    port::{
        Link,
        engine::{Depth, How, Purpose},
        layout::Endpoint,
    },
};
use roadstead_testkit::stage::Place;

use super::server::Which;
use crate::server::{NamedSecrets, Server, cluster, engine, layout, look, rendered, role};

/// A password that no quoting hides.
const PLAIN: &str = "a-password-in-clear-text";

async fn reconciles(which: Which) {
    let mut declared = cluster(which);
    declared.databases = vec!["my_db".into(), "größe".into()];
    let role = |may, on: &[&str]| role("p'w\\1", may, on);
    declared.roles = BTreeMap::from([
        ("app".into(), role(May::Write, &[])),
        ("reads/~'".into(), role(May::Read, &["my_db"])),
        ("owner".into(), crate::server::role(PLAIN, May::Owner, &["größe"])),
        ("moves".into(), role(May::Migrate, &["my_db"])),
    ]);
    declared.settings.insert("max_connections".into(), "77".into());
    let mut server = Server::start(which, declared, Purpose::Member).await;
    let engine = engine::<Which>();
    let deploy = engine.deploy().unwrap();
    let seen = server.look().await;
    assert_eq!(seen.connections_allowed, Some(77));
    let (changes, findings) = deploy.changes(&server.cluster, &server.stage.layout, &seen);
    assert_eq!(findings, []);
    assert_eq!(changes.len(), 6, "two databases, four accounts: {changes:#?}");
    for _ in 0..2 {
        for change in &changes {
            let How::Own(act) = &change.how else { panic!("{change:?}") };
            deploy
                .perform(&server.link, act, &NamedSecrets)
                .await
                .unwrap_or_else(|error| panic!("{act:?}: {error}"));
        }
    }
    let seen = server.look().await;
    let (left, findings) = deploy.changes(&server.cluster, &server.stage.layout, &seen);
    assert!(left.is_empty() && findings.is_empty(), "{left:#?} {findings:#?}");

    // Too many rights and a lower step are put right; a grant that nobody declared is told.
    server.run(&["GRANT DROP ON `my\\_db`.* TO 'app'@'%'", "GRANT PROCESS ON *.* TO 'app'@'%'"]).await;
    server.cluster.roles.get_mut("moves").unwrap().may = May::Read;
    let seen = server.look().await;
    let (changes, findings) = deploy.changes(&server.cluster, &server.stage.layout, &seen);
    assert_eq!((changes.len(), findings.len()), (2, 1), "{changes:#?} {findings:#?}");
    for change in &changes {
        let How::Own(act) = &change.how else { panic!("{change:?}") };
        deploy.perform(&server.link, act, &NamedSecrets).await.unwrap();
    }
    let seen = server.look().await;
    assert!(deploy.changes(&server.cluster, &server.stage.layout, &seen).0.is_empty());

    // A setting that changes while running, and one that needs a start.
    server.cluster.settings.insert("max_connections".into(), "88".into());
    server.cluster.settings.insert("skip-name-resolve".into(), "on".into());
    let seen = server.look().await;
    let wanted = layout::<Which>(&server.cluster, &server.place, Purpose::Member);
    let (changes, _) = deploy.changes(&server.cluster, &wanted, &seen);
    let (own, restart): (Vec<_>, Vec<_>) =
        changes.iter().partition(|change| matches!(change.how, How::Own(_)));
    assert_eq!((own.len(), restart.len()), (1, 1), "{changes:#?}");
    let How::Own(act) = &own[0].how else { panic!() };
    deploy.perform(&server.link, act, &NamedSecrets).await.unwrap();
    assert_eq!(server.look().await.connections_allowed, Some(88));

    logs_in(&server, "owner", PLAIN, None).await;
    is_in_no_file(&server, PLAIN);
    logs_in(&server, "app", "p'w\\1", None).await;
    logs_in(&server, "app", "wrong", Some(Kind::Denied)).await;
    for nobody in ["root", ""] {
        logs_in(&server, nobody, "", Some(Kind::Denied)).await;
    }
    restarted(which, server).await;
}

/// The data survives an orderly stop, and a restart takes the new settings.
async fn restarted(which: Which, server: Server<Which>) {
    let engine = engine::<Which>();
    let deploy = engine.deploy().unwrap();
    let cluster = server.cluster.clone();
    let place = server.stop().await;
    let server = Server::of(which, cluster, place, Purpose::Member).await;
    let (left, _) = deploy.changes(&server.cluster, &server.stage.layout, &server.look().await);
    assert!(left.is_empty(), "{left:#?}");
}

/// Nothing in the data directory holds it: no binary log either.
fn is_in_no_file(server: &Server<Which>, password: &str) {
    let data = std::path::PathBuf::from(server.place.home().data());
    let (mut files, mut logs) = (std::fs::read_dir(&data).expect("the data").flatten(), 0);
    assert!(files.all(|file| {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        logs += usize::from(bytes.starts_with(b"\xfebin"));
        !bytes.windows(password.len()).any(|part| part == password.as_bytes())
    }));
    assert!(logs > 0, "there was a binary log to look into");
}

async fn logs_in(server: &Server<Which>, user: &str, password: &str, refused: Option<Kind>) {
    let port = server.cluster.first().endpoint().1;
    let link = Link { endpoint: Endpoint::Tcp("127.0.0.1".into(), port), ..server.link_as(user, password) };
    let looked = look::<Which>(&link, &server.cluster, Depth::Brief).await;
    assert_eq!(looked.map_err(|error| error.kind).err(), refused, "{user}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_is_brought_to_what_was_declared() {
    reconciles(Which::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql_is_brought_to_what_was_declared() {
    reconciles(Which::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_mysql_cannot_take_is_told_before_it_is_tried() {
    let mut declared = cluster(Which::Mysql);
    let long = |count: usize| role(&"é".repeat(count), May::Write, &[]);
    declared.roles = BTreeMap::from([("fits".into(), long(128)), ("long".into(), long(129))]);
    let server = Server::start(Which::Mysql, declared, Purpose::Member).await;
    let engine = engine::<Which>();
    let deploy = engine.deploy().unwrap();
    let (changes, _) = deploy.changes(&server.cluster, &server.stage.layout, &server.look().await);
    let mut told = Vec::new();
    for change in &changes {
        let How::Own(act) = &change.how else { panic!("{change:?}") };
        if let Err(error) = deploy.perform(&server.link, act, &NamedSecrets).await {
            assert!(error.cure.is_some() && !format!("{error:?}").contains('é'), "{error:?}");
            told.push((error.kind, error.what.to_string()));
        }
    }
    assert_eq!(told, [(Kind::Input, "mysql-password-too-long(account=long, most=256)".to_owned())]);
    let admits = |password: &str, link: &Link| {
        let password = Some(roadstead_core::Secret::new(password));
        Link { user: "fits".into(), password, ..link.clone() }
    };
    let observe = engine.observe().unwrap();
    let long = "é".repeat(128);
    assert!(observe.admits(&admits(&long, &server.link)).await.unwrap());
    // What the server takes, nobody can send to it in clear.
    let by_port = Link {
        endpoint: Endpoint::Tcp("127.0.0.1".into(), server.cluster.first().endpoint().1),
        ..server.link.clone()
    };
    let refused = observe.admits(&admits(&long, &by_port)).await.expect_err("the driver would panic");
    assert_eq!((refused.kind, refused.what.key.as_str()), (Kind::Input, "mysql-password-needs-tls"));
    assert!(
        !observe.admits(&admits(&"é".repeat(106), &by_port)).await.unwrap(),
        "it can be sent, and is wrong"
    );
}

#[test]
fn a_missing_program_names_its_package() {
    let mut wanted = cluster(Which::Mysql);
    wanted.version = roadstead_core::Version::parse("8.4");
    let findings = rendered::<Which>(&wanted, &Place::new(), Purpose::Member).unwrap_err();
    assert_eq!(findings.len(), 1);
    assert!(findings[0].cure.is_some(), "{findings:?}");
}

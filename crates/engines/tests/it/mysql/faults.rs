//! A session that is killed in the middle, accounts with too few grants, and TLS that names nobody.

use roadstead_core::{
    Kind,
    port::{Link, Source as _, ambient::Unwatched, engine::Depth},
};
use roadstead_testkit::memory::MemorySink;

use super::server::Which;
use crate::{
    server::{Server, dump, engine, look},
    strike::Strike,
    subject::Subject as _,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_killed_midway_is_no_backup() {
    let server = Server::member(Which::Mariadb).await;
    Which::fill_bulk(&server).await;
    let handle = tokio::runtime::Handle::current();
    // The dump waits for that: it goes on with a session that is killed.
    let watch = Strike::new(4 << 20, || {
        tokio::task::block_in_place(|| handle.block_on(kill_readers(&server)));
    });
    let mut sink = MemorySink::default();
    let dumped = dump::<Which>(&server.link_to_read(), &server.cluster, &mut sink, &watch).await;
    let error = dumped.unwrap_err();
    assert!(watch.has_struck());
    assert!(matches!(error.kind, Kind::Unreachable | Kind::Failed), "{error:?}");
    assert!(sink.source().streams().iter().all(|stream| stream.name != Which::BULK));
}

/// Kills the sessions that read the large table, of which there must be one.
async fn kill_readers(server: &Server<Which>) {
    let sql = "SELECT GROUP_CONCAT(ID) FROM information_schema.PROCESSLIST \
               WHERE INFO LIKE '%FROM `bulk`.`t`%' AND ID <> CONNECTION_ID()";
    let found = server.ask(sql).await;
    for id in found.split(',') {
        assert!(id.parse::<u64>().is_ok(), "nobody reads it: {found}");
        server.run(&[&format!("KILL {id}")]).await;
    }
}

/// An account with the documented least grants backs up everything; with less, what is missing is named.
async fn least_grants(which: Which) {
    let server = Server::member(which).await;
    super::data::fill(&server).await;
    let rights = match which {
        Which::Mysql => {
            "SELECT, RELOAD, PROCESS, REPLICATION CLIENT, SHOW VIEW, TRIGGER, EVENT, BACKUP_ADMIN, SHOW_ROUTINE"
        }
        Which::Mariadb => {
            "SELECT, RELOAD, PROCESS, BINLOG MONITOR, SHOW VIEW, TRIGGER, EVENT, SHOW CREATE ROUTINE"
        }
    };
    let rights =
        if which == Which::Mariadb { rights.replace(", SHOW CREATE ROUTINE", "") } else { rights.into() };
    server
        .run(&[
            "CREATE USER backup@localhost IDENTIFIED BY 'b'",
            &format!("GRANT {rights} ON *.* TO backup@localhost"),
            "CREATE USER weak@localhost IDENTIFIED BY 'w'",
            "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO weak@localhost",
            "CREATE USER few@localhost IDENTIFIED BY 'f'",
            "GRANT SELECT, SHOW VIEW ON *.* TO few@localhost",
        ])
        .await;
    let as_user = |user: &str, password: &str| server.link_as(user, password);
    let link = as_user("backup", "b");
    let survey = engine::<Which>().observe().unwrap().survey(&link, &server.cluster).await.unwrap();
    let missing: Vec<_> = survey.iter().filter(|finding| finding.what.key == "mysql-survey-right").collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let mut sink = MemorySink::default();
    let dumped = dump::<Which>(&link, &server.cluster, &mut sink, &Unwatched).await.unwrap();
    assert_eq!(server.differences(&dumped).await, Vec::<String>::new());
    assert!(dumped.position.is_some());

    let link = as_user("weak", "w");
    let survey = engine::<Which>().observe().unwrap().survey(&link, &server.cluster).await.unwrap();
    assert!(survey.iter().any(|finding| finding.what.to_string().contains("right=RELOAD")), "{survey:#?}");
    let mut sink = MemorySink::default();
    let weak = dump::<Which>(&link, &server.cluster, &mut sink, &Unwatched).await;
    if let Ok(dumped) = weak {
        let told = dumped.findings.iter().any(|finding| finding.what.key == "mysql-no-read-lock");
        assert!(told, "{:#?}", dumped.findings);
    }
    // What an account cannot see is in no manifest and so in no comparison: the snapshot itself must say it.
    let few = as_user("few", "f");
    let mut sink = MemorySink::default();
    match dump::<Which>(&few, &server.cluster, &mut sink, &Unwatched).await {
        Ok(dumped) => {
            let told = |right| dumped.findings.iter().any(|finding| finding.what.to_string().contains(right));
            assert!(told("right=TRIGGER") && told("right=EVENT"), "{:#?}", dumped.findings);
        }
        Err(error) => assert_eq!(error.kind, Kind::Denied, "{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn least_grants_suffice_on_mariadb() {
    least_grants(Which::Mariadb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn least_grants_suffice_on_mysql() {
    least_grants(Which::Mysql).await;
}

/// TLS is verified or not used: a server's certificate of its own making names nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_verified_or_refused() {
    let server = Server::member(Which::Mysql).await;
    let port = server.cluster.first().endpoint().1;
    server
        .run(&[
            "CREATE USER anyone@'%' IDENTIFIED BY 'a'",
            "CREATE USER guarded@'%' IDENTIFIED BY 'g' REQUIRE SSL",
        ])
        .await;
    let link = |user: &str, mode, ca: Option<String>| Link {
        endpoint: roadstead_core::port::layout::Endpoint::Tcp("127.0.0.1".into(), port),
        user: user.into(),
        password: Some(roadstead_core::Secret::new(&user[..1])),
        tls: roadstead_core::model::TlsSpec { mode, ca },
        may_write: false,
        ..server.link.clone()
    };
    let ca = format!("{}/ca.pem", server.place.home().data());
    let look = async |link: Link| {
        let look = look::<Which>(&link, &server.cluster, Depth::Brief).await;
        look.map(|facts| facts.protection).map_err(|error| error.kind)
    };
    use roadstead_core::model::TlsMode::{Auto, Off, VerifyFull};
    assert_eq!(look(link("anyone", Off, None)).await, Ok(roadstead_core::seen::Protection::Plain));
    assert_eq!(look(link("anyone", Auto, None)).await, Ok(roadstead_core::seen::Protection::Plain));
    assert_eq!(look(link("anyone", VerifyFull, Some(ca))).await, Err(Kind::Denied));
    assert_eq!(look(link("anyone", VerifyFull, None)).await, Err(Kind::Denied));
    assert_eq!(look(link("anyone", VerifyFull, Some("/no/such/file".into()))).await, Err(Kind::Input));
    assert_eq!(look(link("guarded", Off, None)).await, Err(Kind::Denied));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_tls_is_refused_is_told_with_a_cure() {
    crate::refusals::of_certificates(Which::Mysql).await;
    // This one offers none unless it is given a certificate.
    let server = Server::member(Which::Mariadb).await;
    let port = server.cluster.first().endpoint().1;
    assert_eq!(crate::refusals::refused(&server, port, None).await, "mysql-tls-not-offered");
}

//! What breaks in the middle is told, and never green.

use roadstead_core::{
    Kind, Result,
    port::{
        Link, Progress, Watch,
        ambient::Unwatched,
        engine::{Depth, Purpose},
        vault::Dumped,
    },
};
use roadstead_testkit::memory::MemorySink;

use super::server::{Server, Which, differences, engine};

/// Does something once when enough was read.
struct At<F: Fn() + Send + Sync> {
    bytes: u64,
    once: std::sync::Once,
    act: F,
}

impl<F: Fn() + Send + Sync> Watch for At<F> {
    fn progress(&self, progress: Progress) {
        if progress.done > self.bytes {
            self.once.call_once(|| (self.act)());
        }
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}

async fn filled(which: Which) -> Server {
    let server = Server::start(which, Purpose::Member).await;
    server
        .run(&[
            "CREATE DATABASE d",
            "CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(2000))",
            "INSERT INTO d.t (v) VALUES (REPEAT('x', 2000))",
        ])
        .await;
    for _ in 0..14 {
        server.run(&["INSERT INTO d.t (v) SELECT v FROM d.t"]).await;
    }
    server
}

async fn dump(server: &Server, sink: &mut MemorySink, watch: &dyn Watch) -> Result<Dumped> {
    let link = Link { may_write: false, ..server.link.clone() };
    engine().backup().unwrap().dump(&link, &server.cluster, sink, watch).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_or_a_connection_that_dies_midway_is_no_backup() {
    let server = filled(Which::Mariadb).await;
    // The vault is full.
    let mut sink = MemorySink::default();
    sink.room = Some(4 << 20);
    assert_eq!(dump(&server, &mut sink, &Unwatched).await.unwrap_err().kind, Kind::Exhausted);

    // Somebody kills the session that reads.
    let handle = tokio::runtime::Handle::current();
    let server = std::sync::Arc::new(server);
    let (killer, at) = (server.clone(), 4 << 20);
    let kill = move || {
        let killer = killer.clone();
        let work = async move {
            let sql = "SELECT GROUP_CONCAT(ID) FROM information_schema.PROCESSLIST WHERE INFO LIKE '%FROM `d`.`t`%' AND ID <> CONNECTION_ID()";
            let ids = killer.ask(sql).await;
            for id in ids.split(',') {
                killer.run(&[&format!("KILL {id}")]).await;
            }
        };
        handle.spawn(work);
    };
    let watch = At { bytes: at, once: std::sync::Once::new(), act: kill };
    let mut sink = MemorySink::default();
    let error = dump(&server, &mut sink, &watch).await.unwrap_err();
    assert!(matches!(error.kind, Kind::Unreachable | Kind::Failed), "{error:?}");

    // The server itself dies.
    let pid = server.stage.pid();
    let kill = move || rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let watch = At { bytes: at, once: std::sync::Once::new(), act: kill };
    let mut sink = MemorySink::default();
    let error = dump(&server, &mut sink, &watch).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable, "{error:?}");
    let gone = engine().observe().unwrap().look(&server.link, &server.cluster, Depth::Brief, &[]).await;
    assert!(matches!(gone.unwrap_err().kind, Kind::Unreachable | Kind::NotFound));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_stream_is_never_loaded_whole() {
    let server = filled(Which::Mariadb).await;
    let (dumped, source) = server.dump().await;
    source.damage("database/d/data.sql", |bytes| {
        let last = bytes.len() - 10;
        bytes[last] ^= 1;
    });
    let copy = Server::start(Which::Mariadb, Purpose::Scratch).await;
    assert!(copy.load(&dumped, &source).await.is_err());
}

/// An account with the documented least grants backs up everything; with less, what is missing is named.
async fn least_grants(which: Which) {
    let server = Server::start(which, Purpose::Member).await;
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
    let as_user = |user: &str, password: &str| Link {
        user: user.into(),
        password: Some(roadstead_core::Secret::new(password)),
        may_write: false,
        ..server.link.clone()
    };
    let link = as_user("backup", "b");
    let survey = engine().observe().unwrap().survey(&link, &server.cluster).await.unwrap();
    let missing: Vec<_> = survey.iter().filter(|finding| finding.what.key == "mysql-survey-right").collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let mut sink = MemorySink::default();
    let dumped =
        engine().backup().unwrap().dump(&link, &server.cluster, &mut sink, &Unwatched).await.unwrap();
    assert_eq!(differences(&dumped.manifest, &server.manifest().await), Vec::<String>::new());
    assert!(dumped.position.is_some());

    let link = as_user("weak", "w");
    let survey = engine().observe().unwrap().survey(&link, &server.cluster).await.unwrap();
    assert!(survey.iter().any(|finding| finding.what.to_string().contains("right=RELOAD")), "{survey:#?}");
    let mut sink = MemorySink::default();
    let weak = engine().backup().unwrap().dump(&link, &server.cluster, &mut sink, &Unwatched).await;
    if let Ok(dumped) = weak {
        let told = dumped.findings.iter().any(|finding| finding.what.key == "mysql-no-read-lock");
        assert!(told, "{:#?}", dumped.findings);
    }
    // What an account cannot see is in no manifest and so in no comparison: the snapshot itself must say it.
    let few = as_user("few", "f");
    let mut sink = MemorySink::default();
    match engine().backup().unwrap().dump(&few, &server.cluster, &mut sink, &Unwatched).await {
        Ok(dumped) => {
            let told = |right| dumped.findings.iter().any(|finding| finding.what.to_string().contains(right));
            assert!(told("right=TRIGGER") && told("right=EVENT"), "{:#?}", dumped.findings);
        }
        Err(error) => assert_eq!(error.kind, Kind::Denied, "{error:?}"),
    }
    // And nothing can be written through such a link.
    let survey = engine().observe().unwrap().look(&link, &server.cluster, Depth::Brief, &[]).await.unwrap();
    assert!(survey.version.is_some());
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
    let server = Server::start(Which::Mysql, Purpose::Member).await;
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
    let engine = engine();
    let look = async |link: Link| {
        let look = engine.observe().unwrap().look(&link, &server.cluster, Depth::Brief, &[]).await;
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

//! What must never be a backup: a tool that died, a server that died or hung, a sink that is full; and what the
//! survey says of an account that may not read everything.

use std::{fs, sync::Arc, time::Duration};

use roadstead_core::{
    Kind, Result, Severity,
    finding::any_error,
    port::{Progress, Watch, ambient::Unwatched, engine::Depth, vault::Dumped},
};
use roadstead_testkit::{
    memory::{MemorySink, MemorySource},
    wait,
};

use super::{
    round_trip::{compared, dump, load, told},
    server::{Server, engine, majors},
};

/// About sixty megabytes.
async fn filled(major: u32) -> Server {
    let server = Server::member(major).await;
    server.sql(
        "postgres",
        "create table big as select i, repeat(md5(i::text), 20) as v from generate_series(1, 90000) i",
    );
    server
}

/// Calls `strike` once, when the first bytes of the dump have passed.
struct Strike<F: Fn() + Send + Sync>(F, std::sync::Once);

impl<F: Fn() + Send + Sync> Watch for Strike<F> {
    fn progress(&self, progress: Progress) {
        if progress.phase.key == "postgresql-phase-dump" && progress.done > 1 << 20 {
            self.1.call_once(&self.0);
        }
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}

async fn dump_struck(server: &Server, strike: impl Fn() + Send + Sync) -> (Result<Dumped>, MemorySource) {
    let mut sink = MemorySink::default();
    let watch = Strike(strike, std::sync::Once::new());
    let engine = engine();
    let dumped = engine.backup().unwrap().dump(&server.link, &server.cluster, &mut sink, &watch).await;
    assert!(watch.1.is_completed(), "the fault was not injected");
    (dumped, sink.source())
}

fn has_stream(source: &MemorySource, name: &str) -> bool {
    use roadstead_core::port::Source as _;
    source.streams().iter().any(|stream| stream.name == name)
}

/// The children of this very process that run this program against this port.
fn tools_running(program: &str, port: &str) -> Vec<rustix::process::Pid> {
    let ours = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let path = entry.path();
        let Ok(status) = fs::read_to_string(path.join("status")) else { continue };
        let field = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned())
        };
        if field("Name:").as_deref() != Some(program) || field("PPid:") != Some(ours.clone()) {
            continue;
        }
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        let wanted = format!("PGPORT={port}");
        if environment.split(|byte| *byte == 0).any(|pair| pair == wanted.as_bytes()) {
            let pid = entry.file_name().to_string_lossy().parse().unwrap();
            found.push(rustix::process::Pid::from_raw(pid).unwrap());
        }
    }
    found
}

fn port(server: &Server) -> String {
    server.link.endpoint.to_string().rsplit([':', '.']).next().unwrap().to_owned()
}

#[tokio::test]
async fn a_tool_that_dies_leaves_no_backup() {
    let server = filled(majors()[0]).await;
    let port = port(&server);
    let (dumped, source) = dump_struck(&server, || {
        let found = tools_running("pg_dump", &port);
        assert_eq!(found.len(), 1);
        rustix::process::kill_process(found[0], rustix::process::Signal::KILL).unwrap();
    })
    .await;
    let error = dumped.unwrap_err();
    assert_eq!(error.what.key, "engines-tool-failed", "{error:?}");
    assert!(!has_stream(&source, "database/postgres.dump"));
}

#[tokio::test]
async fn a_server_that_dies_leaves_no_backup() {
    let server = filled(majors()[0]).await;
    let (dumped, source) = dump_struck(&server, || server.stage.signal(rustix::process::Signal::QUIT)).await;
    assert!(dumped.is_err());
    assert!(!has_stream(&source, "database/postgres.dump"));
}

#[tokio::test]
async fn a_cancelled_or_refused_dump_leaves_no_backup_and_no_tool() {
    struct Cancelled;
    impl Watch for Cancelled {
        fn progress(&self, _: Progress) {}
        fn is_cancelled(&self) -> bool {
            true
        }
    }
    let server = filled(majors()[0]).await;
    let engine = engine();
    let backup = engine.backup().unwrap();
    let mut sink = MemorySink::default();
    let stopped = backup.dump(&server.link, &server.cluster, &mut sink, &Cancelled).await.unwrap_err();
    assert_eq!(stopped.kind, Kind::Cancelled);
    let mut sink = MemorySink::default();
    sink.room = Some(3 << 20);
    let full = backup.dump(&server.link, &server.cluster, &mut sink, &Unwatched).await.unwrap_err();
    assert_eq!(full.kind, Kind::Exhausted);
    assert!(!has_stream(&sink.source(), "database/postgres.dump"));
    let port = port(&server);
    wait::until("the tool is gone", Duration::from_secs(10), || {
        tools_running("pg_dump", &port).is_empty().then_some(())
    });
}

#[tokio::test]
async fn a_server_that_hangs_mid_way_is_told() {
    let server = filled(majors()[0]).await;
    // Every process of it stops; its connections stay open and silent.
    let stopped = Arc::new(std::sync::Mutex::new(Vec::new()));
    let postmaster = server.stage.pid().as_raw_nonzero().get();
    let all = stopped.clone();
    let (dumped, _) = dump_struck(&server, move || {
        let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap();
        for pid in children.split_whitespace().map(|pid| pid.parse().unwrap()).chain([postmaster]) {
            let pid = rustix::process::Pid::from_raw(pid).unwrap();
            if rustix::process::kill_process(pid, rustix::process::Signal::STOP).is_ok() {
                all.lock().unwrap().push(pid);
            }
        }
    })
    .await;
    for pid in stopped.lock().unwrap().iter() {
        let _ = rustix::process::kill_process(*pid, rustix::process::Signal::CONT);
    }
    assert_eq!(dumped.unwrap_err().kind, Kind::Unreachable);
}

#[tokio::test]
async fn an_account_with_the_least_grants_backs_everything_up() {
    for major in majors() {
        let mut server = Server::member(major).await;
        server.sql(
            "postgres",
            "create database app; create role app login password 'a'; create role reader login password 'r'; \
             grant pg_read_all_data to reader",
        );
        server.sql("app", "create schema s; create table s.t (a int); insert into s.t values (1); create table rls (a int); \
             insert into rls values (1), (2); alter table rls enable row level security; alter table rls owner to app; \
             create table public.seq (a serial); select lo_create(0)");
        let engine = engine();
        let observe = engine.observe().unwrap();
        let keys = |findings: &[roadstead_core::Finding], severity: Severity| -> Vec<String> {
            findings.iter().filter(|f| f.severity == severity).map(|f| f.what.key.clone()).collect()
        };
        let found = observe.survey(&server.link_as("app", "a"), &server.cluster).await.unwrap();
        assert_eq!(
            keys(&found, Severity::Error),
            ["postgresql-lacks-select", "postgresql-large-objects"],
            "{found:?}"
        );
        assert_eq!(keys(&found, Severity::Warning), ["postgresql-no-verifiers"]);
        let link = server.link_as("reader", "r");
        let found = observe.survey(&link, &server.cluster).await.unwrap();
        assert_eq!(
            keys(&found, Severity::Error),
            ["postgresql-row-security", "postgresql-large-objects"],
            "{found:?}"
        );
        let mut sink = MemorySink::default();
        let refused =
            engine.backup().unwrap().dump(&link, &server.cluster, &mut sink, &Unwatched).await.unwrap_err();
        assert_eq!((refused.kind, refused.what.key.as_str()), (Kind::Denied, "postgresql-row-security"));

        server.sql("app", "alter role reader bypassrls; select lo_unlink(oid) from pg_largeobject_metadata");
        let facts = observe.look(&link, &server.cluster, Depth::Grants, &[]).await.unwrap();
        assert_eq!(facts.read_only, Some(false), "the server's own word, not the session's");
        assert!(!any_error(&observe.survey(&link, &server.cluster).await.unwrap()));
        server.link = link;
        let (dumped, source) = dump(&server).await.unwrap_or_else(|error| panic!("{error}"));
        let copy = Server::scratch(major).await;
        assert_eq!(load(&copy, &dumped, &source).await.unwrap(), []);
        assert_eq!(told(&compared(&copy, &dumped).await), Vec::<String>::new());
        assert!(
            copy.sql_as("app", "a", "app", "select 1").is_ok(),
            "verifiers are readable with pg_read_all_data"
        );
        assert!(engine.inspect().unwrap().occupied(&copy.link).await.unwrap().is_some());
        let empty = Server::scratch(major).await;
        assert_eq!(engine.inspect().unwrap().occupied(&empty.link).await.unwrap(), None);
        empty.sql("postgres", "create function f() returns int language sql as 'select 1'");
        assert!(engine.inspect().unwrap().occupied(&empty.link).await.unwrap().is_some());
    }
}

//! The vendor's tool when it dies or is no longer wanted, a server that hangs where no tool is at work, and what the
//! survey says of an account that may not read everything.

use std::{
    fs,
    time::{Duration, Instant},
};

use roadstead_core::{
    Error, Kind, Result, Severity,
    finding::any_error,
    port::{
        Source as _,
        ambient::Unwatched,
        engine::{Depth, Purpose},
    },
};
use roadstead_testkit::{memory::MemorySink, wait};

use super::server::{Postgresql, majors};
use crate::{
    server::{Server, cluster, dump, engine},
    strike::{Strike, cancel},
    subject::Subject as _,
};

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

fn port(server: &Server<Postgresql>) -> String {
    server.link.endpoint.to_string().rsplit([':', '.']).next().unwrap().to_owned()
}

#[tokio::test]
async fn a_tool_that_dies_leaves_no_backup_and_one_that_is_not_wanted_ends() {
    let server = Server::member(majors()[0]).await;
    Postgresql::fill_bulk(&server).await;
    let port = port(&server);
    let strike = Strike::new(1 << 20, || {
        let found = tools_running("pg_dump", &port);
        assert_eq!(found.len(), 1);
        rustix::process::kill_process(found[0], rustix::process::Signal::KILL).unwrap();
    });
    let mut sink = MemorySink::default();
    let dumped = dump::<Postgresql>(&server.link_to_read(), &server.cluster, &mut sink, &strike).await;
    let error = dumped.unwrap_err();
    assert!(strike.has_struck());
    assert_eq!(error.what.key, "engines-tool-failed", "{error:?}");
    assert!(sink.source().streams().iter().all(|stream| stream.name != Postgresql::BULK));

    let mut sink = MemorySink::default();
    let cancelled =
        dump::<Postgresql>(&server.link_to_read(), &server.cluster, &mut sink, &cancel(1 << 20)).await;
    assert_eq!(cancelled.unwrap_err().kind, Kind::Cancelled);
    wait::until("the tool is gone", Duration::from_secs(30), || {
        tools_running("pg_dump", &port).is_empty().then_some(())
    });
}

/// A server in which somebody holds a lock for ever, without a session.
async fn locked(before: &str, lock: &str) -> Server<Postgresql> {
    let subject = majors()[0];
    let mut declared = cluster(subject);
    declared.settings.insert("max_prepared_transactions".into(), "4".into());
    let server = Server::start(subject, declared, Purpose::Member).await;
    server.sql("postgres", &format!("{before}; begin; {lock}; prepare transaction 'held'"));
    server
}

/// The error of work that comes upon that lock, on a server that hangs as soon as it waits there.
async fn hung<T>(server: &Server<Postgresql>, work: impl Future<Output = Result<T>>) -> Error {
    let waits = "select count(*) from pg_stat_activity \
        where application_name = 'roadstead' and wait_event_type = 'Lock'";
    let freeze = async {
        let is_waiting = || async { (server.sql("postgres", waits) != "0").then_some(()) };
        wait::until_answered("work that waits", Duration::from_secs(60), is_waiting).await;
        (server.stage.freeze(), Instant::now())
    };
    let (done, (frozen, begun)) = tokio::join!(work, freeze);
    let took = begun.elapsed();
    drop(frozen);
    assert!(took < Postgresql::PATIENCE + Duration::from_secs(60), "{took:?}");
    done.map(drop).expect_err("it hangs")
}

/// These questions may take their time on a server that works: that it does is asked beside them. It takes a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_before_or_after_the_rows_is_given_up() {
    let (dumped, source) = Server::member(majors()[0]).await.dump().await;
    let backup = async |before: &str, lock: &str| {
        let server = locked(before, lock).await;
        let (link, mut sink) = (server.link_to_read(), MemorySink::default());
        hung(&server, dump::<Postgresql>(&link, &server.cluster, &mut sink, &Unwatched)).await
    };
    let load = async {
        let server = locked("select", "lock table pg_catalog.pg_language").await;
        hung(&server, server.load_by_address(&dumped, &source)).await
    };
    let (survey, sequences, load) = tokio::join!(
        backup("select", "lock table pg_catalog.pg_ts_config_map"),
        backup("create sequence s", "drop sequence s"),
        load
    );
    for (what, error) in [("a survey", survey), ("sequences", sequences), ("a load", load)] {
        let told = (error.kind, error.what.key.as_str());
        assert_eq!(told, (Kind::Unreachable, "postgresql-silent"), "{what}: {error:?}");
    }
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
        let engine = engine::<Postgresql>();
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
        let refused = dump::<Postgresql>(&link, &server.cluster, &mut sink, &Unwatched).await.unwrap_err();
        assert_eq!((refused.kind, refused.what.key.as_str()), (Kind::Denied, "postgresql-row-security"));

        server.sql("app", "alter role reader bypassrls; select lo_unlink(oid) from pg_largeobject_metadata");
        let facts = observe.look(&link, &server.cluster, Depth::Grants, &[]).await.unwrap();
        assert_eq!(facts.read_only, Some(false), "the server's own word, not the session's");
        assert!(!any_error(&observe.survey(&link, &server.cluster).await.unwrap()));
        server.link = link;
        let (dumped, source) = server.dump().await;
        let made = Server::restored(major, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
        let (copy, findings) = made.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((findings, copy.differences(&dumped).await), (vec![], vec![]));
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

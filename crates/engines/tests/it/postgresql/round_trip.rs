//! Everything that a server can hold, dumped, loaded into a throw-away server, and compared; and what the comparison
//! says when something is not as it was.

use roadstead_core::{
    Bytes, Finding, Kind, Millis, Result, Timestamp,
    manifest::{Comparison, compare},
    model::Name,
    port::{
        ambient::Unwatched,
        engine::LoadAsk,
        vault::{Draft, Dumped, Record, SnapshotId},
    },
};
use roadstead_testkit::memory::{MemorySink, MemorySource};

use super::server::{Server, engine, majors};

pub(crate) const EVERYTHING: &str = include_str!("everything.sql");
pub(crate) const ODD: &str = "odd=name 'host=evil' \"q\" \\ %2F é";

pub(crate) async fn dump(server: &Server) -> Result<(Dumped, MemorySource)> {
    let mut sink = MemorySink::default();
    let engine = engine();
    let backup = engine.backup().expect("a facet");
    let dumped = backup.dump(&server.link, &server.cluster, &mut sink, &Unwatched).await?;
    Ok((dumped, sink.source()))
}

pub(crate) fn record(dumped: &Dumped, source: &MemorySource) -> Record {
    use roadstead_core::port::Source as _;
    let name = |text| Name::parse(text).expect("a name");
    Record {
        draft: Draft {
            id: SnapshotId("0".repeat(32)),
            set: String::new(),
            fleet: name("f"),
            cluster: name("orders"),
            member: name("orders-1"),
            engine: "postgresql".into(),
            started: Timestamp::from_millis(0),
            by: String::new(),
        },
        dumped: dumped.clone(),
        streams: source.streams().to_vec(),
        stored: Bytes(0),
        took: Millis(0),
        history: vec![],
    }
}

pub(crate) async fn load(server: &Server, dumped: &Dumped, source: &MemorySource) -> Result<Vec<Finding>> {
    let record = record(dumped, source);
    let ask = LoadAsk { record: &record, private_target: true, keep_accounts: vec!["postgres".into()] };
    let engine = engine();
    engine.backup().expect("a facet").load(source, &server.link, &ask, &Unwatched).await
}

pub(crate) async fn compared(server: &Server, dumped: &Dumped) -> Comparison {
    let engine = engine();
    let inspect = engine.inspect().expect("a facet");
    let copy = inspect.manifest(&server.link, &server.cluster, &Unwatched).await.expect("a manifest");
    let keep = vec!["postgres".to_owned()];
    let (original, copy) = inspect.comparable(dumped.manifest.clone(), copy, None, &keep);
    compare(&original, &copy)
}

/// What differs, as `kind name`.
pub(crate) fn told(comparison: &Comparison) -> Vec<String> {
    comparison.differences.iter().map(|d| format!("{:?} {} {}", d.how, d.kind, d.name.join("."))).collect()
}

fn fill(server: &Server) {
    // The server's own databases of another shape than a new server's.
    server.sql("template1", "drop database postgres");
    server.sql("template1", "create database postgres template template0 lc_collate 'C' lc_ctype 'C'");
    server.sql("postgres", "set allow_in_place_tablespaces = on; create tablespace fast location ''; \
        create table in_fast (a int) tablespace fast; insert into in_fast values (1); alter tablespace fast set (random_page_cost = 1)");
    server.sql(
        "postgres",
        "create role \"ro'le \"\"x\" login password 'p' connection limit 3 valid until '2030-01-01'; create role grp noinherit;
         create role boss createrole superuser; comment on role grp is 'it''s a group';
         grant grp to \"ro'le \"\"x\" with admin option; grant pg_read_all_data to grp;
         alter role grp set work_mem = '7MB'; alter role all set statement_timeout = '90s';
         alter role \"ro'le \"\"x\" set search_path = \"$user\", 'a,b', public;
         create database dark; alter database dark allow_connections false;
         grant set on parameter log_min_messages to grp",
    );
    server.sql(
        "postgres",
        &format!(
            "create database {} owner grp encoding 'UTF8' lc_collate 'C' lc_ctype 'C' template template0",
            id(ODD)
        ),
    );
    server.sql("postgres", "comment on database postgres is 'mine'; alter database postgres set work_mem = '6MB'; create table in_postgres (a int); insert into in_postgres values (1)");
    // The wheel of 18 is built without XML.
    let xml = if server.major == 15 { "'<a b=\"c\">é</a>'" } else { "NULL" };
    server.sql(ODD, &EVERYTHING.replace("'<a b=\"c\">é</a>'", xml));
    server.sql(ODD, "create table owned (a serial); alter table owned owner to grp; grant insert on owned to \"ro'le \"\"x\" with grant option");
    server.sql("postgres", &format!("alter database {0} set default_transaction_read_only = on; alter role grp in database {0} set search_path = ''; grant connect on database {0} to \"ro'le \"\"x\" with grant option; revoke temp on database {0} from public", id(ODD)));
    server.sql("postgres", "create database bare; create database template_like is_template true");
    server.sql("bare", "drop schema public");
}

fn id(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_comes_back_and_is_found_equal() {
    for major in majors() {
        let server = Server::member(major).await;
        fill(&server);
        if major == 15 {
            server.sql("template1", "create extension hstore");
            server.sql("bare", "create schema ext; create extension citext schema ext; create table ext.t (c ext.citext); insert into ext.t values ('Ab')");
        }
        let (dumped, source) = dump(&server).await.unwrap_or_else(|error| panic!("{error}"));
        let said: Vec<String> = dumped.findings.iter().map(|finding| finding.what.key.clone()).collect();
        for key in ["postgresql-unlogged", "postgresql-foreign-tables", "postgresql-refuses-connections"] {
            assert!(said.iter().any(|said| said == key), "{key} is not among {said:?}");
        }
        assert!(!said.iter().any(|said| said == "postgresql-tool-says"), "{:?}", dumped.findings);

        let copy = Server::scratch(major).await;
        let findings = load(&copy, &dumped, &source).await.unwrap_or_else(|error| panic!("{error}"));
        let keys: Vec<&str> = findings.iter().map(|finding| finding.what.key.as_str()).collect();
        assert_eq!(keys, ["postgresql-tablespace-inside"], "{findings:?} on {major}");
        let comparison = compared(&copy, &dumped).await;
        assert_eq!(told(&comparison), Vec::<String>::new(), "on {major}");
        assert!(comparison.by_content > 100 && comparison.rows > 1_500, "{comparison:?}");
        // Nothing fired: what the triggers wrote stands in the backup, and no more.
        let audit = "select count(*) from audit";
        assert_eq!(server.sql(ODD, audit), copy.sql(ODD, audit));
        assert_eq!(copy.sql("postgres", "show statement_timeout"), "90s");
        assert_eq!(copy.sql("postgres", "show work_mem"), "6MB");
        assert!(copy.sql_as("ro'le \"x", "p", ODD, "select 1").is_ok(), "its password came back");
        server.stage.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_as_it_was_is_named() {
    let major = majors()[0];
    let server = Server::member(major).await;
    fill(&server);
    server.sql(
        ODD,
        "set default_transaction_read_only = off; create statistics told_by_name on id, up from deferred",
    );
    let (dumped, source) = dump(&server).await.unwrap();
    let copy = Server::scratch(major).await;
    load(&copy, &dumped, &source).await.unwrap();
    let change = |sql: &str| copy.sql(ODD, &format!("set default_transaction_read_only = off; {sql}"));
    change(
        "drop statistics told_by_name; set session_replication_role = replica; update types set n = 1.500 where n = 1.50; delete from measured where v = 3; drop table empty_one cascade; \
        update deferred set up = 2 where id = 2; alter table parent alter v drop not null; select setval('uncalled', 78, false); \
        revoke insert on owned from \"ro'le \"\"x\"; drop policy mine on secrets; select lo_put(oid, 4999999, 'b') from pg_largeobject_metadata where oid in (select loid from pg_largeobject group by 1 having count(*) > 2)",
    );
    copy.sql("postgres", "revoke grp from \"ro'le \"\"x\"; drop role boss; alter role grp createdb; alter role \"ro'le \"\"x\" password 'other'; alter database bare connection limit 4");
    let told = told(&compared(&copy, &dumped).await);
    let names = |what: &str| told.iter().any(|line| line == what);
    for what in [
        format!("Content table {ODD}.public.types"),
        format!("Count {{ original: 901, copy: 900 }} table {ODD}.public.measured"),
        format!("Missing table {ODD}.public.empty_one"),
        format!("Content table {ODD}.public.deferred"),
        format!("Content table-definition {ODD}.public.parent"),
        format!("Content sequence {ODD}.public.uncalled"),
        format!("Content table-definition {ODD}.public.owned"),
        format!("Content table-definition {ODD}.public.secrets"),
        format!("Content large-objects {ODD}"),
        format!("Missing statistics {ODD}.public.told_by_name"),
        "Missing membership grp.ro'le \"x".to_owned(),
        "Missing role boss".to_owned(),
        "Content role grp".to_owned(),
        "Content role-password ro'le \"x".to_owned(),
        "Content database bare".to_owned(),
    ] {
        assert!(names(&what), "{what} is not among {told:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_stream_and_a_foreign_one_are_refused() {
    let major = majors()[0];
    let server = Server::member(major).await;
    server.sql("postgres", "create table t as select i, repeat('x', 1000) from generate_series(1, 5000) i");
    let (dumped, source) = dump(&server).await.unwrap();
    let stream = "database/postgres.dump";
    let whole = source.bytes(stream);
    for (what, bytes) in
        [("half", whole[..whole.len() / 2].to_vec()), ("nothing", vec![]), ("noise", vec![7; 9000])]
    {
        let copy = Server::scratch(major).await;
        let damaged = source.with(stream, bytes);
        assert!(load(&copy, &dumped, &damaged).await.is_err(), "{what}");
    }
    let copy = Server::scratch(major).await;
    source.damage(stream, |bytes| {
        let last = bytes.len() - 2_000_000;
        bytes[last] ^= 1;
    });
    assert_eq!(load(&copy, &dumped, &source).await.unwrap_err().kind, Kind::Corrupt);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_extension_of_another_version_is_told() {
    let server = Server::member(15).await;
    server.sql("postgres", "create extension pg_stat_statements version '1.9'; create extension hstore");
    let (dumped, source) = dump(&server).await.unwrap();
    assert!(dumped.findings.iter().any(|finding| finding.what.key == "postgresql-extension-versions"));
    let copy = Server::scratch(15).await;
    let findings = load(&copy, &dumped, &source).await.unwrap_or_else(|error| panic!("{error}"));
    let told: Vec<String> = findings.iter().map(|finding| finding.what.to_string()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    for word in ["postgresql-extension-other", "pg_stat_statements", "1.9", "1.10"] {
        assert!(told[0].contains(word), "{word} is not in {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_search_path_makes_unloadable_is_named_at_backup_and_told_at_load() {
    let server = Server::member(15).await;
    server.sql(
        "postgres",
        "create table rate (r numeric); insert into rate values (2);
         create function fine() returns numeric language sql stable set search_path = public as 'select max(r) from rate';
         create function whole() returns numeric language sql stable as 'select max(r) from public.rate';
         create function harmless(i int) returns int language sql immutable as 'select i + 1';
         create table t (i int, g int generated always as (harmless(i)) stored); insert into t values (1);
         create materialized view good as select fine() + whole() as r",
    );
    let named = |dumped: &Dumped| {
        let all = dumped.findings.iter().filter(|finding| finding.what.key == "postgresql-search-path");
        all.map(|finding| finding.what.to_string()).collect::<Vec<_>>()
    };
    let (dumped, source) = dump(&server).await.unwrap();
    assert_eq!(named(&dumped), Vec::<String>::new());
    load(&Server::scratch(15).await, &dumped, &source).await.unwrap_or_else(|error| panic!("{error}"));
    server.sql(
        "postgres",
        "create function by_path() returns numeric language sql stable as 'select max(r) from rate';
         create materialized view bad as select by_path() as r",
    );
    let (dumped, source) = dump(&server).await.unwrap();
    let told = named(&dumped);
    assert!(told.len() == 1 && told[0].contains("public.by_path()") && !told[0].contains("fine"), "{told:?}");
    let error = load(&Server::scratch(15).await, &dumped, &source).await.expect_err("the tool's known loss");
    assert!(error.causes.iter().any(|line| line.contains("rate")), "{error:?}");
    assert_eq!(error.cure.map(|cure| cure.key), Some("postgresql-load-search-path-cure".to_owned()));
}

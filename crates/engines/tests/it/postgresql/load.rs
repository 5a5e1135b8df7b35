//! What is no archive of the vendor's is not loaded; what the vendor's tool loses or changes is told.

use roadstead_core::{
    Finding, Result,
    port::{ambient::Unwatched, engine::Purpose, vault::Dumped},
};
use roadstead_testkit::{memory::MemorySource, stage::Place};

use super::server::{Postgresql, majors};
use crate::server::{Server, cluster, layout};

async fn restored(dumped: &Dumped, source: &MemorySource) -> Result<(Server<Postgresql>, Vec<Finding>)> {
    Server::restored(majors()[0], Purpose::Scratch, (dumped, source), &Unwatched).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_stream_and_a_foreign_one_are_refused() {
    let subject = majors()[0];
    let server = Server::member(subject).await;
    server.sql("postgres", "create table t as select i, repeat('x', 1000) from generate_series(1, 5000) i");
    let (dumped, source) = server.dump().await;
    for (what, bytes) in [("nothing", vec![]), ("noise", vec![7; 9000])] {
        let foreign = source.with("database/postgres.dump", bytes);
        let made =
            Server::<Postgresql>::restored(subject, Purpose::Scratch, (&dumped, &foreign), &Unwatched).await;
        assert!(made.is_err(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_extension_of_another_version_is_told() {
    let server = Server::member(majors()[0]).await;
    server.sql("postgres", "create extension pg_stat_statements version '1.9'; create extension hstore");
    let (dumped, source) = server.dump().await;
    assert!(dumped.findings.iter().any(|finding| finding.what.key == "postgresql-extension-versions"));
    let (_, findings) = restored(&dumped, &source).await.unwrap_or_else(|error| panic!("{error}"));
    let told: Vec<String> = findings.iter().map(|finding| finding.what.to_string()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    for word in ["postgresql-extension-other", "pg_stat_statements", "1.9", "1.10"] {
        assert!(told[0].contains(word), "{word} is not in {told:?}");
    }
}

/// What the original's sessions find by their path, when a load computes it anew.
const BY_PATH: &str = "create function fold(text) returns text language sql immutable as 'select translate($1, ''é'', ''e'')';
    create function plain(text) returns text language sql immutable as 'select fold($1)';
    create function plainly(text) returns text language plpgsql immutable as 'begin return plain($1); end';
    create table made (name text, g text generated always as (plainly(name)) stored); insert into made values ('é');
    create domain tidy as text check (plainly(value) = value); create table kept (name tidy); insert into kept values ('e')";

/// Servers from 17 on empty the path themselves while they build these.
const BY_PATH_BEFORE_17: &str = "create role app; alter role app set search_path = \"$user\", 'odd ''one';
    create schema app authorization app; create schema \"odd 'one\"; create table \"odd 'one\".rate (r numeric);
    insert into \"odd 'one\".rate values (2); create table app.own (r numeric); insert into app.own values (3);
    create type app.kind as enum ('a', 'b'); grant all on schema \"odd 'one\" to app;
    grant all on all tables in schema \"odd 'one\" to app; alter table app.own owner to app;
    create extension cube; create extension earthdistance; create extension unaccent;
    create function unaccented(text) returns text language sql immutable as 'select unaccent($1)';
    create table places (lat float8, lon float8, name text); insert into places select i, i, 'é' || i from generate_series(1, 50) i;
    create index on places using gist (ll_to_earth(lat, lon)); create index on places (unaccented(name)) where plainly(name) <> '';
    create view seen as select * from places;
    create function above_all(i int) returns int language sql immutable set work_mem = '8MB' as 'select count(*)::int + $1 from seen';
    create materialized view counted as select above_all(1) as n; set role app; set search_path = app, \"odd 'one\";
    create function of_role() returns numeric language sql stable as 'select (select r from rate) + (select r from own)';
    create function kind_of(text) returns kind language sql immutable as 'select $1::kind';
    create materialized view app.by_role as select of_role() as r;
    create index on app.own ((kind_of(case when r > 5 then 'a' else 'b' end)))";

/// Everything is found, and nothing is left of how.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_that_need_the_search_path_are_loaded_and_proven() {
    for subject in majors() {
        let server = Server::member(subject).await;
        server.sql("postgres", BY_PATH);
        let paths = "select format('%s %s', count(*) filter (where p like 'search_path=%'), count(*)) \
            from pg_proc, unnest(proconfig) p where oid >= 16384";
        let is_before_17 = subject.major < 17;
        if is_before_17 {
            server.sql("postgres", BY_PATH_BEFORE_17);
        }
        let (dumped, source) = server.dump().await;
        let made = Server::restored(subject, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
        let (copy, findings) = made.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(findings, []);
        assert_eq!(copy.differences(&dumped).await, [""; 0]);
        assert_eq!(copy.sql("postgres", paths), if is_before_17 { "0 1" } else { "0 0" });
        assert_eq!(copy.sql("postgres", "select g from made"), "e");
        if is_before_17 {
            let computed = "select format('%s %s', (select r from app.by_role), (select n from counted))";
            assert_eq!(copy.sql("postgres", computed), "5 51");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_path_makes_loadable_is_told() {
    let server = Server::member(majors()[0]).await;
    server.sql(
        "postgres",
        "create schema elsewhere; create table elsewhere.rate (r numeric); insert into elsewhere.rate values (2);
         set search_path = public, elsewhere;
         create function by_path() returns numeric language sql stable as 'select max(r) from rate';
         create materialized view bad as select by_path() as r",
    );
    let (dumped, source) = server.dump().await;
    let error = restored(&dumped, &source).await.map(drop).expect_err("no setting leads there");
    assert!(error.causes.iter().any(|line| line.contains("rate")), "{error:?}");
    assert_eq!(error.cure.map(|cure| cure.key), Some("postgresql-load-search-path-cure".to_owned()));
}

/// One table a tenant: what such a function finds depends on who asks, and a wrong index is worse than none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_is_not_lent_where_several_schemas_have_the_name() {
    let server = Server::member(majors()[0]).await;
    server.sql(
        "postgres",
        "create schema t1; create function clean(text) returns text language sql immutable as 'select lower($1)';
         create function t1.clean(text) returns text language sql immutable as 'select upper($1)';
         create function norm(text) returns text language plpgsql immutable as 'begin return clean($1); end';
         create function around(text) returns text language plpgsql immutable as 'begin return public.norm($1); end';
         create function only_one(text) returns text language plpgsql immutable as 'begin return trimmed($1); end';
         create function trimmed(text) returns text language sql immutable as 'select btrim($1)';
         set search_path = t1, public; create table t1.people (name text); insert into people values ('Bob');
         create index on people (only_one(name)); create index on people (around(name))",
    );
    let (dumped, source) = server.dump().await;
    let named = told(&dumped.findings, "postgresql-search-path");
    assert!(named.len() == 1 && named[0].contains("public.around(text)"), "{named:?}");
    assert!(
        !named[0].contains("only_one") && !named[0].contains("norm"),
        "not used, or of one schema: {named:?}"
    );
    let error = restored(&dumped, &source).await.map(drop).expect_err("no index rather than a wrong one");
    assert!(error.causes.iter().any(|line| line.contains("clean")), "{error:?}");
    server.sql("postgres", "alter function norm(text) set search_path = t1, public");
    let (dumped, source) = server.dump().await;
    assert_eq!(told(&dumped.findings, "postgresql-search-path"), [""; 0]);
    restored(&dumped, &source).await.unwrap_or_else(|error| panic!("{error}"));
}

fn told(findings: &[Finding], key: &str) -> Vec<String> {
    findings
        .iter()
        .filter(|finding| finding.what.key == key)
        .map(|finding| finding.what.to_string())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_that_look_elsewhere_are_loaded_and_violations_are_told() {
    for subject in majors() {
        let server = Server::member(subject).await;
        server.sql(
            "postgres",
            "create table t (a int); insert into t values (1);
             create function by_path(int) returns bool language sql as 'select exists(select 1 from t where a = $1)';
             create function whole(int) returns bool language sql as 'select exists(select 1 from public.t where a = $1)';
             create table unasked (a int check (by_path(a))); insert into unasked values (1);
             create table violated (a int check (whole(a))); insert into violated values (1);
             create table asked (a int check (whole(a))); insert into asked values (1);
             insert into t values (2); insert into violated values (2); delete from t where a = 2",
        );
        let (dumped, source) = server.dump().await;
        let made = Server::restored(subject, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
        let (copy, findings) = made.unwrap_or_else(|error| panic!("{error}"));
        let violated = told(&findings, "postgresql-constraint-violated");
        assert_eq!((violated.len(), findings.len()), (1, 1), "{findings:?}");
        assert!(violated[0].contains("violated") && violated[0].contains("23514"), "{violated:?}");
        assert_eq!(copy.differences(&dumped).await, [""; 0]);
    }
}

/// Rows that their constraints would not take today: time went on, sessions had other settings, or nobody looked.
const UNCHECKED: &str = "create table t (a int primary key); insert into t values (1), (2);
    create function known(int) returns bool language sql as 'select exists(select 1 from public.t where a = $1)';
    create function timely(timestamptz) returns bool language sql as 'select $1 > now()';
    create operator <<<! (function = timely, rightarg = timestamptz);
    create table soon (at timestamptz constraint later check (at > now()), by_operator timestamptz check (<<<! by_operator));
    insert into soon select s, s from (select now() + interval '300 ms') x(s);
    create domain future as timestamptz check (value > current_timestamp); create domain known_id as int constraint k check (known(value));
    comment on constraint k on domain known_id is 'a domain''s';
    create table of_domains (a future, b known_id, c known_id[]); insert into of_domains select now() + interval '300 ms', 2, '{2}';
    create type pair as (x known_id, y int); create table of_pairs (p pair); insert into of_pairs values (row(2, 0));
    set timezone = 'Asia/Shanghai'; set datestyle = 'SQL, DMY'; set my.today = '2026-01-01';
    create table zoned (at timestamptz check (at::date = '2026-01-01'), shown date check (shown::text = '01/02/2026'),
      by_setting date check (by_setting = current_setting('my.today')::date));
    insert into zoned values ('2026-01-01 00:30', '2026-02-01', '2026-01-01');
    create table widened (a int, constraint whole check (widened is not null)); insert into widened values (1); alter table widened add b int;
    create table top (a int constraint c check (known(a)), constraint own check (known(a) or a = 2) no inherit);
    create table middle (a int constraint c check (known(a))); create table bottom () inherits (middle);
    alter table middle inherit top; create table plain () inherits (top); insert into bottom values (2); insert into plain values (2);
    comment on constraint c on middle is 'merged';
    create table parts (a int constraint c check (known(a))) partition by list (a); create table part partition of parts for values in (1, 2);
    insert into parts values (2); delete from t where a = 2;
    create table split (a int primary key) partition by range (a); create table split_1 partition of split for values from (0) to (10);
    insert into split values (1); set session_replication_role = replica;
    create table \"re;ferring\" (a int constraint \"f;k\" references t deferrable initially deferred, b int references t on delete set null,
      c int references split, d int);
    insert into \"re;ferring\" values (9, 1, 8, 7);
    alter table \"re;ferring\" add constraint never foreign key (d) references t not valid, add constraint not_yet check (d < now()::text::int) not valid;
    comment on constraint \"f;k\" on \"re;ferring\" is 'of a key'; select pg_sleep(0.4)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_nobody_checked_come_back_with_their_constraints() {
    for subject in majors() {
        let server = Server::member(subject).await;
        server.sql("postgres", UNCHECKED);
        let (dumped, source) = server.dump().await;
        let made = Server::restored(subject, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
        let (copy, findings) = made.unwrap_or_else(|error| panic!("{error}\n{:?}", error.causes));
        assert_eq!(copy.differences(&dumped).await, [""; 0]);
        let all = "select conrelid::regclass::text, contypid::regtype::text, conname, convalidated, conislocal, coninhcount, \
            coalesce(obj_description(oid, 'pg_constraint'), '-') from pg_constraint where oid >= 16384 order by 1, 2, 3";
        assert_eq!(copy.sql("postgres", all), server.sql("postgres", all));
        let keys: std::collections::BTreeSet<_> = findings.iter().map(|f| f.what.key.as_str()).collect();
        assert_eq!(
            keys.into_iter().collect::<Vec<_>>(),
            ["postgresql-constraint-unasked", "postgresql-constraint-violated"]
        );
        let violated = told(&findings, "postgresql-constraint-violated").join("\n");
        for name in ["later", "future", "zoned", "whole", "public.parts", "public.top c", "\"f;k\"", "split"]
        {
            assert!(violated.contains(name), "{name} is not in {violated}");
        }
        for row in [
            "soon values (now() - interval '1 day')",
            "of_domains values (now() - interval '1 day')",
            "parts values (2)",
            "bottom values (2)",
            "\"re;ferring\" values (9)",
            "\"re;ferring\" values (null, null, 9)",
            "widened values (1)",
        ] {
            let user = &copy.link.user;
            assert!(
                copy.sql_as(user, crate::server::PASSWORD, "postgres", &format!("insert into {row}"))
                    .is_err(),
                "{row}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partitioned_tables_foreign_key_that_rows_violate_is_told() {
    for subject in majors() {
        let server = Server::member(subject).await;
        server.sql(
            "postgres",
            "create table t (a int primary key); create table parts (a int constraint fk references t) partition by list (a);
             create table part partition of parts default; set session_replication_role = replica; insert into parts values (7)",
        );
        let (dumped, source) = server.dump().await;
        let made = Server::restored(subject, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
        if subject.major >= 18 {
            let (copy, findings) = made.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(told(&findings, "postgresql-constraint-violated").len(), 1, "{findings:?}");
            assert_eq!(copy.differences(&dumped).await, [""; 0]);
        } else {
            let error = made.map(drop).expect_err("it can be added neither asked nor unasked");
            assert!(error.what.to_string().contains("fk"), "{error:?}");
            assert_eq!(
                error.cure.map(|cure| cure.key),
                Some("postgresql-constraint-partitioned-cure".to_owned())
            );
        }
    }
}

/// Values that are equal and not the same, and of every kind one whose bytes a load changes while it stays the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_look_alike_are_told_apart() {
    for subject in majors() {
        let server = Server::member(subject).await;
        server.sql(
            "postgres",
            "create table v (f real, d float8, n numeric, c char(5), j json, b jsonb, i interval, z timetz);
             insert into v values (0, 0, 1.0, 'é', '{\"a\":1}', '{\"a\":1}', '1 day', '10:00+00'),
               ('inf'::real - 'inf'::real, 'inf'::float8 - 'inf'::float8, 'NaN', '', '[]', '[]', '0', '00:00+14'),
               (null, null, null, null, null, null, null, null)",
        );
        let (dumped, source) = server.dump().await;
        let made = Server::restored(subject, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
        let (copy, _) = made.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(copy.differences(&dumped).await, [""; 0]);
        for (column, other, back) in [
            ("f", "'-0'", "0"),
            ("d", "'-0'", "0"),
            ("n", "1.00", "1.0"),
            ("c", "'e'", "'é'"),
            ("j", "'{\"a\": 1}'", "'{\"a\":1}'"),
            ("b", "'{\"a\":1.0}'", "'{\"a\":1}'"),
            ("i", "'24:00:00'", "'1 day'"),
            ("z", "'11:00+01'", "'10:00+00'"),
        ] {
            let set = |value| {
                copy.sql(
                    "postgres",
                    &format!("update v set {column} = {value} where j is not null and j::text <> '[]'"),
                )
            };
            set(other);
            assert_eq!(copy.differences(&dumped).await, ["Content table postgres.public.v"], "{column}");
            set(back);
            assert_eq!(copy.differences(&dumped).await, [""; 0], "{column}");
        }
        copy.sql("postgres", "update v set c = null where c = ''");
        assert_eq!(copy.differences(&dumped).await, ["Content table postgres.public.v"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_text_come_back_where_the_database_takes_them() {
    for subject in majors() {
        let server = Server::member(subject).await;
        let made =
            "create database bytes encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'";
        server.sql(
            "postgres",
            &format!("{made}{}", if subject.major >= 17 { " locale_provider libc" } else { "" }),
        );
        server.sql(
            "bytes",
            "create table t (a text, c char(6)); insert into t values (E'\\xe9\\xff', E'\\xe9'), ('é', 'é '), (null, '')",
        );
        let (dumped, source) = server.dump().await;
        let made = Server::restored(subject, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
        let (copy, _) = made.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(copy.differences(&dumped).await, [""; 0]);
        let bytes = "select string_agg(encode(a::bytea, 'hex'), ' ' order by a) from t";
        assert_eq!(copy.sql("bytes", bytes), server.sql("bytes", bytes));
        copy.sql("bytes", "update t set c = E'\\xe8' where a = E'\\xe9\\xff'");
        assert_eq!(copy.differences(&dumped).await, ["Content table bytes.public.t"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_tools_take_for_the_servers_own_is_named_at_backup() {
    let server = Server::member(majors()[0]).await;
    server.sql("postgres", "create extension hstore; create extension btree_gist; create extension btree_gin; create extension citext");
    server.sql(
        "postgres",
        "create extension intarray; create extension ltree; create extension isn; create extension cube",
    );
    let (dumped, _) = server.dump().await;
    for key in ["postgresql-strays", "postgresql-extension-rows"] {
        assert_eq!(told(&dumped.findings, key), [""; 0], "a server as it was made");
    }
    server.sql(
        "postgres",
        "create function pg_catalog.my_helper() returns int language sql as 'select 1'; create table information_schema.sneaky (a int);
         alter text search configuration pg_catalog.english drop mapping for asciiword;
         create function below(int, text) returns bool language sql immutable as 'select $1 < $2::int';
         create operator <<<< (leftarg = int, rightarg = text, function = below);
         alter operator family integer_ops using btree add operator 1 <<<< (int, text);
         create table hs (a int); alter extension hstore add table hs; insert into hs values (1)",
    );
    let (dumped, _) = server.dump().await;
    let strays = told(&dumped.findings, "postgresql-strays").join(" ");
    let added = "operator 1 (integer, pg_catalog.text) of pg_catalog.integer_ops USING btree";
    for name in ["pg_catalog.my_helper", "information_schema.sneaky", "pg_catalog.english", added] {
        assert!(strays.contains(name), "{name} is not in {strays}");
    }
    assert!(told(&dumped.findings, "postgresql-extension-rows").join(" ").contains("public.hs"));
}

/// The first superuser owns every parameter, and has granted what others granted in the original.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_on_parameters_come_back_whatever_the_first_superuser_is_called() {
    for subject in majors() {
        let (cluster, place) = (cluster(subject), Place::new());
        let mut layout = layout::<Postgresql>(&cluster, &place, Purpose::Member);
        for arg in layout.create[0].args.iter_mut().filter(|arg| arg.starts_with("--username=")) {
            *arg = "--username=app".to_owned();
        }
        layout.admin = "app".to_owned();
        let mut server = Server::begin(subject, place, &layout, cluster).await;
        server.ready().await;
        server.sql(
            "postgres",
            "create role dev; create role lead; grant set on parameter log_min_messages to dev;
             grant set on parameter log_statement to lead with grant option;
             grant alter system on parameter log_statement to public;
             set role lead; grant set on parameter log_statement to dev; reset role;
             revoke set on parameter work_mem from app",
        );
        let (dumped, source) = server.dump().await;
        let made = Server::restored(subject, Purpose::Scratch, (&dumped, &source), &Unwatched).await;
        let (copy, _) = made.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(copy.differences(&dumped).await, [""; 0], "{subject:?}");
        assert_eq!(server.differences(&dumped).await, [""; 0], "{subject:?}: the original is itself");
        let may = "select has_parameter_privilege('dev', 'log_statement', 'set')";
        assert_eq!(copy.sql("postgres", may), "t", "{subject:?}");
        copy.sql("postgres", "revoke grant option for set on parameter log_statement from lead");
        let less = ["Content parameter-rights log_statement"];
        assert_eq!(copy.differences(&dumped).await, less, "{subject:?}");
    }
}

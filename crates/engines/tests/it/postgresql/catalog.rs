//! Owners, rights and parts of rarer objects: a copy has them, and one that lacks any is told by name.

use roadstead_core::port::{ambient::Unwatched, engine::Purpose, vault::Dumped};
use roadstead_testkit::memory::{MemorySink, MemorySource};

use super::server::{Postgresql, majors};
use crate::server::{Server, dump};

const RARE: &str = "create role one; create role two; create role root superuser; create schema s;
    create table t (a int primary key, b int);
    create foreign data wrapper w options (z '1', a '2'); create server far foreign data wrapper w;
    grant usage on foreign data wrapper w to one with grant option; alter foreign data wrapper w owner to root;
    grant usage on foreign server far to one; alter server far owner to two;
    create user mapping for one server far options (user 'u', password 'hidden');
    create publication news for table t; alter publication news owner to two;
    create subscription heard connection 'host=nowhere password=hidden' publication b, a with (connect = false,
      slot_name = 'slot', streaming = on, two_phase = on, disable_on_error = on, binary = on, synchronous_commit = local);
    alter subscription heard owner to root;
    create collation plain (provider = libc, locale = 'C'); alter collation plain owner to two;
    create operator === (leftarg = int, rightarg = int, function = int4eq); alter operator === (int, int) owner to two;
    create operator family family using btree; alter operator family family using btree owner to two;
    alter operator family family using btree add operator 1 <(int, int), operator 1 <(int, int8), function 1 btint4cmp(int, int);
    create operator class class for type int using hash as operator 1 ===, function 1 hashint4(int);
    alter operator class class using hash owner to two;
    create text search dictionary dictionary (template = simple, accept = false); alter text search dictionary dictionary owner to two;
    create text search configuration configuration (copy = simple); alter text search configuration configuration owner to two;
    create function nothing() returns event_trigger language plpgsql as 'begin end';
    create event trigger event on ddl_command_end when tag in ('DROP TABLE', 'ALTER TABLE') execute function nothing();
    alter event trigger event owner to root;
    create conversion converted for 'UTF8' to 'LATIN1' from utf8_to_iso8859_1; alter conversion converted owner to two;
    create statistics together on a, b from t; alter statistics together owner to two;
    create function handler() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';
    create trusted language mine handler handler;
    revoke usage on language mine from public; grant usage on language mine to one; alter language mine owner to two;
    revoke usage on language plpgsql from public; grant usage on language plpgsql to one";

/// What is done to the copy, and what that makes differ.
const HARMS: &[(&str, &str)] = &[
    ("revoke grant option for usage on foreign data wrapper w from one", "foreign-data-wrapper postgres.w"),
    ("revoke usage on foreign server far from one", "foreign-server postgres.far"),
    ("alter user mapping for one server far options (set password 'other')", "user-mapping postgres.far.one"),
    ("alter publication news owner to one", "publication postgres.news"),
    ("alter subscription heard connection 'host=elsewhere'", "subscription postgres.heard"),
    ("alter collation plain owner to one", "collation postgres.public.plain"),
    ("alter operator === (int, int) owner to one", "operator postgres.public.===(integer,integer)"),
    (
        "alter operator family family using btree drop operator 1 (int, int8)",
        "operator-family postgres.public.family USING btree",
    ),
    ("alter operator class class using hash owner to one", "operator-class postgres.public.class USING hash"),
    (
        "alter text search dictionary dictionary owner to one",
        "text-search-dictionary postgres.public.dictionary",
    ),
    (
        "alter text search configuration configuration owner to one",
        "text-search-configuration postgres.public.configuration",
    ),
    ("alter event trigger event owner to postgres", "event-trigger postgres.event"),
    ("alter conversion converted owner to one", "conversion postgres.public.converted"),
    ("alter statistics together owner to one", "statistics postgres.public.together"),
    ("grant usage on language mine to public", "language postgres.mine"),
    ("grant usage on language plpgsql to public", "extension-rights postgres.language.plpgsql"),
];

/// What belongs to an extension, made by somebody who is not the copy's administrator.
const EXTENDED: &str = "set role root; create extension postgres_fdw; create extension pg_stat_statements; create extension hstore;
    reset role; alter default privileges grant select on tables to one;
    create role maker superuser; set role maker; create extension pg_buffercache; reset role; reassign owned by maker to one;
    create schema later; create extension pg_freespacemap schema later;
    grant usage on foreign data wrapper postgres_fdw to one; revoke select on pg_stat_statements from public;
    grant select (query) on pg_stat_statements to two; revoke execute on function pg_stat_statements_reset from root;
    revoke execute on function akeys(hstore) from public; grant execute on function akeys(hstore) to one;
    revoke usage on type hstore from public";

const EXTENDED_HARMS: &[(&str, &str)] = &[
    (
        "revoke usage on foreign data wrapper postgres_fdw from one",
        "extension-rights postgres.foreign-data wrapper.postgres_fdw",
    ),
    (
        "revoke select (query) on pg_stat_statements from two",
        "extension-rights postgres.view column.public.pg_stat_statements.query",
    ),
    (
        "grant execute on function akeys(hstore) to public",
        "extension-rights postgres.function.public.akeys(public.hstore)",
    ),
    ("grant usage on type hstore to public", "extension-rights postgres.type.public.hstore"),
];

/// The same of what there is for 18.
const VECTOR: &str = "set role root; create extension vector; reset role;
    revoke execute on function l2_distance(vector, vector) from public";
const VECTOR_HARMS: &[(&str, &str)] = &[(
    "grant execute on function l2_distance(vector, vector) to public",
    "extension-rights postgres.function.public.l2_distance(public.vector,public.vector)",
)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_rights_and_parts_of_rare_objects_are_restored_and_compared() {
    for subject in majors() {
        let server = Server::member(subject).await;
        server.sql("postgres", RARE);
        // The wheel of 18 brings another extension.
        let (made, harms) =
            if subject.major == 15 { (EXTENDED, EXTENDED_HARMS) } else { (VECTOR, VECTOR_HARMS) };
        server.sql("postgres", made);
        server.sql("postgres", "create role keeper login password 'k'; grant pg_read_all_data to keeper");
        let restored = async |(dumped, source): (&Dumped, &MemorySource)| {
            let made = Server::restored(subject, Purpose::Scratch, (dumped, source), &Unwatched).await;
            let (copy, _) = made.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(copy.differences(dumped).await, [""; 0], "{subject:?}");
            copy
        };
        // Not all is told to an account that is no superuser; its backup lacks it, and so does what is compared.
        let mut sink = MemorySink::default();
        let link = server.link_as("keeper", "k");
        let dumped = dump::<Postgresql>(&link, &server.cluster, &mut sink, &Unwatched).await;
        restored((&dumped.unwrap_or_else(|error| panic!("{error}")), &sink.source())).await;
        let (dumped, source) = server.dump().await;
        let copy = restored((&dumped, &source)).await;
        let harms: Vec<_> = HARMS.iter().chain(harms).collect();
        for (harm, _) in &harms {
            copy.sql("postgres", harm);
        }
        let told = copy.differences(&dumped).await.into_iter();
        let mut told: Vec<_> = told
            .map(|line| line.split_once(' ').map_or(String::new(), |(_, rest)| rest.to_owned()))
            .collect();
        let mut expected: Vec<_> = harms.iter().map(|(_, line)| (*line).to_owned()).collect();
        told.sort();
        expected.sort();
        assert_eq!(told, expected, "{subject:?}");
    }
}

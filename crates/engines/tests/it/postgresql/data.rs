//! Every type and every kind of object, in databases, schemas and columns with odd names.

use super::server::Postgresql;
use crate::{conformance::skipped, server::Server, subject::Subject as _};

const EVERYTHING: &str = include_str!("everything.sql");
/// A database whose name others take for a connection string.
pub(crate) const ODD: &str = "odd=name 'host=evil' \"q\" \\ %2F é";

pub(crate) fn fill(server: &Server<Postgresql>) {
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
    // The wheel of 18 is built without XML, and brings other extensions.
    let is_full = server.subject.major == 15;
    let xml = if is_full { "'<a b=\"c\">é</a>'" } else { "NULL" };
    server.sql(ODD, &EVERYTHING.replace("'<a b=\"c\">é</a>'", xml));
    server.sql(ODD, "create table owned (a serial); alter table owned owner to grp; grant insert on owned to \"ro'le \"\"x\" with grant option; create statistics told_by_name on id, up from deferred");
    server.sql("postgres", &format!("alter database {0} set default_transaction_read_only = on; alter role grp in database {0} set search_path = ''; grant connect on database {0} to \"ro'le \"\"x\" with grant option; revoke temp on database {0} from public", id(ODD)));
    server.sql("postgres", "create database bare; create database template_like is_template true");
    server.sql("bare", "drop schema public");
    if is_full {
        server.sql("template1", "create extension hstore");
        server.sql("bare", "create schema ext; create extension citext schema ext; create table ext.t (c ext.citext); insert into ext.t values ('Ab')");
    } else {
        let why = "this build of the server lacks them";
        skipped(&server.subject.title(), "a value of type xml, the extensions hstore and citext", why);
    }
}

fn id(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

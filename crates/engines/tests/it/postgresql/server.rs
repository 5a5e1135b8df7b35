//! Two versions as subjects of the tests, and the vendor's client.

use std::{path::PathBuf, process::Command, time::Duration};

use roadstead_core::{
    Finding, Version,
    model::ClusterSpec,
    port::{Layout, layout::Endpoint, vault::Dumped},
};
use roadstead_testkit::place;

use super::data::{self, ODD};
use crate::{
    conformance::skipped,
    server::{PASSWORD, Server},
    subject::{Certificate, Harm, Subject, What, with_lines},
};

/// A server of one major version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Postgresql {
    pub(crate) major: u32,
}

const ALL: [Postgresql; 2] = [Postgresql { major: 15 }, Postgresql { major: 18 }];

/// The versions that are on this machine; the others are told as skipped.
pub(crate) fn majors() -> Vec<Postgresql> {
    let (here, missing): (Vec<_>, Vec<_>) =
        ALL.into_iter().partition(|subject| subject.folder().join("postgres").exists());
    for subject in missing {
        skipped(&subject.title(), "everything", "it is not on this machine (cargo xtask servers)");
    }
    assert!(!here.is_empty(), "no PostgreSQL on this machine: cargo xtask servers");
    here
}

impl Postgresql {
    fn folder(self) -> PathBuf {
        match self.major {
            15 => place::postgresql_15(),
            major => place::servers().join(format!("postgresql-{major}/bin")),
        }
    }
}

impl Subject for Postgresql {
    const ENGINE: &'static str = "postgresql";
    const BULK: &'static str = "database/postgres.dump";
    const PATIENCE: Duration = Duration::from_mins(1);
    // A session there has the database open, so that it cannot be made anew in another shape.
    const KEPT: &'static [&'static str] = &["Content database postgres"];

    fn title(self) -> String {
        format!("postgresql {}", self.major)
    }

    fn version(self) -> Option<Version> {
        Some(Version { parts: vec![self.major] })
    }

    fn folders() -> Vec<PathBuf> {
        ALL.map(Self::folder).into()
    }

    fn encrypted(
        self,
        layout: Layout,
        cluster: &ClusterSpec,
        certificate: &Certificate,
    ) -> Option<(Layout, u16)> {
        let lines = format!(
            "ssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'",
            certificate.server, certificate.key
        );
        // The wheel of 18 is built without OpenSSL.
        let with_tls = || (with_lines(layout, "postgresql.conf", &lines), cluster.first().endpoint().1);
        (self.major == 15).then(with_tls)
    }

    async fn fill(server: &Server<Self>) {
        data::fill(server);
    }

    async fn fill_bulk(server: &Server<Self>) {
        let rows = "select i, repeat(md5(i::text), 20) as v from generate_series(1, 90000) i";
        server.sql("postgres", &format!("create table bulk as {rows}"));
    }

    fn harms() -> Vec<Harm> {
        use What::{AccountMissing, ItemAltered, ItemMissing, ObjectMissing, Other};
        let odd = |how: &str, rest: &str| format!("{how} {ODD}{rest}");
        let objects = "select lo_put(oid, 4999999, 'b') from pg_largeobject_metadata \
            where oid in (select loid from pg_largeobject group by 1 having count(*) > 2)";
        vec![
            Harm::new(
                ItemAltered,
                "update types set n = 1.500 where n = 1.50",
                odd("Content table", ".public.types"),
            ),
            Harm::new(
                ItemAltered,
                "update deferred set up = 2 where id = 2",
                odd("Content table", ".public.deferred"),
            ),
            Harm::new(
                ItemMissing,
                "delete from measured where v = 3",
                odd("Count { original: 901, copy: 900 } table", ".public.measured"),
            ),
            Harm::new(
                ObjectMissing,
                "drop table empty_one cascade",
                odd("Missing table", ".public.empty_one"),
            ),
            Harm::new(AccountMissing, "drop role boss", "Missing role boss"),
            Harm::new(
                Other,
                "drop statistics told_by_name",
                odd("Missing statistics", ".public.told_by_name"),
            ),
            Harm::new(
                Other,
                "alter table parent alter v drop not null",
                odd("Content table-definition", ".public.parent"),
            ),
            Harm::new(
                Other,
                "select setval('uncalled', 78, false)",
                odd("Content sequence", ".public.uncalled"),
            ),
            Harm::new(
                Other,
                "revoke insert on owned from \"ro'le \"\"x\"",
                odd("Content table-definition", ".public.owned"),
            ),
            Harm::new(
                Other,
                "drop policy mine on secrets",
                odd("Content table-definition", ".public.secrets"),
            ),
            Harm::new(Other, objects, odd("Content large-objects", "")),
            Harm::new(Other, "revoke grp from \"ro'le \"\"x\"", "Missing membership grp.ro'le \"x"),
            Harm::new(Other, "alter role grp createdb", "Content role grp"),
            Harm::new(
                Other,
                "alter role \"ro'le \"\"x\" password 'other'",
                "Content role-password ro'le \"x",
            ),
            Harm::new(Other, "alter database bare connection limit 4", "Content database bare"),
        ]
    }

    async fn harm(server: &Server<Self>, act: &str) {
        let first = "set default_transaction_read_only = off; set session_replication_role = replica";
        server.sql(ODD, &format!("{first}; {act}"));
    }

    const INTRUSIONS: &'static [(&'static str, &'static str, &'static str)] = &[
        ("create table public.intruder (i int)", "drop table public.intruder", "intruder"),
        ("create view public.intruder as select 1 as one", "drop view public.intruder", "intruder"),
        ("create sequence public.intruder", "drop sequence public.intruder", "intruder"),
        ("create type public.intruder as enum ('a')", "drop type public.intruder", "intruder"),
        (
            "create function public.intruder() returns int language sql as 'select 1'",
            "drop function public.intruder()",
            "intruder",
        ),
        ("create schema intruder", "drop schema intruder", "intruder"),
        ("select lo_create(424242)", "select lo_unlink(424242)", "424242"),
        ("create database intruder", "drop database intruder", "intruder"),
    ];

    async fn intrude(server: &Server<Self>, act: &str) {
        // Not inside one transaction: a database cannot be made there.
        let database = if act.ends_with("database intruder") { "postgres" } else { ODD };
        // What fires on it would leave more than the intruder.
        let writable = "set default_transaction_read_only = off; set session_replication_role = replica; ";
        let writable = if database == ODD { writable } else { "" };
        server.sql(database, &format!("{writable}{act}"));
    }

    async fn same(original: &Server<Self>, copy: &Server<Self>, dumped: &Dumped, loaded: &[Finding]) {
        let keys = |findings: &[Finding]| findings.iter().map(|f| f.what.key.clone()).collect::<Vec<_>>();
        let said = keys(&dumped.findings);
        for key in ["postgresql-unlogged", "postgresql-foreign-tables", "postgresql-refuses-connections"] {
            assert!(said.iter().any(|said| said == key), "{key} is not among {said:?}");
        }
        assert!(!said.iter().any(|said| said == "postgresql-tool-says"), "{:?}", dumped.findings);
        assert_eq!(keys(loaded), ["postgresql-tablespace-inside"], "{loaded:?}");
        // Nothing fired: what the triggers wrote stands in the backup, and no more.
        let audit = "select count(*) from audit";
        assert_eq!(original.sql(ODD, audit), copy.sql(ODD, audit));
        assert_eq!(copy.sql("postgres", "show statement_timeout"), "90s");
        assert_eq!(copy.sql("postgres", "show work_mem"), "6MB");
        assert!(copy.sql_as("ro'le \"x", "p", ODD, "select 1").is_ok(), "its password came back");
    }
}

impl Server<Postgresql> {
    /// Runs SQL by the vendor's own client, as a person would; returns what it prints.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        self.sql_as(&self.link.user, PASSWORD, database, sql).unwrap_or_else(|told| panic!("{told}\n{sql}"))
    }

    pub(crate) fn sql_as(
        &self,
        user: &str,
        password: &str,
        database: &str,
        sql: &str,
    ) -> Result<String, String> {
        use std::io::Write as _;

        let (host, port) = match &self.link.endpoint {
            Endpoint::Tcp(host, port) => (host.clone(), port.to_string()),
            Endpoint::Socket(path) => {
                let (folder, port) = path.rsplit_once("/.s.PGSQL.").expect("a socket");
                (folder.to_owned(), port.to_owned())
            }
        };
        let mut child = Command::new(self.subject.folder().join("psql"))
            .args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-f", "-"])
            .envs([
                ("PGHOST", host),
                ("PGPORT", port),
                ("PGUSER", user.into()),
                ("PGPASSWORD", password.into()),
            ])
            .envs([
                ("PGDATABASE", database),
                ("PGCLIENTENCODING", "UTF8"),
                ("PGOPTIONS", "-c client_min_messages=error"),
            ])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("psql");
        child.stdin.take().expect("a pipe").write_all(sql.as_bytes()).expect("the statements");
        let output = child.wait_with_output().expect("psql's end");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

//! Both flavours as subjects of the tests, and their clients: the driver's plain session, and the vendor's program.

use std::{path::PathBuf, process::Command, time::Duration};

use mysql_async::{Conn, OptsBuilder, Row, Value, prelude::*};
use roadstead_core::{
    Bytes, Finding, Secret, Version,
    model::ClusterSpec,
    port::{Layout, layout::Endpoint, vault::Dumped},
};
use roadstead_testkit::place;

use super::data;
use crate::{
    server::{PASSWORD, Server},
    subject::{Certificate, Harm, Subject, What, with_lines},
};

/// Which server: the versions that the tests run against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Mariadb,
    Mysql,
}

impl Which {
    fn number(self) -> &'static str {
        match self {
            Self::Mariadb => "10.11",
            Self::Mysql => "9",
        }
    }
}

impl Subject for Which {
    const ENGINE: &'static str = "mysql";
    const BULK: &'static str = "database/bulk/data.sql";
    const PATIENCE: Duration = Duration::from_mins(5);

    fn title(self) -> String {
        format!("{self:?} {}", self.number()).to_lowercase()
    }

    fn version(self) -> Option<Version> {
        Version::parse(self.number())
    }

    fn folders() -> Vec<PathBuf> {
        vec![place::servers().join("mysql-9/usr/sbin"), "/usr/sbin".into(), "/usr/bin".into()]
    }

    fn declare(self, cluster: &mut ClusterSpec) {
        cluster.memory = Some(Bytes::mib(384));
    }

    fn encrypted(
        self,
        layout: Layout,
        cluster: &ClusterSpec,
        certificate: &Certificate,
    ) -> Option<(Layout, u16)> {
        let lines = format!(
            "[mysqld]\nssl_ca={}\nssl_cert={}\nssl_key={}",
            certificate.authority, certificate.server, certificate.key
        );
        Some((with_lines(layout, "my.cnf", &lines), cluster.first().endpoint().1))
    }

    async fn fill(server: &Server<Self>) {
        data::fill(server).await;
    }

    async fn fill_bulk(server: &Server<Self>) {
        let make = [
            "CREATE DATABASE bulk",
            "CREATE TABLE bulk.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(2000))",
            "INSERT INTO bulk.t (v) VALUES (REPEAT('x', 2000))",
        ];
        server.run(&make).await;
        for _ in 0..14 {
            server.run(&["INSERT INTO bulk.t (v) SELECT v FROM bulk.t"]).await;
        }
    }

    fn harms() -> Vec<Harm> {
        use What::{AccountMissing, ItemAltered, ItemMissing, ObjectMissing, Other};
        let count = "Count { original: 4, copy: 3 } table shop.times";
        vec![
            Harm::new(ItemAltered, "UPDATE shop.texts SET e = 0 WHERE id = 3", "Content table shop.texts"),
            Harm::new(ItemMissing, "DELETE FROM shop.times WHERE id = 2", count),
            Harm::new(ObjectMissing, "DROP TABLE shop.parts", "Missing table shop.parts"),
            Harm::new(ObjectMissing, "DROP VIEW shop.a_view", "Missing view shop.a_view"),
            Harm::new(ObjectMissing, "DROP TRIGGER shop.first", "Missing trigger shop.first"),
            Harm::new(AccountMissing, "DROP USER 'app'@'%'", "Missing account app@%"),
            Harm::new(Other, "ALTER EVENT shop.nightly DISABLE", "Content event shop.nightly"),
            Harm::new(Other, "REVOKE PROCESS ON *.* FROM 'öd\\'e %'@'10.%'", "Content account öd'e %@10.%"),
            Harm::new(Other, "CREATE TABLE shop.surplus (id INT)", "Extra table shop.surplus"),
        ]
    }

    async fn harm(server: &Server<Self>, act: &str) {
        server.run(&["SET SESSION sql_mode = ''", act]).await;
    }

    const INTRUSIONS: &'static [(&'static str, &'static str, &'static str)] = &[
        ("CREATE TABLE shop.intruder (id INT)", "DROP TABLE shop.intruder", "shop.intruder"),
        ("CREATE VIEW shop.intruder AS SELECT 1 AS one", "DROP VIEW shop.intruder", "shop.intruder"),
        // Of a table's name: a name alone says little.
        ("CREATE PROCEDURE shop.parts() SELECT 1", "DROP PROCEDURE shop.parts", "procedure shop.parts"),
        (
            "CREATE FUNCTION shop.intruder() RETURNS INT DETERMINISTIC RETURN 1",
            "DROP FUNCTION shop.intruder",
            "shop.intruder",
        ),
        (
            "CREATE EVENT shop.intruder ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1",
            "DROP EVENT shop.intruder",
            "shop.intruder",
        ),
        (
            "CREATE TRIGGER shop.intruder BEFORE UPDATE ON shop.parts FOR EACH ROW SET @intruder = 1",
            "DROP TRIGGER shop.intruder",
            "shop.intruder",
        ),
        ("CREATE DATABASE intruder", "DROP DATABASE intruder", "intruder"),
    ];

    async fn intrude(server: &Server<Self>, act: &str) {
        server.run(&[act]).await;
    }

    async fn same(original: &Server<Self>, copy: &Server<Self>, dumped: &Dumped, loaded: &[Finding]) {
        let position = dumped.position.as_deref();
        assert!(position.is_some_and(|position| position.contains(':')), "{position:?}");
        let told: Vec<_> = dumped.findings.iter().map(|finding| finding.what.key.as_str()).collect();
        let mut expected = vec!["mysql-not-transactional", "mysql-broken-view", "mysql-orphan-grant"];
        if original.subject == Self::Mysql {
            expected.extend(["mysql-json-inexact", "mysql-holds-nothing"]);
        }
        for key in expected {
            assert!(told.contains(&key), "{key} is not in {told:?}");
        }
        let not_made = loaded.iter().filter(|finding| finding.what.key == "mysql-not-made");
        let names: Vec<_> = not_made.map(|finding| finding.subject.as_str()).collect();
        assert_eq!(
            names,
            ["shop.broken_view", "shop.once"],
            "the broken view, and what has passed: {loaded:?}"
        );
        for question in data::questions(original.subject) {
            assert_eq!(original.ask(question).await, copy.ask(question).await, "{question}");
        }
        assert_eq!(copy.ask("SELECT COUNT(*) FROM shop.log").await, "0", "a trigger fired while loading");
    }
}

impl Server<Which> {
    /// Executes statements in one session.
    pub(crate) async fn run(&self, all: &[&str]) {
        let mut conn = self.conn().await;
        for sql in all {
            if let Err(error) = conn.query_drop(*sql).await {
                panic!("{sql}: {error}");
            }
        }
        conn.disconnect().await.expect("a goodbye");
    }

    /// All rows of an answer as one text.
    pub(crate) async fn ask(&self, sql: &str) -> String {
        let mut conn = self.conn().await;
        let rows: Vec<Row> = conn.query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let value = |value: Value| match value {
            Value::NULL => "NULL".to_owned(),
            Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            other => other.as_sql(true),
        };
        let line = |row: Row| row.unwrap().into_iter().map(value).collect::<Vec<_>>().join("|");
        rows.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    async fn conn(&self) -> Conn {
        let link = &self.link;
        let builder = OptsBuilder::default()
            .user(Some(&link.user))
            .pass(link.password.as_ref().map(Secret::expose))
            .prefer_socket(false)
            .max_allowed_packet(Some(1 << 28));
        let builder = match &link.endpoint {
            Endpoint::Socket(path) => builder.socket(Some(path.as_str())),
            Endpoint::Tcp(host, port) => builder.ip_or_hostname(host.as_str()).tcp_port(*port),
        };
        Conn::new(builder).await.expect("a connection")
    }

    /// Feeds a text to the vendor's own client, which must accept all of it.
    pub(crate) fn pipe_to_client(&self, text: &[u8], what: &str) {
        let Endpoint::Socket(socket) = &self.link.endpoint else { panic!("a test's place is short") };
        let (options, input) = (self.place.path().join("client.cnf"), self.place.path().join("client.sql"));
        let quoted = PASSWORD.replace('\\', "\\\\");
        let said = format!("[client]\nuser={}\npassword=\"{quoted}\"\n", self.link.user);
        std::fs::write(&options, said).expect("a file");
        std::fs::write(&input, text).expect("a file");
        let mut client = Command::new("/usr/bin/mariadb");
        client.arg(format!("--defaults-file={}", options.display()));
        client.args(["--socket", socket, "--binary-mode", "--comments"]);
        client.stdin(std::fs::File::open(&input).expect("its input"));
        let output = client.output().expect("the vendor's client");
        let head = String::from_utf8_lossy(&text[..text.len().min(2000)]);
        assert!(output.status.success(), "{what}: {}\n{head}", String::from_utf8_lossy(&output.stderr));
    }
}

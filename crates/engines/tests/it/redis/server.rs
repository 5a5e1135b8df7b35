//! Redis (or Valkey, where that is installed instead) as a subject of the tests, and its vendor's client.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use roadstead_core::{
    Bytes, Finding, Version,
    manifest::Strength,
    model::ClusterSpec,
    port::{Layout, layout::Endpoint, vault::Dumped},
};

use super::data;
use crate::{
    conformance::skipped,
    server::{PASSWORD, Server, tools},
    subject::{Certificate, Harm, Subject, What, with_lines},
};

/// The server that is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Redis;

impl Subject for Redis {
    const ENGINE: &'static str = "redis";
    const BULK: &'static str = "dump.rdb";
    const PATIENCE: Duration = Duration::from_secs(15);

    fn title(self) -> String {
        let tools = tools::<Self>();
        let server = tools.of(Self::ENGINE, "server")[0];
        format!("{} {}", server.flavour, server.version)
    }

    fn version(self) -> Option<Version> {
        None
    }

    fn folders() -> Vec<PathBuf> {
        vec!["/usr/bin".into()]
    }

    fn declare(self, cluster: &mut ClusterSpec) {
        cluster.memory = Some(Bytes::mib(64));
    }

    fn encrypted(self, layout: Layout, _: &ClusterSpec, certificate: &Certificate) -> Option<(Layout, u16)> {
        let Certificate { authority, server, key } = certificate;
        let port = roadstead_testkit::place::free_port();
        let lines = format!(
            "tls-port {port}\ntls-ca-cert-file {authority}\ntls-cert-file {server}\ntls-key-file {key}\ntls-auth-clients no"
        );
        Some((with_lines(layout, "redis.conf", &lines), port))
    }

    async fn fill(server: &Server<Self>) {
        data::fill(server);
        let rules = ["on", ">hidden-word", "%R~app:*", "&*", "+@read", "(~x* +set)"];
        assert_eq!(server.cli(&[&["ACL", "SETUSER", "app"], &rules[..]].concat()), "OK");
        let title = server.subject.title();
        skipped(&title, "empty and wide tables", "there are keys alone, and an empty collection is no key");
        skipped(&title, "data of modules", "no module is installed");
    }

    async fn fill_bulk(server: &Server<Self>) {
        let value = "v".repeat(2000);
        let lines: Vec<_> = (0..6000).map(|n| format!("SET key:{n} {n}{value}")).collect();
        server.lines(&lines.join("\n"));
        server.cli(&["CONFIG", "SET", "rdbcompression", "no"]);
        assert_eq!(server.cli(&["CONFIG", "SET", "rdb-key-save-delay", "500"]), "OK");
    }

    fn harms() -> Vec<Harm> {
        use What::{AccountMissing, ItemAltered, ItemMissing, ObjectMissing, Other};
        let count = "Count { original: 2, copy: 1 } keys 0.zset";
        vec![
            Harm::new(ItemAltered, "SET text other", "Content keys 0.string"),
            Harm::new(ItemAltered, "HSET hash:small f w", "Content keys 0.hash"),
            Harm::new(ItemMissing, "DEL zset:small", count),
            Harm::new(ItemMissing, "SREM set:words one", "Content keys 0.set"),
            Harm::new(ItemMissing, "XACK stream readers 10-2", "Content keys 0.stream"),
            Harm::new(ObjectMissing, "SELECT 3\nDEL elsewhere:set", "Missing keys 3.set"),
            Harm::new(ObjectMissing, "FUNCTION DELETE lib", "Missing function-library lib"),
            Harm::new(AccountMissing, "ACL DELUSER app", "Missing account app"),
            Harm::new(Other, "SELECT 5\nSET extra 1", "Extra keys 5.string"),
            Harm::new(Other, "SELECT 15\nPEXPIRE last 99999999", "Missing keys 15.string"),
        ]
    }

    async fn harm(server: &Server<Self>, act: &str) {
        server.lines(&format!("{act}\n"));
    }

    const INTRUSIONS: &'static [(&'static str, &'static str, &'static str)] = &[
        ("SELECT 7\nSET intruder 1", "SELECT 7\nDEL intruder", "count=1"),
        (
            "FUNCTION LOAD \"#!lua name=intruder\\nredis.register_function('intruder', function() return 1 end)\"",
            "FUNCTION DELETE intruder",
            "intruder",
        ),
    ];

    async fn intrude(server: &Server<Self>, act: &str) {
        server.lines(&format!("{act}\n"));
    }

    async fn same(original: &Server<Self>, copy: &Server<Self>, dumped: &Dumped, loaded: &[Finding]) {
        assert_eq!((dumped.findings.as_slice(), loaded), (&[][..], &[][..]));
        assert_eq!(dumped.manifest.method, "redis-rdb-2");
        let position = dumped.position.clone().expect("a position");
        assert_eq!(position.split(':').next().map(str::len), Some(40), "{position}");
        let keys = data::keys(original);
        assert_eq!(data::keys(copy), keys);
        let compared = copy.compared(dumped).await;
        assert_eq!((compared.rows, compared.by_count), (keys, 0));
        assert_eq!(compared.weakest, Some(Strength::ContentAfter));
        assert_eq!(compared.after.keys().collect::<Vec<_>>(), ["account"], "the rest is of the dump itself");
        assert_eq!(copy.cli(&["FCALL", "answer", "0"]), "42");
        let refused = copy.cli_as("app", "hidden-word", &["PING"], b"");
        assert!(refused.starts_with("NOPERM"), "the password is right, the right is lacking: {refused}");
    }
}

impl Server<Redis> {
    /// Runs one command by the vendor's own client, as a person would; returns what it prints.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        self.cli_as(&self.link.user, PASSWORD, arguments, b"")
    }

    /// The same with the last argument's bytes from outside the command line.
    pub(crate) fn cli_with(&self, arguments: &[&str], last: &[u8]) -> String {
        let mut all = vec!["-x"];
        all.extend(arguments);
        self.cli_as(&self.link.user, PASSWORD, &all, last)
    }

    /// Runs many commands, one a line.
    pub(crate) fn lines(&self, lines: &str) {
        let printed = self.cli_as(&self.link.user, PASSWORD, &["-e"], lines.as_bytes());
        for line in printed.lines() {
            assert!(!line.contains("ERR"), "{line}");
        }
    }

    pub(crate) fn cli_as(&self, user: &str, password: &str, arguments: &[&str], input: &[u8]) -> String {
        let mut command = Command::new("/usr/bin/redis-cli");
        match &self.link.endpoint {
            Endpoint::Tcp(host, port) => command.args(["-h", host, "-p", &port.to_string()]),
            Endpoint::Socket(path) => command.args(["-s", path]),
        };
        command.args(["--user", user, "--no-auth-warning"]).args(arguments).env("REDISCLI_AUTH", password);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("redis-cli");
        let mut stdin = child.stdin.take().expect("its input");
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().expect("its output");
        let _ = writer.join().expect("the writer");
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        text.trim_end().to_owned()
    }
}

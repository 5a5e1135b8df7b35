//! The fleets that these tests run, and a hand on their data that is not Roadstead's.

use std::{path::PathBuf, process::Command};

use roadstead_testkit::{fleet::Harbour, place};

/// The binary under test.
pub(crate) fn binary() -> PathBuf {
    env!("CARGO_BIN_EXE_roadstead").into()
}

/// Vault and host, for every fleet.
pub(crate) const HEAD: &str = r#"
fleet: voyage
vaults:
  local: { url: ./vault, key: "${file:vault.key}" }
hosts:
  local: { data: "{data}" }
clusters:
"#;

/// A PostgreSQL.
pub(crate) const ORDERS: &str = r#"
  orders:
    engine: postgresql
    version: "15"
    memory: 128MiB
    members: [{ name: orders-1, port: {port} }]
    databases: [orders]
    roles:
      orders_app: { password: "${file:secrets/orders_app}", may: write, on: [orders] }
    settings: { max_connections: 60 }
    backup: { vault: local }
"#;

/// A MariaDB.
pub(crate) const BILLING: &str = r#"
  billing:
    engine: mysql
    version: "10.11"
    memory: 256MiB
    members: [{ name: billing-1, port: {port2} }]
    databases: [billing]
    roles:
      billing_app: { password: "${file:secrets/billing_app}", may: write, on: [billing] }
    backup: { vault: local }
"#;

/// A Redis.
pub(crate) const SESSIONS: &str = r#"
  sessions:
    engine: redis
    memory: 64MiB
    members: [{ name: sessions-1, port: {port3} }]
    roles:
      sessions_app: { password: "${file:secrets/sessions_app}", may: write }
    backup: { vault: local }
"#;

/// The fleet `voyage` with these clusters.
pub(crate) fn fleet(clusters: &[&str]) -> Harbour {
    let harbour = Harbour::new(binary(), &format!("{HEAD}{}", clusters.concat()));
    for role in ["orders_app", "billing_app", "sessions_app"] {
        harbour.secret(&format!("secrets/{role}"), &format!("password-of-{role}-0123456789"));
    }
    harbour
}

/// A client of a member, as its administrator: what a person would use, not Roadstead.
pub(crate) struct Client<'a> {
    harbour: &'a Harbour,
    member: &'a str,
    port: u16,
}

impl<'a> Client<'a> {
    /// A client of a member that the fleet file declares.
    pub(crate) fn of(harbour: &'a Harbour, member: &'a str) -> Self {
        Self { harbour, member, port: harbour.port(member) }
    }

    /// A client of a member at this port.
    pub(crate) fn at(harbour: &'a Harbour, member: &'a str, port: u16) -> Self {
        Self { harbour, member, port }
    }

    fn output(mut command: Command) -> String {
        let output = command.output().expect("the client is installed");
        let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(output.status.success(), "{command:?}\n{told}\n{}", String::from_utf8_lossy(&output.stderr));
        told
    }

    /// Runs SQL on a PostgreSQL member.
    #[track_caller]
    pub(crate) fn psql(&self, database: &str, sql: &str) -> String {
        let mut command = Command::new(place::postgresql_15().join("psql"));
        command
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-d", database])
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .env("PGPASSWORD", self.harbour.admin("voyage", self.member));
        Self::output(command)
    }

    /// Runs SQL on a MariaDB member.
    #[track_caller]
    pub(crate) fn mariadb(&self, database: &str, sql: &str) -> String {
        let mut command = Command::new("/usr/bin/mariadb");
        command
            .args(["--no-defaults", "-h", "127.0.0.1", "-P", &self.port.to_string(), "-u", "roadstead_admin"])
            .args(["-N", "-B", "-e", sql, database])
            .env("MYSQL_PWD", self.harbour.admin("voyage", self.member));
        Self::output(command)
    }

    /// Runs one command on a Redis member.
    #[track_caller]
    pub(crate) fn redis(&self, user: &str, args: &[&str]) -> String {
        let mut command = Command::new("/usr/bin/redis-cli");
        command
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "--user", user, "--no-auth-warning"])
            .args(args)
            .env("REDISCLI_AUTH", self.harbour.admin("voyage", self.member));
        Self::output(command)
    }
}

//! How PostgreSQL behaves: versions, programs, port. Decisions ask this, never the engine's name.

use roadstead_core::{
    Bytes, Version,
    port::{Profile, engine::ToolNeed},
};

/// Its name in the fleet file, and the flavour of all its servers.
pub(super) const NAME: &str = "postgresql";
/// The major versions that are known here.
pub(super) const MAJORS: std::ops::RangeInclusive<u32> = 15..=18;
/// The administrator of the servers we create.
pub(super) const ADMIN: &str = "postgres";

const FOLDERS: &[&str] = &[
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql*/bin",
];

pub(super) const PROFILE: Profile = Profile {
    name: NAME,
    title: "PostgreSQL",
    port: 5432,
    memory_min: Bytes::mib(64),
    user: "postgres",
    tools: &[
        tool("server", &["postgres"], &["postgresql-15"], true),
        tool("create", &["initdb"], &["postgresql-15"], true),
        tool("dump", &["pg_dump"], &["postgresql-client-15"], false),
        tool("restore", &["pg_restore"], &["postgresql-client-15"], false),
    ],
    has_databases: true,
    guarantee: "postgresql-guarantee",
};

const fn tool(
    name: &'static str,
    files: &'static [&'static str],
    packages: &'static [&'static str],
    for_server: bool,
) -> ToolNeed {
    ToolNeed { name, files, directories: FOLDERS, version_args: &["--version"], packages, for_server }
}

/// The package that brings a program of this major version.
pub(super) fn package(role: &str, major: u32) -> String {
    match role {
        "server" | "create" => format!("postgresql-{major}"),
        _ => format!("postgresql-client-{major}"),
    }
}

/// Reads `pg_dump (PostgreSQL) 15.18 (Debian …)`.
pub(super) fn tool_version(printed: &str) -> Option<(Version, String)> {
    let (_, rest) = printed.lines().next()?.split_once("(PostgreSQL) ")?;
    Some((Version::parse(rest)?, NAME.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_tools_print() {
        let of = |text| tool_version(text).map(|(version, _)| version.to_string());
        assert_eq!(of("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some("15.18".into()));
        assert_eq!(of("initdb (PostgreSQL) 18.4"), Some("18.4".into()));
        assert_eq!(of("postgres (PostgreSQL) 19beta1"), Some("19".into()));
        assert_eq!(of("Redis server v=7.0.15"), None);
    }
}

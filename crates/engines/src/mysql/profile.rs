//! How the engine behaves, and what it says against a cluster in the fleet file. Pure.

use roadstead_core::{
    Bytes, Finding, Text,
    model::ClusterSpec,
    port::engine::{Profile, ToolNeed},
};

use super::{flavour::Flavour, session::ADMIN, settings};

use crate::common::declared_twice;

/// The longest name of an account, in characters; the smaller limit of the two flavours.
const ACCOUNT_LENGTH_MAX: usize = 32;
/// The longest name of a database, in characters.
const DATABASE_LENGTH_MAX: usize = 64;
/// Databases that are the server's own.
pub(super) const SYSTEM_DATABASES: [&str; 5] =
    ["mysql", "information_schema", "performance_schema", "sys", "ndbinfo"];

/// The profile.
pub(super) static PROFILE: Profile = Profile {
    name: "mysql",
    title: "MySQL",
    port: 3306,
    memory_min: Bytes::mib(256),
    user: "mysql",
    tools: &[
        ToolNeed {
            name: "server",
            files: &["mysqld", "mariadbd"],
            directories: &["/usr/sbin", "/usr/libexec", "/usr/local/mysql/bin", "/opt/mysql/*/bin"],
            version_args: &["--no-defaults", "--version"],
            packages: &["mariadb-server", "mysql-server-core"],
            for_server: true,
        },
        ToolNeed {
            name: "create",
            files: &["mariadb-install-db"],
            directories: &["/usr/bin", "/usr/local/mysql/scripts", "/opt/mysql/*/scripts"],
            version_args: &["--help"],
            packages: &["mariadb-server"],
            for_server: true,
        },
    ],
    has_databases: true,
    guarantee: "mysql-guarantee",
};

/// What stands against a cluster: its version, settings, databases and accounts.
pub(super) fn check(cluster: &ClusterSpec) -> Vec<Finding> {
    let at = format!("clusters.{}", cluster.name);
    let mut findings = Vec::new();
    let mut flavour = None;
    if let Some(version) = &cluster.version {
        let number = (version.major(), version.minor());
        let old =
            version.major() < 8 || (version.major() == 10 && version.parts.len() > 1 && number < (10, 11));
        if old {
            let what = Text::new("mysql-version-unsupported").with("version", version.to_string());
            let cure = Text::new("mysql-version-unsupported-cure");
            findings.push(Finding::error(format!("{at}.version"), what).cure(cure));
        }
        flavour = Some(Flavour::of_version(version));
    }
    for (name, value) in &cluster.settings {
        if let Err((what, cure)) = settings::check(name, value, flavour) {
            let mut finding = Finding::error(format!("{at}.settings.{name}"), what);
            finding.cure = cure;
            findings.push(finding);
        }
    }
    findings.extend(declared_twice(cluster, settings::canonical));
    for (name, what, cure) in settings::check_together(cluster, flavour) {
        findings.push(Finding::error(format!("{at}.settings.{name}"), what).cure(cure));
    }
    findings.extend(settings::named_zone(cluster));
    for (index, database) in cluster.databases.iter().enumerate() {
        if let Some(what) = wrong_database(database) {
            let cure = Text::new("mysql-name-cure");
            findings.push(Finding::error(format!("{at}.databases[{index}]"), what).cure(cure));
        }
    }
    for (name, role) in &cluster.roles {
        let subject = format!("{at}.roles.{name}");
        if let Some(what) = wrong_account(name) {
            findings.push(Finding::error(&subject, what).cure(Text::new("mysql-name-cure")));
        }
        if role.password.is_none() {
            let what = Text::new("mysql-account-without-password").with("account", name);
            let cure = Text::new("mysql-account-without-password-cure");
            findings.push(Finding::error(&subject, what).cure(cure));
        }
    }
    findings
}

fn wrong_database(name: &str) -> Option<Text> {
    if SYSTEM_DATABASES.contains(&name.to_lowercase().as_str()) {
        return Some(Text::new("mysql-database-reserved").with("database", name));
    }
    is_wrong_name(name, DATABASE_LENGTH_MAX).then(|| Text::new("mysql-name-invalid").with("name", name))
}

fn wrong_account(name: &str) -> Option<Text> {
    let reserved = [ADMIN, "root", "mysql.sys", "mysql.session", "mysql.infoschema", "mariadb.sys", "public"];
    if reserved.contains(&name.to_lowercase().as_str()) {
        return Some(Text::new("mysql-account-reserved").with("account", name));
    }
    is_wrong_name(name, ACCOUNT_LENGTH_MAX).then(|| Text::new("mysql-name-invalid").with("name", name))
}

/// Both flavours refuse empty names, names with a trailing space, and characters beyond the basic plane.
fn is_wrong_name(name: &str, length_max: usize) -> bool {
    name.is_empty()
        || name.chars().count() > length_max
        || name.ends_with(' ')
        || name.chars().any(|c| c == '\0' || c as u32 > 0xffff)
}

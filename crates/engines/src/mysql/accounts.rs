//! Accounts that the fleet file declares: least privilege in four steps, what is there, and what is missing.
//!
//! Pure but for [`seen`] and [`reconcile`]. Passwords go into one statement at the last moment; the server hides
//! them from its own logs.

use std::collections::{BTreeMap, BTreeSet};

use roadstead_core::{
    Error, Kind, Result, Secret, Text,
    model::{ClusterSpec, May, RoleSpec},
};
use serde::{Deserialize, Serialize};

use super::{flavour, grants, session::Session};

const READ: &[&str] = &["SELECT", "SHOW VIEW"];
const WRITE: &[&str] = &["CREATE TEMPORARY TABLES", "DELETE", "EXECUTE", "INSERT", "LOCK TABLES", "UPDATE"];
/// Without `EVENT`: what a server runs of itself is the owner's matter.
const MIGRATE: &[&str] = &[
    "ALTER",
    "ALTER ROUTINE",
    "CREATE",
    "CREATE ROUTINE",
    "CREATE VIEW",
    "DROP",
    "INDEX",
    "REFERENCES",
    "TRIGGER",
];

/// Rights by database.
pub(super) type Rights = BTreeMap<String, BTreeSet<String>>;

/// One account as it is, or as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    /// Rights on the declared databases.
    pub(super) databases: Rights,
    /// Everything else it was granted, as the server says it; empty when it is as declared.
    #[serde(default)]
    pub(super) beyond: Vec<String>,
}

/// The host part of every declared account: where a member may be reached from is its listening address's matter.
pub(super) const HOST: &str = "%";

/// The longest password that MySQL takes, in bytes: `MAX_PLAINTEXT_LENGTH` of its source. It says no more than that the
/// operation failed.
const PASSWORD_BYTES_MAX: usize = 256;

/// `'name'@'%'`.
pub(super) fn quoted(account: &str) -> String {
    format!("{}@{}", flavour::text(account), flavour::text(HOST))
}

/// What a declared role means.
pub(super) fn wanted(cluster: &ClusterSpec, role: &RoleSpec) -> Account {
    let databases = if role.on.is_empty() { &cluster.databases } else { &role.on };
    let rights = rights(role.may);
    Account {
        databases: databases.iter().map(|database| (database.clone(), rights.clone())).collect(),
        beyond: Vec::new(),
    }
}

fn rights(may: May) -> BTreeSet<String> {
    let lists: &[&[&str]] = match may {
        May::Read => &[READ],
        May::Write => &[READ, WRITE],
        May::Migrate => &[READ, WRITE, MIGRATE],
        May::Owner => &[&["ALL PRIVILEGES"]],
    };
    lists.iter().flat_map(|list| list.iter()).map(|&right| right.to_owned()).collect()
}

/// The declared accounts that exist, with their rights.
pub(super) async fn seen(session: &mut Session, cluster: &ClusterSpec) -> Result<BTreeMap<String, Account>> {
    let mut found = BTreeMap::new();
    for (name, role) in &cluster.roles {
        // 1141: there is no such account. MariaDB also says so where we may not look at another's grants.
        match session.rows(format!("SHOW GRANTS FOR {}", quoted(name))).await {
            Ok(rows) => {
                let lines = rows.into_iter().filter_map(|row| row.into_iter().next().flatten());
                found.insert(name.clone(), read(cluster, role, lines));
            }
            Err(fault) if fault.code == 1141 || fault.is_denied() => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(found)
}

fn read(cluster: &ClusterSpec, role: &RoleSpec, lines: impl Iterator<Item = String>) -> Account {
    let mut account = Account::default();
    let declared = wanted(cluster, role).databases;
    for line in lines {
        let Some(grant) = grants::read(&line) else {
            account.beyond.push(without_hash(&line));
            continue;
        };
        match grant.on {
            grants::On::Everything
                if grant.rights.iter().all(|right| right == "USAGE") && !grant.passes_on => {}
            grants::On::Database(ref database) if declared.contains_key(database) => {
                account.databases.entry(database.clone()).or_default().extend(grant.rights);
                if grant.passes_on {
                    account.beyond.push(without_hash(&line));
                }
            }
            _ => account.beyond.push(without_hash(&line)),
        }
    }
    account
}

/// MariaDB tells the password's hash in a grant; it has no business in a report.
fn without_hash(line: &str) -> String {
    line.split(" IDENTIFIED ").next().unwrap_or(line).to_owned()
}

/// Makes an account as wanted: rights are given before others are taken, so that nobody stands without.
pub(super) async fn reconcile(
    session: &mut Session,
    name: &str,
    password: Option<&Secret>,
    wanted: &Account,
) -> Result<()> {
    let account = quoted(name);
    if let Some(password) = password {
        if session.is_mysql() && password.expose().len() > PASSWORD_BYTES_MAX {
            let what = Text::new("mysql-password-too-long").with("account", name);
            let error = Error::new(Kind::Input, what.with("most", PASSWORD_BYTES_MAX));
            return Err(error.cure(Text::new("mysql-password-too-long-cure")));
        }
        let quoted = flavour::text(password.expose());
        let identified = if session.is_mysql() {
            format!("IDENTIFIED BY {quoted}")
        } else {
            // MariaDB writes such statements into its binary log as they come: they come with the hash.
            let hash = session.value(&format!("SELECT PASSWORD({quoted})")).await?.unwrap_or_default();
            format!("IDENTIFIED BY PASSWORD {}", flavour::text(&hash))
        };
        session.run(format!("CREATE USER IF NOT EXISTS {account} {identified}")).await?;
        session.run(format!("ALTER USER {account} {identified}")).await?;
    }
    let lines = session.rows(format!("SHOW GRANTS FOR {account}")).await?;
    let lines = lines.into_iter().filter_map(|row| row.into_iter().next().flatten());
    let mut found = Rights::new();
    for grant in lines.filter_map(|line| grants::read(&line)) {
        if let grants::On::Database(database) = grant.on {
            found.entry(database).or_default().extend(grant.rights);
        }
    }
    for (database, rights) in &wanted.databases {
        let on = flavour::grant_name(database);
        let list = rights.iter().cloned().collect::<Vec<_>>().join(", ");
        session.run(format!("GRANT {list} ON {on}.* TO {account}")).await?;
        let all = rights.contains("ALL PRIVILEGES");
        let known = found.get(database).cloned().unwrap_or_default();
        let surplus: Vec<_> = known.difference(rights).filter(|_| !all).cloned().collect();
        if surplus.iter().any(|right| right == "ALL PRIVILEGES") {
            session.run(format!("REVOKE ALL PRIVILEGES ON {on}.* FROM {account}")).await?;
            session.run(format!("GRANT {list} ON {on}.* TO {account}")).await?;
        } else if !surplus.is_empty() {
            session.run(format!("REVOKE {} ON {on}.* FROM {account}", surplus.join(", "))).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_steps_of_privilege_contain_one_another() {
        let [read, write, migrate] = [May::Read, May::Write, May::Migrate].map(rights);
        assert!(read.is_subset(&write) && write.is_subset(&migrate));
        assert!(!write.contains("DROP") && !migrate.contains("ALL PRIVILEGES"));
    }

    #[test]
    fn hashes_do_not_reach_a_report() {
        let line = "GRANT RELOAD ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*B69027D44F6E5EDC'";
        assert_eq!(without_hash(line), "GRANT RELOAD ON *.* TO `a`@`%`");
    }
}

//! What users made in the schemas that belong to the server: no backup takes those, so it is told by name.

use std::collections::HashSet;

use roadstead_core::{Finding, Text};

use super::{
    flavour::Flavour,
    people,
    session::{Fault, Session},
    survey,
};

/// Tables that a MariaDB, its plugins or its older versions make in `mysql`, which nothing else tells from a user's.
const OF_MARIADB: &[&str] = &[
    "column_stats",
    "columns_priv",
    "db",
    "event",
    "func",
    "general_log",
    "global_priv",
    "gtid_slave_pos",
    "help_category",
    "help_keyword",
    "help_relation",
    "help_topic",
    "host",
    "index_stats",
    "innodb_index_stats",
    "innodb_table_stats",
    "ndb_binlog_index",
    "password_reuse_check_history",
    "plugin",
    "proc",
    "procs_priv",
    "proxies_priv",
    "roles_mapping",
    "server_audit_filters",
    "server_audit_users",
    "servers",
    "slave_master_info",
    "slave_relay_log_info",
    "slave_worker_info",
    "slow_log",
    "table_stats",
    "tables_priv",
    "time_zone",
    "time_zone_leap_second",
    "time_zone_name",
    "time_zone_transition",
    "time_zone_transition_type",
    "transaction_registry",
    "user",
];
/// The first series that this list was not held against; a table of one may be the server's own.
const MARIADB_UNLISTED: [u32; 2] = [10, 12];
/// How the names begin of what MariaDB's cluster, its engines and each storage engine's replication make there.
const FAMILIES_OF_MARIADB: &[&str] = &["wsrep_", "spider_", "gtid_slave_pos_"];
/// Tables of a MySQL's own that it does not list with those of its own tablespace.
const APART_IN_MYSQL: &[&str] =
    &["mysql.general_log", "mysql.innodb_index_stats", "mysql.innodb_table_stats", "mysql.slow_log"];
/// The one table of the schema `sys`, in both flavours.
const OF_SYS: &str = "sys.sys_config";
/// What servers make under the account that installs them.
const OF_INSTALLER: &[&str] = &["mysql.AddGeometryColumn", "mysql.DropGeometryColumn", "mysql.user"];
/// The number of the tablespace in which a MySQL keeps all its own tables.
const OWN_TABLESPACE: u32 = 4_294_967_294;

/// Tables, views, routines and events of users in the server's own schemas: one finding for all, and a note for tables of
/// which it is not known whose they are.
pub(super) async fn found(session: &mut Session) -> Result<Vec<Finding>, Fault> {
    let tables = tables(session).await?;
    let mut names = Vec::new();
    let by_definer = [
        "SELECT TABLE_SCHEMA, TABLE_NAME, DEFINER FROM information_schema.VIEWS \
         WHERE TABLE_SCHEMA IN ('mysql', 'sys')",
        "SELECT ROUTINE_SCHEMA, ROUTINE_NAME, DEFINER FROM information_schema.ROUTINES \
         WHERE ROUTINE_SCHEMA IN ('mysql', 'sys')",
    ];
    for sql in by_definer {
        for (name, definer) in asked(session, sql).await? {
            let user = definer.rsplit_once('@').map_or(definer.as_str(), |(user, _)| user);
            if !people::OWN.contains(&user) && !OF_INSTALLER.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    let events = "SELECT EVENT_SCHEMA, EVENT_NAME, DEFINER FROM information_schema.EVENTS \
                  WHERE EVENT_SCHEMA IN ('mysql', 'sys')";
    names.extend(asked(session, events).await?.into_iter().map(|(name, _)| name));
    Ok(findings(tables, names, session.is_at_least(Flavour::Mariadb, &MARIADB_UNLISTED)))
}

/// The findings; `is_unlisted`: the tables may be those of a server that is newer than the list.
fn findings(tables: Vec<String>, others: Vec<String>, is_unlisted: bool) -> Vec<Finding> {
    let (unsure, mut sure) = if is_unlisted { (tables, Vec::new()) } else { (Vec::new(), tables) };
    sure.extend(others);
    let told = |mut names: Vec<String>, key: &str| {
        names.sort();
        let first = names.first()?.clone();
        Some((first, Text::new(key).with("count", names.len()).with("names", survey::listed(&names))))
    };
    let cure = || Text::new("mysql-strays-cure");
    let sure = told(sure, "mysql-strays").map(|(first, what)| Finding::warning(first, what).cure(cure()));
    let unsure =
        told(unsure, "mysql-strays-unsure").map(|(first, what)| Finding::note(first, what).cure(cure()));
    sure.into_iter().chain(unsure).collect()
}

async fn tables(session: &mut Session) -> Result<Vec<String>, Fault> {
    let own: HashSet<String> = if session.is_mysql() {
        let sql = format!(
            "SELECT 'mysql', SUBSTRING(NAME, 7), '' FROM information_schema.INNODB_TABLES \
             WHERE SPACE = {OWN_TABLESPACE} AND NAME LIKE 'mysql/%'"
        );
        match asked(session, &sql).await {
            Ok(rows) => rows
                .into_iter()
                .map(|(name, _)| name)
                .chain(APART_IN_MYSQL.iter().map(|&n| n.into()))
                .collect(),
            // Without PROCESS they cannot be told apart; that the right is missing is a finding already.
            Err(fault) if fault.is_denied() => return Ok(Vec::new()),
            Err(fault) => return Err(fault),
        }
    } else {
        OF_MARIADB.iter().map(|name| format!("mysql.{name}")).collect()
    };
    let of_family = |name: &str| {
        let plain = name.strip_prefix("mysql.").unwrap_or_default();
        FAMILIES_OF_MARIADB.iter().any(|family| plain.starts_with(family))
    };
    let is_mysql = session.is_mysql();
    let sql = "SELECT TABLE_SCHEMA, TABLE_NAME, '' FROM information_schema.TABLES \
               WHERE TABLE_SCHEMA IN ('mysql', 'sys') AND TABLE_TYPE NOT LIKE '%VIEW%'";
    let all = asked(session, sql).await?.into_iter().map(|(name, _)| name);
    Ok(all.filter(|name| name != OF_SYS && !own.contains(name) && (is_mysql || !of_family(name))).collect())
}

/// Full names, and the third column.
async fn asked(session: &mut Session, sql: &str) -> Result<Vec<(String, String)>, Fault> {
    let read = |row: Vec<Option<String>>| {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let (schema, name) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
        (format!("{schema}.{name}"), values.next().unwrap_or_default())
    };
    Ok(session.rows(sql).await?.into_iter().map(read).collect())
}

#[cfg(test)]
mod tests {
    use roadstead_core::finding::Severity;

    use super::*;

    /// No server newer than the list can be had: what it would make of itself must raise no alarm, and yet be told.
    #[test]
    fn a_table_that_a_newer_server_may_have_made_is_a_note() {
        let told = |is_unlisted| -> Vec<_> {
            let found = findings(vec!["mysql.novelty".into()], vec!["sys.own_view".into()], is_unlisted);
            found.iter().map(|one| (one.severity, one.what.args["names"].to_string())).collect()
        };
        assert_eq!(told(false), [(Severity::Warning, "mysql.novelty, sys.own_view".into())]);
        assert_eq!(
            told(true),
            [(Severity::Warning, "sys.own_view".into()), (Severity::Note, "mysql.novelty".into())]
        );
        assert_eq!(findings(vec![], vec![], true), []);
    }
}

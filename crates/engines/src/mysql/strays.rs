//! What users made in the schemas that belong to the server: no backup takes those, so it is told by name.

use std::collections::HashSet;

use roadstead_core::{Finding, Text};

use super::{
    people,
    session::{Fault, Session},
};

/// Tables that a MariaDB, its plugins or its older versions make in `mysql`.
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
/// How many names a finding lists before it only counts.
const NAMES_MAX: usize = 20;

/// Tables, views, routines and events of users in the server's own schemas, one finding for all.
pub(super) async fn found(session: &mut Session) -> Result<Option<Finding>, Fault> {
    let mut names = tables(session).await?;
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
    names.sort();
    let Some(first) = names.first().cloned() else { return Ok(None) };
    let mut shown = names.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > NAMES_MAX {
        shown.push_str(", …");
    }
    let what = Text::new("mysql-strays").with("count", names.len()).with("names", shown);
    Ok(Some(Finding::warning(first, what).cure(Text::new("mysql-strays-cure"))))
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

//! What could not be backed up, or not consistently, told before the disaster. Reads, and changes nothing.

use std::collections::HashMap;

use roadstead_core::{Finding, Result, Text, model::ClusterSpec, port::Link};

use super::{
    catalogue::{self, Holds},
    flavour::Flavour,
    observe, outside, rows,
    session::{Fault, Session},
    snapshot, strays,
};

/// How many names one finding lists before it only counts.
const NAMES_MAX: usize = 20;

/// Everything that stands against a full and consistent backup through this link.
pub(super) async fn survey(link: &Link, cluster: &ClusterSpec) -> Result<Vec<Finding>> {
    let mut session = Session::open(link).await?;
    let mut findings = Vec::new();
    missing_rights(&mut session, &mut findings).await?;
    findings.extend(hidden_role(&mut session).await?);
    server(&mut session, cluster, &mut findings).await?;
    let mut tables = Vec::new();
    for database in observe::databases(&mut session).await? {
        let here = catalogue::tables(&mut session, &database).await?;
        if here.iter().any(catalogue::Table::is_versioned) {
            let columns = catalogue::columns(&mut session, &database).await?;
            findings.extend(of_history(&here, &columns));
        }
        tables.extend(here);
    }
    findings.extend(of_tables(&tables));
    findings.extend(strays::found(&mut session).await?);
    broken_views(&mut session, &tables, &mut findings).await?;
    session.close().await;
    Ok(findings)
}

/// What a backup through this link lacks beside what its reader meets: what missing rights would show, and what belongs to
/// the server itself. The snapshot must say so.
pub(super) async fn lacking(link: &Link, cluster: &ClusterSpec) -> Result<Vec<Finding>> {
    let mut session = Session::open(link).await?;
    let mut findings = Vec::new();
    missing_rights(&mut session, &mut findings).await?;
    server(&mut session, cluster, &mut findings).await?;
    session.close().await;
    Ok(findings)
}

/// Rights that a backup needs, each found by doing the smallest thing that needs it.
async fn missing_rights(session: &mut Session, findings: &mut Vec<Finding>) -> Result<(), Fault> {
    let mut probes: Vec<(&str, &str, &str)> = vec![
        ("SELECT ON mysql.*", "SELECT 1 FROM mysql.user LIMIT 1", "mysql-survey-accounts"),
        ("PROCESS", "SHOW ENGINE INNODB STATUS", "mysql-survey-process"),
    ];
    match session.flavour {
        Flavour::Mysql => {
            let status = if session.is_at_least(Flavour::Mysql, &[8, 2]) {
                "SHOW BINARY LOG STATUS"
            } else {
                "SHOW MASTER STATUS"
            };
            probes.push(("REPLICATION CLIENT", status, "mysql-survey-position"));
            probes.push(("BACKUP_ADMIN", "LOCK INSTANCE FOR BACKUP", "mysql-survey-instance-lock"));
        }
        Flavour::Mariadb => probes.push(("BINLOG MONITOR", "SHOW MASTER STATUS", "mysql-survey-position")),
    }
    for (right, sql, why) in probes {
        match session.run(sql).await {
            Ok(()) => {}
            Err(fault) if fault.is_denied() => findings.push(lacks(right, why)),
            // The log may be off; that is no missing right.
            Err(fault) if fault.code == 1381 => {}
            Err(fault) => return Err(fault),
        }
    }
    if session.is_mysql() {
        // Harmless where the lock was not taken.
        drop(session.run("UNLOCK INSTANCE").await);
    }
    let granted = granted(session).await?;
    let has = |right: &str| {
        let all = granted.iter().any(|known| known == "ALL PRIVILEGES");
        all || granted.iter().any(|known| known == right)
    };
    let flush_tables = has("RELOAD") || has("FLUSH_TABLES");
    let mut needs = vec![
        ("SELECT", "mysql-survey-select", has("SELECT")),
        ("SHOW VIEW", "mysql-survey-definitions", has("SHOW VIEW")),
        ("TRIGGER", "mysql-survey-definitions", has("TRIGGER")),
        ("EVENT", "mysql-survey-definitions", has("EVENT")),
        ("RELOAD", "mysql-survey-lock", flush_tables),
    ];
    if session.is_at_least(Flavour::Mysql, &[8, 0, 20]) {
        needs.push(("SHOW_ROUTINE", "mysql-survey-definitions", has("SHOW_ROUTINE") || has("SELECT")));
    }
    findings.extend(needs.into_iter().filter(|(_, _, held)| !held).map(|(right, why, _)| lacks(right, why)));
    Ok(())
}

/// A right that no backup needs: without it nobody knows whether the server follows another. On MySQL the right to see
/// the log's position holds it.
async fn hidden_role(session: &mut Session) -> Result<Option<Finding>, Fault> {
    if session.is_mysql() {
        return Ok(None);
    }
    match session.run("SHOW ALL REPLICAS STATUS").await {
        Ok(()) => Ok(None),
        Err(fault) if fault.is_denied() => {
            let right = "REPLICA MONITOR";
            let cure = Text::new("mysql-survey-right-cure").with("right", right);
            Ok(Some(Finding::note("", Text::new("mysql-survey-role").with("right", right)).cure(cure)))
        }
        Err(fault) => Err(fault),
    }
}

fn lacks(right: &str, why: &str) -> Finding {
    let what = Text::new("mysql-survey-right").with("right", right).with("why", Text::new(why));
    Finding::warning("", what).cure(Text::new("mysql-survey-right-cure").with("right", right))
}

/// The rights on everything that the account holds now, roles included where they are active.
async fn granted(session: &mut Session) -> Result<Vec<String>, Fault> {
    let rows = session.rows("SHOW GRANTS").await?;
    let lines = rows.into_iter().filter_map(|row| row.into_iter().next().flatten());
    let grants = lines.filter_map(|line| super::grants::read(&line));
    Ok(grants
        .filter(|grant| grant.on == super::grants::On::Everything)
        .flat_map(|grant| grant.rights)
        .collect())
}

/// What of the server itself is in no backup, or makes it another on a new server.
async fn server(
    session: &mut Session,
    cluster: &ClusterSpec,
    findings: &mut Vec<Finding>,
) -> Result<(), Fault> {
    let cased = session.value("SELECT @@global.lower_case_table_names").await?;
    if cased.as_deref() != Some("0") && !cluster.settings.contains_key("lower_case_table_names") {
        let what = Text::new("mysql-survey-case").with("value", cased.unwrap_or_default());
        findings.push(Finding::warning("", what).cure(Text::new("mysql-survey-case-cure")));
    }
    findings.extend(snapshot::plaintext(session));
    findings.extend(outside::found(session).await?);
    Ok(())
}

/// Names for people: the first of them, and a mark where there are more.
pub(super) fn listed(names: &[String]) -> String {
    let mut shown = names.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > NAMES_MAX {
        shown.push_str(", …");
    }
    shown
}

/// What the storage engines of the tables mean for a backup.
pub(super) fn of_tables(tables: &[catalogue::Table]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut list = |key: &str, cure: &str, chosen: &dyn Fn(&catalogue::Table) -> bool| {
        let chosen: Vec<_> = tables.iter().filter(|table| chosen(table)).collect();
        let Some(first) = chosen.first() else { return };
        let engine = |table: &&catalogue::Table| format!("{} ({})", table.shown(), table.engine);
        let names: Vec<_> = chosen.iter().map(engine).collect();
        let what = Text::new(key).with("count", names.len()).with("tables", listed(&names));
        findings.push(Finding::warning(first.shown(), what).cure(Text::new(cure)));
    };
    list("mysql-not-transactional", "mysql-not-transactional-cure", &|table| {
        table.holds() == Holds::Apart && !table.is_in_memory()
    });
    list("mysql-in-memory", "mysql-in-memory-cure", &catalogue::Table::is_in_memory);
    list("mysql-encrypted", "mysql-encrypted-cure", &|table| table.is_encrypted);
    list("mysql-holds-nothing", "mysql-holds-nothing-cure", &|table| table.holds() == Holds::Nothing);
    findings
}

/// Versioned tables whose history no backup brings back, one finding for all.
pub(super) fn of_history(
    tables: &[catalogue::Table],
    columns: &HashMap<String, Vec<catalogue::Column>>,
) -> Option<Finding> {
    let is_lost = |table: &&catalogue::Table| {
        let columns = columns.get(&table.name).map_or(&[][..], Vec::as_slice);
        table.is_versioned() && !rows::history_can_be_kept(columns)
    };
    let names: Vec<_> = tables.iter().filter(is_lost).map(catalogue::Table::shown).collect();
    let first = names.first()?.clone();
    let what = Text::new("mysql-history-lost").with("count", names.len()).with("tables", listed(&names));
    Some(Finding::warning(first, what).cure(Text::new("mysql-history-lost-cure")))
}

async fn broken_views(
    session: &mut Session,
    tables: &[catalogue::Table],
    findings: &mut Vec<Finding>,
) -> Result<(), Fault> {
    for view in tables.iter().filter(|table| table.is_view()) {
        if let Some(why) = catalogue::broken(session, view).await? {
            findings.push(broken_view(view, &why));
        }
    }
    Ok(())
}

/// A view that cannot be used now, by this account at least, and may be none that can be made again.
pub(super) fn broken_view(view: &catalogue::Table, why: &str) -> Finding {
    let what = Text::new("mysql-broken-view").with("view", view.shown()).with("why", why);
    Finding::warning(view.shown(), what).cure(Text::new("mysql-broken-view-cure"))
}

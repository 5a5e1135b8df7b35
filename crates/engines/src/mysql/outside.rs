//! What a server was given beside its databases and accounts, and what lies in its own tables: no backup takes it, so it
//! is told by name. Values are not told: one may be a secret.

use std::collections::BTreeMap;

use roadstead_core::{Finding, Text, finding::Severity};

use super::{
    flavour::Flavour,
    session::{Fault, Session},
    survey,
};

/// One question; its rows are names, and each names something that a restored server lacks.
struct Question {
    severity: Severity,
    key: &'static str,
    cure: &'static str,
    /// One column, in order.
    names: &'static str,
}

/// Asked of both flavours.
const OF_BOTH: &[Question] = &[
    Question {
        severity: Severity::Warning,
        key: "mysql-loadable",
        cure: "mysql-loadable-cure",
        names: "SELECT name FROM mysql.func ORDER BY 1",
    },
    // Rows that the server was made with are told only where somebody changed them.
    Question {
        severity: Severity::Note,
        key: "mysql-sys-config",
        cure: "mysql-sys-config-cure",
        names: "SELECT variable FROM sys.sys_config WHERE (variable, COALESCE(value, '')) NOT IN \
            (('diagnostics.allow_i_s_tables', 'OFF'), ('diagnostics.include_raw', 'OFF'), \
            ('ps_thread_trx_info.max_length', '65535'), ('statement_performance_analyzer.limit', '100'), \
            ('statement_performance_analyzer.view', ''), ('statement_truncate_len', '64')) ORDER BY 1",
    },
];

const OF_MYSQL: &[Question] = &[
    Question {
        severity: Severity::Warning,
        key: "mysql-components",
        cure: "mysql-components-cure",
        names: "SELECT component_urn FROM mysql.component ORDER BY component_id",
    },
    Question {
        severity: Severity::Warning,
        key: "mysql-persisted",
        cure: "mysql-persisted-cure",
        names: "SELECT VARIABLE_NAME FROM performance_schema.persisted_variables ORDER BY 1",
    },
    // Shown only to those who may use or change them.
    Question {
        severity: Severity::Warning,
        key: "mysql-resource-groups",
        cure: "mysql-resource-groups-cure",
        names: "SELECT RESOURCE_GROUP_NAME FROM information_schema.RESOURCE_GROUPS \
            WHERE RESOURCE_GROUP_NAME NOT IN ('USR_default', 'SYS_default') ORDER BY 1",
    },
    Question {
        severity: Severity::Note,
        key: "mysql-costs",
        cure: "mysql-costs-cure",
        names: "SELECT cost_name FROM mysql.server_cost WHERE cost_value IS NOT NULL UNION ALL \
            SELECT CONCAT(engine_name, ' ', cost_name) FROM mysql.engine_cost \
            WHERE cost_value IS NOT NULL OR engine_name <> 'default' ORDER BY 1",
    },
    Question {
        severity: Severity::Note,
        key: "mysql-follows",
        cure: "mysql-follows-cure",
        names: "SELECT CONCAT_WS(' ', NULLIF(Channel_name, ''), Host) FROM mysql.slave_master_info \
            WHERE Host <> '' AND Host <> '<NULL>' ORDER BY 1",
    },
];

const OF_MARIADB: &[Question] = &[Question {
    severity: Severity::Note,
    key: "mysql-statistics",
    cure: "mysql-statistics-cure",
    names: "SELECT CONCAT(db_name, '.', table_name) FROM mysql.table_stats ORDER BY 1",
}];

/// All of it, one finding for each kind. What the account may not see, or this server has not or cannot say, is passed over:
/// it is asked to inform, and must not end a backup. That a right is missing is a finding already.
pub(super) async fn found(session: &mut Session) -> Result<Vec<Finding>, Fault> {
    let of_flavour = if session.is_mysql() { OF_MYSQL } else { OF_MARIADB };
    let mut findings = Vec::new();
    for question in OF_BOTH.iter().chain(of_flavour) {
        let names = names(session, question.names).await?;
        findings.extend(told(question.severity, question.key, question.cure, &names));
    }
    let plugins = plugins(session).await?;
    findings.extend(told(Severity::Warning, "mysql-plugins", "mysql-plugins-cure", &plugins));
    if session.flavour == Flavour::Mariadb {
        let followed = followed(session).await?;
        findings.extend(told(Severity::Note, "mysql-follows", "mysql-follows-cure", &followed));
    }
    Ok(findings)
}

fn told(severity: Severity, key: &str, cure: &str, names: &[String]) -> Option<Finding> {
    let first = names.first()?.clone();
    let what = Text::new(key).with("count", names.len()).with("names", survey::listed(names));
    Some(Finding::new(severity, first, what).cure(Text::new(cure)))
}

async fn names(session: &mut Session, sql: &str) -> Result<Vec<String>, Fault> {
    match session.rows(sql).await {
        Ok(rows) => Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()),
        Err(fault) if fault.is_of_the_statement() => {
            tracing::debug!(code = fault.code, sql, "not told");
            Ok(Vec::new())
        }
        Err(fault) => Err(fault),
    }
}

/// Plugins that were installed by a statement; not those that accounts are let in by, which a load installs again.
async fn plugins(session: &mut Session) -> Result<Vec<String>, Fault> {
    let installed = names(session, "SELECT name FROM mysql.plugin ORDER BY 1").await?;
    if installed.is_empty() {
        return Ok(installed);
    }
    let sql = "SELECT PLUGIN_NAME FROM information_schema.PLUGINS WHERE PLUGIN_TYPE = 'AUTHENTICATION' AND PLUGIN_STATUS = 'ACTIVE'";
    let letting_in = names(session, sql).await?;
    let accounts = match session.flavour {
        Flavour::Mysql => "SELECT CONCAT_WS(' ', plugin, User_attributes) FROM mysql.user",
        Flavour::Mariadb => "SELECT Priv FROM mysql.global_priv",
    };
    let accounts = names(session, accounts).await?;
    let is_again = |name: &String| {
        letting_in.iter().any(|known| known.eq_ignore_ascii_case(name))
            && accounts.iter().any(|account| account.contains(name.as_str()))
    };
    Ok(installed.into_iter().filter(|name| !is_again(name)).collect())
}

/// The servers that this one follows, where the account may see them.
async fn followed(session: &mut Session) -> Result<Vec<String>, Fault> {
    let rows = match session.named("SHOW ALL REPLICAS STATUS").await {
        Err(fault) if fault.is_of_the_statement() => return Ok(Vec::new()),
        other => other?,
    };
    let named = |row: BTreeMap<String, String>| {
        let parts = ["Connection_name", "Master_Host"].into_iter().filter_map(|column| row.get(column));
        parts.filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ")
    };
    Ok(rows.into_iter().map(named).collect())
}

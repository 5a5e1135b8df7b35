//! Looking at members: a handful of cheap questions, all inside the link's deadline. Writes nothing, ever.

use std::collections::BTreeMap;

use async_trait::async_trait;
use roadstead_core::{
    Bytes, Error, Finding, Kind, Millis, Result,
    model::ClusterSpec,
    port::{Link, Observe, engine::Depth},
    seen::{Facts, Replication, Role, SettingSeen},
};
use serde_json::json;

use super::{
    Mysql, accounts,
    flavour::Flavour,
    profile::SYSTEM_DATABASES,
    session::{Fault, Session, silent},
    settings, survey,
};

#[async_trait]
impl Observe for Mysql {
    async fn look(
        &self,
        link: &Link,
        cluster: &ClusterSpec,
        depth: Depth,
        wanted: &[String],
    ) -> Result<Facts> {
        let looking = look(link, cluster, depth, wanted);
        let result = tokio::time::timeout(link.deadline.duration(), looking).await;
        result.unwrap_or_else(|_| Err(silent(link.deadline)))
    }

    async fn admits(&self, link: &Link) -> Result<bool> {
        super::session::admits(link).await
    }

    async fn survey(&self, link: &Link, cluster: &ClusterSpec) -> Result<Vec<Finding>> {
        survey::survey(link, cluster).await
    }
}

async fn look(link: &Link, cluster: &ClusterSpec, depth: Depth, wanted: &[String]) -> Result<Facts> {
    let mut session = Session::open(link).await.map_err(as_starting)?;
    let mut facts = Facts {
        version: Some(session.version.clone()),
        flavour: session.flavour.word().into(),
        protection: session.protection,
        ..Facts::default()
    };
    brief(&mut session, &mut facts).await?;
    if depth != Depth::Brief {
        facts.settings = settings_in_force(&mut session, cluster, wanted).await?;
        facts.databases = Some(databases(&mut session).await?);
        facts.own = json!({ "accounts": accounts::seen(&mut session, cluster).await? });
    }
    facts.size = size(&mut session).await;
    session.close().await;
    Ok(facts)
}

/// A server that is going down or coming up says so; that is not a refusal.
fn as_starting(error: Error) -> Error {
    let text = error.what.args.get("code").map(ToString::to_string);
    match text.as_deref() {
        Some("1053" | "3169") => Error { kind: Kind::Busy, ..error },
        _ => error,
    }
}

async fn brief(session: &mut Session, facts: &mut Facts) -> Result<(), Fault> {
    let row = session.rows("SELECT @@global.read_only, @@global.max_connections").await?;
    let value = |index: usize| row.first().and_then(|row| row.get(index).cloned().flatten());
    facts.read_only = value(0).map(|text| text != "0");
    facts.connections_allowed = value(1).and_then(|text| text.parse().ok());
    let status =
        session.rows("SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Threads_connected')").await?;
    for row in status {
        let [Some(name), Some(value)] = row.as_slice() else { continue };
        match name.as_str() {
            "Uptime" => facts.uptime = value.parse().ok().map(Millis::seconds),
            _ => facts.connections_used = value.parse().ok(),
        }
    }
    facts.position = position(session).await?;
    let sources = replica_status(session).await;
    let followers = followers(session).await;
    facts.role = match &sources {
        Some(sources) if sources.is_empty() => Some(Role::Primary),
        Some(_) => Some(Role::Replica),
        None => None,
    };
    facts.replication = match sources.as_ref().and_then(|sources| sources.first()) {
        Some(status) => Some(following(status, followers)),
        None if followers > 0 => Some(Replication { followers, ..Replication::default() }),
        None => None,
    };
    Ok(())
}

/// Where the server stands in its log: the set of transaction identifiers where it keeps one, else file and offset.
pub(super) async fn position(session: &mut Session) -> Result<Option<String>, Fault> {
    let sql = match session.flavour {
        Flavour::Mysql => "SELECT @@global.gtid_executed",
        Flavour::Mariadb => "SELECT @@global.gtid_current_pos",
    };
    if let Some(set) = session.value(sql).await?.filter(|set| !set.is_empty()) {
        return Ok(Some(set.replace(['\n', '\r'], "")));
    }
    Ok(file_position(session).await.map(|(file, offset)| format!("{file}:{offset}")))
}

/// File and offset of the binary log; `None` without a log, or without the right to ask.
pub(super) async fn file_position(session: &mut Session) -> Option<(String, String)> {
    let sql = match session.flavour {
        Flavour::Mysql if session.is_at_least(Flavour::Mysql, &[8, 2]) => "SHOW BINARY LOG STATUS",
        _ => "SHOW MASTER STATUS",
    };
    let row = session.rows(sql).await.ok()?.into_iter().next()?;
    let mut values = row.into_iter().flatten();
    Some((values.next()?, values.next()?))
}

/// What it follows; `None`: we may not ask.
async fn replica_status(session: &mut Session) -> Option<Vec<BTreeMap<String, String>>> {
    let sql = match session.flavour {
        Flavour::Mariadb => "SHOW ALL REPLICAS STATUS",
        Flavour::Mysql if session.is_at_least(Flavour::Mysql, &[8, 0, 22]) => "SHOW REPLICA STATUS",
        Flavour::Mysql => "SHOW SLAVE STATUS",
    };
    session.named(sql).await.ok()
}

/// How many read its log; 0 also where we may not see other sessions.
async fn followers(session: &mut Session) -> u64 {
    let sql = match session.flavour {
        Flavour::Mysql => {
            "SELECT COUNT(*) FROM performance_schema.processlist WHERE COMMAND LIKE 'Binlog Dump%'"
        }
        Flavour::Mariadb => {
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'"
        }
    };
    session.value(sql).await.ok().flatten().and_then(|count| count.parse().ok()).unwrap_or(0)
}

fn following(status: &BTreeMap<String, String>, followers: u64) -> Replication {
    let value = |names: [&str; 2]| names.iter().find_map(|name| status.get(*name)).cloned();
    let source = value(["Source_Host", "Master_Host"]).unwrap_or_default();
    let port = value(["Source_Port", "Master_Port"]).unwrap_or_default();
    let lag = value(["Seconds_Behind_Source", "Seconds_Behind_Master"]);
    let reads = value(["Replica_IO_Running", "Slave_IO_Running"]);
    Replication {
        source: Some(format!("{source}:{port}")),
        streaming: reads.map(|state| state == "Yes"),
        lag: lag.and_then(|seconds| seconds.parse().ok()).map(Millis::seconds),
        lag_bytes: None,
        followers,
    }
}

/// Sizes of the table spaces' files: a list that the storage engine holds, so no table is opened (a table of the
/// FEDERATED engine would call its remote). `None` without the right (`PROCESS`), or when it takes too long.
async fn size(session: &mut Session) -> Option<Bytes> {
    let sql = match session.flavour {
        Flavour::Mysql => {
            "SELECT /*+ MAX_EXECUTION_TIME(500) */ SUM(FILE_SIZE) FROM information_schema.INNODB_TABLESPACES"
        }
        Flavour::Mariadb => {
            "SET STATEMENT max_statement_time=0.5 FOR SELECT SUM(FILE_SIZE) \
             FROM information_schema.INNODB_SYS_TABLESPACES"
        }
    };
    let sum = session.value(sql).await.ok()??;
    sum.split('.').next()?.parse().ok().map(Bytes)
}

async fn settings_in_force(
    session: &mut Session,
    cluster: &ClusterSpec,
    wanted: &[String],
) -> Result<BTreeMap<String, SettingSeen>, Fault> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let flavour = session.flavour;
    let mut found = BTreeMap::new();
    for row in session.rows("SHOW GLOBAL VARIABLES").await? {
        let [Some(name), value] = row.as_slice() else { continue };
        let name = name.to_lowercase();
        if wanted.contains(&name) {
            let declared = cluster.settings.iter().find(|(known, _)| settings::canonical(known) == name);
            let declared = declared.map(|(_, value)| value.as_str());
            let shown = value.as_deref().unwrap_or_default();
            let value = settings::in_force(&name, shown, declared, flavour);
            let effect = settings::effect(&name, flavour);
            found.insert(name, SettingSeen { value, effect, pending: false });
        }
    }
    Ok(found)
}

/// The databases that are users'.
pub(super) async fn databases(session: &mut Session) -> Result<Vec<String>, Fault> {
    let rows = session.rows("SHOW DATABASES").await?;
    let names = rows.into_iter().filter_map(|row| row.into_iter().next().flatten());
    let mut names: Vec<_> =
        names.filter(|name| !SYSTEM_DATABASES.contains(&name.to_lowercase().as_str())).collect();
    names.sort();
    Ok(names)
}

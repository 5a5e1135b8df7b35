//! One look at a member: few questions, all within the link's deadline. Nothing is remembered, nothing is changed.

use roadstead_core::{
    Bytes, Error, Kind, Millis, Result, Text, Version,
    model::ClusterSpec,
    port::{Link, engine::Depth},
    seen::{Facts, Protection, Replication, Role, SettingSeen},
};
use serde_json::{Value, json};

use super::{
    accounts::{self, Account},
    link::{Row, Session, silent},
    parameters,
    profile::NAME,
    sql::{array, literal},
};

/// What `status` shows, in one row.
const BRIEF: &str = "SELECT current_setting('server_version'), version() LIKE 'PostgreSQL %', pg_is_in_recovery(), \
    (extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()) * 1000)::bigint, \
    CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) \
      ELSE pg_current_wal_lsn() END, \
    CASE WHEN pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') \
      THEN (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') END, \
    current_setting('max_connections'), \
    (SELECT reset_val FROM pg_settings WHERE name = 'default_transaction_read_only'), \
    (SELECT count(*) FROM pg_stat_replication), \
    (SELECT coalesce(sender_host, '') || ':' || coalesce(sender_port::text, '') FROM pg_stat_wal_receiver), \
    (SELECT status = 'streaming' FROM pg_stat_wal_receiver), \
    CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 ELSE \
      (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint END, \
    CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::bigint END";

/// The size of everything; asks the file system, so it may take long where there are very many tables.
const SIZE: &str = "SET statement_timeout = {limit}; SELECT sum(pg_database_size(oid))::bigint FROM pg_database \
    WHERE has_database_privilege(oid, 'CONNECT') OR pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')";

const DATABASES: &str =
    "SELECT datname FROM pg_database WHERE datname NOT IN ('template0', 'template1') ORDER BY 1";

/// One look.
pub(super) async fn look(
    link: &Link,
    cluster: &ClusterSpec,
    depth: Depth,
    settings: &[String],
) -> Result<Facts> {
    let looking = async {
        let session = Session::home(link).await?;
        session.run("SET search_path = ''").await?;
        let mut facts = brief(&session, link).await?;
        if depth != Depth::Brief {
            full(&session, link, cluster, settings, &mut facts).await?;
        }
        Ok(facts)
    };
    let looked = tokio::time::timeout(link.deadline.duration(), looking).await;
    looked.unwrap_or_else(|_| Err(silent(link)))
}

async fn brief(session: &Session, link: &Link) -> Result<Facts> {
    let size = SIZE.replace("{limit}", &(link.deadline.0 / 3).max(1).to_string());
    // Both are sent at once; the second is answered after the first, and may fail alone.
    let (brief, size) = tokio::join!(session.rows(BRIEF), session.rows(&size));
    let rows = brief?;
    let row = rows.first().ok_or_else(|| Error::internal("a SELECT without FROM gave no row"))?;
    let text = |index: usize| row.get(index).cloned().flatten();
    let number = |index: usize| text(index).and_then(|text| text.parse::<u64>().ok());
    let truth = |index: usize| text(index).map(|text| text == "t");
    if truth(1) != Some(true) {
        return Err(Error::new(Kind::Denied, Text::new("postgresql-is-another")));
    }
    let recovering = truth(2) == Some(true);
    let followers = number(8).unwrap_or(0);
    let replication = (recovering || followers > 0).then(|| Replication {
        source: text(9).filter(|_| recovering),
        streaming: recovering.then(|| truth(10) == Some(true)),
        lag: number(11).filter(|_| recovering).map(Millis),
        lag_bytes: number(12).map(Bytes),
        followers,
    });
    Ok(Facts {
        role: Some(if recovering { Role::Replica } else { Role::Primary }),
        version: text(0).as_deref().and_then(Version::parse),
        flavour: NAME.to_owned(),
        uptime: number(3).map(Millis),
        position: text(4),
        connections_used: number(5),
        connections_allowed: number(6),
        size: size.ok().and_then(|rows| rows.first()?.first()?.as_ref()?.parse().ok()).map(Bytes),
        replication,
        read_only: Some(recovering || text(7).as_deref() == Some("on")),
        protection: session.protection,
        ..Facts::default()
    })
}

async fn full(
    session: &Session,
    link: &Link,
    cluster: &ClusterSpec,
    settings: &[String],
    facts: &mut Facts,
) -> Result<()> {
    let asked = format!(
        "SELECT name, CASE WHEN context IN ('postmaster', 'internal') THEN setting ELSE reset_val END, context, \
         pending_restart, coalesce(sourcefile LIKE '%postgresql.auto.conf', false) FROM pg_settings \
         WHERE name = ANY ({asked}) UNION ALL SELECT name, current_setting(name, true), 'sighup', false, false \
         FROM unnest({asked}) AS u(name) WHERE name LIKE '%.%' AND current_setting(name, true) IS NOT NULL \
         AND NOT EXISTS (SELECT FROM pg_settings s WHERE s.name = u.name)",
        asked = array(settings.iter().map(String::as_str))
    );
    let mut overridden = serde_json::Map::new();
    for row in session.rows(&asked).await? {
        let [Some(name), value, Some(context), pending, auto] = fixed(row)? else { continue };
        overridden.insert(name.clone(), json!(auto.as_deref() == Some("t")));
        let seen = SettingSeen {
            value: parameters::normal(&name, &value.unwrap_or_default()),
            effect: parameters::effect(&context),
            pending: pending.as_deref() == Some("t"),
        };
        facts.settings.insert(name, seen);
    }
    let names = session.rows(DATABASES).await?;
    let names: Vec<String> = names.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
    let mut databases = serde_json::Map::new();
    for name in &cluster.databases {
        let exists = names.contains(name);
        let reconciled = exists && is_reconciled(link, name).await?;
        databases.insert(name.clone(), json!({ "exists": exists, "reconciled": reconciled }));
    }
    let accounts = look_at_accounts(session, cluster, &names).await?;
    facts.databases = Some(names);
    facts.own = json!({ "databases": databases, "accounts": accounts, "overridden": overridden });
    Ok(())
}

/// Whether the rights in a database are as declared. An account that may not see it counts as "no": the act that
/// follows is idempotent and says itself what it may not do.
async fn is_reconciled(link: &Link, database: &str) -> Result<bool> {
    match Session::open(link, database).await {
        Err(error) if error.kind == Kind::Denied => Ok(false),
        Err(error) => Err(error),
        Ok(inside) => {
            inside.run("SET search_path = ''").await?;
            Ok(inside.value(&accounts::rights_question(database)).await?.as_deref() == Some("t"))
        }
    }
}

async fn look_at_accounts(
    session: &Session,
    cluster: &ClusterSpec,
    databases: &[String],
) -> Result<serde_json::Map<String, Value>> {
    let mut found = serde_json::Map::new();
    for (name, role) in &cluster.roles {
        let account = Account::declared(cluster, name, role);
        let rows = match session.rows(&account.question()).await {
            // Only a superuser sees whether there is a password.
            Err(error) if error.kind == Kind::Denied => session.rows(&exists_question(name)).await?,
            other => other?,
        };
        let [_, exists, reconciled, member_of] = fixed(rows.into_iter().next().unwrap_or_default())?;
        let truth = |text: Option<String>| text.as_deref() == Some("t");
        let member_of: Vec<String> = member_of
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(Error::internal)?
            .unwrap_or_default();
        let stays_on = account.stays_on(databases, &member_of);
        let reconciled = truth(reconciled) && stays_on.is_empty();
        found.insert(
            name.clone(),
            json!({ "exists": truth(exists), "reconciled": reconciled, "stays_on": stays_on }),
        );
    }
    Ok(found)
}

fn exists_question(name: &str) -> String {
    let name = literal(name);
    format!("SELECT {name}, count(*) > 0, NULL, NULL FROM pg_roles WHERE rolname = {name}")
}

/// A row of exactly so many columns.
pub(super) fn fixed<const N: usize>(row: Row) -> Result<[Option<String>; N]> {
    let length = row.len();
    row.try_into().map_err(|_| Error::internal(format!("{length} columns where {N} were asked for")))
}

/// Whether plaintext leaves this host.
pub(super) fn in_clear_beyond_host(link: &Link, protection: Protection) -> bool {
    match &link.endpoint {
        roadstead_core::port::layout::Endpoint::Tcp(host, _) => {
            protection == Protection::Plain && !crate::tls::is_loopback(host)
        }
        roadstead_core::port::layout::Endpoint::Socket(_) => false,
    }
}

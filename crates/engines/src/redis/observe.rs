//! Looking at a member: one connection, a few questions, nothing remembered.

use std::collections::BTreeMap;

use async_trait::async_trait;
use roadstead_core::{
    Bytes, Error, Finding, Kind, Millis, Result, Text,
    model::ClusterSpec,
    port::{
        Observe,
        engine::{Depth, Link},
        layout::Endpoint,
    },
    seen::{Facts, Protection, Replication, Role, SettingSeen},
};

use super::{
    Redis, accounts,
    connection::{Connection, silent},
    info::Info,
    resp::Reply,
    rights::Commands,
    settings,
};
use crate::tls;

#[async_trait]
impl Observe for Redis {
    async fn look(
        &self,
        link: &Link,
        cluster: &ClusterSpec,
        depth: Depth,
        settings: &[String],
    ) -> Result<Facts> {
        let limit = link.deadline.duration();
        let looked = tokio::time::timeout(limit, look(link, cluster, depth, settings)).await;
        looked.map_err(|_| silent(&link.endpoint.to_string(), limit))?
    }

    async fn admits(&self, link: &Link) -> Result<bool> {
        match tokio::time::timeout(link.deadline.duration(), Connection::open(link)).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) if error.kind == Kind::Denied => Ok(!super::connection::is_wrong_password(&error)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(silent(&link.endpoint.to_string(), link.deadline.duration())),
        }
    }

    async fn survey(&self, link: &Link, _cluster: &ClusterSpec) -> Result<Vec<Finding>> {
        let mut connection = Connection::open(link).await?;
        let mut findings = Vec::new();
        if connection.protection == Protection::Plain
            && let Endpoint::Tcp(host, _) = &link.endpoint
            && !tls::is_loopback(host)
        {
            let what = Text::new("redis-plaintext").with("endpoint", connection.place());
            let cure = Text::new("redis-plaintext-cure");
            findings.push(Finding::warning(connection.place(), what).cure(cure));
        }
        findings.extend(survey(&mut connection, link).await?);
        Ok(findings)
    }
}

async fn look(link: &Link, cluster: &ClusterSpec, depth: Depth, settings: &[String]) -> Result<Facts> {
    let mut connection = Connection::open(link).await?;
    let info = Info::ask(&mut connection).await?;
    if info.is_set("loading") {
        let left = info.number("loading_eta_seconds").unwrap_or(0);
        let what = Text::new("redis-loading").with("endpoint", connection.place()).with("seconds", left);
        return Err(Error::new(Kind::Busy, what));
    }
    let mut facts = facts(&info);
    facts.protection = connection.protection;
    if depth != Depth::Brief {
        facts.settings = in_force(&mut connection, settings).await?;
        facts.own = match accounts_seen(&mut connection, cluster).await {
            Ok(accounts) => accounts,
            Err(error) if error.kind == Kind::Denied => serde_json::Value::Null,
            Err(error) => return Err(error),
        };
    }
    Ok(facts)
}

async fn accounts_seen(connection: &mut Connection, cluster: &ClusterSpec) -> Result<serde_json::Value> {
    let accounts = accounts::list(connection).await?;
    // What commands there are matters only where accounts are declared.
    let commands =
        if cluster.roles.is_empty() { Commands::default() } else { Commands::ask(connection).await? };
    Ok(accounts::facts(&accounts, &commands))
}

fn facts(info: &Info) -> Facts {
    let (version, flavour) = info.version();
    let role = match info.text("role") {
        Some("master") => Some(Role::Primary),
        Some("slave" | "replica") => Some(Role::Replica),
        _ => None,
    };
    let read_only = match role {
        Some(Role::Primary) => Some(false),
        Some(Role::Replica) => info.text("slave_read_only").map(|told| told == "1"),
        None => None,
    };
    Facts {
        role,
        version,
        flavour: flavour.to_owned(),
        uptime: info.number("uptime_in_seconds").map(Millis::seconds),
        position: info.position(),
        connections_used: info.number("connected_clients"),
        connections_allowed: info.number("maxclients"),
        size: info.number("used_memory").map(Bytes),
        replication: replication(info, role),
        read_only,
        ..Facts::default()
    }
}

fn replication(info: &Info, role: Option<Role>) -> Option<Replication> {
    let followers = info.number("connected_slaves").unwrap_or(0);
    if role != Some(Role::Replica) {
        return (followers > 0).then(|| Replication { followers, ..Replication::default() });
    }
    let source = Some(format!("{}:{}", info.text("master_host")?, info.text("master_port")?));
    let streaming = info.text("master_link_status").map(|status| status == "up");
    // What was received and not yet applied; what was never received, only the source knows.
    let received = info.number("slave_read_repl_offset");
    let lag_bytes =
        received.zip(info.number("slave_repl_offset")).map(|(read, done)| Bytes(read.saturating_sub(done)));
    Some(Replication { source, streaming, lag: None, lag_bytes, followers })
}

/// The values in force of these settings; one that the server does not know is left out.
pub(super) async fn in_force(
    connection: &mut Connection,
    names: &[String],
) -> Result<BTreeMap<String, SettingSeen>> {
    let names: Vec<_> = names.iter().filter(|name| !settings::is_secret(name)).collect();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut command = vec!["CONFIG", "GET"];
    command.extend(names.iter().map(|name| name.as_str()));
    let told = pairs(connection.ask(&command).await?);
    let seen = told.into_iter().filter(|(name, _)| names.contains(&name)).map(|(name, value)| {
        let value = settings::normalised(&name, &value);
        let seen = SettingSeen { value, effect: settings::effect(&name), pending: false };
        (name, seen)
    });
    Ok(seen.collect())
}

/// A flat list of names and values.
pub(super) fn pairs(reply: Reply) -> Vec<(String, String)> {
    let words: Vec<_> = reply.list().iter().map(|word| word.text().unwrap_or_default()).collect();
    words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

async fn survey(connection: &mut Connection, link: &Link) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let place = connection.place().to_owned();
    let info = match Info::ask(connection).await {
        Ok(info) => info,
        Err(error) if error.kind == Kind::Denied => {
            findings.push(lacks(&place, "INFO", link));
            Info::default()
        }
        Err(error) => return Err(error),
    };
    if info.is_set("cluster_enabled") {
        let cure = Text::new("redis-sharded-cure");
        findings.push(Finding::warning(&place, Text::new("redis-sharded")).cure(cure));
    }
    if info.text("role") == Some("slave") && info.text("master_link_status") != Some("up") {
        let cure = Text::new("redis-link-down-cure");
        findings.push(Finding::error(&place, Text::new("redis-link-down")).cure(cure));
    }
    // Asking with something that is no offset ends in an error before anything begins, or in the lack of the right.
    let questions: [(&str, &[&str]); 5] = [
        ("REPLCONF", &["REPLCONF", "capa", "eof"]),
        ("PSYNC", &["PSYNC", "?", "none"]),
        ("CONFIG GET", &["CONFIG", "GET", "rdbchecksum"]),
        ("ACL LIST", &["ACL", "LIST"]),
        ("MODULE LIST", &["MODULE", "LIST"]),
    ];
    for (name, command) in questions {
        match connection.ask(command).await {
            Ok(reply) => findings.extend(told(&place, name, reply)),
            Err(error) if error.kind == Kind::Denied => findings.push(lacks(&place, name, link)),
            Err(error) if matches!(error.kind, Kind::Failed | Kind::Busy) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}

fn lacks(place: &str, command: &str, link: &Link) -> Finding {
    let user = if link.user.is_empty() { "default" } else { &link.user };
    let what = Text::new("redis-lacks").with("user", user).with("command", command);
    let cure = Text::new("redis-lacks-cure").with("user", user);
    // Without accounts, settings and modules there is a backup, only less of one.
    match command {
        "PSYNC" | "REPLCONF" | "INFO" => Finding::error(place, what).cure(cure),
        _ => Finding::warning(place, what).cure(cure),
    }
}

fn told(place: &str, question: &str, reply: Reply) -> Option<Finding> {
    match question {
        "CONFIG GET"
            if pairs(reply.clone()).iter().any(|(name, value)| name == "rdbchecksum" && value == "no") =>
        {
            let cure = Text::new("redis-no-checksum-cure");
            Some(Finding::warning(place, Text::new("redis-no-checksum")).cure(cure))
        }
        "MODULE LIST" => {
            let modules = reply.list().into_iter().filter_map(|module| {
                pairs(module).into_iter().find(|(name, _)| name == "name").map(|(_, value)| value)
            });
            let modules = modules.collect::<Vec<_>>().join(", ");
            let what = Text::new("redis-modules").with("modules", &modules);
            (!modules.is_empty()).then(|| Finding::warning(place, what).cure(Text::new("redis-modules-cure")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_tells_whom_it_follows() {
        let info = Info::parse(
            "redis_version:7.0.15\nrole:slave\nmaster_host:10.0.0.1\nmaster_port:6379\nmaster_link_status:down\n\
             slave_read_repl_offset:120\nslave_repl_offset:100\nslave_read_only:1\nconnected_slaves:0\n\
             master_replid:abc\nmaster_repl_offset:100\n",
        );
        let facts = facts(&info);
        assert_eq!((facts.role, facts.read_only), (Some(Role::Replica), Some(true)));
        assert_eq!(facts.position.as_deref(), Some("abc:100"));
        let replication = facts.replication.expect("it follows");
        assert_eq!(replication.source.as_deref(), Some("10.0.0.1:6379"));
        assert_eq!((replication.streaming, replication.lag_bytes), (Some(false), Some(Bytes(20))));
    }
}

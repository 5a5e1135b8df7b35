//! Taking out of a server what a broken-off load left there: databases, accounts and what belongs to the server itself,
//! as far as the snapshot holds them and they were not there before.

use std::collections::{BTreeSet, HashSet};

use roadstead_core::{
    Error, Kind, Result, Text,
    manifest::Manifest,
    port::{Link, engine::LoadAsk},
};
use serde::{Deserialize, Serialize};

use super::{
    catalogue::{self, Holds},
    definitions, flavour, load, observe,
    session::Session,
};

/// What a server had before a load, although it counts as empty.
#[derive(Debug, Serialize, Deserialize)]
struct Before {
    /// Which server it is.
    server: String,
    /// Accounts and roles, each `user@host`, a role of MariaDB's `role@`; `None`: they may not be listed.
    accounts: Option<BTreeSet<String>>,
    /// Table spaces, spatial systems and remote servers, each with its kind.
    things: BTreeSet<(String, String)>,
}

impl Before {
    async fn read(session: &mut Session) -> Result<Self> {
        let things = definitions::of_server(session).await?;
        let things = things.into_iter().map(|thing| (thing.kind.to_owned(), thing.name.concat())).collect();
        Ok(Self { server: server(session).await?, accounts: accounts(session).await?, things })
    }
}

async fn server(session: &mut Session) -> Result<String> {
    let uuid = if session.is_mysql() { ", @@server_uuid" } else { "" };
    let told = session.value(&format!("SELECT CONCAT_WS(' ', @@hostname, @@port, @@datadir{uuid})")).await?;
    Ok(told.unwrap_or_default())
}

async fn accounts(session: &mut Session) -> Result<Option<BTreeSet<String>>> {
    match session.rows("SELECT CONCAT(User, '@', Host) FROM mysql.user").await {
        Ok(rows) => Ok(Some(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())),
        Err(fault) if fault.is_denied() => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

/// Fails when the server cannot take the snapshot; else what it had before.
pub(super) async fn fits(link: &Link, ask: &LoadAsk<'_>) -> Result<serde_json::Value> {
    let mut session = Session::open(link).await?;
    load::fits(&mut session, ask).await?;
    let before = Before::read(&mut session).await?;
    session.close().await;
    serde_json::to_value(before).map_err(Error::internal)
}

/// Removes them; refuses, before it removes anything, when this is another server, somebody works in these databases, or
/// there are databases or tables that the snapshot has not.
pub(super) async fn clear(link: &Link, ask: &LoadAsk<'_>) -> Result<()> {
    let before = ask.before.clone().ok_or_else(|| Error::internal("nobody looked before the load"))?;
    let before: Before = serde_json::from_value(before).map_err(Error::internal)?;
    let mut session = Session::open(link).await?;
    if server(&mut session).await? != before.server {
        let what = Text::new("mysql-clear-other").with("endpoint", link.endpoint.to_string());
        return Err(Error::new(Kind::Precondition, what).cure(Text::new("mysql-clear-other-cure")));
    }
    let manifest = &ask.record.dumped.manifest;
    let databases = observe::databases(&mut session).await?;
    only_known(&mut session, link, manifest, &databases).await?;
    unused(&mut session, link, &databases).await?;
    session.run("SET SESSION foreign_key_checks = 0").await?;
    for database in &databases {
        let name = flavour::name(database);
        if session.is_at_least(flavour::Flavour::Mysql, &[8, 0, 22]) {
            session.run(format!("ALTER DATABASE {name} READ ONLY = 0")).await?;
        }
        session.run(format!("DROP DATABASE {name}")).await?;
    }
    of_the_server(&mut session, manifest, &before).await?;
    session.close().await;
    Ok(())
}

fn of<'a>(manifest: &'a Manifest, kind: &'static str) -> impl Iterator<Item = &'a Vec<String>> {
    manifest.objects.iter().filter(move |object| object.kind == kind).map(|object| &object.name)
}

/// Fails when a database or a table is none of the snapshot's.
async fn only_known(
    session: &mut Session,
    link: &Link,
    manifest: &Manifest,
    databases: &[String],
) -> Result<()> {
    // Such a server keeps names in small letters, or takes them so.
    let folds = session.value("SELECT @@lower_case_table_names").await?.is_some_and(|told| told != "0");
    let plain = |name: &[String]| -> Vec<String> {
        name.iter().map(|part| if folds { part.to_lowercase() } else { part.clone() }).collect()
    };
    let ours: HashSet<_> = of(manifest, "database").map(|name| plain(name)).collect();
    let known: HashSet<_> = manifest.objects.iter().map(|object| plain(&object.name)).collect();
    for database in databases {
        if !ours.contains(&plain(std::slice::from_ref(database))) {
            return Err(foreign(link, database));
        }
        // Tables that hold nothing, and views that cannot be used, may be in no manifest; nothing is lost with them.
        for table in catalogue::tables(session, database).await? {
            if table.holds() == Holds::Nothing || known.contains(&plain(&table.path())) {
                continue;
            }
            if !table.is_view() || catalogue::broken(session, &table).await?.is_none() {
                return Err(foreign(link, &table.shown()));
            }
        }
        let programs = format!(
            "SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = {0} UNION \
             SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {0} UNION \
             SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {0}",
            flavour::text(database)
        );
        for program in session.rows(programs).await?.into_iter().flatten().flatten() {
            if !known.contains(&plain(&[database.clone(), program.clone()])) {
                return Err(foreign(link, &format!("{database}.{program}")));
            }
        }
    }
    Ok(())
}

/// Fails while another account than the load's is at work in one of these.
async fn unused(session: &mut Session, link: &Link, databases: &[String]) -> Result<()> {
    for process in session.named("SHOW PROCESSLIST").await? {
        let told = |column: &str| {
            let found = process.iter().find(|(name, _)| name.eq_ignore_ascii_case(column));
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let (user, database) = (told("user"), told("db"));
        if user != link.user && databases.iter().any(|name| name == database) {
            return Err(foreign(link, &format!("{user} → {database}")));
        }
    }
    Ok(())
}

/// Accounts, roles, and what else is no database's.
async fn of_the_server(session: &mut Session, manifest: &Manifest, before: &Before) -> Result<()> {
    if let (Some(before), Some(there)) = (&before.accounts, accounts(session).await?) {
        for (kind, role) in [("account", false), ("role", true)] {
            for name in of(manifest, kind).map(|name| name.concat()) {
                let listed = if role { format!("{name}@") } else { name.clone() };
                if before.contains(&listed) || !there.contains(&listed) {
                    continue;
                }
                // A user's name may hold the sign, a host's may not.
                let sql = match name.rsplit_once('@') {
                    Some((user, host)) if !role => {
                        format!("DROP USER {}@{}", flavour::text(user), flavour::text(host))
                    }
                    _ => format!("DROP ROLE {}", flavour::name(&name)),
                };
                session.run(sql).await?;
            }
        }
    }
    for thing in definitions::of_server(session).await? {
        let name = thing.name.concat();
        let is_ours = of(manifest, thing.kind).any(|ours| ours.concat() == name);
        if !is_ours || before.things.contains(&(thing.kind.to_owned(), name.clone())) {
            continue;
        }
        let sql = match thing.kind {
            "server" => format!("DROP SERVER {}", flavour::name(&name)),
            "tablespace" => format!("DROP TABLESPACE {}", flavour::name(&name)),
            _ => format!("DROP SPATIAL REFERENCE SYSTEM {name}"),
        };
        session.run(sql).await?;
    }
    Ok(())
}

fn foreign(link: &Link, thing: &str) -> Error {
    let what =
        Text::new("mysql-clear-foreign").with("endpoint", link.endpoint.to_string()).with("thing", thing);
    Error::new(Kind::Exists, what).cure(Text::new("mysql-clear-foreign-cure"))
}

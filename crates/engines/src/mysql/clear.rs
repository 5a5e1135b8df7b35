//! Taking out of a server what a broken-off load left there: databases, accounts and what belongs to the server itself,
//! as far as the snapshot holds them and they were not there before.

use std::collections::{BTreeSet, HashSet};

use roadstead_core::{
    Error, Kind, Result, Text,
    manifest::Manifest,
    port::{Link, Source, engine::LoadAsk},
};
use serde::{Deserialize, Serialize};

use super::{
    catalogue::{self, Holds},
    definitions, flavour, load,
    manifest::of_role,
    observe,
    session::Session,
};

/// The streams of what has no rows of its own.
const PROGRAMS: &[&str] = &["routines.sql", "views.sql", "triggers.sql", "events.sql"];

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

/// MariaDB has no name of its own for its data; when its first tables were made must do.
async fn server(session: &mut Session) -> Result<String> {
    let own = if session.is_mysql() {
        "@@server_uuid"
    } else {
        "(SELECT MIN(CREATE_TIME) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'mysql')"
    };
    let told = session.value(&format!("SELECT CONCAT_WS(' ', @@hostname, @@port, @@datadir, {own})")).await?;
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
pub(super) async fn fits(source: &dyn Source, link: &Link, ask: &LoadAsk<'_>) -> Result<serde_json::Value> {
    let mut session = Session::open(link).await?;
    load::fits(&mut session, link, ask).await?;
    let before = Before::read(&mut session).await?;
    can_take_away(source, &mut session, link, ask, &before).await?;
    session.close().await;
    serde_json::to_value(before).map_err(Error::internal)
}

/// Fails where accounts that lost a part of a right on everything could not be made with that loss: they would have more
/// rights there than in the backup.
async fn can_take_away(
    source: &dyn Source,
    session: &mut Session,
    link: &Link,
    ask: &LoadAsk<'_>,
    before: &Before,
) -> Result<()> {
    if !session.is_at_least(flavour::Flavour::Mysql, &[8, 0, 16])
        || session.value("SELECT @@partial_revokes").await?.as_deref() != Some("0")
    {
        return Ok(());
    }
    let is_there = |name: &String| before.accounts.as_ref().is_some_and(|there| there.contains(name));
    let is_kept = |user: Option<&String>| user.is_some_and(|user| ask.keep_accounts.contains(user));
    let lost = load::who_lost(source).await?.into_iter().filter(|account| !is_kept(account.first()));
    let accounts: Vec<String> =
        lost.map(|account| account.join("@")).filter(|name| !is_there(name)).collect();
    if accounts.is_empty() {
        return Ok(());
    }
    let what = Text::new("mysql-no-partial-revokes").with("endpoint", link.endpoint.to_string());
    let error = Error::new(Kind::Unsupported, what.with("accounts", accounts.join(", ")));
    Err(error.cure(Text::new("mysql-no-partial-revokes-cure")))
}

/// Removes them; refuses, before it removes anything, when this is another server, somebody works in these databases, or
/// there are databases or tables that the snapshot has not.
pub(super) async fn clear(source: &dyn Source, link: &Link, ask: &LoadAsk<'_>) -> Result<()> {
    let before = ask.before.clone().ok_or_else(|| Error::internal("nobody looked before the load"))?;
    let before: Before = serde_json::from_value(before).map_err(Error::internal)?;
    let mut session = Session::open(link).await?;
    if server(&mut session).await? != before.server {
        let what = Text::new("mysql-clear-other").with("endpoint", link.endpoint.to_string());
        return Err(Error::new(Kind::Precondition, what).cure(Text::new("mysql-clear-other-cure")));
    }
    let manifest = &ask.record.dumped.manifest;
    let databases = observe::databases(&mut session).await?;
    let known = Known::of(source, &mut session, manifest).await?;
    known.covers(&mut session, link, &databases).await?;
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

/// What the snapshot defines: kinds and names, as the target keeps names.
struct Known {
    objects: HashSet<(String, Vec<String>)>,
    /// Such a server keeps names in small letters, or takes them so.
    folds: bool,
}

impl Known {
    async fn of(source: &dyn Source, session: &mut Session, manifest: &Manifest) -> Result<Self> {
        let folds = session.value("SELECT @@lower_case_table_names").await?.is_some_and(|told| told != "0");
        let mut known = Self { objects: HashSet::new(), folds };
        for object in &manifest.objects {
            known.put(&object.kind, &object.name);
        }
        // What a manifest leaves out, because it may rightly differ: events that end by themselves, views that could not be
        // used.
        for statement in load::definitions(source, PROGRAMS).await? {
            known.put(&statement.kind, &statement.of);
        }
        Ok(known)
    }

    fn put(&mut self, kind: &str, name: &[String]) {
        let object = self.plain(kind, name);
        self.objects.insert(object);
    }

    fn plain(&self, kind: &str, name: &[String]) -> (String, Vec<String>) {
        let part = |part: &String| if self.folds { part.to_lowercase() } else { part.clone() };
        (kind.to_owned(), name.iter().map(part).collect())
    }

    fn has(&self, kind: &str, name: &[String]) -> bool {
        self.objects.contains(&self.plain(kind, name))
    }

    /// Fails when one of these databases, or anything in them, is none of the snapshot's.
    async fn covers(&self, session: &mut Session, link: &Link, databases: &[String]) -> Result<()> {
        for database in databases {
            if !self.has("database", std::slice::from_ref(database)) {
                return Err(foreign(link, database));
            }
            // Tables that hold nothing are in no manifest; with them, and with views that cannot be used, nothing is lost.
            for table in catalogue::tables(session, database).await? {
                let is_known = ["table", "view", "sequence"].iter().any(|kind| self.has(kind, &table.path()));
                if table.holds() == Holds::Nothing || is_known {
                    continue;
                }
                if !table.is_view() || catalogue::broken(session, &table).await?.is_none() {
                    return Err(foreign(link, &table.shown()));
                }
            }
            let libraries = if session.is_at_least(flavour::Flavour::Mysql, &[9, 2]) {
                let of = flavour::text(database);
                format!(
                    "SELECT 'library', LIBRARY_NAME FROM information_schema.LIBRARIES WHERE LIBRARY_SCHEMA = {of} UNION ALL "
                )
            } else {
                String::new()
            };
            let programs = format!(
                "{libraries}SELECT LOWER(ROUTINE_TYPE), ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = {0} \
                 UNION ALL SELECT 'event', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {0} \
                 UNION ALL SELECT 'trigger', TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {0}",
                flavour::text(database)
            );
            for program in session.rows(programs).await? {
                let [Some(kind), Some(name)] = program.as_slice() else { continue };
                if !self.has(kind, &[database.clone(), name.clone()]) {
                    return Err(foreign(link, &format!("{kind} {database}.{name}")));
                }
            }
        }
        Ok(())
    }
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
                let listed = if role { of_role(&name) } else { name.clone() };
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

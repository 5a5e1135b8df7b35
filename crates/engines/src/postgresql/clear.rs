//! Whether a server that somebody else runs can take a snapshot, and taking out of it what a broken-off load left there.

use std::collections::{BTreeSet, HashSet};

use roadstead_core::{
    Error, Kind, Result, Text,
    manifest::Manifest,
    port::{Link, Source, engine::LoadAsk, stream},
};
use serde::{Deserialize, Serialize};

use super::{
    backup::server_version,
    catalog,
    globals::{self, Database, Globals},
    inspect,
    link::{STEADY, Session},
    recreate::{self, names},
    sql::{array, identifier, shown},
};

/// Databases that every server has; the first two may hold a snapshot's things.
const SERVERS_OWN: [&str; 3] = ["postgres", "template1", "template0"];

/// Whether a database is as a new server has it. What counts as empty for a load (extensions, servers, publications,
/// rights, settings) counts here: it would not be there in a database that is made anew.
const IS_BARE: &str = "SELECT NOT EXISTS (SELECT FROM pg_depend WHERE objid >= 16384) AND NOT EXISTS (SELECT FROM pg_publication) \
    AND NOT EXISTS (SELECT FROM pg_event_trigger) AND NOT EXISTS (SELECT FROM pg_largeobject_metadata) \
    AND NOT EXISTS (SELECT FROM pg_extension WHERE oid >= 16384) AND NOT EXISTS (SELECT FROM pg_foreign_server) \
    AND NOT EXISTS (SELECT FROM pg_database d WHERE d.datname = current_database() AND (EXISTS (SELECT FROM aclexplode(d.datacl) e \
    WHERE e.grantee NOT IN (0, d.datdba)) OR EXISTS (SELECT FROM pg_db_role_setting s WHERE s.setdatabase = d.oid) \
    OR EXISTS (SELECT FROM pg_subscription s WHERE s.subdbid = d.oid)))";

/// What a server had before a load, although it counts as empty.
#[derive(Debug, Serialize, Deserialize)]
struct Before {
    /// Its system identifier.
    server: String,
    roles: BTreeSet<String>,
    tablespaces: BTreeSet<String>,
    /// Those of its own databases that were as a new server has them.
    bare: BTreeSet<String>,
}

impl Before {
    async fn read(link: &Link) -> Result<Self> {
        let home = Session::home(link).await?;
        home.run(STEADY).await?;
        let mut bare = BTreeSet::new();
        for database in &SERVERS_OWN[..2] {
            if is_bare(link, database).await? {
                bare.insert((*database).to_owned());
            }
        }
        Ok(Self {
            server: server(&home).await?,
            roles: names(&home, "SELECT rolname FROM pg_roles").await?,
            tablespaces: names(&home, "SELECT spcname FROM pg_tablespace").await?,
            bare,
        })
    }
}

/// A database that is not there is none.
async fn is_bare(link: &Link, database: &str) -> Result<bool> {
    match Session::open(link, database).await {
        Ok(inside) => Ok(inside.value(IS_BARE).await?.as_deref() == Some("t")),
        Err(error) if error.kind == Kind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

async fn server(home: &Session) -> Result<String> {
    let told = home.value("SELECT system_identifier FROM pg_catalog.pg_control_system()").await?;
    Ok(told.unwrap_or_default())
}

/// The globals of a snapshot.
pub(super) async fn globals_of(source: &dyn Source) -> Result<Globals> {
    let bytes = stream::read_all(source, globals::STREAM, globals::BYTES_MAX).await?;
    globals::parse(&bytes)
}

/// The account that the server was created with, and the one that asks.
pub(super) async fn own_accounts(link: &Link) -> Result<Vec<String>> {
    let home = Session::home(link).await?;
    let first = home.value("SELECT rolname FROM pg_catalog.pg_roles WHERE oid = 10").await?;
    let mut all = vec![link.user.clone()];
    all.extend(first.filter(|first| *first != link.user));
    Ok(all)
}

/// Fails when the server cannot take the snapshot; else what it had before.
pub(super) async fn fits(source: &dyn Source, link: &Link, ask: &LoadAsk<'_>) -> Result<serde_json::Value> {
    check(&globals_of(source).await?, link, ask).await?;
    serde_json::to_value(Before::read(link).await?).map_err(Error::internal)
}

/// Fails when the server is older than the snapshot's, the account is no superuser, or accounts of the snapshot are
/// there already.
pub(super) async fn check(globals: &Globals, link: &Link, ask: &LoadAsk<'_>) -> Result<()> {
    let home = Session::home(link).await?;
    let version = server_version(&home).await?;
    let from = roadstead_core::Version::parse(&globals.server).map_or(0, |version| version.major());
    if version.major() < from {
        let what = Text::new("postgresql-older-target").with("target", version.to_string());
        return Err(Error::new(Kind::Unsupported, what.with("source", &globals.server)));
    }
    if home.value("SELECT current_setting('is_superuser')").await?.as_deref() != Some("on") {
        let what = Text::new("postgresql-target-account").with("account", shown(&link.user));
        return Err(Error::new(Kind::Denied, what).cure(Text::new("postgresql-target-account-cure")));
    }
    if ask.private_target {
        return Ok(());
    }
    let there = names(&home, "SELECT rolname FROM pg_roles").await?;
    let wanted = globals.roles.iter().map(|role| &role.name).filter(|name| !ask.keep_accounts.contains(name));
    let clash: Vec<&str> = wanted.filter(|name| there.contains(*name)).map(String::as_str).collect();
    if clash.is_empty() {
        return Ok(());
    }
    let what = Text::new("postgresql-accounts-exist").with("accounts", shown(&clash.join(", ")));
    Err(Error::new(Kind::Exists, what).cure(Text::new("postgresql-accounts-exist-cure")))
}

/// Takes out the snapshot's databases, tablespaces and accounts that were not there before; refuses, before anything is
/// removed, when this is another server, somebody works in it, or it holds anything else.
pub(super) async fn clear(source: &dyn Source, link: &Link, ask: &LoadAsk<'_>) -> Result<()> {
    let before = ask.before.clone().ok_or_else(|| Error::internal("nobody looked before the load"))?;
    let before: Before = serde_json::from_value(before).map_err(Error::internal)?;
    let globals = globals_of(source).await?;
    let home = Session::home(link).await?;
    if server(&home).await? != before.server {
        let what = Text::new("postgresql-clear-other").with("endpoint", link.endpoint.to_string());
        return Err(Error::new(Kind::Precondition, what).cure(Text::new("postgresql-clear-other-cure")));
    }
    let there = globals::databases(&home).await?;
    let (mut dropped, mut replaced) = (Vec::new(), Vec::new());
    for database in &there {
        let name = database.name.as_str();
        if name == SERVERS_OWN[2] {
            continue;
        }
        if !SERVERS_OWN.contains(&name) {
            if !globals.databases.iter().any(|ours| ours.is_dumped() && ours.name == name) {
                return Err(foreign(link, &format!("database {name}")));
            }
            dropped.push(database);
        } else if before.bare.contains(name) {
            if !is_bare(link, name).await? {
                replaced.push(database);
            }
        } else if inspect::thing_in(link, name).await?.is_some() {
            let what = Text::new("postgresql-clear-own").with("database", name);
            let cure = Text::new("postgresql-clear-own-cure").with("database", name);
            return Err(Error::new(Kind::Exists, what).cure(cure));
        }
    }
    let all: Vec<&Database> = dropped.iter().chain(&replaced).copied().collect();
    unused(&home, link, &all).await?;
    let known = known(&ask.record.dumped.manifest);
    // One that an interrupted DROP left broken takes no connections, and holds nothing that anybody could want.
    for database in all.iter().filter(|database| database.is_dumped()) {
        home.alive_while(only_known(link, &database.name, &known)).await?;
    }
    for database in dropped {
        drop_database(&home, link, database).await?;
    }
    drop(home);
    for database in replaced {
        recreate::replace_database(link, database).await?;
    }
    of_the_server(link, &globals, &before).await
}

/// Everything that the snapshot defines.
fn known(manifest: &Manifest) -> HashSet<(&str, &[String])> {
    manifest.objects.iter().map(|object| (object.kind.as_str(), object.name.as_slice())).collect()
}

/// Fails when a database holds anything that the snapshot does not define.
async fn only_known(link: &Link, database: &str, known: &HashSet<(&str, &[String])>) -> Result<()> {
    let session = Session::open(link, database).await?;
    session.run(STEADY).await?;
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
    let found = catalog::definitions(&session, database).await?;
    session.run("COMMIT").await?;
    let is_foreign = |object: &&roadstead_core::manifest::Object| {
        // Each new database has a schema of this name, until the snapshot's own is made.
        let is_given = object.kind == "schema" && object.name.last().is_some_and(|name| name == "public");
        object.kind != catalog::EXTENSION_VERSION
            && !is_given
            && !known.contains(&(object.kind.as_str(), object.name.as_slice()))
    };
    match found.iter().find(is_foreign) {
        Some(object) => Err(foreign(link, &format!("{} {}", object.kind, object.name.join(".")))),
        None => Ok(()),
    }
}

fn foreign(link: &Link, thing: &str) -> Error {
    let what = Text::new("postgresql-clear-foreign")
        .with("endpoint", link.endpoint.to_string())
        .with("thing", shown(thing));
    Error::new(Kind::Exists, what).cure(Text::new("postgresql-clear-foreign-cure"))
}

/// Fails while anybody but tools of ours, which a broken-off load may have left, is connected to one of these.
async fn unused(home: &Session, link: &Link, databases: &[&Database]) -> Result<()> {
    let names = array(databases.iter().map(|database| database.name.as_str()));
    let others = format!(
        "SELECT format('%s (%s)', usename, datname) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend' \
         AND datname = ANY ({names}) AND pid <> pg_catalog.pg_backend_pid() AND application_name <> 'roadstead' LIMIT 1"
    );
    match home.value(&others).await? {
        None => Ok(()),
        Some(user) => Err(foreign(link, &format!("a session of {user}"))),
    }
}

/// Whoever is still in there goes: tools of the broken-off load, too.
async fn drop_database(home: &Session, link: &Link, database: &Database) -> Result<()> {
    let name = identifier(&database.name);
    if database.is_dumped() {
        home.run(&format!("ALTER DATABASE {name} IS_TEMPLATE false")).await?;
    }
    home.run_at_length(link, &format!("DROP DATABASE {name} WITH (FORCE)")).await
}

/// Tablespaces first: accounts own them. What accounts own or may do elsewhere goes with them.
async fn of_the_server(link: &Link, globals: &Globals, before: &Before) -> Result<()> {
    let home = Session::home(link).await?;
    let there = names(&home, "SELECT spcname FROM pg_tablespace").await?;
    let ours = globals.tablespaces.iter().map(|tablespace| &tablespace.name);
    for name in ours.filter(|name| there.contains(*name) && !before.tablespaces.contains(*name)) {
        home.run(&format!("DROP TABLESPACE {}", identifier(name))).await?;
    }
    let there = names(&home, "SELECT rolname FROM pg_roles").await?;
    let ours = globals.roles.iter().map(|role| &role.name);
    let ours: Vec<_> = ours.filter(|name| there.contains(*name) && !before.roles.contains(*name)).collect();
    for database in &SERVERS_OWN[..2] {
        let inside = match Session::open(link, database).await {
            Err(error) if error.kind == Kind::NotFound => continue,
            other => other?,
        };
        for role in &ours {
            let role = identifier(role);
            inside.run(&format!("REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}")).await?;
        }
    }
    for role in ours {
        home.run(&format!("DROP ROLE {}", identifier(role))).await?;
    }
    Ok(())
}

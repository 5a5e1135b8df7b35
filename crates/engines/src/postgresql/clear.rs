//! Whether a server that somebody else runs can take a snapshot, and taking out of it what a broken-off load left there.

use std::collections::HashSet;

use roadstead_core::{
    Error, Kind, Result, Text,
    manifest::Manifest,
    port::{Link, Source, engine::LoadAsk, stream},
};

use super::{
    backup::server_version,
    globals::{self, Globals},
    inspect,
    link::{STEADY, Session},
    recreate,
    sql::{identifier, shown},
};

/// Databases that every server has, and which are no target's own choice.
pub(super) const OF_EVERY_SERVER: [&str; 3] = ["postgres", "template0", "template1"];

/// What a session needs that takes out what settings of a database or an account would keep.
const FREE: &str = "SET default_transaction_read_only = off; SET lock_timeout = '60s'; SET statement_timeout = 0; \
    SET client_min_messages = 'error'";

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

/// Fails when the server is older than the snapshot's, the account is no superuser, or accounts of the snapshot are
/// there already.
pub(super) async fn fits(globals: &Globals, link: &Link, ask: &LoadAsk<'_>) -> Result<()> {
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
    let there = recreate::names(&home, "SELECT rolname FROM pg_roles").await?;
    let wanted = globals.roles.iter().map(|role| &role.name).filter(|name| !ask.keep_accounts.contains(name));
    let clash: Vec<&str> = wanted.filter(|name| there.contains(*name)).map(String::as_str).collect();
    if clash.is_empty() {
        return Ok(());
    }
    let what = Text::new("postgresql-accounts-exist").with("accounts", shown(&clash.join(", ")));
    Err(Error::new(Kind::Exists, what).cure(Text::new("postgresql-accounts-exist-cure")))
}

/// Takes out the snapshot's databases, tablespaces and accounts; refuses when there is anything else.
pub(super) async fn clear(source: &dyn Source, link: &Link, ask: &LoadAsk<'_>) -> Result<()> {
    let globals = globals_of(source).await?;
    let home = Session::home(link).await?;
    home.run(FREE).await?;
    let there = globals::databases(&home).await?;
    let holds = known(&ask.record.dumped.manifest);
    for database in there.iter().filter(|database| database.name != "template0") {
        let is_ours = globals.databases.iter().any(|ours| ours.is_dumped() && ours.name == database.name);
        if !is_ours && !OF_EVERY_SERVER.contains(&database.name.as_str()) {
            return Err(foreign(link, &format!("database {}", database.name)));
        }
        if database.connectable {
            only_known(link, &database.name, &holds).await?;
        }
    }
    drop(home);
    let (servers, others): (Vec<_>, Vec<_>) =
        there.iter().partition(|database| OF_EVERY_SERVER.contains(&database.name.as_str()));
    let home = Session::open(link, "template1").await?;
    home.run(FREE).await?;
    for database in others {
        drop_database(&home, link, &database.name).await?;
    }
    drop(home);
    for database in servers.into_iter().filter(|database| database.connectable) {
        if inspect::thing_in(link, &database.name).await?.is_some() {
            recreate::replace_database(link, database).await?;
        }
    }
    accounts(link, &globals, &ask.keep_accounts).await
}

/// The relations of each database, as the snapshot knows them: `[database, schema, name]`.
fn known(manifest: &Manifest) -> HashSet<&[String]> {
    manifest
        .objects
        .iter()
        .filter(|object| object.name.len() == 3)
        .map(|object| object.name.as_slice())
        .collect()
}

/// Fails when a database holds a relation that the snapshot does not know.
async fn only_known(link: &Link, database: &str, holds: &HashSet<&[String]>) -> Result<()> {
    let session = Session::open(link, database).await?;
    session.run(STEADY).await?;
    let relations = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND n.nspname !~ '^pg_' \
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";
    for row in session.rows_at_length(relations).await? {
        let mut name = vec![database.to_owned()];
        name.extend(row.into_iter().flatten());
        if !holds.contains(name.as_slice()) {
            return Err(foreign(link, &name.join(".")));
        }
    }
    Ok(())
}

fn foreign(link: &Link, thing: &str) -> Error {
    let what = Text::new("postgresql-clear-foreign")
        .with("endpoint", link.endpoint.to_string())
        .with("thing", shown(thing));
    Error::new(Kind::Exists, what).cure(Text::new("postgresql-clear-foreign-cure"))
}

/// Whoever is still in there goes: tools of the broken-off load, too.
async fn drop_database(home: &Session, link: &Link, database: &str) -> Result<()> {
    let name = identifier(database);
    home.run(&format!("ALTER DATABASE {name} IS_TEMPLATE false")).await?;
    home.run_at_length(link, &format!("DROP DATABASE {name} WITH (FORCE)")).await
}

/// Tablespaces first: accounts own them. What accounts may do on the server itself goes with `DROP OWNED`.
async fn accounts(link: &Link, globals: &Globals, keep: &[String]) -> Result<()> {
    let home = Session::home(link).await?;
    home.run(FREE).await?;
    let there = recreate::names(&home, "SELECT spcname FROM pg_tablespace").await?;
    for tablespace in globals.tablespaces.iter().filter(|tablespace| there.contains(&tablespace.name)) {
        home.run(&format!("DROP TABLESPACE {}", identifier(&tablespace.name))).await?;
    }
    let there = recreate::names(&home, "SELECT rolname FROM pg_roles").await?;
    let ours = globals.roles.iter().map(|role| &role.name);
    let ours: Vec<_> = ours.filter(|name| !keep.contains(name) && there.contains(*name)).collect();
    for database in ["postgres", "template1"] {
        let inside = match Session::open(link, database).await {
            Err(error) if error.kind == Kind::NotFound => continue,
            other => other?,
        };
        inside.run(FREE).await?;
        for role in &ours {
            inside.run(&format!("DROP OWNED BY {}", identifier(role))).await?;
        }
    }
    for role in ours {
        home.run(&format!("DROP ROLE {}", identifier(role))).await?;
    }
    Ok(())
}

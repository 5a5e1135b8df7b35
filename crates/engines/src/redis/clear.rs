//! Taking out of a server that somebody else runs what a broken-off load left there: the snapshot's keys, functions and
//! accounts, one by one, so that what comes at the same time stays.

use std::{collections::BTreeSet, time::Duration};

use roadstead_core::{
    Error, Kind, Result, Text,
    port::{Link, Source, ambient::Unwatched, engine::LoadAsk},
};
use serde::{Deserialize, Serialize};

use super::{
    accounts,
    connection::Connection,
    info::Info,
    load::{Wish, each_key, saved_accounts, suits},
    observe,
    sync::patience,
};

/// How often a server is looked at until its keys stand still, and how many times at most.
const BEAT: Duration = Duration::from_millis(250);
const LOOKS_MAX: usize = 120;

/// What a server had before a load, although it counts as empty.
#[derive(Debug, Serialize, Deserialize)]
struct Before {
    /// Which server it is, as long as it runs: nothing of one survives its end.
    server: String,
    /// Names of accounts, in hexadecimal digits; `None`: they may not be listed.
    accounts: Option<BTreeSet<String>>,
}

async fn server(connection: &mut Connection) -> Result<String> {
    Ok(Info::ask(connection).await?.text("run_id").unwrap_or_default().to_owned())
}

/// Fails when the server cannot take the snapshot; else what it had before.
pub(super) async fn fits(source: &dyn Source, link: &Link, ask: &LoadAsk<'_>) -> Result<serde_json::Value> {
    let mut connection = Connection::open(link).await?;
    suits(source, &mut connection, link, ask).await?;
    let there = accounts::names(&mut connection).await?;
    let accounts = there.map(|names| names.into_iter().map(hex::encode).collect());
    serde_json::to_value(Before { server: server(&mut connection).await?, accounts }).map_err(Error::internal)
}

/// Removes them; refuses, before it removes anything, when this is another server, or there is more.
pub(super) async fn clear(source: &dyn Source, link: &Link, ask: &LoadAsk<'_>) -> Result<()> {
    let before = ask.before.clone().ok_or_else(|| Error::internal("nobody looked before the load"))?;
    let before: Before = serde_json::from_value(before).map_err(Error::internal)?;
    let mut connection = Connection::open(link).await?;
    connection.be_patient(patience(link));
    stands_still(&mut connection).await?;
    let libraries = libraries(&mut connection).await?;
    let there = accounts::names(&mut connection).await?.unwrap_or_default();
    let is_ours =
        |name: &Vec<u8>| before.accounts.as_ref().is_some_and(|had| !had.contains(&hex::encode(name)));
    let wanted = saved_accounts(source, link, ask).await?.into_iter().map(|account| account.name);
    let made: Vec<Vec<u8>> = wanted.filter(|name| there.contains(name) && is_ours(name)).collect();
    let keys = keys(&mut connection).await?;
    if keys == 0 && libraries.is_empty() && made.is_empty() {
        return Ok(());
    }
    if server(&mut connection).await? != before.server {
        let what = Text::new("redis-clear-other").with("endpoint", connection.place());
        return Err(Error::new(Kind::Precondition, what).cure(Text::new("redis-clear-other-cure")));
    }
    only_known(source, &mut connection, &libraries).await?;
    each_key(source, &mut connection, &Unwatched, Wish::Unlink).await?;
    for library in libraries {
        connection.ask(&["FUNCTION", "DELETE", &library]).await?;
    }
    for name in made {
        connection.ask(&[&b"ACL"[..], b"DELUSER", &name]).await?;
    }
    Ok(())
}

/// Waits until the number of keys stands still: of a connection that was cut the server still does what it has received.
async fn stands_still(connection: &mut Connection) -> Result<()> {
    let mut before = keys(connection).await?;
    for _ in 0..LOOKS_MAX {
        tokio::time::sleep(BEAT).await;
        let now = keys(connection).await?;
        if now == before {
            return Ok(());
        }
        before = now;
    }
    tracing::info!(endpoint = %connection.place(), "somebody goes on writing; what is here is told apart by key");
    Ok(())
}

async fn keys(connection: &mut Connection) -> Result<u64> {
    Ok(Info::ask(connection).await?.keyspace().values().sum())
}

async fn libraries(connection: &mut Connection) -> Result<Vec<String>> {
    let mut libraries = Vec::new();
    for library in connection.ask(&["FUNCTION", "LIST"]).await?.list() {
        let told = observe::pairs(library.clone()).into_iter();
        libraries.extend(told.filter(|(name, _)| name == "library_name").map(|(_, value)| value));
    }
    Ok(libraries)
}

/// Fails when there are keys or functions that the snapshot does not hold.
async fn only_known(source: &dyn Source, connection: &mut Connection, libraries: &[String]) -> Result<()> {
    let foreign = |what: Text| Error::new(Kind::Exists, what).cure(Text::new("redis-clear-foreign-cure"));
    let asked = each_key(source, connection, &Unwatched, Wish::Exists).await?;
    let keys = keys(connection).await?;
    if keys > asked.found {
        let what = Text::new("redis-clear-foreign-keys").with("endpoint", connection.place());
        return Err(foreign(what.with("count", keys - asked.found)));
    }
    if let Some(library) = libraries.iter().find(|library| !asked.libraries.contains(library)) {
        let what = Text::new("redis-clear-foreign-functions").with("endpoint", connection.place());
        return Err(foreign(what.with("library", library)));
    }
    Ok(())
}

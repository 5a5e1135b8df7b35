//! Taking out of a server what a broken-off load left there: databases, accounts and what belongs to the server itself,
//! as far as the snapshot holds them.

use std::collections::HashSet;

use roadstead_core::{
    Error, Kind, Result, Text,
    port::{Link, Source, engine::LoadAsk},
};

use super::{
    catalogue::{self, Holds},
    flavour, observe,
    people::{self, Known},
    session::Session,
    statement::{Reader, Statement},
};

/// Where accounts and roles are made.
const ACCOUNTS: &str = "accounts.sql";

/// Removes them; refuses, before it removes anything, when there are databases or tables that the snapshot has not.
pub(super) async fn clear(source: &dyn Source, link: &Link, ask: &LoadAsk<'_>) -> Result<()> {
    let mut session = Session::open(link).await?;
    let objects = &ask.record.dumped.manifest.objects;
    let of = |kind: &'static str| {
        objects.iter().filter(move |object| object.kind == kind).map(|object| &object.name)
    };
    let (ours, known): (HashSet<_>, HashSet<_>) =
        (of("database").collect(), objects.iter().map(|object| &object.name).collect());
    let databases = observe::databases(&mut session).await?;
    for database in &databases {
        if !ours.contains(&vec![database.clone()]) {
            return Err(foreign(link, database));
        }
        // Views and tables that hold nothing may be in no manifest, and nothing is lost with them.
        let mut tables = catalogue::tables(&mut session, database).await?;
        tables.retain(|table| !table.is_view() && table.holds() != Holds::Nothing);
        if let Some(table) = tables.iter().find(|table| !known.contains(&table.path())) {
            return Err(foreign(link, &table.shown()));
        }
    }
    session.run("SET SESSION foreign_key_checks = 0").await?;
    for database in &databases {
        let name = flavour::name(database);
        if session.is_mysql() {
            session.run(format!("ALTER DATABASE {name} READ ONLY = 0")).await?;
        }
        session.run(format!("DROP DATABASE {name}")).await?;
    }
    accounts(source, &mut session, ask).await?;
    let servers = of("server").map(|name| format!("DROP SERVER IF EXISTS {}", flavour::name(&name.concat())));
    let spaces = of("tablespace").map(|name| format!("DROP TABLESPACE {}", flavour::name(&name.concat())));
    let systems =
        of("spatial system").map(|id| format!("DROP SPATIAL REFERENCE SYSTEM IF EXISTS {}", id.concat()));
    for sql in servers.chain(spaces).chain(systems) {
        // The load had not come so far, or the server has no such thing. What stays is met by name when it is made.
        session.run(sql).await.or_else(|fault| if fault.ends_session() { Err(fault) } else { Ok(()) })?;
    }
    session.close().await;
    Ok(())
}

/// Accounts and roles that are there exactly as the snapshot makes them, password and all; others were there before.
async fn accounts(source: &dyn Source, session: &mut Session, ask: &LoadAsk<'_>) -> Result<()> {
    catalogue::read_exactly(session).await?;
    let there = people::read(session, &Known::default()).await?.accounts;
    let there: Vec<&Statement> = there.iter().flat_map(|account| &account.statements).collect();
    let Some(info) = source.streams().iter().find(|info| info.name == ACCOUNTS) else { return Ok(()) };
    let mut reader = Reader::new(source.open(ACCOUNTS).await?, info);
    while let Some(statement) = reader.next().await? {
        let is_kept = statement.of.first().is_some_and(|user| ask.keep_accounts.contains(user));
        if is_kept || !there.iter().any(|found| found.of == statement.of && found.sql == statement.sql) {
            continue;
        }
        let dropped = match statement.of.as_slice() {
            [role] => format!("DROP ROLE {}", flavour::name(role)),
            [user, host] => format!("DROP USER {}@{}", flavour::text(user), flavour::text(host)),
            _ => continue,
        };
        session.run(dropped).await?;
    }
    Ok(())
}

fn foreign(link: &Link, thing: &str) -> Error {
    let what =
        Text::new("mysql-clear-foreign").with("endpoint", link.endpoint.to_string()).with("thing", thing);
    Error::new(Kind::Exists, what).cure(Text::new("mysql-clear-foreign-cure"))
}

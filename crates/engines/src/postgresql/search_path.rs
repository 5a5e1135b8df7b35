//! Functions that find what they name by the search path, which is empty wherever text must come out the same.
//!
//! While a dump is loaded, the tools empty the path, and materialized views, indexes, generated columns and checks are computed anew, so that
//! such functions would fail. Each function without a path of its own is lent one, and gives it back.

use roadstead_core::{Kind, Result, Text};

use super::{
    globals::{Database, Globals},
    link::Session,
    observe::fixed,
    recreate::list,
    sql::literal,
};

/// How many statements go to the server at once.
const AT_ONCE: usize = 200;

/// Functions whose text is looked up when they run. Bodies that were read when they were made (`BEGIN ATOMIC`) keep
/// what they found, and triggers do not fire during a load. An extension's functions count: `earthdistance` has some.
const FUNCTIONS: &str = "SELECT p.oid::regprocedure, n.nspname, pg_get_userbyid(p.proowner) \
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang \
    WHERE p.oid >= 16384 AND p.prokind IN ('f', 'w') AND l.lanname NOT IN ('c', 'internal') AND p.prosqlbody IS NULL \
    AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) \
    AND NOT EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%') ORDER BY 1";

/// Gives each function the path that its owner's sessions have in the original's database, and after it the schemas
/// of the owner and of the function. Returns those that have it now, each with its argument types.
pub(super) async fn lend(session: &Session, globals: &Globals, database: &Database) -> Result<Vec<String>> {
    let usual = session.value("SELECT reset_val FROM pg_settings WHERE name = 'search_path'").await?;
    let usual = usual.unwrap_or_default();
    let mut functions = Vec::new();
    for row in session.rows_at_length(FUNCTIONS).await? {
        let [Some(function), Some(schema), Some(owner)] = fixed::<3>(row)? else { continue };
        let path = list(set_for(globals, database, &owner).unwrap_or(&usual));
        let after = format!("{}, {}", literal(&owner), literal(&schema));
        let lending = format!("ALTER FUNCTION {function} SET search_path = {path}, {after}");
        functions.push((function, lending));
    }
    let mut lent = Vec::new();
    for batch in functions.chunks(AT_ONCE) {
        let all: Vec<&str> = batch.iter().map(|(_, lending)| lending.as_str()).collect();
        match session.rows_at_length(&all.join("; ")).await {
            Ok(_) => lent.extend(batch.iter().map(|(function, _)| function.clone())),
            Err(error) if error.kind == Kind::Unreachable => return Err(error),
            Err(_) => lent.extend(one_by_one(session, batch).await?),
        }
    }
    Ok(lent)
}

/// One statement undid its whole batch. What may not be altered here goes without: it fails by name where it needs the
/// path.
async fn one_by_one(session: &Session, batch: &[(String, String)]) -> Result<Vec<String>> {
    let mut lent = Vec::new();
    for (function, lending) in batch {
        match session.rows_at_length(lending).await {
            Ok(_) => lent.push(function.clone()),
            Err(error) if error.kind == Kind::Unreachable => return Err(error),
            Err(error) => tracing::debug!(function, %error, "no search path was lent"),
        }
    }
    Ok(lent)
}

/// Leaves the functions as the dump made them.
pub(super) async fn take_back(session: &Session, lent: &[String]) -> Result<()> {
    for batch in lent.chunks(AT_ONCE) {
        let all: Vec<String> =
            batch.iter().map(|function| format!("ALTER FUNCTION {function} RESET search_path")).collect();
        session.rows_at_length(&all.join("; ")).await?;
    }
    Ok(())
}

/// Whether the server did not find a relation, a function, a type or a schema: by a name without its schema, as the
/// path is empty.
pub(super) fn is_missed(why: &Text) -> bool {
    let code = why.args.get("code").map(ToString::to_string).unwrap_or_default();
    ["42P01", "42883", "42704", "3F000"].contains(&code.as_str())
}

/// A path of all schemas but the system's; `None` if there are none.
pub(super) async fn of_all_schemas(session: &Session) -> Result<Option<String>> {
    let all = "SELECT string_agg(quote_literal(nspname), ', ' ORDER BY nspname COLLATE \"C\") FROM pg_namespace \
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'";
    session.value(all).await
}

/// The path that the original sets for this account in this database; the closest setting wins, as in the server.
fn set_for<'a>(globals: &'a Globals, database: &Database, owner: &str) -> Option<&'a str> {
    let (owner, database) = (Some(owner), Some(database.name.as_str()));
    let places = [(owner, database), (owner, None), (None, database), (None, None)];
    places.into_iter().find_map(|place| {
        let here = globals.settings.iter().filter(|s| (s.role.as_deref(), s.database.as_deref()) == place);
        here.flat_map(|s| &s.values).find_map(|pair| pair.strip_prefix("search_path="))
    })
}

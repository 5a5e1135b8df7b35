//! Functions that find what they name by the search path, which is empty wherever text must come out the same.
//!
//! While a dump is loaded, the tools empty the path, and materialized views, indexes, generated columns and checks are
//! computed anew, so that such functions would fail. Each function without a path of its own is lent one, and gives it
//! back. Where several schemas have what it names, it is lent none: to fail is better than to find the wrong one.

use std::collections::BTreeSet;

use roadstead_core::{Kind, Result, Text};

use super::{
    body::{Word, words},
    globals::{Database, Globals},
    link::Session,
    observe::fixed,
    recreate::list,
    sql::literal,
};

/// How many statements go to the server at once.
const AT_ONCE: usize = 200;

/// How many functions' bodies come at once: half of what one answer may hold, were each as long as it may be.
const BODIES_AT_ONCE: usize = 1_000;

/// Functions whose text is looked up when they run, and whether something that a load computes anew depends on them:
/// materialized views, generated columns, indexes and partition keys, CHECK constraints. Bodies that were read when
/// they were made (`BEGIN ATOMIC`) keep what they found, and triggers do not fire during a load. An extension's
/// functions count: `earthdistance` has some.
const FUNCTIONS: &str = "SELECT p.oid, p.oid::regprocedure, p.proname, n.nspname, pg_get_userbyid(p.proowner), \
    CASE WHEN length(p.prosrc) <= 131072 THEN p.prosrc END, p.oid IN (SELECT d.refobjid FROM pg_depend d \
    WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid >= 16384 AND CASE d.classid \
    WHEN 'pg_class'::regclass THEN EXISTS (SELECT FROM pg_class u WHERE u.oid = d.objid AND u.relkind IN ('i', 'I', 'r', 'p')) \
    WHEN 'pg_rewrite'::regclass THEN EXISTS (SELECT FROM pg_rewrite w JOIN pg_class u ON u.oid = w.ev_class \
    WHERE w.oid = d.objid AND u.relkind = 'm') \
    WHEN 'pg_attrdef'::regclass THEN EXISTS (SELECT FROM pg_attrdef f JOIN pg_attribute a ON a.attrelid = f.adrelid \
    AND a.attnum = f.adnum WHERE f.oid = d.objid AND a.attgenerated <> '') \
    WHEN 'pg_constraint'::regclass THEN EXISTS (SELECT FROM pg_constraint k WHERE k.oid = d.objid AND k.contype = 'c') \
    ELSE false END) \
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang \
    WHERE p.oid >= 16384 AND p.prokind IN ('f', 'w') AND l.lanname NOT IN ('c', 'internal') AND p.prosqlbody IS NULL \
    AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) \
    AND NOT EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%')";

/// Names that more than one of the user's schemas has.
const IN_SEVERAL: &str = "SELECT x.name FROM (SELECT relname AS name, relnamespace AS place FROM pg_class \
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') UNION SELECT proname, pronamespace FROM pg_proc \
    UNION SELECT typname, typnamespace FROM pg_type) x JOIN pg_namespace n ON n.oid = x.place \
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' GROUP BY x.name HAVING count(DISTINCT x.place) > 1";

/// One function without a path of its own.
struct Function {
    /// With its schema and argument types.
    signature: String,
    name: String,
    schema: String,
    owner: String,
    /// `None`: too long to be read.
    body: Option<String>,
    is_used: bool,
}

async fn functions(session: &Session) -> Result<Vec<Function>> {
    let mut found = Vec::new();
    let mut last = "0".to_owned();
    loop {
        let some = format!("{FUNCTIONS} AND p.oid > {last} ORDER BY p.oid LIMIT {BODIES_AT_ONCE}");
        let rows = session.rows_at_length(&some).await?;
        let is_last = rows.len() < BODIES_AT_ONCE;
        for row in rows {
            let [Some(oid), Some(signature), Some(name), Some(schema), Some(owner), body, used] =
                fixed::<7>(row)?
            else {
                continue;
            };
            last = oid;
            let is_used = used.as_deref() == Some("t");
            found.push(Function { signature, name, schema, owner, body, is_used });
        }
        if is_last {
            return Ok(found);
        }
    }
}

/// Which of these functions find one thing by one path and another thing by another: each names, or calls what names,
/// something that several schemas have. Nobody can tell which of them a load should find.
async fn ambiguous(session: &Session, functions: &[Function]) -> Result<Vec<bool>> {
    let several: BTreeSet<String> = session
        .rows_at_length(IN_SEVERAL)
        .await?
        .into_iter()
        .filter_map(|row| row.into_iter().next()?)
        .collect();
    let bodies: Vec<_> = functions.iter().map(|function| function.body.as_deref().map(words)).collect();
    let names_several =
        |words: &BTreeSet<Word>| words.iter().any(|word| !word.is_qualified && several.contains(&word.name));
    let mut found: Vec<bool> = bodies.iter().map(|words| words.as_ref().is_none_or(&names_several)).collect();
    loop {
        let of = |found: &[bool]| -> BTreeSet<&str> {
            let all = functions.iter().zip(found).filter(|(_, ambiguous)| **ambiguous);
            all.map(|(function, _)| function.name.as_str()).collect()
        };
        let called = of(&found);
        let calls = |words: &BTreeSet<Word>| words.iter().any(|word| called.contains(word.name.as_str()));
        let next: Vec<bool> = bodies
            .iter()
            .zip(&found)
            .map(|(words, before)| *before || words.as_ref().is_none_or(&calls))
            .collect();
        if next == found {
            return Ok(found);
        }
        found = next;
    }
}

/// Functions that a load of this database computes with, and to which no path can be lent.
pub(super) async fn unlendable(session: &Session) -> Result<Vec<String>> {
    let functions = functions(session).await?;
    let ambiguous = ambiguous(session, &functions).await?;
    let all = functions.into_iter().zip(ambiguous);
    Ok(all.filter(|(function, no)| *no && function.is_used).map(|(function, _)| function.signature).collect())
}

/// Gives each function the path that its owner's sessions have in the original's database, and after it the schemas
/// of the owner and of the function; not to those that would find one thing or another by it. Returns those that have
/// it now, each with its argument types. The caller watches over it, as over what takes them back.
pub(super) async fn lend(session: &Session, globals: &Globals, database: &Database) -> Result<Vec<String>> {
    let usual = session.value("SELECT reset_val FROM pg_settings WHERE name = 'search_path'").await?;
    let usual = usual.unwrap_or_default();
    let all = functions(session).await?;
    let ambiguous = ambiguous(session, &all).await?;
    let mut functions = Vec::new();
    for (function, _) in all.into_iter().zip(ambiguous).filter(|(_, ambiguous)| !ambiguous) {
        let path = list(set_for(globals, database, &function.owner).unwrap_or(&usual));
        let after = format!("{}, {}", literal(&function.owner), literal(&function.schema));
        let lending = format!("ALTER FUNCTION {} SET search_path = {path}, {after}", function.signature);
        functions.push((function.signature, lending));
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

//! Constraints that the rows of a backup may not meet, although the original has them: they look into other tables, at
//! the clock or at settings; or the rows came while nobody checked them.
//!
//! CHECK constraints of tables and domains that may look elsewhere are taken off before the rows, and put back when
//! everything is there. What rows violate even then is put back as the original has it, unasked, and told.

use roadstead_core::{Error, Finding, Kind, Result, Text};

use super::{
    link::Session,
    observe::fixed,
    search_path,
    sql::{literal, shown},
};

/// One constraint that was taken off.
pub(super) struct Check {
    /// `TABLE a.b` or `DOMAIN a.b`.
    on: String,
    /// What stands before its name in a comment: the same, without `TABLE`.
    comment_on: String,
    name: String,
    definition: String,
    comment: Option<String>,
}

/// Rows violate a CHECK constraint, or a foreign key.
const VIOLATIONS: [&str; 2] = ["23514", "23503"];
/// A constraint of this name is there already.
const DUPLICATE: &str = "42710";
/// What is asked of this kind of table cannot be had.
const WRONG_KIND_OF_TABLE: &str = "42809";

/// Makes what the same transaction put back for new rows only what it was before: valid, as far as the original knew.
/// Whoever copied the original's files would have the same.
const AS_IT_WAS: &str = "UPDATE pg_catalog.pg_constraint SET convalidated = true \
    WHERE NOT convalidated AND xmin = pg_catalog.pg_current_xact_id()::xid";

/// Valid CHECK constraints that may look at more than the values of their row: by functions that are the user's or an
/// extension's, or that depend on time or settings; by casts, whose functions no expression names; by the whole row,
/// which may have got columns since; and of domains those that forbid NULL, which outer joins bring past them. Those that
/// others inherit from come first.
const FOUND: &str = "SELECT CASE WHEN k.contypid <> 0 THEN format('DOMAIN %s', k.contypid::regtype) ELSE format('TABLE %s', k.conrelid::regclass) END, \
    CASE WHEN k.contypid <> 0 THEN format('DOMAIN %s', k.contypid::regtype) ELSE k.conrelid::regclass::text END, \
    format('%I', k.conname), pg_get_constraintdef(k.oid), obj_description(k.oid, 'pg_constraint') \
    FROM pg_constraint k LEFT JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype = 'c' AND k.convalidated AND k.coninhcount = 0 \
    AND (k.contypid <> 0 OR c.relkind IN ('r', 'p', 'f')) \
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.deptype = 'e' AND (e.classid, e.objid) IN \
    (('pg_class'::regclass, k.conrelid), ('pg_type'::regclass, k.contypid))) \
    AND (EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_constraint'::regclass AND d.objid = k.oid AND d.refobjid >= 16384 \
    AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)) \
    OR k.conbin::text ~ ':varattno 0 |[{](SQLVALUEFUNCTION|COERCE(VIAIO|TO(DOMAIN))|ROWCOMPAREEXPR|JSONEXPR|XMLEXPR) ' \
    OR k.contypid <> 0 AND k.conbin::text ~ '[{]NULLTEST ' \
    OR EXISTS (SELECT FROM regexp_matches(k.conbin::text, ':(?:funcid|opfuncid) ([0-9]+)', 'g') m \
    JOIN pg_proc p ON p.oid = m[1]::oid WHERE p.provolatile <> 'i') \
    OR EXISTS (SELECT FROM regexp_matches(k.conbin::text, ':opno ([0-9]+)', 'g') m \
    JOIN pg_operator o ON o.oid = m[1]::oid JOIN pg_proc p ON p.oid = o.oprcode WHERE p.provolatile <> 'i')) ORDER BY 1, 3";

async fn found(session: &Session) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for row in session.rows_at_length(FOUND).await? {
        let [Some(on), Some(comment_on), Some(name), Some(definition), comment] = fixed::<5>(row)? else {
            continue;
        };
        checks.push(Check { on, comment_on, name, definition, comment });
    }
    Ok(checks)
}

/// Takes off the CHECK constraints that may look elsewhere. Those that are a table's own and inherited too can go only
/// after their parents', so they are found anew until none is left. The caller watches over it.
pub(super) async fn take_off(session: &Session) -> Result<Vec<Check>> {
    let mut all = Vec::new();
    loop {
        let checks = found(session).await?;
        if checks.is_empty() {
            return Ok(all);
        }
        // Each in a transaction of its own: one holds a lock on every partition.
        for check in &checks {
            session.rows_at_length(&format!("ALTER {} DROP CONSTRAINT {}", check.on, check.name)).await?;
        }
        all.extend(checks);
    }
}

/// Puts them back, those that inherit first: a parent's is merged with them.
pub(super) async fn put_back(
    session: &Session,
    home: &Session,
    checks: &[Check],
    database: &str,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for check in checks.iter().rev() {
        let add = format!("ALTER {} ADD CONSTRAINT {} {}", check.on, check.name, check.definition);
        if let Some(lacking) = add_or_as_it_was(session, home, &add, |_| true).await? {
            let of = format!("{} {}", check.on, check.name);
            findings.push(lacking.finding(&of, database));
        }
        if let Some(comment) = &check.comment {
            let on = format!("CONSTRAINT {} ON {}", check.name, check.comment_on);
            session.run(&format!("COMMENT ON {on} IS {}", literal(comment))).await?;
        }
    }
    Ok(findings)
}

/// Adds the foreign keys of a script of the vendor's that are not there yet.
pub(super) async fn add_foreign_keys(
    session: &Session,
    home: &Session,
    script: &str,
    database: &str,
) -> Result<Vec<Finding>> {
    // Another session may still be busy with one of them.
    session.run("SET lock_timeout = 0").await?;
    let mut findings = Vec::new();
    for statement in statements(script).filter(|statement| statement.starts_with("ALTER TABLE ")) {
        let is_violated = |why: &Text| code(why).is_some_and(|code| VIOLATIONS.contains(&code.as_str()));
        match add_or_as_it_was(session, home, statement, is_violated).await {
            Ok(Some(lacking)) => {
                let words: Vec<&str> = statement.split_whitespace().skip(1).collect();
                findings.push(lacking.finding(&words.join(" "), database));
            }
            Ok(None) => {}
            Err(error) if code(&error.what).as_deref() == Some(DUPLICATE) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}

/// Why a constraint was put back unasked.
struct Unasked {
    why: Text,
    /// `false`: this account may not say so to the server, which takes it as valid for new rows only.
    is_as_it_was: bool,
}

impl Unasked {
    fn finding(self, constraint: &str, database: &str) -> Finding {
        let is_missed = search_path::is_missed(&self.why);
        let is_violated = code(&self.why).is_some_and(|code| VIOLATIONS.contains(&code.as_str()));
        let key = match (is_violated, self.is_as_it_was) {
            (true, true) => "postgresql-constraint-violated",
            (true, false) => "postgresql-constraint-not-valid",
            (false, true) => "postgresql-constraint-unasked",
            (false, false) => "postgresql-constraint-failed",
        };
        let what = Text::new(key).with("constraint", shown(constraint)).with("why", self.why);
        let finding = Finding::warning(shown(database), what);
        if is_missed { finding.cure(Text::new("postgresql-load-search-path-cure")) } else { finding }
    }
}

/// Adds a constraint and has the rows checked. If that fails for a reason that `may_stay`, it is added as the original
/// has it, and the reason is returned.
async fn add_or_as_it_was(
    session: &Session,
    home: &Session,
    add: &str,
    may_stay: impl Fn(&Text) -> bool,
) -> Result<Option<Unasked>> {
    let error = match home.alive_while(session.rows_at_length(add)).await {
        Ok(_) => return Ok(None),
        Err(error) if is_the_servers_state(&error) || !may_stay(&error.what) => return Err(error),
        Err(error) => error,
    };
    let unasked = format!("{add} NOT VALID");
    let valid = format!("{unasked}; {AS_IT_WAS}");
    let is_as_it_was = match home.alive_while(session.rows_at_length(&valid)).await {
        Ok(_) => true,
        Err(refused) if refused.kind == Kind::Denied => {
            home.alive_while(session.rows_at_length(&unasked)).await?;
            false
        }
        // Up to 17, what refers from a partitioned table cannot be added unasked.
        Err(refused) if code(&refused.what).as_deref() == Some(WRONG_KIND_OF_TABLE) => {
            return Err(error.cure(Text::new("postgresql-constraint-partitioned-cure")));
        }
        Err(refused) => return Err(refused),
    };
    Ok(Some(Unasked { why: error.what, is_as_it_was }))
}

/// The server cannot work now (its disk, its limits, its memory, a deadlock); that says nothing about the rows.
fn is_the_servers_state(error: &Error) -> bool {
    let of_class = |code: String| ["40", "54", "58", "XX"].iter().any(|class| code.starts_with(class));
    matches!(error.kind, Kind::Unreachable | Kind::Busy | Kind::Exhausted | Kind::Corrupt)
        || code(&error.what).is_some_and(of_class)
}

fn code(why: &Text) -> Option<String> {
    why.args.get("code").map(ToString::to_string)
}

/// The statements of a script that the vendor's tool wrote, without their semicolons, its comments and its own commands.
/// For statements that hold names between double quotes and texts between single ones; no other quotes.
fn statements(script: &str) -> impl Iterator<Item = &str> {
    let mut rest = script;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return None;
            }
            if !rest.starts_with("--") && !rest.starts_with('\\') {
                break;
            }
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        }
        let mut quote = None;
        let end = rest.find(|c| match (quote, c) {
            (None, ';') => true,
            (None, '"' | '\'') => {
                quote = Some(c);
                false
            }
            (Some(open), _) if open == c => {
                quote = None;
                false
            }
            _ => false,
        });
        let statement = &rest[..end.unwrap_or(rest.len())];
        rest = rest.get(statement.len() + 1..).unwrap_or("");
        Some(statement)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_cut_between_statements() {
        let script = "--\n-- a; b\n--\n\n\\restrict x;y\nSET a = 'it''s; b';\n\nALTER TABLE ONLY \"a;\"\"b\"\n    \
            ADD CONSTRAINT \"c'd\" FOREIGN KEY (b) REFERENCES x(id);\n\n\n\\unrestrict x\n";
        let all: Vec<_> = statements(script).collect();
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!(all[0], "SET a = 'it''s; b'");
        assert!(all[1].starts_with("ALTER TABLE ONLY \"a;") && all[1].ends_with("REFERENCES x(id)"));
        assert_eq!(statements("open \"a;b").collect::<Vec<_>>(), ["open \"a;b"]);
    }
}

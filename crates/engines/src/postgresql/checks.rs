//! CHECK constraints that call a function of the user's may look into tables whose rows come later: they are taken
//! off before the rows and put back after them, when everything is there.

use roadstead_core::{Finding, Kind, Result, Text};

use super::{
    link::Session,
    observe::fixed,
    search_path,
    sql::{literal, shown},
};

/// One constraint that was taken off, with the statement that puts it back.
pub(super) struct Check {
    table: String,
    name: String,
    add: String,
    comment: Option<String>,
}

/// A row violates the constraint.
const CHECK_VIOLATION: &str = "23514";

const FOUND: &str = "SELECT format('%I.%I', n.nspname, c.relname), format('%I', k.conname), pg_get_constraintdef(k.oid), \
    obj_description(k.oid, 'pg_constraint') FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE k.contype = 'c' AND k.convalidated AND k.conislocal AND k.coninhcount = 0 AND c.relkind IN ('r', 'p') \
    AND EXISTS (SELECT FROM pg_depend d JOIN pg_proc p ON p.oid = d.refobjid WHERE d.classid = 'pg_constraint'::regclass \
    AND d.objid = k.oid AND d.refclassid = 'pg_proc'::regclass AND NOT EXISTS (SELECT FROM pg_depend e \
    WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')) \
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')";

/// Takes off the constraints that may look elsewhere.
pub(super) async fn take_off(session: &Session) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    for row in session.rows_at_length(FOUND).await? {
        let [Some(table), Some(name), Some(definition), comment] = fixed::<4>(row)? else { continue };
        let add = format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}");
        checks.push(Check { table, name, add, comment });
    }
    for check in &checks {
        session.run(&format!("ALTER TABLE {} DROP CONSTRAINT {}", check.table, check.name)).await?;
    }
    Ok(checks)
}

/// The constraint guards new rows only: because of rows that violate it, which were there before, or because the server
/// could not ask its function.
fn not_valid(check: &Check, database: &str, why: Text) -> Finding {
    let is_missed = search_path::is_missed(&why);
    let is_violated = why.args.get("code").is_some_and(|code| code.to_string() == CHECK_VIOLATION);
    let key = if is_violated { "postgresql-check-not-valid" } else { "postgresql-check-failed" };
    let what = Text::new(key)
        .with("constraint", shown(&check.name))
        .with("table", shown(&check.table))
        .with("why", why);
    let finding = Finding::warning(shown(database), what);
    if is_missed {
        return finding.cure(Text::new("postgresql-load-search-path-cure"));
    }
    finding
}

/// Puts them back. What cannot be checked now is put back for new rows only, and named with the server's reason.
pub(super) async fn put_back(
    session: &Session,
    home: &Session,
    checks: &[Check],
    database: &str,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for check in checks {
        match home.alive_while(session.rows_at_length(&check.add)).await {
            Ok(_) => {}
            Err(error) if error.kind == Kind::Unreachable => return Err(error),
            Err(error) => {
                session.run(&format!("{} NOT VALID", check.add)).await?;
                findings.push(not_valid(check, database, error.what));
            }
        }
        if let Some(comment) = &check.comment {
            let on = format!("CONSTRAINT {} ON {}", check.name, check.table);
            session.run(&format!("COMMENT ON {on} IS {}", literal(comment))).await?;
        }
    }
    Ok(findings)
}

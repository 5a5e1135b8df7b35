//! The globals on their way back into a server: accounts and databases before the data, rights and settings after
//! it, because a setting that stops writes, or a comment nobody reads, must not stand in the way of the rows.
//!
//! Accounts that must stay as they are are never touched.

use std::collections::BTreeSet;

use roadstead_core::{Error, Finding, Kind, Result, Text, port::Link};

use super::{
    globals::{self, Database, Globals, Membership, Right, Role, Settings},
    link::Session,
    sql::{identifier, literal, shown},
};

/// Nothing of this goes to a log: verifiers are worth as much as what they verify.
const UNLOGGED: &str = "SET log_statement = 'none'; SET log_min_duration_statement = -1; \
    SET log_min_error_statement = 'panic'; SET client_min_messages = 'error'; SET search_path = ''";
/// How many statements go to the server at once.
const AT_ONCE: usize = 200;
/// Settings whose value is a list of names; each is quoted apart.
const LISTS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// What is known of the target while globals are put back.
pub(super) struct Target<'a> {
    pub(super) link: &'a Link,
    pub(super) keep: &'a [String],
    /// It serves nobody yet: what is there may be changed.
    pub(super) private: bool,
}

/// Runs all of them, as long as the server answers another session.
async fn run_all(session: &Session, link: &Link, statements: &[String]) -> Result<()> {
    if statements.is_empty() {
        return Ok(());
    }
    let watcher = Session::home(link).await?;
    let work = async {
        for batch in statements.chunks(AT_ONCE) {
            session.rows_at_length(&batch.join("; ")).await?;
        }
        Ok(())
    };
    watcher.alive_while(work).await
}

pub(super) async fn names(session: &Session, question: &str) -> Result<BTreeSet<String>> {
    let rows = session.rows(question).await?;
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}

/// Accounts, memberships, tablespaces and empty databases.
pub(super) async fn before_data(target: &Target<'_>, globals: &Globals) -> Result<Vec<Finding>> {
    let home = Session::home(target.link).await?;
    home.run(UNLOGGED).await?;
    let there = names(&home, "SELECT rolname FROM pg_roles").await?;
    let wanted: Vec<&Role> = globals.roles.iter().filter(|role| !target.keep.contains(&role.name)).collect();
    let mut statements = Vec::new();
    for role in &wanted {
        statements.extend(role_statements(role, there.contains(&role.name)));
    }
    run_all(&home, target.link, &statements).await?;
    grant_memberships(&home, target, globals).await?;
    let mut findings = make_tablespaces(&home, target, globals).await?;
    findings.extend(make_databases(home, target, globals).await?);
    Ok(findings)
}

fn role_statements(role: &Role, exists: bool) -> Vec<String> {
    let name = identifier(&role.name);
    let verb = if exists { "ALTER" } else { "CREATE" };
    let flag = |on: bool, word: &str| format!(" {}{word}", if on { "" } else { "NO" });
    let mut all = [
        format!("{verb} ROLE {name}"),
        flag(role.superuser, "SUPERUSER"),
        flag(role.inherit, "INHERIT"),
        flag(role.makes_roles, "CREATEROLE"),
        flag(role.makes_databases, "CREATEDB"),
        flag(role.login, "LOGIN"),
        flag(role.replication, "REPLICATION"),
        flag(role.bypass_row_security, "BYPASSRLS"),
        format!(" CONNECTION LIMIT {}", role.connection_limit),
    ]
    .concat();
    if let Some(until) = &role.valid_until {
        all.push_str(" VALID UNTIL ");
        all.push_str(&literal(until));
    }
    if let Some(verifier) = &role.verifier {
        all.push_str(" PASSWORD ");
        all.push_str(&literal(verifier));
    }
    let mut statements = vec![all];
    let on = format!("ROLE {name}");
    statements.extend(comment(&on, role.comment.as_deref()));
    statements.extend(label_statements(&on, &role.labels));
    statements
}

fn comment(on: &str, text: Option<&str>) -> Option<String> {
    text.map(|text| format!("COMMENT ON {on} IS {}", literal(text)))
}

fn label_statements(on: &str, labels: &[globals::Label]) -> Vec<String> {
    let one = |label: &globals::Label| {
        format!("SECURITY LABEL FOR {} ON {on} IS {}", identifier(&label.provider), literal(&label.label))
    };
    labels.iter().map(one).collect()
}

/// A grant needs its grantor's own right to grant, so grants are tried in rounds until no round helps.
async fn grant_memberships(home: &Session, target: &Target<'_>, globals: &Globals) -> Result<()> {
    let by_grantor = globals.memberships.iter().any(|grant| grant.set.is_some());
    let mut left: Vec<&Membership> =
        globals.memberships.iter().filter(|grant| !target.keep.contains(&grant.member)).collect();
    left.sort_by_key(|grant| !grant.bootstrap_grantor);
    loop {
        let (mut failed, mut last) = (Vec::new(), None);
        for grant in &left {
            if let Err(error) = home.run(&membership_statement(grant, by_grantor)).await {
                if error.kind == Kind::Unreachable {
                    return Err(error);
                }
                failed.push(*grant);
                last = Some(error);
            }
        }
        match last {
            None => return Ok(()),
            Some(error) if failed.len() == left.len() => return Err(error),
            Some(_) => left = failed,
        }
    }
}

fn membership_statement(grant: &Membership, by_grantor: bool) -> String {
    let (role, member) = (identifier(&grant.role), identifier(&grant.member));
    let mut options = vec![];
    if by_grantor {
        options.push(format!("ADMIN {}", grant.admin));
        options.extend(grant.inherit.map(|on| format!("INHERIT {on}")));
        options.extend(grant.set.map(|on| format!("SET {on}")));
    }
    let with = match options.is_empty() {
        false => format!(" WITH {}", options.join(", ")),
        true if grant.admin => " WITH ADMIN OPTION".to_owned(),
        true => String::new(),
    };
    let by = match &grant.grantor {
        Some(grantor) if by_grantor && !grant.bootstrap_grantor => {
            format!(" GRANTED BY {}", identifier(grantor))
        }
        _ => String::new(),
    };
    format!("GRANT {role} TO {member}{with}{by}")
}

async fn make_tablespaces(home: &Session, target: &Target<'_>, globals: &Globals) -> Result<Vec<Finding>> {
    let there = names(home, "SELECT spcname FROM pg_tablespace").await?;
    let mut findings = Vec::new();
    for tablespace in globals.tablespaces.iter().filter(|tablespace| !there.contains(&tablespace.name)) {
        let name = identifier(&tablespace.name);
        let owner = identifier(&tablespace.owner);
        if target.private || !tablespace.location.starts_with('/') {
            // Its folder may hold the data that is being replaced, or be another server's: here it lies inside, as it
            // already did where no absolute path is told.
            home.run("SET allow_in_place_tablespaces = on").await?;
            home.run(&format!("CREATE TABLESPACE {name} OWNER {owner} LOCATION ''")).await?;
            let what = Text::new("postgresql-tablespace-inside").with("tablespace", shown(&tablespace.name));
            findings.push(Finding::note(shown(&tablespace.name), what));
        } else {
            let place = literal(&tablespace.location);
            home.run(&format!("CREATE TABLESPACE {name} OWNER {owner} LOCATION {place}")).await?;
        }
        let on = format!("TABLESPACE {name}");
        let mut statements: Vec<String> =
            tablespace.options.iter().flatten().map(|option| format!("ALTER {on} SET ({option})")).collect();
        statements.extend(rights_statements(&on, &tablespace.owner, tablespace.rights.as_deref()));
        statements.extend(comment(&on, tablespace.comment.as_deref()));
        run_all(home, target.link, &statements).await?;
    }
    Ok(findings)
}

async fn make_databases(home: Session, target: &Target<'_>, globals: &Globals) -> Result<Vec<Finding>> {
    let there = globals::databases(&home).await?;
    let mut findings = Vec::new();
    drop(home);
    for database in globals.databases.iter().filter(|database| database.is_dumped()) {
        let found = there.iter().find(|found| found.name == database.name);
        match found {
            Some(found) if found.shape() == database.shape() => {}
            Some(_) if target.private => replace_database(target.link, database).await?,
            Some(_) if matches!(database.name.as_str(), "postgres" | "template1") => {
                let what = Text::new("postgresql-database-shape").with("database", &database.name);
                findings.push(Finding::warning(&database.name, what));
            }
            Some(_) => {
                let what = Text::new("postgresql-database-exists").with("database", shown(&database.name));
                return Err(Error::new(Kind::Exists, what));
            }
            None => {
                let session = Session::home(target.link).await?;
                session.run_at_length(target.link, &create_statement(database)).await?;
            }
        }
    }
    Ok(findings)
}

/// The server's own databases were made with other properties: they are made anew, each from a session with another.
pub(super) async fn replace_database(link: &Link, database: &Database) -> Result<()> {
    let other = if database.name == "template1" { "postgres" } else { "template1" };
    let session = Session::open(link, other).await?;
    // One at home may sit in the database that goes.
    let watcher = Session::open(link, other).await?;
    let name = identifier(&database.name);
    session.run(&format!("ALTER DATABASE {name} IS_TEMPLATE false")).await?;
    let work = async {
        // What still sits in it is a session of ours that is about to end.
        session.rows_at_length(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        session.rows_at_length(&create_statement(database)).await.map(drop)
    };
    watcher.alive_while(work).await
}

fn create_statement(database: &Database) -> String {
    let mut all = format!(
        "CREATE DATABASE {} TEMPLATE template0 OWNER {} ENCODING {} LC_COLLATE {} LC_CTYPE {}",
        identifier(&database.name),
        identifier(&database.owner),
        literal(&database.encoding),
        literal(&database.collate),
        literal(&database.ctype),
    );
    let locale = database.locale.as_deref().map(literal).unwrap_or_default();
    match database.provider.as_str() {
        "i" => all.push_str(&format_args!(" LOCALE_PROVIDER icu ICU_LOCALE {locale}").to_string()),
        "b" => all.push_str(&format_args!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {locale}").to_string()),
        _ => all.push_str(" LOCALE_PROVIDER libc"),
    }
    if let Some(rules) = &database.rules {
        all.push_str(" ICU_RULES ");
        all.push_str(&literal(rules));
    }
    if database.tablespace != "pg_default" {
        all.push_str(" TABLESPACE ");
        all.push_str(&identifier(&database.tablespace));
    }
    all
}

/// Rights, comments, settings and limits.
pub(super) async fn after_data(target: &Target<'_>, globals: &Globals) -> Result<Vec<Finding>> {
    let home = Session::home(target.link).await?;
    home.run(UNLOGGED).await?;
    let mut statements = Vec::new();
    for parameter in &globals.parameters {
        let on = format!("PARAMETER {}", identifier(&parameter.name));
        statements.extend(parameter.given(globals.first()).map(|right| grant_statement(&on, right)));
    }
    for database in globals.databases.iter().filter(|database| database.is_dumped()) {
        let on = format!("DATABASE {}", identifier(&database.name));
        statements.push(format!("ALTER {on} OWNER TO {}", identifier(&database.owner)));
        statements.extend(rights_statements(&on, &database.owner, database.rights.as_deref()));
        statements.extend(comment(&on, database.comment.as_deref()));
        statements.extend(label_statements(&on, &database.labels));
        statements.push(format!(
            "ALTER {on} CONNECTION LIMIT {} IS_TEMPLATE {}",
            database.connection_limit, database.template
        ));
    }
    run_all(&home, target.link, &statements).await?;
    let mut findings = Vec::new();
    for settings in
        globals.settings.iter().filter(|s| s.role.as_ref().is_none_or(|role| !target.keep.contains(role)))
    {
        findings.extend(apply_settings(&home, globals, settings).await?);
    }
    Ok(findings)
}

fn grant_statement(on: &str, right: &Right) -> String {
    let grantee = right.grantee.as_deref().map_or_else(|| "PUBLIC".to_owned(), identifier);
    let option = if right.grantable { " WITH GRANT OPTION" } else { "" };
    format!("GRANT {} ON {on} TO {grantee}{option}", right.privilege)
}

/// `None`: the server's defaults stand.
fn rights_statements(on: &str, owner: &str, rights: Option<&[Right]>) -> Vec<String> {
    let Some(rights) = rights else { return vec![] };
    let mut all = vec![
        format!("REVOKE ALL ON {on} FROM PUBLIC"),
        format!("REVOKE ALL ON {on} FROM {}", identifier(owner)),
    ];
    let (own, others): (Vec<&Right>, Vec<&Right>) = rights.iter().partition(|right| right.grantor == owner);
    all.extend(own.into_iter().map(|right| grant_statement(on, right)));
    for right in others {
        all.push(format!("SET ROLE {}", identifier(&right.grantor)));
        all.push(grant_statement(on, right));
        all.push("RESET ROLE".to_owned());
    }
    all
}

async fn apply_settings(home: &Session, globals: &Globals, settings: &Settings) -> Result<Vec<Finding>> {
    let dumped = |name: &String| {
        globals.databases.iter().any(|database| database.name == *name && database.is_dumped())
    };
    let place = match (&settings.role, &settings.database) {
        (_, Some(database)) if !dumped(database) => return Ok(vec![]),
        (None, Some(database)) => format!("DATABASE {}", identifier(database)),
        (Some(role), None) => format!("ROLE {}", identifier(role)),
        (Some(role), Some(database)) => {
            format!("ROLE {} IN DATABASE {}", identifier(role), identifier(database))
        }
        (None, None) => "ROLE ALL".to_owned(),
    };
    let mut findings = Vec::new();
    for pair in &settings.values {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = if LISTS.contains(&name) { list(value) } else { literal(value) };
        let path = name.split('.').map(identifier).collect::<Vec<_>>().join(".");
        match home.run(&format!("ALTER {place} SET {path} TO {value}")).await {
            Ok(()) => {}
            Err(error) if error.kind == Kind::Unreachable => return Err(error),
            Err(error) => {
                let what =
                    Text::new("postgresql-setting-refused").with("name", shown(name)).with("why", error.what);
                findings.push(Finding::warning(shown(&place), what));
            }
        }
    }
    Ok(findings)
}

/// A stored list of names, each as a literal: `"$user", public` becomes `'$user', 'public'`.
pub(super) fn list(value: &str) -> String {
    let mut elements = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        let (element, after) = if let Some(quoted) = rest.strip_prefix('"') {
            unquote(quoted)
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (rest[..end].trim().to_owned(), &rest[end..])
        };
        elements.push(literal(&element));
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    if elements.is_empty() { "''".to_owned() } else { elements.join(", ") }
}

/// The text up to its closing quote, and what follows.
fn unquote(text: &str) -> (String, &str) {
    let mut element = String::new();
    let mut rest = text;
    loop {
        let Some(end) = rest.find('"') else { return (element + rest, "") };
        element.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                element.push('"');
                rest = more;
            }
            None => return (element, rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names_keep_their_elements() {
        assert_eq!(list("\"$user\", public"), "'$user', 'public'");
        assert_eq!(list("\"a \"\"b\"\", c\",d"), "'a \"b\", c', 'd'");
        assert_eq!(list("\"\""), "''");
        assert_eq!(list(""), "''");
    }

    #[test]
    fn a_membership_keeps_what_its_version_knows() {
        let mut grant = Membership {
            role: "r".into(),
            member: "m".into(),
            grantor: Some("g".into()),
            bootstrap_grantor: false,
            admin: true,
            inherit: None,
            set: None,
        };
        assert_eq!(membership_statement(&grant, false), "GRANT \"r\" TO \"m\" WITH ADMIN OPTION");
        (grant.inherit, grant.set, grant.admin) = (Some(false), Some(true), false);
        assert_eq!(
            membership_statement(&grant, true),
            "GRANT \"r\" TO \"m\" WITH ADMIN false, INHERIT false, SET true GRANTED BY \"g\""
        );
    }
}

//! Accounts, roles and grants of a server, with the hashes of their passwords, and what makes them again.
//!
//! What it reads goes into the sealed vault and nowhere else; digests of it are one-way.

use std::collections::{BTreeMap, HashSet};

use mysql_async::Row;
use roadstead_core::{Finding, Text};

use super::{
    definitions::{Definition, bytes, digest, text},
    flavour::{self, Flavour},
    grants::{self, On},
    profile::SYSTEM_DATABASES,
    session::{ADMIN, Fault, Session},
    statement::{Role, Statement},
};

/// Accounts that every server has of itself.
pub(super) const OWN: [&str; 4] = ["mysql.sys", "mysql.session", "mysql.infoschema", "mariadb.sys"];

/// The kind that the statements bear which install what accounts are let in by.
pub(super) const PLUGIN: &str = "plugin";

/// MariaDB's role that everybody has; its name is not quoted.
const EVERYBODY: &str = "PUBLIC";

/// Tables, views and routines that exist, so that grants on others are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Database and table or view.
    pub(super) tables: HashSet<(String, String)>,
    /// Database and routine.
    pub(super) routines: HashSet<(String, String)>,
}

/// All accounts.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    /// What accounts are let in by that is no part of every server.
    pub(super) plugins: Vec<Statement>,
    /// The accounts and roles themselves.
    pub(super) accounts: Vec<Definition>,
    /// Grants on everything, on databases, and of roles: before there are objects.
    pub(super) early: Vec<Statement>,
    /// Grants on single objects: after all of them are there.
    pub(super) late: Vec<Statement>,
    /// What could not be read, or will not be given again.
    pub(super) findings: Vec<Finding>,
}

/// One account as the server lists it.
struct Person {
    user: String,
    host: String,
    is_role: bool,
    /// Clauses on certificates with their values, where the server tells them unquoted (MySQL).
    demands: Vec<(&'static str, String)>,
    /// Has a password beside the one that is told (MySQL).
    has_second_password: bool,
}

impl Person {
    /// How statements name it.
    fn quoted(&self) -> String {
        if self.is_everybody() {
            return EVERYBODY.to_owned();
        }
        if self.is_role {
            return flavour::name(&self.user);
        }
        format!("{}@{}", flavour::text(&self.user), flavour::text(&self.host))
    }

    /// Whether it stands for everybody: made with the server, never created, only given rights (MariaDB).
    fn is_everybody(&self) -> bool {
        self.is_role && self.user == EVERYBODY
    }

    /// Whether its host is the name of one, which a server that resolves none forgets at its start. Patterns and
    /// addresses are not.
    fn is_by_host_name(&self) -> bool {
        let address = |c: char| c.is_ascii_digit() || c == '.';
        !self.is_role
            && !self.host.eq_ignore_ascii_case("localhost")
            && !self.host.contains([':', '%', '_', '/'])
            && !self.host.chars().all(address)
    }

    fn path(&self) -> Vec<String> {
        if self.is_role { vec![self.user.clone()] } else { vec![self.user.clone(), self.host.clone()] }
    }
}

/// Reads them all. Without `known`, grants on whatever there is are taken.
pub(super) async fn read(session: &mut Session, known: Option<&Known>) -> Result<People, Fault> {
    let mut all = People::default();
    let listed = match list(session).await {
        Ok(listed) => listed,
        Err(fault) if fault.is_denied() => {
            let what = Text::new("mysql-survey-right")
                .with("right", "SELECT ON mysql.*")
                .with("why", Text::new("mysql-survey-accounts"));
            let cure = Text::new("mysql-survey-right-cure").with("right", "SELECT ON mysql.*");
            all.findings.push(Finding::warning("", what).cure(cure));
            return Ok(all);
        }
        Err(fault) => return Err(fault),
    };
    let defaults = default_roles(session).await?;
    let resolves = session.value("SELECT @@global.skip_name_resolve").await?.as_deref() == Some("0");
    for person in listed {
        let is_made = one(session, &person, known, &defaults, &mut all).await?;
        let account = person.path().join("@");
        if !resolves && person.is_by_host_name() {
            let key = if is_made { "mysql-account-by-name" } else { "mysql-account-inert" };
            let finding = Finding::warning(&account, Text::new(key).with("account", &account));
            all.findings.push(finding.cure(Text::new("mysql-account-by-name-cure")));
        }
        if person.has_second_password {
            let what = Text::new("mysql-second-password").with("account", &account);
            let finding = Finding::warning(account, what);
            all.findings.push(finding.cure(Text::new("mysql-second-password-cure")));
        }
    }
    all.plugins = plugins(session, &all.accounts).await?;
    all.findings.extend(history(session).await?);
    Ok(all)
}

/// What installs the plugins that these accounts are let in by, where they came from libraries.
async fn plugins(session: &mut Session, accounts: &[Definition]) -> Result<Vec<Statement>, Fault> {
    let sql = "SELECT PLUGIN_NAME, PLUGIN_LIBRARY FROM information_schema.PLUGINS WHERE PLUGIN_TYPE = 'AUTHENTICATION' \
               AND PLUGIN_STATUS = 'ACTIVE' AND PLUGIN_LIBRARY IS NOT NULL ORDER BY 1";
    let mut all = Vec::new();
    for row in session.raw(sql).await? {
        let (name, library) = (text(&row, 0), text(&row, 1));
        let mut made = accounts.iter().flat_map(|account| &account.statements);
        if made.any(|made| String::from_utf8_lossy(&made.sql).contains(&name)) {
            let sql = format!("INSTALL PLUGIN {} SONAME {}", flavour::name(&name), flavour::text(&library));
            all.push(Statement::new(Role::Try, PLUGIN, &[name], sql));
        }
    }
    Ok(all)
}

/// Earlier passwords, which no statement gives back.
async fn history(session: &mut Session) -> Result<Option<Finding>, Fault> {
    let sql = match session.flavour {
        Flavour::Mysql => {
            "SELECT COUNT(*) FROM (SELECT 1 FROM mysql.password_history GROUP BY User, Host HAVING COUNT(*) > 1) q"
        }
        Flavour::Mariadb => "SELECT COUNT(*) FROM mysql.password_reuse_check_history",
    };
    match session.value(sql).await {
        Ok(count) if count.as_deref() == Some("0") => Ok(None),
        Ok(_) => Ok(Some(Finding::note("", Text::new("mysql-password-history")))),
        // MariaDB makes the table with the plugin that needs it.
        Err(fault) if fault.code == 1146 || fault.is_denied() => Ok(None),
        Err(fault) => Err(fault),
    }
}

async fn list(session: &mut Session) -> Result<Vec<Person>, Fault> {
    let sql = match session.flavour {
        Flavour::Mysql if session.is_at_least(Flavour::Mysql, &[8, 0, 14]) => {
            "SELECT User, Host, 'N', x509_subject, x509_issuer, ssl_cipher, \
             JSON_CONTAINS_PATH(User_attributes, 'one', '$.additional_password') FROM mysql.user ORDER BY User, Host"
        }
        Flavour::Mysql => {
            "SELECT User, Host, 'N', x509_subject, x509_issuer, ssl_cipher, NULL FROM mysql.user ORDER BY User, Host"
        }
        // Roles first: an account may name one as its default.
        Flavour::Mariadb => "SELECT User, Host, is_role FROM mysql.user ORDER BY is_role DESC, User, Host",
    };
    let demands =
        |row: &Row| ["SUBJECT", "ISSUER", "CIPHER"].into_iter().zip([3, 4, 5].map(|at| text(row, at)));
    let read = |row: &Row| Person {
        user: text(row, 0),
        host: text(row, 1),
        is_role: text(row, 2) == "Y",
        demands: demands(row).filter(|(_, value)| !value.is_empty()).collect(),
        has_second_password: text(row, 6) == "1",
    };
    let own = |person: &Person| OWN.contains(&person.user.as_str()) || person.user == ADMIN;
    let rows = session.raw(sql).await?;
    Ok(rows.iter().map(read).filter(|person| !own(person)).collect())
}

/// Default roles by account (MySQL tells them in a table, MariaDB among the grants).
async fn default_roles(session: &mut Session) -> Result<BTreeMap<(String, String), Vec<String>>, Fault> {
    let mut defaults: BTreeMap<_, Vec<String>> = BTreeMap::new();
    if session.is_mysql() {
        let sql = "SELECT USER, HOST, DEFAULT_ROLE_USER, DEFAULT_ROLE_HOST FROM mysql.default_roles \
                   ORDER BY 1, 2, 3, 4";
        for row in session.raw(sql).await? {
            let role = format!("{}@{}", flavour::text(&text(&row, 2)), flavour::text(&text(&row, 3)));
            defaults.entry((text(&row, 0), text(&row, 1))).or_default().push(role);
        }
    }
    Ok(defaults)
}

/// Reads one account; `false` when it is listed but not in force: by a host's name on a server that resolves none.
async fn one(
    session: &mut Session,
    person: &Person,
    known: Option<&Known>,
    defaults: &BTreeMap<(String, String), Vec<String>>,
    all: &mut People,
) -> Result<bool, Fault> {
    let (path, quoted) = (person.path(), person.quoted());
    let made = if person.is_role {
        format!("CREATE ROLE {quoted}").into_bytes()
    } else {
        match session.raw(format!("SHOW CREATE USER {quoted}")).await {
            Ok(rows) => {
                let made = rows.first().map(|row| bytes(row, 0)).unwrap_or_default();
                with_demands(without_default_roles(made), &person.demands)
            }
            Err(fault) if matches!(fault.code, 1133 | 1141 | 1396) => return Ok(false),
            Err(fault) => return Err(fault),
        }
    };
    let kind = if person.is_role { "role" } else { "account" };
    let mut lines = Vec::new();
    for row in session.raw(format!("SHOW GRANTS FOR {quoted}")).await? {
        let line = text(&row, 0);
        // MariaDB repeats the grants that a role inherits; they belong to the other role.
        if person.is_role && !names(&line, person) {
            continue;
        }
        match grants::read(&line).map(|grant| grant.on) {
            Some(On::Table(database, table))
                if known.is_some_and(|known| !exists(&known.tables, &database, &table)) =>
            {
                all.findings.push(orphan(&path, &database, &table));
                continue;
            }
            Some(On::Routine(_, database, routine))
                if known.is_some_and(|known| !exists(&known.routines, &database, &routine)) =>
            {
                all.findings.push(orphan(&path, &database, &routine));
                continue;
            }
            Some(On::Table(..) | On::Routine(..)) => {
                all.late.push(Statement::new(Role::Make, "grant", &path, without_password(&line)));
            }
            _ => all.early.push(Statement::new(Role::Make, "grant", &path, without_password(&line))),
        }
        lines.push(line);
    }
    if let Some(roles) = defaults.get(&(person.user.clone(), person.host.clone())) {
        let line = format!("SET DEFAULT ROLE {} TO {quoted}", roles.join(", "));
        all.late.push(Statement::new(Role::Make, "grant", &path, line.as_str()));
        lines.push(line);
    }
    if person.is_everybody() && lines.iter().all(|line| line.starts_with("GRANT USAGE ON *.*")) {
        // It is listed from its first grant on, and stays when that is taken back: then it is as on a new server.
        return Ok(true);
    }
    lines.sort();
    let mut parts = vec![made.as_slice()];
    parts.extend(lines.iter().map(String::as_bytes));
    let digest = Some(digest(&parts));
    let name = vec![path.join("@")];
    let is_new = !person.is_everybody();
    let statements = is_new.then(|| Statement::new(Role::Make, kind, &path, made)).into_iter().collect();
    all.accounts.push(Definition { kind, name, statements, digest });
    Ok(true)
}

/// MariaDB tells the password in a grant as well: given again there, one that has expired would be a new one.
fn without_password(line: &str) -> String {
    let Some(start) = grants::find_word(line, " IDENTIFIED ") else { return line.to_owned() };
    let rest = &line[start + 1..];
    let ends = [" REQUIRE ", " WITH "].map(|word| grants::find_word(rest, word));
    let end = ends.into_iter().flatten().min().map_or(line.len(), |end| start + 1 + end);
    format!("{}{}", &line[..start], &line[end..])
}

/// Whether a grant's line is for this role itself.
fn names(line: &str, person: &Person) -> bool {
    let quoted = person.quoted();
    let words = if line.starts_with("SET ") { " FOR " } else { " TO " };
    let mut rest = line;
    let mut last = None;
    while let Some(at) = grants::find_word(rest, words) {
        rest = &rest[at + words.len()..];
        last = Some(rest);
    }
    last.is_some_and(|after| after.starts_with(&quoted))
}

fn exists(known: &HashSet<(String, String)>, database: &str, name: &str) -> bool {
    SYSTEM_DATABASES.contains(&database.to_lowercase().as_str())
        || known.contains(&(database.to_owned(), name.to_owned()))
}

fn orphan(path: &[String], database: &str, name: &str) -> Finding {
    let account = path.join("@");
    let what =
        Text::new("mysql-orphan-grant").with("account", &account).with("name", format!("{database}.{name}"));
    Finding::note(account, what).cure(Text::new("mysql-orphan-grant-cure"))
}

/// Takes the clause of default roles away: the roles may not exist yet when the account is made.
fn without_default_roles(made: Vec<u8>) -> Vec<u8> {
    let Ok(text) = String::from_utf8(made.clone()) else { return made };
    let Some(start) = grants::find_word(&text, " DEFAULT ROLE ") else { return made };
    let end = grants::find_word(&text[start + 1..], " REQUIRE ").map_or(text.len(), |end| start + 1 + end);
    format!("{}{}", &text[..start], &text[end..]).into_bytes()
}

/// Quotes the values of clauses on certificates, which MySQL tells between quotes and as they are.
fn with_demands(made: Vec<u8>, demands: &[(&str, String)]) -> Vec<u8> {
    let Ok(mut text) = String::from_utf8(made.clone()) else { return made };
    let Some(start) = grants::find_word(&text, " REQUIRE ") else { return made };
    let mut clauses = text.split_off(start);
    for (word, value) in demands {
        let quoted = format!("{word} {}", flavour::text(value));
        clauses = clauses.replacen(&format!("{word} '{value}'"), &quoted, 1);
    }
    (text + &clauses).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(user: &str, host: &str, is_role: bool) -> Person {
        let (user, host) = (user.into(), host.into());
        Person { user, host, is_role, demands: Vec::new(), has_second_password: false }
    }

    #[test]
    fn demands_on_certificates_stay_inside_their_quotes() {
        let made = b"CREATE USER `a REQUIRE SUBJECT 'o'x'`@`%` REQUIRE SUBJECT 'o'x' ISSUER 'b\\' WITH MAX_USER_CONNECTIONS 1";
        let demands = [("SUBJECT", "o'x".to_owned()), ("ISSUER", "b\\".to_owned())];
        assert_eq!(
            String::from_utf8(with_demands(made.to_vec(), &demands)).unwrap(),
            "CREATE USER `a REQUIRE SUBJECT 'o'x'`@`%` REQUIRE SUBJECT 'o\\'x' ISSUER 'b\\\\' WITH MAX_USER_CONNECTIONS 1"
        );
    }

    #[test]
    fn default_roles_are_taken_out_and_nothing_else() {
        let made =
            b"CREATE USER `a`@`%` IDENTIFIED WITH 'x' AS 0x24 DEFAULT ROLE `r REQUIRE `@`%` REQUIRE NONE";
        let left = without_default_roles(made.to_vec());
        assert_eq!(
            String::from_utf8(left).unwrap(),
            "CREATE USER `a`@`%` IDENTIFIED WITH 'x' AS 0x24 REQUIRE NONE"
        );
    }

    #[test]
    fn a_grant_gives_no_password() {
        let line =
            "GRANT USAGE ON *.* TO `a IDENTIFIED `@`%` IDENTIFIED VIA ed25519 USING ' WITH ' OR unix_socket";
        let user = "GRANT USAGE ON *.* TO `a IDENTIFIED `@`%`";
        assert_eq!(without_password(line), user);
        assert_eq!(
            without_password(&format!("{line} WITH GRANT OPTION")),
            format!("{user} WITH GRANT OPTION")
        );
        assert_eq!(
            without_password(&format!("{line} REQUIRE X509 WITH MAX_USER_CONNECTIONS 8")),
            format!("{user} REQUIRE X509 WITH MAX_USER_CONNECTIONS 8")
        );
    }

    #[test]
    fn names_of_hosts_are_told_from_addresses_and_patterns() {
        let is = |host: &str| person("u", host, false).is_by_host_name();
        assert!(is("web01.example.com") && is("web01") && is("10.example"));
        assert!(
            ["%", "localhost", "10.0.0.1", "10.%", "::1", "10.0.0.0/255.0.0.0", "%.example.com"]
                .iter()
                .all(|host| !is(host))
        );
    }

    #[test]
    fn inherited_grants_are_told_from_a_roles_own() {
        let role = person("r", "", true);
        assert!(names("GRANT SELECT ON `d`.* TO `r`", &role));
        assert!(!names("GRANT SELECT ON `d`.* TO `other`", &role));
    }
}

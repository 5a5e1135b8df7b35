//! Views, routines, triggers and events: code that a database holds, with the circumstances it was written in.
//!
//! Bodies are taken and given back as bytes, in the character set of the session that wrote them.

use mysql_async::Row;

use super::{
    catalogue::{self, Table},
    definitions::{Definition, bytes, digest, enter, text},
    dump::OWN_SETUP,
    flavour::{self, Flavour},
    session::{Fault, Session},
    statement::{Role, Statement},
};
use roadstead_core::{Error, Kind, Text};

/// In what circumstances a program was written; they are part of what it means.
struct Written {
    sql_mode: Option<String>,
    time_zone: Option<String>,
    client: String,
    connection: String,
    /// The database's collation at that time; `None` for views and libraries, which do not keep it.
    database: Option<String>,
}

impl Written {
    /// What puts a session into these circumstances from [`OWN_SETUP`]. `now` is the collation that the database has today.
    fn setup(&self, database: &str, now: &str) -> Vec<Statement> {
        let mut setup = vec![enter(database)];
        if let Some(then) = self.database.as_deref().filter(|then| *then != now && !then.is_empty()) {
            setup.push(collate(database, then));
        }
        let mut set = |name: &str, value: &str| setup.push(Statement::setup(format!("SET {name} = {value}")));
        set("SESSION sql_mode", &flavour::text(self.sql_mode.as_deref().unwrap_or_default()));
        set("SESSION time_zone", &flavour::text(self.time_zone.as_deref().unwrap_or("+00:00")));
        set("SESSION character_set_client", &self.client);
        set("SESSION collation_connection", &self.connection);
        setup
    }

    /// What leaves the session as our own statements need it, and a database as it is today.
    fn after(&self, database: &str, now: &str) -> Vec<Statement> {
        let mut after: Vec<_> = OWN_SETUP.map(Statement::setup).into();
        if self.database.as_deref().is_some_and(|then| then != now && !then.is_empty()) {
            after.push(collate(database, now));
        }
        for statement in &mut after {
            statement.kind = "after".into();
        }
        after
    }

    fn parts(&self) -> [&[u8]; 5] {
        [
            self.sql_mode.as_deref().unwrap_or_default().as_bytes(),
            self.time_zone.as_deref().unwrap_or_default().as_bytes(),
            self.client.as_bytes(),
            self.connection.as_bytes(),
            self.database.as_deref().unwrap_or_default().as_bytes(),
        ]
    }
}

fn collate(database: &str, collation: &str) -> Statement {
    Statement::setup(format!("ALTER DATABASE {} COLLATE {collation}", flavour::name(database)))
}

/// A program's definition from its body and its circumstances.
fn program(
    kind: &'static str,
    path: Vec<String>,
    body: Vec<u8>,
    written: &Written,
    now: &str,
) -> Result<Definition, Fault> {
    if body.is_empty() {
        // The server hides bodies from those who may not see them; a backup without it would be silent loss.
        let what = Text::new("mysql-body-hidden").with("kind", kind).with("name", path.join("."));
        return Err(Error::new(Kind::Denied, what).cure(Text::new("mysql-grants-cure")).into());
    }
    let mut parts: Vec<&[u8]> = written.parts().to_vec();
    parts.push(&body);
    let digest = Some(digest(&parts));
    let mut statements = written.setup(&path[0], now);
    statements.push(Statement::new(Role::Make, kind, &path, body));
    statements.extend(written.after(&path[0], now));
    Ok(Definition { kind, name: path, statements, digest })
}

/// The collation that a database has now.
async fn collation(session: &mut Session, database: &str) -> Result<String, Fault> {
    let sql = format!(
        "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE {}",
        flavour::exactly("SCHEMA_NAME", database)
    );
    Ok(session.value(&sql).await?.unwrap_or_default())
}

/// Libraries of a database (MySQL), which routines of any database may use.
pub(super) async fn libraries(session: &mut Session, database: &str) -> Result<Vec<Definition>, Fault> {
    if !session.is_at_least(Flavour::Mysql, &[9, 2]) {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT LIBRARY_NAME FROM information_schema.LIBRARIES WHERE {} ORDER BY 1",
        flavour::exactly("LIBRARY_SCHEMA", database)
    );
    let mut all = Vec::new();
    for row in session.raw(sql).await? {
        let name = text(&row, 0);
        let rows = session.raw(format!("SHOW CREATE LIBRARY {}", flavour::full(database, &name))).await?;
        let Some(row) = rows.first() else { continue };
        let written = Written {
            sql_mode: Some(text(row, 1)),
            time_zone: None,
            client: "utf8mb4".into(),
            connection: "utf8mb4_general_ci".into(),
            database: None,
        };
        all.push(program("library", vec![database.to_owned(), name], bytes(row, 2), &written, "")?);
    }
    Ok(all)
}

/// Procedures, functions and packages of a database, in an order in which they can be made.
pub(super) async fn routines(session: &mut Session, database: &str) -> Result<Vec<Definition>, Fault> {
    let sql = format!(
        "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE {} \
         ORDER BY ROUTINE_TYPE, ROUTINE_NAME",
        flavour::exactly("ROUTINE_SCHEMA", database)
    );
    let listed = session.raw(sql).await?;
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    let now = collation(session, database).await?;
    let mut all = Vec::new();
    for row in listed {
        let (word, name) = (text(&row, 0), text(&row, 1));
        let kind = match word.as_str() {
            "PROCEDURE" => "procedure",
            "FUNCTION" => "function",
            "PACKAGE" => "package",
            "PACKAGE BODY" => "package body",
            _ => continue,
        };
        let rows = session.raw(format!("SHOW CREATE {word} {}", flavour::full(database, &name))).await?;
        let Some(row) = rows.first() else { continue };
        let written = Written {
            sql_mode: Some(text(row, 1)),
            time_zone: None,
            client: text(row, 3),
            connection: text(row, 4),
            database: Some(text(row, 5)),
        };
        all.push(program(kind, vec![database.to_owned(), name], bytes(row, 2), &written, &now)?);
    }
    Ok(all)
}

/// Triggers of a database, those of one table and event in the order in which they fire.
pub(super) async fn triggers(session: &mut Session, database: &str) -> Result<Vec<Definition>, Fault> {
    let sql = format!(
        "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE {} \
         ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER",
        flavour::exactly("TRIGGER_SCHEMA", database)
    );
    let listed: Vec<_> = session.raw(sql).await?.iter().map(|row| text(row, 0)).collect();
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    let now = collation(session, database).await?;
    let mut all = Vec::new();
    for name in listed {
        let rows = session.raw(format!("SHOW CREATE TRIGGER {}", flavour::full(database, &name))).await?;
        let Some(row) = rows.first() else { continue };
        let written = Written {
            sql_mode: Some(text(row, 1)),
            time_zone: None,
            client: text(row, 3),
            connection: text(row, 4),
            database: Some(text(row, 5)),
        };
        all.push(program("trigger", vec![database.to_owned(), name], bytes(row, 2), &written, &now)?);
    }
    Ok(all)
}

/// Scheduled events of a database.
pub(super) async fn events(session: &mut Session, database: &str) -> Result<Vec<Definition>, Fault> {
    let sql = format!(
        "SELECT EVENT_NAME, EXECUTE_AT IS NOT NULL OR ENDS IS NOT NULL FROM information_schema.EVENTS \
         WHERE {} ORDER BY EVENT_NAME",
        flavour::exactly("EVENT_SCHEMA", database)
    );
    let read = |row: &Row| (text(row, 0), text(row, 1) == "1");
    let listed: Vec<_> = session.raw(sql).await?.iter().map(read).collect();
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    let now = collation(session, database).await?;
    let mut all = Vec::new();
    for (name, ends) in listed {
        let rows = session.raw(format!("SHOW CREATE EVENT {}", flavour::full(database, &name))).await?;
        let Some(row) = rows.first() else { continue };
        let written = Written {
            sql_mode: Some(text(row, 1)),
            time_zone: Some(text(row, 2)),
            client: text(row, 4),
            connection: text(row, 5),
            database: Some(text(row, 6)),
        };
        let mut event = program("event", vec![database.to_owned(), name], bytes(row, 3), &written, &now)?;
        if ends {
            // The server drops it, or switches it off, when its time has passed: a copy may rightly differ.
            event.digest = None;
        }
        all.push(event);
    }
    Ok(all)
}

/// The kind of the objects that say of a view that its reader could not use it.
pub(super) const BROKEN: &str = "broken view";

/// A view's definition, and why it cannot be used, if it cannot.
pub(super) async fn view(session: &mut Session, view: &Table) -> Result<(Definition, Option<String>), Fault> {
    let broken = catalogue::broken(session, view).await?;
    let (made, client, connection) = match session.raw(format!("SHOW CREATE VIEW {}", view.quoted())).await {
        Ok(rows) => rows.first().map(|row| (bytes(row, 1), text(row, 2), text(row, 3))).unwrap_or_default(),
        // MariaDB opens what the view would write to, as a sequence.
        Err(fault) if fault.code == 1792 => view_in_parts(session, view).await?,
        Err(fault) => return Err(fault),
    };
    let written = Written { sql_mode: None, time_zone: None, client, connection, database: None };
    let mut definition = program("view", view.path(), made, &written, "")?;
    if broken.is_some() {
        // It is tried all the same: what it lacks may be a right of ours alone. To who has it the text may be another.
        definition.digest = None;
        for statement in &mut definition.statements {
            if statement.role == Role::Make {
                statement.role = Role::Try;
            }
        }
    }
    Ok((definition, broken))
}

/// A view's definition, put together from what the catalogue tells without opening what it reads from.
async fn view_in_parts(session: &mut Session, view: &Table) -> Result<(Vec<u8>, String, String), Fault> {
    let sql = format!(
        "SELECT VIEW_DEFINITION, ALGORITHM, DEFINER, SECURITY_TYPE, CHECK_OPTION, CHARACTER_SET_CLIENT, \
         COLLATION_CONNECTION FROM information_schema.VIEWS WHERE {} AND {}",
        flavour::exactly("TABLE_SCHEMA", &view.database),
        flavour::exactly("TABLE_NAME", &view.name)
    );
    let rows = session.raw(sql).await?;
    let Some(row) = rows.first().filter(|row| !bytes(row, 0).is_empty()) else {
        return Ok(Default::default());
    };
    let definer = text(row, 2);
    let (user, host) = definer.rsplit_once('@').unwrap_or((&definer, ""));
    let host = if host.is_empty() { String::new() } else { format!("@{}", flavour::name(host)) };
    let mut made = format!(
        "CREATE ALGORITHM={} DEFINER={}{host} SQL SECURITY {} VIEW {} AS ",
        text(row, 1),
        flavour::name(user),
        text(row, 3),
        view.quoted()
    )
    .into_bytes();
    made.extend(bytes(row, 0));
    if text(row, 4) != "NONE" {
        made.extend(format!(" WITH {} CHECK OPTION", text(row, 4)).into_bytes());
    }
    Ok((made, text(row, 5), text(row, 6)))
}

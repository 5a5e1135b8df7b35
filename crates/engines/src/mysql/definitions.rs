//! Definitions of what holds data: databases, table spaces, tables, sequences, servers, and what the optimizer knows.
//!
//! Each is read as the server tells it, with the statements that make it again and a digest of it. Programs
//! (views, routines, triggers, events) are in `programs.rs`, accounts in `people.rs`.

use mysql_async::{Row, Value};

use super::{
    catalogue::{Holds, Table},
    flavour::{self, Flavour},
    grants,
    session::{Fault, Session},
    statement::{Role, Statement},
};

/// One object's definition.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    /// The manifest's word for it.
    pub(super) kind: &'static str,
    /// Its name, outermost first.
    pub(super) name: Vec<String>,
    /// What makes it again, in order.
    pub(super) statements: Vec<Statement>,
    /// Digest of what it is; `None`: it may be missing in a copy, and so is not compared.
    pub(super) digest: Option<String>,
}

impl Definition {
    /// A definition made by one statement, of which its digest is taken.
    pub(super) fn simple(kind: &'static str, name: Vec<String>, sql: String) -> Self {
        let digest = Some(digest(&[sql.as_bytes()]));
        let statements = vec![Statement::new(Role::Make, kind, &name, sql)];
        Self { kind, name, statements, digest }
    }
}

/// BLAKE3 of several parts, each with its length.
pub(super) fn digest(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// A value of a row as it came; empty for NULL.
pub(super) fn bytes(row: &Row, index: usize) -> Vec<u8> {
    match row.as_ref(index) {
        Some(Value::Bytes(bytes)) => bytes.clone(),
        Some(Value::NULL) | None => Vec::new(),
        Some(other) => other.as_sql(false).into_bytes(),
    }
}

/// A value of a row as text.
pub(super) fn text(row: &Row, index: usize) -> String {
    String::from_utf8_lossy(&bytes(row, index)).into_owned()
}

/// The databases, and what makes each as it is once everything lies in it.
pub(super) async fn databases(
    session: &mut Session,
    names: &[String],
) -> Result<(Vec<Definition>, Vec<Statement>), Fault> {
    let comment = if session.flavour == Flavour::Mariadb { "SCHEMA_COMMENT" } else { "''" };
    let encryption =
        if session.is_at_least(Flavour::Mysql, &[8, 0, 16]) { "DEFAULT_ENCRYPTION" } else { "'NO'" };
    let rows = session
        .raw(format!(
            "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME, {comment}, {encryption} \
             FROM information_schema.SCHEMATA"
        ))
        .await?;
    let locked = read_only(session).await?;
    let (mut made, mut last) = (Vec::new(), Vec::new());
    for row in rows {
        let name = text(&row, 0);
        if !names.contains(&name) {
            continue;
        }
        let mut sql = format!(
            "CREATE DATABASE {} CHARACTER SET {} COLLATE {}",
            flavour::name(&name),
            text(&row, 1),
            text(&row, 2)
        );
        let comment = text(&row, 3);
        if !comment.is_empty() {
            sql.extend([" COMMENT ", &flavour::text(&comment)]);
        }
        if text(&row, 4) == "YES" {
            sql.push_str(" ENCRYPTION 'Y'");
        }
        let path = vec![name.clone()];
        let mut definition = Definition::simple("database", path.clone(), sql.clone());
        if locked.contains(&name) {
            definition.digest = Some(digest(&[sql.as_bytes(), b"read only"]));
            let lock = format!("ALTER DATABASE {} READ ONLY = 1", flavour::name(&name));
            last.push(Statement::new(Role::Make, "database", &path, lock));
        }
        made.push(definition);
    }
    Ok((made, last))
}

async fn read_only(session: &mut Session) -> Result<Vec<String>, Fault> {
    if !session.is_at_least(Flavour::Mysql, &[8, 0, 22]) {
        return Ok(Vec::new());
    }
    let sql =
        "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA_EXTENSIONS WHERE OPTIONS LIKE '%READ ONLY=1%'";
    Ok(session.raw(sql).await?.iter().map(|row| text(row, 0)).collect())
}

/// General table spaces, spatial reference systems and remote servers: what belongs to no database.
pub(super) async fn of_server(session: &mut Session) -> Result<Vec<Definition>, Fault> {
    let mut all = Vec::new();
    if session.is_mysql() {
        all.extend(table_spaces(session).await?);
        all.extend(spatial_systems(session).await?);
    }
    all.extend(servers(session).await?);
    Ok(all)
}

async fn table_spaces(session: &mut Session) -> Result<Vec<Definition>, Fault> {
    let sql = "SELECT NAME, ZIP_PAGE_SIZE, ENCRYPTION FROM information_schema.INNODB_TABLESPACES \
               WHERE SPACE_TYPE = 'General' AND NAME <> 'mysql'";
    let rows = match session.raw(sql).await {
        // Without PROCESS none is seen; a table that lies in one then fails by name when it is loaded.
        Err(fault) if fault.is_denied() => return Ok(Vec::new()),
        other => other?,
    };
    let make = |row: Row| {
        let (name, page) = (text(&row, 0), text(&row, 1));
        // The file gets a name of its own below the data directory: the old path may not exist, or not be ours.
        let file = hex::encode(&name);
        let block = if page == "0" { String::new() } else { format!(" FILE_BLOCK_SIZE = {page}") };
        let sealed = if text(&row, 2) == "Y" { " ENCRYPTION 'Y'" } else { "" };
        let sql =
            format!("CREATE TABLESPACE {} ADD DATAFILE 'ts_{file}.ibd'{block}{sealed}", flavour::name(&name));
        Definition::simple("tablespace", vec![name], sql)
    };
    Ok(rows.into_iter().map(make).collect())
}

/// Those that a user made: every other one is part of each server.
async fn spatial_systems(session: &mut Session) -> Result<Vec<Definition>, Fault> {
    let sql = "SELECT SRS_ID, SRS_NAME, ORGANIZATION, ORGANIZATION_COORDSYS_ID, DEFINITION, DESCRIPTION \
               FROM information_schema.ST_SPATIAL_REFERENCE_SYSTEMS WHERE SRS_ID > 0 AND \
               (ORGANIZATION IS NULL OR ORGANIZATION <> 'EPSG' OR \
               NOT (SRS_ID BETWEEN 1 AND 32767 OR SRS_ID BETWEEN 60000000 AND 69999999))";
    let make = |row: Row| {
        let quoted = |index| flavour::text(&text(&row, index));
        let id = text(&row, 0);
        let mut sql = format!("CREATE SPATIAL REFERENCE SYSTEM {id} NAME {}", quoted(1));
        if !bytes(&row, 2).is_empty() {
            sql.extend([" ORGANIZATION ", &quoted(2), " IDENTIFIED BY ", &text(&row, 3)]);
        }
        sql.extend([" DEFINITION ", &quoted(4)]);
        if !bytes(&row, 5).is_empty() {
            sql.extend([" DESCRIPTION ", &quoted(5)]);
        }
        Definition::simple("spatial system", vec![id], sql)
    };
    Ok(session.raw(sql).await?.into_iter().map(make).collect())
}

/// Definitions of remote servers (`CREATE SERVER`), passwords included: the vault seals them.
async fn servers(session: &mut Session) -> Result<Vec<Definition>, Fault> {
    let sql =
        "SELECT Server_name, Wrapper, Host, Db, Username, Password, Port, Socket, Owner FROM mysql.servers";
    let rows = match session.raw(sql).await {
        Err(fault) if fault.is_denied() => return Ok(Vec::new()),
        other => other?,
    };
    let make = |row: Row| {
        let name = text(&row, 0);
        let mut options = Vec::new();
        for (index, option) in
            ["HOST", "DATABASE", "USER", "PASSWORD", "PORT", "SOCKET", "OWNER"].iter().enumerate()
        {
            let value = text(&row, index + 2);
            match *option {
                "PORT" if value != "0" && !value.is_empty() => options.push(format!("PORT {value}")),
                "PORT" => {}
                _ if value.is_empty() => {}
                _ => options.push(format!("{option} {}", flavour::text(&value))),
            }
        }
        let wrapper = flavour::name(&text(&row, 1));
        let sql = format!(
            "CREATE SERVER {} FOREIGN DATA WRAPPER {wrapper} OPTIONS ({})",
            flavour::name(&name),
            options.join(", ")
        );
        Definition::simple("server", vec![name], sql)
    };
    Ok(rows.into_iter().map(make).collect())
}

/// Goes into a database, so that names without one mean it.
pub(super) fn enter(database: &str) -> Statement {
    Statement::setup(format!("USE {}", flavour::name(database)))
}

/// Sequences: the definition, and where each stands.
pub(super) async fn sequence(session: &mut Session, table: &Table) -> Result<Definition, Fault> {
    let quoted = table.quoted();
    let made = session.raw(format!("SHOW CREATE SEQUENCE {quoted}")).await?;
    let made = made.first().map(|row| bytes(row, 1)).unwrap_or_default();
    let state = session.raw(format!("SELECT next_not_cached_value, cycle_count FROM {quoted}")).await?;
    let (next, cycle) = state.first().map(|row| (text(row, 0), text(row, 1))).unwrap_or_default();
    let path = table.path();
    let stand = format!("DO SETVAL({quoted}, {next}, 0, {cycle})");
    let digest = Some(digest(&[&made, next.as_bytes(), cycle.as_bytes()]));
    let statements = vec![
        enter(&table.database),
        Statement::new(Role::Make, "sequence", &path, made),
        Statement::new(Role::Make, "sequence", &path, stand),
    ];
    Ok(Definition { kind: "sequence", name: path, statements, digest })
}

/// One table's definition.
pub(super) async fn table(session: &mut Session, table: &Table) -> Result<Definition, Fault> {
    let rows = session.raw(format!("SHOW CREATE TABLE {}", table.quoted())).await?;
    let made = rows.first().map(|row| bytes(row, 1)).unwrap_or_default();
    let path = table.path();
    // A table whose rows lie elsewhere needs its engine, which a restored server may lack.
    let may_miss = table.holds() == Holds::Nothing;
    let role = if may_miss { Role::Try } else { Role::Make };
    let digest = (!may_miss).then(|| digest(&[canonical(&String::from_utf8_lossy(&made)).as_bytes()]));
    let statements = vec![enter(&table.database), Statement::new(role, "table", &path, made)];
    Ok(Definition { kind: "definition", name: path, statements, digest })
}

/// The kind of the objects that say of a table that its rows live in memory.
pub(super) const IN_MEMORY: &str = "memory table";

/// What is left of such a table once its server was started anew: its definition, but for where it counts on from.
/// Made by nothing; `made` is the table's definition.
pub(super) fn lasting(made: &Definition) -> Definition {
    let sql = made.statements.last().map_or(&[][..], |made| &made.sql);
    let text = canonical(&String::from_utf8_lossy(sql));
    let digest = Some(digest(&[without_counter(&text).as_bytes()]));
    Definition { kind: IN_MEMORY, name: made.name.clone(), statements: Vec::new(), digest }
}

/// Without the table's own option `AUTO_INCREMENT`, which the server tells after the last parenthesis outside quotes.
fn without_counter(made: &str) -> String {
    const MARK: &str = " AUTO_INCREMENT=";
    let Some(options) = grants::find_word(made, " ENGINE=") else { return made.to_owned() };
    let Some(at) = grants::find_word(&made[options..], MARK) else { return made.to_owned() };
    let (before, rest) = made.split_at(options + at);
    let number = &rest[MARK.len()..];
    format!("{before}{}", number.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// A table's definition without the character set of a collation that says it anyway: MySQL tells it or not by how
/// the column was once written, so a copy's text has it where the original's has not.
fn canonical(made: &str) -> String {
    const MARK: &str = " CHARACTER SET ";
    let mut out = String::with_capacity(made.len());
    let mut rest = made;
    while let Some(at) = rest.find(MARK) {
        let after = &rest[at + MARK.len()..];
        let word = &after[..after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len())];
        let said = after[word.len()..]
            .strip_prefix(" COLLATE ")
            .is_some_and(|collation| collation.starts_with(word));
        out.push_str(&rest[..at]);
        if said {
            rest = &after[word.len()..];
        } else {
            out.push_str(MARK);
            rest = after;
        }
    }
    out + rest
}

/// Histograms of a database's columns (MySQL).
pub(super) async fn histograms(session: &mut Session, database: &str) -> Result<Vec<Definition>, Fault> {
    // From this version on one can be given; before, it can only be measured again.
    if !session.is_at_least(Flavour::Mysql, &[8, 0, 31]) {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT TABLE_NAME, COLUMN_NAME, HISTOGRAM FROM information_schema.COLUMN_STATISTICS WHERE {}",
        flavour::exactly("SCHEMA_NAME", database)
    );
    let make = |row: Row| {
        let (table, column, data) = (text(&row, 0), text(&row, 1), text(&row, 2));
        let sql = format!(
            "ANALYZE NO_WRITE_TO_BINLOG TABLE {} UPDATE HISTOGRAM ON {} USING DATA {}",
            flavour::full(database, &table),
            flavour::name(&column),
            flavour::text(&data)
        );
        let path = vec![database.to_owned(), table, column];
        let mut definition = Definition::simple("histogram", path, sql);
        // The server stamps it anew when it is given.
        let mut json: serde_json::Value = serde_json::from_str(&data).unwrap_or_default();
        if let Some(fields) = json.as_object_mut() {
            fields.shift_remove("last-updated");
        }
        definition.digest = Some(digest(&[json.to_string().as_bytes()]));
        definition
    };
    Ok(session.raw(sql).await?.into_iter().map(make).collect())
}

#[cfg(test)]
mod tests {
    use super::{canonical, without_counter};

    #[test]
    fn a_collation_says_its_character_set_once() {
        let left =
            "`v` varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, `w` char(1) CHARACTER SET latin1";
        let right = "`v` varchar(9) COLLATE utf8mb4_bin, `w` char(1) CHARACTER SET latin1";
        assert_eq!(canonical(left), right);
        assert_eq!(canonical(right), right);
    }

    #[test]
    fn where_a_table_counts_on_from_is_taken_out_and_nothing_else() {
        let made = "CREATE TABLE `) ENGINE=` (\n  `a` int COMMENT ' AUTO_INCREMENT=7 (',\n  `b` int AUTO_INCREMENT\n) \
                    ENGINE=MEMORY{} DEFAULT CHARSET=latin1 COMMENT=' AUTO_INCREMENT=9'";
        let with = |counter: &str| made.replace("{}", counter);
        assert_eq!(without_counter(&with(" AUTO_INCREMENT=502")), with(""));
        assert_eq!(without_counter(&with("")), with(""));
    }
}

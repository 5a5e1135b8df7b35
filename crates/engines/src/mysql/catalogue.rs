//! What there is: databases, tables and their columns. Definitions and rows are read elsewhere.
//!
//! Asks `information_schema` only for what is in a table's own definition file, so that no table is opened: one of
//! the FEDERATED engine would call its remote server.

use super::{
    flavour::{self, Flavour},
    session::{Fault, Session},
};

/// What a table's engine means for its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// In the snapshot of a transaction.
    Transactional,
    /// Here, but in no snapshot: read as they are when their turn comes.
    Apart,
    /// Nothing: the rows lie elsewhere, or nowhere.
    Nothing,
}

/// A table, a view or a sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Its database.
    pub(super) database: String,
    /// Its name.
    pub(super) name: String,
    /// `BASE TABLE`, `VIEW`, `SEQUENCE`, `SYSTEM VERSIONED`.
    pub(super) kind: String,
    /// Its storage engine, in the server's spelling; empty for a view.
    pub(super) engine: String,
    /// Whether it is to be encrypted by keys of the server's.
    pub(super) is_encrypted: bool,
}

impl Table {
    /// The full name, quoted.
    pub(super) fn quoted(&self) -> String {
        flavour::full(&self.database, &self.name)
    }

    /// The full name for people.
    pub(super) fn shown(&self) -> String {
        format!("{}.{}", self.database, self.name)
    }

    /// The full name, outermost first.
    pub(super) fn path(&self) -> Vec<String> {
        vec![self.database.clone(), self.name.clone()]
    }

    /// Whether it is a view, of any kind.
    pub(super) fn is_view(&self) -> bool {
        self.kind.contains("VIEW")
    }

    /// Whether it is a sequence.
    pub(super) fn is_sequence(&self) -> bool {
        self.kind == "SEQUENCE"
    }

    /// Whether it keeps the history of its rows.
    pub(super) fn is_versioned(&self) -> bool {
        self.kind == "SYSTEM VERSIONED"
    }

    /// Whether its rows, and where it counts on from, are gone with the server's process.
    pub(super) fn is_in_memory(&self) -> bool {
        self.engine.eq_ignore_ascii_case("memory")
    }

    /// What its engine means for its rows.
    pub(super) fn holds(&self) -> Holds {
        match self.engine.to_ascii_lowercase().as_str() {
            _ if self.is_view() || self.is_sequence() => Holds::Transactional,
            "innodb" | "rocksdb" | "tokudb" | "ndbcluster" | "ndb" => Holds::Transactional,
            "federated" | "connect" | "spider" | "blackhole" | "mrg_myisam" | "merge" | "sphinx"
            | "oqgraph" | "performance_schema" | "s3" | "example" => Holds::Nothing,
            _ => Holds::Apart,
        }
    }
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: String,
    /// Its type without length: `varchar`, `enum`.
    pub(super) kind: String,
    /// Computed from others.
    pub(super) is_generated: bool,
    /// Computed when a row is written, and kept.
    pub(super) is_stored: bool,
    /// Says from when or until when a row of a versioned table held.
    pub(super) is_period: bool,
}

/// The tables, views and sequences of a database, by name.
pub(super) async fn tables(session: &mut Session, database: &str) -> Result<Vec<Table>, Fault> {
    let sql = format!(
        "SELECT TABLE_NAME, TABLE_TYPE, ENGINE, CREATE_OPTIONS FROM information_schema.TABLES WHERE {}",
        flavour::exactly("TABLE_SCHEMA", database)
    );
    let mut tables = Vec::new();
    for row in session.rows(sql).await? {
        let mut values = row.into_iter();
        let mut next = || values.next().flatten();
        let (Some(name), Some(kind)) = (next(), next()) else { continue };
        if kind != "TEMPORARY" {
            let engine = next().unwrap_or_default();
            let is_encrypted = is_encrypted(&next().unwrap_or_default());
            tables.push(Table { database: database.to_owned(), name, kind, engine, is_encrypted });
        }
    }
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tables)
}

/// MySQL says `ENCRYPTION='Y'` among a table's options, MariaDB `` `ENCRYPTED`='YES' ``.
pub(super) fn is_encrypted(options: &str) -> bool {
    let plain: String = options.to_uppercase().chars().filter(|c| !matches!(c, '`' | '\'' | '"')).collect();
    plain.split(' ').any(|option| matches!(option, "ENCRYPTION=Y" | "ENCRYPTED=YES"))
}

/// The columns of every table of a database: `(table, column)` in the tables' own order.
pub(super) async fn columns(
    session: &mut Session,
    database: &str,
) -> Result<std::collections::HashMap<String, Vec<Column>>, Fault> {
    let sql = format!(
        "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, EXTRA, GENERATION_EXPRESSION, ORDINAL_POSITION FROM information_schema.COLUMNS \
         WHERE {} ORDER BY TABLE_NAME, ORDINAL_POSITION",
        flavour::exactly("TABLE_SCHEMA", database)
    );
    let mut all: std::collections::HashMap<String, Vec<Column>> = std::collections::HashMap::new();
    for row in session.rows(sql).await? {
        let mut values = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || values.next().unwrap_or_default();
        let (table, name, kind, extra, expression) = (next(), next(), next(), next(), next());
        let is_stored = extra.contains("STORED GENERATED");
        let is_generated = is_stored || extra.contains("VIRTUAL GENERATED");
        let is_period = matches!(expression.as_str(), "ROW START" | "ROW END");
        let column = Column { name, kind: kind.to_lowercase(), is_generated, is_stored, is_period };
        all.entry(table).or_default().push(column);
    }
    Ok(all)
}

/// Why a view cannot be used; `None` when it can.
pub(super) async fn broken(session: &mut Session, view: &Table) -> Result<Option<String>, Fault> {
    match session.run(format!("SELECT 1 FROM {} LIMIT 0", view.quoted())).await {
        Ok(()) => Ok(None),
        // Missing or wrong table, column or function; recursion.
        Err(fault) if matches!(fault.code, 1054 | 1060 | 1146 | 1305 | 1356 | 1462) => {
            Ok(Some(fault.words()))
        }
        // What we, or its definer, may not do, what may not be done by a session that cannot write, and what it computes
        // says nothing of the view: its definition is whole.
        Err(fault) if fault.is_of_the_statement() => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// The flavour's spelling of an optional session variable: those that a version does not know are passed over.
pub(super) async fn set_if_known(session: &mut Session, settings: &[&str]) -> Result<(), Fault> {
    for setting in settings {
        match session.run(format!("SET SESSION {setting}")).await {
            Ok(()) => {}
            Err(fault) if fault.code == 1193 => {}
            // 1228, 1229, 1238: a variable that this version keeps global or fixed.
            Err(fault) if matches!(fault.code, 1228 | 1229 | 1238) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// Makes a session read everything as it is stored: no conversion, no limit, one time zone.
pub(super) async fn read_exactly(session: &mut Session) -> Result<(), Fault> {
    session
        .run_all([
            "SET NAMES utf8mb4",
            "SET SESSION character_set_results = NULL",
            "SET SESSION time_zone = '+00:00'",
            // Definitions without data directories: a copy must never write outside its own.
            "SET SESSION sql_mode = 'NO_DIR_IN_CREATE'",
            "SET SESSION sql_quote_show_create = 1",
            "SET SESSION sql_select_limit = 18446744073709551615",
            "SET SESSION sql_big_selects = 1",
            "SET SESSION net_write_timeout = 3600",
            "SET SESSION net_read_timeout = 3600",
            "SET SESSION wait_timeout = 86400",
            "SET SESSION lock_wait_timeout = 30",
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        ])
        .await?;
    match session.flavour {
        Flavour::Mysql => {
            set_if_known(
                session,
                &[
                    "max_execution_time = 0",
                    "show_gipk_in_create_table_and_information_schema = 1",
                    "print_identified_with_as_hex = 1",
                    "show_create_table_skip_secondary_engine = 0",
                    "show_create_table_verbosity = 0",
                ],
            )
            .await
        }
        Flavour::Mariadb => {
            set_if_known(session, &["max_statement_time = 0", "system_versioning_asof = DEFAULT"]).await
        }
    }
}

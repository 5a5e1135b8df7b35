//! What the demo carries: one cluster for each engine of this build that it knows how to fill, and its data.
//!
//! The data is made of nothing but its row's number, so that two demos carry the same.

use std::fmt::Write;

use roadstead_core::{Error, Kind, Result, Text, port::Engines};

/// Rows of each table, keys of each kind.
const ROWS: u32 = 3_000;
/// Rows in one statement.
const ROWS_AT_ONCE: u32 = 500;
/// The account that fills.
pub(super) const ACCOUNT: &str = "demo";

/// One cluster with its data.
pub(super) struct Held {
    /// The cluster.
    pub(super) cluster: &'static str,
    /// Its engine.
    pub(super) engine: &'static str,
    /// The engine's name for people.
    pub(super) title: &'static str,
    /// The engine's own client, by the names it may have.
    pub(super) client: &'static [&'static str],
    /// The database, for engines that have some.
    pub(super) database: Option<&'static str>,
    /// How many entries the data has.
    pub(super) rows: u32,
    /// What the client is given on its standard input.
    pub(super) input: fn() -> String,
}

impl Held {
    /// The one member.
    pub(super) fn member(&self) -> String {
        format!("{}-1", self.cluster)
    }
}

/// All of it.
pub(super) struct Cargo(Vec<Held>);

impl Cargo {
    /// What these engines can carry; none of them is an error.
    pub(super) fn for_engines(engines: &dyn Engines) -> Result<Self> {
        let known = [
            Held {
                cluster: "orders",
                engine: "postgresql",
                title: "",
                client: &["psql"],
                database: Some("orders"),
                rows: 2 * ROWS,
                input: tables,
            },
            Held {
                cluster: "billing",
                engine: "mysql",
                title: "",
                client: &["mariadb", "mysql"],
                database: Some("billing"),
                rows: 2 * ROWS,
                input: tables,
            },
            Held {
                cluster: "sessions",
                engine: "redis",
                title: "",
                client: &["redis-cli", "valkey-cli"],
                database: None,
                rows: 2 * ROWS,
                input: keys,
            },
        ];
        let of = |held: Held| {
            let engine = engines.get(held.engine)?;
            Some(Held { title: engine.profile().title, ..held })
        };
        let cargo: Vec<Held> = known.into_iter().filter_map(of).collect();
        if cargo.is_empty() {
            return Err(Error::new(Kind::Unsupported, Text::new("cli-demo-no-engine")));
        }
        Ok(Self(cargo))
    }

    /// Every cluster.
    pub(super) fn all(&self) -> &[Held] {
        &self.0
    }

    /// The cluster whose data is destroyed.
    pub(super) fn victim(&self) -> &Held {
        &self.0[0]
    }

    /// The engines by their names for people.
    pub(super) fn titles(&self) -> String {
        self.0.iter().map(|held| held.title).collect::<Vec<_>>().join(", ")
    }

    /// Entries in all.
    pub(super) fn rows(&self) -> u32 {
        self.0.iter().map(|held| held.rows).sum()
    }

    /// The fleet file that declares it on these ports.
    pub(super) fn fleet(&self, data: &str, ports: &[u16]) -> String {
        let mut text = format!(
            "fleet: demo\nvaults:\n  local: {{ url: ./vault, key: \"${{file:vault.key}}\" }}\n\
             hosts:\n  local: {{ data: \"{data}\" }}\nclusters:\n"
        );
        for (held, port) in self.0.iter().zip(ports) {
            let cluster = held.cluster;
            let databases =
                held.database.map(|name| format!("    databases: [ {name} ]\n")).unwrap_or_default();
            let may = if held.database.is_some() { "owner" } else { "write" };
            write!(
                text,
                "  {cluster}:\n    engine: {}\n    memory: 256MiB\n    members: [ {{ name: {cluster}-1, port: {port} }} ]\n\
                 {databases}    roles:\n      {ACCOUNT}: {{ password: \"${{file:secrets/{cluster}}}\", may: {may} }}\n    \
                 backup: {{ vault: local }}\n",
                held.engine
            )
            .expect("text is written into memory");
        }
        text
    }
}

/// Two tables in the SQL that both engines speak.
fn tables() -> String {
    let mut text = String::from(
        "CREATE TABLE customer (id INT PRIMARY KEY, name VARCHAR(80) NOT NULL, since DATE, note VARCHAR(200));\n\
         CREATE TABLE purchase (id INT PRIMARY KEY, customer INT NOT NULL REFERENCES customer (id),\n  \
         amount DECIMAL(12,2) NOT NULL, placed DATE NOT NULL);\n\
         CREATE INDEX purchase_customer ON purchase (customer);\n\
         CREATE VIEW spent AS SELECT customer, SUM(amount) AS total FROM purchase GROUP BY customer;\n",
    );
    insert(&mut text, "customer", |row| {
        let note = if row % 3 == 0 {
            "NULL".to_owned()
        } else {
            format!("'naïve “note” № {row} 订单 🚢'")
        };
        format!(
            "({row}, 'customer {row}', '20{:02}-{:02}-{:02}', {note})",
            row % 25,
            row % 12 + 1,
            row % 28 + 1
        )
    });
    insert(&mut text, "purchase", |row| {
        format!(
            "({row}, {}, {}.{:02}, '2025-{:02}-{:02}')",
            row * 7 % ROWS + 1,
            row * 31 % 9_973,
            row % 100,
            row % 12 + 1,
            row % 28 + 1
        )
    });
    text
}

fn insert(text: &mut String, table: &str, row: impl Fn(u32) -> String) {
    for first in (1..=ROWS).step_by(ROWS_AT_ONCE as usize) {
        let rows: Vec<String> = (first..first + ROWS_AT_ONCE).map(&row).collect();
        writeln!(text, "INSERT INTO {table} VALUES\n{};", rows.join(",\n"))
            .expect("text is written into memory");
    }
}

/// Keys of several types.
fn keys() -> String {
    let mut text = String::new();
    for row in 1..=ROWS {
        writeln!(text, "SET session:{row} \"token {} 订单\"", row.wrapping_mul(2_654_435_761))
            .expect("in memory");
        writeln!(text, "HSET basket:{row} item {} count {}", row % 97, row % 9 + 1).expect("in memory");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cargo_has_the_rows_it_says() {
        assert_eq!(tables().matches("\n(").count(), 2 * ROWS as usize);
        assert_eq!(keys().lines().count(), 2 * ROWS as usize);
    }

    #[test]
    fn the_demos_fleet_file_is_sound() {
        let engines = crate::engines::registry();
        let Ok(cargo) = Cargo::for_engines(&*engines) else { return };
        let text = cargo.fleet("/srv/demo/members", &[15_001, 15_002, 15_003]);
        let input = roadstead_core::fleet::Input {
            file: "fleet.yaml",
            directory: "/srv/demo",
            bytes: text.as_bytes(),
            facts: &crate::surroundings::Ideal,
        };
        let reading = roadstead_core::fleet::read(&input, &*engines);
        assert!(reading.fleet.is_some(), "{:#?}\n{text}", reading.findings);
    }
}

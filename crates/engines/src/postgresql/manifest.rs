//! Counts and digests of one database, computed inside the server in one snapshot: rows, sequences, large objects
//! and definitions. The method is the same for an original and for its copy, or their names differ.
//!
//! A row is hashed by the server's own type where equal means identical; every other column goes in as the bytes that
//! its type sends, or as the text that it writes (`1.0` and `1.00` are equal numbers, and not the same value).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use roadstead_core::{
    Error, Result, Text,
    manifest::{Object, Strength},
    port::{Link, Progress, Watch},
};
use sha2::{Digest, Sha256};

use super::{
    catalog,
    link::{Row, STEADY, Session},
    observe::fixed,
    search_path,
    sql::{identifier, literal},
};
use crate::digest::Multiset;

/// How many tables one transaction reads: each holds a lock until its end.
const BATCH_TABLES: usize = 64;
/// And how many bytes of them at most, so that two workers share the work.
const BATCH_BYTES: u64 = 16 << 20;
/// How many sequences one question reads.
const BATCH_SEQUENCES: usize = 200;
/// How many rows a cursor fetches at once, and how much of a large object is hashed in one piece.
const FETCH_ROWS: usize = 2_000;
const PIECE_BYTES: u64 = 4 << 20;
const PIECES_AT_ONCE: usize = 16;

/// The name of the method, with the major version: the server's words for definitions are its own.
pub(super) fn method(major: u32) -> String {
    format!("postgresql-4 on {major}")
}

/// A snapshot that other sessions of the same database can share, as long as its session lives.
pub(super) struct Snapshot {
    pub(super) session: Session,
    pub(super) id: String,
    pub(super) database: String,
}

impl Snapshot {
    pub(super) async fn take(link: &Link, database: &str) -> Result<Self> {
        let session = Session::open(link, database).await?;
        session.run(STEADY).await?;
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        let id = session.value("SELECT pg_export_snapshot()").await?;
        let id = id.ok_or_else(|| Error::internal("no snapshot was exported"))?;
        Ok(Self { session, id, database: database.to_owned() })
    }

    /// Another session, in a transaction that sees the same.
    async fn join(&self, link: &Link) -> Result<Session> {
        let session = Session::open(link, &self.database).await?;
        session.run(STEADY).await?;
        Ok(session)
    }

    /// Lets go of it; a server that finds a transaction open when its session closes complains in its log.
    pub(super) async fn release(self) -> Result<()> {
        self.session.run("COMMIT").await
    }

    fn begin(&self) -> String {
        let id = literal(&self.id);
        format!("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET TRANSACTION SNAPSHOT {id}")
    }
}

/// One table to be digested.
struct Table {
    name: Vec<String>,
    bytes: u64,
    /// `None`: its rows cannot be read here (an unlogged table on a replica).
    question: Option<String>,
}

/// Everything in the snapshot's database but its sequences' values, by this many sessions at once.
pub(super) async fn database(
    link: &Link,
    snapshot: &Snapshot,
    workers: usize,
    watch: &dyn Watch,
) -> Result<Vec<Object>> {
    let first = snapshot.join(link).await?;
    first.run(&snapshot.begin()).await?;
    let tables = tables(&first, &snapshot.database).await?;
    first.run("COMMIT").await?;
    let batches = Arc::new(Mutex::new(batches(tables)));
    let found = Mutex::new(Vec::new());
    let rest = async {
        first.run(&snapshot.begin()).await?;
        let mut objects = catalog::definitions(&first, &snapshot.database).await?;
        objects.extend(large_objects(&first, &snapshot.database, watch).await?);
        first.run("COMMIT").await?;
        found.lock().expect("no holder panics").extend(objects);
        work(&first, snapshot, &batches, &found, watch).await
    };
    if workers > 1 {
        let second = snapshot.join(link).await?;
        tokio::try_join!(rest, work(&second, snapshot, &batches, &found, watch))?;
    } else {
        rest.await?;
    }
    Ok(found.into_inner().expect("no holder panics"))
}

async fn work(
    session: &Session,
    snapshot: &Snapshot,
    batches: &Mutex<VecDeque<Vec<Table>>>,
    found: &Mutex<Vec<Object>>,
    watch: &dyn Watch,
) -> Result<()> {
    loop {
        let Some(batch) = batches.lock().expect("no holder panics").pop_front() else { return Ok(()) };
        watch.go_on()?;
        let questions: Vec<&str> = batch.iter().filter_map(|table| table.question.as_deref()).collect();
        let mut rows = answers(session, snapshot, &questions).await?.into_iter();
        let mut objects = Vec::new();
        for table in &batch {
            let row = table.question.as_ref().map(|_| rows.next().unwrap_or_default());
            objects.push(table_object(table, row)?);
        }
        found.lock().expect("no holder panics").extend(objects);
        let phase = Text::new("postgresql-phase-digest").with("database", &snapshot.database);
        let left: u64 =
            batches.lock().expect("no holder panics").iter().flatten().map(|table| table.bytes).sum();
        tracing::trace!(left, "digested a batch of tables");
        watch.progress(Progress { phase, done: batch.iter().map(|table| table.bytes).sum(), total: None });
    }
}

/// One row for each question, in one transaction. Even planning to read a table looks into the functions that its
/// indexes call; where one of them needs the search path, its table is read with all schemas in it, which is the same
/// for an original and for its copy.
async fn answers(session: &Session, snapshot: &Snapshot, questions: &[&str]) -> Result<Vec<Row>> {
    let ask = async |first: &str, questions: &str| {
        session.rows_at_length(&format!("{}; {first}{questions}; COMMIT", snapshot.begin())).await
    };
    match ask("", &questions.join("; ")).await {
        Err(error) if search_path::is_missed(&error.what) => session.run("ROLLBACK").await?,
        answered => return answered,
    }
    let mut rows = Vec::new();
    for question in questions {
        match ask("", question).await {
            Err(error) if search_path::is_missed(&error.what) => {
                session.run("ROLLBACK").await?;
                let Some(all) = search_path::of_all_schemas(session).await? else { return Err(error) };
                rows.extend(ask(&format!("SET LOCAL search_path = {all}; "), question).await?);
            }
            answered => rows.extend(answered?),
        }
    }
    Ok(rows)
}

fn table_object(table: &Table, row: Option<Row>) -> Result<Object> {
    let mut object = Object {
        kind: "table".to_owned(),
        name: table.name.clone(),
        count: None,
        digest: None,
        strength: Strength::CountSnapshot,
    };
    if let Some(row) = row {
        let [count, xor, sum] = fixed::<3>(row)?;
        let number = |text: Option<String>| text.unwrap_or_else(|| "0".to_owned());
        let count = number(count).parse().map_err(Error::internal)?;
        let xor: i64 = number(xor).parse().map_err(Error::internal)?;
        let sum: i128 = number(sum).parse().map_err(Error::internal)?;
        object.count = Some(count);
        object.digest = Some(format!("{xor:016x}{sum:032x}"));
        object.strength = Strength::ContentSnapshot;
    }
    Ok(object)
}

/// Largest first, small ones together.
fn batches(mut tables: Vec<Table>) -> VecDeque<Vec<Table>> {
    tables.sort_by_key(|table| std::cmp::Reverse(table.bytes));
    let mut all: VecDeque<Vec<Table>> = VecDeque::new();
    let mut bytes = 0;
    for table in tables {
        let fits =
            all.back().is_some_and(|batch| batch.len() < BATCH_TABLES) && bytes + table.bytes <= BATCH_BYTES;
        if !fits {
            all.push_back(Vec::new());
            bytes = 0;
        }
        bytes += table.bytes;
        all.back_mut().expect("one was pushed").push(table);
    }
    all
}

/// The tables with their columns: partitioned ones as one (rows may move between partitions), unless a foreign
/// partition forbids reading the whole; of an extension's own tables those that it declares as configuration.
const TABLES: &str = "SELECT n.nspname, c.relname, c.relkind, coalesce((SELECT sum(pg_relation_size(t.relid)) \
    FROM pg_partition_tree(c.oid) t WHERE c.relkind = 'p'), pg_relation_size(c.oid))::bigint, \
    CASE WHEN NOT pg_is_in_recovery() OR c.relpersistence <> 'u' THEN \
    (SELECT coalesce(json_agg(json_build_array(a.attname, CASE \
      WHEN a.atttypid IN (16, 17, 18, 19, 20, 21, 23, 26, 1082, 1083, 1114, 1184, 2950) \
        OR a.atttypid IN (25, 1043) AND (SELECT collisdeterministic FROM pg_collation l WHERE l.oid = a.attcollation) \
        OR a.atttypid = 1042 AND a.atttypmod >= 0 AND (SELECT collisdeterministic FROM pg_collation l WHERE l.oid = a.attcollation) \
        OR a.atttypid = 1700 AND a.atttypmod >= 0 THEN '' \
      WHEN a.atttypid IN (700, 701) THEN format_type(a.atttypid, NULL) \
      WHEN a.atttypid IN (114, 1186, 1266, 1700, 3802) THEN (SELECT typsend::text FROM pg_type y WHERE y.oid = a.atttypid) \
      END) ORDER BY a.attnum), '[]') \
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v') END, \
    (SELECT coalesce(x.extcondition[array_position(x.extconfig, c.oid)], '') FROM pg_extension x WHERE c.oid = ANY (x.extconfig)) \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
    AND CASE WHEN c.relkind = 'p' THEN NOT c.relispartition AND NOT {foreign} \
      ELSE NOT c.relispartition OR {foreign} END \
    AND (EXISTS (SELECT FROM pg_extension x WHERE c.oid = ANY (x.extconfig)) OR NOT EXISTS (SELECT FROM pg_depend d \
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))";

const FOREIGN: &str = "EXISTS (SELECT FROM pg_partition_tree(coalesce(pg_partition_root(c.oid), c.oid)) t \
    JOIN pg_class f ON f.oid = t.relid WHERE f.relkind = 'f')";

async fn tables(session: &Session, database: &str) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    for row in catalog::fetch(session, &TABLES.replace("{foreign}", FOREIGN)).await? {
        let [Some(schema), Some(name), Some(kind), bytes, columns, condition] = fixed::<6>(row)? else {
            return Err(Error::internal("a table without a name"));
        };
        let columns: Option<Vec<(String, Option<String>)>> =
            columns.map(|text| serde_json::from_str(&text)).transpose().map_err(Error::internal)?;
        let columns = columns.map(|columns| {
            columns.into_iter().map(|(name, word)| (name, How::of(word.as_deref()))).collect::<Vec<_>>()
        });
        let only = if kind == "p" { "" } else { "ONLY " };
        let place = format!("{only}{}.{}", identifier(&schema), identifier(&name));
        let question = columns.map(|columns| question(&place, &columns, condition.as_deref().unwrap_or("")));
        let bytes = bytes.and_then(|text| text.parse().ok()).unwrap_or(0);
        tables.push(Table { name: vec![database.to_owned(), schema, name], bytes, question });
    }
    Ok(tables)
}

/// How a column goes into its row's hash.
enum How {
    /// As it is: equal values are identical.
    Exact,
    /// As the bytes that this function of its type sends.
    Sent(String),
    /// As the bytes that are sent of a number, of which there are many that are none: by send function and type.
    Float(&'static str, &'static str),
    /// As the text that its type writes.
    Written,
}

impl How {
    /// From the word that [`TABLES`] has for it.
    fn of(word: Option<&str>) -> Self {
        match word {
            None => Self::Written,
            Some("") => Self::Exact,
            Some("real") => Self::Float("float4send", "pg_catalog.float4"),
            Some("double precision") => Self::Float("float8send", "pg_catalog.float8"),
            Some(function) => Self::Sent(function.to_owned()),
        }
    }
}

/// Count, exclusive or and sum of the rows' 64-bit hashes: one changed row is missed once in 2^64, and rows that change
/// together must cancel in both. A second hash would cost half as much again and tell nothing more by accident.
/// Every function is named with its schema: nobody's own of the same name is ever called.
fn question(place: &str, columns: &[(String, How)], condition: &str) -> String {
    let (mut fields, mut written) = (Vec::new(), Vec::new());
    for (name, how) in columns {
        let column = format!("t.{}", identifier(name));
        match how {
            How::Exact => fields.push(column),
            How::Sent(function) => fields.push(format!("pg_catalog.{}({column})", identifier(function))),
            How::Float(send, kind) => fields.push(format!(
                "pg_catalog.{send}(CASE WHEN {column} OPERATOR(pg_catalog.=) {kind} 'NaN' THEN {kind} 'NaN' ELSE {column} END)"
            )),
            How::Written => written.push(column),
        }
    }
    if !written.is_empty() {
        // A row's text tells NULL from an empty text, and uses each type's own output.
        fields.push(format!("ROW({})::text", written.join(", ")));
    }
    format!(
        "SELECT pg_catalog.count(*), coalesce(pg_catalog.bit_xor(v.h), 0), coalesce(pg_catalog.sum(v.h), 0) \
         FROM (SELECT pg_catalog.hash_record_extended(ROW({}), 0) AS h FROM {place} t {condition} OFFSET 0) v",
        fields.join(", ")
    )
}

/// The values of all sequences. They stand outside every snapshot: who needs certainty reads them before and after.
pub(super) async fn sequences(session: &Session, database: &str) -> Result<Vec<Object>> {
    let list = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relkind = 'S' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid \
        AND d.deptype = 'e')";
    let mut names = Vec::new();
    for row in session.rows_at_length(list).await? {
        let [Some(schema), Some(name)] = fixed::<2>(row)? else { continue };
        names.push((schema, name));
    }
    let mut objects = Vec::new();
    for batch in names.chunks(BATCH_SEQUENCES) {
        let value = |(schema, name): &(String, String)| {
            format!("SELECT last_value, is_called FROM {}.{}", identifier(schema), identifier(name))
        };
        let questions: Vec<String> = batch.iter().map(value).collect();
        let rows = session.rows_at_length(&questions.join("; ")).await?;
        for ((schema, name), row) in batch.iter().zip(rows) {
            let [value, called] = fixed::<2>(row)?;
            let text = format!("{} {}", value.unwrap_or_default(), called.unwrap_or_default());
            objects.push(Object {
                kind: "sequence".to_owned(),
                name: vec![database.to_owned(), schema.clone(), name.clone()],
                count: None,
                digest: Some(hex::encode(&Sha256::digest(text)[..16])),
                strength: Strength::ContentSnapshot,
            });
        }
    }
    Ok(objects)
}

/// What both readings of the sequences agree on; one that moved in between is known by its name only.
pub(super) fn settled(before: Vec<Object>, after: &[Object]) -> Vec<Object> {
    let same: std::collections::HashMap<&[String], &Option<String>> =
        after.iter().map(|object| (object.name.as_slice(), &object.digest)).collect();
    let settle = |object: Object| {
        if same.get(object.name.as_slice()) == Some(&&object.digest) {
            return object;
        }
        Object { digest: None, strength: Strength::CountAfter, ..object }
    };
    before.into_iter().map(settle).collect()
}

async fn large_objects(session: &Session, database: &str, watch: &dyn Watch) -> Result<Vec<Object>> {
    let mut all = Multiset::default();
    let mut count = 0;
    let mut last = "0".to_owned();
    loop {
        watch.go_on()?;
        let first = format!(
            "SELECT oid, length(p), encode(sha256(p), 'hex') FROM (SELECT oid, lo_get(oid, 0, {PIECE_BYTES}) AS p \
             FROM (SELECT oid FROM pg_largeobject_metadata WHERE oid > {last} ORDER BY oid LIMIT {PIECES_AT_ONCE}) m) o \
             ORDER BY oid"
        );
        let rows = session.rows_at_length(&first).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let [Some(oid), Some(length), Some(hash)] = fixed::<3>(row)? else {
                return Err(Error::internal("a large object without an oid"));
            };
            count += 1;
            all.add(format!("{oid} 0 {hash}").as_bytes());
            if length == PIECE_BYTES.to_string() {
                rest_of_large_object(session, &oid, &mut all, watch).await?;
            }
            last = oid;
        }
    }
    let object = Object {
        kind: "large-objects".to_owned(),
        name: vec![database.to_owned()],
        count: Some(count),
        digest: Some(all.digest()),
        strength: Strength::ContentSnapshot,
    };
    Ok(if count == 0 { vec![] } else { vec![object] })
}

async fn rest_of_large_object(
    session: &Session,
    oid: &str,
    all: &mut Multiset,
    watch: &dyn Watch,
) -> Result<()> {
    let mut offset = PIECE_BYTES;
    loop {
        watch.go_on()?;
        let next = format!(
            "SELECT length(p), encode(sha256(p), 'hex') FROM (SELECT lo_get({oid}, {offset}, {PIECE_BYTES}) AS p) o"
        );
        let row = session.rows_at_length(&next).await?.into_iter().next().unwrap_or_default();
        let [Some(length), Some(hash)] = fixed::<2>(row)? else {
            return Err(Error::internal("a large object that ends nowhere"));
        };
        if length == "0" {
            return Ok(());
        }
        all.add(format!("{oid} {offset} {hash}").as_bytes());
        offset += PIECE_BYTES;
    }
}

/// How many rows [`catalog::fetch`] asks for at once.
pub(super) const fn fetch_rows() -> usize {
    FETCH_ROWS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes: u64) -> Table {
        Table { name: vec![], bytes, question: None }
    }

    #[test]
    fn small_tables_share_a_batch_and_large_ones_come_first() {
        let sizes = |tables: Vec<u64>| {
            let tables = tables.into_iter().map(table).collect();
            batches(tables).iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(vec![1, 1, BATCH_BYTES + 1, 1]), [1, 3]);
        assert_eq!(sizes(vec![0; BATCH_TABLES + 1]), [BATCH_TABLES, 1]);
        assert!(sizes(vec![]).is_empty());
    }

    #[test]
    fn a_moving_sequence_is_known_by_name_only() {
        let object = |name: &str, digest: &str| Object {
            kind: "sequence".into(),
            name: vec![name.into()],
            count: None,
            digest: Some(digest.into()),
            strength: Strength::ContentSnapshot,
        };
        let found = settled(vec![object("a", "1"), object("b", "1")], &[object("a", "1"), object("b", "2")]);
        assert_eq!(found[0].digest.as_deref(), Some("1"));
        assert_eq!((found[1].digest.as_deref(), found[1].strength), (None, Strength::CountAfter));
    }
}

//! The form of our dumps: plain SQL that the vendor's own client loads, with a comment before each statement that
//! says how long it is, so that we load it without ever parsing SQL.
//!
//! ```text
//! -- >{"kind":"routine","of":["shop","tax"],"bytes":61,"delimiter":"$$"}
//! DELIMITER $$
//! CREATE PROCEDURE …
//! $$
//! DELIMITER ;
//! ```
//!
//! A stream that came to no [end mark](Statement::end) is not whole, wherever it was cut.

use bytes::{Bytes, BytesMut};
use roadstead_core::{
    Error, Kind, Result, Text,
    port::{StreamReader, stream::StreamInfo},
};
use serde::{Deserialize, Serialize};

/// The longest header that is read: names are short, so a longer one is damage.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// The longest statement that is read.
const STATEMENT_BYTES_MAX: usize = 1 << 30;
const MARK: &[u8] = b"-- >";

/// What stands at the head of every stream: how the vendor's own client must be set to load it, and that it has an end
/// mark.
pub(super) const HEAD: &str = "-- A dump by roadstead, form 2. Load the streams in their order, with the client of the same flavour; each ends in an end mark.\n";
/// The head of streams that were written before there were end marks; they end where they end.
const HEAD_WITHOUT_END: &str =
    "-- A dump by roadstead. Load the streams in their order, with the client of the same flavour.\n";

/// What a statement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Role {
    /// Prepares the session for the next statement.
    Setup,
    /// Makes something.
    Make,
    /// Makes something that an engine or another object may forbid: told when it fails, no failure.
    Try,
    /// Adds rows.
    Rows,
    /// Ends the stream.
    End,
}

/// What stands before a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// What it is for.
    pub(super) role: Role,
    /// The kind of object: `table`, `account`.
    pub(super) kind: String,
    /// The object's name, outermost first.
    pub(super) of: Vec<String>,
    /// Length of the statement.
    pub(super) bytes: usize,
    /// The client's delimiter around it, for statements that hold semicolons of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) delimiter: Option<String>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// What it is for.
    pub(super) role: Role,
    /// The kind of object.
    pub(super) kind: String,
    /// The object's name, outermost first.
    pub(super) of: Vec<String>,
    /// The statement, without delimiter.
    pub(super) sql: Bytes,
}

impl Statement {
    /// A statement of this role.
    pub(super) fn new(role: Role, kind: &str, of: &[String], sql: impl Into<Vec<u8>>) -> Self {
        Self { role, kind: kind.to_owned(), of: of.to_vec(), sql: Bytes::from(sql.into()) }
    }

    /// A statement that prepares the session.
    pub(super) fn setup(sql: impl Into<Vec<u8>>) -> Self {
        Self::new(Role::Setup, "setup", &[], sql)
    }

    /// The last statement of every stream. The vendor's client executes it, to no effect.
    pub(super) fn end() -> Self {
        Self::new(Role::End, "end", &[], "DO 0")
    }

    /// Appends it as text of a dump.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let delimiter = has_body(&self.kind).then(|| unused_delimiter(&self.sql));
        let bytes = self.sql.len();
        let header = Header {
            role: self.role,
            kind: self.kind.clone(),
            of: self.of.clone(),
            bytes,
            delimiter: delimiter.clone(),
        };
        out.extend_from_slice(MARK);
        serde_json::to_writer(&mut *out, &header).expect("plain fields are written as JSON");
        out.push(b'\n');
        if let Some(delimiter) = &delimiter {
            out.extend_from_slice(format!("DELIMITER {delimiter}\n").as_bytes());
        }
        out.extend_from_slice(&self.sql);
        match delimiter {
            None => out.extend_from_slice(b";\n"),
            Some(delimiter) => out.extend_from_slice(format!("\n{delimiter}\nDELIMITER ;\n").as_bytes()),
        }
    }
}

/// Objects whose definition is a program of its own, with semicolons.
fn has_body(kind: &str) -> bool {
    matches!(kind, "procedure" | "function" | "package" | "package body" | "trigger" | "event")
}

fn unused_delimiter(sql: &[u8]) -> String {
    let contains = |delimiter: &str| sql.windows(delimiter.len()).any(|piece| piece == delimiter.as_bytes());
    let mut delimiter = String::from("$$");
    let mut number = 0_u64;
    while contains(&delimiter) {
        number += 1;
        delimiter = format!("$${number}$$");
    }
    delimiter
}

/// Reads the statements of one stream.
pub(super) struct Reader {
    stream: Box<dyn StreamReader>,
    name: String,
    buffer: BytesMut,
    is_ended: bool,
    has_head: bool,
    /// Whether the end may come now: the end mark was read, or the stream is of the form that has none.
    may_end: bool,
    /// Bytes taken from the stream so far.
    pub(super) taken: u64,
}

impl Reader {
    /// Reads this stream.
    pub(super) fn new(stream: Box<dyn StreamReader>, info: &StreamInfo) -> Self {
        let (name, buffer) = (info.name.clone(), BytesMut::new());
        Self { stream, name, buffer, is_ended: false, has_head: false, may_end: false, taken: 0 }
    }

    /// The next statement; `None` at the end, which is only reported when the stream was whole.
    pub(super) async fn next(&mut self) -> Result<Option<Statement>> {
        if !self.has_head {
            self.head().await?;
        }
        let statement = self.any().await?;
        if statement.as_ref().is_some_and(|statement| statement.role == Role::End) {
            // Also reads to the end, where the source says whether these were the bytes that were stored.
            let surplus = self.any().await?.is_some() || self.may_end;
            self.may_end = true;
            return if surplus { Err(self.damaged()) } else { Ok(None) };
        }
        if statement.is_none() && !self.may_end {
            let what = Text::new("mysql-stream-cut").with("stream", &self.name);
            return Err(Error::new(Kind::Corrupt, what).cure(Text::new("mysql-stream-cut-cure")));
        }
        Ok(statement)
    }

    async fn head(&mut self) -> Result<()> {
        let line = self.line().await?.ok_or_else(|| self.damaged())?;
        self.may_end = match [line.as_ref(), b"\n"].concat() {
            head if head == HEAD.as_bytes() => false,
            head if head == HEAD_WITHOUT_END.as_bytes() => true,
            _ => return Err(self.damaged()),
        };
        self.has_head = true;
        Ok(())
    }

    /// The next statement, an end mark among them; `None` where the bytes end between two.
    async fn any(&mut self) -> Result<Option<Statement>> {
        let header = loop {
            let Some(line) = self.line().await? else { return Ok(None) };
            if let Some(json) = line.strip_prefix(MARK) {
                break serde_json::from_slice::<Header>(json).map_err(|_| self.damaged())?;
            }
        };
        if header.bytes > STATEMENT_BYTES_MAX {
            return Err(self.damaged());
        }
        if header.delimiter.is_some() && self.line().await?.is_none() {
            return Err(self.damaged());
        }
        if !self.fill(header.bytes).await? {
            return Err(self.damaged());
        }
        let sql = self.buffer.split_to(header.bytes).freeze();
        Ok(Some(Statement { role: header.role, kind: header.kind, of: header.of, sql }))
    }

    fn damaged(&self) -> Error {
        Error::new(Kind::Corrupt, Text::new("mysql-stream-damaged").with("stream", &self.name))
    }

    /// The next line without its end; `None` at the end of the stream.
    async fn line(&mut self) -> Result<Option<Bytes>> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let mut line = self.buffer.split_to(searched + at + 1).freeze();
                line.truncate(line.len() - 1);
                return Ok(Some(line));
            }
            searched = self.buffer.len();
            if searched > HEADER_BYTES_MAX {
                return Err(self.damaged());
            }
            if !self.more().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(self.damaged()) };
            }
        }
    }

    async fn fill(&mut self, bytes: usize) -> Result<bool> {
        while self.buffer.len() < bytes {
            if !self.more().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn more(&mut self) -> Result<bool> {
        if self.is_ended {
            return Ok(false);
        }
        let Some(chunk) = self.stream.next().await? else {
            self.is_ended = true;
            return Ok(false);
        };
        self.taken += chunk.len() as u64;
        self.buffer.extend_from_slice(&chunk);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Pieces(Vec<Bytes>);

    #[async_trait::async_trait]
    impl StreamReader for Pieces {
        async fn next(&mut self) -> Result<Option<Bytes>> {
            Ok((!self.0.is_empty()).then(|| self.0.remove(0)))
        }
    }

    fn reader(text: &[u8], piece: usize) -> Reader {
        let pieces = text.chunks(piece).map(Bytes::copy_from_slice).collect();
        let info = StreamInfo { name: "x".into(), bytes: text.len() as u64, digest: String::new() };
        Reader::new(Box::new(Pieces(pieces)), &info)
    }

    /// A whole stream of these.
    fn stream(all: &[Statement]) -> Vec<u8> {
        let mut text = HEAD.as_bytes().to_vec();
        for statement in all {
            statement.write(&mut text);
        }
        Statement::end().write(&mut text);
        text
    }

    #[tokio::test]
    async fn statements_survive_whatever_they_hold_and_however_they_are_cut() {
        let hostile =
            b"BEGIN\nSELECT 1;;\n-- >{\"role\":\"make\"}\n$$\nDELIMITER ;\n\\! id\nEND \xff\xfe".to_vec();
        let all = [
            Statement::setup("SET NAMES utf8mb4"),
            Statement::new(Role::Make, "event", &["d\n`".into(), "e".into()], hostile),
            Statement::new(Role::Rows, "table", &["d".into()], "INSERT INTO t VALUES ('a\\n')"),
        ];
        let text = stream(&all);
        for piece in [1, 2, 7, 4096] {
            let mut reader = reader(&text, piece);
            for statement in &all {
                assert_eq!(reader.next().await.unwrap().as_ref(), Some(statement));
            }
            assert_eq!(reader.next().await.unwrap(), None);
        }
    }

    #[test]
    fn a_stream_that_is_cut_off_is_damage_wherever_it_was_cut() {
        let one = Statement::setup("SET NAMES utf8mb4");
        let text = stream(&[one.clone(), one]);
        for end in 0..text.len() - ";\n".len() {
            assert_eq!(read_all(&text[..end], 16).1, Some(Kind::Corrupt), "{end}");
        }
    }

    #[test]
    fn streams_without_end_marks_are_read_as_they_were_written() {
        let one = Statement::setup("SET NAMES utf8mb4");
        let mut text = HEAD_WITHOUT_END.as_bytes().to_vec();
        one.write(&mut text);
        assert_eq!(read_all(&text, 16), (vec![one], None));
    }

    #[test]
    fn nothing_may_follow_an_end() {
        let mut text = stream(&[]);
        Statement::setup("SET NAMES utf8mb4").write(&mut text);
        assert_eq!(read_all(&text, 16).1, Some(Kind::Corrupt));
    }

    /// Everything that a reader gives, and the kind of error that ended it.
    fn read_all(text: &[u8], piece: usize) -> (Vec<Statement>, Option<Kind>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let (mut reader, mut all) = (reader(text, piece), Vec::new());
            loop {
                match reader.next().await {
                    Ok(Some(statement)) => all.push(statement),
                    Ok(None) => return (all, None),
                    Err(error) => return (all, Some(error.kind)),
                }
            }
        })
    }

    fn statements() -> impl Strategy<Value = Vec<Statement>> {
        let role = prop_oneof![Just(Role::Setup), Just(Role::Make), Just(Role::Try), Just(Role::Rows)];
        let kind = prop_oneof![Just("table"), Just("trigger"), Just("event"), Just("setup")];
        let text = prop_oneof![Just("-- >".to_owned()), Just("$$".to_owned()), any::<String>()];
        let sql = proptest::collection::vec(any::<u8>(), 0..200);
        let one = (role, kind, proptest::collection::vec(text, 0..3), sql);
        let one = one.prop_map(|(role, kind, of, sql)| Statement::new(role, kind, &of, sql));
        proptest::collection::vec(one, 1..6)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn whatever_is_written_is_read_and_a_cut_gives_no_other_statement(
            all in statements(),
            cut in any::<proptest::sample::Index>(),
            piece in 1_usize..300,
        ) {
            let text = stream(&all);
            prop_assert_eq!(read_all(&text, piece), (all.clone(), None));
            let cut = cut.index(text.len());
            let (read, ended) = read_all(&text[..cut], piece);
            prop_assert_eq!(&read[..], &all[..read.len()]);
            prop_assert!(ended == Some(Kind::Corrupt) || (read.len() == all.len() && cut + ";\n".len() >= text.len()));
        }

        #[test]
        fn hostile_bytes_end_in_statements_or_in_damage(
            junk in proptest::collection::vec(any::<u8>(), 0..200),
            claimed in any::<usize>(),
            at in any::<proptest::sample::Index>(),
            byte in any::<u8>(),
            piece in 1_usize..300,
        ) {
            let mut text = HEAD.as_bytes().to_vec();
            Statement::new(Role::Make, "event", &["d".into()], "SELECT 1").write(&mut text);
            text.extend_from_slice(format!("-- >{{\"role\":\"make\",\"kind\":\"\",\"of\":[],\"bytes\":{claimed}}}\n").as_bytes());
            text.extend_from_slice(&junk);
            let at = at.index(text.len());
            text[at] = byte;
            prop_assert_eq!(read_all(&text, piece).1, Some(Kind::Corrupt));
            prop_assert_eq!(read_all(&junk, piece).1, Some(Kind::Corrupt));
        }
    }
}

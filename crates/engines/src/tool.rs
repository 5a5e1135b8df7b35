//! Vendor tools as child processes: bytes in, bytes out, and never a half-success.
//!
//! A tool is killed when its handle is dropped; its standard error is kept (bounded) for the error's text.
//! Secrets go by environment or 0600 files, never by arguments.

use std::{collections::BTreeMap, process::Stdio};

use bytes::{Bytes, BytesMut};
use roadstead_core::{Error, Kind, Result, Secret, Text, Version, seen::Tool, seen::Tools};
use rustix::pipe::fcntl_setpipe_size;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
};

/// How much of a tool's standard error is kept: the last part.
const STDERR_KEPT_BYTES: usize = 16 * 1024;
/// How large a piece is read from a tool.
const CHUNK_BYTES: usize = 256 * 1024;
/// How much a pipe from or to a tool holds: what Linux grants to everybody.
const PIPE_BYTES: usize = 1 << 20;

/// What to run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    /// Absolute path of the program.
    pub(crate) path: String,
    /// Arguments, without any secret.
    pub(crate) args: Vec<String>,
    /// Environment on top of `PATH`, `LANG` and `TZ`.
    pub(crate) env: BTreeMap<String, String>,
    /// Environment that must not be printed.
    pub(crate) secrets: BTreeMap<String, Secret>,
}

/// A running tool.
pub(crate) struct Running {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: JoinHandle<Said>,
    buffer: BytesMut,
}

/// The newest program of this role that is at least as new as the server (`at_least`, compared by major version
/// where `by_major`), and of this flavour unless it is empty. `Kind::Missing` names the package otherwise.
pub(crate) fn pick<'a>(
    tools: &'a Tools,
    engine: &str,
    role: &str,
    suits: impl Fn(&Version, &str) -> bool,
    wanted: &str,
    packages: &str,
) -> Result<&'a Tool> {
    tools.of(engine, role).into_iter().find(|tool| suits(&tool.version, &tool.flavour)).ok_or_else(|| {
        let program = program(engine, role);
        let what = Text::new("engines-tool-missing").with("tool", program).with("wanted", wanted);
        Error::new(Kind::Missing, what)
            .cure(Text::new("engines-tool-missing-cure").with("packages", packages))
    })
}

/// The usual name of the program of this role.
pub(crate) fn program(engine: &str, role: &str) -> String {
    let engine = crate::registry().get(engine);
    let tools = engine.as_ref().map_or(&[][..], |engine| engine.profile().tools);
    let need = tools.iter().find(|need| need.name == role);
    need.and_then(|need| need.files.first()).map_or_else(|| role.to_owned(), |file| (*file).to_owned())
}

impl Run {
    /// Starts it, with pipes on its standard streams.
    pub(crate) fn start(&self) -> Result<Running> {
        let mut command = Command::new(&self.path);
        command
            .args(&self.args)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .envs(&self.env)
            .envs(self.secrets.iter().map(|(name, secret)| (name, secret.expose())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let name = self.path.rsplit('/').next().unwrap_or(&self.path).to_owned();
        let mut child = command.spawn().map_err(|error| {
            Error::io(Text::new("engines-tool-not-started").with("tool", &self.path), &error)
        })?;
        let stderr = child.stderr.take().expect("standard error was asked to be a pipe");
        // Longer pipes mean fewer turns between the tool and us; where the system grants none, the usual ones do.
        let _ = child.stdout.as_ref().map(|pipe| fcntl_setpipe_size(pipe, PIPE_BYTES));
        let _ = child.stdin.as_ref().map(|pipe| fcntl_setpipe_size(pipe, PIPE_BYTES));
        Ok(Running {
            name,
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: tokio::spawn(keep_tail(stderr)),
            child,
            buffer: BytesMut::with_capacity(CHUNK_BYTES),
        })
    }
}

impl Running {
    /// The next piece of its standard output, filled as far as possible; `None` at the end.
    pub(crate) async fn read(&mut self) -> Result<Option<Bytes>> {
        let Some(stdout) = &mut self.stdout else { return Ok(None) };
        self.buffer.reserve(CHUNK_BYTES);
        while self.buffer.len() < CHUNK_BYTES {
            let count = stdout.read_buf(&mut self.buffer).await.map_err(|error| pipe(&self.name, &error))?;
            if count == 0 {
                break;
            }
        }
        Ok((!self.buffer.is_empty()).then(|| self.buffer.split().freeze()))
    }

    /// Writes to its standard input. A tool that has closed it has failed: its own words follow from [`Self::finish`].
    pub(crate) async fn write(&mut self, chunk: &[u8]) -> Result<()> {
        let Some(stdin) = &mut self.stdin else {
            return Err(Error::internal("the tool's standard input was closed before"));
        };
        stdin.write_all(chunk).await.map_err(|error| pipe(&self.name, &error))
    }

    /// Closes its standard input.
    pub(crate) async fn close_input(&mut self) -> Result<()> {
        if let Some(mut stdin) = self.stdin.take() {
            stdin.shutdown().await.map_err(|error| pipe(&self.name, &error))?;
        }
        Ok(())
    }

    /// Waits for its end. Success only on exit status 0; returns what it wrote to standard error (its last part).
    pub(crate) async fn finish(mut self) -> Result<String> {
        drop(self.stdin.take());
        if let Some(mut rest) = self.stdout.take() {
            let mut sink = tokio::io::sink();
            tokio::io::copy(&mut rest, &mut sink).await.map_err(|error| pipe(&self.name, &error))?;
        }
        let status = self.child.wait().await.map_err(|error| pipe(&self.name, &error))?;
        let words = self.stderr.await.unwrap_or_default().without_statements(&self.name);
        if status.success() {
            return Ok(words);
        }
        let mut error = Error::new(
            Kind::Failed,
            Text::new("engines-tool-failed").with("tool", &self.name).with("status", status.to_string()),
        );
        error.causes = told(&words);
        Err(error)
    }
}

/// What PostgreSQL's tools write before a statement that failed.
const STATEMENT: &str = "Command was: ";
/// What a value in a statement begins with: a literal of either form, a list of options.
const VALUES: [char; 3] = ['\'', '$', '('];

/// Where a server says what a row held, and what the row's own values follow after.
const ROWS: [(&str, &str); 4] = [
    ("COPY ", ": "),
    ("DETAIL:  Failing row contains ", "("),
    ("DETAIL:  Key (", ")=("),
    ("CONTEXT:  JSON data, line ", ": "),
];
/// What a server's lines about one error begin with.
const LABELS: [&str; 8] =
    ["ERROR:", "FATAL:", "WARNING:", "NOTICE:", "DETAIL:", "HINT:", "CONTEXT:", "STATEMENT:"];

/// Where a line begins to quote the values of a row: which row of which table it is stands before.
fn row_at(line: &str) -> Option<usize> {
    ROWS.iter().find_map(|(words, values)| {
        let start = line.find(words)?;
        let begins = start == 0 || line[..start].trim_end().ends_with(':');
        let from = start + words.len();
        Some(from + line[from..].find(values).filter(|_| begins)?)
    })
}

/// What a tool wrote to standard error.
#[derive(Default)]
struct Said {
    words: String,
    /// Whether it is the last part of more.
    is_cut: bool,
}

impl Said {
    /// Without the statements that it repeats: a password may stand in one. PostgreSQL's tools give a whole one after
    /// "Command was:", of which what stands before the first value is kept, so that it is known which object it is about;
    /// and the server's excerpt of one after "LINE n:".
    fn without_statements(&self, tool: &str) -> String {
        let is_excerpt = |line: &str| {
            let number = line.strip_prefix("LINE ").and_then(|rest| rest.split_once(':'));
            number.is_some_and(|(number, _)| {
                !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        let speaks = |line: &str| line.strip_prefix(tool).is_some_and(|rest| rest.starts_with(": "));
        let (mut kept, mut in_statement) = (String::new(), self.is_cut);
        let mut in_row = false;
        for line in self.words.split_inclusive('\n') {
            let ends_row = in_row && LABELS.iter().any(|label| line.starts_with(label));
            in_statement &= !speaks(line) && !ends_row;
            let is_caret = line.trim() == "^";
            if let Some((before, statement)) = line.split_once(STATEMENT) {
                (in_statement, in_row) = (true, false);
                let head = statement.split(VALUES).next().unwrap_or_default();
                kept.extend([before, STATEMENT, head.trim_end(), " …\n"]);
            } else if let (false, Some(at)) = (in_statement, row_at(line)) {
                // The values may go on over lines.
                (in_statement, in_row) = (true, true);
                kept.extend([line[..at].trim_end(), " …\n"]);
            } else if !in_statement && !is_excerpt(line) && !is_caret {
                kept.push_str(line);
            }
        }
        kept
    }
}

/// How many of a tool's last lines are told.
const LINES_TOLD: usize = 8;

/// Its last lines; and the one that names the error, where a long statement came after it.
fn told(words: &str) -> Vec<String> {
    let lines: Vec<&str> = words.lines().collect();
    let from = lines.len().saturating_sub(LINES_TOLD);
    let named = lines[..from].iter().rfind(|line| line.contains("ERROR:"));
    named.into_iter().chain(&lines[from..]).map(|line| (*line).to_owned()).collect()
}

fn pipe(tool: &str, error: &std::io::Error) -> Error {
    let mut told = Error::io(Text::new("engines-tool-pipe").with("tool", tool), error);
    told.kind = Kind::Failed;
    told
}

async fn keep_tail(mut stderr: tokio::process::ChildStderr) -> Said {
    let (mut kept, mut is_cut) = (Vec::new(), false);
    let mut piece = [0_u8; 4096];
    while let Ok(count) = stderr.read(&mut piece).await {
        if count == 0 {
            break;
        }
        kept.extend_from_slice(&piece[..count]);
        if kept.len() > 2 * STDERR_KEPT_BYTES {
            kept.drain(..kept.len() - STDERR_KEPT_BYTES);
            is_cut = true;
        }
    }
    Said { words: String::from_utf8_lossy(&kept).into_owned(), is_cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_not_repeated_for_a_secret_may_stand_in_them() {
        let said = "pg_restore: from TOC entry 7; 1418 16400 USER MAPPING x\n\
            pg_restore: error: could not execute query: ERROR:  no\nLINE 2:     password 'hidden'\n            ^\n\
            DETAIL:  why\nCommand was: CREATE USER MAPPING x OPTIONS (\n    password 'hidden'\n);\n\n\
            pg_restore: detail: Command was: ALTER ROLE x PASSWORD\n'hidden'\npg_restore: warning: ignored\n";
        let without = |tool: &str, words: &str, is_cut| {
            Said { words: words.to_owned(), is_cut }.without_statements(tool)
        };
        assert_eq!(
            without("pg_restore", said, false),
            "pg_restore: from TOC entry 7; 1418 16400 USER MAPPING x\n\
            pg_restore: error: could not execute query: ERROR:  no\nDETAIL:  why\n\
            Command was: CREATE USER MAPPING x OPTIONS …\npg_restore: detail: Command was: ALTER ROLE x PASSWORD …\n\
            pg_restore: warning: ignored\n"
        );
        // The rest of a statement may look like the tool's own words; it stays silent until the tool speaks.
        assert_eq!(without("pg_dump", "Command was: a\n: b\nLINE x\n", false), "Command was: a …\n");
        assert_eq!(without("mysqldump", "LINE x: y\n", false), "LINE x: y\n");
        // What is left of a long one is of a statement, as far as anybody knows.
        assert_eq!(without("pg_dump", "of one\npg_dump: error: b\n", true), "pg_dump: error: b\n");
    }

    #[test]
    fn what_a_row_holds_is_not_told() {
        for (said, told) in [
            (
                "CONTEXT:  COPY t, line 1, column a: \"hid\nden\"\nHINT:  h\n",
                "CONTEXT:  COPY t, line 1, column a …\nHINT:  h\n",
            ),
            (
                "pg_restore: CONTEXT:  COPY t, line 1: \"\"hidden\"\"\n",
                "pg_restore: CONTEXT:  COPY t, line 1 …\n",
            ),
            (
                "CONTEXT:  JSON data, line 1: {\"p\":hidden\nCOPY t, line 1: \"hidden\"\npg_restore: b\n",
                "CONTEXT:  JSON data, line 1 …\npg_restore: b\n",
            ),
            ("COPY t, line 1: \"hidden\"\n", "COPY t, line 1 …\n"),
            ("CONTEXT:  COPY t, line 7\n", "CONTEXT:  COPY t, line 7\n"),
            ("DETAIL:  Failing row contains (1, hidden, f=(x).\n", "DETAIL:  Failing row contains …\n"),
            ("DETAIL:  Key (a, b)=(1, hidden=(x) already exists.\n", "DETAIL:  Key (a, b …\n"),
            ("DETAIL:  other (x)=(y)\n", "DETAIL:  other (x)=(y)\n"),
        ] {
            let said = Said { words: said.into(), is_cut: false };
            assert_eq!(said.without_statements("pg_restore"), told);
        }
    }

    #[test]
    fn the_line_that_names_the_error_is_told_however_long_the_statement_is() {
        let long = format!("ERROR:  no such thing\nCommand was: {}", "line\n".repeat(20));
        let lines = told(&long);
        assert_eq!((lines.len(), lines[0].as_str()), (LINES_TOLD + 1, "ERROR:  no such thing"));
        assert_eq!(told("a\nERROR: b"), ["a", "ERROR: b"]);
        assert_eq!(told(""), [""; 0]);
    }
}

//! How a member is laid out on its host: files, programs, readiness. Rendered purely; carried out by the hand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Millis, SecretRef, Text, Version, secret::SecretForm, seen::Effect};

/// All that a hand needs to create, start and stop one server process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The system user that owns the files and runs the program; ignored by a hand that is not root.
    pub user: String,
    /// Flavour of the server program.
    pub flavour: String,
    /// Version of the server program.
    pub version: Version,
    /// Folders, made in this order, owned by `user`; existing ones get mode and owner.
    pub directories: Vec<Directory>,
    /// Files that are (re)written whole before every start; each lies in the member's `conf` or `secrets` folder.
    pub files: Vec<File>,
    /// Programs that create the data directory, run once, in order, before the first start.
    pub create: Vec<Program>,
    /// The server.
    pub server: Program,
    /// Where it answers.
    pub endpoint: Endpoint,
    /// The administrator's account.
    pub admin: String,
    /// How it is stopped.
    pub stop: Stop,
    /// How it is told to read its configuration again; `None`: only by its protocol (an engine's own act).
    pub reload: Option<Signal>,
    /// Every setting rendered, with its value's reason.
    pub settings: Vec<SettingWhy>,
}

/// One folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// Absolute path.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Absolute path.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Its contents, in pieces.
    pub body: Vec<Piece>,
    /// Removed again once the programs of `create` have run.
    #[serde(default)]
    pub only_for_create: bool,
}

impl File {
    /// A file without secrets.
    pub fn plain(path: impl Into<String>, mode: u32, text: impl Into<String>) -> Self {
        Self { path: path.into(), mode, body: vec![Piece::Text(text.into())], only_for_create: false }
    }
}

/// Part of a file's contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Piece {
    /// Text as it is.
    Text(String),
    /// A secret, in a form; resolved by the hand when it writes the file.
    Secret(SecretRef, SecretForm),
}

/// One program with its arguments. Never a secret among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Absolute path.
    pub path: String,
    /// Arguments.
    pub args: Vec<String>,
    /// Environment, on top of a minimal one (`PATH`, `LANG=C.UTF-8`, `TZ=UTC`).
    pub env: BTreeMap<String, String>,
    /// Working directory.
    pub directory: String,
    /// Deadline, for programs that end; `None` for servers.
    pub deadline: Option<Millis>,
}

/// Where a server answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// Host name or address, and port.
    Tcp(String, u16),
    /// Absolute path of a Unix socket (for PostgreSQL-like servers: of the socket file itself).
    Socket(String),
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Socket(path) => f.write_str(path),
        }
    }
}

/// How a server is stopped: by this signal, and by `SIGKILL` only after the deadline and only when the data
/// survives that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The signal of an orderly stop.
    pub signal: Signal,
    /// How long an orderly stop may take.
    pub deadline: Millis,
}

/// The signals that layouts use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// SIGTERM.
    Term,
    /// SIGINT.
    Int,
    /// SIGHUP.
    Hup,
}

/// A setting, its value and the reason for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingWhy {
    /// The engine's name for it.
    pub name: String,
    /// Its value, normalised as in [`crate::seen::SettingSeen::value`].
    pub value: String,
    /// Why it has this value.
    pub why: Text,
    /// What a change needs, where the running server does not say.
    pub effect: Effect,
}

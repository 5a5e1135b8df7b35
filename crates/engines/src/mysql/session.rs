//! One connection to a server, its settings and its errors.
//!
//! Every question has a deadline. Nothing here retries, and no statement is ever put into an error's text,
//! because statements may hold passwords.

use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use mysql_async::{Conn, DriverError, IoError, Opts, OptsBuilder, Row, SslOpts, TlsError, prelude::*};
use roadstead_core::{
    Bytes, Error, Kind, Millis, Result, Text, Version,
    model::{TlsMode, TlsSpec},
    port::{engine::Link, layout::Endpoint},
    seen::Protection,
};

use super::{
    flavour::{self, Flavour},
    greeting,
};
use crate::tls;

/// The administrator's account of every server that Roadstead creates. Never dumped, never restored: it belongs
/// to the server, not to the data.
pub(super) const ADMIN: &str = "roadstead_admin";
/// The largest packet that either side may send: the protocol's own limit.
pub(super) const PACKET_BYTES_MAX: usize = 1 << 30;
/// The longest answer to a question whose answer is held as a whole.
const ANSWER_BYTES_MAX: usize = 1 << 28;
/// How long a long act may stand still: no row arrives, or a statement does not end.
pub(super) const STALL: Duration = Duration::from_mins(5);

/// What went wrong, with the server's error number where it was the server that said so.
#[derive(Debug)]
pub(super) struct Fault {
    /// The server's error number; 0 when it was not the server.
    pub(super) code: u16,
    error: Box<Error>,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        *fault.error
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self { code: 0, error: Box::new(error) }
    }
}

impl From<mysql_async::Error> for Fault {
    fn from(error: mysql_async::Error) -> Self {
        let code = match &error {
            mysql_async::Error::Server(server) => server.code,
            _ => 0,
        };
        Self { code, error: Box::new(translate(&error)) }
    }
}

impl Fault {
    /// Whether the account lacks a right for what it asked.
    pub(super) fn is_denied(&self) -> bool {
        self.error.kind == Kind::Denied
    }

    /// Whether the server refused this statement for what it is, and not for its own state.
    pub(super) fn is_of_the_statement(&self) -> bool {
        self.code != 0 && !matches!(self.error.kind, Kind::Unreachable | Kind::Busy | Kind::Exhausted)
    }

    /// Whether the session is over, so that no later statement can succeed.
    pub(super) fn ends_session(&self) -> bool {
        self.error.kind == Kind::Unreachable
    }

    /// The server's own words, for a finding; our key where it was not the server.
    pub(super) fn words(&self) -> String {
        let message = self.error.what.args.get("message");
        message.map_or_else(|| self.error.to_string(), ToString::to_string)
    }
}

/// A row of text: one value a column, `None` for NULL.
pub(super) type Texts = Vec<Option<String>>;

/// The driver's connection, closed at once when it is dropped. The driver itself would first read to its end what was
/// asked last, in the background and without a deadline: all of a table, from a server that nobody waits for any more.
struct Line(Option<Conn>);

impl Deref for Line {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        self.0.as_ref().expect("it is taken at the end alone")
    }
}

impl DerefMut for Line {
    fn deref_mut(&mut self) -> &mut Conn {
        self.0.as_mut().expect("it is taken at the end alone")
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(conn) = self.0.take() {
            // Begun, the goodbye is the driver's last act on it; not waited for, it ends with the connection.
            let begun = pin!(conn.disconnect()).poll(&mut Context::from_waker(Waker::noop()));
            tracing::trace!(ended = begun.is_ready(), "a connection is closed in the middle");
        }
    }
}

/// One connection.
pub(super) struct Session {
    conn: Line,
    /// Whose server it is.
    pub(super) flavour: Flavour,
    /// Its version.
    pub(super) version: Version,
    /// How it is protected.
    pub(super) protection: Protection,
    deadline: Duration,
    is_remote: bool,
}

/// Rows of a long answer, one by one.
pub(super) struct Rows<'a> {
    result: mysql_async::QueryResult<'a, 'static, mysql_async::TextProtocol>,
}

impl Rows<'_> {
    /// The next row; `None` at the end. An error when the server stands still.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, Fault> {
        match tokio::time::timeout(STALL, self.result.next()).await {
            Ok(row) => Ok(row?),
            Err(_) => Err(silent(STALL.into()).into()),
        }
    }
}

/// Whether the link's account is let in with its password.
pub(super) async fn admits(link: &Link) -> Result<bool> {
    match tokio::time::timeout(link.deadline.duration(), connect(link)).await {
        Err(_) => Err(silent(link.deadline)),
        Ok(Ok((conn, _))) => {
            // It said yes already; how it takes the goodbye does not matter.
            let _ = conn.disconnect().await;
            Ok(true)
        }
        // "Access denied for user … (using password: YES)"; every other refusal comes after the password.
        Ok(Err(fault)) if fault.code == 1045 => Ok(false),
        Ok(Err(fault)) if fault.is_denied() => Ok(true),
        Ok(Err(fault)) => Err(fault.into()),
    }
}

impl Session {
    /// Connects within the link's deadline. Where nothing may be written, the session cannot write from its first
    /// statement on.
    pub(super) async fn open(link: &Link) -> Result<Self> {
        let deadline = link.deadline.duration();
        match tokio::time::timeout(deadline, connect(link)).await {
            Err(_) => Err(silent(link.deadline)),
            Ok(Err(fault)) => Err(fault.into()),
            Ok(Ok((conn, protection))) => {
                let mut conn = Line(Some(conn));
                let asked = tokio::time::timeout(deadline, prepare(&mut conn, link.may_write)).await;
                let (flavour, version) = asked.map_err(|_| silent(link.deadline))??;
                let is_remote = super::snapshot::is_remote(&link.endpoint);
                Ok(Self { conn, flavour, version, protection, deadline, is_remote })
            }
        }
    }

    /// Whether the server is of this flavour and at least of this version.
    pub(super) fn is_at_least(&self, flavour: Flavour, parts: &[u32]) -> bool {
        self.flavour == flavour && self.version >= Version { parts: parts.to_vec() }
    }

    /// Whether the server is MySQL.
    pub(super) fn is_mysql(&self) -> bool {
        self.flavour == Flavour::Mysql
    }

    /// Whether the server is beyond this host.
    pub(super) fn is_remote(&self) -> bool {
        self.is_remote
    }

    /// From now on each question may take this long.
    pub(super) fn patience(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// Executes a statement and ignores what it returns.
    pub(super) async fn run(&mut self, sql: impl AsRef<[u8]>) -> Result<(), Fault> {
        let asked = self.conn.query_drop(sql.as_ref());
        match tokio::time::timeout(self.deadline, asked).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(silent(self.deadline.into()).into()),
        }
    }

    /// Executes statements one after the other.
    pub(super) async fn run_all<S: AsRef<[u8]>>(
        &mut self,
        all: impl IntoIterator<Item = S>,
    ) -> Result<(), Fault> {
        for sql in all {
            self.run(sql).await?;
        }
        Ok(())
    }

    /// All rows of a small answer, as bytes.
    pub(super) async fn raw(&mut self, sql: impl AsRef<[u8]>) -> Result<Vec<Row>, Fault> {
        let asked = gather(&mut self.conn, sql.as_ref());
        match tokio::time::timeout(self.deadline, asked).await {
            Ok(rows) => rows,
            Err(_) => Err(silent(self.deadline.into()).into()),
        }
    }

    /// All rows of a small answer, as text.
    pub(super) async fn rows(&mut self, sql: impl AsRef<[u8]>) -> Result<Vec<Texts>, Fault> {
        Ok(self.raw(sql).await?.into_iter().map(texts).collect())
    }

    /// All rows of a small answer, by column name.
    pub(super) async fn named(&mut self, sql: &str) -> Result<Vec<BTreeMap<String, String>>, Fault> {
        let named = |row: Row| {
            let names: Vec<_> =
                row.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
            names.into_iter().zip(texts(row)).filter_map(|(name, value)| Some((name, value?))).collect()
        };
        Ok(self.raw(sql).await?.into_iter().map(named).collect())
    }

    /// The first value of the first row; `None` without a row, or for NULL.
    pub(super) async fn value(&mut self, sql: &str) -> Result<Option<String>, Fault> {
        Ok(self.rows(sql).await?.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }

    /// Asks for many rows, to be taken one by one.
    pub(super) async fn stream<'a>(&'a mut self, sql: &'a str) -> Result<Rows<'a>, Fault> {
        match tokio::time::timeout(STALL, self.conn.query_iter(sql)).await {
            Ok(result) => Ok(Rows { result: result? }),
            Err(_) => Err(silent(STALL.into()).into()),
        }
    }

    /// Says goodbye, within the deadline; a server that does not listen is left.
    pub(super) async fn close(mut self) {
        let Some(conn) = self.conn.0.take() else { return };
        if tokio::time::timeout(self.deadline, conn.disconnect()).await.is_err() {
            tracing::debug!("the server did not take leave in time");
        }
    }
}

/// Every row of an answer that is held as a whole; an error when it grows beyond what any of our questions has.
async fn gather(conn: &mut Conn, sql: &[u8]) -> Result<Vec<Row>, Fault> {
    let mut result = conn.query_iter(sql).await?;
    let (mut rows, mut held) = (Vec::new(), 0);
    while let Some(row) = result.next().await? {
        held += std::mem::size_of::<Row>() + (0..row.len()).map(|index| size(&row, index)).sum::<usize>();
        if held > ANSWER_BYTES_MAX {
            let what =
                Text::new("mysql-answer-endless").with("most", Bytes(ANSWER_BYTES_MAX as u64).to_string());
            return Err(Error::new(Kind::Failed, what).cure(Text::new("mysql-protocol-cure")).into());
        }
        rows.push(row);
    }
    result.drop_result().await?;
    Ok(rows)
}

fn size(row: &Row, index: usize) -> usize {
    let bytes = match row.as_ref(index) {
        Some(mysql_async::Value::Bytes(bytes)) => bytes.len(),
        _ => 0,
    };
    std::mem::size_of::<mysql_async::Value>() + bytes
}

fn texts(row: Row) -> Texts {
    let text = |value| match value {
        mysql_async::Value::NULL => None,
        mysql_async::Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    };
    Row::unwrap(row).into_iter().map(text).collect()
}

/// A connection, or why there is none; what answers there and does not greet as MySQL does is told before the deadline.
async fn connect(link: &Link) -> Result<(Conn, Protection), Fault> {
    let mut connected = tokio::select! {
        connected = by_driver(link) => connected,
        stranger = greeting::stranger_in_time(link) => Err(stranger.into()),
    };
    if let Err(fault) = &connected
        && fault.code == 0
        && fault.ends_session()
        && let Some(stranger) = greeting::stranger(link).await
    {
        connected = Err(stranger.into());
    }
    connected.map_err(|mut fault| {
        fault.error.what = fault.error.what.with("endpoint", link.endpoint.to_string());
        fault
    })
}

async fn by_driver(link: &Link) -> Result<(Conn, Protection), Fault> {
    let builder = OptsBuilder::default()
        .user(Some(&link.user))
        .pass(link.password.as_ref().map(roadstead_core::Secret::expose))
        .prefer_socket(false)
        .max_allowed_packet(Some(PACKET_BYTES_MAX))
        .wait_timeout(Some(28_800))
        .stmt_cache_size(0)
        .tcp_nodelay(true)
        .tcp_keepalive(Some(Duration::from_secs(30)));
    let (builder, may_verify) = match &link.endpoint {
        Endpoint::Socket(path) => (builder.socket(Some(path.as_str())), false),
        Endpoint::Tcp(host, port) => {
            (builder.ip_or_hostname(host.as_str()).tcp_port(*port), wants_tls(&link.tls, host))
        }
    };
    if !may_verify {
        fits_in_plain(link)?;
        return Ok((Conn::new(Opts::from(builder)).await?, Protection::Plain));
    }
    let verified = builder.clone().ssl_opts(Some(ssl(&link.tls)?));
    match Conn::new(Opts::from(verified)).await {
        Ok(conn) => Ok((conn, Protection::Verified)),
        Err(mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer))
            if link.tls.mode == TlsMode::Auto =>
        {
            fits_in_plain(link)?;
            Ok((Conn::new(Opts::from(builder)).await?, Protection::Plain))
        }
        Err(error) => Err(error.into()),
    }
}

/// Without TLS a password travels encrypted by the server's own key of 2048 bits, by RFC 8017, section 7.1.1: no longer
/// one fits, and the driver panics.
fn fits_in_plain(link: &Link) -> Result<(), Fault> {
    const MOST: usize = 256 - 2 * 20 - 2 - 1;
    let length = link.password.as_ref().map_or(0, |password| password.expose().len());
    if matches!(link.endpoint, Endpoint::Socket(_)) || length <= MOST {
        return Ok(());
    }
    let what = Text::new("mysql-password-needs-tls").with("user", &link.user).with("most", MOST);
    Err(Error::new(Kind::Input, what).cure(Text::new("mysql-password-needs-tls-cure")).into())
}

/// On this machine's own loopback nobody listens in between, and servers there have certificates of their own making.
fn wants_tls(tls: &TlsSpec, host: &str) -> bool {
    match tls.mode {
        TlsMode::Off => false,
        TlsMode::VerifyFull => true,
        TlsMode::Auto => tls.ca.is_some() || !tls::is_loopback(host),
    }
}

fn ssl(tls: &TlsSpec) -> Result<SslOpts> {
    // The driver builds its configuration with the process's default provider; a second call changes nothing.
    drop(rustls::crypto::ring::default_provider().install_default());
    tls::authorities(tls)?;
    let roots = if let Some(path) = &tls.ca {
        vec![std::path::PathBuf::from(path).into()]
    } else {
        let found = rustls_native_certs::load_native_certs().certs;
        found.into_iter().map(|certificate| certificate.as_ref().to_vec().into()).collect()
    };
    Ok(SslOpts::default().with_root_certs(roots).with_disable_built_in_roots(true))
}

async fn prepare(conn: &mut Conn, may_write: bool) -> Result<(Flavour, Version), Fault> {
    if !may_write {
        conn.query_drop("SET SESSION TRANSACTION READ ONLY").await?;
    }
    // In the server's own mode a backslash may be no escape, and what we quote would not stay in its quotes.
    conn.query_drop("SET SESSION sql_mode = ''").await?;
    let version: Option<String> = conn.query_first("SELECT VERSION()").await?;
    let version = version.unwrap_or_default();
    let read = flavour::of_server(&version);
    read.ok_or_else(|| {
        let what = Text::new("mysql-not-this-server").with("version", version);
        Fault::from(Error::new(Kind::Unsupported, what))
    })
}

/// The server did not answer in time.
pub(super) fn silent(waited: Millis) -> Error {
    Error::new(Kind::Unreachable, Text::new("mysql-silent").with("waited", waited.to_string()))
        .cure(Text::new("mysql-silent-cure"))
}

fn translate(error: &mysql_async::Error) -> Error {
    match error {
        mysql_async::Error::Server(server) => {
            let what = Text::new("mysql-server-error")
                .with("code", server.code)
                .with("message", server.message.as_str());
            let told = Error::new(kind_of(server.code), what);
            match server.code {
                1153 => told.cure(Text::new("mysql-packet-cure")),
                1298 => told.cure(Text::new("mysql-zone-cure")),
                1418 => told.cure(Text::new("mysql-trust-cure")),
                1045 | 1698 => told.cure(Text::new("mysql-refused-cure")),
                1040 | 1203 => told.cure(Text::new("mysql-full-cure")),
                1227 | 1142 | 1044 => told.cure(Text::new("mysql-grants-cure")),
                _ => told,
            }
        }
        mysql_async::Error::Io(IoError::Tls(TlsError::Tls(failure))) => tls::refused(failure),
        mysql_async::Error::Io(IoError::Tls(other)) => {
            let denied = Error::new(Kind::Denied, Text::new("mysql-tls-failed")).caused_by(other);
            denied.cure(Text::new("mysql-tls-cure"))
        }
        mysql_async::Error::Io(IoError::Io(io)) => broken(io),
        mysql_async::Error::Driver(DriverError::ConnectionClosed) => {
            Error::new(Kind::Unreachable, Text::new("mysql-connection-broke"))
                .cure(Text::new("mysql-connection-broke-cure"))
        }
        mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer) => {
            Error::new(Kind::Denied, Text::new("mysql-tls-not-offered"))
                .cure(Text::new("mysql-tls-not-offered-cure"))
        }
        mysql_async::Error::Driver(DriverError::UnknownAuthPlugin { name }) => {
            let what = Text::new("mysql-plugin-unknown").with("plugin", name.as_str());
            Error::new(Kind::Denied, what).cure(Text::new("mysql-plugin-cure"))
        }
        other => no_server(other),
    }
}

fn broken(io: &std::io::Error) -> Error {
    if let Some(failure) = tls::failure(io) {
        return tls::refused(failure);
    }
    // What was read and cannot be what it claims to be.
    if matches!(io.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput) {
        return no_server(io);
    }
    // Of a socket's path: there is none.
    if matches!(io.kind(), std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound) {
        // Whoever connects knows where, and says it.
        return Error::new(Kind::Unreachable, Text::new("mysql-nobody-listens").with("endpoint", "-"))
            .caused_by(io)
            .cure(Text::new("mysql-nobody-listens-cure"));
    }
    Error::new(Kind::Unreachable, Text::new("mysql-connection-broke"))
        .caused_by(io)
        .cure(Text::new("mysql-connection-broke-cure"))
}

/// What answers there does not speak as these servers do.
pub(super) fn no_server(error: &(dyn std::error::Error + 'static)) -> Error {
    Error::new(Kind::Failed, Text::new("mysql-protocol"))
        .caused_by(error)
        .cure(Text::new("mysql-protocol-cure"))
}

/// What sort of fault an error number of the server is.
fn kind_of(code: u16) -> Kind {
    match code {
        // Passwords, hosts, databases, tables, columns, routines, views, expired passwords, required TLS.
        1044 | 1045 | 1129 | 1130 | 1142 | 1143 | 1227 | 1345 | 1370 | 1410 | 1698 | 1820 | 1862 | 3118
        | 3159 | 4151 => Kind::Denied,
        // Connections, memory, disk, table space.
        1021 | 1037 | 1038 | 1040 | 1041 | 1114 | 1203 | 1226 => Kind::Exhausted,
        // Shutting down, killed, connection lost, starting.
        1053 | 1077 | 1317 | 1927 | 3169 => Kind::Unreachable,
        1205 | 1213 | 3024 | 1969 => Kind::Busy,
        1049 | 1146 => Kind::NotFound,
        1007 | 1050 => Kind::Exists,
        1290 | 1792 | 1836 => Kind::Precondition,
        _ => Kind::Failed,
    }
}

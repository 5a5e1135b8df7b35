//! A session with a server: connected within the link's deadline, unable to write unless the link may, and every
//! foreign error turned into ours.
//!
//! All questions go by the simple protocol, one round trip each, and are answered in text.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use roadstead_core::{
    Bytes, Error, Kind, Millis, Result, Secret, Text,
    model::TlsMode,
    port::{Link, layout::Endpoint},
    seen::Protection,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_postgres::{
    Client, Config, NoTls, SimpleQueryMessage, config::SslMode, error::SqlState, tls::MakeTlsConnect,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    sql::shown,
    wire::{ANSWER_BYTES_MAX, Wire},
};
use crate::tls;

/// The database that is asked about the whole server, and the one that always exists besides it.
const HOME_DATABASES: [&str; 2] = ["postgres", "template1"];
/// How often a busy server is asked whether it is still there, and how often it may fail to answer.
const PULSE: Duration = Duration::from_secs(10);
const PULSES_MISSED_MAX: u32 = 3;

/// What makes text output the same everywhere: the same for the original and for its copy.
pub(super) const STEADY: &str = "SET datestyle = 'ISO, YMD'; SET intervalstyle = 'iso_8601'; SET timezone = 'UTC'; \
    SET extra_float_digits = 1; SET bytea_output = 'hex'; SET xmlbinary = 'base64'; SET xmloption = 'content'; \
    SET lc_monetary = 'C'; SET search_path = ''; SET quote_all_identifiers = off; SET row_security = off; \
    SET statement_timeout = 0; SET lock_timeout = '60s'; SET idle_in_transaction_session_timeout = 0; SET idle_session_timeout = 0; \
    SET client_connection_check_interval = '5s'; SET jit = off; SET client_min_messages = 'error'";

/// Takes back a role that the database makes all its sessions act as; it is meant for the applications. A role that is
/// set for the account itself stays, for it may be what gives it its rights; a superuser has them all. One row where
/// that was done.
const AS_ITSELF: &str = "SET LOCAL search_path = ''; SELECT set_config('role', 'none', false) FROM pg_catalog.pg_roles r \
    WHERE r.rolname = session_user AND (r.rolsuper OR NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s, \
    unnest(s.setconfig) c WHERE s.setrole = r.oid AND c LIKE 'role=%'))";

/// Takes back the limit on whole transactions of version 17 and later, which is meant for the applications: a backup is
/// one. No row.
const UNHURRIED: &str = "SELECT FROM pg_catalog.pg_settings WHERE CASE name WHEN 'transaction_timeout' THEN \
    pg_catalog.set_config(name, '0', false) IS NULL ELSE false END";

/// One row of an answer: each column's text; `None` for SQL's NULL.
pub(super) type Row = Vec<Option<String>>;

/// One open session. Dropping it closes the connection; the server then ends what it was doing.
pub(super) struct Session {
    client: Client,
    connection: JoinHandle<()>,
    deadline: Millis,
    endpoint: String,
    pub(super) protection: Protection,
    /// It acts as the account itself, whatever role the database's settings name: the tools must be told too.
    acts_as_itself: bool,
    /// An answer was cut off because it had no end.
    is_endless: Arc<AtomicBool>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Session {
    /// A session with a database that every server has.
    pub(super) async fn home(link: &Link) -> Result<Self> {
        match Self::open(link, HOME_DATABASES[0]).await {
            Err(error) if error.kind == Kind::NotFound => Self::open(link, HOME_DATABASES[1]).await,
            other => other,
        }
    }

    /// A session with this database.
    pub(super) async fn open(link: &Link, database: &str) -> Result<Self> {
        let deadline = link.deadline.duration();
        let opened = timeout(deadline, Self::connect(link, database)).await;
        opened.unwrap_or_else(|_| Err(silent(link)))
    }

    async fn connect(link: &Link, database: &str) -> Result<Self> {
        let mut config = Config::new();
        config.user(&link.user).dbname(database).application_name("roadstead");
        if let Some(password) = &link.password {
            config.password(password.expose());
        }
        let mut session = match (&link.endpoint, link.tls.mode) {
            (Endpoint::Socket(_), _) | (_, TlsMode::Off) => plain(link, &mut config).await,
            (_, TlsMode::VerifyFull) => protected(link, &mut config, SslMode::Require).await,
            // Nothing leaves this host, and a server here rarely has a certificate that names a loopback address; whoever
            // names an authority has one.
            (Endpoint::Tcp(host, _), TlsMode::Auto) if tls::is_loopback(host) && link.tls.ca.is_none() => {
                match plain(link, &mut config).await {
                    Err(error) if error.kind == Kind::Denied => {
                        protected(link, &mut config, SslMode::Require).await.map_err(|_| error)
                    }
                    other => other,
                }
            }
            (_, TlsMode::Auto) => protected(link, &mut config, SslMode::Prefer).await,
        }?;
        // Over whatever the database or the account sets.
        let read_only = if link.may_write { "off" } else { "on" };
        let first = session
            .rows(&format!("SET default_transaction_read_only = {read_only}; {UNHURRIED}; {AS_ITSELF}"))
            .await?;
        session.acts_as_itself = !first.is_empty();
        Ok(session)
    }

    /// Runs statements whose answer does not matter, within the deadline.
    pub(super) async fn run(&self, statements: &str) -> Result<()> {
        self.rows(statements).await.map(drop)
    }

    /// Asks a short question: all rows of all statements, within the deadline.
    pub(super) async fn rows(&self, question: &str) -> Result<Vec<Row>> {
        let answer = timeout(self.deadline.duration(), self.rows_at_length(question)).await;
        answer.unwrap_or_else(|_| Err(silent_for(self.deadline, &self.endpoint)))
    }

    /// Asks a question that may take its time; the caller watches over it by [`Session::alive_while`].
    pub(super) async fn rows_at_length(&self, question: &str) -> Result<Vec<Row>> {
        let messages = self.client.simple_query(question).await.map_err(|error| self.told(&error))?;
        Ok(messages
            .into_iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => {
                    Some((0..row.len()).map(|index| row.get(index).map(str::to_owned)).collect())
                }
                _ => None,
            })
            .collect())
    }

    /// Runs statements that may take their time, as long as the server answers another session.
    pub(super) async fn run_at_length(&self, link: &Link, statements: &str) -> Result<()> {
        let watcher = Self::home(link).await?;
        watcher.alive_while(self.rows_at_length(statements)).await.map(drop)
    }

    /// The first column of the first row; `None` for no row or NULL.
    pub(super) async fn value(&self, question: &str) -> Result<Option<String>> {
        let rows = self.rows(question).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    /// Waits for `work` as long as the server answers this (otherwise idle) session.
    pub(super) async fn alive_while<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::pin!(work);
        let mut missed = 0;
        let mut next = Instant::now() + PULSE;
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep_until(next) => {}
            }
            let pulse = timeout(PULSE, self.client.simple_query(""));
            tokio::select! {
                biased;
                done = &mut work => return done,
                beat = pulse => match beat {
                    Ok(Ok(_)) => missed = 0,
                    Ok(Err(error)) => return Err(self.told(&error)),
                    Err(_) => missed += 1,
                },
            }
            if missed >= PULSES_MISSED_MAX {
                return Err(silent_for(Millis::from(PULSE * PULSES_MISSED_MAX), &self.endpoint));
            }
            next = Instant::now() + PULSE;
        }
    }

    /// An error of this session's as ours.
    fn told(&self, error: &tokio_postgres::Error) -> Error {
        if !self.is_endless.load(Ordering::Relaxed) {
            return foreign(error);
        }
        let what = Text::new("postgresql-answer-endless").with("most", Bytes(ANSWER_BYTES_MAX).to_string());
        Error::new(Kind::Failed, what).cure(Text::new("postgresql-protocol-cure"))
    }
}

/// Folder and port of a socket file `…/.s.PGSQL.5432`.
pub(super) fn socket(path: &str) -> Result<(&str, u16)> {
    let parted = path.rsplit_once("/.s.PGSQL.").and_then(|(folder, port)| Some((folder, port.parse().ok()?)));
    parted.ok_or_else(|| Error::new(Kind::Input, Text::new("postgresql-socket-name").with("path", path)))
}

async fn wire(link: &Link, asks_tls: bool) -> Result<Wire> {
    let opened = match &link.endpoint {
        Endpoint::Tcp(host, port) => Wire::tcp(host, *port, asks_tls).await,
        Endpoint::Socket(path) => Wire::socket(path).await,
    };
    opened.map_err(|error| unconnected(&error))
}

async fn plain(link: &Link, config: &mut Config) -> Result<Session> {
    config.ssl_mode(SslMode::Disable);
    let wire = wire(link, false).await?;
    let is_endless = wire.is_endless();
    let (client, connection) = config.connect_raw(wire, NoTls).await.map_err(|error| foreign(&error))?;
    let connection = tokio::spawn(async move { drop(connection.await) });
    Ok(Session {
        client,
        connection,
        deadline: link.deadline,
        endpoint: link.endpoint.to_string(),
        protection: Protection::Plain,
        acts_as_itself: false,
        is_endless,
    })
}

async fn protected(link: &Link, config: &mut Config, mode: SslMode) -> Result<Session> {
    config.ssl_mode(mode);
    let mut tls = MakeRustlsConnect::new((*tls::client(&link.tls)?).clone());
    let host = match &link.endpoint {
        Endpoint::Tcp(host, _) => host.as_str(),
        Endpoint::Socket(_) => "",
    };
    let tls = MakeTlsConnect::<Wire>::make_tls_connect(&mut tls, host).map_err(Error::internal)?;
    let wire = wire(link, true).await?;
    let is_endless = wire.is_endless();
    let (client, connection) = config.connect_raw(wire, tls).await.map_err(|error| foreign(&error))?;
    let connection = tokio::spawn(async move { drop(connection.await) });
    let mut session = Session {
        client,
        connection,
        deadline: link.deadline,
        endpoint: link.endpoint.to_string(),
        protection: Protection::Verified,
        acts_as_itself: false,
        is_endless,
    };
    if mode == SslMode::Prefer {
        let encrypted = "SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()";
        if session.value(encrypted).await?.as_deref() != Some("t") {
            session.protection = Protection::Plain;
        }
    }
    Ok(session)
}

/// Values by name.
type Named<T> = Vec<(String, T)>;

/// The environment that leads one of the vendor's tools to the same server, protected as this session is, and acting
/// as the same role. `options` are the settings that its own sessions begin with.
pub(super) fn tool_environment(
    link: &Link,
    session: &Session,
    tool_major: u32,
    options: &str,
) -> Result<(Named<String>, Named<Secret>)> {
    let (host, port) = match &link.endpoint {
        Endpoint::Tcp(host, port) => (host.as_str(), *port),
        Endpoint::Socket(path) => socket(path)?,
    };
    let mut plain = vec![
        ("PGHOST", host.to_owned()),
        ("PGPORT", port.to_string()),
        ("PGUSER", link.user.clone()),
        ("PGAPPNAME", "roadstead".to_owned()),
        // None: of one that is no file the tools would tell each time.
        ("PGPASSFILE", format!("{}/no-passwords", link.private)),
        ("PGGSSENCMODE", "disable".to_owned()),
        ("PGCONNECT_TIMEOUT", link.deadline.0.div_ceil(1_000).max(2).to_string()),
        ("PGCLIENTENCODING", "UTF8".to_owned()),
        ("PGOPTIONS", format!("{options}{}", if session.acts_as_itself { " -c role=none" } else { "" })),
    ];
    match session.protection {
        Protection::Plain => plain.push(("PGSSLMODE", "disable".to_owned())),
        Protection::Verified => {
            plain.push(("PGSSLMODE", "verify-full".to_owned()));
            let system = if tool_major >= 16 { "system" } else { "/etc/ssl/certs/ca-certificates.crt" };
            plain.push(("PGSSLROOTCERT", link.tls.ca.clone().unwrap_or_else(|| system.to_owned())));
        }
    }
    let secrets = link.password.iter().map(|password| ("PGPASSWORD".to_owned(), password.clone())).collect();
    Ok((plain.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), secrets))
}

/// Nothing came within the link's deadline.
pub(super) fn silent(link: &Link) -> Error {
    silent_for(link.deadline, &link.endpoint.to_string())
}

fn silent_for(deadline: Millis, endpoint: &str) -> Error {
    let what = Text::new("postgresql-silent").with("deadline", deadline.to_string());
    let what = what.with("endpoint", endpoint);
    Error::new(Kind::Unreachable, what).cure(Text::new("postgresql-connection-cure"))
}

/// An error of the connection, and not of the server's.
fn broken(error: &tokio_postgres::Error) -> Error {
    let mut words = Vec::new();
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return unconnected(io);
        }
        words.push(shown(&cause.to_string()));
        next = cause.source();
    }
    let what = Text::new("postgresql-connection").with("message", words.join(": "));
    if error.is_closed() {
        return Error::new(Kind::Unreachable, what).cure(Text::new("postgresql-connection-cure"));
    }
    if words.iter().any(|word| word.contains("does not support TLS")) {
        return Error::new(Kind::Denied, what).cure(Text::new("engines-tls-none-cure"));
    }
    Error::new(Kind::Denied, what).cure(Text::new("postgresql-protocol-cure"))
}

/// No connection, none by TLS, or none with a PostgreSQL.
fn unconnected(io: &std::io::Error) -> Error {
    if let Some(failure) = tls::failure(io) {
        return tls::refused(failure);
    }
    if matches!(io.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput) {
        let what = Text::new("postgresql-protocol").with("message", shown(&io.to_string()));
        return Error::new(Kind::Failed, what).cure(Text::new("postgresql-protocol-cure"));
    }
    let what = Text::new("postgresql-connection").with("message", shown(&io.to_string()));
    Error::new(Kind::Unreachable, what).cure(Text::new("postgresql-connection-cure"))
}

/// A driver's or server's error as ours. The server's own words go along as an argument, made fit to be shown.
pub(super) fn foreign(error: &tokio_postgres::Error) -> Error {
    let Some(told) = error.as_db_error() else { return broken(error) };
    let mut message = told.message().to_owned();
    // What violates a constraint is told with the row's values, and those are nobody's business.
    let detail = told.detail().filter(|_| !told.code().code().starts_with("23"));
    for more in [detail, told.hint()].into_iter().flatten() {
        message = format!("{message}; {more}");
    }
    let what =
        Text::new("postgresql-server-says").with("message", shown(&message)).with("code", told.code().code());
    let error = Error::new(kind_of(told.code()), what);
    match told.code() {
        code if code.code().starts_with("28") => error.cure(Text::new("postgresql-denied-cure")),
        code if *code == SqlState::INSUFFICIENT_PRIVILEGE => error.cure(Text::new("postgresql-grants-cure")),
        _ => error,
    }
}

/// Whether the server refused name and password (class 28), and not a right that the account lacks.
pub(super) fn is_wrong_password(error: &Error) -> bool {
    error.what.args.get("code").is_some_and(|code| code.to_string().starts_with("28"))
}

fn kind_of(code: &SqlState) -> Kind {
    match code.code() {
        "57P03" | "53300" | "55006" | "55P03" => Kind::Busy,
        "57P01" | "57P02" | "57014" | "25P03" => Kind::Unreachable,
        "42501" | "25006" => Kind::Denied,
        "3D000" | "42704" | "42P01" | "3F000" => Kind::NotFound,
        "42P04" | "42710" | "42P06" | "42P07" => Kind::Exists,
        "XX001" | "XX002" => Kind::Corrupt,
        "0A000" => Kind::Unsupported,
        code if code.starts_with("28") => Kind::Denied,
        code if code.starts_with("08") => Kind::Unreachable,
        code if code.starts_with("53") => Kind::Exhausted,
        _ => Kind::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_codes_become_kinds() {
        for (code, kind) in [
            (SqlState::CANNOT_CONNECT_NOW, Kind::Busy),
            (SqlState::INVALID_PASSWORD, Kind::Denied),
            (SqlState::INVALID_AUTHORIZATION_SPECIFICATION, Kind::Denied),
            (SqlState::DISK_FULL, Kind::Exhausted),
            (SqlState::UNDEFINED_TABLE, Kind::NotFound),
            (SqlState::DATA_CORRUPTED, Kind::Corrupt),
            (SqlState::ADMIN_SHUTDOWN, Kind::Unreachable),
            (SqlState::SYNTAX_ERROR, Kind::Failed),
        ] {
            assert_eq!(kind_of(&code), kind, "{}", code.code());
        }
    }

    #[test]
    fn a_sockets_file_name_holds_its_port() {
        assert_eq!(socket("/a b/.s.PGSQL.5432").unwrap(), ("/a b", 5432));
        assert_eq!(socket("/a/socket").unwrap_err().kind, Kind::Input);
    }
}

//! One authenticated connection: over TCP, TLS or a Unix socket, every wait with a deadline.
//!
//! A connection that may not write refuses, before a byte leaves, every command that is not on its list.

use std::{
    future::Future,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use roadstead_core::{
    Error, Kind, Millis, Result, Text,
    model::TlsMode,
    port::{engine::Link, layout::Endpoint},
    seen::Protection,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::resp::{self, Reply};
use crate::tls;

/// The first byte of a word by which TLS says that something is wrong.
const TLS_ALERT: u8 = 0x15;
/// How much is read at once.
const READ_BYTES: usize = 256 << 10;

/// What a connection that may not write may say: questions, and what a replica says to its master.
const QUESTIONS: &[&str] = &[
    "ACL CAT",
    "ACL DRYRUN",
    "ACL LIST",
    "ACL WHOAMI",
    "AUTH",
    "CONFIG GET",
    "FUNCTION LIST",
    "INFO",
    "MODULE LIST",
    "PING",
    "PSYNC",
    "REPLCONF",
    "SELECT",
];

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An open connection.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    buffer: BytesMut,
    place: String,
    deadline: Duration,
    may_write: bool,
    /// How it is protected.
    pub(super) protection: Protection,
}

impl Connection {
    /// Connects and authenticates.
    pub(super) async fn open(link: &Link) -> Result<Self> {
        let mut connection = match (&link.endpoint, link.tls.mode) {
            (Endpoint::Socket(_), _) | (_, TlsMode::Off) => Self::plain(link).await?,
            (_, TlsMode::VerifyFull) => Self::encrypted(link).await?,
            (_, TlsMode::Auto) => Self::as_offered(link).await?,
        };
        connection.authenticate(link).await?;
        Ok(connection)
    }

    fn over(link: &Link, stream: Box<dyn Stream>, protection: Protection) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            place: link.endpoint.to_string(),
            deadline: link.deadline.duration(),
            may_write: link.may_write,
            protection,
        }
    }

    async fn plain(link: &Link) -> Result<Self> {
        Ok(Self::over(link, dial(link).await?, Protection::Plain))
    }

    async fn encrypted(link: &Link) -> Result<Self> {
        let Endpoint::Tcp(host, _) = &link.endpoint else {
            return Err(Error::internal("TLS over a Unix socket"));
        };
        let name = rustls_pki_types::ServerName::try_from(host.clone()).map_err(|error| {
            Error::new(Kind::Input, Text::new("redis-tls-name").with("host", host)).caused_by(&error)
        })?;
        let connector = TlsConnector::from(Arc::clone(&tls::client(&link.tls)?));
        let stream = dial(link).await?;
        let place = link.endpoint.to_string();
        // A little less than all of it, so that it is told here what was waited for.
        let limit = link.deadline.duration() / 4 * 3;
        let Ok(shaken) = timeout(limit, connector.connect(name, stream)).await else {
            let what = Text::new("engines-tls-silent").with("limit", Millis::from(limit).to_string());
            return Err(Error::new(Kind::Unreachable, what).cure(Text::new("engines-tls-none-cure")));
        };
        let stream = shaken.map_err(|error| broken(&place, &error))?;
        Ok(Self::over(link, Box::new(stream), Protection::Verified))
    }

    /// A server has a port for TLS or one without: one harmless word in clear tells which. No secret is sent before.
    async fn as_offered(link: &Link) -> Result<Self> {
        let mut connection = Self::plain(link).await?;
        let place = connection.place.clone();
        let greeting = async {
            connection.stream.write_all(&resp::command(&["PING"])).await?;
            connection.stream.read_buf(&mut connection.buffer).await
        };
        let heard = within(&place, link.deadline.duration(), greeting).await?;
        match (heard, connection.buffer.first()) {
            (Ok(_), Some(b'+' | b'-')) => {
                let reply = connection.reply().await?;
                match reply {
                    Reply::Error(said) if said.starts_with("DENIED") => Err(refusal(&place, "PING", &said)),
                    _ => Ok(connection),
                }
            }
            // A port for TLS hangs up, or says so first.
            (Err(_), _) | (Ok(_), None | Some(&TLS_ALERT)) => Self::encrypted(link).await,
            (Ok(_), Some(_)) => Err(not_ours(&place)),
        }
    }

    async fn authenticate(&mut self, link: &Link) -> Result<()> {
        let password = link.password.as_ref();
        let exposed = password.map_or("", |password| password.expose());
        match (link.user.as_str(), password.is_some()) {
            ("" | "default", false) => return Ok(()),
            ("", true) => self.ask(&["AUTH", exposed]).await?,
            (user, _) => self.ask(&["AUTH", user, exposed]).await?,
        };
        Ok(())
    }

    /// Asks, and waits for the reply. A server's refusal is an error; its kind tells which sort.
    pub(super) async fn ask<P: AsRef<[u8]>>(&mut self, parts: &[P]) -> Result<Reply> {
        let name = name_of(parts);
        self.say(parts).await?;
        match self.reply().await? {
            Reply::Error(said) => Err(refusal(&self.place, &name, &said)),
            reply => Ok(reply),
        }
    }

    /// Sends a command without waiting for its reply.
    pub(super) async fn say<P: AsRef<[u8]>>(&mut self, parts: &[P]) -> Result<()> {
        let name = name_of(parts);
        if !self.may_write && !QUESTIONS.contains(&name.as_str()) {
            return Err(Error::internal(format!("{name} on a connection that may not write")));
        }
        self.send(&resp::command(parts)).await
    }

    /// Sends the bytes of a pipeline of commands that write.
    pub(super) async fn send_pipeline(&mut self, bytes: &[u8]) -> Result<()> {
        if !self.may_write {
            return Err(Error::internal("a pipeline on a connection that may not write"));
        }
        self.send(bytes).await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        // A long pipeline may take long to be taken; what must not stop is its moving.
        for piece in bytes.chunks(READ_BYTES) {
            let sent = within(&self.place, self.deadline, self.stream.write_all(piece)).await?;
            sent.map_err(|error| broken(&self.place, &error))?;
        }
        let flushed = within(&self.place, self.deadline, self.stream.flush()).await?;
        flushed.map_err(|error| broken(&self.place, &error))
    }

    /// The next reply, an error of the server's among them; whole within the deadline.
    pub(super) async fn reply(&mut self) -> Result<Reply> {
        let limit = self.deadline;
        let begun = Instant::now();
        loop {
            if let Some(reply) = resp::take(&mut self.buffer).map_err(|_| not_ours(&self.place))? {
                return Ok(reply);
            }
            let left = limit.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(silent(&self.place, limit));
            }
            self.fill(left).await?;
        }
    }

    /// The next line, for what a server sends before a snapshot; each piece may take as long as `patience`.
    pub(super) async fn line(&mut self, patience: Duration) -> Result<Vec<u8>> {
        loop {
            if let Some(line) = resp::take_line(&mut self.buffer).map_err(|_| not_ours(&self.place))? {
                return Ok(line);
            }
            self.fill(patience).await?;
        }
    }

    /// What has been read and not used.
    pub(super) fn held(&self) -> &[u8] {
        &self.buffer
    }

    /// Takes the first of what has been read and not used.
    pub(super) fn take(&mut self, count: usize) -> bytes::Bytes {
        self.buffer.split_to(count).freeze()
    }

    /// From here on waits for each reply as long as for a piece of a snapshot.
    pub(super) fn be_patient(&mut self, patience: Duration) {
        self.deadline = patience;
    }

    /// Reads on; an error when nothing comes for so long, or nothing will.
    pub(super) async fn fill(&mut self, patience: Duration) -> Result<()> {
        self.buffer.reserve(READ_BYTES);
        let read = within(&self.place, patience, self.stream.read_buf(&mut self.buffer)).await?;
        match read {
            Ok(0) => Err(ended(&self.place)),
            Ok(_) => Ok(()),
            Err(error) => Err(broken(&self.place, &error)),
        }
    }

    /// Where it leads, for errors.
    pub(super) fn place(&self) -> &str {
        &self.place
    }
}

async fn dial(link: &Link) -> Result<Box<dyn Stream>> {
    let place = link.endpoint.to_string();
    let connected = async {
        let stream: Box<dyn Stream> = match &link.endpoint {
            Endpoint::Socket(path) => Box::new(UnixStream::connect(path).await?),
            Endpoint::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        };
        Ok(stream)
    };
    let connected: io::Result<_> = within(&place, link.deadline.duration(), connected).await?;
    connected.map_err(|error| {
        let mut told = Error::io(Text::new("redis-not-connected").with("endpoint", &place), &error);
        if told.kind != Kind::Denied {
            told.kind = Kind::Unreachable;
            told.retry = true;
        }
        told
    })
}

async fn within<T>(place: &str, limit: Duration, work: impl Future<Output = T>) -> Result<T> {
    timeout(limit, work).await.map_err(|_| silent(place, limit))
}

/// The error of a server that does not answer in time.
pub(super) fn silent(place: &str, limit: Duration) -> Error {
    let what = Text::new("redis-no-answer").with("endpoint", place);
    Error::new(Kind::Unreachable, what.with("limit", Millis::from(limit).to_string()))
        .cure(Text::new("redis-no-answer-cure"))
}

fn broken(place: &str, error: &io::Error) -> Error {
    if let Some(failure) = tls::failure(error) {
        return tls::refused(failure);
    }
    Error::new(Kind::Unreachable, Text::new("redis-broken").with("endpoint", place))
        .caused_by(error)
        .cure(Text::new("redis-broken-cure"))
}

fn ended(place: &str) -> Error {
    Error::new(Kind::Unreachable, Text::new("redis-ended").with("endpoint", place))
        .cure(Text::new("redis-broken-cure"))
}

fn not_ours(place: &str) -> Error {
    Error::new(Kind::Failed, Text::new("redis-not-resp").with("endpoint", place))
        .cure(Text::new("redis-not-resp-cure"))
}

/// What a server's error means. Its first word is the protocol's error code, not prose.
pub(super) fn refusal(place: &str, command: &str, said: &str) -> Error {
    let code = said.split(' ').next().unwrap_or_default();
    let kind = match code {
        "NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED" => Kind::Denied,
        "LOADING" | "BUSY" | "TRYAGAIN" | "NOMASTERLINK" | "MASTERDOWN" => Kind::Busy,
        "OOM" | "MISCONF" => Kind::Exhausted,
        "BUSYKEY" => Kind::Exists,
        "READONLY" => Kind::Precondition,
        _ => Kind::Failed,
    };
    let what = Text::new("redis-said").with("endpoint", place).with("command", command).with("said", said);
    let error = Error::new(kind, what);
    match code {
        "NOAUTH" | "WRONGPASS" => error.cure(Text::new("redis-wrong-password-cure")),
        "NOPERM" => error.cure(Text::new("redis-no-permission-cure").with("command", command)),
        _ => error,
    }
}

/// Whether the server refused name and password, and not a right that the account lacks.
pub(super) fn is_wrong_password(error: &Error) -> bool {
    error.what.args.get("said").is_some_and(|said| said.to_string().starts_with("WRONGPASS"))
}

/// The command's name, with its subcommand where it has one. Never an argument: that may be a secret.
fn name_of<P: AsRef<[u8]>>(parts: &[P]) -> String {
    let word = |index: usize| {
        parts.get(index).map(|part| String::from_utf8_lossy(part.as_ref()).to_uppercase()).unwrap_or_default()
    };
    let first = word(0);
    match first.as_str() {
        "ACL" | "CONFIG" | "DEBUG" | "FUNCTION" | "MODULE" => format!("{first} {}", word(1)),
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_would_write_never_leaves() {
        let (near, mut far) = tokio::io::duplex(1024);
        let mut connection = Connection {
            stream: Box::new(near),
            buffer: BytesMut::new(),
            place: "here".into(),
            deadline: Duration::from_secs(5),
            may_write: false,
            protection: Protection::Plain,
        };
        for command in
            [&["SET", "a", "b"][..], &["CONFIG", "SET", "a", "b"], &["acl", "setuser", "a"], &["EVAL"]]
        {
            assert_eq!(connection.ask(command).await.expect_err("refused").kind, Kind::Internal);
        }
        assert_eq!(connection.send_pipeline(b"x").await.expect_err("refused").kind, Kind::Internal);
        connection.say(&["PING"]).await.expect("a question");
        let mut sent = vec![0; 14];
        far.read_exact(&mut sent).await.expect("what was sent");
        assert_eq!(sent, b"*1\r\n$4\r\nPING\r\n");
    }

    #[test]
    fn secrets_are_no_part_of_a_name() {
        assert_eq!(name_of(&["AUTH", "user", "word"]), "AUTH");
        assert_eq!(name_of(&["acl", "setuser", "al", ">word"]), "ACL SETUSER");
    }
}

//! One moment, seen by several sessions: the consistent snapshot that a dump and its digests are read from.
//!
//! The global read lock is held only while the sessions begin their transactions, and given up after a deadline:
//! a long query of somebody else must not make this the outage.

use std::time::Duration;

use roadstead_core::{
    Finding, Result, Text,
    port::{Link, layout::Endpoint},
    seen::Protection,
};

use super::{
    catalogue,
    flavour::Flavour,
    observe,
    session::{Fault, Session},
};

/// Sessions that read at once, where they can see the same moment. Two keep two cores busy and spare the server.
const READERS: usize = 2;
/// How long the global read lock may be waited for, in seconds.
const LOCK_SECONDS: u32 = 10;

/// The moment, and the sessions that see it.
pub(super) struct Snapshot {
    /// Sessions, each in a transaction of its own that sees the same moment; never empty.
    pub(super) readers: Vec<Session>,
    /// Holds the lock against changes of definitions; kept until the end.
    control: Session,
    /// File, offset and transaction identifiers of the log; `None`: no log, or not known for this very moment.
    pub(super) position: Option<String>,
    /// What makes it weaker than it should be.
    pub(super) findings: Vec<Finding>,
}

impl Snapshot {
    /// Opens it.
    pub(super) async fn open(link: &Link) -> Result<Self> {
        let mut control = Session::open(link).await?;
        catalogue::read_exactly(&mut control).await?;
        let mut findings: Vec<_> = plaintext(&control).into_iter().collect();
        if control.is_mysql() {
            findings.extend(lock_definitions(&mut control).await?);
        }
        let mut readers = vec![reader(link).await?];
        let position = match lock(&mut control).await? {
            None => {
                for _ in 1..READERS {
                    readers.push(reader(link).await?);
                }
                let begun = begin(&mut readers).await;
                let position = full_position(&mut control).await;
                control.run("UNLOCK TABLES").await?;
                begun?;
                position
            }
            Some(finding) => {
                findings.push(finding);
                begin(&mut readers).await?;
                alone_position(&mut readers[0]).await
            }
        };
        for session in &mut readers {
            session.patience(super::session::STALL);
        }
        Ok(Self { readers, control, position, findings })
    }

    /// Gives everything back.
    pub(super) async fn close(self) {
        for session in self.readers {
            session.close().await;
        }
        self.control.close().await;
    }
}

/// A finding when the connection goes beyond this host in clear.
pub(super) fn plaintext(session: &Session) -> Option<Finding> {
    let beyond = session.is_remote() && session.protection == Protection::Plain;
    beyond.then(|| Finding::warning("", Text::new("mysql-plaintext")).cure(Text::new("mysql-tls-cure")))
}

/// Whether an endpoint lies beyond this host.
pub(super) fn is_remote(endpoint: &Endpoint) -> bool {
    matches!(endpoint, Endpoint::Tcp(host, _) if !crate::tls::is_loopback(host))
}

async fn reader(link: &Link) -> Result<Session> {
    let mut session = Session::open(link).await?;
    catalogue::read_exactly(&mut session).await?;
    Ok(session)
}

async fn begin(readers: &mut [Session]) -> Result<(), Fault> {
    for session in readers {
        session.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
    }
    Ok(())
}

/// Holds off changes of definitions (not of data) until the dump's end.
async fn lock_definitions(control: &mut Session) -> Result<Option<Finding>, Fault> {
    match control.run("LOCK INSTANCE FOR BACKUP").await {
        Ok(()) => Ok(None),
        Err(fault) if fault.is_denied() || fault.code == 1205 => {
            let what = Text::new("mysql-no-instance-lock");
            Ok(Some(Finding::note("", what).cure(Text::new("mysql-no-instance-lock-cure"))))
        }
        Err(fault) => Err(fault),
    }
}

/// Stops all commits for a moment; a finding when that is not allowed, or would take too long.
async fn lock(control: &mut Session) -> Result<Option<Finding>, Fault> {
    control.run(format!("SET SESSION lock_wait_timeout = {LOCK_SECONDS}")).await?;
    control.patience(Duration::from_secs(u64::from(LOCK_SECONDS) + 5));
    match control.run("FLUSH TABLES WITH READ LOCK").await {
        Ok(()) => Ok(None),
        Err(fault) if fault.is_denied() => {
            let what = Text::new("mysql-no-read-lock");
            Ok(Some(Finding::warning("", what).cure(Text::new("mysql-no-read-lock-cure"))))
        }
        Err(fault) if fault.code == 1205 => {
            let what = Text::new("mysql-read-lock-busy").with("seconds", LOCK_SECONDS);
            Ok(Some(Finding::warning("", what).cure(Text::new("mysql-read-lock-busy-cure"))))
        }
        Err(fault) => Err(fault),
    }
}

/// File, offset and transaction identifiers, while nothing can be committed.
async fn full_position(control: &mut Session) -> Option<String> {
    let (file, offset) = observe::file_position(control).await?;
    let set = observe::position(control).await.ok().flatten().unwrap_or_default();
    let place = format!("{file}:{offset}");
    Some(if set.is_empty() || set == place { place } else { format!("{place} {set}") })
}

/// MariaDB tells the log's position at which a snapshot was taken, so one session alone can know it.
async fn alone_position(reader: &mut Session) -> Option<String> {
    if reader.flavour != Flavour::Mariadb {
        return None;
    }
    let rows = reader.rows("SHOW STATUS LIKE 'binlog_snapshot_%'").await.ok()?;
    let value = |name: &str| {
        let row =
            rows.iter().find(|row| row[0].as_deref().is_some_and(|found| found.eq_ignore_ascii_case(name)));
        row.and_then(|row| row.get(1).cloned().flatten()).filter(|value| !value.is_empty())
    };
    let (file, offset) = (value("binlog_snapshot_file")?, value("binlog_snapshot_position")?);
    let asked = format!("SELECT BINLOG_GTID_POS({}, {offset})", super::flavour::text(&file));
    let set = reader.value(&asked).await.ok().flatten().filter(|set| !set.is_empty());
    Some(set.map_or_else(|| format!("{file}:{offset}"), |set| format!("{file}:{offset} {set}")))
}

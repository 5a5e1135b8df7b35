//! What is different where a backup is loaded: servers that keep every key that was in it, due or not.
//!
//! A primary drops keys past their expiry while it loads; a replica keeps them until its primary says so. So a
//! server that is loaded starts as a replica of nobody, is told not to expire, and only then stands on its own.

use roadstead_core::Result;

use super::connection::Connection;

/// The longest path a Unix socket may have here; the system's limit is 107 bytes.
pub(super) const SOCKET_BYTES_MAX: usize = 100;

/// Settings of a server that is loaded: it follows a port on which nobody can listen, and obeys `DEBUG` from its socket.
pub(super) const KEEPS_EVERYTHING: &[(&str, &str)] = &[
    ("replicaof", "127.0.0.1 0"),
    ("replica-serve-stale-data", "yes"),
    ("replica-read-only", "yes"),
    ("enable-debug-command", "local"),
    ("maxmemory-policy", "noeviction"),
];

/// Makes a server that was loaded as a replica stand on its own, without losing what is due.
pub(super) async fn release(connection: &mut Connection) -> Result<()> {
    connection.ask(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]).await?;
    connection.ask(&["REPLICAOF", "NO", "ONE"]).await?;
    Ok(())
}

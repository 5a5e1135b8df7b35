//! Where the real servers are, and ports that nobody uses.

use std::{net::TcpListener, path::PathBuf};

/// The folder that `cargo xtask servers` fills.
pub fn servers() -> PathBuf {
    if let Some(folder) = std::env::var_os("ROADSTEAD_SERVERS") {
        return folder.into();
    }
    if rustix::process::geteuid().is_root() {
        return "/var/cache/roadstead/servers".into();
    }
    let home = std::env::var_os("HOME").unwrap_or_else(|| "/".into());
    PathBuf::from(home).join(".cache/roadstead/servers")
}

/// Folders with the programs of the versions that Debian's own packages lack, as `ROADSTEAD_PROGRAMS` takes them.
pub fn programs() -> String {
    let root = servers();
    let folders = ["postgresql-18/bin", "mysql-9/usr/sbin", "mysql-9/usr/bin"];
    folders.map(|folder| root.join(folder).display().to_string()).join(":")
}

/// The folder with PostgreSQL 15's programs, as Debian installs them.
pub fn postgresql_15() -> PathBuf {
    "/usr/lib/postgresql/15/bin".into()
}

/// A port on loopback that was free a moment ago. The kernel hands out others first, so two calls rarely meet.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

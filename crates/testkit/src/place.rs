//! Where the real servers are, and ports that nobody uses.

use std::{
    net::TcpListener,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

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

/// Below the ports that the kernel gives to those who ask for any: nobody but us takes one of these by chance.
const PORTS: std::ops::Range<u32> = 10_000..32_000;

/// A port on loopback on which nobody listens. No two calls of this process get the same one until all were given out, and
/// processes begin in places of their own.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let room = PORTS.end - PORTS.start;
    let first = std::process::id() % 220 * 100;
    let next = || PORTS.start + (first + GIVEN.fetch_add(1, Ordering::Relaxed)) % room;
    let free = (0..room).map(|_| u16::try_from(next()).expect("a port"));
    let mut free = free.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("loopback has a free port")
}

//! What the kernel tells under `/proc`: processes and who they are, listening ports, memory.
//!
//! Reads only. A process that vanishes while it is read is simply not there.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use roadstead_core::Bytes;

/// What `/proc/<pid>/stat` says of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// The process.
    pub(crate) pid: u32,
    /// Its state letter: `R`, `S`, `T` (stopped), `Z` (dead, not yet reaped), …
    pub(crate) state: char,
    /// Its parent.
    pub(crate) parent: u32,
    /// Its process group.
    pub(crate) group: u32,
    /// When it started, in clock ticks since boot: with pid and boot id, this names a process for ever.
    pub(crate) start: u64,
}

impl Stat {
    /// Whether it still executes anything.
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.state, 'Z' | 'X' | 'x')
    }
}

/// One listening TCP socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Its address.
    pub(crate) address: IpAddr,
    /// Its port.
    pub(crate) port: u16,
    /// The socket's inode, by which its owner is found.
    pub(crate) inode: u64,
}

/// The process of this id; `None`: there is none.
pub(crate) fn stat(pid: u32) -> Option<Stat> {
    parse_stat(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_stat(pid: u32, text: &str) -> Option<Stat> {
    // The command's name stands in parentheses and may hold anything, parentheses too.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Stat {
        pid,
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

/// The identity of this boot; empty where the kernel does not tell.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// The program that a process executes, without the mark of a replaced file.
pub(crate) fn executable(pid: u32) -> Option<String> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let text = path.to_string_lossy();
    Some(text.strip_suffix(" (deleted)").unwrap_or(&text).to_owned())
}

/// The working directory of a process.
pub(crate) fn directory(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

/// Whether a process has this file as its standard output or standard error.
pub(crate) fn writes_to(pid: u32, path: &Path) -> bool {
    [1, 2]
        .iter()
        .any(|number| fs::read_link(format!("/proc/{pid}/fd/{number}")).is_ok_and(|file| file == path))
}

/// The command name of a process.
pub(crate) fn command(pid: u32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned())
}

/// All process ids.
pub(crate) fn pids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The children of a process, their children, and so on.
pub(crate) fn descendants(pid: u32) -> Vec<Stat> {
    let all: Vec<Stat> = pids().into_iter().filter_map(stat).collect();
    let (mut found, mut parents) = (Vec::new(), vec![pid]);
    while let Some(parent) = parents.pop() {
        for child in all.iter().filter(|one| one.parent == parent && one.pid != parent) {
            parents.push(child.pid);
            found.push(child.clone());
        }
    }
    found
}

/// Every listening TCP socket of this network namespace.
pub(crate) fn listening() -> Vec<Listener> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|text| text.lines().skip(1).filter_map(parse_listener).collect::<Vec<_>>())
        .collect()
}

fn parse_listener(line: &str) -> Option<Listener> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    if *fields.get(3)? != LISTEN {
        return None;
    }
    let (address, port) = fields.get(1)?.split_once(':')?;
    Some(Listener {
        address: parse_address(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// The kernel prints addresses as 32-bit words in the machine's byte order.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |piece: &str| u32::from_str_radix(piece, 16).ok().map(u32::to_ne_bytes);
    match text.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(text)?))),
        32 => {
            let mut bytes = [0_u8; 16];
            for (index, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(text.get(index * 8..index * 8 + 8)?)?);
            }
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

/// Who listens where this address and port would: process id and command, as far as we may see; `None`: nobody.
pub(crate) fn holder(address: IpAddr, port: u16) -> Option<(Option<u32>, Option<String>)> {
    let meets = |listener: &&Listener| {
        listener.port == port
            && (listener.address == address || listener.address.is_unspecified() || address.is_unspecified())
    };
    let listener = listening().iter().find(meets)?.clone();
    let pid = owner_of(listener.inode);
    Some((pid, pid.and_then(command)))
}

/// The ports that the kernel gives to outgoing connections: `32768-60999`.
pub(crate) fn outgoing_ports() -> String {
    let told = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    told.split_ascii_whitespace().collect::<Vec<_>>().join("-")
}

/// Whether a file system is mounted exactly there.
pub(crate) fn is_mounted_on(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    // The kernel writes what would end the field as octal numbers.
    let escaped = path.display().to_string().replace('\\', "\\134").replace(' ', "\\040");
    mounts.lines().any(|line| line.split(' ').nth(4) == Some(escaped.as_str()))
}

/// Where a process listens by TCP; `None`: it is gone, or not ours to look at.
pub(crate) fn listens(pid: u32) -> Option<Vec<SocketAddr>> {
    let mut open = std::collections::HashSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten() {
        match fs::read_link(entry.path()) {
            Ok(link) => drop(open.insert(link.display().to_string())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            // Listed and not to be read: an administrator without the right to trace processes.
            Err(_) => return None,
        }
    }
    let listening = listening().into_iter();
    let its = listening.filter(|listener| open.contains(&format!("socket:[{}]", listener.inode)));
    Some(its.map(|listener| SocketAddr::new(listener.address, listener.port)).collect())
}

fn owner_of(inode: u64) -> Option<u32> {
    let wanted = format!("socket:[{inode}]");
    pids().into_iter().find(|pid| {
        let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        entries.flatten().any(|entry| {
            fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str() == wanted.as_str())
        })
    })
}

/// The memory that this machine, or the control group we live in, may use; `None`: unknown.
pub(crate) fn memory() -> Option<Bytes> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let machine = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)?;
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let limit = group.and_then(|text| text.trim().parse::<u64>().ok());
    Some(Bytes(limit.map_or(machine, |limit| limit.min(machine))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_command_name_does_not_mislead() {
        let line = "42 (a) b) R 7 42 42 0 -1 4194304 1 0 0 0 1 2 0 0 20 0 1 0 98765 1 2 3";
        let stat = parse_stat(42, line).expect("a stat line");
        assert_eq!((stat.state, stat.parent, stat.group, stat.start), ('R', 7, 42, 98765));
        assert_eq!(parse_stat(42, "42 (short) R 7"), None);
    }

    #[test]
    fn listeners_are_read_in_both_families() {
        let four =
            "   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   105        0 21 1";
        let six = "   0: 00000000000000000000000001000000:1538 00000000000000000000000000000000:0000 0A \
                   00000000:00000000 00:00000000 00000000   105        0 22 1";
        let found = parse_listener(four).expect("a listener");
        assert_eq!((found.address.to_string(), found.port, found.inode), ("127.0.0.1".into(), 5432, 21));
        assert_eq!(parse_listener(six).expect("a listener").address.to_string(), "::1");
        assert_eq!(parse_listener(&four.replace(" 0A ", " 01 ")), None);
    }

    #[test]
    fn our_own_listener_is_found_with_its_process() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = socket.local_addr().expect("an address").port();
        let (pid, command) = holder("0.0.0.0".parse().expect("an address"), port).expect("a holder");
        assert_eq!(pid, Some(std::process::id()));
        assert!(command.is_some());
        assert_eq!(stat(std::process::id()).map(|stat| stat.is_alive()), Some(true));
    }
}

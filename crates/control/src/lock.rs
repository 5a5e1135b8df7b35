//! One changing command on a fleet at a time. The second learns who holds it.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use roadstead_core::{Error, Kind, Result, Text, Timestamp};
use serde::{Deserialize, Serialize};

/// Who holds a fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// The command.
    pub command: String,
    /// `user@host`.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
}

/// The fleet, held. Released when dropped, and by the kernel when this process dies.
#[derive(Debug)]
pub struct FleetLock {
    file: File,
}

impl Drop for FleetLock {
    fn drop(&mut self) {
        // By word: a child between fork and exec holds a copy of the descriptor, and with it the lock.
        let _ = self.file.unlock();
    }
}

impl FleetLock {
    /// Takes it, or says who has it (`Kind::Busy`). Waits for nobody.
    pub fn take(state: &Path, holder: &Holder) -> Result<Self> {
        let path = state.join("lock");
        let trouble = |error: &std::io::Error| {
            let error =
                Error::io(Text::new("control-lock-trouble").with("path", path.display().to_string()), error);
            if error.cure.is_some() { error } else { error.cure(Text::new("control-lock-trouble-cure")) }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| trouble(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(held(&mut file)),
            Err(std::fs::TryLockError::Error(error)) => return Err(trouble(&error)),
        }
        let text = serde_json::to_string(holder).map_err(Error::internal)?;
        file.set_len(0).map_err(|error| trouble(&error))?;
        file.rewind().map_err(|error| trouble(&error))?;
        file.write_all(text.as_bytes()).map_err(|error| trouble(&error))?;
        Ok(Self { file })
    }
}

/// Who took it writes down who it is right after: that moment is waited for.
fn held(file: &mut File) -> Error {
    let mut holder = None;
    for _ in 0..25 {
        let mut text = String::new();
        let read = file.rewind().and_then(|()| file.take(4096).read_to_string(&mut text));
        let told = read.ok().and_then(|_| serde_json::from_str(&text).ok());
        // An earlier holder's word is still there until it is written over.
        holder = told.filter(|told: &Holder| Path::new(&format!("/proc/{}", told.pid)).exists());
        if holder.is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let what = match holder {
        Some(Holder { pid, command, by, since }) => Text::new("control-lock-held")
            .with("pid", pid.to_string())
            .with("command", command)
            .with("by", by)
            .with("since", since.for_people()),
        None => Text::new("control-lock-held-unknown"),
    };
    Error::new(Kind::Busy, what).cure(Text::new("control-lock-held-cure"))
}

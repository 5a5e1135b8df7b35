//! Locks between processes of one host: `flock` on a file, freed by the kernel when its holder dies.
//!
//! The files stay; their contents only say who held them last.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use roadstead_core::{Error, Kind, Result, Text, model::Name};
use rustix::fs::FlockOperation;
use tokio::time::Instant;

/// The folder of a fleet's locks beside its members' homes; no member can be named so.
const FOLDER: &str = ".locks";
/// As whom an agent takes a lock for what it does of itself.
pub(crate) const AGENT: &str = "roadstead agent";
/// How long an agent may hold a member's lock to look after it, and how often it is asked meanwhile.
const LOOKED_AFTER_WITHIN: Duration = Duration::from_secs(30);
const BEAT: Duration = Duration::from_millis(20);
/// How often a lock that was just made may be swept.
const SWEPT_AT_MOST: usize = 200;

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    file: File,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Unlocked by word: a child between fork and exec holds a copy of the descriptor, and closing ours alone
        // would leave the lock with it for that moment.
        let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
    }
}

impl Held {
    /// Whether the file that is held is what lies there, and not one that was removed since.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        let number =
            |facts: std::io::Result<fs::Metadata>| facts.map(|facts| (facts.dev(), facts.ino())).ok();
        let ours = number(self.file.metadata());
        ours.is_some() && ours == number(fs::symlink_metadata(path))
    }
}

#[cfg(test)]
impl Held {
    /// Frees the lock as the death of its holder would.
    pub(crate) fn free_for_test(&self) {
        rustix::fs::flock(&self.file, FlockOperation::Unlock).expect("unlocked");
    }
}

/// Takes the lock; `Err(Kind::Busy)` names who holds it. `what` says what is being held.
pub(crate) fn take(path: &Path, by: &str, what: &Text) -> Result<Held> {
    if let Some(held) = attempt(path, by)? {
        return Ok(held);
    }
    Err(held_by(path, what))
}

fn held_by(path: &Path, what: &Text) -> Error {
    let told = Text::new("agent-held").with("what", what.clone()).with("holder", holder(path));
    Error::new(Kind::Busy, told).cure(Text::new("agent-held-cure"))
}

/// The same for a lock that agents take for a moment to start a member again: that moment is waited for.
pub(crate) async fn take_from_agent(path: &Path, by: &str, what: &Text) -> Result<Held> {
    let end = Instant::now() + LOOKED_AFTER_WITHIN;
    let mut named = None;
    loop {
        let taken = take(path, by, what);
        if !matches!(&taken, Err(error) if error.kind == Kind::Busy) || Instant::now() >= end {
            return taken;
        }
        let holder = holder(path);
        // Whoever took it a moment ago has not written down yet who it is: a name counts at the second look.
        if !holder.starts_with(AGENT) && named.as_ref() == Some(&holder) {
            return taken;
        }
        named = Some(holder);
        tokio::time::sleep(BEAT).await;
    }
}

/// Takes a lock of which nobody else knows, and which a sweep may remove in the moment in which it is made.
pub(crate) fn take_new(path: &Path, by: &str, what: &Text) -> Result<Held> {
    for _ in 0..SWEPT_AT_MOST {
        if let Some(held) = attempt(path, by)?
            && held.is_at(path)
        {
            return Ok(held);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(held_by(path, what))
}

/// Takes the lock; `None`: somebody else holds it.
pub(crate) fn attempt(path: &Path, by: &str) -> Result<Option<Held>> {
    let told = |error: &std::io::Error| {
        Error::io(Text::new("agent-lock-file").with("path", path.display().to_string()), error)
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .map_err(|error| told(&error))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(told(&error.into())),
    }
    let note = format!("{by} (process {})\n", std::process::id());
    let noted = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(note.as_bytes()));
    noted.map_err(|error| told(&error))?;
    Ok(Some(Held { file }))
}

/// Who took the lock last, as the file says.
fn holder(path: &Path) -> String {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(1024).read_to_string(&mut text));
    if read.is_err() || text.trim().is_empty() { "?".into() } else { text.trim().to_owned() }
}

/// Where the locks of a fleet lie: under the host's data for members that live there; for others, and where nothing can
/// be made there, in a folder of our own among the temporary files.
pub(crate) fn folder(data: &str, fleet: &Name, lives_here: bool) -> Result<PathBuf> {
    let usual = Path::new(data).join(fleet.as_str()).join(FOLDER);
    if lives_here
        && crate::files::open_way(&usual).is_ok()
        && rustix::fs::access(&usual, rustix::fs::Access::WRITE_OK).is_ok()
    {
        return Ok(usual);
    }
    let base = private_base()?;
    let own = if lives_here {
        let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(data.as_bytes()));
        base.join(format!("{}-{fleet}", &digest[..16]))
    } else {
        base.join(FOLDER)
    };
    fs::create_dir_all(&own).map_err(|error| {
        Error::io(Text::new("agent-lock-file").with("path", own.display().to_string()), &error)
    })?;
    Ok(own)
}

/// A folder among the temporary files that is ours alone; one that somebody else made is refused.
pub(crate) fn private_base() -> Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let uid = rustix::process::geteuid().as_raw();
    let path = std::env::temp_dir().join(format!("roadstead-{uid}"));
    let told = |error: &std::io::Error| {
        Error::io(Text::new("agent-private-folder").with("path", path.display().to_string()), error)
    };
    match fs::DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(told(&error)),
        _ => {}
    }
    let found = fs::symlink_metadata(&path).map_err(|error| told(&error))?;
    if !found.is_dir() || found.uid() != uid || found.mode() & 0o077 != 0 {
        let what = Text::new("agent-private-folder-foreign").with("path", path.display().to_string());
        return Err(Error::new(Kind::Denied, what));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_learns_who_holds_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("orders.backup");
        let what = Text::new("agent-held-backup");
        let first = take(&path, "ann@quay", &what).expect("the first gets it");
        let error = take(&path, "bob@quay", &what).expect_err("the second does not");
        assert_eq!(error.kind, Kind::Busy);
        assert!(error.what.to_string().contains("ann@quay"), "{error}");
        drop(first);
        take(&path, "bob@quay", &what).expect("free again");
    }

    #[test]
    fn a_new_lock_is_ours_although_others_sweep() {
        let folder = tempfile::tempdir().expect("a folder");
        let ended = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                    for entry in fs::read_dir(folder.path()).expect("listed").flatten() {
                        match attempt(&entry.path(), "sweep") {
                            Ok(Some(held)) if held.is_at(&entry.path()) => {
                                let _ = fs::remove_file(entry.path());
                            }
                            _ => {}
                        }
                    }
                }
            });
            let all = (0..500).map(|number| {
                let path = folder.path().join(number.to_string());
                take_new(&path, "ann", &Text::new("x")).is_ok_and(|held| held.is_at(&path))
            });
            let ours = all.filter(|is_ours| *is_ours).count();
            ended.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(ours, 500);
        });
    }

    #[tokio::test]
    async fn an_agent_that_looks_after_a_member_is_waited_for_and_nobody_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("member");
        let what = Text::new("agent-held-member");
        let person = take(&path, "ann@quay", &what).expect("free");
        let began = std::time::Instant::now();
        take_from_agent(&path, "bob@quay", &what).await.expect_err("held");
        assert!(began.elapsed() < LOOKED_AFTER_WITHIN);
        drop(person);
        let agent = take(&path, AGENT, &what).expect("free");
        let mut taking = Box::pin(take_from_agent(&path, "bob@quay", &what));
        tokio::time::timeout(BEAT * 5, &mut taking).await.expect_err("it waits");
        drop(agent);
        taking.await.expect("its turn");
    }

    #[test]
    fn a_fleet_that_keeps_nothing_here_leaves_nothing_among_the_data() {
        let data = tempfile::tempdir().expect("a folder");
        let path = data.path().display().to_string();
        let fleet = Name::parse("voyage").expect("a name");
        let away = folder(&path, &fleet, false).expect("a folder");
        assert!(away.is_dir() && !away.starts_with(data.path()), "{away:?}");
        assert_eq!(fs::read_dir(data.path()).expect("a folder").count(), 0);
        assert!(folder(&path, &fleet, true).expect("a folder").starts_with(data.path()));
    }

    #[test]
    fn a_symbolic_link_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("precious");
        fs::write(&target, "kept").expect("written");
        std::os::unix::fs::symlink(&target, folder.path().join("lock")).expect("linked");
        take(&folder.path().join("lock"), "ann", &Text::new("x")).expect_err("refused");
        assert_eq!(fs::read_to_string(&target).expect("read"), "kept");
    }
}

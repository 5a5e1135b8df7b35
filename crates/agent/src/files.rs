//! Files in a member's home: made whole or not at all, with mode and owner, and never through a symbolic link.
//!
//! The home's own folder belongs to the hand; folders in it may belong to the server's user, who is not trusted:
//! every path is walked from the home's folder, link by link refused.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::fd::{AsFd, OwnedFd},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Component, Path, PathBuf},
};

use roadstead_core::{
    Error, Kind, Result, Text,
    port::{
        Secrets,
        layout::{self, Piece},
    },
};
use rustix::{
    fs::{AtFlags, Gid, Mode, OFlags, Uid},
    io::Errno,
};
use zeroize::Zeroizing;

use crate::users::Account;

/// The longest file that is ever read whole.
pub(crate) const FILE_BYTES_MAX: u64 = 16 << 20;

/// A member's home, held open: names below it are resolved from here.
#[derive(Debug)]
pub(crate) struct HomeFolder {
    root: PathBuf,
    folder: OwnedFd,
}

/// An error about a path.
pub(crate) fn failed(key: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::io(Text::new(key).with("path", path.display().to_string()), error)
}

/// Makes a folder and those above it that are missing, all of them ours and open to be passed through.
pub(crate) fn open_way(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        open_way(parent)?;
    }
    match fs::DirBuilder::new().mode(0o755).create(path) {
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(0o755)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(|error| failed("agent-folder-not-made", path, &error))
}

/// Reads a regular file whole, unless it is longer than `limit`; never through a link.
pub(crate) fn read(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let found = file.metadata()?;
    if !found.is_file() || found.len() > limit {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "not a file of a sensible size"));
    }
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Permission bits and owner of a path itself, whatever a link would lead to.
pub(crate) fn mode_and_owner(path: &Path) -> std::io::Result<(u32, u32)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.mode() & 0o7777, found.uid()))
}

impl HomeFolder {
    /// Makes the home's folder if it is missing, ours and open to be passed through, and opens it.
    pub(crate) fn make(root: &Path) -> Result<Self> {
        open_way(root)?;
        Self::open(root)
    }

    /// Opens a home that exists.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(root, flags, Mode::empty())
            .map_err(|error| failed("agent-folder-unreadable", root, &error.into()))?;
        Ok(Self { root: root.to_owned(), folder })
    }

    /// Opens the folder that holds `path` and gives the last name.
    fn parent(&self, path: &Path) -> Result<(OwnedFd, String)> {
        let outside = || {
            let what = Text::new("agent-path-outside")
                .with("path", path.display().to_string())
                .with("home", self.root.display().to_string());
            Error::new(Kind::Internal, what)
        };
        let below = path.strip_prefix(&self.root).map_err(|_| outside())?;
        let mut names = Vec::new();
        for part in below.components() {
            match part {
                Component::Normal(name) => names.push(name.to_str().ok_or_else(outside)?.to_owned()),
                _ => return Err(outside()),
            }
        }
        let last = names.pop().ok_or_else(outside)?;
        let mut folder =
            self.folder.try_clone().map_err(|error| failed("agent-folder-unreadable", &self.root, &error))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for name in names {
            folder = rustix::fs::openat(&folder, &name, flags, Mode::empty())
                .map_err(|error| failed("agent-folder-unreadable", path, &error.into()))?;
        }
        Ok((folder, last))
    }

    /// Makes a folder below the home, or gives an existing one this mode and owner. The home's own folder stays ours.
    pub(crate) fn folder(&self, path: &Path, mode: u32, owner: Option<&Account>) -> Result<()> {
        if path == self.root {
            return Ok(());
        }
        let told = |error: Errno| failed("agent-folder-not-made", path, &error.into());
        let (parent, name) = self.parent(path)?;
        match rustix::fs::mkdirat(&parent, &name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(told(error)),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(&parent, &name, flags, Mode::empty()).map_err(told)?;
        give(&folder, owner).map_err(told)?;
        rustix::fs::fchmod(&folder, Mode::from_raw_mode(mode & 0o7777)).map_err(told)
    }

    /// Writes a file whole: temporary name, contents to disk, rename, folder to disk. `false`: it was so already.
    pub(crate) fn write(
        &self,
        path: &Path,
        mode: u32,
        owner: Option<&Account>,
        bytes: &[u8],
    ) -> Result<bool> {
        let told = |error: std::io::Error| failed("agent-file-not-written", path, &error);
        let (parent, name) = self.parent(path)?;
        if is_already(&parent, &name, mode, owner, bytes) {
            return Ok(false);
        }
        let new = format!(".{name}.new");
        match rustix::fs::unlinkat(&parent, &new, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(told(error.into())),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&parent, &new, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| told(error.into()))?;
        let written = fill(file, mode, owner, bytes)
            .and_then(|()| Ok(rustix::fs::renameat(&parent, &new, &parent, &name)?))
            .and_then(|()| Ok(rustix::fs::fsync(&parent)?));
        if let Err(error) = written {
            // The reason is told; a temporary file that cannot be removed is removed by the next write.
            let _ = rustix::fs::unlinkat(&parent, &new, AtFlags::empty());
            return Err(told(error));
        }
        Ok(true)
    }

    /// Removes a file; `false`: there was none.
    pub(crate) fn remove(&self, path: &Path) -> Result<bool> {
        let (parent, name) = self.parent(path)?;
        match rustix::fs::unlinkat(&parent, &name, AtFlags::empty()) {
            Ok(()) => {
                rustix::fs::fsync(&parent)
                    .map_err(|error| failed("agent-not-synced", path, &error.into()))?;
                Ok(true)
            }
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(failed("agent-file-not-removed", path, &error.into())),
        }
    }

    /// Opens a file for appending, made if missing, owned by `owner`. One that has grown beyond `limit` is put aside
    /// under its name and `.1` first.
    pub(crate) fn append(&self, path: &Path, owner: Option<&Account>, limit: u64) -> Result<File> {
        let told = |error: Errno| failed("agent-file-not-written", path, &error.into());
        let (parent, name) = self.parent(path)?;
        // The folder belongs to the server's user, who may have planted a pipe: opening must not wait for its reader.
        let flags = OFlags::WRONLY
            | OFlags::APPEND
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP;
        let mut file = rustix::fs::openat(&parent, &name, flags, mode).map_err(told)?;
        if rustix::fs::fstat(&file).is_ok_and(|found| u64::try_from(found.st_size).unwrap_or(0) > limit) {
            rustix::fs::renameat(&parent, &name, &parent, format!("{name}.1")).map_err(told)?;
            file = rustix::fs::openat(&parent, &name, flags, mode).map_err(told)?;
        }
        let found = rustix::fs::fstat(&file).map_err(told)?;
        if rustix::fs::FileType::from_raw_mode(found.st_mode) != rustix::fs::FileType::RegularFile {
            return Err(told(Errno::INVAL));
        }
        give(&file, owner).map_err(told)?;
        Ok(File::from(file))
    }

    /// Empties a file that has grown beyond `limit` and that somebody goes on appending to; what it held stays under its
    /// name and `.1`, as far as there is room. What is appended within the moment between the two is lost. Tells
    /// whether it was emptied.
    pub(crate) fn cut(&self, path: &Path, owner: Option<&Account>, limit: u64) -> Result<bool> {
        let told = |error: Errno| failed("agent-file-not-written", path, &error.into());
        let (parent, name) = self.parent(path)?;
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = match rustix::fs::openat(&parent, &name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(false),
            opened => File::from(opened.map_err(told)?),
        };
        let found = file.metadata().map_err(|error| failed("agent-file-not-written", path, &error))?;
        // A second name would be somebody else's file: nothing of it is ours to empty.
        if !found.is_file() || found.nlink() != 1 || found.len() <= limit {
            return Ok(false);
        }
        let kept = format!("{name}.1");
        let _ = rustix::fs::unlinkat(&parent, &kept, AtFlags::empty());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP;
        let copied = rustix::fs::openat(&parent, &kept, flags, mode).map_err(std::io::Error::from);
        let copied = copied.map(File::from).and_then(|mut copy| {
            give(&copy, owner)?;
            std::io::copy(&mut file, &mut copy)
        });
        if copied.is_err() {
            // A full disk is why logs are bounded: what cannot be kept must not keep the rest from going.
            let _ = rustix::fs::unlinkat(&parent, &kept, AtFlags::empty());
        }
        file.set_len(0).map_err(|error| failed("agent-file-not-written", path, &error))?;
        Ok(true)
    }

    /// Renames within the home, never onto anything that exists, durably.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let told = |error: Errno| failed("agent-not-renamed", from, &error.into());
        let (from_parent, from_name) = self.parent(from)?;
        let (to_parent, to_name) = self.parent(to)?;
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        rustix::fs::renameat_with(&from_parent, &from_name, &to_parent, &to_name, flags).map_err(told)?;
        rustix::fs::fsync(&to_parent).map_err(told)
    }

    /// Writes the files of a layout, secrets resolved; `true`: any of them changed. A file with a secret is its
    /// owner's alone.
    pub(crate) fn write_all<'a>(
        &self,
        files: impl Iterator<Item = &'a layout::File>,
        owner: Option<&Account>,
        secrets: &dyn Secrets,
    ) -> Result<bool> {
        let mut changed = false;
        for file in files {
            let mut body = Zeroizing::new(Vec::new());
            let mut mode = file.mode;
            for piece in &file.body {
                match piece {
                    Piece::Text(text) => body.extend_from_slice(text.as_bytes()),
                    Piece::Secret(reference, form) => {
                        mode &= 0o600;
                        let secret = secrets.resolve(reference)?;
                        body.extend_from_slice(form.write(&secret).expose().as_bytes());
                    }
                }
            }
            changed |= self.write(Path::new(&file.path), mode, owner, &body)?;
        }
        Ok(changed)
    }
}

fn give(file: impl AsFd, owner: Option<&Account>) -> rustix::io::Result<()> {
    let Some(owner) = owner else { return Ok(()) };
    rustix::fs::fchown(file, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))
}

fn fill(file: OwnedFd, mode: u32, owner: Option<&Account>, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::from(file);
    file.write_all(bytes)?;
    give(&file, owner)?;
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode & 0o7777))?;
    file.sync_all()
}

fn is_already(parent: &OwnedFd, name: &str, mode: u32, owner: Option<&Account>, bytes: &[u8]) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let Ok(file) = rustix::fs::openat(parent, name, flags, Mode::empty()) else { return false };
    let mut file = File::from(file);
    let Ok(found) = file.metadata() else { return false };
    if !found.is_file()
        || found.len() != bytes.len() as u64
        || found.mode() & 0o7777 != mode & 0o7777
        || owner.is_some_and(|owner| found.uid() != owner.uid)
    {
        return false;
    }
    let mut there = Zeroizing::new(Vec::with_capacity(bytes.len()));
    file.read_to_end(&mut there).is_ok() && there.as_slice() == bytes
}

/// Gives a tree to its owner; links themselves, never what they point to.
pub(crate) fn give_tree(path: &Path, owner: &Account) -> std::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    let found = fs::symlink_metadata(path)?;
    if found.uid() != owner.uid || found.gid() != owner.gid {
        rustix::fs::chownat(rustix::fs::CWD, path, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    if found.is_dir() {
        for entry in fs::read_dir(path)? {
            give_tree(&entry?.path(), owner)?;
        }
    }
    Ok(())
}

/// Makes everything on the file system that holds `path` durable.
pub(crate) fn sync_all(path: &Path) -> Result<()> {
    let folder = File::open(path).map_err(|error| failed("agent-not-synced", path, &error))?;
    rustix::fs::syncfs(&folder).map_err(|error| failed("agent-not-synced", path, &error.into()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn home() -> (tempfile::TempDir, HomeFolder) {
        let folder = tempfile::tempdir().expect("a folder");
        let home = HomeFolder::make(&folder.path().join("orders-1")).expect("a home");
        (folder, home)
    }

    #[test]
    fn a_file_is_written_whole_and_only_when_it_differs() {
        let (_keep, home) = home();
        home.folder(&home.root.join("conf"), 0o750, None).expect("made");
        let path = home.root.join("conf/server.conf");
        assert!(home.write(&path, 0o640, None, b"a = 1").expect("written"));
        assert!(!home.write(&path, 0o640, None, b"a = 1").expect("unchanged"));
        assert!(home.write(&path, 0o600, None, b"a = 1").expect("another mode"));
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(home.root.join("conf")).expect("listed").count(), 1);
    }

    #[test]
    fn links_planted_by_the_servers_user_lead_nowhere() {
        let (keep, home) = home();
        let precious = keep.path().join("precious");
        fs::create_dir(&precious).expect("made");
        fs::write(precious.join("server.conf"), "kept").expect("written");
        symlink(&precious, home.root.join("conf")).expect("linked");
        home.write(&home.root.join("conf/server.conf"), 0o600, None, b"x").expect_err("a linked folder");
        home.folder(&home.root.join("conf"), 0o700, None).expect_err("a linked folder");
        fs::create_dir(home.root.join("log")).expect("made");
        symlink(precious.join("server.conf"), home.root.join("log/server.log")).expect("linked");
        home.append(&home.root.join("log/server.log"), None, 1 << 20).expect_err("a linked file");
        home.write(&home.root.join("log/server.log"), 0o600, None, b"new")
            .expect("the link itself is replaced");
        assert_eq!(fs::read_to_string(precious.join("server.conf")).expect("read"), "kept");
    }

    #[test]
    fn nothing_outside_the_home_is_touched() {
        let (keep, home) = home();
        for outside in [keep.path().join("x"), home.root.join("../x"), PathBuf::from("/etc/x")] {
            home.write(&outside, 0o600, None, b"x").expect_err("outside");
        }
    }

    #[test]
    fn renaming_never_replaces() {
        let (_keep, home) = home();
        for name in ["data", "data.old"] {
            fs::create_dir(home.root.join(name)).expect("made");
        }
        let (from, to) = (home.root.join("data"), home.root.join("data.old"));
        assert_eq!(home.rename(&from, &to).expect_err("refused").kind, Kind::Exists);
        home.rename(&from, &home.root.join("data.older")).expect("renamed");
    }

    #[test]
    fn a_log_that_is_appended_to_is_bounded_and_only_a_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = HomeFolder::make(&folder.path().join("m")).expect("made");
        let (log, old) = (home.root.join("server.log"), home.root.join("server.log.1"));
        assert!(!home.cut(&log, None, 9).expect("absent"));
        let mut writer = home.append(&log, None, 1 << 20).expect("opened");
        let text = || fs::read_to_string(&log).expect("a log");
        writer.write_all(b"0123456789").expect("written");
        assert!(!home.cut(&log, None, 10).expect("short enough"));
        assert!(home.cut(&log, None, 9).expect("cut"));
        // Who appends goes on where the file ends now: no hole of what was.
        writer.write_all(b"more").expect("written");
        assert_eq!((text(), fs::read_to_string(&old).expect("kept")), ("more".into(), "0123456789".into()));
        writer.write_all(b" and more").expect("written");
        assert!(home.cut(&log, None, 9).expect("cut again"));
        assert_eq!(fs::read_to_string(&old).expect("the newer one"), "more and more");
        writer.write_all(b"a long line").expect("written");
        fs::hard_link(&log, home.root.join("precious")).expect("linked");
        assert!(!home.cut(&log, None, 9).expect("a second name"));
        fs::remove_file(&log).expect("removed");
        std::os::unix::fs::symlink("precious", &log).expect("linked");
        home.cut(&log, None, 9).expect_err("a link");
        assert_eq!(fs::read_to_string(home.root.join("precious")).expect("kept"), "a long line");
    }
}

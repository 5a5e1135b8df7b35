//! Durable publishing in a local folder: a name appears with its whole content on disk, or not at all.
//!
//! Write to a temporary file, fsync, move it to its name, fsync the folder: power loss or a full disk leaves the old
//! state or the new one. It never reads an object and never decides what one means.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use rustix::fs::{CWD, RenameFlags};

/// Where writes begin.
pub(crate) const TEMPORARY: &str = "tmp";
/// A temporary file that was not touched for this long belongs to nobody.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Makes a folder and those above it, readable by their owner alone, each durable.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    make_folder(above)?;
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => settle(above),
        // Another writer was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes `content` to `path` below `root`; with `new`, a name that is taken is `AlreadyExists`.
pub(crate) fn publish(root: &Path, path: &str, content: &[Bytes], new: bool) -> io::Result<()> {
    let target = root.join(path);
    let above = target.parent().unwrap_or(root).to_owned();
    make_folder(&above)?;
    make_folder(&root.join(TEMPORARY))?;
    let temporary = root.join(TEMPORARY).join(format!("{:032x}", rand::random::<u128>()));
    let published = fill(&temporary, content).and_then(|()| place(&temporary, &target, new));
    if published.is_err() {
        // What cannot be removed either is swept later; the first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    published.and_then(|()| settle(&above))
}

fn fill(temporary: &PathBuf, content: &[Bytes]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)?;
    for piece in content {
        file.write_all(piece)?;
    }
    file.sync_all()
}

fn place(temporary: &Path, target: &Path, new: bool) -> io::Result<()> {
    if !new {
        return fs::rename(temporary, target);
    }
    match rustix::fs::renameat_with(CWD, temporary, CWD, target, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // Not every file system knows it; a second name fails as well when the first is taken.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            fs::hard_link(temporary, target)?;
            fs::remove_file(temporary)
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes a removal durable.
pub(crate) fn settle_removal(root: &Path, path: &str) -> io::Result<()> {
    match settle(root.join(path.trim_end_matches('/')).parent().unwrap_or(root)) {
        // The folder went as well.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        settled => settled,
    }
}

/// Removes temporary files that nobody has touched for an hour, by the age of their content on either side of now.
pub(crate) fn sweep(root: &Path) -> io::Result<usize> {
    let folder = match fs::read_dir(root.join(TEMPORARY)) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let now = SystemTime::now();
    let mut removed = 0;
    for entry in folder {
        let entry = entry?;
        let written = entry.metadata()?.modified()?;
        let age = now.duration_since(written).unwrap_or_else(|ahead| ahead.duration());
        if age > ABANDONED {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn settle(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_writers_of_one_new_name_do_not_overwrite() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let writers: Vec<_> = (0..8_u8)
            .map(|writer| {
                let root = root.clone();
                std::thread::spawn(move || publish(&root, "c/1", &[vec![writer; 3].into()], true).is_ok())
            })
            .collect();
        let won: Vec<bool> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
        let winner = u8::try_from(won.iter().position(|won| *won).unwrap()).unwrap();
        assert_eq!(fs::read(root.join("c/1")).unwrap(), [winner; 3]);
    }

    #[test]
    fn only_abandoned_pieces_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join(TEMPORARY)).unwrap();
        let (fresh, old, ahead) = (root.join("tmp/fresh"), root.join("tmp/old"), root.join("tmp/ahead"));
        for path in [&fresh, &old, &ahead] {
            fs::write(path, "x").unwrap();
        }
        let now = SystemTime::now();
        let set = |path, at| File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
        set(&old, now - Duration::from_secs(7200));
        set(&ahead, now + Duration::from_secs(7200));
        assert_eq!(sweep(root).unwrap(), 2);
        assert!(fresh.exists() && !old.exists() && !ahead.exists());
    }
}

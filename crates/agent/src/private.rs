//! Private folders (0700) for the passwords and certificates that tools need as files.
//!
//! Each is locked by its maker while in use; those whose maker died are swept by the next one.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use roadstead_core::Result;

use crate::{
    files::failed,
    lock::{self, Held},
};

/// One private folder, removed with all that is in it when this is dropped.
#[derive(Debug)]
pub(crate) struct PrivateFolder {
    path: PathBuf,
    _owner: Held,
}

impl PrivateFolder {
    /// Makes one.
    pub(crate) fn make(id: &str) -> Result<Self> {
        let base = lock::private_base()?;
        let path = base.join(format!("private-{id}"));
        let told = |error: &std::io::Error| failed("agent-private-folder", &path, error);
        // Locked beside, before it exists: a sweep never meets one without its owner.
        let owner =
            lock::take_new(&lock_of(&path), "roadstead", &roadstead_core::Text::new("agent-held-private"))?;
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| told(&error))?;
        Ok(Self { path, _owner: owner })
    }

    /// Its path.
    pub(crate) fn path(&self) -> String {
        self.path.display().to_string()
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn lock_of(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_dir_all(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a private folder could not be removed");
        return;
    }
    // The lock goes last; left behind, it is swept with nothing beside it.
    let _ = fs::remove_file(lock_of(path));
}

/// Removes the folders whose makers are gone.
pub(crate) fn sweep() {
    let Ok(base) = lock::private_base() else { return };
    let Ok(entries) = fs::read_dir(&base) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let is_lock = path.extension().is_some_and(|extension| extension == "lock");
        let is_private = entry.file_name().to_string_lossy().starts_with("private-");
        if is_lock
            && is_private
            && let Ok(Some(held)) = lock::attempt(&path, "sweep")
            && held.is_at(&path)
        {
            remove(&path.with_extension(""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_maker_left_is_swept_and_what_is_in_use_is_not() {
        let id = format!("test-{}", std::process::id());
        let used = PrivateFolder::make(&format!("{id}-used")).expect("made");
        let left = PrivateFolder::make(&format!("{id}-left")).expect("made");
        fs::write(left.path.join("password"), "secret").expect("written");
        let path = left.path.clone();
        // As a killed process would: the lock is freed, the folder stays.
        let left = std::mem::ManuallyDrop::new(left);
        assert!(path.exists());
        sweep();
        assert!(path.exists(), "its owner lives");
        let PrivateFolder { _owner: owner, .. } = &*left;
        owner.free_for_test();
        sweep();
        assert!(!path.exists());
        assert!(used.path.exists());
    }
}

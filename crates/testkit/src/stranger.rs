//! A server that somebody else runs: started as a stranger would, without Roadstead.

use std::{
    fs,
    net::TcpStream,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{place, wait};

/// A PostgreSQL 15 with password authentication, on a free loopback port. Killed when dropped.
pub struct Postgresql {
    folder: tempfile::TempDir,
    child: Child,
    /// Its port.
    pub port: u16,
    /// The superuser's password.
    pub password: String,
}

impl Postgresql {
    /// Creates and starts it on a free port.
    pub fn start() -> Self {
        Self::start_on(place::free_port())
    }

    /// Creates and starts it on this port, which nobody else may use.
    pub fn start_on(port: u16) -> Self {
        let folder =
            tempfile::Builder::new().prefix("rs-pg-").tempdir_in("/tmp").expect("a temporary folder");
        let user = User::named("postgres");
        std::os::unix::fs::chown(folder.path(), Some(user.uid), Some(user.gid)).expect("root may");
        let programs = place::postgresql_15();
        let password = "correct-horse-battery-staple".to_owned();
        let file = folder.path().join("password");
        fs::write(&file, &password).expect("own folder");
        std::os::unix::fs::chown(&file, Some(user.uid), Some(user.gid)).expect("root may");
        let data = folder.path().join("data");
        let created = user
            .run(&programs.join("initdb"))
            .args(["-D", &text(&data), "-U", "postgres", "-A", "scram-sha-256", "--no-sync"])
            .arg(format!("--pwfile={}", file.display()))
            .stdout(Stdio::null())
            .status();
        assert!(created.expect("initdb can be run").success());
        let log = fs::File::create(folder.path().join("log")).expect("own folder");
        let child = user
            .run(&programs.join("postgres"))
            .args(["-D", &text(&data), "-p", &port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
            .args(["-c", &format!("unix_socket_directories={}", folder.path().display())])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postgres can be started");
        let server = Self { folder, child, port, password };
        wait::until("the stranger's server to answer", Duration::from_secs(30), || {
            TcpStream::connect(("127.0.0.1", port)).ok()?;
            server.try_sql("select 1")
        });
        server
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn try_sql(&self, sql: &str) -> Option<String> {
        let output = Command::new(place::postgresql_15().join("psql"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-XAtqc", sql])
            .env("PGPASSWORD", &self.password)
            .output()
            .ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Runs SQL as the superuser and returns what it printed.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        self.try_sql(sql).unwrap_or_else(|| panic!("failed: {sql}"))
    }
}

impl Drop for Postgresql {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.child),
            rustix::process::Signal::QUIT,
        );
        let _ = self.child.wait();
    }
}

/// A system user.
#[derive(Clone, Copy, Debug)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl User {
    /// Looks one up in `/etc/passwd`.
    #[track_caller]
    pub fn named(name: &str) -> Self {
        let all = fs::read_to_string("/etc/passwd").expect("there is an /etc/passwd");
        let line = all.lines().find(|line| line.starts_with(&format!("{name}:")));
        let fields: Vec<_> = line.unwrap_or_else(|| panic!("there is no user {name}")).split(':').collect();
        let number = |index: usize| fields[index].parse().expect("an id is a number");
        Self { uid: number(2), gid: number(3) }
    }

    /// A command that runs as this user.
    pub fn run(self, program: &PathBuf) -> Command {
        let mut command = Command::new(program);
        command.uid(self.uid).gid(self.gid).current_dir("/").stdin(Stdio::null());
        command
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

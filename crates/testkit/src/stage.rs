//! Runs a server from its rendered layout, as a hand would, in a folder that is removed with it.
//!
//! Root runs it as the layout's user; anybody else as himself. It ends only processes that it started.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use roadstead_core::{
    Secret, SecretRef,
    model::MemberHome,
    port::{
        Layout, Link,
        layout::{Piece, Program, Signal},
    },
    seen::Tools,
};
use rustix::process::{Pid, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::wait;

/// A folder for one member, short enough for sockets and open to other users.
pub struct Place {
    folder: TempDir,
    below: Option<String>,
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Place {
    /// A new empty one.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("rs").tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        Self { folder, below: None }
    }

    /// A new empty one below a folder of this name.
    pub fn below(name: &str) -> Self {
        let place = Self { below: Some(name.to_owned()), ..Self::new() };
        fs::create_dir(place.folder.path().join(name)).expect("own folder");
        fs::set_permissions(place.folder.path().join(name), fs::Permissions::from_mode(0o755))
            .expect("its mode");
        place
    }

    /// The member's home in it.
    pub fn home(&self) -> MemberHome {
        let folder = self.below.as_ref().map_or(self.path().to_owned(), |name| self.path().join(name));
        MemberHome { root: folder.join("m").display().to_string() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Processes that hang until this is dropped.
pub struct Frozen(Vec<Pid>);

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = kill_process(*pid, rustix::process::Signal::CONT);
        }
    }
}

/// A server that runs. Dropping it kills it.
pub struct Stage {
    /// Its layout.
    pub layout: Layout,
    admin: Secret,
    child: Child,
    log: PathBuf,
}

impl Stage {
    /// Makes folders and files, and creates the data directory where it is empty.
    pub async fn create(layout: &Layout, home: &MemberHome, admin: &Secret) {
        let owner = owner(&layout.user);
        for directory in &layout.directories {
            fs::create_dir_all(&directory.path).expect("a folder");
            own(Path::new(&directory.path), directory.mode, owner);
        }
        for file in &layout.files {
            write(Path::new(&file.path), file.mode, &text(&file.body, home, admin), owner);
        }
        let is_new = fs::read_dir(home.data()).is_ok_and(|mut entries| entries.next().is_none());
        for program in layout.create.iter().filter(|_| is_new) {
            let output = command(program, owner).output().await.expect("a program that creates");
            assert!(output.status.success(), "{}: {}", program.path, String::from_utf8_lossy(&output.stderr));
        }
        for file in layout.files.iter().filter(|file| file.only_for_create) {
            fs::remove_file(&file.path).expect("a file only for creating");
        }
    }

    /// Creates what is not there and starts the server; it need not answer yet.
    pub async fn start(layout: &Layout, home: &MemberHome, admin: &Secret) -> Self {
        Self::create(layout, home, admin).await;
        let log = Path::new(&home.log()).join("server.log");
        let out = fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log");
        let mut server = command(&layout.server, owner(&layout.user));
        server
            .stdout(out.try_clone().expect("the log twice"))
            .stderr(out)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let child = server.spawn().expect("a server");
        Self { layout: layout.clone(), admin: admin.clone(), child, log }
    }

    /// The administrator's way to it.
    pub fn link(&self, tools: &Tools, private: &Path) -> Link {
        Link {
            endpoint: self.layout.endpoint.clone(),
            user: self.layout.admin.clone(),
            password: Some(self.admin.clone()),
            tls: roadstead_core::model::TlsSpec::default(),
            deadline: roadstead_core::Millis::seconds(10),
            may_write: true,
            tools: tools.clone(),
            private: private.display().to_string(),
        }
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).expect("a running server");
        Pid::from_raw(id).expect("a process id")
    }

    /// Sends a signal to its process.
    pub fn signal(&self, signal: rustix::process::Signal) {
        kill_process(self.pid(), signal).expect("a signal to a server of ours");
    }

    /// Its process and all that it started, parents first.
    pub fn pids(&self) -> Vec<Pid> {
        let mut found = vec![self.pid()];
        let mut next = 0;
        while let Some(parent) = found.get(next) {
            found.extend(children(*parent));
            next += 1;
        }
        found
    }

    /// Ends all its processes at once, as a machine that lost its power would.
    pub fn kill(&self) {
        for pid in self.pids() {
            let _ = kill_process(pid, rustix::process::Signal::KILL);
        }
    }

    /// Has all its processes hang, with their connections open, until the answer is dropped.
    pub fn freeze(&self) -> Frozen {
        // A parent that hangs starts no further child.
        let mut frozen = Vec::new();
        while let Some(pid) = self.pids().into_iter().find(|pid| !frozen.contains(pid)) {
            let _ = kill_process(pid, rustix::process::Signal::STOP);
            frozen.push(pid);
        }
        Frozen(frozen)
    }

    /// Stops it in order and waits for its end.
    pub async fn stop(mut self) {
        self.signal(match self.layout.stop.signal {
            Signal::Term => rustix::process::Signal::TERM,
            Signal::Int => rustix::process::Signal::INT,
            Signal::Hup => rustix::process::Signal::HUP,
        });
        let ended = tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await;
        ended.expect("an orderly stop within its deadline").expect("its status");
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until `probe` succeeds; panics with the server's log when it died or the deadline passed.
    pub async fn answering<E: std::fmt::Display, F: Future<Output = Result<(), E>>>(
        &mut self,
        mut probe: impl FnMut() -> F,
    ) {
        let log = self.log.clone();
        let child = &mut self.child;
        let ask = || {
            let ended = child.try_wait().expect("its status");
            let words = || String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
            assert!(ended.is_none(), "the server ended: {ended:?}\n{}", words());
            let answer = probe();
            async move { answer.await.ok() }
        };
        wait::until_answered("the server to answer", Duration::from_secs(60), ask).await;
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A stopped process does not hear anything else.
        if let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            let _ = kill_process(pid, rustix::process::Signal::CONT);
            let _ = kill_process(pid, rustix::process::Signal::QUIT);
            let end = std::time::Instant::now() + Duration::from_secs(5);
            while matches!(self.child.try_wait(), Ok(None)) && std::time::Instant::now() < end {
                std::thread::park_timeout(Duration::from_millis(20));
            }
        }
    }
}

/// The children of every thread of a process; none when it has ended.
fn children(parent: Pid) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{}/task", parent.as_raw_nonzero())).into_iter().flatten();
    let lists =
        threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let of_list = |list: String| {
        list.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect::<Vec<_>>()
    };
    lists.flat_map(of_list).collect()
}

fn text(body: &[Piece], home: &MemberHome, admin: &Secret) -> String {
    let admin_reference: SecretRef = home.admin_password();
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Secret(reference, form) if *reference == admin_reference => {
            form.write(admin).expose().to_owned()
        }
        Piece::Secret(reference, _) => panic!("this stage knows no secret {reference}"),
    };
    body.iter().map(piece).collect()
}

/// Writes a file that a server's user may read, as its layout's user runs it.
pub fn put(path: &Path, mode: u32, text: &str, user: &str) {
    write(path, mode, text, owner(user));
}

/// User and group; `None` for one who is not root.
fn owner(user: &str) -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the list of users");
    let line = users.lines().find(|line| line.split(':').next() == Some(user));
    let fields: Vec<&str> = line.unwrap_or_else(|| panic!("no user {user}")).split(':').collect();
    Some((fields[2].parse().expect("a user id"), fields[3].parse().expect("a group id")))
}

fn own(path: &Path, mode: u32, owner: Option<(u32, u32)>) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    if let Some((user, group)) = owner {
        chown(path, Some(user), Some(group)).expect("an owner");
    }
}

fn write(path: &Path, mode: u32, text: &str, owner: Option<(u32, u32)>) {
    let _ = fs::remove_file(path);
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(path).expect("a file");
    file.write_all(text.as_bytes()).expect("its text");
    own(path, mode, owner);
}

fn command(program: &Program, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(&program.path);
    command
        .args(&program.args)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .env("TZ", "UTC");
    command.envs(&program.env).current_dir(&program.directory);
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command
}

//! Server processes and programs that end: started as the layout's user in a process group of their own, watched by
//! a pidfd, signalled by identity and never by number alone.
//!
//! A server outlives us on purpose; a program that ends does not.

use std::{
    fs::File,
    os::{
        fd::OwnedFd,
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Mutex,
    time::Duration,
};

use roadstead_core::{
    Error, Kind, Millis, Result, Text,
    port::layout::{Program, Signal as Wanted},
};
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::{Interest, unix::AsyncFd};

use crate::{files, proc, state::ProcessIdentity, users::Account};

/// How much of a log is told in an error.
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 12;
/// How long the end of a process that is not our child is given to become visible to all.
const BURIED_WITHIN: Duration = Duration::from_secs(5);
/// For a program that ends and whose layout sets no deadline.
const PROGRAM_DEADLINE: Duration = Duration::from_mins(10);

/// A server process, ours or taken over.
#[derive(Debug)]
pub(crate) struct Server {
    /// Which process.
    pub(crate) identity: ProcessIdentity,
    handle: AsyncFd<OwnedFd>,
    /// Our own child, to be reaped; `None` for one taken over.
    child: Mutex<Option<Child>>,
    ended: Mutex<Option<String>>,
    /// How many bytes its log held before it was started: what stands there after them is its own. `None`: somebody else
    /// started it.
    pub(crate) log_from: Option<u64>,
}

fn prepare(program: &Program, runner: Option<&Account>, home: &str, log: &File) -> std::io::Result<Command> {
    let mut command = Command::new(&program.path);
    command
        .args(&program.args)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LANG", "C.UTF-8")
        .env("TZ", "UTC")
        .env("ROADSTEAD_HOME", home)
        .envs(&program.env)
        .current_dir(&program.directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .process_group(0);
    if let Some(account) = runner {
        // The standard library drops all supplementary groups with the user.
        command.uid(account.uid).gid(account.gid);
    }
    Ok(command)
}

fn not_started(program: &Program, error: &std::io::Error) -> Error {
    let mut told = Error::io(Text::new("agent-not-started").with("program", &program.path), error);
    if told.kind == Kind::NotFound {
        told.kind = Kind::Missing;
    }
    told
}

impl Server {
    /// Starts a server.
    pub(crate) fn start(program: &Program, runner: Option<&Account>, home: &str, log: &File) -> Result<Self> {
        let log_from = log.metadata().ok().map(|found| found.len());
        let started = prepare(program, runner, home, log).and_then(|mut command| command.spawn());
        let mut child = started.map_err(|error| not_started(program, &error))?;
        // Not reaped yet: the number is the child's even if it has ended already.
        let pid = child.id();
        let opened = open(pid);
        let identity = ProcessIdentity::of(pid).unwrap_or_else(|| ProcessIdentity {
            pid,
            start: proc::stat(pid).map_or(0, |stat| stat.start),
            boot: proc::boot_id(),
            executable: program.path.clone(),
        });
        match opened {
            Ok(handle) => {
                let child = Mutex::new(Some(child));
                Ok(Self { identity, handle, child, ended: Mutex::new(None), log_from })
            }
            Err(error) => {
                // Without a handle it could not be watched: better no server than one that nobody minds.
                let _ = child.kill();
                let _ = child.wait();
                Err(not_started(program, &error))
            }
        }
    }

    /// Takes over a process that somebody else started; `None`: it does not run any more.
    pub(crate) fn adopt(identity: &ProcessIdentity) -> Result<Option<Self>> {
        let handle = match open(identity.pid) {
            Ok(handle) => handle,
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
                return Ok(None);
            }
            Err(error) => {
                return Err(Error::io(Text::new("agent-not-watched").with("pid", identity.pid), &error));
            }
        };
        // Checked after the handle was opened: from here on the number cannot come to mean another process.
        Ok(identity.is_alive().then(|| Self {
            identity: identity.clone(),
            handle,
            child: Mutex::new(None),
            ended: Mutex::new(None),
            log_from: None,
        }))
    }

    /// Waits until it has ended and tells how, as far as that can be known.
    pub(crate) async fn ended(&self) -> String {
        // A pidfd becomes readable when the process ends and stays so.
        while self.is_running() && self.handle.ready(Interest::READABLE).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let how = self.how();
        let until = tokio::time::Instant::now() + BURIED_WITHIN;
        while self.is_unburied() && tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        how
    }

    /// Whether it has ended and its parent, who is not us, has not taken note yet: for servers that ask whether a
    /// process of this number exists, it still does.
    fn is_unburied(&self) -> bool {
        proc::stat(self.identity.pid).is_some_and(|stat| stat.start == self.identity.start)
    }

    fn how(&self) -> String {
        let mut ended = self.ended.lock().expect("no holder of this lock panics");
        if let Some(how) = ended.as_ref() {
            return how.clone();
        }
        let mut child = self.child.lock().expect("no holder of this lock panics");
        let how = match child.as_mut().map(Child::wait) {
            Some(Ok(status)) => describe(status),
            Some(Err(_)) | None => "ended".to_owned(),
        };
        *ended = Some(how.clone());
        how
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&self) -> bool {
        if self.ended.lock().expect("no holder of this lock panics").is_some() {
            return false;
        }
        self.identity.is_alive()
    }

    /// Sends a signal to the server itself; one that has ended is no error.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        match rustix::process::pidfd_send_signal(self.handle.get_ref(), signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => {
                let what = Text::new("agent-not-signalled").with("pid", self.identity.pid);
                Err(Error::io(what, &error.into()))
            }
        }
    }

    /// Ends the server and everything in its process group at once.
    pub(crate) fn kill(&self) -> Result<()> {
        let children = self.descendants();
        self.kill_group();
        let killed = self.signal(Signal::KILL);
        // Some have groups of their own, and one that is stopped would not hear that its parent is gone.
        signal_all(&children, Signal::KILL);
        killed
    }

    /// What it has started, as long as its number is surely its own: another process may have it since.
    fn descendants(&self) -> Vec<proc::Stat> {
        let found = proc::descendants(self.identity.pid);
        // What has its number after the look had it throughout: numbers are not given back.
        let is_it = proc::stat(self.identity.pid).is_some_and(|stat| stat.start == self.identity.start);
        if is_it { found } else { Vec::new() }
    }

    /// The group is only killed while its leader is surely the process we mean.
    fn kill_group(&self) {
        let leads = proc::stat(self.identity.pid)
            .is_some_and(|stat| stat.start == self.identity.start && stat.group == self.identity.pid);
        if let (true, Some(group)) = (leads, pid(self.identity.pid)) {
            // A group that is gone already is what is wanted.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }

    /// Wakes a server that was stopped by `SIGSTOP`, so that it can hear an orderly signal.
    pub(crate) fn wake(&self) -> Result<()> {
        let woken = self.signal(Signal::CONT);
        signal_all(&self.descendants(), Signal::CONT);
        woken
    }

    /// Waits for the end without a runtime, at most this long; for clean-up in `drop`.
    pub(crate) fn wait_blocking(&self, limit: Duration) -> bool {
        let until = std::time::Instant::now() + limit;
        while self.is_running() {
            if std::time::Instant::now() > until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.how();
        true
    }
}

/// Signals those of these processes that are still the same.
fn signal_all(processes: &[proc::Stat], signal: Signal) {
    for process in processes {
        let is_same = proc::stat(process.pid).is_some_and(|now| now.start == process.start);
        if let (true, Some(pid)) = (is_same, pid(process.pid)) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

fn pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

// The successor of this call is unsafe because of descriptors that change or close behind its back; ours is owned.
#[expect(deprecated, reason = "an OwnedFd keeps its descriptor until it is dropped")]
fn open(number: u32) -> std::io::Result<AsyncFd<OwnedFd>> {
    let pid = pid(number).ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
    let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    AsyncFd::with_interest(handle, Interest::READABLE)
}

/// The operating system's signal for a layout's.
pub(crate) fn signal(wanted: Wanted) -> Signal {
    match wanted {
        Wanted::Term => Signal::TERM,
        Wanted::Int => Signal::INT,
        Wanted::Hup => Signal::HUP,
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(number)) => format!("signal {number}"),
        (None, None) => "ended".to_owned(),
    }
}

/// The last lines that were written to a log after `from`.
pub(crate) fn tail(path: &Path, from: u64) -> Vec<String> {
    use std::io::{Read, Seek, SeekFrom};
    let Ok(mut file) = File::open(path) else { return Vec::new() };
    let length = file.metadata().map_or(0, |found| found.len());
    let start = if length < from { 0 } else { from }.max(length.saturating_sub(TAIL_BYTES));
    let mut bytes = Vec::new();
    if file.seek(SeekFrom::Start(start)).is_err() || file.take(TAIL_BYTES).read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.iter().skip(lines.len().saturating_sub(TAIL_LINES)).map(|line| (*line).to_owned()).collect()
}

/// A program that ends, killed with its whole group when this is dropped before.
struct Ending {
    server: Server,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.server.is_running() {
            // In drop there is nobody to tell.
            let _ = self.server.kill();
            self.server.wait_blocking(Duration::from_secs(5));
        }
    }
}

/// Runs a program to its end; anything but exit status 0 is an error with the last lines that it wrote.
pub(crate) async fn run(
    program: &Program,
    runner: Option<&Account>,
    home: &str,
    log: &File,
    log_path: &Path,
) -> Result<()> {
    let from = log.metadata().map_or(0, |found| found.len());
    let deadline = program.deadline.map_or(PROGRAM_DEADLINE, Millis::duration);
    let running = Ending { server: Server::start(program, runner, home, log)? };
    let told = |kind, key: &str, how: &str| {
        let what = Text::new(key).with("program", &program.path).with("how", how);
        let mut error = Error::new(kind, what);
        error.causes = tail(log_path, from);
        error
    };
    match tokio::time::timeout(deadline, running.server.ended()).await {
        Err(_) => {
            Err(told(Kind::Unreachable, "agent-program-deadline", &format!("{} s", deadline.as_secs())))
        }
        Ok(how) if how == "exit status 0" => Ok(()),
        Ok(how) => {
            let full = free_bytes(Path::new(home)).is_some_and(|free| free < crate::worker::FREE_BYTES_MIN);
            Err(told(if full { Kind::Exhausted } else { Kind::Failed }, "agent-program-failed", &how))
        }
    }
}

/// Bytes left for us on the file system that holds `path`; `None`: unknown.
pub(crate) fn free_bytes(path: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(path).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// Bytes left for us on the file system that a path lies on, or would; `None`: unknown.
pub(crate) fn free_bytes_near(path: &Path) -> Option<u64> {
    path.ancestors().find(|path| path.exists()).and_then(free_bytes)
}

/// How much of a log is kept before it is put aside: at a start, and while its server runs.
pub(crate) const LOG_BYTES_MAX: u64 = 64 << 20;

/// Opens a member's log for its server.
pub(crate) fn open_log(
    opened: &files::HomeFolder,
    home: &roadstead_core::model::MemberHome,
    runner: Option<&Account>,
) -> Result<File> {
    opened.folder(Path::new(&home.log()), 0o750, runner)?;
    opened.append(&crate::state::log_path(home), runner, LOG_BYTES_MAX)
}

/// Puts a running server's log aside once it has grown too long.
pub(crate) fn bound_log(home: &roadstead_core::model::MemberHome, runner: Option<&Account>) -> Result<bool> {
    let opened = files::HomeFolder::open(Path::new(&home.root))?;
    opened.cut(&crate::state::log_path(home), runner, LOG_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn program(script: &str, deadline: Option<u64>) -> Program {
        Program {
            path: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            env: BTreeMap::new(),
            directory: "/".into(),
            deadline: deadline.map(roadstead_core::Millis),
        }
    }

    fn log(folder: &tempfile::TempDir) -> (File, std::path::PathBuf) {
        let path = folder.path().join("log");
        (File::options().create(true).append(true).open(&path).expect("a log"), path)
    }

    #[tokio::test]
    async fn a_program_that_fails_is_told_with_its_own_words() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, path) = log(&folder);
        run(&program("exit 0", None), None, "/", &file, &path).await.expect("fine");
        let error = run(&program("echo out of luck >&2; exit 3", None), None, "/", &file, &path)
            .await
            .expect_err("exit status 3");
        assert_eq!((error.kind, error.causes), (Kind::Failed, vec!["out of luck".to_owned()]));
    }

    #[tokio::test]
    async fn a_program_past_its_deadline_is_killed_with_its_children() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, path) = log(&folder);
        let pid_file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid_file.display());
        let error = run(&program(&script, Some(5_000)), None, "/", &file, &path).await.expect_err("too late");
        assert_eq!(error.kind, Kind::Unreachable);
        let pid: u32 = std::fs::read_to_string(pid_file).expect("written").trim().parse().expect("a pid");
        let until = std::time::Instant::now() + Duration::from_secs(30);
        while proc::stat(pid).is_some_and(|stat| stat.is_alive()) {
            assert!(std::time::Instant::now() < until, "the child lives on");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_process_is_not_taken_for_another_of_the_same_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, _) = log(&folder);
        let server = Server::start(&program("exec sleep 600", None), None, "/", &file).expect("started");
        let mut other = server.identity.clone();
        other.start += 1;
        assert!(Server::adopt(&other).expect("asked").is_none(), "another start time");
        other = server.identity.clone();
        other.boot = "another".into();
        assert!(Server::adopt(&other).expect("asked").is_none(), "another boot");
        let same = Server::adopt(&server.identity).expect("asked").expect("the same process");
        server.kill().expect("killed");
        assert_eq!(server.ended().await, "signal 9");
        same.ended().await;
        assert!(!same.is_running());
    }
}

//! What the hand writes down of a member beside its data: which process it is, and whether it should run.
//!
//! These files lie in a folder that the hand alone may enter, because another agent will run what they name.

use std::path::{Path, PathBuf};

use roadstead_core::{
    Result,
    model::{HostSpec, MemberHome, Name},
    plan::MemberTask,
    port::layout::Layout,
    seen::Identity,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    files::{self, HomeFolder},
    proc,
};

/// A process, named so that no other process ever has the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessIdentity {
    /// Process id.
    pub(crate) pid: u32,
    /// When it started, in ticks since boot.
    pub(crate) start: u64,
    /// Which boot.
    pub(crate) boot: String,
    /// The program it executed.
    pub(crate) executable: String,
}

/// What is known of a member's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProcessRecord {
    /// It is being started; written before, so that a crash between leaves a question and never a lie.
    Starting,
    /// It was started.
    Started {
        /// As this process.
        identity: ProcessIdentity,
        /// Restarts since it was last started on purpose.
        restarts: u32,
    },
}

/// Whether a member should run, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// It should run.
    pub(crate) run: bool,
    /// The member with the layout it was started by; no secret in it.
    pub(crate) task: MemberTask,
}

impl ProcessIdentity {
    /// The identity of a process that runs now; `None`: it is gone.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = proc::stat(pid).filter(proc::Stat::is_alive)?;
        let executable = proc::executable(pid).unwrap_or_default();
        Some(Self { pid, start: stat.start, boot: proc::boot_id(), executable })
    }

    /// Whether exactly this process still runs.
    pub(crate) fn is_alive(&self) -> bool {
        self.boot == proc::boot_id()
            && proc::stat(self.pid).is_some_and(|stat| stat.start == self.start && stat.is_alive())
    }
}

/// The folder of these files.
pub(crate) fn folder(home: &MemberHome) -> PathBuf {
    Path::new(&home.root).join("agent")
}

fn process_path(home: &MemberHome) -> PathBuf {
    folder(home).join("process.json")
}

fn wanted_path(home: &MemberHome) -> PathBuf {
    folder(home).join("wanted.json")
}

/// The lock that whoever acts on this member holds.
pub(crate) fn lock_path(home: &MemberHome) -> PathBuf {
    folder(home).join("lock")
}

fn fresh_path(home: &MemberHome) -> PathBuf {
    folder(home).join("fresh")
}

/// The homes of this fleet's members on this host, whoever of them is still declared.
pub(crate) fn homes(host: &HostSpec, fleet: &Name) -> Vec<MemberHome> {
    let folder = Path::new(&host.data).join(fleet.as_str());
    let entries = std::fs::read_dir(folder).map(|entries| entries.flatten().collect::<Vec<_>>());
    let is_member = |entry: &std::fs::DirEntry| {
        let is_named = entry.file_name().to_str().is_some_and(|name| Name::parse(name).is_some());
        is_named && entry.path().is_dir()
    };
    let members = entries.unwrap_or_default().into_iter().filter(is_member);
    members.map(|entry| MemberHome { root: entry.path().display().to_string() }).collect()
}

/// Opens a home and makes the hand's folder in it.
pub(crate) fn open(home: &MemberHome) -> Result<HomeFolder> {
    let opened = HomeFolder::make(Path::new(&home.root))?;
    opened.folder(&folder(home), 0o700, None)?;
    Ok(opened)
}

fn load<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = files::read(path, files::FILE_BYTES_MAX).ok()?;
    match serde_json::from_slice(&bytes) {
        Ok(value) => Some(value),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a file of the agent cannot be read");
            None
        }
    }
}

fn save<T: Serialize>(home: &HomeFolder, path: &Path, value: &T) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(value).expect("the agent's notes are plain data");
    home.write(path, 0o600, None, &bytes).map(drop)
}

/// What is known of the process; `None`: none was started, or it was stopped in order.
pub(crate) fn process(home: &MemberHome) -> Option<ProcessRecord> {
    load(&process_path(home))
}

/// Writes down what is known of the process.
pub(crate) fn note_process(opened: &HomeFolder, home: &MemberHome, record: &ProcessRecord) -> Result<()> {
    save(opened, &process_path(home), record)
}

/// Forgets the process: none runs.
pub(crate) fn forget_process(opened: &HomeFolder, home: &MemberHome) -> Result<()> {
    opened.remove(&process_path(home)).map(drop)
}

/// Whether it should run; `None`: it was never started.
pub(crate) fn wanted(home: &MemberHome) -> Option<Wanted> {
    load(&wanted_path(home))
}

/// Writes down whether it should run.
pub(crate) fn want(opened: &HomeFolder, home: &MemberHome, run: bool, task: &MemberTask) -> Result<()> {
    save(opened, &wanted_path(home), &Wanted { run, task: task.clone() })
}

/// The layout that the member was last started by; `None`: it never was.
pub(crate) fn last_layout(home: &MemberHome) -> Option<Layout> {
    wanted(home).and_then(|wanted| wanted.task.layout).map(|layout| *layout)
}

/// What is known of data that no client has ever used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fresh {
    /// The identity of that data: what somebody brought in its place may have been used.
    identity: String,
    /// The snapshot that was loaded into it; `None`: it is empty.
    pub(crate) loaded: Option<String>,
}

/// Whether no client has ever used the data of this identity; `None`: one may have.
pub(crate) fn fresh(home: &MemberHome, identity: &Identity) -> Option<Fresh> {
    load::<Fresh>(&fresh_path(home)).filter(|fresh| fresh.identity == identity.id)
}

/// Notes that no client has used the data yet.
pub(crate) fn note_fresh(
    opened: &HomeFolder,
    home: &MemberHome,
    identity: &Identity,
    loaded: Option<String>,
) -> Result<()> {
    save(opened, &fresh_path(home), &Fresh { identity: identity.id.clone(), loaded })
}

/// From now on clients may use the data.
pub(crate) fn forget_fresh(opened: &HomeFolder, home: &MemberHome) -> Result<()> {
    opened.remove(&fresh_path(home)).map(drop)
}

/// The process of a member that runs; `None`: none does. A start that was interrupted before it was written down is
/// looked for among all processes by the folder it works in.
pub(crate) fn running(home: &MemberHome) -> Option<(ProcessIdentity, u32)> {
    match process(home)? {
        ProcessRecord::Started { identity, restarts } => identity.is_alive().then_some((identity, restarts)),
        ProcessRecord::Starting => in_home(home).map(|identity| (identity, 0)),
    }
}

/// The topmost process that executes the member's server program in its folders; `None`: none does.
pub(crate) fn in_home(home: &MemberHome) -> Option<ProcessIdentity> {
    let program = std::fs::canonicalize(last_layout(home)?.server.path).ok()?;
    let (root, log) = (Path::new(&home.root), log_path(home));
    let works_here = |pid: &u32| {
        let inside = proc::directory(*pid).is_some_and(|folder| folder.starts_with(root));
        inside || proc::writes_to(*pid, &log)
    };
    let inside: Vec<_> = proc::pids()
        .into_iter()
        .filter(|pid| proc::executable(*pid).is_some_and(|path| Path::new(&path) == program))
        .filter(works_here)
        .filter_map(proc::stat)
        .filter(proc::Stat::is_alive)
        .collect();
    let top = inside.iter().find(|stat| inside.iter().all(|other| other.pid != stat.parent))?;
    ProcessIdentity::of(top.pid)
}

/// Every process that writes to the member's log: its server, and programs that a killed hand left at work. Nobody
/// else is given that file as output.
pub(crate) fn at_work(home: &MemberHome) -> Vec<ProcessIdentity> {
    let log = log_path(home);
    let pids = proc::pids().into_iter().filter(|pid| proc::writes_to(*pid, &log));
    pids.filter_map(ProcessIdentity::of).collect()
}

/// Where a member's server writes what it says.
pub(crate) fn log_path(home: &MemberHome) -> PathBuf {
    Path::new(&home.log()).join("server.log")
}

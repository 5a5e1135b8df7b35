//! This fleet's agent: where it answers, how it is started, how it is ended.
//!
//! Its environment is a small one: no secret of the calling shell stays in it.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use roadstead_core::{
    Error, Kind, Result, Text,
    model::{Fleet, HostSpec, MemberSpec, Runtime},
    plan::Plan,
    port::Hand,
};
use sha2::{Digest, Sha256};

use crate::{context::Context, house::make_private_folder};

/// The longest path that a socket's address holds everywhere, with some room.
const SOCKET_PATH_MAX: usize = 100;
/// How long a fresh agent may take until it answers.
const START_DEADLINE: Duration = Duration::from_secs(20);
/// How long an agent may take to be gone once it said that it ends.
const END_DEADLINE: Duration = Duration::from_secs(30);
/// How often it is asked meanwhile.
const BEAT: Duration = Duration::from_millis(50);
/// How much of its log is shown when it does not come up.
const LOG_SHOWN_BYTES: u64 = 2_048;
/// What an agent inherits of the environment, besides what `ROADSTEAD_` begins.
const INHERITED: [&str; 7] =
    ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR", "RUST_BACKTRACE"];

/// The agent's hand; `None` when none serves.
pub(crate) async fn connect(state: &Path) -> Result<Option<Arc<dyn Hand>>> {
    let served = roadstead_agent::connect(&socket(state)?).await?;
    Ok(served.map(|door| Arc::new(door) as Arc<dyn Hand>))
}

/// Has an agent serve, if the fleet or the plan has members that it watches; says so when it was started now.
pub(crate) async fn start(context: &Context, state: &Path, fleet: &Fleet, plan: &Plan) -> Result<()> {
    let Some(host) = host(fleet, plan) else { return Ok(()) };
    let socket = socket(state)?;
    if roadstead_agent::connect(&socket).await?.is_some() {
        return Ok(());
    }
    let log = state.join("agent.log");
    let mut child = spawn(&socket, &log, fleet, host)?;
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        let served = match roadstead_agent::connect(&socket).await {
            // It listens before it serves, and on a busy machine takes its time.
            Err(error) if error.kind == Kind::Unreachable => None,
            served => served?,
        };
        if let Some(door) = served {
            let told = Text::new("cli-agent-started").with("pid", door.pid.to_string());
            context.tell(&format!("{}\n", context.words.say(&told.with("log", log.display().to_string()))));
            return Ok(());
        }
        let ended = child.try_wait().ok().flatten();
        if ended.is_some() || Instant::now() > deadline {
            // One that neither ended nor answers is of no use, and is ours.
            let _ = child.kill();
            let mut error = Error::new(
                Kind::Failed,
                Text::new("cli-agent-not-started").with("log", log.display().to_string()),
            );
            error.causes.extend(tail(&log));
            return Err(error);
        }
        tokio::time::sleep(BEAT).await;
    }
}

/// Ends the agent; its members run on. `false` when none serves.
pub(crate) async fn end(state: &Path) -> Result<bool> {
    let socket = socket(state)?;
    let Some(door) = roadstead_agent::connect(&socket).await? else { return Ok(false) };
    door.shutdown().await?;
    let deadline = Instant::now() + END_DEADLINE;
    // Gone from the door first, then from the machine: what it holds open is then free as well.
    let lives = || std::fs::read(format!("/proc/{}/cmdline", door.pid)).is_ok_and(|line| !line.is_empty());
    while roadstead_agent::connect(&socket).await.is_ok_and(|door| door.is_some()) || lives() {
        if Instant::now() > deadline {
            return Err(Error::new(
                Kind::Busy,
                Text::new("cli-agent-not-ended").with("pid", door.pid.to_string()),
            ));
        }
        tokio::time::sleep(BEAT).await;
    }
    Ok(true)
}

/// The host whose members need watching: that of a member of the fleet, or of one that the plan makes.
fn host<'a>(fleet: &'a Fleet, plan: &'a Plan) -> Option<&'a HostSpec> {
    let of = |member: &MemberSpec| match &member.runtime {
        Runtime::Process { host, .. } => fleet.hosts.get(host),
        Runtime::Managed { .. } => None,
    };
    let declared = fleet.clusters.values().flat_map(|cluster| &cluster.members);
    let planned = plan.steps.iter().filter_map(|step| step.act.member()).map(|task| &task.member);
    declared.chain(planned).find_map(of)
}

/// Where the agent answers: beside the journal, or, where that path is too long for a socket, in a folder of ours.
fn socket(state: &Path) -> Result<PathBuf> {
    let beside = state.join("agent.sock");
    if beside.as_os_str().len() <= SOCKET_PATH_MAX {
        return Ok(beside);
    }
    let user = rustix::process::geteuid();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let runtime = runtime.or_else(|| user.is_root().then(|| PathBuf::from("/run")));
    let folder = runtime.unwrap_or_else(std::env::temp_dir).join(format!("roadstead-{}", user.as_raw()));
    make_private_folder(&folder)?;
    let facts = std::fs::symlink_metadata(&folder).map_err(|error| {
        Error::io(Text::new("cli-folder-unreadable").with("path", folder.display().to_string()), &error)
    })?;
    // Somebody else may have made it first, to be sent our secrets.
    if !facts.is_dir() || facts.uid() != user.as_raw() || facts.mode() & 0o077 != 0 {
        let what = Text::new("cli-folder-not-ours").with("path", folder.display().to_string());
        return Err(Error::new(Kind::Denied, what));
    }
    let name = hex::encode(&Sha256::digest(state.as_os_str().as_encoded_bytes())[..8]);
    Ok(folder.join(format!("{name}.sock")))
}

fn spawn(socket: &Path, log: &Path, fleet: &Fleet, host: &HostSpec) -> Result<Child> {
    let told = || Text::new("cli-agent-not-started").with("log", log.display().to_string());
    let io = |error: &std::io::Error| Error::io(told(), error);
    let program = std::env::current_exe().map_err(|error| io(&error))?;
    let out =
        OpenOptions::new().append(true).create(true).mode(0o600).open(log).map_err(|error| io(&error))?;
    let also = out.try_clone().map_err(|error| io(&error))?;
    let host = serde_json::to_string(host).map_err(Error::internal)?;
    let ours = std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        INHERITED.contains(&&*name) || (name.starts_with("ROADSTEAD_") && name != "ROADSTEAD_AGE_KEY_FILE")
    });
    Command::new(program)
        .arg("agent")
        .arg("--socket")
        .arg(socket)
        .args(["--fleet", fleet.name.as_str(), "--fleet-file", &fleet.file, "--host", &host, "-v"])
        .env_clear()
        .envs(ours)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(also)
        .spawn()
        .map_err(|error| io(&error))
}

/// The last lines of a log.
fn tail(log: &Path) -> Vec<String> {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_SHOWN_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(LOG_SHOWN_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_folder_still_has_a_socket_of_its_own() {
        let short = socket(Path::new("/srv/fleet/.roadstead")).expect("a path");
        assert_eq!(short, Path::new("/srv/fleet/.roadstead/agent.sock"));
        let deep =
            |name: &str| socket(&Path::new("/").join(name.repeat(20)).join(".roadstead")).expect("a path");
        let (one, other) = (deep("folder-"), deep("elsewhere-"));
        assert!(one.as_os_str().len() <= SOCKET_PATH_MAX && one != other, "{one:?} {other:?}");
    }
}

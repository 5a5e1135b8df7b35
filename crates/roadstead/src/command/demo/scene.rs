//! Where the demo plays: a folder of its own, commands run in it, and the end of all that runs from it.
//!
//! Processes are told by the folder's random name in their arguments or working directory; no other is touched.

use std::{
    ffi::OsString,
    io::Write,
    net::TcpListener,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use roadstead_core::{Error, Kind, Result, Secret, Text};
use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

use super::cargo::{ACCOUNT, Cargo, Held};
use crate::{context::Context, secrets::private};

/// No command of the demo takes nearly as long.
const COMMAND_DEADLINE: Duration = Duration::from_secs(180);
/// How long killed processes may take to vanish.
const END_DEADLINE: Duration = Duration::from_secs(10);

/// The demo's folder.
pub(super) struct Scene {
    folder: PathBuf,
    program: PathBuf,
    language: &'static str,
    ports: Vec<u16>,
}

impl Scene {
    /// Makes the folder and the fleet file in it.
    pub(super) fn open(context: &Context, cargo: &Cargo) -> Result<Self> {
        let io = |error: &std::io::Error| Error::io(Text::new("cli-demo-folder"), error);
        // The servers' users must be able to enter, which a private temporary folder would not let them.
        let below =
            if rustix::process::geteuid().is_root() { PathBuf::from("/tmp") } else { std::env::temp_dir() };
        let name = format!("roadstead-demo-{}", private::random_text(8).expose().to_lowercase());
        let folder = below.join(name);
        std::fs::DirBuilder::new().mode(0o755).create(&folder).map_err(|error| io(&error))?;
        let scene = Self {
            program: std::env::current_exe().map_err(|error| io(&error))?,
            language: context.words.language().code(),
            ports: free_ports(cargo.all().len())?,
            folder,
        };
        // The user's mask may have taken more rights than the servers can do without.
        std::fs::set_permissions(&scene.folder, std::fs::Permissions::from_mode(0o755))
            .map_err(|error| io(&error))?;
        let data = scene.folder.join("members").display().to_string();
        let mut file = std::fs::File::create_new(scene.fleet_file()).map_err(|error| io(&error))?;
        file.write_all(cargo.fleet(&data, &scene.ports).as_bytes()).map_err(|error| io(&error))?;
        Ok(scene)
    }

    fn fleet_file(&self) -> PathBuf {
        self.folder.join("fleet.yaml")
    }

    /// Runs one command of ours, as a user would; what it said is the error when it fails.
    pub(super) async fn command(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(args).arg("--file").arg(self.fleet_file());
        command.args(["--lang", self.language, "--color", "never"]);
        finish(&args.join(" "), command, None).await
    }

    /// The snapshots as `backups --json` has them.
    pub(super) async fn snapshots(&self) -> Result<Vec<Value>> {
        let document: Value =
            serde_json::from_str(&self.command(&["backups", "--json"]).await?).map_err(Error::internal)?;
        Ok(document["snapshots"].as_array().cloned().unwrap_or_default())
    }

    /// Writes the data through each engine's own client.
    pub(super) async fn fill(&self, cargo: &Cargo) -> Result<()> {
        let explained: Value =
            serde_json::from_str(&self.command(&["explain", "--json"]).await?).map_err(Error::internal)?;
        for (held, port) in cargo.all().iter().zip(&self.ports) {
            let clusters = explained["clusters"].as_array();
            let cluster =
                clusters.and_then(|all| all.iter().find(|cluster| cluster["cluster"] == held.cluster));
            let server =
                cluster.and_then(|cluster| cluster["members"][0]["program"].as_str()).unwrap_or_default();
            self.fill_one(held, *port, Path::new(server)).await?;
        }
        Ok(())
    }

    async fn fill_one(&self, held: &Held, port: u16, server: &Path) -> Result<()> {
        let client = find_client(held, server)?;
        let password = private::read(&self.folder.join("secrets").join(held.cluster))?;
        let port = port.to_string();
        let mut command = Command::new(&client);
        match held.engine {
            "postgresql" => {
                command.args([
                    "-X",
                    "-q",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-h",
                    "127.0.0.1",
                    "-p",
                    &port,
                    "-U",
                    ACCOUNT,
                ]);
                command
                    .args(held.database)
                    .env("PGPASSWORD", password.expose())
                    .env("PGCLIENTENCODING", "UTF8");
            }
            "mysql" => {
                let options = self.folder.join("client.cnf");
                let text = Secret::new(format!("[client]\nuser={ACCOUNT}\npassword={}\n", password.expose()));
                private::write_new(&options, &text)?;
                command.arg(format!("--defaults-extra-file={}", options.display()));
                command.args([
                    "--protocol=tcp",
                    "-h",
                    "127.0.0.1",
                    "-P",
                    &port,
                    "--default-character-set=utf8mb4",
                ]);
                command.args(held.database);
            }
            _ => {
                command.args(["-e", "-h", "127.0.0.1", "-p", &port, "--user", ACCOUNT]);
                command.env("REDISCLI_AUTH", password.expose());
            }
        }
        let filled = finish(&client.display().to_string(), command, Some((held.input)())).await;
        if held.engine == "mysql" {
            let _ = std::fs::remove_file(self.folder.join("client.cnf"));
        }
        filled.map(drop)
    }

    /// Takes a member's data directory away and kills its server: the disaster.
    pub(super) async fn destroy(&self, held: &Held) -> Result<()> {
        let home = self.folder.join("members").join("demo").join(held.member());
        let io = |error: &std::io::Error| Error::io(Text::new("cli-demo-folder"), error);
        let status: Value =
            serde_json::from_str(&self.command(&["status", "--json"]).await?).map_err(Error::internal)?;
        let members = status["members"].as_array();
        let member = members.and_then(|all| all.iter().find(|member| member["member"] == held.member()));
        let pid = member.and_then(|member| member["process"]["running"]["pid"].as_i64());
        let pid = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
        let pid = pid.ok_or_else(|| {
            Error::new(Kind::NotFound, Text::new("cli-demo-no-process").with("member", held.member()))
        })?;
        let gone = home.join("data.destroyed");
        std::fs::rename(home.join("data"), &gone).map_err(|error| io(&error))?;
        rustix::process::kill_process(pid, rustix::process::Signal::KILL)
            .map_err(|error| io(&std::io::Error::from(error)))?;
        remove_all(&gone).await
    }

    /// Ends all that runs from the folder and removes it.
    pub(super) async fn close(&self) -> Result<()> {
        // Orderly first; what then still runs is ours by the folder's name, and is killed.
        let _ = tokio::time::timeout(COMMAND_DEADLINE, self.command(&["down", "--yes"])).await;
        let deadline = tokio::time::Instant::now() + END_DEADLINE;
        loop {
            let running = running_from(&self.folder);
            if running.is_empty() {
                break;
            }
            for pid in running {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
            if tokio::time::Instant::now() > deadline {
                return Err(Error::new(
                    Kind::Busy,
                    Text::new("cli-demo-left").with("folder", self.folder.display().to_string()),
                ));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        remove_all(&self.folder).await
    }
}

async fn remove_all(folder: &Path) -> Result<()> {
    tokio::fs::remove_dir_all(folder).await.map_err(|error| {
        Error::io(Text::new("cli-demo-not-removed").with("folder", folder.display().to_string()), &error)
    })
}

/// Runs a command to its end; its standard output on success.
async fn finish(name: &str, mut command: Command, input: Option<String>) -> Result<String> {
    let told = || Text::new("cli-demo-command").with("command", name);
    let io = |error: &std::io::Error| Error::io(told(), error);
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    // A group of its own: Ctrl-C reaches us, and what we started ends in order.
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).process_group(0);
    let mut child = command.spawn().map_err(|error| io(&error))?;
    let stdin = child.stdin.take();
    let feed = async {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // One that has closed its input has something to say about it on the other streams.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let ended = async { tokio::join!(feed, child.wait_with_output()).1 };
    let ended = tokio::time::timeout(COMMAND_DEADLINE, ended).await;
    let output = ended.map_err(|_| Error::new(Kind::Unreachable, told()))?.map_err(|error| io(&error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let mut error = Error::new(Kind::Failed, told());
    let both = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    error.causes.push(both.concat());
    Err(error)
}

/// The engine's own client: beside its server, where packages put it, or on the PATH.
fn find_client(held: &Held, server: &Path) -> Result<PathBuf> {
    let beside = server.parent().map(Path::to_path_buf);
    let sister = beside.as_ref().and_then(|folder| Some(folder.parent()?.join("bin")));
    let path: OsString = std::env::var_os("PATH").unwrap_or_default();
    let more = std::env::var_os("ROADSTEAD_PROGRAMS").unwrap_or_default();
    let searched = beside.into_iter().chain(sister);
    let searched: Vec<PathBuf> =
        searched.chain(std::env::split_paths(&more)).chain(std::env::split_paths(&path)).collect();
    let found = held.client.iter().flat_map(|name| searched.iter().map(move |folder| folder.join(name)));
    found.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        let what =
            Text::new("cli-demo-no-client").with("client", held.client.join(", ")).with("engine", held.title);
        Error::new(Kind::Missing, what)
    })
}

/// Ports that nobody listens on; all are held until the last is found, so that they differ.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let bind = || {
        TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| Ok((listener.local_addr()?.port(), listener)))
    };
    let held: std::io::Result<Vec<_>> = (0..count).map(|_| bind()).collect();
    let held = held.map_err(|error| Error::io(Text::new("cli-demo-ports"), &error))?;
    Ok(held.into_iter().map(|(port, _)| port).collect())
}

/// Processes whose arguments or working directory lie in the folder; never this one.
fn running_from(folder: &Path) -> Vec<rustix::process::Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return vec![] };
    let name = folder.as_os_str().as_encoded_bytes();
    let of = |entry: std::fs::DirEntry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let there = std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
        let named = arguments.windows(name.len()).any(|part| part == name);
        let ours = (there || named) && pid.cast_unsigned() != std::process::id();
        ours.then(|| rustix::process::Pid::from_raw(pid)).flatten()
    };
    entries.flatten().filter_map(of).collect()
}

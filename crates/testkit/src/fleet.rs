//! A fleet in a folder of its own, and the real binary run on it. Dropping it stops every server it started.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use crate::{place, wait};

/// A fleet in a folder.
pub struct Harbour {
    folder: tempfile::TempDir,
    binary: PathBuf,
    env: BTreeMap<String, String>,
}

/// What a run of the binary gave.
#[derive(Debug)]
pub struct Ran {
    /// Exit status; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// The same, after making sure of the exit status.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- standard output\n{}\n--- standard error\n{}", self.out, self.err);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}\n--- out\n{}\n--- err\n{}", self.out, self.err))
    }
}

impl Harbour {
    /// A folder (0755, so that server users can pass) with this fleet file. `{data}` in it becomes the folder of the
    /// members, `{port}` (also `{port2}`, `{port3}`) a free port.
    pub fn new(binary: impl Into<PathBuf>, yaml: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("rs-").tempdir_in("/tmp").expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("own folder");
        let env = [("ROADSTEAD_PROGRAMS".to_owned(), place::programs())].into();
        let harbour = Self { folder, binary: binary.into(), env };
        harbour.secret("vault.key", "a-vault-key-of-good-length-0123456789");
        harbour.declare(yaml);
        harbour
    }

    /// Writes the fleet file.
    pub fn declare(&self, yaml: &str) {
        let mut text = yaml.replace("{data}", &self.path("members").display().to_string());
        for mark in ["{port}", "{port2}", "{port3}"] {
            if text.contains(mark) {
                text = text.replace(mark, &place::free_port().to_string());
            }
        }
        fs::write(self.path("fleet.yaml"), text).expect("own folder");
    }

    /// The fleet file's text.
    pub fn declared(&self) -> String {
        fs::read_to_string(self.path("fleet.yaml")).expect("the fleet file is there")
    }

    /// The number after `port:` in the declaration of this member.
    pub fn port(&self, member: &str) -> u16 {
        let text = self.declared();
        let (_, rest) = text.split_once(&format!("name: {member},")).expect("the member is declared");
        let (_, rest) = rest.split_once("port:").expect("with its port");
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a port is a number")
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a file with mode 0600.
    pub fn secret(&self, relative: &str, value: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("own folder");
        fs::write(&path, value).expect("own folder");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("own file");
    }

    /// Sets an environment variable for every later run.
    pub fn env(&mut self, name: &str, value: &str) {
        self.env.insert(name.into(), value.into());
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("LC_ALL", "C.UTF-8")
            .env("NO_COLOR", "1")
            .envs(&self.env)
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().expect("the binary can be run").into()
    }

    /// Runs the binary to its end with one more environment variable.
    pub fn run_with(&self, env: &[(&str, &str)], args: &[&str]) -> Ran {
        self.command(args).envs(env.iter().copied()).output().expect("the binary can be run").into()
    }

    /// Starts the binary; the caller waits for it or kills it.
    pub fn start(&self, args: &[&str]) -> Child {
        self.command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started")
    }

    /// The administrator's password that the host generated for a member.
    pub fn admin(&self, fleet: &str, member: &str) -> String {
        let path = self.path(&format!("members/{fleet}/{member}/secrets/admin"));
        fs::read_to_string(path).expect("the member was created").trim().to_owned()
    }

    /// Every process whose command line or working directory names this folder, or whose program does.
    pub fn processes(&self) -> Vec<(i32, String)> {
        let folder = self.folder.path().display().to_string();
        let entries = fs::read_dir("/proc").expect("Linux has /proc").flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_string_lossy().parse::<i32>().ok());
        let own = i32::try_from(std::process::id()).expect("a pid fits");
        pids.filter(|pid| *pid != own)
            .filter_map(|pid| {
                let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
                let command = String::from_utf8_lossy(&command).replace('\0', " ");
                let folder_of = fs::read_link(format!("/proc/{pid}/cwd")).ok();
                let inside = folder_of.is_some_and(|path| path.starts_with(self.folder.path()));
                (command.contains(&folder) || inside).then_some((pid, command))
            })
            .collect()
    }

    fn end_processes(&self) {
        for (pid, _) in self.processes() {
            if let Some(pid) = rustix::process::Pid::from_raw(pid) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

impl Drop for Harbour {
    fn drop(&mut self) {
        let _ = self.command(&["down", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        // Whatever a failing test left: processes of this very folder, which nobody else uses.
        self.end_processes();
        if !std::thread::panicking() {
            wait::until("the fleet's processes to end", Duration::from_secs(20), || {
                self.end_processes();
                self.processes().is_empty().then_some(())
            });
        }
    }
}

//! The keeper of a throw-away server: a shell that waits for its maker's death and then ends and removes what it left.
//!
//! A maker that is killed by force cannot clean up after itself, and the next command may be a day away.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

/// Reads until the maker's end of the pipe is closed by the kernel; then ends every process that works in the place
/// (`$0`) or writes to a file of it, and removes it. Each round meets what was still dying in the one before.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
cat >/dev/null
round=0
while [ -e "$0" ] && [ "$round" -lt 50 ]; do
  for process in /proc/[0-9]*; do
    for link in "$process/cwd" "$process/fd/1"; do
      case "$(readlink "$link" 2>/dev/null)" in
        "$0" | "$0"/*) kill -KILL "${process#/proc/}" 2>/dev/null ;;
      esac
    done
  done
  rm -rf -- "$0" 2>/dev/null && rm -f -- "$0.lock"
  round=$((round + 1))
  [ -e "$0" ] && sleep 0.1
done
"#;

/// One keeper; dropped, it goes without doing anything.
#[derive(Debug)]
pub(crate) struct Keeper {
    shell: Option<Child>,
}

impl Keeper {
    /// Has a place watched. Without a shell the place is swept by whoever comes next.
    pub(crate) fn of(root: &Path) -> Self {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT])
            .arg(root)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let shell = command.spawn();
        if let Err(error) = &shell {
            tracing::warn!(%error, "nobody cleans up after this process if it is killed");
        }
        Self { shell: shell.ok() }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let Some(mut shell) = self.shell.take() else { return };
        // With its group, for the shell waits in a program of its own; the pipe is still open, so neither did anything.
        if let Some(group) = i32::try_from(shell.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = shell.kill();
        let _ = shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_that_is_not_needed_touches_nothing() {
        let place = tempfile::tempdir().expect("a folder");
        drop(Keeper::of(place.path()));
        assert!(place.path().exists());
    }

    #[test]
    fn a_keeper_whose_maker_is_gone_ends_what_works_there_and_removes_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("a place");
        std::fs::create_dir(&place).expect("made");
        std::fs::write(place.with_extension("lock"), "").expect("written");
        std::fs::create_dir(place.join("data")).expect("made");
        let idle = |folder: &Path| {
            Command::new("tail").args(["-f", "/dev/null"]).current_dir(folder).spawn().expect("started")
        };
        let (at_root, in_data, mut outside) = (idle(&place), idle(&place.join("data")), idle(folder.path()));
        let mut keeper = Keeper::of(&place);
        let mut shell = keeper.shell.take().expect("a shell");
        drop(shell.stdin.take());
        assert!(shell.wait().expect("it ends").code().is_some());
        assert!(!place.exists() && !place.with_extension("lock").exists());
        for mut ended in [at_root, in_data] {
            ended.wait().expect("it was ended");
        }
        assert!(outside.try_wait().expect("asked").is_none(), "what works elsewhere goes on");
        outside.kill().expect("ours");
        outside.wait().expect("it ends");
    }
}

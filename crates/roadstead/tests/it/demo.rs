//! The demo: all proven, nothing left; interrupted, nothing left either.

use std::{
    io::{BufRead, BufReader},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use roadstead_testkit::{place, wait};
use rustix::process::{Pid, Signal, kill_process};

use crate::harbour::binary;

fn demo(args: &[&str]) -> Command {
    demo_of(&binary(), args)
}

fn demo_of(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg("demo").args(args).env("ROADSTEAD_PROGRAMS", place::programs()).env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Folders of demos, and processes that name one.
type Left = (Vec<String>, Vec<String>);

fn left() -> Left {
    let is_ours = |name: &str| name.starts_with("roadstead-demo-");
    let folders = std::fs::read_dir("/tmp").expect("a folder").flatten();
    let folders = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let processes = std::fs::read_dir("/proc").expect("Linux has /proc").flatten();
    let processes = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let processes = processes.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "));
    (
        folders.filter(|name| is_ours(name)).collect(),
        processes.filter(|text| text.contains("/tmp/roadstead-demo-")).collect(),
    )
}

/// What is left besides what was there before: a run that was killed leaves its own for ever.
fn left_since((folders, processes): &Left) -> Left {
    let mut now = left();
    now.0.retain(|name| !folders.contains(name));
    now.1.retain(|text| !processes.contains(text));
    now
}

/// All is proven and nothing is left.
fn proves_all(mut demo: Command, before: &Left) {
    let output = demo.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let json: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let snapshots = json["snapshots"].as_array().expect("snapshots");
    assert!(
        !snapshots.is_empty() && snapshots.iter().all(|snapshot| snapshot["stage"] == "proven"),
        "{json:#}"
    );
    assert_eq!(left_since(before), (vec![], vec![]));
}

/// Copies the binary to where anybody may execute it. Another process does so: a child that another test has just
/// forked would hold a file that we write open, and nobody could execute it.
pub(crate) fn copied(program: &Path) {
    let copied = Command::new("cp").arg("-p").arg(binary()).arg(program).status().expect("it starts");
    assert!(copied.success(), "{copied}");
}

/// The demo as a user without any rights runs it, where this test may choose.
fn as_nobody(folder: &Path) -> Command {
    const NOBODY: u32 = 65_534;
    let program = folder.join("roadstead");
    copied(&program);
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("own folder");
    let mut command = demo_of(&program, &["--json"]);
    command.uid(NOBODY).gid(NOBODY).env("HOME", "/").current_dir("/");
    command
}

/// One test, because all look for what any demo on this machine leaves.
#[test]
fn the_demo_proves_all_and_leaves_nothing_even_when_interrupted() {
    let before = left();
    proves_all(demo(&["--json"]), &before);
    if rustix::process::geteuid().is_root() {
        let folder = tempfile::tempdir().expect("a folder");
        proves_all(as_nobody(folder.path()), &before);
    }

    let mut child = demo(&[]).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let first = lines.next().expect("a step is told").expect("text");
    assert!(first.contains("✓"), "{first}");
    assert_ne!(left_since(&before).1, Vec::<String>::new(), "servers run now");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("fits")).expect("positive");
    kill_process(pid, Signal::INT).expect("ours");
    let status = wait::until("the demo to end", Duration::from_secs(60), || child.try_wait().ok().flatten());
    assert_eq!(status.code(), Some(130));
    assert_eq!(left_since(&before), (vec![], vec![]));
}

//! A fleet, a member, a data folder or a user that is another than before: what ran under the former is seen, told and
//! stopped, and nothing is made twice.

use std::{
    fs,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt},
    process::Command,
    time::Duration,
};

use roadstead_testkit::{
    fleet::{Harbour, Ran},
    place, wait,
};

use crate::{
    demo::copied,
    faults::is_gone,
    harbour::{BILLING, Client, SESSIONS, fleet},
};

fn change(harbour: &Harbour, from: &str, to: &str) {
    let text = harbour.declared();
    assert!(text.contains(from), "{text}");
    fs::write(harbour.path("fleet.yaml"), text.replace(from, to)).expect("own folder");
}

fn told(ran: &Ran) -> String {
    format!("{}{}", ran.out, ran.err)
}

fn end_agent(harbour: &Harbour) {
    let status = harbour.run(&["status", "--json"]).json();
    let pid = status["agents"]["local"]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.and_then(rustix::process::Pid::from_raw).expect("an agent serves");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("an agent of ours");
    wait::until("the agent to be gone", Duration::from_secs(30), || is_gone(pid).then_some(()));
}

/// What must be so while the members of a former name or folder run on.
fn nothing_unseen(harbour: &Harbour, home: &str) {
    let status = harbour.run(&["status", "--json"]).expect(1).json();
    assert_eq!(status["former"][0]["home"], home, "{status:#}");
    assert!(!status["former"][0]["process"]["running"].is_null(), "{status:#}");
    for command in [["plan"].as_slice(), &["status"], &["up", "--yes"]] {
        let refused = harbour.run(command).expect(1);
        let all = told(&refused);
        assert!(all.contains(home) && all.contains("fleet: voyage"), "{command:?}: {all}");
        assert!(all.contains("roadstead down"), "{command:?}: {all}");
    }
    assert_eq!(Client::of(harbour, "sessions-1").redis("roadstead", &["ping"]), "PONG");
}

#[cfg(feature = "redis")]
#[test]
fn a_renamed_fleet_is_told_and_stopped_and_never_made_twice() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let home = harbour.path("members/voyage/sessions-1").display().to_string();
    change(&harbour, "fleet: voyage", "fleet: passage");
    nothing_unseen(&harbour, &home);
    assert!(!harbour.path("members/passage").exists(), "nothing was made");

    // What a killed agent leaves is found by what lies in the data folder.
    change(&harbour, "fleet: passage", "fleet: voyage");
    end_agent(&harbour);
    change(&harbour, "fleet: voyage", "fleet: passage");
    nothing_unseen(&harbour, &home);

    let down = harbour.run(&["down", "--yes"]).expect(0);
    assert!(down.out.contains("sessions-1"), "{}", told(&down));
    assert!(harbour.processes().is_empty(), "{:?}", harbour.processes());

    // The data is not forgotten, and nothing empty takes its place.
    let plan = harbour.run(&["plan"]).expect(1);
    assert!(told(&plan).contains(&home) && told(&plan).contains("fleet: voyage"), "{}", told(&plan));
    assert!(!told(&plan).contains("restore latest"), "{}", told(&plan));
    change(&harbour, "fleet: passage", "fleet: voyage");
    harbour.run(&["up", "--yes"]).expect(0);
    assert_eq!(Client::of(&harbour, "sessions-1").redis("roadstead", &["ping"]), "PONG");
}

#[cfg(feature = "redis")]
#[test]
fn a_renamed_fleet_with_its_agent_is_stopped_with_it() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    change(&harbour, "fleet: voyage", "fleet: passage");
    let down = harbour.run(&["down", "--yes", "--json"]).expect(0).json();
    assert_eq!(down["agent_ended"], true, "{down:#}");
    assert!(harbour.processes().is_empty(), "{:?}", harbour.processes());
}

#[cfg(feature = "redis")]
#[test]
fn an_agent_that_watches_what_down_cannot_stop_is_not_ended_and_that_is_said() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    change(&harbour, "fleet: voyage", "fleet: passage");
    // With its notes damaged, nobody knows what it is; the agent that started it still watches it.
    let notes = harbour.path("members/voyage/sessions-1/agent/wanted.json");
    let kept = fs::read(&notes).expect("notes");
    fs::write(&notes, "{").expect("written");
    let down = harbour.run(&["down", "--yes"]).expect(3);
    let home = harbour.path("members/voyage/sessions-1").display().to_string();
    assert!(down.out.contains("was not ended") && down.out.contains(&home), "{}", told(&down));
    assert_eq!(harbour.run(&["down", "--yes", "--json"]).expect(3).json()["agent_ended"], false);
    assert_eq!(Client::of(&harbour, "sessions-1").redis("roadstead", &["ping"]), "PONG");
    fs::write(&notes, kept).expect("written");
    harbour.run(&["down", "--yes"]).expect(0);
    assert!(harbour.processes().is_empty(), "{:?}", harbour.processes());
}

/// Two files in one folder share its state and agent; neither is the other's former self.
#[cfg(feature = "redis")]
#[test]
fn two_fleets_in_one_folder_leave_each_other_alone() {
    let harbour = fleet(&[SESSIONS]);
    let (one, other) = (harbour.port("sessions-1"), place::free_port());
    let text = harbour.declared().replace("fleet: voyage", "fleet: passage");
    fs::write(harbour.path("other.yaml"), text.replace(&one.to_string(), &other.to_string()))
        .expect("own folder");
    let file = ["-f", "other.yaml"];
    harbour.run(&["up", "--yes"]).expect(0);
    harbour.run(&[["up", "--yes"].as_slice(), &file].concat()).expect(0);
    for file in [&[][..], &file] {
        let status = harbour.run(&[["status", "--json"].as_slice(), file].concat()).expect(0).json();
        assert_eq!(status["former"], serde_json::json!([]), "{status:#}");
    }
    // An agent that one of them has started anew watches the other's members once that one asks for it.
    end_agent(&harbour);
    harbour.run(&["up", "--yes"]).expect(0);
    let status = harbour.run(&[["status"].as_slice(), &file].concat()).expect(0);
    assert!(status.out.contains("does not watch it"), "{}", told(&status));
    let up = harbour.run(&[["up", "--yes"].as_slice(), &file].concat()).expect(0);
    assert!(told(&up).contains("have the agent watch sessions-1"), "{}", told(&up));
    for file in [&[][..], &file] {
        let plan = harbour.run(&[["plan"].as_slice(), file].concat()).expect(0);
        assert!(plan.out.contains("nothing to do"), "{}", told(&plan));
    }
    let down = harbour.run(&["down", "--yes"]).expect(0);
    assert!(down.out.contains("was not ended") && down.out.contains("other.yaml"), "{}", told(&down));
    let status = harbour.run(&[["status", "--json"].as_slice(), &file].concat()).expect(0).json();
    assert_eq!(status["members"][0]["state"], "running", "{status:#}");
    assert!(status["agents"]["local"]["pid"].is_number(), "its agent watches it on: {status:#}");
    let down = harbour.run(&[["down", "--yes", "--json"].as_slice(), &file].concat()).expect(0).json();
    assert_eq!(down["agent_ended"], true, "{down:#}");
    assert!(harbour.processes().is_empty(), "{:?}", harbour.processes());
}

#[cfg(feature = "redis")]
#[test]
fn members_in_a_former_data_folder_are_seen_by_the_agent_that_watches_them() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let home = harbour.path("members/voyage/sessions-1").display().to_string();
    let (former, new) = (harbour.path("members"), harbour.path("elsewhere"));
    let [former, new] = [former, new].map(|path| format!("data: \"{}\"", path.display()));
    change(&harbour, &former, &new);
    nothing_unseen(&harbour, &home);
    assert!(!harbour.path("elsewhere").exists(), "nothing was made");
    harbour.run(&["down", "--yes"]).expect(0);
    assert!(harbour.processes().is_empty(), "{:?}", harbour.processes());
}

/// A server listens where it was started to, whatever its files say since.
#[cfg(all(feature = "mysql", feature = "redis"))]
#[test]
fn a_member_that_got_another_port_is_restarted_there() {
    let harbour = fleet(&[BILLING, SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    for member in ["billing-1", "sessions-1"] {
        let old = harbour.port(member);
        let new = place::free_port();
        change(&harbour, &format!("port: {old}"), &format!("port: {new}"));
        let status = harbour.run(&["status"]).expect(1);
        assert!(status.out.contains(&format!("listens at 127.0.0.1:{old}")), "{}", status.out);
        let plan = harbour.run(&["plan"]).expect(0);
        assert!(plan.out.contains("restart") && plan.out.contains(&new.to_string()), "{}", plan.out);
        harbour.run(&["up", "--yes"]).expect(0);
        assert!(harbour.run(&["plan"]).expect(0).out.contains("nothing to do"));
        harbour.run(&["status"]).expect(0);
        assert!(TcpListener::bind(("127.0.0.1", old)).is_ok(), "{member} left its old port");
        assert!(TcpListener::bind(("127.0.0.1", new)).is_err(), "{member} listens at its new one");
    }
    assert_eq!(Client::of(&harbour, "billing-1").mariadb("billing", "SELECT 1"), "1");
    // A port that somebody has takes down nobody who serves at another one.
    let taken = TcpListener::bind(("127.0.0.1", place::free_port())).expect("a free port");
    let (old, new) = (harbour.port("sessions-1"), taken.local_addr().expect("an address").port());
    change(&harbour, &format!("port: {old}"), &format!("port: {new}"));
    let refused = harbour.run(&["up", "--yes"]);
    assert_ne!(refused.code, 0, "{}", told(&refused));
    assert!(told(&refused).contains(&format!("port {new}")), "{}", told(&refused));
    assert_eq!(Client::at(&harbour, "sessions-1", old).redis("roadstead", &["ping"]), "PONG");
    change(&harbour, &format!("port: {new}"), &format!("port: {old}"));
    harbour.run(&["status"]).expect(0);
    assert!(harbour.run(&["plan"]).expect(0).out.contains("nothing to do"));
}

#[cfg(feature = "redis")]
#[test]
fn a_renamed_member_is_named_by_the_cure() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    for backed_up in [false, true] {
        if backed_up {
            harbour.run(&["backup"]).expect(0);
        }
        change(&harbour, "name: sessions-1", "name: sessions-2");
        let refused = harbour.run(&["up", "--yes"]).expect(1);
        assert!(told(&refused).contains("name: sessions-1 again"), "{}", told(&refused));
        assert!(!harbour.path("members/voyage/sessions-2").exists());
        change(&harbour, "name: sessions-2", "name: sessions-1");
    }
    // One that does not run is no obstacle, but its data is what was lost.
    harbour.run(&["down", "--yes"]).expect(0);
    change(&harbour, "name: sessions-1", "name: sessions-2");
    let refused = harbour.run(&["up", "--yes"]).expect(1);
    assert!(told(&refused).contains("name: sessions-1 again"), "{}", told(&refused));
    change(&harbour, "name: sessions-2", "name: sessions-1");
    harbour.run(&["up", "--yes"]).expect(0);
}

/// Runs a copy of the binary as a user who is nobody here.
fn run_as_nobody(harbour: &Harbour, args: &[&str]) -> Ran {
    let program = harbour.path("roadstead");
    if !program.exists() {
        copied(&program);
    }
    let mut command = Command::new(program);
    command.args(args).current_dir(harbour.folder()).env_clear().env("NO_COLOR", "1");
    command.uid(65_534).gid(65_534).output().expect("this test needs root").into()
}

#[cfg(feature = "redis")]
#[test]
fn a_fleet_is_run_by_one_user_and_another_is_told_by_whom() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    for command in ["status", "down", "plan"] {
        let refused = run_as_nobody(&harbour, &[command]);
        assert_ne!(refused.code, 0, "{}", told(&refused));
        if command != "plan" {
            assert!(told(&refused).contains("belongs to root, and you are nobody"), "{}", told(&refused));
        }
    }
    assert_eq!(Client::of(&harbour, "sessions-1").redis("roadstead", &["ping"]), "PONG");
    harbour.run(&["down", "--yes"]).expect(0);

    let state = harbour.path(".roadstead");
    chown(&state, Some(65_534), Some(65_534)).expect("this test needs root");
    for command in [["status"].as_slice(), &["up", "--yes"], &["down", "--yes"], &["plan"]] {
        let refused = harbour.run(command).expect(1);
        assert!(told(&refused).contains("belongs to nobody, and you are root"), "{}", told(&refused));
    }
    assert!(harbour.processes().is_empty(), "{:?}", harbour.processes());
    chown(&state, Some(0), Some(0)).expect("ours again");
}

#[cfg(feature = "redis")]
#[test]
fn a_member_that_never_came_up_is_told_as_failed_until_its_port_is_free() {
    let harbour = fleet(&[SESSIONS]);
    let taken = TcpListener::bind(("127.0.0.1", harbour.port("sessions-1"))).expect("its port");
    let failed = harbour.run(&["up", "--yes"]);
    assert_ne!(failed.code, 0, "{}", told(&failed));
    let status = harbour.run(&["status"]).expect(1);
    let port = harbour.port("sessions-1").to_string();
    assert!(status.out.contains("does not stay up") && status.out.contains(&port), "{}", told(&status));
    assert!(!status.out.contains("agent-port-taken"), "in words: {}", status.out);
    drop(taken);
    wait::until("the member to come up", Duration::from_secs(60), || {
        let status = harbour.run(&["status", "--json"]).json();
        (status["members"][0]["state"] == "running").then_some(())
    });
}

#[cfg(feature = "redis")]
#[test]
fn a_copy_at_a_port_that_is_taken_is_refused_before_anything_is_made() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    harbour.run(&["backup"]).expect(0);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port();
    let beside = format!("sessions-copy:{port}");
    for more in [["--dry-run"], ["--yes"]] {
        let restore = ["restore", "latest", "--beside", &beside];
        let refused = harbour.run(&[restore.as_slice(), &more].concat()).expect(1);
        assert!(told(&refused).contains(&format!("port {port}")), "{}", told(&refused));
        assert!(told(&refused).contains("choose another port"), "{}", told(&refused));
    }
    assert!(!harbour.path("members/voyage/sessions-copy").exists());
    drop(taken);
    harbour.run(&["restore", "latest", "--beside", &beside, "--yes"]).expect(0);
    // What was restored there is not in its own way.
    harbour.run(&["verify", "latest", "--live"]);
    assert_eq!(Client::at(&harbour, "sessions-copy", port).redis("roadstead", &["ping"]), "PONG");
}

/// A small file system in memory over the folder of the members; unmounted when dropped.
struct Small<'a>(&'a Harbour);

impl<'a> Small<'a> {
    fn new(harbour: &'a Harbour, size: &str) -> Self {
        let path = harbour.path("members");
        fs::create_dir(&path).expect("own folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=755"), "roadstead-test"]).arg(path);
        assert!(mount.status().expect("it starts").success(), "this test needs root");
        Self(harbour)
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = self.0.run(&["down", "--yes"]);
        let _ = Command::new("umount").arg("-l").arg(self.0.path("members")).status();
    }
}

#[cfg(feature = "redis")]
#[test]
fn a_restore_and_a_proof_without_room_are_refused_before_data_is_touched() {
    let harbour = fleet(&[SESSIONS]);
    let small = Small::new(&harbour, "96m");
    harbour.run(&["up", "--yes"]).expect(0);
    let sessions = Client::of(&harbour, "sessions-1");
    let words = (0_u64..200_000).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23));
    let noise = words.map(|word| format!("{word:016x}")).collect::<Vec<_>>().concat();
    for number in 0..4 {
        sessions.redis("roadstead", &["set", &format!("noise-{number}"), &noise[number..100_000 + number]]);
        for more in 0..20 {
            sessions.redis(
                "roadstead",
                &["append", &format!("noise-{number}"), &noise[more * 100_000..(more + 1) * 100_000]],
            );
        }
    }
    harbour.run(&["backup"]).expect(0);
    let ballast = harbour.path("members/ballast");
    let free = || {
        let found = rustix::fs::statvfs(harbour.path("members").as_path()).expect("a file system");
        found.f_bavail * found.f_frsize
    };
    let leave = |bytes: u64| {
        let length = free() + fs::metadata(&ballast).map_or(0, |found| found.len()) - bytes;
        fs::write(&ballast, vec![1; usize::try_from(length).expect("it fits")]).expect("room");
    };
    leave(3 << 20);
    let doubtful = harbour.run(&["restore", "latest", "--dry-run"]).expect(0);
    assert!(told(&doubtful).contains("may have too little room"), "{}", told(&doubtful));
    leave(256 << 10);
    for args in [&["restore", "latest", "--yes=sessions-1"][..], &["verify"]] {
        let refused = harbour.run(args);
        let all = told(&refused);
        assert!(refused.code == 1 && all.contains("no room for snapshot") && all.contains("MiB"), "{all}");
        assert!(
            all.contains(&harbour.path("members").display().to_string()) && all.contains("KiB left"),
            "{all}"
        );
    }
    assert_eq!(sessions.redis("roadstead", &["exists", "noise-0"]), "1", "it serves as before");
    let listed = harbour.run(&["backups", "--json"]).expect(0).json();
    assert_eq!(
        listed["snapshots"][0]["failed"], false,
        "want of room says nothing of a snapshot: {listed:#}"
    );
    fs::remove_file(&ballast).expect("own file");
    harbour.run(&["restore", "latest", "--yes=sessions-1"]).expect(0);

    // What was set aside is listed, with its size, until somebody removes it.
    let aside = |status: &serde_json::Value| status["set_aside"][0].clone();
    let status = harbour.run(&["status", "--json"]).expect(0).json();
    let path = aside(&status)["path"].as_str().expect("listed").to_owned();
    assert!(
        path.contains("/sessions-1/data.before-") && aside(&status)["bytes"].as_u64() > Some(1 << 20),
        "{status:#}"
    );
    let status = harbour.run(&["status"]).expect(0);
    assert!(status.out.contains(&path) && status.out.contains("by hand"), "{}", status.out);
    fs::remove_dir_all(&path).expect("by hand");
    let status = harbour.run(&["status", "--json"]).expect(0).json();
    assert!(aside(&status).is_null(), "{status:#}");
    drop(small);
}

//! Faults that are caught and told, and never green.

use std::{
    fs,
    io::Read,
    os::unix::process::ExitStatusExt,
    path::Path,
    time::{Duration, Instant},
};

use roadstead_testkit::{fleet::Harbour, place, stranger, wait};
use rustix::process::{Pid, Signal, kill_process};

use crate::harbour::{Client, ORDERS, SESSIONS, binary, fleet};

fn snapshots(harbour: &Harbour) -> usize {
    let listed = harbour.run(&["backups", "--json"]).expect(0).json();
    listed["snapshots"].as_array().map_or(0, Vec::len)
}

/// The process that serves a member, as its host knows it.
fn pid_of(harbour: &Harbour, member: &str) -> Pid {
    let status = harbour.run(&["status", "--json"]).expect(0).json();
    let members = status["members"].as_array().expect("members").clone();
    let found = members.iter().find(|m| m["member"] == member).expect("the member is there").clone();
    let pid =
        found["process"]["running"]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).expect("it runs");
    Pid::from_raw(pid).expect("a pid is positive")
}

fn state_of(harbour: &Harbour, member: &str) -> String {
    let status = harbour.run(&["status", "--json"]).json();
    let members = status["members"].as_array().expect("members").clone();
    let found = members.iter().find(|m| m["member"] == member).expect("the member is there").clone();
    found["state"].as_str().unwrap_or_default().to_owned()
}

/// The stranger's server, and a fleet that reaches it by address as the six-line example does.
pub(crate) fn stranger_fleet(server: &stranger::Postgresql) -> Harbour {
    let mut harbour = Harbour::new(
        binary(),
        &format!(
            "fleet: voyage\nvaults:\n  local: {{ url: ./vault, key: \"${{file:vault.key}}\" }}\nhosts:\n  local: {{ data: \
             \"{{data}}\" }}\nclusters:\n  orders:\n    \
             engine: postgresql\n    members: [{{ name: orders-1, address: \"127.0.0.1:{}\", user: postgres, password: \
             \"${{env:PASSWORD}}\" }}]\n    backup: {{ vault: local }}\n",
            server.port
        ),
    );
    harbour.env("PASSWORD", &server.password);
    harbour
}

#[cfg(feature = "postgresql")]
#[test]
fn a_hung_server_is_unreachable_within_the_deadline_and_never_backed_up() {
    let server = stranger::Postgresql::start();
    let harbour = stranger_fleet(&server);
    harbour.run(&["backup"]).expect(0);
    // The whole server hangs: the postmaster and what it has started.
    let pid = Pid::from_raw(i32::try_from(server.pid()).expect("fits")).expect("positive");
    kill_process(pid, Signal::STOP).expect("ours");
    // The deadline is two seconds; one of three looks has not to wait for the machine as well.
    let looks = [(); 3].map(|()| {
        let begun = Instant::now();
        assert_eq!(state_of(&harbour, "orders-1"), "unreachable");
        begun.elapsed()
    });
    let backup = harbour.run(&["backup"]);
    kill_process(pid, Signal::CONT).expect("ours");
    assert!(looks.iter().any(|took| *took < Duration::from_secs(4)), "status took {looks:?}");
    assert_ne!(backup.code, 0);
    assert_eq!(snapshots(&harbour), 1, "only the one from before");
}

#[cfg(feature = "postgresql")]
#[test]
fn a_password_changed_in_between_is_told_as_refused() {
    let server = stranger::Postgresql::start();
    let mut harbour = stranger_fleet(&server);
    harbour.run(&["backup"]).expect(0);
    harbour.env("PASSWORD", "something else");
    assert_eq!(state_of(&harbour, "orders-1"), "refused");
    let told = harbour.run(&["backup"]);
    assert_ne!(told.code, 0);
    assert_eq!(snapshots(&harbour), 1);
    assert!(!format!("{}{}", told.out, told.err).contains("something else"), "a password was shown");
}

#[cfg(all(feature = "postgresql", feature = "redis"))]
#[test]
fn a_secret_that_cannot_be_had_keeps_nobody_from_the_other_clusters() {
    let foreign = "  elsewhere:\n    engine: postgresql\n    members: [{ name: elsewhere-1, address: \"127.0.0.1:1\", \
        user: postgres, password: \"${env:NEVER_SET}\" }]\n    backup: { vault: local }\n";
    let harbour = fleet(&[SESSIONS, foreign]);
    // What changes servers wants everything that the file names.
    for command in ["up", "plan", "check"] {
        let refused = harbour.run(&[command]).expect(2);
        assert!(format!("{}{}", refused.out, refused.err).contains("NEVER_SET"), "{command}");
    }
    harbour.run_with(&[("NEVER_SET", "now it is")], &["up", "--yes"]).expect(0);
    let status = harbour.run(&["status"]).expect(1);
    for told in ["environment variable NEVER_SET is not set", "--> elsewhere-1", "cure: set it"] {
        assert_eq!(status.out.matches(told).count(), 1, "{}", status.out);
    }
    assert_eq!(state_of(&harbour, "sessions-1"), "running");
    // Its lane fails by name; the other's backup is taken, proven and restored.
    let backup = harbour.run(&["backup"]).expect(3);
    assert!(backup.out.contains("NEVER_SET"), "{}", backup.out);
    harbour.run(&["verify"]).expect(0);
    harbour.run(&["backup"]).expect(3);
    let listed = harbour.run(&["backups", "--json"]).expect(0).json();
    let numbers: Vec<_> =
        listed["snapshots"].as_array().expect("a list").iter().map(|one| &one["number"]).collect();
    assert_eq!(numbers, [1, 2], "{listed:#}");
    let beside = format!("copy-1:{}", place::free_port());
    harbour.run(&["restore", "latest", "--cluster", "sessions", "--beside", &beside, "--yes"]).expect(0);
    harbour.run(&["down", "--yes"]).expect(0);
    assert_eq!(state_of(&harbour, "sessions-1"), "stopped");
}

#[cfg(feature = "redis")]
#[test]
fn a_vault_that_cannot_be_used_keeps_nobody_from_the_others() {
    let other = SESSIONS
        .replace("sessions", "carts")
        .replace("vault: local", "vault: away")
        .replace("{port3}", "{port}");
    let harbour = fleet(&[SESSIONS, &other]);
    let with_away = harbour
        .declared()
        .replace("vaults:\n", "vaults:\n  away: { url: ./away, key: \"${file:away.key}\" }\n");
    harbour.declare(&with_away);
    harbour.run(&["up", "--yes"]).expect(0);
    harbour.run(&["backup"]).expect(0);
    assert_eq!(snapshots(&harbour), 2);
    fs::remove_file(harbour.path("away.key")).expect("it was generated");
    let backup = harbour.run(&["backup"]).expect(3);
    for told in ["vault away cannot be used", "away.key is missing", "bring the key back"] {
        assert!(backup.out.contains(told), "{}", backup.out);
    }
    assert!(!harbour.path("away.key").exists(), "a new key opens nothing");
    assert_eq!(harbour.run(&["backups", "--json"]).json()["snapshots"].as_array().map(Vec::len), Some(2));
}

/// Numbers of two vaults, and their names, have nothing to do with what is newer.
#[cfg(feature = "redis")]
#[test]
fn the_latest_snapshot_is_the_newest_of_all_vaults() {
    let harbour = fleet(&[SESSIONS]);
    let of = || crate::harbour::Client::of(&harbour, "sessions-1");
    harbour.run(&["up", "--yes"]).expect(0);
    for value in ["1", "2"] {
        of().redis("roadstead", &["set", "a", value]);
        harbour.run(&["backup"]).expect(0);
    }
    harbour.run(&["verify"]).expect(0);
    let moved = harbour
        .declared()
        .replace("vaults:\n", "vaults:\n  aside: { url: ./aside, key: \"${file:aside.key}\" }\n")
        .replace("vault: local", "vault: aside");
    harbour.declare(&moved);
    of().redis("roadstead", &["set", "a", "3"]);
    harbour.run(&["backup"]).expect(0);
    let listed = harbour.run(&["backups", "--json"]).expect(0).json();
    let vaults: Vec<_> =
        listed["snapshots"].as_array().expect("a list").iter().map(|one| one["vault"].clone()).collect();
    assert_eq!(vaults, ["local", "local", "aside"]);
    harbour.run(&["verify"]).expect(0);
    let listed = harbour.run(&["backups", "--json"]).expect(0).json();
    assert_eq!(listed["snapshots"][2]["stage"], "proven", "{listed:#}");

    harbour.run(&["down", "--yes"]).expect(0);
    let data = harbour.path("members/voyage/sessions-1/data");
    fs::rename(&data, harbour.path("lost")).expect("own folder");
    let newest = listed["snapshots"][2]["id"].as_str().expect("an id");
    let refused = harbour.run(&["up", "--yes"]).expect(1);
    assert!(refused.err.contains(&newest[..8]), "{}", refused.err);
    harbour.run(&["restore", "latest", "--cluster", "sessions", "--yes"]).expect(0);
    assert_eq!(of().redis("roadstead", &["get", "a"]), "3");
}

#[cfg(feature = "postgresql")]
#[test]
fn a_server_or_dump_that_dies_midway_leaves_no_snapshot() {
    let server = stranger::Postgresql::start();
    let harbour = stranger_fleet(&server);
    server.sql("create table big as select i, repeat(md5(i::text), 40) t from generate_series(1, 150000) i");
    let mut backup = harbour.start(&["backup"]);
    let dump = held_dump(backup.id());
    kill_process(dump, Signal::KILL).expect("ours");
    let status = backup.wait().expect("it ends");
    assert!(!status.success());
    let mut told = String::new();
    backup.stderr.take().expect("piped").read_to_string(&mut told).expect("text");
    assert_eq!(snapshots(&harbour), 0, "a failed dump became a snapshot; it said: {told}");

    let mut backup = harbour.start(&["backup"]);
    let dump = held_dump(backup.id());
    let pid = Pid::from_raw(i32::try_from(server.pid()).expect("fits")).expect("positive");
    kill_process(pid, Signal::QUIT).expect("ours");
    wait::until("the server to end", Duration::from_secs(60), || is_gone(pid).then_some(()));
    // It may have gone with the backup.
    let _ = kill_process(dump, Signal::CONT);
    assert!(!backup.wait().expect("it ends").success());
    assert_eq!(snapshots(&harbour), 0);
}

/// The `pg_dump` that a process has started to dump with, held in the middle of it.
pub(crate) fn held_dump(parent: u32) -> Pid {
    let dump = wait::until("the dump to run", Duration::from_secs(60), || dump_of(parent));
    kill_process(dump, Signal::STOP).expect("ours");
    dump
}

/// The `pg_dump` that a process has started to dump with, not to ask for its version.
fn dump_of(parent: u32) -> Option<Pid> {
    tool_of(parent, "pg_dump", "snapshot")
}

/// The tool of this name that a process has started with this among its arguments.
pub(crate) fn tool_of(parent: u32, name: &str, argument: &str) -> Option<Pid> {
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let (head, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let (_state, of) = (fields.next()?, fields.next()?.parse::<u32>().ok()?);
        let command = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        if of == parent && head.ends_with(&format!("({name}")) && command.contains(argument) {
            return Pid::from_raw(head.split_whitespace().next()?.parse().ok()?);
        }
    }
    None
}

/// Whether a process executes nothing any more: who should reap it may be long in coming.
pub(crate) fn is_gone(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
}

#[cfg(feature = "postgresql")]
#[test]
fn killed_in_the_middle_of_a_backup_nothing_counts_and_the_next_one_works() {
    let server = stranger::Postgresql::start();
    let harbour = stranger_fleet(&server);
    server.sql("create table big as select i, repeat(md5(i::text), 40) t from generate_series(1, 150000) i");
    harbour.run(&["vault", "init"]).expect(0);
    let mut backup = harbour.start(&["backup"]);
    let dump = held_dump(backup.id());
    backup.kill().expect("ours");
    backup.wait().expect("it ends");
    // It may have gone with the backup.
    let _ = kill_process(dump, Signal::CONT);
    assert_eq!(snapshots(&harbour), 0);
    harbour.run(&["backup"]).expect(0);
    assert_eq!(snapshots(&harbour), 1);
    harbour.run(&["verify"]).expect(0);
}

#[cfg(feature = "postgresql")]
#[test]
fn killed_in_the_middle_of_a_proof_the_scratch_server_goes_and_the_snapshot_stays_taken() {
    let server = stranger::Postgresql::start();
    let harbour = stranger_fleet(&server);
    server.sql("create table big as select i, repeat(md5(i::text), 40) t from generate_series(1, 100000) i");
    harbour.run(&["backup"]).expect(0);
    let mut verify = harbour.start(&["verify"]);
    let is_scratch =
        |harbour: &Harbour| harbour.processes().iter().any(|(_, command)| command.contains("scratch"));
    // The server itself: neither what makes its data nor what watches over it.
    let serves = |(_, command): &(i32, String)| {
        let program = command.split(' ').next().unwrap_or_default();
        program.ends_with("/postgres") && command.contains("/.scratch/")
    };
    wait::until("the scratch server to run", Duration::from_secs(60), || {
        assert_eq!(verify.try_wait().expect("ours"), None, "the proof ended before its server was seen");
        harbour.processes().iter().any(serves).then_some(())
    });
    verify.kill().expect("ours");
    assert_eq!(verify.wait().expect("it ends").signal(), Some(Signal::KILL.as_raw()), "it was still proving");
    wait::until("the scratch server to go by itself", Duration::from_secs(60), || {
        (!is_scratch(&harbour)).then_some(())
    });
    harbour.run(&["verify"]).expect(0);
    assert!(!is_scratch(&harbour), "{:?}", harbour.processes());
}

#[cfg(feature = "redis")]
#[test]
fn a_wrong_key_opens_nothing() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    harbour.run(&["backup"]).expect(0);
    harbour.secret("vault.key", "another-key-of-good-length-9876543210");
    let told = harbour.run(&["backups"]);
    assert_eq!(told.code, 1, "{}{}", told.out, told.err);
    assert_ne!(harbour.run(&["backup"]).code, 0);
    harbour.secret("vault.key", "a-vault-key-of-good-length-0123456789");
    assert_eq!(snapshots(&harbour), 1);
}

/// A fleet with one proven snapshot, and the file in its vault that holds most of it.
pub(crate) fn proven_with_its_pack() -> (Harbour, std::path::PathBuf) {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let sessions = Client::of(&harbour, "sessions-1");
    let script = "for i = 1, 3000 do redis.call('set', 'k' .. i, redis.sha1hex(i)) end";
    sessions.redis("roadstead", &["eval", script, "0"]);
    harbour.run(&["backup"]).expect(0);
    harbour.run(&["verify"]).expect(0);
    let pack = largest(&harbour.path("vault/data"));
    (harbour, pack)
}

#[cfg(feature = "redis")]
#[test]
fn a_flipped_bit_in_the_vault_is_found_and_takes_the_green_away() {
    let (harbour, pack) = proven_with_its_pack();
    let mut bytes = fs::read(&pack).expect("a pack");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&pack, bytes).expect("written");
    harbour.run(&["verify", "latest", "--cluster", "sessions"]).expect(1);
    let listed = harbour.run(&["backups", "--json"]).expect(0).json();
    assert_eq!(listed["snapshots"][0]["stage"], "taken", "{listed:#}");
}

pub(crate) fn largest(folder: &Path) -> std::path::PathBuf {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                all.push((entry.metadata().expect("a file").len(), entry.path()));
            }
        }
    }
    all.into_iter().max().expect("there is a pack").1
}

/// Whoever listens in the place of a member that is down hears no password, and is not backed up in its name.
#[cfg(feature = "redis")]
#[test]
fn a_member_that_does_not_run_is_not_looked_for_behind_its_port() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    harbour.run(&["backup"]).expect(0);
    harbour.run(&["down", "--yes"]).expect(0);
    let listener = std::net::TcpListener::bind(("127.0.0.1", harbour.port("sessions-1"))).expect("free");
    listener.set_nonblocking(true).expect("our own");
    let refused = harbour.run(&["backup"]).expect(1);
    assert!(format!("{}{}", refused.out, refused.err).contains("does not run"), "{}", refused.out);
    assert_eq!(snapshots(&harbour), 1);
    assert_eq!(listener.accept().expect_err("nobody came").kind(), std::io::ErrorKind::WouldBlock);
}

/// After a power cut nobody runs, and nobody was stopped on purpose.
#[cfg(feature = "redis")]
#[test]
fn what_died_with_its_agent_is_stopped_for_good_by_down_and_restored_in_place() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    harbour.run(&["backup"]).expect(0);
    let power_cut = || {
        let agent = harbour.processes().into_iter().find(|(_, command)| command.contains(" agent "));
        let (agent, _) = agent.expect("an agent runs");
        let server = pid_of(&harbour, "sessions-1");
        for pid in [Pid::from_raw(agent).expect("positive"), server] {
            kill_process(pid, Signal::KILL).expect("ours");
            wait::until("its end", Duration::from_secs(60), || is_gone(pid).then_some(()));
        }
    };
    power_cut();
    harbour.run(&["restore", "latest", "--yes=sessions-1"]).expect(0);
    assert_eq!(state_of(&harbour, "sessions-1"), "running");
    power_cut();
    let stopped = harbour.run(&["down", "--yes"]).expect(0);
    assert!(stopped.out.contains("sessions-1"), "{}", stopped.out);
    assert_eq!(state_of(&harbour, "sessions-1"), "stopped");
    harbour.run(&["status"]).expect(0);
}

/// Every process of a server is stopped, as by whoever freezes a machine's: none of them is left behind.
#[cfg(feature = "postgresql")]
#[test]
fn a_server_all_of_whose_processes_stand_still_is_stopped_whole() {
    let harbour = fleet(&[ORDERS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let data = harbour.path("members/voyage/orders-1/data");
    let of_it = || -> Vec<Pid> {
        let processes = fs::read_dir("/proc").expect("listed").flatten();
        let lives_there = |entry: &fs::DirEntry| {
            fs::read_link(entry.path().join("cwd")).is_ok_and(|folder| folder.starts_with(&data))
        };
        let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw);
        processes.filter(lives_there).filter_map(number).collect()
    };
    let all = of_it();
    assert!(all.len() > 3, "{all:?}");
    for pid in &all {
        kill_process(*pid, Signal::STOP).expect("ours");
    }
    harbour.run(&["down", "--yes"]).expect(0);
    assert_eq!(of_it(), []);
    harbour.run(&["up", "--yes"]).expect(0);
}

#[cfg(feature = "redis")]
#[test]
fn a_taken_port_and_foreign_data_are_refused_by_name() {
    let harbour = fleet(&[SESSIONS]);
    let listener =
        std::net::TcpListener::bind(("127.0.0.1", harbour.port("sessions-1"))).expect("free until now");
    let told = harbour.run(&["up", "--yes"]);
    assert_ne!(told.code, 0);
    let port = harbour.port("sessions-1").to_string();
    assert!(format!("{}{}", told.out, told.err).contains(&port), "{}{}", told.out, told.err);
    // The agent would start it again, into what is removed here.
    harbour.run(&["down", "--yes"]).expect(0);
    drop(listener);
    fs::remove_dir_all(harbour.path("members")).expect("own folder");
    fs::create_dir_all(harbour.path("members/voyage/sessions-1/data")).expect("own folder");
    fs::write(harbour.path("members/voyage/sessions-1/data/precious"), "do not touch").expect("own folder");
    let told = harbour.run(&["up", "--yes"]);
    assert_ne!(told.code, 0);
    let kept =
        fs::read_to_string(harbour.path("members/voyage/sessions-1/data/precious")).expect("still there");
    assert_eq!(kept, "do not touch");
}

#[cfg(feature = "redis")]
#[test]
fn data_of_another_cluster_is_refused() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    harbour.run(&["down", "--yes"]).expect(0);
    let text = harbour.declared();
    harbour.declare(&text.replace("  sessions:", "  others:"));
    let told = harbour.run(&["up", "--yes"]);
    assert_ne!(told.code, 0, "{}{}", told.out, told.err);
    assert!(format!("{}{}", told.out, told.err).contains("sessions"), "{}{}", told.out, told.err);
}

#[cfg(feature = "redis")]
#[test]
fn a_killed_agent_leaves_servers_running_and_the_next_one_takes_them_over() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let server = pid_of(&harbour, "sessions-1");
    let agent = harbour.processes().into_iter().find(|(_, command)| command.contains(" agent "));
    let (agent, _) = agent.expect("an agent runs");
    kill_process(Pid::from_raw(agent).expect("positive"), Signal::KILL).expect("ours");
    assert_eq!(Client::of(&harbour, "sessions-1").redis("roadstead", &["ping"]), "PONG");
    harbour.run(&["up", "--yes"]).expect(0);
    assert_eq!(pid_of(&harbour, "sessions-1"), server, "the server was not restarted");
    kill_process(server, Signal::KILL).expect("ours");
    wait::until("the member to be started again", Duration::from_secs(60), || {
        let status = harbour.run(&["status", "--json"]).json();
        let member = &status["members"][0];
        let pid = member["process"]["running"]["pid"].as_i64();
        let is_another = pid.is_some_and(|pid| pid != i64::from(server.as_raw_nonzero().get()));
        (member["state"] == "running" && is_another).then_some(())
    });
}

#[cfg(feature = "postgresql")]
#[test]
fn two_changing_commands_at_once_the_second_says_who_holds_the_fleet() {
    let server = stranger::Postgresql::start();
    let harbour = stranger_fleet(&server);
    server.sql("create table big as select i, repeat(md5(i::text), 40) t from generate_series(1, 150000) i");
    harbour.run(&["vault", "init"]).expect(0);
    let mut first = harbour.start(&["backup"]);
    let dump = held_dump(first.id());
    let second = harbour.run(&["backup"]);
    assert_eq!(second.code, 1, "{}{}", second.out, second.err);
    assert!(second.err.contains("backup") && second.err.contains(&first.id().to_string()), "{}", second.err);
    kill_process(dump, Signal::CONT).expect("ours");
    assert!(first.wait().expect("it ends").success());
    assert_eq!(snapshots(&harbour), 1);
    assert!(!harbour.path("members").exists(), "nothing of this fleet lives here");
}

#[cfg(feature = "postgresql")]
#[test]
fn an_interrupt_ends_with_130_and_leaves_nothing_that_counts() {
    let server = stranger::Postgresql::start();
    let harbour = stranger_fleet(&server);
    server.sql("create table big as select i, repeat(md5(i::text), 40) t from generate_series(1, 150000) i");
    harbour.run(&["vault", "init"]).expect(0);
    let mut backup = harbour.start(&["backup"]);
    let dump = held_dump(backup.id());
    kill_process(Pid::from_child(&backup), Signal::INT).expect("ours");
    // It may have gone with the backup.
    let _ = kill_process(dump, Signal::CONT);
    let status = backup.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    assert_eq!(snapshots(&harbour), 0);
    wait::until("the dump to end", Duration::from_secs(30), || dump_of(backup.id()).is_none().then_some(()));
}

#[cfg(feature = "postgresql")]
#[test]
fn a_restore_never_overwrites_a_server_that_is_not_empty() {
    let server = stranger::Postgresql::start();
    let harbour = stranger_fleet(&server);
    server.sql("create table precious (id int)");
    harbour.run(&["backup"]).expect(0);
    let to = format!("127.0.0.1:{}", server.port);
    let args = [
        "restore",
        "latest",
        "--cluster",
        "orders",
        "--to",
        &to,
        "--user",
        "postgres",
        "--password-ref",
        "${env:PASSWORD}",
    ];
    let told = harbour.run(&[&args[..], &["--yes"]].concat());
    assert_ne!(told.code, 0);
    assert_eq!(server.sql("select count(*) from precious"), "0");
    let empty = stranger::Postgresql::start();
    let to = format!("127.0.0.1:{}", empty.port);
    let args = [
        "restore",
        "latest",
        "--cluster",
        "orders",
        "--to",
        &to,
        "--user",
        "postgres",
        "--password-ref",
        "${env:PASSWORD}",
    ];
    harbour.run(&[&args[..], &["--yes"]].concat()).expect(0);
    assert_eq!(empty.sql("select count(*) from precious"), "0");
}

#[cfg(feature = "redis")]
#[test]
fn live_data_is_not_set_aside_without_its_name() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    harbour.run(&["backup"]).expect(0);
    Client::of(&harbour, "sessions-1").redis("roadstead", &["set", "later", "1"]);
    let told = harbour.run(&["restore", "latest", "--cluster", "sessions", "--yes"]);
    assert_ne!(told.code, 0, "--yes alone must not be enough");
    assert_eq!(Client::of(&harbour, "sessions-1").redis("roadstead", &["get", "later"]), "1");
    harbour.run(&["restore", "latest", "--cluster", "sessions", "--yes=sessions-1"]).expect(0);
    assert_eq!(Client::of(&harbour, "sessions-1").redis("roadstead", &["get", "later"]), "");
    let aside = fs::read_dir(harbour.path("members/voyage/sessions-1")).expect("its home").flatten();
    let aside = aside.filter(|entry| entry.file_name().to_string_lossy().starts_with("data.")).count();
    assert_eq!(aside, 1, "the old data is set aside, not deleted");
}

/// A planted secret is searched for in everything that Roadstead writes or shows.
#[cfg(all(feature = "postgresql", feature = "redis"))]
#[test]
fn a_planted_secret_is_nowhere() {
    let harbour = fleet(&[ORDERS, SESSIONS]);
    let planted = "pl4nted-s3cret-value";
    harbour.secret("secrets/orders_app", planted);
    harbour.secret("secrets/sessions_app", planted);
    let mut told = String::new();
    for args in [
        &["check", "--json"][..],
        &["explain"],
        &["plan", "--json"],
        &["up", "--yes", "-v"],
        &["status", "--json"],
        &["backup", "-v"],
        &["verify", "--json"],
        &["backups", "--json"],
        &["journal", "--json"],
    ] {
        let ran = harbour.run(args).expect(0);
        told.push_str(&ran.out);
        told.push_str(&ran.err);
    }
    assert!(!told.contains(planted), "shown to the user");
    for (_, command) in harbour.processes() {
        assert!(!command.contains(planted), "in the arguments of a process: {command}");
    }
    for folder in [".roadstead", "vault", "members/voyage/orders-1/log", "members/voyage/sessions-1/log"] {
        search(&harbour.path(folder), planted);
    }
}

fn search(folder: &Path, planted: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            search(&path, planted);
        } else if let Ok(bytes) = fs::read(&path) {
            let found = bytes.windows(planted.len()).any(|window| window == planted.as_bytes());
            assert!(!found, "the secret is in {}", path.display());
        }
    }
}

//! Restoring into a server that somebody else runs, and what is left of it when that breaks off.

use std::time::Duration;

use roadstead_testkit::{fleet::Harbour, place, stranger, wait};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    crash::killed_after_every_record,
    faults::{stranger_fleet, tool_of},
    harbour::{Client, SESSIONS, fleet},
};

/// A fleet with one snapshot of a server that holds a database, accounts and rows.
fn backed_up(server: &stranger::Postgresql, rows: u32) -> Harbour {
    server.sql("create role app login password 'x'");
    server.sql("create database shop owner app");
    server.sql("alter role app in database shop set work_mem = '5MB'");
    server.sql("grant connect on database postgres to app");
    server.sql(&format!(
        "create table big as select i, repeat(md5(i::text), 40) t from generate_series(1, {rows}) i"
    ));
    let harbour = stranger_fleet(server);
    harbour.run(&["backup"]).expect(0);
    harbour
}

fn restore_to<'a>(address: &'a str, yes: &'a str) -> Vec<&'a str> {
    let account = ["--user", "postgres", "--password-ref", "${env:PASSWORD}"];
    [&["restore", "latest", "--to", address], account.as_slice(), &[yes]].concat()
}

/// The tool that a restore loads rows with, held in the middle of that.
fn held_load(restore: u32, target: &stranger::Postgresql) -> Pid {
    let loads =
        "select count(*) from pg_stat_activity where application_name = 'roadstead' and query ~ '^COPY'";
    wait::until("rows to be loaded", Duration::from_secs(60), || {
        let tool = tool_of(restore, "pg_restore", "--section=data")?;
        // Held while the server is asked, it cannot end meanwhile.
        kill_process(tool, Signal::STOP).ok()?;
        if target.sql(loads) != "0" {
            return Some(tool);
        }
        kill_process(tool, Signal::CONT).expect("ours");
        None
    })
}

#[cfg(feature = "postgresql")]
#[test]
fn a_load_killed_midway_is_carried_on_and_takes_out_only_its_own() {
    let (original, target) = (stranger::Postgresql::start(), stranger::Postgresql::start());
    let harbour = backed_up(&original, 60_000);
    let address = format!("127.0.0.1:{}", target.port);
    let mut restore = harbour.start(&restore_to(&address, "--yes"));
    let load = held_load(restore.id(), &target);
    restore.kill().expect("ours");
    restore.wait().expect("it ends");
    // It may have gone with the restore.
    let _ = kill_process(load, Signal::CONT);

    let before = harbour.run(&["journal", "--json"]).expect(0).json();
    let killed = before["operations"].as_array().expect("a list").iter().find(|one| one["result"].is_null());
    let id = killed.expect("the killed one")["id"].as_str().expect("an id").to_owned();
    // Another restore onto its half load is refused; what leads on is the first one's id, not its own.
    let refused = harbour.run(&restore_to(&address, "--yes")).expect(1);
    let carry_on = format!("Carry on with: roadstead resume {}", &id[..8]);
    assert!(format!("{}{}", refused.out, refused.err).contains(&carry_on), "{}{}", refused.out, refused.err);
    // Somebody came in between: nothing is touched until it is gone.
    target.sql("create table mine (a int)");
    let yes = format!("--yes={address}");
    let refused = harbour.run(&["resume", &id, &yes]).expect(1);
    assert!(format!("{}{}", refused.out, refused.err).contains("postgres.public.mine"), "{}", refused.out);
    assert_eq!(target.sql("select count(*) from mine"), "0");
    target.sql("drop table mine");
    target.sql("create role monitoring login");

    let refused = harbour.run(&["resume", "--yes"]).expect(2);
    assert!(refused.err.contains(&address), "what it would lose is asked for by name: {}", refused.err);
    let resumed = harbour.run(&["resume", &yes]).expect(0);
    assert!(resumed.out.contains("monitoring"), "an account of its own is kept and told: {}", resumed.out);
    assert_eq!(target.sql("select count(*) from big"), "60000");
    let app = "select rolcanlogin, (select count(*) from pg_db_role_setting), (select count(*) from pg_database where datname = 'shop') \
        from pg_roles where rolname = 'app'";
    assert_eq!(target.sql(app), original.sql(app));
}

/// Cleaned up by hand, restored anew, used: the operation that was killed before is over.
#[cfg(feature = "postgresql")]
#[test]
fn a_killed_load_is_over_once_a_later_one_was_done_in_its_place() {
    let (original, target) = (stranger::Postgresql::start(), stranger::Postgresql::start());
    let harbour = backed_up(&original, 100);
    let address = format!("127.0.0.1:{}", target.port);
    harbour.run_with(&[("ROADSTEAD_CRASH_AFTER_RECORD", "4")], &restore_to(&address, "--yes")).expect(-1);
    let listed = harbour.run(&["journal", "--json"]).expect(0).json();
    let killed = listed["operations"].as_array().expect("a list").iter().find(|one| one["result"].is_null());
    let id = killed.expect("the killed one")["id"].as_str().expect("an id").to_owned();
    harbour.run(&restore_to(&address, "--yes")).expect(0);
    target.sql("insert into big values (-1, 'of a client')");
    let refused = harbour.run(&["resume", &id, &format!("--yes={address}")]).expect(1);
    assert!(refused.err.contains("is over"), "{}", refused.err);
    assert_eq!(target.sql("select count(*) from big"), "101");
}

#[cfg(feature = "redis")]
#[test]
fn keys_of_a_broken_off_load_are_taken_out_by_the_server_that_got_them() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let sessions = Client::of(&harbour, "sessions-1");
    sessions.redis("roadstead", &["eval", "for i = 1, 5000 do redis.call('set', 'k' .. i, i) end", "0"]);
    harbour.run(&["backup"]).expect(0);
    let target = Redis::start();
    let address = format!("127.0.0.1:{}", target.port);
    let restore = ["restore", "latest", "--to", &address, "--user", "default", "--yes"];
    // Killed once the server was found empty: what a load leaves is put there by hand.
    harbour.run_with(&[("ROADSTEAD_CRASH_AFTER_RECORD", "4")], &restore).expect(-1);
    target.say(&["set", "k1", "half"]);
    let yes = format!("--yes={address}");
    target.say(&["set", "foreign", "1"]);
    let refused = harbour.run(&["resume", &yes]).expect(1);
    assert!(format!("{}{}", refused.out, refused.err).contains("does not hold"), "{}", refused.out);
    assert_eq!(target.say(&["dbsize"]), "2");
    target.say(&["del", "foreign"]);
    harbour.run(&["resume", &yes]).expect(0);
    assert_eq!((target.say(&["dbsize"]), target.say(&["get", "k1"])), ("5000".into(), "1".into()));
}

/// Found empty and not loaded: what is there since is somebody's, whatever its name, and is not asked for.
#[cfg(feature = "redis")]
#[test]
fn a_server_that_no_load_began_on_is_not_cleared() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    Client::of(&harbour, "sessions-1").redis("roadstead", &["set", "k1", "1"]);
    harbour.run(&["backup"]).expect(0);
    let target = Redis::start();
    let address = format!("127.0.0.1:{}", target.port);
    let restore = ["restore", "latest", "--to", &address, "--user", "default", "--yes"];
    // begin; empty-target: two records.
    harbour.run_with(&[("ROADSTEAD_CRASH_AFTER_RECORD", "3")], &restore).expect(-1);
    target.say(&["set", "k1", "a client's"]);
    let refused = harbour.run(&["resume", "--yes"]).expect(1);
    assert!(
        format!("{}{}", refused.out, refused.err).contains("not empty"),
        "{}{}",
        refused.out,
        refused.err
    );
    assert_eq!(target.say(&["get", "k1"]), "a client's");
    target.say(&["del", "k1"]);
    harbour.run(&["resume", "--yes"]).expect(0);
    assert_eq!(target.say(&["get", "k1"]), "1");
}

/// A later restore into the same place that loaded its data, and was only found to differ, is what counts.
#[cfg(feature = "redis")]
#[test]
fn what_a_later_restore_loaded_is_not_taken_for_an_earlier_ones() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let sessions = || Client::of(&harbour, "sessions-1");
    sessions().redis("roadstead", &["set", "a", "1"]);
    harbour.run(&["backup"]).expect(0);
    let restore = ["restore", "latest", "--cluster", "sessions", "--yes=sessions-1"];
    // Killed once the load had begun: begin; ready, stop, set aside, create: two records each; load: one.
    harbour.run_with(&[("ROADSTEAD_CRASH_AFTER_RECORD", "10")], &restore).expect(-1);
    // The second one is killed when it runs again, before it is compared.
    harbour.run_with(&[("ROADSTEAD_CRASH_AFTER_RECORD", "7")], &restore).expect(-1);
    let listed = harbour.run(&["journal", "--json"]).expect(0).json();
    let later = &listed["operations"][0];
    assert_eq!(later["steps"].as_array().map(Vec::len), Some(3), "create, load, start: {listed:#}");
    sessions().redis("roadstead", &["set", "b", "a client's"]);
    let earlier = listed["operations"][1]["id"].as_str().expect("an id").to_owned();
    let refused = harbour.run(&["resume", &earlier, "--yes=sessions-1"]).expect(1);
    assert!(refused.err.contains("is over"), "{}", refused.err);
    harbour.run(&["resume", "--yes"]).expect(1);
    assert_eq!(sessions().redis("roadstead", &["get", "b"]), "a client's");
    let none = harbour.run(&["resume", "--json"]);
    assert_eq!(sessions().redis("roadstead", &["get", "b"]), "a client's", "{}", none.out);
}

/// A Redis that somebody else runs, without a password.
struct Redis {
    port: u16,
    child: std::process::Child,
    _folder: tempfile::TempDir,
}

impl Redis {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = place::free_port();
        let child = std::process::Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--dir"])
            .arg(folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("redis-server");
        let server = Self { port, child, _folder: folder };
        wait::until("the stranger's server to answer", Duration::from_secs(30), || {
            (server.say(&["ping"]) == "PONG").then_some(())
        });
        server
    }

    fn say(&self, words: &[&str]) -> String {
        let output = std::process::Command::new("redis-cli")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(words)
            .output()
            .expect("redis-cli");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Between its making and its load, what a restore made is nobody's member: an `up` refuses, a resumption goes on.
#[cfg(feature = "redis")]
#[test]
fn what_a_restore_made_and_did_not_load_is_never_started_as_a_member() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let sessions = || Client::of(&harbour, "sessions-1");
    sessions().redis("roadstead", &["set", "a", "1"]);
    harbour.run(&["backup"]).expect(0);
    harbour.run(&["verify"]).expect(0);
    let restore = ["restore", "latest", "--cluster", "sessions", "--yes=sessions-1"];
    // begin; ready, stop, set aside, create: two records each.
    harbour.run_with(&[("ROADSTEAD_CRASH_AFTER_RECORD", "9")], &restore).expect(-1);
    let refused = harbour.run(&["up", "--yes"]).expect(1);
    assert!(refused.err.contains("sessions-1") || refused.out.contains("sessions-1"), "{}", refused.err);
    assert!(harbour.processes().iter().all(|(_, command)| !command.contains("redis-server")), "none runs");
    harbour.run(&["resume", "--yes=sessions-1"]).expect(0);
    assert_eq!(sessions().redis("roadstead", &["get", "a"]), "1");
}

#[cfg(feature = "postgresql")]
#[test]
fn crash_during_restore_by_address() {
    let original = stranger::Postgresql::start();
    let harbour = backed_up(&original, 100);
    let target = stranger::Postgresql::start();
    let address = format!("127.0.0.1:{}", target.port);
    let yes = format!("--yes={address}");
    let reset = |_: &Harbour| {
        target.sql("drop database if exists shop");
        target.sql("drop table if exists big");
        target.sql("do $$ begin if exists (select from pg_roles where rolname = 'app') then drop owned by app; drop role app; end if; end $$");
    };
    let restored = |_: &Harbour, after: u32| {
        assert_eq!(target.sql("select count(*) from big"), "100", "killed after {after}");
    };
    let records = killed_after_every_record(&harbour, &restore_to(&address, &yes), &reset, &restored);
    assert!(records >= 8, "three steps and the operation's own: {records}");
}

/// The usual way after a disaster: the server that is declared was made anew, empty. What a load left there is no backup.
#[cfg(feature = "postgresql")]
#[test]
fn half_a_load_at_a_declared_address_is_told_and_not_backed_up() {
    let original = stranger::Postgresql::start();
    let harbour = backed_up(&original, 60_000);
    harbour.run(&["verify"]).expect(0);
    let target = stranger::Postgresql::start();
    let text = harbour.declared();
    let moved = text.replace(&original.port.to_string(), &target.port.to_string());
    std::fs::write(harbour.path("fleet.yaml"), moved).expect("own folder");
    let address = format!("localhost:{}", target.port);
    let mut restore = harbour.start(&restore_to(&address, "--yes"));
    let load = held_load(restore.id(), &target);
    restore.kill().expect("ours");
    restore.wait().expect("it ends");
    // It may have gone with the restore.
    let _ = kill_process(load, Signal::CONT);

    let refused = harbour.run(&["backup"]).expect(1);
    let told = format!("{}{}", refused.out, refused.err);
    assert!(told.contains("roadstead resume") && told.contains("part of a snapshot"), "{told}");
    let status = harbour.run(&["status"]).expect(1);
    assert!(
        status.out.contains("part of the snapshot") && status.out.contains("--give-up"),
        "{}",
        status.out
    );
    harbour.run(&["resume", &format!("--yes={address}")]).expect(0);
    harbour.run(&["status"]).expect(0);
    harbour.run(&["backup"]).expect(0);
    assert_eq!(target.sql("select count(*) from big"), "60000");
}

/// Under another name of the same server, another restore is in its place as well.
#[cfg(feature = "redis")]
#[test]
fn a_server_is_one_place_under_all_its_names() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    Client::of(&harbour, "sessions-1").redis("roadstead", &["set", "a", "1"]);
    harbour.run(&["backup"]).expect(0);
    let target = Redis::start();
    let restore = |host: &str| {
        let address = format!("{host}:{}", target.port);
        let args = ["restore", "latest", "--to", &address, "--user", "default", "--yes"];
        args.map(str::to_owned)
    };
    let run = |args: [String; 7], env: &[(&str, &str)]| {
        harbour.run_with(env, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    run(restore("127.0.0.1"), &[("ROADSTEAD_CRASH_AFTER_RECORD", "4")]).expect(-1);
    run(restore("localhost"), &[]).expect(0);
    target.say(&["set", "b", "a client's"]);
    let none = harbour.run(&["resume", "--json"]).expect(0).json();
    assert!(none["resumed"].is_null(), "{none:#}");
    assert_eq!(target.say(&["get", "b"]), "a client's");
}

/// A resumption that could not even begin leaves what waits as it was.
#[cfg(feature = "redis")]
#[test]
fn a_resumption_that_fails_at_once_forgets_nothing() {
    let (harbour, pack) = crate::faults::proven_with_its_pack();
    let restore = ["restore", "latest", "--cluster", "sessions", "--yes=sessions-1"];
    // begin; ready, stop: two records each.
    harbour.run_with(&[("ROADSTEAD_CRASH_AFTER_RECORD", "5")], &restore).expect(-1);
    let away = harbour.path("pack-away");
    std::fs::rename(&pack, &away).expect("own folder");
    harbour.run(&["resume", "--yes=sessions-1"]).expect(1);
    std::fs::rename(&away, &pack).expect("own folder");
    let status = harbour.run(&["status"]).expect(1);
    assert!(status.out.contains("did not end"), "{}", status.out);
    harbour.run(&["resume", "--yes=sessions-1"]).expect(0);
    harbour.run(&["status"]).expect(0);
    assert_eq!(Client::of(&harbour, "sessions-1").redis("roadstead", &["dbsize"]), "3000");
}

/// What waits at one place is given up together: an older operation does not come back in its stead.
#[cfg(feature = "redis")]
#[test]
fn all_that_waits_at_one_place_is_given_up_together() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    Client::of(&harbour, "sessions-1").redis("roadstead", &["set", "a", "1"]);
    harbour.run(&["backup"]).expect(0);
    let target = Redis::start();
    let address = format!("127.0.0.1:{}", target.port);
    let restore = ["restore", "latest", "--to", &address, "--user", "default", "--yes"];
    for _ in 0..2 {
        // begin; empty-target: two records; load: one.
        harbour.run_with(&[("ROADSTEAD_CRASH_AFTER_RECORD", "4")], &restore).expect(-1);
    }
    let status = harbour.run(&["status"]).expect(0);
    assert!(status.out.contains("part of the snapshot"), "a server elsewhere is a warning: {}", status.out);
    // Under another name of the fleet it is still listed, so that it can be given up.
    let declared = harbour.declared();
    let renamed = declared.replace("fleet: voyage", "fleet: passage");
    std::fs::write(harbour.path("fleet.yaml"), renamed).expect("own folder");
    let listed = harbour.run(&["journal", "--json"]).expect(0).json();
    let listed = listed["operations"].as_array().expect("a list").clone();
    assert_eq!(listed.len(), 2, "the restores, and nothing else of the former name: {listed:#?}");
    for operation in &listed {
        harbour.run(&["journal", operation["id"].as_str().expect("an id")]).expect(0);
    }
    std::fs::write(harbour.path("fleet.yaml"), declared).expect("own folder");
    harbour.run(&["resume", "--give-up"]).expect(0);
    assert!(!harbour.run(&["status"]).expect(0).out.contains("part of the snapshot"));
    let none = harbour.run(&["resume", "--json"]).expect(0).json();
    assert!(none["resumed"].is_null(), "{none:#}");
}

/// What nobody will carry on is told no more, and stays as it is.
#[cfg(feature = "redis")]
#[test]
fn an_operation_can_be_given_up() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    Client::of(&harbour, "sessions-1").redis("roadstead", &["set", "a", "1"]);
    harbour.run(&["backup"]).expect(0);
    let restore = ["restore", "latest", "--cluster", "sessions", "--yes=sessions-1"];
    // begin; ready, stop: two records each.
    harbour.run_with(&[("ROADSTEAD_CRASH_AFTER_RECORD", "5")], &restore).expect(-1);
    let status = harbour.run(&["status"]).expect(1);
    assert!(status.out.contains("did not end"), "a member that was taken down is told: {}", status.out);
    harbour.run(&["up", "--yes"]).expect(0);
    let given_up = harbour.run(&["resume", "--give-up"]).expect(0);
    assert!(given_up.out.contains("Given up"), "{}", given_up.out);
    harbour.run(&["status"]).expect(0);
    let listed = harbour.run(&["journal", "--json"]).expect(0).json();
    let operations = listed["operations"].as_array().expect("a list");
    let id = operations.iter().find(|one| one["result"] == "given-up").expect("it is kept")["id"].clone();
    harbour.run(&["resume", id.as_str().expect("an id")]).expect(1);
    assert_eq!(Client::of(&harbour, "sessions-1").redis("roadstead", &["get", "a"]), "1");
}

/// A snapshot that its vault cannot give back takes no member down.
#[cfg(feature = "redis")]
#[test]
fn a_restore_that_cannot_end_well_takes_nothing_down() {
    let (harbour, pack) = crate::faults::proven_with_its_pack();
    let away = harbour.path("pack-away");
    std::fs::rename(&pack, &away).expect("own folder");
    let restore = ["restore", "latest", "--cluster", "sessions", "--yes=sessions-1"];
    let refused = harbour.run(&restore).expect(1);
    let told = format!("{}{}", refused.out, refused.err);
    assert!(told.contains("lacks something in its vault"), "{told}");
    assert_eq!(Client::of(&harbour, "sessions-1").redis("roadstead", &["dbsize"]), "3000");
    harbour.run(&["status"]).expect(0);
    std::fs::rename(&away, &pack).expect("own folder");
    harbour.run(&restore).expect(0);
}

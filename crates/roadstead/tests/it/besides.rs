//! What the fleet file does not say and nobody may forget: copies beside, fleets of the same name, lost keys, damage.

use std::fs;

use roadstead_testkit::place;

use crate::{
    faults::proven_with_its_pack,
    harbour::{Client, SESSIONS, fleet},
};

#[cfg(feature = "redis")]
#[test]
fn a_copy_beside_is_listed_stopped_with_the_rest_and_stays_stopped() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    harbour.run(&["backup"]).expect(0);
    let beside = format!("sessions-copy:{}", place::free_port());
    harbour.run(&["restore", "latest", "--beside", &beside, "--yes"]).expect(0);
    let state = |wanted: &str| {
        let status = harbour.run(&["status", "--json"]).expect(0).json();
        let members = status["members"].as_array().expect("members").clone();
        let copy =
            members.iter().find(|m| m["member"] == "sessions-copy").expect("the copy is listed").clone();
        assert_eq!((&copy["state"], &copy["declared"]), (&wanted.into(), &false.into()), "{copy:#}");
    };
    state("running");
    let plan = harbour.run(&["plan"]).expect(0);
    assert!(plan.out.contains("sessions-copy") && plan.out.contains("nothing to do"), "{}", plan.out);
    harbour.run(&["down", "--yes"]).expect(0);
    assert!(harbour.processes().is_empty(), "{:?}", harbour.processes());
    harbour.run(&["up", "--yes"]).expect(0);
    state("stopped");
}

#[cfg(feature = "redis")]
#[test]
fn a_fleet_of_the_same_name_touches_nothing_of_the_other() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    harbour.run(&["backup"]).expect(0);
    let other = harbour.path("other");
    fs::create_dir(&other).expect("own folder");
    harbour.secret("other/vault.key", "a-vault-key-of-good-length-0123456789");
    std::os::unix::fs::symlink(harbour.path("vault"), other.join("vault")).expect("own folder");
    for entry in fs::read_dir(harbour.path("secrets")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        harbour.secret(&format!("other/secrets/{name}"), &fs::read_to_string(entry.path()).expect("read"));
    }
    let file = other.join("fleet.yaml");
    fs::write(&file, harbour.declared()).expect("own folder");
    let file = file.display().to_string();
    let own_port = format!("port: {}", harbour.port("sessions-1"));
    let other_port = format!("port: {}", place::free_port());
    for declared in [harbour.declared(), harbour.declared().replace(&own_port, &other_port)] {
        fs::write(&file, declared).expect("own folder");
        let restore = ["restore", "latest", "--yes=sessions-1"];
        for command in [["up", "--yes"].as_slice(), &["down", "--yes"], &["status"], &["plan"], &restore] {
            let refused = harbour.run(&[command, &["-f", &file]].concat());
            let told = format!("{}{}", refused.out, refused.err);
            assert!(told.contains(&harbour.path("fleet.yaml").display().to_string()), "{command:?}: {told}");
            assert_eq!(refused.code, 1, "{command:?}: {told}");
            assert!(!told.contains("interrupts-writes"), "refused before anything is planned: {told}");
        }
        let status = harbour.run(&["status", "--json", "-f", &file]).expect(1).json();
        let members = status["members"].as_array().expect("a list");
        assert_eq!((members.len(), &members[0]["state"]), (1, &"refused".into()), "{status:#}");
        assert!(members[0]["process"].is_null(), "what runs there is not this fleet's: {status:#}");
    }
    assert_eq!(Client::of(&harbour, "sessions-1").redis("roadstead", &["ping"]), "PONG");
}

/// A link to the fleet file, from wherever, is that file.
#[cfg(feature = "redis")]
#[test]
fn a_symbolic_link_to_the_fleet_file_is_the_same_fleet() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    fs::create_dir(harbour.path("elsewhere")).expect("own folder");
    for link in ["beside.yaml", "elsewhere/fleet.yaml"] {
        let link = harbour.path(link);
        std::os::unix::fs::symlink(harbour.path("fleet.yaml"), &link).expect("own folder");
        let file = link.display().to_string();
        harbour.run(&["status", "-f", &file]).expect(0);
        assert!(harbour.run(&["plan", "-f", &file]).expect(0).out.contains("nothing to do"));
        harbour.run(&["backup", "-f", &file]).expect(0);
    }
    assert_eq!(
        fs::read_dir(harbour.path("elsewhere")).expect("own folder").count(),
        1,
        "nothing was made there"
    );
    let listed = harbour.run(&["backups", "--json"]).expect(0).json();
    assert_eq!(listed["snapshots"].as_array().map(Vec::len), Some(2));
}

/// Fleet files of one folder share its journal and its vault. What waits in one fleet is nothing of the other's.
#[cfg(feature = "redis")]
#[test]
fn what_waits_in_one_fleet_is_never_carried_on_in_another() {
    let harbour = fleet(&[SESSIONS]);
    let declared = harbour.declared();
    let file_of = |fleet: &str| {
        let path = harbour.path(&format!("{fleet}.yaml"));
        fs::write(&path, declared.replace("fleet: voyage", &format!("fleet: {fleet}"))).expect("own folder");
        path.display().to_string()
    };
    // One port for both: one is down while the other is up.
    let (staging, production) = (file_of("voyage"), file_of("production"));
    fs::remove_file(harbour.path("fleet.yaml")).expect("own folder");
    let run = |args: &[&str], file: &str| harbour.run(&[args, &["-f", file]].concat());
    let restore = ["restore", "latest", "--cluster", "sessions", "--yes=sessions-1", "-f", &staging];
    run(&["up", "--yes"], &staging).expect(0);
    run(&["backup"], &staging).expect(0);
    // begin; ready, stop: two records each.
    harbour.run_with(&[("ROADSTEAD_CRASH_AFTER_RECORD", "5")], &restore).expect(-1);
    let listed = run(&["journal", "--json"], &staging).expect(0).json();
    let killed = listed["operations"][0]["id"].as_str().expect("an id").to_owned();

    run(&["up", "--yes"], &production).expect(0);
    let status = run(&["status"], &production).expect(0);
    assert!(!format!("{}{}", status.out, status.err).contains(&killed[..8]), "{}{}", status.out, status.err);
    let none = run(&["resume", "--yes=sessions-1", "--json"], &production).expect(0).json();
    assert!(none["resumed"].is_null(), "{none:#}");
    let refused = run(&["resume", &killed, "--yes=sessions-1"], &production).expect(2);
    assert!(refused.err.contains(&killed[..8]), "{}", refused.err);
    // Nor does what is done in the other end it.
    run(&["backup"], &production).expect(0);
    run(&["restore", "latest", "--cluster", "sessions", "--yes=sessions-1"], &production).expect(0);
    run(&["down", "--yes"], &production).expect(0);
    assert!(run(&["status"], &staging).expect(1).out.contains(&killed[..8]));
    run(&["resume", "--yes=sessions-1"], &staging).expect(0);
    run(&["status"], &staging).expect(0);
}

#[cfg(feature = "redis")]
#[test]
fn damage_that_a_check_of_the_vault_finds_takes_the_green_away() {
    let (harbour, pack) = proven_with_its_pack();
    let whole = fs::read(&pack).expect("a pack");
    fs::write(&pack, &whole[..whole.len() / 2]).expect("written");
    let seen = || {
        let listed = harbour.run(&["backups", "--json"]).expect(0).json();
        let snapshot = &listed["snapshots"][0];
        (snapshot["stage"].clone(), snapshot["failed"].clone(), snapshot["history"].as_array().map(Vec::len))
    };
    harbour.run(&["vault", "check"]).expect(1);
    assert_eq!(seen(), ("taken".into(), true.into(), Some(3)));
    harbour.run(&["vault", "check"]).expect(1);
    assert_eq!(seen().2, Some(3), "the same damage is noted once");

    // With the file back, only reading every byte makes it trusted again.
    fs::write(&pack, &whole).expect("written");
    harbour.run(&["vault", "check"]).expect(0);
    assert_eq!(seen().0, "taken");
    harbour.run(&["verify"]).expect(0);
    assert_eq!(seen().0, "proven");

    // Damaged for good, it can be removed: it is proven no more.
    fs::write(&pack, &whole[..whole.len() / 2]).expect("written");
    harbour.run(&["vault", "check"]).expect(1);
    harbour.run(&["backup"]).expect(0);
    harbour.run(&["verify"]).expect(0);
    let listed = harbour.run(&["backups", "--json"]).expect(0).json();
    assert_eq!(listed["snapshots"][1]["stage"], "proven", "{listed:#}");
    let damaged = listed["snapshots"][0]["id"].as_str().expect("an id").to_owned();
    harbour.run(&["vault", "prune", "--snapshot", &damaged, "--yes=local"]).expect(0);
    harbour.run(&["verify"]).expect(0);
    harbour.run(&["vault", "check"]).expect(0);
}

#[cfg(feature = "redis")]
#[test]
fn a_lost_key_is_an_error_and_never_a_vault_without_snapshots() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    harbour.run(&["backup"]).expect(0);
    fs::remove_file(harbour.path("vault.key")).expect("ours to lose");
    for command in ["status", "backups"] {
        let told = harbour.run(&[command]);
        assert_eq!(told.code, 1, "{command}: {}{}", told.out, told.err);
        let all = format!("{}{}", told.out, told.err);
        assert!(all.contains("vault.key") && !all.contains("never"), "{command}: {all}");
    }
    assert!(!harbour.path("vault.key").exists(), "a key that is lost is not made anew");
}

#[cfg(feature = "redis")]
#[test]
fn a_hundred_differences_are_told_and_block_nothing() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let sessions = Client::of(&harbour, "sessions-1");
    for number in 0..100 {
        let name = format!("account-{number}");
        sessions.redis("roadstead", &["acl", "setuser", &name, "on", ">p", "~*", "+get"]);
    }
    harbour.run(&["backup"]).expect(0);
    for number in 0..100 {
        sessions.redis("roadstead", &["acl", "deluser", &format!("account-{number}")]);
    }
    let told = harbour.run(&["verify", "--live", "--cluster", "sessions"]).expect(1);
    let all = format!("{}{}", told.out, told.err);
    assert!(all.contains("account-0") && all.contains("80 more") && !all.contains("core-differs"), "{all}");
    let json = harbour.run(&["verify", "--live", "--cluster", "sessions", "--json"]).expect(1).json();
    let error = json["report"]["steps"][0]["error"].clone();
    assert_eq!(error["parts"].as_array().map(Vec::len), Some(100), "{json:#}");
    harbour.run(&["journal"]).expect(0);
    harbour.run(&["backup"]).expect(0);
    harbour.run(&["verify"]).expect(0);
}

#[cfg(feature = "redis")]
#[test]
fn disks_that_are_away_are_told_and_nothing_takes_their_place() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    harbour.run(&["backup"]).expect(0);
    harbour.run(&["down", "--yes"]).expect(0);
    let (vault, data) = (harbour.path("vault"), harbour.path("members/voyage/sessions-1/data"));
    let away = |path: &std::path::Path| path.with_extension("away");
    for path in [&vault, &data] {
        fs::rename(path, away(path)).expect("ours");
    }
    let told = harbour.run(&["up", "--yes"]).expect(1);
    assert!(told.err.contains("sessions-1") || told.out.contains("sessions-1"), "{}{}", told.out, told.err);
    assert!(!data.exists());
    harbour.run(&["status"]).expect(1);
    let told = harbour.run(&["backup"]);
    assert_ne!(told.code, 0, "{}{}", told.out, told.err);
    assert!(!vault.exists(), "no vault is made in the place of one that was used");
    for path in [&vault, &data] {
        fs::rename(away(path), path).expect("ours");
    }
    harbour.run(&["up", "--yes"]).expect(0);
    harbour.run(&["verify"]).expect(0);
}

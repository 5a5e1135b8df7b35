//! Restores that failed half way: what they left is told for what it is, and carried on whatever was done since.

use std::{fs, path::Path};

use roadstead_testkit::{fleet::Harbour, place};
use serde_json::Value;

use crate::{
    faults::largest,
    harbour::{Client, SESSIONS, fleet},
};

const CACHE: &str = r"
  cache:
    engine: redis
    memory: 64MiB
    members: [{ name: cache-1, port: {port2} }]
    backup: { vault: local }
";

/// Turns a bit of a file, and back again.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).expect("a pack");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("own folder");
}

/// The member as the status knows it, which ends with this code.
fn member(harbour: &Harbour, name: &str, code: i32) -> Value {
    let status = harbour.run(&["status", "--json"]).expect(code).json();
    let members = status["members"].as_array().expect("a list");
    members.iter().find(|member| member["member"] == name).expect("it is listed").clone()
}

#[cfg(feature = "redis")]
#[test]
fn a_restore_that_failed_half_way_is_carried_on_whatever_was_done_since() {
    let harbour = fleet(&[SESSIONS, CACHE]);
    harbour.run(&["up", "--yes"]).expect(0);
    let of = |name: &'static str| Client::of(&harbour, name);
    of("sessions-1").redis(
        "roadstead",
        &["eval", "for i = 1, 3000 do redis.call('set', 'k' .. i, redis.sha1hex(i)) end", "0"],
    );
    harbour.run(&["backup", "--cluster", "sessions"]).expect(0);
    // What only reading every byte would find: the load meets it in the middle.
    let pack = largest(&harbour.path("vault/data"));
    flip(&pack);

    harbour.run(&["restore", "latest", "--cluster", "sessions", "--yes=sessions-1"]).expect(3);
    assert_eq!(member(&harbour, "sessions-1", 1)["unfinished"], true);
    let shown = harbour.run(&["status"]).expect(1);
    assert!(shown.out.contains("unfinished") && shown.out.contains("roadstead resume"), "{}", shown.out);
    let refused = harbour.run(&["plan"]).expect(1);
    assert!(refused.err.contains("roadstead resume"), "{}", refused.err);
    assert!(!refused.err.contains("not mounted"), "its data was not lost: {}", refused.err);

    // Something else ends well; the restore still waits.
    harbour.run(&["backup", "cache"]).expect(0);
    flip(&pack);
    // What lies there goes with what somebody may have put to it since: not without its name.
    let more = harbour.path("members/voyage/sessions-1/data/of-somebody");
    fs::write(&more, "1").expect("own folder");
    let unnamed = harbour.run(&["resume", "--yes"]).expect(2);
    assert!(unnamed.err.contains("sessions-1"), "{}", unnamed.err);
    assert!(more.exists());
    let planned = harbour.run(&["resume", "--dry-run"]);
    assert!(planned.out.contains("what was loaded in part"), "{}{}", planned.out, planned.err);
    let resumed = harbour.run(&["resume", "--yes=sessions-1"]).expect(0);
    assert!(resumed.out.contains("restore") || resumed.err.contains("restore"), "{}", resumed.out);
    assert_eq!(of("sessions-1").redis("roadstead", &["dbsize"]), "3000");
    assert_eq!(member(&harbour, "sessions-1", 0)["unfinished"], false);
    let none = harbour.run(&["resume", "--json"]).expect(0).json();
    assert!(none["resumed"].is_null(), "{none:#}");

    // A copy beside that is not whole is not taken for one either.
    flip(&pack);
    let beside = format!("copy-1:{}", place::free_port());
    harbour.run(&["restore", "latest", "--cluster", "sessions", "--beside", &beside, "--yes"]).expect(3);
    assert_eq!(member(&harbour, "copy-1", 1)["unfinished"], true);
    let shown = harbour.run(&["status"]).expect(1);
    let home = harbour.path("members/voyage/copy-1").display().to_string();
    assert!(shown.out.contains("roadstead resume") && shown.out.contains(&home), "{}", shown.out);
    harbour.run(&["backup", "cache"]).expect(0);
    flip(&pack);
    harbour.run(&["resume", "--yes"]).expect(2);
    harbour.run(&["resume", "--yes=copy-1"]).expect(0);
    assert_eq!(member(&harbour, "copy-1", 0)["state"], "running");
}

/// What was only found to differ, or was refused before anything was changed, waits for nobody.
#[cfg(feature = "redis")]
#[test]
fn a_restore_that_was_refused_is_nothing_to_carry_on() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    Client::of(&harbour, "sessions-1").redis("roadstead", &["set", "a", "1"]);
    harbour.run(&["backup"]).expect(0);
    let address = format!("127.0.0.1:{}", harbour.port("sessions-1"));
    let refused =
        harbour.run(&["restore", "latest", "--to", &address, "--user", "sessions_app", "--yes"]).expect(1);
    let said = format!("{}{}", refused.out, refused.err);
    assert!(said.contains("nothing was changed") && !said.contains("roadstead resume "), "{said}");
    harbour.run(&["backup"]).expect(0);
    let none = harbour.run(&["resume", "--json"]).expect(0).json();
    assert!(none["resumed"].is_null(), "{none:#}");
    for command in ["journal", "resume"] {
        let refused = harbour.run(&[command, "nope"]).expect(2);
        assert!(refused.err.contains("no operation nope"), "{}", refused.err);
    }
}

/// Which snapshot is the latest is known only where all records can be read: an older one is restored by its id alone.
#[cfg(feature = "redis")]
#[test]
fn the_latest_is_not_guessed_while_a_record_cannot_be_read() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let sessions = || Client::of(&harbour, "sessions-1");
    let mut ids = Vec::new();
    for value in ["old", "new"] {
        sessions().redis("roadstead", &["set", "a", value]);
        harbour.run(&["backup"]).expect(0);
        let listed = harbour.run(&["backups", "--json"]).expect(0).json();
        let snapshots = listed["snapshots"].as_array().expect("a list").iter();
        let all: Vec<_> = snapshots.map(|one| one["id"].as_str().expect("an id").to_owned()).collect();
        ids.extend(all.into_iter().filter(|id| !ids.contains(id)).collect::<Vec<_>>());
    }
    flip(&harbour.path("vault/catalogue").join(&ids[1]).join("000-record"));
    let refused = harbour.run(&["restore", "latest", "--cluster", "sessions", "--yes=sessions-1"]).expect(1);
    let said = format!("{}{}", refused.out, refused.err);
    assert!(
        said.contains("which snapshot is the latest is not known") && said.contains(&ids[1][..8]),
        "{said}"
    );
    assert_eq!(sessions().redis("roadstead", &["get", "a"]), "new");
    harbour.run(&["restore", &ids[0], "--cluster", "sessions", "--yes=sessions-1"]).expect(0);
    assert_eq!(sessions().redis("roadstead", &["get", "a"]), "old");
}

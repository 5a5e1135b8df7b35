//! Killed after every journal record, resumed, and at the same end.
//!
//! The binary (a debug build) kills itself with SIGKILL once its journal has made the wanted number of records: the
//! same as a power cut right after a record became durable.

use std::fs;

use roadstead_testkit::fleet::Harbour;

use crate::harbour::{Client, ORDERS, SESSIONS, fleet};

/// Far more than any of these operations makes.
const RECORDS_MAX: u32 = 60;

/// Runs a command killed after record 1, 2, 3, … on a world made anew by `reset`, resumes it, and checks the end.
/// Returns how many records the whole operation makes.
pub(crate) fn killed_after_every_record(
    harbour: &Harbour,
    args: &[&str],
    reset: &dyn Fn(&Harbour),
    same_end: &dyn Fn(&Harbour, u32),
) -> u32 {
    for record in 1..=RECORDS_MAX {
        reset(harbour);
        let number = record.to_string();
        let run = harbour.run_with(&[("ROADSTEAD_CRASH_AFTER_RECORD", &number)], args);
        if run.code != -1 {
            run.expect(0);
            same_end(harbour, record);
            return record - 1;
        }
        // What the operation may lose is asked for anew, with the names that were given then.
        let consent = args.iter().copied().find(|arg| arg.starts_with("--yes")).unwrap_or("--yes");
        harbour.run(&["resume", consent]).expect(0);
        same_end(harbour, record);
        let listed = harbour.run(&["journal", "--json"]).expect(0).json();
        let operations = listed["operations"].as_array().expect("a list").clone();
        assert!(
            operations.iter().all(|operation| !operation["result"].is_null()),
            "after {record}: {listed:#}"
        );
    }
    panic!("the operation makes more than {RECORDS_MAX} records");
}

fn nothing_to_do(harbour: &Harbour, after: u32) {
    let plan = harbour.run(&["plan", "--json"]).expect(0).json();
    assert_eq!(plan["plan"]["steps"].as_array().map(Vec::len), Some(0), "killed after {after}: {plan:#}");
}

#[cfg(feature = "redis")]
#[test]
fn crash_during_up() {
    let harbour = fleet(&[SESSIONS]);
    let reset = |harbour: &Harbour| {
        harbour.run(&["down", "--yes"]).expect(0);
        let _ = fs::remove_dir_all(harbour.path("members"));
        let _ = fs::remove_dir_all(harbour.path(".roadstead"));
    };
    let records = killed_after_every_record(&harbour, &["up", "--yes"], &reset, &nothing_to_do);
    assert!(records >= 6, "begin, two steps with two records each, end: {records}");
}

#[cfg(feature = "redis")]
#[test]
fn crash_during_backup_and_verify() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    Client::of(&harbour, "sessions-1").redis("roadstead", &["set", "a", "1"]);
    let reset = |harbour: &Harbour| {
        let _ = fs::remove_dir_all(harbour.path("vault"));
        harbour.run(&["vault", "init"]).expect(0);
    };
    let count = |harbour: &Harbour, stage: &str| {
        let listed = harbour.run(&["backups", "--json"]).expect(0).json();
        let all = listed["snapshots"].as_array().expect("a list").clone();
        all.iter().filter(|snapshot| snapshot["stage"] == stage).count()
    };
    let taken = |harbour: &Harbour, after: u32| {
        assert!(count(harbour, "taken") >= 1, "killed after {after}: no snapshot");
    };
    killed_after_every_record(&harbour, &["backup"], &reset, &taken);
    let fresh = |harbour: &Harbour| {
        reset(harbour);
        harbour.run(&["backup"]).expect(0);
    };
    let proven = |harbour: &Harbour, after: u32| {
        assert_eq!(count(harbour, "proven"), 1, "killed after {after}");
        let left = harbour.path("members/voyage/.scratch");
        let left = fs::read_dir(left).map_or(0, Iterator::count);
        assert_eq!(left, 0, "killed after {after}: scratch servers are left behind");
    };
    killed_after_every_record(&harbour, &["verify"], &fresh, &proven);
}

#[cfg(feature = "postgresql")]
#[test]
fn crash_during_restore() {
    let harbour = fleet(&[ORDERS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let sql = |sql: &str| Client::of(&harbour, "orders-1").psql("orders", sql);
    sql("create table item (id int primary key); insert into item select generate_series(1, 100)");
    harbour.run(&["backup"]).expect(0);
    harbour.run(&["verify"]).expect(0);
    let reset = |_: &Harbour| {
        sql("insert into item values (1000) on conflict do nothing");
    };
    let restored = |_: &Harbour, after: u32| {
        assert_eq!(sql("select count(*), max(id) from item"), "100|100", "killed after {after}");
    };
    let args = ["restore", "latest", "--cluster", "orders", "--yes=orders-1"];
    let records = killed_after_every_record(&harbour, &args, &reset, &restored);
    assert!(records >= 12, "six steps and the operation's own: {records}");
    // Clients have come since: a bare yes sets none of their data aside, and what was carried on is over.
    reset(&harbour);
    harbour.run_with(&[("ROADSTEAD_CRASH_AFTER_RECORD", "2")], &args).expect(-1);
    harbour.run(&["up", "--yes"]).expect(0);
    let refused = harbour.run(&["resume", "--yes"]).expect(2);
    assert!(refused.err.contains("orders-1"), "{}", refused.err);
    assert_eq!(sql("select max(id) from item"), "1000");
    let interrupted = harbour.run(&["journal", "--json"]).expect(0).json();
    let interrupted = interrupted["operations"].as_array().expect("a list").clone();
    let id = interrupted.iter().find(|one| one["result"].is_null()).expect("the killed one")["id"].clone();
    let id = id.as_str().expect("an id").to_owned();
    harbour.run(&["resume", &id, "--yes=orders-1"]).expect(0);
    let again = harbour.run(&["resume", &id, "--yes=orders-1"]).expect(1);
    assert!(again.err.contains("carried on"), "{}", again.err);
}

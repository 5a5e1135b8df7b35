//! The journal outlives crashes, refuses what it does not know, and does not trust clocks.

use roadstead_control::SqliteJournal;
use roadstead_core::{
    Kind, Timestamp,
    model::Name,
    plan::{Aim, Destination, Plan},
    port::{
        Journal,
        hand::Outcome,
        journal::{Ended, Operation},
    },
};

use crate::world::{plan, step};

const FILE: &str = "/f/fleet.yaml";

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn fleet() -> Name {
    Name::parse("f").expect("a name")
}

fn reopened(path: &std::path::Path) -> SqliteJournal {
    SqliteJournal::open(path, &fleet(), FILE).expect("the journal opens")
}

#[test]
fn what_was_started_and_not_finished_is_unknown_after_a_crash() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.sqlite");
    let journal = reopened(&path);
    journal.begin("op", &plan(vec![step("start", "a")]), "t", at(1)).expect("begun");
    journal.started("op", "start-a", at(2)).expect("started");
    drop(journal);
    let operation: Operation = reopened(&path).operation("op").expect("still there");
    assert_eq!((operation.ended, operation.result), (None, None));
    assert_eq!((operation.steps[0].ended, operation.steps[0].outcome.is_none()), (None, true));
}

#[test]
fn order_is_that_of_writing_although_the_clock_jumped_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = reopened(&folder.path().join("state.sqlite"));
    for (id, time) in [("first", 9_000), ("second", 5_000), ("third", 7_000)] {
        journal.begin(id, &plan(vec![]), "t", at(time)).expect("begun");
        journal.end(id, at(time - 1_000), Ended::Done).expect("ended");
    }
    let ids: Vec<_> = journal.recent(2).expect("read").into_iter().map(|operation| operation.id).collect();
    assert_eq!(ids, ["third", "second"]);
}

/// Every look asks for the restores; the other operations, of whatever size, are not read for it.
#[test]
fn restores_are_found_among_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let longest = Name::parse(&"f".repeat(40)).expect("the longest name");
    let journal =
        SqliteJournal::open(&folder.path().join("state.sqlite"), &longest, FILE).expect("the journal opens");
    let restore = |snapshot: &str| Aim::Restore { snapshot: snapshot.into(), into: Destination::Place };
    let aims = [
        restore("first"),
        Aim::Verify { snapshots: vec!["\"aim\":{\"restore\":".into()] },
        restore(&"long".repeat(1_000)),
        Aim::Compare { snapshot: "restore".into(), with: Destination::Place },
    ];
    for (number, aim) in aims.iter().enumerate() {
        let plan =
            Plan { aim: aim.clone(), fleet: longest.clone(), fleet_digest: "d".repeat(64), ..plan(vec![]) };
        journal.begin(&number.to_string(), &plan, "t", at(1)).expect("begun");
    }
    let found = |limit| -> Vec<String> {
        journal.restores(limit).expect("read").into_iter().map(|operation| operation.id).collect()
    };
    assert_eq!(found(10), ["2", "0"]);
    assert_eq!(found(1), ["2"]);
}

/// Fleet files of one folder share the file of the journal: what is done of one fleet is nothing of another's.
#[test]
fn a_journal_knows_its_own_fleet_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.sqlite");
    let of = |fleet: &str| {
        SqliteJournal::open(&path, &Name::parse(fleet).expect("a name"), FILE).expect("it opens")
    };
    let other = Name::parse("ff").expect("a name");
    of("ff").begin("aa", &Plan { fleet: other, ..plan(vec![]) }, "t", at(1)).expect("begun");
    of("f").begin("ab", &plan(vec![]), "t", at(1)).expect("begun");
    let ids = |fleet: &str| -> Vec<String> {
        of(fleet).recent(9).expect("read").into_iter().map(|operation| operation.id).collect()
    };
    assert_eq!((ids("f"), ids("ff"), ids("fff")), (vec!["ab".into()], vec!["aa".into()], vec![]));
    let all: Vec<_> = of("f").of_all_fleets(9).expect("read").into_iter().map(|one| one.id).collect();
    assert_eq!(all, ["ab", "aa"]);
    assert_eq!(of("f").operation("a").expect("the only one").id, "ab");
    assert_eq!(of("f").operation("aa").expect_err("another's").kind, Kind::Input);
}

#[test]
fn a_step_cannot_end_twice_or_before_it_began() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = reopened(&folder.path().join("state.sqlite"));
    journal.begin("op", &plan(vec![]), "t", at(1)).expect("begun");
    let outcome = Ok(Outcome::default());
    assert_eq!(journal.finished("op", "s", at(2), &outcome).expect_err("not begun").kind, Kind::Internal);
    journal.started("op", "s", at(2)).expect("started");
    journal.finished("op", "s", at(3), &outcome).expect("finished");
    assert_eq!(journal.finished("op", "s", at(4), &outcome).expect_err("ended").kind, Kind::Internal);
}

#[test]
fn ids_may_be_shortened_while_they_are_unique() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = reopened(&folder.path().join("state.sqlite"));
    for id in ["aa11", "aa22"] {
        journal.begin(id, &plan(vec![]), "t", at(1)).expect("begun");
    }
    assert_eq!(journal.operation("aa1").expect("unique").id, "aa11");
    assert_eq!(journal.operation("aa").expect_err("two").kind, Kind::Input);
    assert_eq!(journal.operation("%").expect_err("two").kind, Kind::Input);
    assert_eq!(journal.operation("b").expect_err("none").kind, Kind::Input);
}

#[test]
fn a_damaged_or_newer_file_is_told_and_not_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.sqlite");
    std::fs::write(&path, "this is not a database, and long enough to be looked at as one").expect("written");
    let damaged = SqliteJournal::open(&path, &fleet(), FILE).err().expect("damaged");
    assert_eq!(damaged.kind, Kind::Corrupt);
    assert!(damaged.what.to_string().contains(&path.display().to_string()), "{damaged}");
    assert!(std::fs::read_to_string(&path).expect("still there").starts_with("this is not"));
    let newer = folder.path().join("newer.sqlite");
    let connection = rusqlite::Connection::open(&newer).expect("a database");
    connection.execute_batch("PRAGMA user_version = 99").expect("set");
    drop(connection);
    assert_eq!(SqliteJournal::open(&newer, &fleet(), FILE).err().expect("newer").kind, Kind::Unsupported);
}

#[test]
fn an_outcome_that_nobody_can_read_stands_in_nobodys_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.sqlite");
    let journal = reopened(&path);
    for id in ["old", "new"] {
        journal.begin(id, &plan(vec![step("start", "a")]), "t", at(1)).expect("begun");
        journal.started(id, "start-a", at(2)).expect("started");
    }
    drop(journal);
    let connection = rusqlite::Connection::open(&path).expect("a database");
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    connection
        .execute("UPDATE step SET ended = 3, outcome = ?1 WHERE operation = 'old'", [deep])
        .expect("set");
    connection.execute("UPDATE operation SET plan = '{}' WHERE id = 'new'", []).expect("set");
    drop(connection);
    let journal = reopened(&path);
    let read = journal.recent(10).expect("read");
    assert_eq!(read.iter().map(|operation| operation.id.as_str()).collect::<Vec<_>>(), ["old"]);
    assert_eq!(journal.skipped(), ["new"]);
    let outcome = read[0].steps[0].outcome.clone().expect("there is one").expect_err("unreadable");
    assert_eq!(outcome.kind, Kind::Corrupt);
    let damaged = journal.operation("new").expect_err("its plan is damaged");
    assert_eq!(damaged.kind, Kind::Corrupt);
    assert!(damaged.what.to_string().contains(&path.display().to_string()), "{damaged}");
}

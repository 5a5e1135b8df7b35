//! One changing command at a time.

use roadstead_control::{FleetLock, Holder};
use roadstead_core::{Kind, Timestamp};

#[test]
fn the_second_is_told_who_holds_it_and_gets_it_afterwards() {
    let folder = tempfile::tempdir().expect("a folder");
    // A holder is believed while its process is there.
    let pid = std::process::id();
    let holder = |command: &str| Holder {
        pid,
        command: command.into(),
        by: "anna@harbour".into(),
        since: Timestamp::from_millis(0),
    };
    let first = FleetLock::take(folder.path(), &holder("roadstead up")).expect("free");
    let error = FleetLock::take(folder.path(), &holder("roadstead down")).expect_err("held");
    assert_eq!(error.kind, Kind::Busy);
    let told = error.what.to_string();
    for part in ["roadstead up", &pid.to_string(), "anna@harbour"] {
        assert!(told.contains(part), "{told}");
    }
    drop(first);
    FleetLock::take(folder.path(), &holder("roadstead down")).expect("free again");
}

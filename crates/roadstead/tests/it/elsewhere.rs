//! Restoring into a server that somebody else runs, and what is left of it when that breaks off.

use std::time::Duration;

use roadstead_testkit::{fleet::Harbour, stranger, wait};

use crate::{crash::killed_after_every_record, faults::stranger_fleet};

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

#[cfg(feature = "postgresql")]
#[test]
fn a_load_killed_midway_is_carried_on_and_takes_out_only_its_own() {
    let (original, target) = (stranger::Postgresql::start(), stranger::Postgresql::start());
    let harbour = backed_up(&original, 60_000);
    let address = format!("127.0.0.1:{}", target.port);
    let mut restore = harbour.start(&restore_to(&address, "--yes"));
    let loads =
        "select count(*) from pg_stat_activity where application_name = 'roadstead' and query ~ '^COPY'";
    wait::until("rows to be loaded", Duration::from_secs(60), || (target.sql(loads) != "0").then_some(()));
    restore.kill().expect("ours");
    restore.wait().expect("it ends");

    let refused = harbour.run(&restore_to(&address, "--yes")).expect(1);
    assert!(format!("{}{}", refused.out, refused.err).contains("roadstead resume"), "{}", refused.err);
    // Somebody came in between: nothing is touched until it is gone.
    target.sql("create table mine (a int)");
    let yes = format!("--yes={address}");
    let before = harbour.run(&["journal", "--json"]).expect(0).json();
    let killed = before["operations"].as_array().expect("a list").iter().find(|one| one["result"].is_null());
    let id = killed.expect("the killed one")["id"].as_str().expect("an id").to_owned();
    let refused = harbour.run(&["resume", &id, &yes]).expect(1);
    assert!(format!("{}{}", refused.out, refused.err).contains("postgres.public.mine"), "{}", refused.out);
    assert_eq!(target.sql("select count(*) from mine"), "0");
    target.sql("drop table mine");

    let refused = harbour.run(&["resume", "--yes"]).expect(2);
    assert!(refused.err.contains(&address), "what it would lose is asked for by name: {}", refused.err);
    harbour.run(&["resume", &yes]).expect(0);
    assert_eq!(target.sql("select count(*) from big"), "60000");
    let app = "select rolcanlogin, (select count(*) from pg_db_role_setting), (select count(*) from pg_database where datname = 'shop') \
        from pg_roles where rolname = 'app'";
    assert_eq!(target.sql(app), original.sql(app));
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

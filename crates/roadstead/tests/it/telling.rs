//! What is told of others: which server runs a member, who is at work, what does not answer, what is missing.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Command, Stdio},
};

use roadstead_testkit::{fleet::Ran, place, stranger};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    demo::copied,
    faults::{held_dump, stranger_fleet},
    harbour::{BILLING, ORDERS, SESSIONS, binary, fleet},
    output::{folder, run_in},
};

#[cfg(all(feature = "mysql", feature = "postgresql"))]
#[test]
fn explain_names_what_runs_a_member() {
    let harbour = fleet(&[ORDERS, BILLING]);
    let told = harbour.run(&["explain"]).expect(0).out;
    for heading in ["orders: PostgreSQL, version 15.", "billing: mariadb, version 10.11."] {
        assert_eq!(told.lines().filter(|line| line.starts_with(heading)).count(), 1, "{told}");
    }
}

#[cfg(feature = "postgresql")]
#[test]
fn an_operation_runs_while_somebody_is_at_it_and_was_interrupted_after_that() {
    let server = stranger::Postgresql::start();
    let harbour = stranger_fleet(&server);
    server.sql("create table big as select i, repeat(md5(i::text), 40) t from generate_series(1, 150000) i");
    harbour.run(&["vault", "init"]).expect(0);
    let mut backup = harbour.start(&["backup"]);
    let dump = held_dump(backup.id());
    let pid = backup.id();
    let journal = |args: &[&str]| harbour.run(&[&["journal"], args].concat()).expect(0);
    let json = journal(&["--json"]).json();
    assert_eq!(json["operations"][0]["at_work"]["pid"], pid, "{json:#}");
    let id = json["operations"][0]["id"].as_str().expect("an id").to_owned();
    for args in [&[][..], &[id.as_str()]] {
        let told = journal(args).out;
        let held = format!("\"roadstead backup\" (process {pid}, ");
        assert!(told.contains("running") && told.contains(&held) && !told.contains("interrupted"), "{told}");
    }
    assert!(journal(&[&id]).out.contains("is at work"));
    backup.kill().expect("ours");
    backup.wait().expect("it ends");
    // It may have gone with the one that started it.
    let _ = kill_process(dump, Signal::KILL);
    for args in [&[][..], &[id.as_str()]] {
        let told = journal(args).out;
        assert!(
            told.contains("interrupted") && !told.contains("running") && !told.contains("held"),
            "{told}"
        );
    }
    assert!(journal(&["--json"]).json()["operations"][0]["at_work"].is_null());
}

#[test]
fn an_answer_that_cannot_be_written_is_told_and_no_success() {
    let folder = folder();
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").expect("a full device"));
    for (arguments, code) in [(["schema", "--color=never"], 1), (["explain", "nobody"], 2)] {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(folder.path()).env("LC_ALL", "C.UTF-8").stdout(full());
        let ran: Ran = command.stderr(Stdio::piped()).output().expect("it runs").into();
        let told = ran.expect(code).err;
        assert_eq!(told.contains("No space left"), code == 1, "{told}");
    }
}

#[cfg(feature = "postgresql")]
#[test]
fn a_terminal_that_goes_away_stops_a_command_in_order_unless_that_is_to_be_ignored() {
    let server = stranger::Postgresql::start();
    let harbour = stranger_fleet(&server);
    server.sql("create table big as select i, repeat(md5(i::text), 40) t from generate_series(1, 150000) i");
    harbour.run(&["vault", "init"]).expect(0);
    // The shell and the kernel may both say it.
    let hung_up_on = |heard: &str| -> Ran {
        // What runs these tests may ignore it itself, which a shell cannot undo.
        let mut command = Command::new("env");
        command.arg(format!("--{heard}-signal=HUP")).arg(binary()).arg("backup");
        command.current_dir(harbour.folder()).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        command.env("ROADSTEAD_PROGRAMS", place::programs()).env("PASSWORD", &server.password);
        let backup = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let dump = held_dump(backup.id());
        for _ in 0..2 {
            kill_process(Pid::from_child(&backup), Signal::HUP).expect("ours");
        }
        // It may have gone with the backup.
        let _ = kill_process(dump, Signal::CONT);
        backup.wait_with_output().expect("it ends").into()
    };
    let stopped = hung_up_on("default").expect(129);
    assert!(stopped.err.contains("Stopping"), "{}", stopped.err);
    assert!(stopped.out.contains("Stopped on request"), "{}", stopped.out);
    assert!(harbour.run(&["journal"]).expect(0).out.contains("stopped"));
    hung_up_on("ignore").expect(0);
}

#[cfg(feature = "redis")]
#[test]
fn an_agent_that_does_not_answer_is_not_told_as_none() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let json = harbour.run(&["status", "--json"]).expect(0).json();
    let agent = json["agents"]["local"]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
    let agent = Pid::from_raw(agent.expect("an agent serves")).expect("positive");
    kill_process(agent, Signal::STOP).expect("ours");
    let told: Vec<Ran> =
        [&["status"][..], &["plan"], &["down", "--yes"]].map(|args| harbour.run(args)).into();
    kill_process(agent, Signal::CONT).expect("ours");
    for told in told {
        let said = format!("{}{}", told.out, told.err);
        assert_eq!(told.code, 1, "{said}");
        let pid = agent.as_raw_nonzero();
        assert!(said.contains(&format!("(process {pid}) does not answer")), "{said}");
        assert!(said.contains(&format!("kill -CONT {pid}")) && !said.contains("none serves"), "{said}");
    }
    harbour.run(&["status"]).expect(0);
}

/// A machine where the vendor's programs are not installed: PostgreSQL 18 is in none of the folders that packages use.
#[cfg(feature = "postgresql")]
#[test]
fn a_check_names_the_package_that_a_backup_would_miss() {
    let harbour = fleet(&[&ORDERS.replace("\"15\"", "\"18\"")]);
    harbour.run(&["up", "--yes"]).expect(0);
    let elsewhere = folder();
    let secret = |name: &str, value: &str| {
        let path = elsewhere.path().join(name);
        fs::write(&path, value).expect("own folder");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("own file");
    };
    secret("vault.key", "a key of a good length");
    secret("password", &harbour.admin("voyage", "orders-1"));
    let declare = |backup: &str| {
        let member = format!(
            "name: mine-1, address: \"127.0.0.1:{}\", user: postgres, password: \"${{file:password}}\"",
            harbour.port("orders-1")
        );
        let text = format!(
            "fleet: mine\nvaults: {{ local: {{ url: ./vault, key: \"${{file:vault.key}}\" }} }}\nclusters:\n  mine: {{ engine: \
             postgresql{backup}, members: [ {{ {member} }} ] }}\n"
        );
        fs::write(elsewhere.path().join("fleet.yaml"), text).expect("own folder");
    };
    declare(", backup: { vault: local }");
    // `run_in` gives the program neither PATH nor ROADSTEAD_PROGRAMS.
    let told = run_in(elsewhere.path(), &["check", "--live"], "").expect(1).out;
    for said in ["no backup of mine can be taken", "pg_dump", "postgresql-client-18", "--> fleet.yaml:4:3"] {
        assert!(told.contains(said), "{said}: {told}");
    }
    let json = run_in(elsewhere.path(), &["check", "--live", "--json"], "").expect(1).json();
    assert_eq!(json["sound"], false, "{json:#}");
    // The file alone is sound, and without a backup nothing is missed.
    run_in(elsewhere.path(), &["check"], "").expect(0);
    declare("");
    let told = run_in(elsewhere.path(), &["check", "--live"], "").expect(0).out;
    assert!(!told.contains("postgresql-client"), "{told}");
}

/// The file declares no version: what the server that is found does not take is seen by looking alone.
#[cfg(feature = "redis")]
#[test]
fn a_check_of_the_living_tells_what_a_plan_would_refuse() {
    let setting = "    settings: { set-max-listpack-entries: 100 }\n    backup:";
    let harbour = fleet(&[&SESSIONS.replace("    backup:", setting)]);
    harbour.run(&["check"]).expect(0);
    // The tests' own server is older than the setting.
    harbour.run(&["plan"]).expect(1);
    let live = harbour.run(&["check", "--live"]).expect(1).out;
    assert!(live.contains("set-max-listpack-entries") && live.contains("--> fleet.yaml:"), "{live}");
}

/// As a user without any rights, where this test may choose; the superuser may write anywhere.
#[cfg(feature = "postgresql")]
#[test]
fn commands_that_only_look_do_so_where_nothing_can_be_written() {
    const NOBODY: u32 = 65_534;
    let server = stranger::Postgresql::start();
    let harbour = stranger_fleet(&server);
    let is_root = rustix::process::geteuid().is_root();
    let program = harbour.path("roadstead");
    copied(&program);
    let owner = is_root.then_some(NOBODY);
    for path in ["", "vault.key", "fleet.yaml"] {
        std::os::unix::fs::chown(harbour.path(path), owner, owner).expect("root may");
    }
    let run = |crash: &str, args: &[&str]| -> Ran {
        let mut command = Command::new(&program);
        command.args(args).current_dir(harbour.folder()).stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
        command.env("ROADSTEAD_CRASH_AFTER_RECORD", crash).env("PASSWORD", &server.password);
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output().expect("it runs").into()
    };
    let state = harbour.path(".roadstead");
    let mode = |folder: u32, file: u32| {
        for entry in fs::read_dir(&state).expect("own folder").flatten() {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(file)).expect("own file");
        }
        fs::set_permissions(&state, fs::Permissions::from_mode(folder)).expect("own folder");
    };
    run("", &["backup"]).expect(0);
    // Ended in order, and as a power cut leaves it: the last records are in the write-ahead log alone.
    for (crash, code, last) in [("", 0, "done"), ("2", -1, "interrupted")] {
        run(crash, &["backup"]).expect(code);
        mode(0o500, 0o400);
        let journal = run("", &["journal", "--limit", "1"]).expect(0).out;
        assert!(journal.contains(last), "{journal}");
        for args in [&["status"][..], &["backups"], &["plan"], &["backup", "--dry-run"], &["explain"]] {
            run("", args).expect(0);
        }
        let refused = run("", &["backup"]).expect(1);
        assert!(refused.err.contains("lock") && refused.err.contains("Permission denied"), "{}", refused.err);
        mode(0o700, 0o600);
    }
    run("", &["resume"]).expect(0);
}

#[cfg(feature = "redis")]
#[test]
fn what_cannot_be_read_in_the_journal_is_told() {
    let harbour = fleet(&[SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    harbour.run(&["backup"]).expect(0);
    let path = harbour.path(".roadstead/journal.sqlite");
    let mut bytes = fs::read(&path).expect("the journal is there");
    let aim = b"\"aim\":{\"backup";
    let at = bytes.windows(aim.len()).position(|part| part == aim).expect("an operation was written down");
    bytes[at + 6] = b'[';
    fs::write(&path, bytes).expect("own file");
    for (args, said) in [(&["journal"][..], "make the fleet as declared"), (&["status"], "sessions-1")] {
        let told = harbour.run(args).expect(0).out;
        assert!(
            told.contains("warning: operation ") && told.contains("cannot be read in the journal"),
            "{told}"
        );
        assert!(told.contains(said), "{told}");
        let json = harbour.run(&[args, &["--json"]].concat()).expect(0).json();
        let is_told = |finding: &serde_json::Value| finding["what"]["key"] == "cli-journal-skipped";
        assert!(json["findings"].as_array().expect("a list").iter().any(is_told), "{json:#}");
    }
}

#[cfg(feature = "redis")]
#[test]
fn what_waits_is_named_wherever_it_is_said_to_be_carried_on() {
    let harbour = fleet(&[SESSIONS]);
    let newest = || {
        let json = harbour.run(&["journal", "--limit", "1", "--json"]).expect(0).json();
        json["operations"][0]["id"].as_str().expect("an id")[..8].to_owned()
    };
    let names = |told: &str, id: &str| {
        let said: Vec<&str> = told.split("roadstead resume").skip(1).collect();
        assert!(!said.is_empty() && said.iter().all(|rest| rest.starts_with(&format!(" {id}"))), "{told}");
    };
    let crashed = |record: &str, args: &[&str]| {
        harbour.run_with(&[("ROADSTEAD_CRASH_AFTER_RECORD", record)], args).expect(-1);
        newest()
    };
    let begun = crashed("2", &["up", "--yes"]);
    names(&harbour.run(&["up", "--yes"]).expect(0).err, &begun);
    harbour.run(&["backup"]).expect(0);
    // Killed when its load had begun: in place, where data was set aside, and beside.
    for args in [
        &["restore", "latest", "--yes=sessions-1"][..],
        &["restore", "latest", "--beside", &format!("copy-1:{}", place::free_port()), "--yes"],
    ] {
        let load = if args.contains(&"--beside") { "4" } else { "10" };
        let id = crashed(load, args);
        let told = harbour.run(&["status"]).expect(1).out;
        names(&told, &id);
        assert!(told.contains("unfinished"), "{told}");
        harbour.run(&["resume", &id, "--yes=sessions-1,copy-1"]).expect(0);
        let refused = harbour.run(&["resume", &id]).expect(1).err;
        assert!(refused.contains("none waits"), "{refused}");
    }
}

//! The whole voyage, on three real engines: declared, run, filled, backed up, proven, destroyed, restored.

use std::{fs, process::Command};

use roadstead_testkit::{fleet::Harbour, place};

use crate::harbour::{BILLING, Client, ORDERS, SESSIONS, fleet};

fn fill(harbour: &Harbour) {
    let orders = Client::of(harbour, "orders-1");
    orders.psql(
        "orders",
        "create table item (id int primary key, name text, price numeric(10,2), at timestamptz default now());
         insert into item select i, 'item ' || i, i * 1.5 from generate_series(1, 2000) i;
         create view cheap as select * from item where price < 100;",
    );
    let billing = Client::of(harbour, "billing-1");
    billing.mariadb(
        "billing",
        "create table invoice (id int primary key auto_increment, note varchar(80), total double);
         insert into invoice (note, total) select concat('no ', seq), seq * 0.1 from seq_1_to_2000;",
    );
    let sessions = Client::of(harbour, "sessions-1");
    let script = "for i = 1, 500 do redis.call('set', 'session:' .. i, 'user ' .. i) end \
                  redis.call('hset', 'h', 'a', '1', 'b', '2') return 'ok'";
    assert_eq!(sessions.redis("roadstead", &["eval", script, "0"]), "ok");
}

fn stages(harbour: &Harbour) -> Vec<(String, String)> {
    let listed = harbour.run(&["backups", "--json"]).expect(0).json();
    let all = listed["snapshots"].as_array().expect("a list of snapshots").clone();
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    all.iter().map(|snapshot| (word(&snapshot["cluster"]), word(&snapshot["stage"]))).collect()
}

#[cfg(all(feature = "mysql", feature = "postgresql", feature = "redis"))]
#[test]
fn three_engines_from_file_to_proven_and_back_from_disaster() {
    let harbour = fleet(&[ORDERS, BILLING, SESSIONS]);
    harbour.run(&["check"]).expect(0);
    let plan = harbour.run(&["plan"]).expect(0);
    assert!(plan.out.contains("orders-1") && plan.out.contains("create"), "{}", plan.out);
    harbour.run(&["up", "--yes"]).expect(0);
    let again = harbour.run(&["plan", "--json"]).expect(0).json();
    assert_eq!(again["plan"]["steps"].as_array().map(Vec::len), Some(0), "{again:#}");

    fill(&harbour);
    harbour.run(&["backup"]).expect(0);
    assert!(stages(&harbour).iter().all(|(_, stage)| stage == "taken"), "{:?}", stages(&harbour));
    harbour.run(&["verify"]).expect(0);
    let mut proven = stages(&harbour);
    proven.sort();
    let expected = ["billing", "orders", "sessions"].map(|name| (name.to_owned(), "proven".to_owned()));
    assert_eq!(proven, expected);

    // The disaster: a data directory gone while its server is down.
    harbour.run(&["down", "--yes"]).expect(0);
    fs::remove_dir_all(harbour.path("members/voyage/orders-1/data")).expect("ours to destroy");
    harbour.run(&["restore", "latest", "--cluster", "orders", "--yes"]).expect(0);
    harbour.run(&["up", "--yes"]).expect(0);
    let orders = Client::of(&harbour, "orders-1");
    assert_eq!(orders.psql("orders", "select count(*), sum(price) from item"), "2000|3001500.00");
    let billing = Client::of(&harbour, "billing-1");
    assert_eq!(billing.mariadb("billing", "select count(*) from invoice"), "2000");
    assert_eq!(Client::of(&harbour, "sessions-1").redis("roadstead", &["hget", "h", "b"]), "2");
    harbour.run(&["down", "--yes"]).expect(0);
    assert!(harbour.processes().is_empty(), "{:?}", harbour.processes());
}

#[cfg(feature = "postgresql")]
#[test]
fn a_copy_with_one_row_altered_is_told_by_its_table() {
    let harbour = fleet(&[ORDERS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let orders = Client::of(&harbour, "orders-1");
    orders.psql(
        "orders",
        "create table item (id int primary key, n int); insert into item values (1, 1), (2, 2)",
    );
    harbour.run(&["backup"]).expect(0);
    harbour.run(&["verify"]).expect(0);
    let port = place::free_port();
    let beside = format!("orders-2:{port}");
    harbour.run(&["restore", "latest", "--cluster", "orders", "--beside", &beside, "--yes"]).expect(0);
    harbour.run(&["verify", "latest", "--cluster", "orders", "--beside", &beside]).expect(0);
    let copy = Client::at(&harbour, "orders-2", port);
    copy.psql("orders", "update item set n = 3 where id = 2");
    let told = harbour.run(&["verify", "latest", "--cluster", "orders", "--beside", &beside]).expect(1);
    assert!(format!("{}{}", told.out, told.err).contains("orders.public.item"), "{}{}", told.out, told.err);
    // A member differs because it was written to: that speaks neither against the snapshot nor for a resumption.
    orders.psql("orders", "delete from item where id = 1");
    let live = harbour.run(&["verify", "latest", "--cluster", "orders", "--live"]).expect(1);
    for (told, cure) in [(told, "since it was restored"), (live, "since the snapshot was taken")] {
        let told = format!("{}{}", told.out, told.err);
        for wrong in ["do not rely", "copy", "resume"] {
            assert!(!told.contains(wrong), "{wrong}\n{told}");
        }
        assert!(told.contains(cure) && told.contains("orders.public.item"), "{told}");
        assert!(told.contains("the same command again"), "{told}");
    }
    // What failed last is carried on without its id, or with it; and once.
    let last = || {
        let journal = harbour.run(&["journal", "--json"]).expect(0).json();
        journal["operations"][0]["id"].as_str().expect("an operation").to_owned()
    };
    let first = last();
    harbour.run(&["resume"]).expect(1);
    assert!(harbour.run(&["resume", &first]).expect(1).err.contains("carried on"));
    let failed = last();
    let resumed = harbour.run(&["resume", &failed]).expect(1);
    assert!(!format!("{}{}", resumed.out, resumed.err).contains("--yes"), "{}{}", resumed.out, resumed.err);
    assert!(resumed.out.contains("orders.public.item"), "{}", resumed.out);
}

#[cfg(feature = "postgresql")]
#[test]
fn a_setting_that_needs_a_restart_says_so_and_names_the_member() {
    let harbour = fleet(&[ORDERS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let text = harbour.declared();
    harbour.declare(&text.replace("max_connections: 60", "max_connections: 70"));
    let plan = harbour.run(&["plan"]).expect(0);
    assert!(plan.out.contains("restart") && plan.out.contains("orders-1"), "{}", plan.out);
    let saved = harbour.path("saved.plan").display().to_string();
    harbour.run(&["plan", "--out", &saved]).expect(0);
    harbour.run(&["apply", "--yes", &saved]).expect(0);
    let orders = Client::of(&harbour, "orders-1");
    assert_eq!(orders.psql("postgres", "show max_connections"), "70");
    let stale = harbour.run(&["apply", "--yes", &saved]).expect(1);
    assert!(stale.err.contains("max_connections"), "{}", stale.err);
    harbour.declare(&text.replace("max_connections: 60", "max_connections: 70, work_mem: 8MB"));
    let plan = harbour.run(&["plan"]).expect(0);
    assert!(plan.out.contains("reload") && !plan.out.contains("restart"), "{}", plan.out);
}

#[cfg(all(feature = "mysql", feature = "postgresql", feature = "redis"))]
#[test]
fn a_password_changed_behind_its_reference_reaches_every_engine() {
    let harbour = fleet(&[ORDERS, BILLING, SESSIONS]);
    harbour.run(&["up", "--yes"]).expect(0);
    let opens = |password: &str| {
        let port = |member: &str| harbour.port(member).to_string();
        let done = |program: &str, secret: &str, args: &[&str]| {
            let mut command = Command::new(program);
            let output = command.args(args).env(secret, password).output().expect("the client is installed");
            // This client tells a refusal only in words.
            output.status.success() && !String::from_utf8_lossy(&output.stdout).contains("NOAUTH")
        };
        let psql = place::postgresql_15().join("psql").display().to_string();
        let address = "127.0.0.1";
        [
            done(
                &psql,
                "PGPASSWORD",
                &["-h", address, "-p", &port("orders-1"), "-U", "orders_app", "-c", "select 1", "orders"],
            ),
            done(
                "/usr/bin/mariadb",
                "MYSQL_PWD",
                &[
                    "--no-defaults",
                    "-h",
                    address,
                    "-P",
                    &port("billing-1"),
                    "-u",
                    "billing_app",
                    "-e",
                    "select 1",
                    "billing",
                ],
            ),
            done(
                "/usr/bin/redis-cli",
                "REDISCLI_AUTH",
                &["-h", address, "-p", &port("sessions-1"), "--user", "sessions_app", "get", "a"],
            ),
        ]
    };
    let new = "another-password-98765";
    assert_eq!(opens(new), [false; 3]);
    for role in ["orders_app", "billing_app", "sessions_app"] {
        harbour.secret(&format!("secrets/{role}"), new);
    }
    let plan = harbour.run(&["plan"]).expect(0);
    for role in ["orders_app", "billing_app", "sessions_app"] {
        let line =
            plan.out.lines().find(|line| line.contains(role)).unwrap_or_else(|| panic!("{}", plan.out));
        assert!(line.contains("password"), "{line}");
    }
    assert!(!plan.out.contains(new), "{}", plan.out);
    harbour.run(&["up", "--yes"]).expect(0);
    assert_eq!(opens(new), [true; 3]);
    let again = harbour.run(&["plan", "--json"]).expect(0).json();
    assert_eq!(again["plan"]["steps"].as_array().map(Vec::len), Some(0), "{again:#}");
}

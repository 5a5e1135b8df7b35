//! The whole voyage, on three real engines: declared, run, filled, backed up, proven, destroyed, restored.

use std::fs;

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

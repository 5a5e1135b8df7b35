//! The README's commands and its six lines, run exactly as printed, against a server that a stranger started.

use std::{fs, path::Path, process::Command};

use roadstead_testkit::stranger;

use crate::harbour::binary;

/// The fenced blocks of one language below a heading, in order.
fn blocks(readme: &str, heading: &str, language: &str) -> Vec<String> {
    let (_, section) = readme.split_once(heading).expect("the README has this heading");
    let section = section.split("\n## ").next().expect("a split has a first part");
    let fence = format!("```{language}\n");
    section.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

#[cfg(feature = "postgresql")]
#[test]
fn the_six_lines_give_a_proven_backup() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(readme).expect("the README is there");
    let heading = "## Prove a backup of a PostgreSQL that you already run";
    let yaml = blocks(&readme, heading, "yaml").remove(0);
    assert_eq!(yaml.lines().count(), 6, "six lines");
    let shell = blocks(&readme, heading, "sh");
    assert_eq!(shell.len(), 2);
    let first = shell[0].lines().last().expect("a command").to_owned();
    assert_eq!(first, "roadstead init");

    let server = stranger::Postgresql::start_on(5432);
    server.sql("create table precious as select generate_series(1, 1000) id");
    let before = server.sql("select pg_current_wal_insert_lsn(), (select count(*) from pg_class)");
    let folder = tempfile::Builder::new().prefix("rs-readme-").tempdir_in("/tmp").expect("a folder");
    let path = format!(
        "{}:{}",
        binary().parent().expect("a program has a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let run = |script: &str| {
        let output = Command::new("sh")
            .args(["-e", "-c", script])
            .current_dir(folder.path())
            .env("PATH", &path)
            .env("PASSWORD", &server.password)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .expect("there is a shell");
        let told =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}\n{told}");
        told
    };
    run(&first);
    fs::write(folder.path().join("fleet.yaml"), yaml).expect("own folder");
    run(&shell[1]);
    let listed = run("roadstead backups --json");
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed["snapshots"][0]["stage"], "proven", "{listed:#}");
    let after = server.sql("select pg_current_wal_insert_lsn(), (select count(*) from pg_class)");
    let objects = |told: &str| told.split('|').nth(1).map(str::to_owned);
    assert_eq!(objects(&before), objects(&after), "nothing was made in that server");
}

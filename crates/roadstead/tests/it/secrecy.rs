//! A planted secret is searched in everything that Roadstead says and writes.

use std::{fs, path::Path};

use roadstead_testkit::{fleet::Harbour, stranger};

use crate::harbour::binary;

/// Long and strange enough to be found nowhere by chance; needs quoting in URLs, shells and SQL.
const ENVIRONMENT: &str = "pl4nted' \"s3cret%41\\@env";
const FILE: &str = "planted-vault-key-0123456789-abcdef";

/// Every file below a folder that holds the needle, except those that are the secret's own home.
fn holding(folder: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name != "vault.key") {
                let bytes = fs::read(&path).unwrap_or_default();
                if bytes.windows(needle.len()).any(|part| part == needle.as_bytes()) {
                    found.push(path.display().to_string());
                }
            }
        }
    }
    found
}

#[cfg(feature = "postgresql")]
#[test]
fn a_planted_secret_is_nowhere_but_in_its_home() {
    let server = stranger::Postgresql::start();
    server.sql("create table t as select generate_series(1, 100) id");
    let quoted = ENVIRONMENT.replace('\'', "''");
    server.sql(&format!("create role reader login superuser password '{quoted}'"));
    let mut harbour = Harbour::new(
        binary(),
        &format!(
            "fleet: secrecy-one\nvaults:\n  local: {{ url: ./vault, key: \"${{file:vault.key}}\" }}\nhosts: {{ local: {{ data: \"{{data}}\" }} }}\nclusters:\n  orders:\n    \
             engine: postgresql\n    members: [{{ name: orders-1, address: \"127.0.0.1:{}\", user: reader, password: \
             \"${{env:PLANTED}}\" }}]\n    backup: {{ vault: local }}\n",
            server.port
        ),
    );
    harbour.secret("vault.key", FILE);
    harbour.env("PLANTED", ENVIRONMENT);
    let mut said = String::new();
    let commands = [
        "check --live",
        "status",
        "status --json",
        "plan",
        "plan --out saved.plan",
        "explain --json",
        "backup -vvv",
        "backups --json",
        "verify -vvv",
        "journal --json",
        "restore latest --beside copy-1:1 --dry-run",
        "vault check",
    ];
    for command in commands {
        let ran = harbour.run(&command.split(' ').collect::<Vec<_>>());
        assert!(ran.code == 0, "{command}: {}{}", ran.out, ran.err);
        said.push_str(&ran.out);
        said.push_str(&ran.err);
    }
    // Also where things go wrong: a refused password, a wrong key.
    harbour.env("PLANTED", &format!("{ENVIRONMENT}x"));
    for command in ["status", "backup -vvv", "verify latest -vvv"] {
        let ran = harbour.run(&command.split(' ').collect::<Vec<_>>());
        said.push_str(&ran.out);
        said.push_str(&ran.err);
    }
    for secret in [ENVIRONMENT, FILE] {
        assert!(!said.contains(secret), "it was said: {said}");
        assert_eq!(holding(harbour.folder(), secret), Vec::<String>::new());
    }
}

#[cfg(feature = "postgresql")]
#[test]
fn no_process_carries_a_secret_in_its_arguments() {
    let server = stranger::Postgresql::start();
    server.sql("create table big as select i, repeat(md5(i::text), 40) t from generate_series(1, 60000) i");
    let mut harbour = Harbour::new(
        binary(),
        &format!(
            "fleet: secrecy-two\nvaults:\n  local: {{ url: ./vault, key: \"${{file:vault.key}}\" }}\nhosts: {{ local: {{ data: \"{{data}}\" }} }}\nclusters:\n  orders:\n    \
             engine: postgresql\n    members: [{{ name: orders-1, address: \"127.0.0.1:{}\", user: postgres, password: \
             \"${{env:PASSWORD}}\" }}]\n    backup: {{ vault: local }}\n",
            server.port
        ),
    );
    harbour.env("PASSWORD", &server.password);
    let mut backup = harbour.start(&["backup"]);
    let mut seen = 0;
    while backup.try_wait().expect("ours").is_none() {
        for entry in fs::read_dir("/proc").expect("Linux has /proc").flatten() {
            let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let text = String::from_utf8_lossy(&arguments);
            assert!(!text.contains(&server.password), "{text}");
            seen += usize::from(text.contains("pg_dump"));
        }
        std::thread::yield_now();
    }
    assert!(seen > 0, "the dump's arguments were looked at");
}

/// The data itself may hold passwords. A load that fails at the statement with one says which object it was, no more.
#[cfg(feature = "postgresql")]
#[test]
fn a_statement_that_fails_at_a_load_is_not_repeated() {
    const INSIDE: &str = "pl4nted-1n-the-data";
    let server = stranger::Postgresql::start();
    // As a dump is loaded, functions are not checked: by that this validator knows it.
    server.sql(
        "create function only_at_home(text[], oid) returns void language plpgsql as $$ begin \
         if $2 = 'pg_user_mapping'::regclass and current_setting('check_function_bodies') = 'off' then \
         raise 'not here'; end if; end $$",
    );
    server.sql("create foreign data wrapper away validator only_at_home");
    server.sql("create server elsewhere foreign data wrapper away");
    server.sql(&format!("create user mapping for postgres server elsewhere options (password '{INSIDE}')"));
    let harbour = crate::faults::stranger_fleet(&server);
    harbour.run(&["backup"]).expect(0);
    let failed = harbour.run(&["verify", "-vvv"]).expect(1);
    let said = format!("{}{}", failed.out, failed.err);
    assert!(said.contains("not here") && said.contains("USER MAPPING"), "{said}");
    assert!(!said.contains(INSIDE), "{said}");
    let listed = harbour.run(&["journal", "--json"]).expect(0);
    assert!(!listed.out.contains(INSIDE), "{}", listed.out);
    assert_eq!(holding(harbour.folder(), INSIDE), Vec::<String>::new());
}

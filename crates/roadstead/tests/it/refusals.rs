//! What is given and cannot be used is refused in words that fit, at once, and without harm to what is there.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use roadstead_testkit::fleet::Ran;

use crate::output::{folder, run_in};

/// A fleet whose one member is reached by address, with this as the reference to its password.
fn fleet(password: &str) -> String {
    format!(
        "fleet: mine\nvaults: {{ local: {{ url: ./vault, key: \"${{file:vault.key}}\" }} }}\nclusters:\n  orders: {{ engine: \
         postgresql, backup: {{ vault: local }}, members: [ {{ name: orders-1, address: \"127.0.0.1:1\", user: me, \
         password: \"{password}\" }} ] }}\n"
    )
}

/// The binary, ended when it does not end by itself: what waits for ever must fail a test and not hang it.
fn run(folder: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "20"]).arg(crate::harbour::binary()).args(args);
    command.current_dir(folder).env_clear().stdin(std::process::Stdio::null());
    command.output().expect("timeout is there").into()
}

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg("-m").arg("600").arg(path).status().expect("mkfifo is there");
    assert!(made.success());
}

#[cfg(feature = "postgresql")]
#[test]
fn a_fleet_file_that_is_no_file_is_refused_and_never_waited_for() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    pipe(&path("pipe"));
    fs::create_dir(path("folder")).expect("own folder");
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).expect("own folder");
    for (file, sort) in
        [("pipe", "a pipe"), ("folder", "a folder"), ("socket", "a socket"), ("/dev/zero", "a device")]
    {
        for command in ["check", "status", "plan"] {
            let ran = run(folder.path(), &[command, "-f", file]);
            assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
            assert!(
                ran.err.contains(&format!("{file} is {sort}")) && ran.err.contains("-f -"),
                "{}",
                ran.err
            );
        }
    }
    let chinese = run(folder.path(), &["check", "-f", "pipe", "--lang", "zh"]);
    assert!(chinese.err.contains("管道"), "{}", chinese.err);
}

#[cfg(feature = "postgresql")]
#[test]
fn a_fleet_file_may_come_through_standard_input() {
    let folder = folder();
    fs::write(folder.path().join("vault.key"), "a key of a good length").expect("own folder");
    fs::set_permissions(folder.path().join("vault.key"), fs::Permissions::from_mode(0o600))
        .expect("own folder");
    fs::write(folder.path().join("password"), "a password").expect("own folder");
    fs::set_permissions(folder.path().join("password"), fs::Permissions::from_mode(0o600))
        .expect("own folder");
    let text = fleet("${file:password}");
    for file in ["-", "/dev/stdin"] {
        let ran = run_in(folder.path(), &["check", "-f", file], &text).expect(0);
        assert!(ran.out.contains("/dev/stdin is sound"), "{}", ran.out);
        // A command that reads it twice, relative paths, and the state: all from where we are.
        let live = run_in(folder.path(), &["check", "--live", "-f", file], &text).expect(1);
        assert!(live.out.contains("orders-1"), "{}", live.out);
        assert!(folder.path().join(".roadstead").is_dir());
        let long = run_in(folder.path(), &["check", "-f", file], &"#".repeat(2 << 20)).expect(2);
        assert!(long.out.contains("/dev/stdin:1:1"), "{}", long.out);
        let refused = run_in(folder.path(), &["init", "-f", file], "").expect(1);
        assert!(refused.err.contains("/dev/stdin"), "{}", refused.err);
    }
    assert!(!folder.path().join("-").exists());
}

#[cfg(feature = "postgresql")]
#[test]
fn a_secret_that_is_no_file_is_refused_and_never_waited_for() {
    let folder = folder();
    pipe(&folder.path().join("vault.key"));
    pipe(&folder.path().join("pipe"));
    for (secret, sort) in [("pipe", "a pipe"), (".", "a folder"), ("/dev/zero", "a device")] {
        fs::write(folder.path().join("fleet.yaml"), fleet(&format!("${{file:{secret}}}")))
            .expect("own folder");
        let ran = run(folder.path(), &["check"]);
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains(&format!("is {sort}, not a file")), "{}", ran.out);
        assert!(ran.out.contains("vault.key is a pipe"), "{}", ran.out);
    }
}

#[cfg(feature = "postgresql")]
#[test]
fn init_writes_through_no_link_and_says_so() {
    for name in ["vault.key", ".gitignore"] {
        for target_is_there in [false, true] {
            let folder = folder();
            let (link, target) = (folder.path().join(name), folder.path().join("elsewhere"));
            std::os::unix::fs::symlink("elsewhere", &link).expect("own folder");
            if target_is_there {
                fs::write(&target, "kept").expect("own folder");
            }
            for language in ["en", "zh"] {
                let ran = run(folder.path(), &["init", "--lang", language]);
                assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
                assert!(
                    ran.err.contains(&format!("{name} ")) && ran.err.contains(" elsewhere"),
                    "{}",
                    ran.err
                );
            }
            assert_eq!(fs::read_to_string(&target).ok(), target_is_there.then(|| "kept".to_owned()));
            assert!(!folder.path().join("fleet.yaml").exists());
        }
    }
}

/// A fleet with an empty vault of its own; nothing runs.
fn with_vault() -> tempfile::TempDir {
    let folder = folder();
    let text = "fleet: mine\nvaults: { local: { url: ./vault, key: \"${file:vault.key}\" } }\nclusters:\n  orders: { engine: \
         postgresql, backup: { vault: local }, members: [ { name: orders-1, address: \"127.0.0.1:1\", user: me } ] }\n";
    fs::write(folder.path().join("fleet.yaml"), text).expect("own folder");
    run(folder.path(), &["vault", "init"]).expect(0);
    folder
}

#[cfg(feature = "postgresql")]
#[test]
fn pruning_nothing_asks_for_nothing() {
    let folder = with_vault();
    for args in
        [&["vault", "prune"][..], &["vault", "prune", "--keep", "1"], &["vault", "prune", "--dry-run"]]
    {
        let ran = run(folder.path(), args).expect(0);
        assert!(ran.out.contains("nothing to prune in vault local"), "{}", ran.out);
    }
    let json = run(folder.path(), &["vault", "prune", "--json"]).expect(0).json();
    assert_eq!(json["vaults"][0]["pruned"]["snapshots"], serde_json::json!([]));
}

#[cfg(feature = "postgresql")]
#[test]
fn what_no_snapshot_needs_is_freed_without_an_empty_list() {
    let folder = with_vault();
    let pack = folder.path().join("vault/data/ab");
    fs::create_dir_all(&pack).expect("own folder");
    fs::write(pack.join("ab".repeat(32)), [0; 4096]).expect("own folder");
    for (args, said) in
        [(&["vault", "prune", "--dry-run"][..], "would free"), (&["vault", "prune", "--yes"], "freed")]
    {
        let told = run(folder.path(), args).expect(0).out;
        assert!(told.contains(said) && told.contains("no snapshot was chosen"), "{told}");
        assert!(told.lines().all(|line| !line.trim_end().ends_with(':')), "{told}");
    }
}

#[test]
fn a_list_with_nothing_in_it_says_so() {
    let folder = folder();
    fs::write(folder.path().join("fleet.yaml"), "fleet: mine\nclusters: {}\n").expect("own folder");
    for (args, said) in [
        (&["vault", "prune"][..], "declares no vault"),
        (&["vault", "check"], "declares no vault"),
        (&["vault", "init"], "declares no vault"),
        (&["status"], "declares no cluster"),
        (&["explain"], "declares no cluster"),
        (&["backups"], "no snapshots"),
        (&["journal"], "Nothing was done"),
        (&["resume"], "Nothing was interrupted"),
        (&["plan"], "nothing to do"),
    ] {
        let told = run(folder.path(), args).expect(0).out;
        assert!(told.contains(said), "{args:?}: {told}");
    }
}

#[cfg(feature = "postgresql")]
#[test]
fn an_account_in_the_address_of_a_target_is_refused_and_not_repeated() {
    let folder = with_vault();
    for to in ["me:hunter2@host:5432", "me:hunter2@[::1]:5432", "hunter2@host:5432"] {
        for command in ["restore", "verify"] {
            let ran = run(folder.path(), &[command, "latest", "--to", to, "--user", "me"]).expect(2);
            assert!(ran.err.contains("--password-ref") && !ran.err.contains("hunter2"), "{}", ran.err);
        }
    }
}

#[cfg(feature = "postgresql")]
#[test]
fn a_vault_that_cannot_be_read_is_not_told_as_empty() {
    let folder = with_vault();
    let key = folder.path().join("vault.key");
    let empty = run(folder.path(), &["backups"]).expect(0);
    assert!(empty.out.contains("no snapshots yet"), "{}", empty.out);
    let never = run(folder.path(), &["status"]).expect(1);
    assert!(never.out.contains("never"), "{}", never.out);
    let cannot = |why: &str| {
        for args in
            [&["backups"][..], &["verify"], &["verify", "latest"], &["verify", "--live"], &["restore", "0a"]]
        {
            let ran = run(folder.path(), args);
            let told = format!("{}{}", ran.out, ran.err);
            assert_eq!(ran.code, 1, "{args:?}\n{told}");
            assert!(told.contains("cannot be read") && told.contains(why), "{args:?}\n{told}");
            for wrong in ["no snapshot", "secret new"] {
                assert!(!told.contains(wrong), "{args:?}\n{told}");
            }
        }
        let status = run(folder.path(), &["status"]).expect(1);
        assert!(status.out.contains("unknown") && !status.out.contains("never"), "{}", status.out);
    };
    fs::rename(&key, folder.path().join("kept")).expect("own folder");
    cannot("vault.key is missing");
    fs::write(&key, "another key of a good length").expect("own folder");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("own folder");
    cannot("key");
}

//! What the binary says where no server is needed: in both languages, for people and for programs.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use roadstead_testkit::fleet::Ran;

use crate::harbour::binary;

/// Compares what lists the engines of a build; only the one with all three is written down.
fn assert_of_all_engines(name: &str, told: &str) {
    if cfg!(all(feature = "mysql", feature = "postgresql", feature = "redis")) {
        insta::assert_snapshot!(name, told);
    }
}

/// A folder whose name is always the same, so that paths in snapshots are.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("rs-out-").tempdir_in("/tmp").expect("a temporary folder")
}

pub(crate) fn run_in(folder: &Path, args: &[&str], input: &str) -> Ran {
    use std::io::Write;
    let mut child = Command::new(binary())
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    // A command that reads nothing may have closed its input already.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let ran: Ran = child.wait_with_output().expect("it ends").into();
    let shown = folder.display().to_string();
    let told = |text: &str| if shown == "/" { text.to_owned() } else { text.replace(&shown, "FOLDER") };
    Ran { code: ran.code, out: told(&ran.out), err: told(&ran.err) }
}

fn run(args: &[&str]) -> Ran {
    run_in(Path::new("/"), args, "")
}

/// Both streams and the exit code, as one text.
fn told(args: &[&str]) -> String {
    let ran = run(args);
    format!("$ roadstead {}\n{}{}exit {}\n", args.join(" "), ran.out, ran.err, ran.code)
}

const COMMANDS: [&str; 20] = [
    "init",
    "check",
    "explain",
    "schema",
    "plan",
    "apply",
    "up",
    "down",
    "status",
    "backup",
    "backups",
    "verify",
    "restore",
    "journal",
    "resume",
    "secret",
    "vault",
    "demo",
    "completion",
    "man",
];

/// A folder with the broken example in it.
fn broken() -> tempfile::TempDir {
    let folder = folder();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/broken.yaml");
    fs::copy(from, folder.path().join("broken.yaml")).expect("own folder");
    folder
}

#[test]
fn help_of_every_command_in_both_languages() {
    for language in ["en", "zh"] {
        let mut all = told(&["--lang", language, "--help"]);
        for command in COMMANDS {
            let help = told(&[command, "--lang", language, "--help"]);
            assert!(help.ends_with("exit 0\n"), "{help}");
            // The global options are the same for all and stand in the first one.
            let own = help.split("\nGlobal options:").next().unwrap_or(&help);
            all.push_str(own.split("\n全局选项:").next().unwrap_or(own).trim_end());
            all.push_str("\n\n");
        }
        assert_of_all_engines(&format!("help-{language}"), &all);
    }
}

#[test]
fn chinese_help_has_no_english_sentence_left() {
    let english = run(&["--lang", "en", "--help"]).expect(0).out;
    let chinese = run(&["--lang", "zh", "--help"]).expect(0).out;
    assert_eq!(english.lines().count(), chinese.lines().count() + 1, "one line is wrapped in English");
    for line in chinese.lines().filter(|line| line.contains("  ")) {
        assert!(line.chars().any(|c| c > '\u{2e80}'), "not translated: {line}");
    }
}

#[test]
fn the_language_follows_the_environment() {
    let with = |variables: &[(&str, &str)]| {
        let output =
            Command::new(binary()).arg("--help").env_clear().envs(variables.iter().copied()).output();
        String::from_utf8_lossy(&output.expect("it runs").stdout).contains("用法")
    };
    assert!(with(&[("LANG", "zh_CN.UTF-8")]));
    assert!(with(&[("LANG", "en_GB.UTF-8"), ("LC_MESSAGES", "zh_CN.UTF-8")]));
    assert!(!with(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")]));
    assert!(!with(&[]));
}

#[test]
fn mistakes_on_the_command_line() {
    let lines = [
        &["statsu"][..],
        &["status", "--jsn"],
        &["completion"],
        &["completion", "tcsh"],
        &["restore", "latest", "--beside", "a:1", "--to", "h:1"],
        &["--color", "sometimes", "status"],
        &["status", "--yes", "now", "then"],
        &["verify", "--all", "0a1b"],
    ];
    for language in ["en", "zh"] {
        let all: String = lines.iter().map(|line| told(&[&["--lang", language], *line].concat())).collect();
        insta::assert_snapshot!(format!("mistakes-{language}"), all);
    }
    let json = run(&["status", "--json", "--jsn"]).expect(2).json();
    assert_eq!(json["error"]["kind"], "input");
    assert_eq!(json["error"]["what"]["key"], "cli-usage-unknown");
    assert_eq!(json["error"]["what"]["args"]["argument"], "--jsn");
}

#[test]
fn the_broken_example_in_both_languages_and_as_json() {
    let folder = broken();
    let check = |more: &[&str]| {
        run_in(folder.path(), &[&["check", "-f", "broken.yaml"], more].concat(), "").expect(2)
    };
    let text = |language: &str| check(&["--lang", language]).out;
    let (english, chinese) = (text("en"), text("zh"));
    assert_of_all_engines("broken-en", &english);
    assert_of_all_engines("broken-zh", &chinese);
    let json = check(&["--json"]).json();
    let findings = json["findings"].as_array().expect("findings").clone();
    assert!(findings.len() >= 15, "{}", findings.len());
    let places = english.lines().filter(|line| line.trim_start().starts_with("--> broken.yaml:")).count();
    assert_eq!(places, findings.len(), "every finding has line and column");
    let same = chinese.lines().filter(|line| line.trim_start().starts_with("--> broken.yaml:")).count();
    assert_eq!(places, same);
    for finding in &findings {
        assert!(finding["place"]["line"].as_u64() > Some(0) && finding["place"]["column"].as_u64() > Some(0));
        assert_ne!(finding["what"]["text"], finding["what"]["key"], "a sentence is missing: {finding:#}");
        assert!(finding["cure"]["text"].is_string(), "no cure: {finding:#}");
    }
    for secret in ["correct-horse-battery-staple", "hunter2"] {
        assert!(!english.contains(secret) && !json.to_string().contains(secret), "{secret} was shown");
    }
}

#[test]
fn every_finding_of_the_broken_example_is_said_in_words() {
    let folder = broken();
    for language in ["en", "zh"] {
        let args = ["check", "-f", "broken.yaml", "--json", "--lang", language];
        let json = run_in(folder.path(), &args, "").expect(2).json();
        for finding in json["findings"].as_array().expect("findings") {
            for part in ["what", "cure"] {
                let text = finding[part]["text"].as_str().unwrap_or_default();
                assert!(!text.contains("{$") && !text.contains("{ $"), "an argument is missing: {finding:#}");
            }
        }
    }
}

#[test]
fn a_finding_far_out_on_a_long_line_shows_what_it_means() {
    let folder = folder();
    let far = format!("{{ fleet: mine, {}wrong: 1, clusters: {{}} }}\n", " ".repeat(900));
    fs::write(folder.path().join("fleet.yaml"), far).expect("own folder");
    let told = run_in(folder.path(), &["check"], "").expect(2).out;
    let lines: Vec<&str> = told.lines().collect();
    let at = lines.iter().position(|line| line.trim_start().starts_with("1 | …")).expect("the line is shown");
    let from = lines[at + 1].find('^').expect("with carets");
    // The ellipsis is one column of three bytes.
    assert_eq!(&lines[at][from + 2..from + 7], "wrong", "{told}");
    assert_eq!(lines[at + 1].matches('^').count(), 5, "{told}");
}

#[cfg(feature = "postgresql")]
#[test]
fn init_writes_once_and_check_is_content_with_it() {
    let folder = folder();
    let first =
        run_in(folder.path(), &["init", "--name", "harbour", "--postgresql", "127.0.0.1:5432"], "").expect(0);
    insta::assert_snapshot!(
        "init",
        format!("{}{}", first.out, fs::read_to_string(folder.path().join("fleet.yaml")).expect("written"))
    );
    let mode =
        |name: &str| fs::metadata(folder.path().join(name)).expect("written").permissions().mode() & 0o777;
    assert_eq!(mode("vault.key"), 0o600);
    let key = fs::read(folder.path().join("vault.key")).expect("written");
    run_in(folder.path(), &["init"], "").expect(1);
    assert_eq!(fs::read(folder.path().join("vault.key")).expect("kept"), key);
    let check = run_in(folder.path(), &["check"], "").expect(2);
    assert!(check.out.contains("POSTGRESQL_PASSWORD"), "{}", check.out);
    let schema: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("fleet.schema.json")).expect("written"))
            .expect("JSON");
    assert_eq!(schema, run(&["schema"]).expect(0).json());
    let bad = run_in(folder.path(), &["init", "-f", "other.yaml", "--postgresql", "nonsense:port:1"], "");
    assert_eq!(bad.code, 2, "{}{}", bad.out, bad.err);
    assert!(!folder.path().join("other.yaml").exists());
}

#[cfg(feature = "postgresql")]
#[test]
fn explain_tells_the_defaults_of_a_member_reached_by_address() {
    let folder = folder();
    fs::write(
        folder.path().join("fleet.yaml"),
        "fleet: mine\nvaults: { local: { url: ./vault, key: \"${file:vault.key}\" } }\nclusters:\n  orders: { engine: postgresql, \
         backup: { vault: local }, members: [ { name: orders-1, address: \"127.0.0.1\", user: me } ] }\n",
    )
    .expect("own folder");
    for language in ["en", "zh"] {
        let told = run_in(folder.path(), &["explain", "--lang", language], "").expect(0).out;
        insta::assert_snapshot!(format!("explain-{language}"), told);
    }
    let status = run_in(folder.path(), &["status", "--json"], "").expect(1).json();
    assert_eq!(status["members"][0]["endpoint"], "127.0.0.1:5432");
}

#[test]
fn a_secret_is_sealed_once_and_read_back_by_check() {
    let folder = folder();
    let sealed = run_in(folder.path(), &["secret"], "correct horse battery\n").expect(0);
    let reference = sealed.out.trim();
    assert!(reference.starts_with("${age:") && !sealed.out.contains("horse"), "{reference}");
    let identity = folder.path().join(".roadstead/age.key");
    assert_eq!(fs::metadata(&identity).expect("made").permissions().mode() & 0o777, 0o600);
    let again = run_in(folder.path(), &["secret"], "another").expect(0);
    assert!(again.err.is_empty(), "an identity is made once: {}", again.err);
    run_in(folder.path(), &["secret"], "").expect(2);
    run_in(folder.path(), &["secret", "new", "secrets/app"], "").expect(0);
    run_in(folder.path(), &["secret", "new", "secrets/app"], "").expect(1);
    let declare = |key: &str| {
        let text =
            format!("fleet: mine\nvaults: {{ local: {{ url: ./vault, key: \"{key}\" }} }}\nclusters: {{}}\n");
        fs::write(folder.path().join("fleet.yaml"), text).expect("own folder");
    };
    declare(reference);
    run_in(folder.path(), &["check"], "").expect(0);
    run_in(folder.path(), &["vault", "init"], "").expect(0);
    declare(&reference.replace("${age:YWdl", "${age:AAAA"));
    run_in(folder.path(), &["check"], "").expect(2);
}

#[test]
fn hostile_names_cannot_reach_the_terminal() {
    let folder = folder();
    fs::write(
        folder.path().join("fleet.yaml"),
        "fleet: \"a\\e[2J\\e]0;owned\\a\\u202e\"\n\"\\e[31mkey\": 1\nclusters: { \"x\\u009b2J\": { engine: \"\\e[5m\" } }\n",
    )
    .expect("own folder");
    for args in [&["check"][..], &["check", "--color", "always"], &["check", "--lang", "zh"]] {
        let ran = run_in(folder.path(), args, "");
        assert_eq!(ran.code, 2);
        let plain = strip_own_colours(&format!("{}{}", ran.out, ran.err));
        let foul = plain.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(foul, None, "{plain:?}");
    }
    let argument = run(&["sta\u{1b}[31mtus"]).expect(2);
    assert!(!argument.err.contains('\u{1b}'), "{:?}", argument.err);
}

/// Without the few sequences that we write ourselves: `ESC [ digits ; m`.
fn strip_own_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(part.len());
        assert!(part[end..].starts_with('m'), "not a colour: {part:?}");
        plain.push_str(&part[end + 1..]);
    }
    plain
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let folder = broken();
    let colours = |args: &[&str]| {
        let args = [&["check", "-f", "broken.yaml"], args].concat();
        run_in(folder.path(), &args, "").out.contains("\u{1b}[")
    };
    assert!(!colours(&[]));
    assert!(!colours(&["--color", "never"]));
    assert!(colours(&["--color", "always"]));
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    let script = format!("{} schema | head -c 10 >/dev/null; echo ${{PIPESTATUS[0]}}", binary().display());
    let output = Command::new("bash").args(["-c", &script]).output().expect("there is a shell");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn completion_and_manual_name_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completion", shell]).expect(0).out;
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
    let folder = folder();
    run_in(folder.path(), &["man", "--out", "pages"], "").expect(0);
    for command in COMMANDS {
        let page =
            fs::read_to_string(folder.path().join(format!("pages/roadstead-{command}.1"))).expect("a page");
        assert!(page.contains(".SH"), "{command}");
    }
    assert!(!folder.path().join("pages/roadstead-agent.1").exists());
    for page in [&["man"][..], &["man", "vault"], &["man", "verify"]] {
        let english = run(&[page, &["--lang", "en"]].concat()).expect(0).out;
        let chinese = run(&[page, &["--lang", "zh"]].concat()).expect(0).out;
        let headings = |text: &str| -> Vec<String> {
            text.lines().filter_map(|line| line.strip_prefix(".SH ")).map(str::to_owned).collect()
        };
        let (english, chinese) = (headings(&english), headings(&chinese));
        assert!(english.len() >= 4 && english.len() == chinese.len(), "{english:?} {chinese:?}");
        assert!(english.contains(&"\"NAME\"".to_owned()), "{english:?}");
        for heading in chinese {
            assert!(heading.chars().any(|c| c > '\u{2e80}'), "not translated: {heading}");
        }
    }
}

#[test]
fn a_missing_or_foreign_file_is_bad_input_with_a_cure() {
    let folder = folder();
    let missing = run_in(folder.path(), &["status"], "").expect(2);
    assert!(missing.err.contains("roadstead init"), "{}", missing.err);
    fs::write(folder.path().join("fleet.yaml"), vec![b'x'; 3 << 20]).expect("own folder");
    run_in(folder.path(), &["check"], "").expect(2);
    fs::write(folder.path().join("fleet.yaml"), [0xff, 0xfe, b'\n']).expect("own folder");
    run_in(folder.path(), &["check"], "").expect(2);
    let json = run_in(folder.path(), &["plan", "-f", "none.yaml", "--json"], "").expect(2).json();
    assert_eq!(json["error"]["kind"], "input");
}

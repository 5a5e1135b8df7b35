//! `cargo xtask tidy` as one runs it: a small clean tree passes, and each planted fault fails with its own message.
//! The servers are not tested here: getting them is what `cargo xtask check` does before any test runs.
#![allow(clippy::unwrap_used, reason = "all of it is test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use tree::Planted;

mod tree;

/// Runs tidy; returns whether it passed, and what it printed.
fn tidy(root: &Path) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let done = command.args(["tidy", "--root"]).arg(root).output().unwrap();
    assert!(done.stderr.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
    (done.status.success(), String::from_utf8(done.stdout).unwrap())
}

/// The fault makes tidy fail with exactly this one line.
#[track_caller]
fn fails(tree: &Planted, line: &str) {
    let (passed, printed) = tidy(tree.root());
    let findings: Vec<&str> = printed.lines().filter(|line| !line.starts_with("tidy: ")).collect();
    assert!(
        !passed && findings.len() == 1 && findings[0].starts_with(line),
        "wanted: {line}\nprinted: {printed}"
    );
}

#[test]
fn the_clean_tree_passes() {
    let (passed, printed) = tidy(Planted::clean("clean").root());
    assert!(passed, "{printed}");
    assert!(printed.ends_with(" 0 findings\n"), "{printed}");
}

#[test]
fn this_project_is_tidy() {
    let (passed, printed) = tidy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    assert!(passed, "{printed}");
}

#[test]
fn an_engine_named_in_core() {
    let tree = Planted::clean("engine-in-core");
    tree.append(
        "crates/core/src/lib.rs",
        "pub fn port() -> u16 { if name() == \"Redis\" { 6379 } else { 0 } }\n",
    );
    fails(&tree, "crates/core/src/lib.rs:7: an engine is named here (redis); ");
}

#[test]
fn an_engine_named_in_the_binary_outside_its_place() {
    let tree = Planted::clean("engine-in-binary");
    tree.append("crates/roadstead/src/main.rs", "const NAME: &str = \"postgresql\";\n");
    fails(&tree, "crates/roadstead/src/main.rs:4: an engine is named here (postgres); ");
}

#[test]
fn a_comment_and_a_test_may_name_an_engine() {
    let tree = Planted::clean("engine-in-comment");
    tree.append(
        "crates/core/src/lib.rs",
        "// as redis does\n#[cfg(test)]\nmod tests {\n    const A: &str = \"redis\";\n}\n",
    );
    let (passed, printed) = tidy(tree.root());
    assert!(passed, "{printed}");
}

#[test]
fn a_forbidden_import() {
    let tree = Planted::clean("import");
    tree.append("crates/agent/Cargo.toml", "roadstead-engines.workspace = true\n");
    fails(&tree, "crates/agent/Cargo.toml:5: agent imports engines; ");
}

#[test]
fn the_testkit_in_what_ships() {
    let tree = Planted::clean("testkit");
    tree.append("crates/agent/Cargo.toml", "[dev-dependencies]\nroadstead-testkit.workspace = true\n");
    assert!(tidy(tree.root()).0);
    tree.append("crates/roadstead/Cargo.toml", "roadstead-testkit.workspace = true\n");
    fails(&tree, "crates/roadstead/Cargo.toml:6: roadstead imports testkit; ");
}

#[test]
fn an_impure_core_and_a_driver_outside_the_engines() {
    let tree = Planted::clean("impure");
    tree.append("crates/core/Cargo.toml", "tokio.workspace = true\n");
    fails(&tree, "crates/core/Cargo.toml:5: core imports tokio; ");
    let tree = Planted::clean("driver");
    tree.append("crates/agent/Cargo.toml", "db = { package = \"tokio-postgres\", version = \"0.7\" }\n");
    fails(&tree, "crates/agent/Cargo.toml:5: agent imports tokio-postgres, which only engines may; ");
}

#[test]
fn one_engine_that_uses_another() {
    let tree = Planted::clean("engines");
    tree.append("crates/engines/src/redis/mod.rs", "use crate::{\n    registry,\n    mysql::Dump,\n};\n");
    fails(&tree, "crates/engines/src/redis/mod.rs:4: engine redis uses engine mysql; ");
}

#[test]
fn an_engine_without_one_of_the_files() {
    let tree = Planted::clean("files");
    tree.remove("crates/engines/src/mysql/manifest.rs");
    fails(&tree, "crates/engines/src/mysql/manifest.rs:0: engine mysql has no manifest.rs; ");
}

#[test]
fn a_file_and_a_function_too_long() {
    let tree = Planted::clean("long-file");
    tree.append("crates/core/src/lib.rs", &"pub const A: u8 = 1;\n".repeat(495));
    fails(&tree, "crates/core/src/lib.rs:501: 501 lines without tests, more than 500; ");
    let tree = Planted::clean("long-function");
    let body = "    call();\n".repeat(70);
    tree.append("crates/core/src/lib.rs", &format!("pub async fn long() {{\n{body}}}\n"));
    fails(&tree, "crates/core/src/lib.rs:7: `long` has 71 lines, more than 70; ");
}

#[test]
fn tests_do_not_count_to_the_length_of_a_file() {
    let tree = Planted::clean("long-tests");
    let tests = "    const A: u8 = 1;\n".repeat(600);
    tree.append("crates/core/src/lib.rs", &format!("#[cfg(test)]\nmod tests {{\n{tests}}}\n"));
    let (passed, printed) = tidy(tree.root());
    assert!(passed, "{printed}");
}

#[test]
fn a_missing_translation() {
    let tree = Planted::clean("translation");
    tree.replace("crates/core/messages/zh.ftl", "core-lost = 丢失了 { $name }\n", "");
    fails(&tree, "crates/core/messages/en.ftl:2: `core-lost` has no sentence in zh.ftl; ");
    tree.remove("crates/core/messages/zh.ftl");
    fails(&tree, "crates/core/messages/en.ftl:0: there is no zh.ftl beside it; ");
}

#[test]
fn a_translation_that_tells_less() {
    let tree = Planted::clean("tells-less");
    tree.replace("crates/core/messages/zh.ftl", " { $name }", "");
    fails(&tree, "crates/core/messages/en.ftl:2: `core-lost` names $name, and zh.ftl does not; ");
}

#[test]
fn sentences_and_code_that_miss_each_other() {
    let tree = Planted::clean("no-sentence");
    tree.append("crates/core/src/lib.rs", "pub fn a() -> Text { say(Text::new(\"no-such-sentence\")) }\n");
    fails(&tree, "crates/core/src/lib.rs:7: no catalogue has the sentence `no-such-sentence`; ");
    let tree = Planted::clean("no-argument");
    tree.append("crates/core/src/lib.rs", "pub fn a() -> Text { say(Text::new(\"core-lost\")) }\n");
    fails(&tree, "crates/core/src/lib.rs:7: `core-lost` is said without $name; ");
    let tree = Planted::clean("unsaid");
    tree.append("crates/core/messages/en.ftl", "core-unsaid = nobody says this\n");
    tree.append("crates/core/messages/zh.ftl", "core-unsaid = 无人说\n");
    fails(&tree, "crates/core/messages/en.ftl:5: no code says `core-unsaid`; ");
    let tree = Planted::clean("misspelt");
    tree.append("crates/core/src/lib.rs", "pub fn a() -> Text { say(\"core-stage-takne\") }\n");
    fails(
        &tree,
        "crates/core/src/lib.rs:7: `core-stage-takne` looks like a sentence's key, and no catalogue has it; ",
    );
}

#[test]
fn a_key_in_two_catalogues() {
    let tree = Planted::clean("twice");
    tree.append("crates/engines/src/mysql/messages/en.ftl", "core-lost = lost { $name }\n");
    tree.append("crates/engines/src/mysql/messages/zh.ftl", "core-lost = { $name }\n");
    let (passed, printed) = tidy(tree.root());
    let twice = "crates/engines/src/mysql/messages/en.ftl:2: `core-lost` stands in crates/core/messages/en.ftl:2 already";
    assert!(!passed && printed.contains(twice), "{printed}");
}

#[test]
fn what_must_not_lie_about() {
    // Written in pieces, because this file is read too.
    let faults = [
        ("pub fn a() { b().unwrap(); }\n".to_owned(), "an unwrap outside tests; "),
        (format!("// {}: later\n", concat!("TO", "DO")), "an unfinished word ("),
        (format!("// good enough {}\n", concat!("for ", "now")), "an unfinished word ("),
        (format!("{}]\n", concat!("#[ig", "nore")), "an ignored test; "),
        (format!("const A: &str = \"{}x\";\n", concat!("/wo", "rk/")), "a path of one machine ("),
        (format!("// from deb.{}\n", concat!("debian", ".org")), "a registry's host ("),
    ];
    for (index, (line, what)) in faults.iter().enumerate() {
        let tree = Planted::clean(&format!("lies-{index}"));
        tree.append("crates/core/src/lib.rs", line);
        fails(&tree, &format!("crates/core/src/lib.rs:7: {what}"));
    }
}

#[test]
fn a_test_that_sleeps() {
    let tree = Planted::clean("sleeps");
    tree.append("crates/core/src/lib.rs", "pub fn a() { std::thread::sleep(x); }\n");
    assert!(tidy(tree.root()).0, "code that ships may sleep");
    tree.append(
        "crates/core/src/lib.rs",
        "#[cfg(test)]\nmod tests {\n    fn a() { std::thread::sleep(x); }\n}\n",
    );
    fails(&tree, "crates/core/src/lib.rs:10: a test that sleeps; ");
}

#[test]
fn a_module_without_its_sentence() {
    let tree = Planted::clean("sentence");
    tree.replace("crates/roadstead/src/main.rs", "//! the binary\n", "");
    fails(&tree, "crates/roadstead/src/main.rs:1: a module without its sentence; ");
}

#[test]
fn a_decision_without_its_date() {
    let tree = Planted::clean("decision");
    tree.write("docs/decisions/one-way.md", "# One way\n");
    fails(&tree, "docs/decisions/one-way.md:0: a decision without its date; ");
}

#[test]
fn a_file_that_is_no_text_is_left_out() {
    let tree = Planted::clean("bytes");
    fs::write(tree.root().join("crates/core/src/bytes.rs"), [0xff, 0xfe, 0x00]).unwrap();
    assert!(tidy(tree.root()).0);
}

#[test]
fn a_wrong_command_line_is_told_apart() {
    for arguments in
        [&["tidy", "--rooot"][..], &["servers", "no-such-server"], &["check", "all"], &["no-such-task"], &[]]
    {
        let done = Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().unwrap();
        assert_eq!(done.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&done.stderr).contains("usage: cargo xtask"), "{arguments:?}");
    }
}

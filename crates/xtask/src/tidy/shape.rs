//! Sizes of rooms, and what must not be left lying about in them.

use super::Finding;
use super::rust::has_word;
use super::tree::{Tree, has_extension, is_test};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// The one room where tests wait: until a condition holds or a deadline passes.
const MAY_SLEEP: &str = "crates/testkit/src/wait.rs";

pub(super) fn long_files(tree: &Tree) -> Vec<Finding> {
    let shipped = tree.rust_below("").filter(|(path, _)| !is_test(path));
    let long = shipped.filter(|(_, rust)| rust.tests_from > FILE_LINES_MAX);
    long.map(|(path, rust)| {
        let what = format!("{} lines without tests, more than {FILE_LINES_MAX}", rust.tests_from);
        Finding::new(path, rust.tests_from, what, "split it where a reader would look for a new room")
    })
    .collect()
}

pub(super) fn long_functions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, rust) in tree.rust_below("") {
        for function in rust.functions() {
            let lines = function.last - function.first;
            if lines > FUNCTION_LINES_MAX {
                let what = format!("`{}` has {lines} lines, more than {FUNCTION_LINES_MAX}", function.name);
                findings.push(Finding::new(
                    path,
                    function.first + 1,
                    what,
                    "let its parts be functions with names",
                ));
            }
        }
    }
    findings
}

pub(super) fn module_docs(tree: &Tree) -> Vec<Finding> {
    let bare = tree
        .rust_below("")
        .filter(|(_, rust)| !rust.lines.first().is_some_and(|line| line.starts_with("//!")));
    let cure = "begin with `//!`: what it owns, what it must never do";
    bare.map(|(path, _)| Finding::new(path, 1, "a module without its sentence", cure)).collect()
}

pub(super) fn unwraps(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, rust) in tree.rust_below("").filter(|(path, _)| !is_test(path)) {
        for (index, line) in rust.code[..rust.tests_from].iter().enumerate() {
            if line.contains(".unwrap()") {
                let cure = "return the error, or `expect` why it holds";
                findings.push(Finding::new(path, index + 1, "an unwrap outside tests", cure));
            }
        }
    }
    findings
}

/// Words that say "later". Written in pieces, because this file is read too.
pub(super) fn unfinished_words(tree: &Tree) -> Vec<Finding> {
    let shouted = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let spoken = [
        concat!("place", "holder"),
        concat!("for ", "now"),
        concat!("not ", "implemented"),
        concat!("unimple", "mented!"),
        concat!("to", "do!"),
        concat!("in a ", "real"),
        concat!("st", "ub"),
        concat!("stu", "bbed"),
    ];
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| is_written_by_us(&file.path)) {
        for (index, line) in file.text.lines().enumerate() {
            let lower = line.to_lowercase();
            let shout = shouted.iter().find(|word| has_word(line, word, true));
            let word = shout.or_else(|| spoken.iter().find(|word| has_word(&lower, word, true)));
            if let Some(word) = word {
                let what = format!("an unfinished word ({word})");
                findings.push(Finding::new(
                    &file.path,
                    index + 1,
                    what,
                    "finish it, or say plainly what is left out",
                ));
            }
        }
    }
    findings
}

fn is_written_by_us(path: &str) -> bool {
    let known = ["rs", "md", "toml", "ftl", "sh", "yaml", "yml", "ts", "tsx"];
    known.iter().any(|extension| has_extension(path, extension))
        || !path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

pub(super) fn ignored_tests(tree: &Tree) -> Vec<Finding> {
    let wanted = concat!("#[ig", "nore");
    let cure = "make it pass, or remove it; what a machine lacks is printed as skipped";
    lines_of_tests(tree, true, |line| line.contains(wanted), "an ignored test", cure)
}

pub(super) fn sleeping_tests(tree: &Tree) -> Vec<Finding> {
    let sleeps = |line: &str| {
        line.contains("thread::sleep") || line.contains("time::sleep") || has_word(line, "sleep(", false)
    };
    lines_of_tests(
        tree,
        false,
        sleeps,
        "a test that sleeps",
        "wait for a condition with a deadline (testkit's wait)",
    )
}

/// The lines of tests and of testkit, or of all code, that satisfy `wrong`.
fn lines_of_tests(
    tree: &Tree,
    everywhere: bool,
    wrong: impl Fn(&str) -> bool,
    what: &str,
    cure: &'static str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, rust) in tree.rust_below("").filter(|(path, _)| *path != MAY_SLEEP) {
        let all = everywhere || is_test(path) || path.starts_with("crates/testkit/");
        let from = if all { 0 } else { rust.tests_from };
        for (index, line) in rust.code.iter().enumerate().skip(from) {
            if wrong(line) {
                findings.push(Finding::new(path, index + 1, what, cure));
            }
        }
    }
    findings
}

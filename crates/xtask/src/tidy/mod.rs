//! `cargo xtask tidy`: the rules of the tree that neither Cargo, rustfmt nor clippy can hold.
//! Each rule is a small function from the tree to findings; it reads, and never changes a file.

mod engines;
mod fluent;
mod messages;
mod names;
mod rust;
mod shape;
mod tree;
mod walls;

use std::path::PathBuf;

use crate::process::Failure;
use tree::Tree;

/// A broken rule: where, what, and what to do about it.
struct Finding {
    path: String,
    /// From 1; 0 stands for the whole file.
    line: usize,
    what: String,
    cure: &'static str,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>, cure: &'static str) -> Self {
        Self { path: path.to_owned(), line, what: what.into(), cure }
    }
}

const RULES: &[fn(&Tree) -> Vec<Finding>] = &[
    walls::between_crates,
    walls::between_engines,
    walls::engine_names,
    engines::same_files,
    shape::long_files,
    shape::long_functions,
    shape::module_docs,
    shape::unwraps,
    shape::unfinished_words,
    shape::ignored_tests,
    shape::sleeping_tests,
    messages::both_languages,
    messages::no_key_twice,
    messages::every_text_has_a_sentence,
    messages::no_key_is_misspelt,
    messages::every_sentence_is_said,
    names::decisions,
    names::machine_paths,
    names::registry_hosts,
];

/// Prints every finding. `Ok(false)`: there are some.
pub(crate) fn run(arguments: &[String]) -> Result<bool, Failure> {
    let root = match arguments {
        [] => PathBuf::from("."),
        [flag, root] if flag == "--root" => PathBuf::from(root),
        _ => return Err(Failure::usage("tidy takes `--root DIR` or nothing")),
    };
    let tree = Tree::read(&root)?;
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    findings.sort_by(|one, other| (&one.path, one.line).cmp(&(&other.path, other.line)));
    for Finding { path, line, what, cure } in &findings {
        println!("{path}:{line}: {what}; {cure}");
    }
    println!("tidy: {} files, {} rules, {} findings", tree.files.len(), RULES.len(), findings.len());
    Ok(findings.is_empty())
}

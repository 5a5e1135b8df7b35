//! What users read: every sentence in both languages, every key that code names, and none that nobody says.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::fluent::{self, Message};
use super::rust::{Rust, is_word};
use super::tree::{Tree, is_test};

const LANGUAGES: [&str; 2] = ["en", "zh"];

/// Code whose texts no user reads.
const UNHEARD: &[&str] = &["crates/testkit/", "crates/xtask/"];

/// Every catalogue: its folder, its language, its path and its messages.
fn catalogues(tree: &Tree) -> Vec<(&str, &str, &str, Vec<Message>)> {
    let files = tree.files.iter().filter_map(|file| {
        let (folder, name) = file.path.rsplit_once('/')?;
        let language = name.strip_suffix(".ftl")?;
        Some((folder, language, file.path.as_str(), fluent::messages(&file.text)))
    });
    files.collect()
}

pub(super) fn both_languages(tree: &Tree) -> Vec<Finding> {
    let all = catalogues(tree);
    let mut findings = Vec::new();
    for (folder, language, path, messages) in &all {
        for other in LANGUAGES.iter().filter(|other| *other != language) {
            let beside = all.iter().find(|(place, spoken, ..)| place == folder && spoken == other);
            let Some((.., beside)) = beside else {
                let what = format!("there is no {other}.ftl beside it");
                findings.push(Finding::new(path, 0, what, "every catalogue has both languages"));
                continue;
            };
            findings.extend(messages.iter().filter_map(|message| lacking(path, message, other, beside)));
        }
    }
    findings
}

/// What the other language lacks of a message.
fn lacking(path: &str, message: &Message, other: &str, beside: &[Message]) -> Option<Finding> {
    let key = &message.key;
    if message.is_empty() {
        return Some(Finding::new(path, message.line, format!("`{key}` says nothing"), "write its sentence"));
    }
    let Some(translated) = beside.iter().find(|translated| translated.key == *key) else {
        let what = format!("`{key}` has no sentence in {other}.ftl");
        return Some(Finding::new(path, message.line, what, "every sentence has both languages"));
    };
    let missing: Vec<&str> =
        message.arguments.difference(&translated.arguments).map(String::as_str).collect();
    let what = format!("`{key}` names ${}, and {other}.ftl does not", missing.join(", $"));
    let cure = "both languages tell the same facts";
    (!missing.is_empty()).then(|| Finding::new(path, message.line, what, cure))
}

/// A bundle keeps one message of a name, so a second one would be silently lost.
pub(super) fn no_key_twice(tree: &Tree) -> Vec<Finding> {
    let mut seen: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut findings = Vec::new();
    for (_, language, path, messages) in catalogues(tree) {
        for message in messages {
            let place = format!("{path}:{}", message.line);
            let first =
                seen.entry((language.to_owned(), message.key.clone())).or_insert_with(|| place.clone());
            if *first != place {
                let what = format!("`{}` stands in {first} already", message.key);
                findings.push(Finding::new(path, message.line, what, "give each sentence a key of its own"));
            }
        }
    }
    findings
}

pub(super) fn every_text_has_a_sentence(tree: &Tree) -> Vec<Finding> {
    let all = catalogues(tree);
    let known: BTreeMap<&str, &Message> = all
        .iter()
        .flat_map(|(.., messages)| messages)
        .map(|message| (message.key.as_str(), message))
        .collect();
    let mut findings = Vec::new();
    for (path, rust) in heard(tree) {
        for Said { line, key, arguments } in said(rust) {
            let Some(message) = known.get(key.as_str()) else {
                let what = format!("no catalogue has the sentence `{key}`");
                findings.push(Finding::new(
                    path,
                    line,
                    what,
                    "write it into messages/en.ftl and messages/zh.ftl",
                ));
                continue;
            };
            let lacking: Vec<&str> = message.arguments.difference(&arguments).map(String::as_str).collect();
            if !lacking.is_empty() && !arguments.contains(OPEN) {
                let what = format!("`{key}` is said without ${}", lacking.join(", $"));
                findings.push(Finding::new(path, line, what, "give it with `.with(…)`"));
            }
        }
    }
    findings
}

/// Debian packages whose names look like keys.
const PACKAGES: &[&str] = &["mysql-client-core", "mysql-server-core"];

/// A key may also reach a text through a function. What begins like a known key, but is none, is misspelt.
pub(super) fn no_key_is_misspelt(tree: &Tree) -> Vec<Finding> {
    let all = catalogues(tree);
    let keys: BTreeSet<&str> =
        all.iter().flat_map(|(.., messages)| messages).map(|message| message.key.as_str()).collect();
    let families: BTreeSet<&str> = keys.iter().filter_map(|key| family(key)).collect();
    let mut findings = Vec::new();
    for (path, rust) in heard(tree) {
        for (index, literal) in rust.literals() {
            let alike =
                fluent::is_key(&literal) && family(&literal).is_some_and(|family| families.contains(family));
            if alike
                && !PACKAGES.contains(&literal.as_str())
                && !keys.contains(literal.as_str())
                && !literal.contains(|c: char| c.is_ascii_digit())
            {
                let what = format!("`{literal}` looks like a sentence's key, and no catalogue has it");
                findings.push(Finding::new(
                    path,
                    index + 1,
                    what,
                    "write its sentence, or mend its spelling",
                ));
            }
        }
    }
    findings
}

/// The first two words of a key of three or more.
fn family(key: &str) -> Option<&str> {
    let (second, _) = key.match_indices('-').nth(1)?;
    Some(&key[..second])
}

pub(super) fn every_sentence_is_said(tree: &Tree) -> Vec<Finding> {
    let all = catalogues(tree);
    let literals: Vec<String> =
        heard(tree).flat_map(|(_, rust)| rust.literals()).map(|(_, literal)| literal).collect();
    let mut used: BTreeSet<&str> = literals.iter().map(String::as_str).collect();
    used.extend(
        all.iter()
            .flat_map(|(.., messages)| messages)
            .flat_map(|message| &message.mentions)
            .map(String::as_str),
    );
    // `format!("stage-{stage}")` says every sentence whose key begins with `stage-`.
    let computed: Vec<&str> = literals.iter().filter_map(|literal| prefix(literal)).collect();
    let mut findings = Vec::new();
    for (_, language, path, messages) in &all {
        for message in messages.iter().filter(|_| *language == LANGUAGES[0]) {
            let key = message.key.as_str();
            if !used.contains(key) && !computed.iter().any(|prefix| key.starts_with(prefix)) {
                let what = format!("no code says `{key}`");
                findings.push(Finding::new(path, message.line, what, "remove it from every language"));
            }
        }
    }
    findings
}

/// What a formatted key begins with.
fn prefix(literal: &str) -> Option<&str> {
    let (start, _) = literal.split_once('{')?;
    (start.len() > 2 && start.ends_with('-') && fluent::is_key(start)).then_some(start)
}

fn heard(tree: &Tree) -> impl Iterator<Item = (&str, &Rust)> {
    let heard = |path: &&str| !is_test(path) && !UNHEARD.iter().any(|folder| path.starts_with(folder));
    tree.rust_below("crates/").filter(move |(path, _)| heard(path))
}

/// A text that code makes: `Text::new("key").with("name", …)…`.
struct Said {
    line: usize,
    key: String,
    arguments: BTreeSet<String>,
}

/// Stands among the arguments where more may follow that cannot be read here.
const OPEN: &str = "…";

fn said(rust: &Rust) -> Vec<Said> {
    let spoken = rust.spoken[..rust.tests_from].join("\n");
    let code = rust.code[..rust.tests_from].join("\n");
    let mut found = Vec::new();
    for (at, start) in code.match_indices("Text::new(") {
        let open = at + start.len();
        let Some(key) = literal_at(&code, &spoken, open) else { continue };
        if code[..at].ends_with(is_word) || !fluent::is_key(key) {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let mut arguments = arguments(&code, &spoken, after_call(&code, open));
        // A value by itself (of a `let`, a block, a match arm) may get more arguments elsewhere.
        if !code[..at].trim_end().ends_with(['(', ',', '[', '&']) {
            arguments.insert(OPEN.to_owned());
        }
        found.push(Said { line, key: key.to_owned(), arguments });
    }
    found
}

/// The names given by the `.with` calls that follow at `at`.
fn arguments(code: &str, spoken: &str, mut at: usize) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    loop {
        let rest = code[at..].trim_start();
        let Some(call) = rest.strip_prefix(".with").filter(|call| call.contains('(')) else {
            // Some other method follows: it may add to it.
            if rest.starts_with('.') {
                names.insert(OPEN.to_owned());
            }
            return names;
        };
        let open = code.len() - call.len() + call.find('(').unwrap_or(0) + 1;
        names.insert(literal_at(code, spoken, open).unwrap_or(OPEN).to_owned());
        at = after_call(code, open);
    }
}

/// The string literal that follows at `at`, if one does.
fn literal_at<'a>(code: &str, spoken: &'a str, at: usize) -> Option<&'a str> {
    let inner = code[at..].trim_start().strip_prefix('"')?;
    let from = code.len() - inner.len();
    Some(&spoken[from..from + inner.find('"')?])
}

/// The place after the parenthesis that closes the call whose arguments begin at `open`.
fn after_call(code: &str, open: usize) -> usize {
    let mut depth = 1;
    for (at, character) in code[open..].char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at + 1;
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_texts_with_their_arguments() {
        let rust = Rust::read(
            "f(Text::new(\"one\"));\ng(Text::new(\n  \"two\",\n)\n.with(\"a\", x(\")\"))\n.with(\"b\", 1))\nlet t = Text::new(\"three\");\n",
        );
        let shown: Vec<String> =
            said(&rust).iter().map(|s| format!("{} {} {:?}", s.line, s.key, s.arguments)).collect();
        assert_eq!(shown, ["1 one {}", r#"2 two {"a", "b"}"#, r#"7 three {"…"}"#]);
    }

    #[test]
    fn a_formatted_key_says_all_that_begin_alike() {
        assert_eq!(prefix("stage-{stage}"), Some("stage-"));
        assert_eq!((prefix("{a}-b"), prefix("Stage-{x}"), prefix("stage {x}")), (None, None, None));
    }
}

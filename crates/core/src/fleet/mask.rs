//! Which characters of the file may be secrets and must not be shown with a finding.
//!
//! In a sound file: every value whose key sounds like a secret and that is no reference, and every value that holds
//! an account with its password as addresses do. In a file that is no YAML: everything after such a key.

use super::{
    source::Source,
    tree::{Node, Value},
};
use crate::SecretRef;

/// Masks by the places of values.
pub(super) fn by_tree(root: &Node, source: &mut Source<'_>) {
    let mut pending = vec![(root, false)];
    while let Some((node, secret)) = pending.pop() {
        match &node.value {
            Value::Nothing => {}
            Value::Scalar(text) => {
                if (secret && SecretRef::parse(text).is_none()) || has_login(text) {
                    cover(node, source);
                }
            }
            Value::List(items) => pending.extend(items.iter().map(|item| (item, secret))),
            Value::Map(entries) => {
                for entry in entries {
                    let width = entry.key.chars().count();
                    // A key below a secret's key is most likely the secret with a colon in it.
                    if secret || has_login(&entry.key) {
                        let from = entry.spot.column;
                        source.mask(entry.spot.line, from, from + entry.spot.length.max(width).min(1 << 20));
                    }
                    let account = matches!(entry.key.as_str(), "address" | "url")
                        && entry.value.text().is_some_and(|text| text.contains('@'));
                    pending.push((&entry.value, secret || account || names_secret(&entry.key)));
                }
            }
        }
    }
}

fn cover(node: &Node, source: &mut Source<'_>) {
    let (last, mut column) = node.end;
    if last == node.spot.line {
        column = node.spot.column + source.within(node.spot).length;
    }
    for line in node.spot.line..=last {
        let from = if line == node.spot.line { node.spot.column } else { 1 };
        let to = if line == last { column } else { usize::MAX };
        source.mask(line, from, to);
    }
}

/// Masks by the look of lines: the rest of the line after a secret's key, and the deeper lines that follow it.
pub(super) fn by_text(source: &mut Source<'_>) {
    let mut deeper_than = None;
    for line_number in 1..=source.line_count() {
        let line = source.line(line_number);
        let indent = line.chars().take_while(|c| *c == ' ').count();
        if deeper_than.is_some_and(|outer| !line.trim().is_empty() && indent <= outer) {
            deeper_than = None;
        }
        if deeper_than.is_some() {
            source.mask(line_number, 1, usize::MAX);
            continue;
        }
        if let Some(column) = secret_starts(line) {
            source.mask(line_number, column, usize::MAX);
            deeper_than = Some(indent);
        } else if has_login(line) {
            source.mask(line_number, 1, usize::MAX);
        }
    }
}

/// The column after the first `key:` that names a secret, unless a whole reference follows as the last thing said.
fn secret_starts(line: &str) -> Option<usize> {
    let around = ['{', ',', ' ', '"', '\'', '-', '\t', '[', '?', ':'];
    for (at, _) in line.match_indices(':') {
        let key =
            line[..at].trim_end_matches([' ', '\t', '"', '\'']).rsplit(around).next().unwrap_or_default();
        if names_secret(key) && !is_reference(&line[at + 1..]) {
            return Some(line[..=at].chars().count() + 1);
        }
    }
    None
}

/// Whether the rest of a line is one reference and what closes around it.
fn is_reference(rest: &str) -> bool {
    let Some((inner, after)) = rest.trim_start_matches([' ', '"', '\'']).split_once('}') else {
        return false;
    };
    let closes = after.chars().all(|c| matches!(c, '"' | '\'' | ' ' | '}' | ']' | ','));
    closes && SecretRef::parse(&format!("{inner}}}")).is_some()
}

/// Whether a key sounds as if its value were secret, also when it is misspelt.
fn names_secret(key: &str) -> bool {
    if key.chars().nth(64).is_some() {
        return false;
    }
    let key = key.to_lowercase();
    let parts = ["pass", "secret", "token", "credential", "pwd"];
    parts.iter().any(|part| key.contains(part))
        || key.ends_with("key")
        || key.ends_with("auth")
        || strsim::osa_distance(&key, "password") <= 3
}

/// `user:password@host`, as addresses of other tools carry it.
pub(super) fn has_login(text: &str) -> bool {
    let Some((login, _)) = text.split_once('@') else { return false };
    login.rsplit("//").next().is_some_and(|login| login.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_no_yaml_hide_what_follows_a_secrets_key() {
        let text = "a: [\npassword: hunter2\nx: { password: 'hunter2', may: read\nkey: |\n  hunter2\nb: hunter\n\
            password: \"${file:a}\"\n  - { passwrod : hunter2 }\nurl: s3://me:hunter2@host\n";
        let mut source = Source::read("f", text.as_bytes()).expect("text");
        by_text(&mut source);
        let shown = |line| {
            let spot = crate::fleet::source::Spot { line, column: 1, length: 1 };
            source.place(spot).text
        };
        let all: String = (1..10).map(|line| shown(line) + "\n").collect();
        assert!(!all.contains("hunter2"), "{all}");
        assert!(all.contains("b: hunter\n") && all.contains("password: \"${file:a}\""), "{all}");
    }
}

//! A Fluent catalogue as the rules see it: its messages, their lines and the arguments they name.
//! It reads the shape of the file; whether Fluent itself accepts it is tested where catalogues are loaded.

use std::collections::BTreeSet;

/// One message, with its attributes.
pub(super) struct Message {
    pub(super) key: String,
    /// From 1.
    pub(super) line: usize,
    /// The `$names` in its placeables.
    pub(super) arguments: BTreeSet<String>,
    /// Other messages that it contains.
    pub(super) mentions: Vec<String>,
    has_text: bool,
}

impl Message {
    /// Whether it says anything at all.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_text
    }
}

/// The messages of a catalogue, terms left out, in the order of the file.
pub(super) fn messages(text: &str) -> Vec<Message> {
    let mut found: Vec<Message> = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with([' ', '\t', '}']) {
            if let Some(message) = found.last_mut().filter(|_| inside) {
                read(message, line);
            }
            continue;
        }
        let Some((key, rest)) = line.split_once('=') else {
            inside &= line.is_empty();
            continue;
        };
        let key = key.trim_end();
        inside = is_key(key);
        if inside {
            let (arguments, mentions) = (BTreeSet::new(), Vec::new());
            let mut message =
                Message { key: key.to_owned(), line: index + 1, arguments, mentions, has_text: false };
            read(&mut message, rest);
            found.push(message);
        }
    }
    found
}

/// Whether this can be the key of a message.
pub(super) fn is_key(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn read(message: &mut Message, line: &str) {
    message.has_text |= !line.trim().is_empty();
    for (at, _) in line.match_indices('$') {
        let name: String = line[at + 1..]
            .chars()
            .take_while(|&c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            .collect();
        let placed = line[..at].contains('{') || line.trim_start().starts_with('$');
        if placed && !name.is_empty() {
            message.arguments.insert(name);
        }
    }
    for (at, _) in line.match_indices('{') {
        let inner = line[at + 1..].split('}').next().unwrap_or_default().trim();
        if is_key(inner) {
            message.mentions.push(inner.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_messages_with_all_their_lines() {
        let text = "# comment = no\n-term = x\none = a { $b } { two }\ntwo =\n    { $count ->\n        [one] one\n       *[other] { $count } { $rest }\n    }\n\nthree =\n";
        let found = messages(text);
        let shown: Vec<String> = found
            .iter()
            .map(|m| format!("{}:{} {:?} {:?} {}", m.line, m.key, m.arguments, m.mentions, m.is_empty()))
            .collect();
        assert_eq!(
            shown,
            [r#"3:one {"b"} ["two"] false"#, r#"4:two {"count", "rest"} [] false"#, r"10:three {} [] true",]
        );
    }
}

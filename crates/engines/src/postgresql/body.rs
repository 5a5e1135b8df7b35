//! What the body of a function names, as far as its text tells.

use std::collections::BTreeSet;

/// A name in a function's body.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    pub(super) name: String,
    /// A schema, or another name, stands before it.
    pub(super) is_qualified: bool,
}

/// The words of a body, comments left out. What stands between single quotes counts: `nextval('a')` and what is
/// executed as text name things too.
pub(super) fn words(body: &str) -> BTreeSet<Word> {
    let mut found = BTreeSet::new();
    let (mut rest, mut in_text, mut is_qualified) = (body, false, false);
    while let Some(first) = rest.chars().next() {
        let comment = match rest {
            _ if in_text => None,
            _ if rest.starts_with("--") => Some(rest.find('\n').unwrap_or(rest.len())),
            _ if rest.starts_with("/*") => Some(comment_end(rest)),
            _ => None,
        };
        if let Some(end) = comment {
            rest = &rest[end..];
            continue;
        }
        let (word, after) = if first == '"' {
            quoted(&rest[1..])
        } else if is_letter(first) {
            let end = rest.find(|c| !is_letter(c) && !c.is_ascii_digit() && c != '$').unwrap_or(rest.len());
            (rest[..end].to_lowercase(), &rest[end..])
        } else {
            in_text ^= first == '\'';
            is_qualified = first == '.' || is_qualified && first.is_whitespace();
            rest = &rest[first.len_utf8()..];
            // Digits belong to what they begin: in `1e5` there is no word.
            if first.is_ascii_digit() {
                rest = rest.trim_start_matches(|c| is_letter(c) || c.is_ascii_digit());
            }
            continue;
        };
        if !word.is_empty() {
            found.insert(Word { name: word, is_qualified });
        }
        is_qualified = false;
        rest = after;
    }
    found
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// A name up to its closing quote, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut rest = text;
    while let Some(end) = rest.find('"') {
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return (name, rest),
        }
    }
    (name + rest, "")
}

/// Where a comment ends that others may be nested in.
fn comment_end(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let here = &text.as_bytes()[at..];
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Vec<String> {
        let shown = |word: Word| if word.is_qualified { format!(".{}", word.name) } else { word.name };
        words(body).into_iter().map(shown).collect()
    }

    #[test]
    fn words_are_told_with_what_stands_before_them() {
        assert_eq!(read("SELECT max(r) FROM Rate"), ["from", "max", "r", "rate", "select"]);
        assert_eq!(
            read("public.rate \"A b\".c, \"q\"\"r\" . x f (1)"),
            ["A b", ".c", "f", "public", "q\"r", ".rate", ".x"]
        );
        assert_eq!(read("-- rate\n/* rate /* x */ y */ 1e5 2 -- "), [""; 0]);
        assert_eq!(read("nextval('se--q') é /* über"), ["nextval", "q", "se", "é"]);
        assert_eq!(read("'it''s' /*/ in it */ \"open"), ["it", "open", "s"]);
    }
}

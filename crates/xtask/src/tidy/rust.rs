//! A Rust file as the rules see it: the same lines with comments, or comments and strings, blanked out, so that
//! a word in a comment is never taken for code. It knows tokens, not grammar.

/// One file, in three views of equal line count.
pub(super) struct Rust {
    /// As written.
    pub(super) lines: Vec<String>,
    /// Without comments; strings are kept.
    pub(super) spoken: Vec<String>,
    /// Without comments and without what stands in strings.
    pub(super) code: Vec<String>,
    /// The index of the line where the tests begin (`#[cfg(test)]` before a `mod … {`), else the number of lines.
    pub(super) tests_from: usize,
}

/// A function with a body: its name and the indices of its first and last line.
pub(super) struct Function {
    pub(super) name: String,
    pub(super) first: usize,
    pub(super) last: usize,
}

impl Rust {
    pub(super) fn read(text: &str) -> Self {
        let (spoken, code) = blank(text);
        let split = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let (lines, spoken, code) = (split(text), split(&spoken), split(&code));
        let tests_from = tests_from(&code).unwrap_or(lines.len());
        Self { lines, spoken, code, tests_from }
    }

    /// The functions that have a body, nested ones too.
    pub(super) fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for (first, line) in self.code.iter().enumerate() {
            for (column, _) in line.match_indices("fn ") {
                let starts = !line[..column].ends_with(is_word);
                let name: String =
                    line[column + 3..].trim_start().chars().take_while(|&c| is_word(c)).collect();
                if starts && !name.is_empty() {
                    let last = self.end_of_body(first, column);
                    found.extend(last.map(|last| Function { name, first, last }));
                }
            }
        }
        found
    }

    /// The line on which the body closes that belongs to the signature at this place. `None`: it has none.
    fn end_of_body(&self, first: usize, column: usize) -> Option<usize> {
        let (mut nested, mut braces) = (0_i32, 0_i32);
        for (index, line) in self.code.iter().enumerate().skip(first) {
            let rest = if index == first { &line[column..] } else { line.as_str() };
            for character in rest.chars() {
                match character {
                    '(' | '[' => nested += 1,
                    ')' | ']' => nested -= 1,
                    ';' if nested == 0 && braces == 0 => return None,
                    '{' => braces += 1,
                    '}' => braces -= 1,
                    _ => continue,
                }
                if character == '}' && braces == 0 {
                    return Some(index);
                }
            }
        }
        None
    }

    /// Every string literal in the code that ships, with the index of its line, as it stands between the quotes.
    pub(super) fn literals(&self) -> Vec<(usize, String)> {
        let spoken = self.spoken[..self.tests_from].join("\n");
        let code = self.code[..self.tests_from].join("\n");
        // Quotes are kept in both views, so two neighbours in `code` enclose one string of `spoken`.
        let quotes: Vec<usize> = code.match_indices('"').map(|(at, _)| at).collect();
        let (mut line, mut counted) = (0, 0);
        let pairs = quotes.chunks_exact(2).map(|pair| {
            line += code[counted..pair[0]].matches('\n').count();
            counted = pair[0];
            (line, spoken[pair[0] + 1..pair[1]].to_owned())
        });
        pairs.collect()
    }
}

/// Whether `word` stands in `line` with no letter, digit or underscore before it or, if `whole`, after it.
pub(super) fn has_word(line: &str, word: &str, whole: bool) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let ends = !line[at + word.len()..].starts_with(is_word);
        !line[..at].ends_with(is_word) && (ends || !whole)
    })
}

pub(super) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn tests_from(code: &[String]) -> Option<usize> {
    code.iter().enumerate().find_map(|(index, line)| {
        let attribute = line.trim() == "#[cfg(test)]";
        let next = code[index + 1..].iter().find(|line| !line.trim_start().starts_with('#'))?;
        (attribute && next.contains("mod ") && next.contains('{')).then_some(index)
    })
}

/// Where the scanner stands.
enum State {
    Code,
    LineComment,
    /// How deeply nested.
    BlockComment(usize),
    Text,
    /// How many `#` close it.
    RawText(usize),
}

/// Returns the text without comments, and the text without comments and strings. What is left out becomes as many
/// spaces as it had bytes, so that columns agree; quotes and line ends stay.
fn blank(text: &str) -> (String, String) {
    let (mut spoken, mut code) = (String::with_capacity(text.len()), String::with_capacity(text.len()));
    let mut state = State::Code;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let (length, next) = step(&state, rest, text[..at].chars().next_back());
        let piece = &rest[..length];
        let string = matches!(state, State::Text | State::RawText(_)) && next.is_none();
        let comment = matches!(state, State::LineComment | State::BlockComment(_))
            || matches!(next, Some(State::LineComment | State::BlockComment(_)));
        push(&mut spoken, piece, comment);
        // A quote on its own line marks both ends of a string; an escaped one does not.
        push(&mut code, piece, comment || string || is_character(&state, piece));
        state = next.unwrap_or(state);
        at += length;
    }
    (spoken, code)
}

fn push(view: &mut String, piece: &str, blank: bool) {
    if !blank {
        view.push_str(piece);
        return;
    }
    view.extend(piece.bytes().map(|byte| match byte {
        b'\n' | b'\r' => char::from(byte),
        _ => ' ',
    }));
}

/// A character literal: its content may be a quote or a brace.
fn is_character(state: &State, piece: &str) -> bool {
    matches!(state, State::Code) && piece.starts_with('\'') && piece.len() > 1
}

/// How many bytes the next piece has, and the state after it where that changes.
fn step(state: &State, rest: &str, before: Option<char>) -> (usize, Option<State>) {
    let one = rest.chars().next().map_or(1, char::len_utf8);
    match *state {
        State::Code => step_in_code(rest, before, one),
        State::LineComment if rest.starts_with('\n') => (1, Some(State::Code)),
        State::BlockComment(depth) if rest.starts_with("*/") && depth == 1 => (2, Some(State::Code)),
        State::BlockComment(depth) if rest.starts_with("*/") => (2, Some(State::BlockComment(depth - 1))),
        State::BlockComment(depth) if rest.starts_with("/*") => (2, Some(State::BlockComment(depth + 1))),
        State::Text if rest.starts_with('\\') => {
            (1 + rest[1..].chars().next().map_or(0, char::len_utf8), None)
        }
        State::Text if rest.starts_with('"') => (1, Some(State::Code)),
        State::RawText(hashes) if rest.starts_with('"') && closes(rest, hashes) => {
            (1 + hashes, Some(State::Code))
        }
        State::LineComment | State::BlockComment(_) | State::Text | State::RawText(_) => (one, None),
    }
}

fn step_in_code(rest: &str, before: Option<char>, one: usize) -> (usize, Option<State>) {
    if rest.starts_with("//") {
        return (2, Some(State::LineComment));
    }
    if rest.starts_with("/*") {
        return (2, Some(State::BlockComment(1)));
    }
    if rest.starts_with('"') {
        return (1, Some(State::Text));
    }
    if rest.starts_with('r') && !before.is_some_and(|c| is_word(c) && c != 'b' && c != 'c') {
        let hashes = rest[1..].bytes().take_while(|&byte| byte == b'#').count();
        if rest[1 + hashes..].starts_with('"') {
            return (2 + hashes, Some(State::RawText(hashes)));
        }
    }
    (character_length(rest).unwrap_or(one), None)
}

fn closes(rest: &str, hashes: usize) -> bool {
    rest[1..].bytes().take_while(|&byte| byte == b'#').count() >= hashes
}

/// The length of a character literal at the start of `rest`; a lifetime is none.
fn character_length(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    if let Some(escaped) = inner.strip_prefix('\\') {
        let skipped = escaped.chars().next()?.len_utf8();
        return Some(2 + skipped + escaped[skipped..].find('\'')? + 1);
    }
    let length = inner.chars().next()?.len_utf8();
    inner[length..].starts_with('\'').then_some(length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_no_code() {
        let rust = Rust::read(
            "let a = \"x // {\"; // } \"\nlet b = r#\"\"}\"#; /* { /* } */ { */ let c = '\"'; 'a: {}\n",
        );
        assert_eq!(rust.code[0].trim_end(), "let a = \"      \";");
        assert_eq!(rust.spoken[0].trim_end(), "let a = \"x // {\";");
        assert!(rust.code[1].contains("let c =") && rust.code[1].trim_end().ends_with("'a: {}"));
        assert!(!rust.code[1].contains('}') || rust.code[1].matches('}').count() == 1);
    }

    #[test]
    fn a_function_ends_where_its_body_does() {
        let rust = Rust::read(
            "trait T { fn none(a: [u8; 2]); }\nfn one(b: [u8; 2]) -> &'static str {\n  \"}\"\n}\nfn two() {}\n",
        );
        let found: Vec<_> = rust.functions().into_iter().map(|f| (f.name, f.first, f.last)).collect();
        assert_eq!(found, [("one".to_owned(), 1, 3), ("two".to_owned(), 4, 4)]);
    }

    #[test]
    fn tests_begin_at_their_module_only() {
        assert_eq!(Rust::read("#[cfg(test)]\nfn seam() {}\n#[cfg(test)]\nmod tests {\n}\n").tests_from, 2);
        assert_eq!(Rust::read("#[cfg(test)]\nmod tests;\nfn code() {}\n").tests_from, 3);
    }

    #[test]
    fn literals_are_found_with_their_lines() {
        let rust = Rust::read("f(\"one\", '\"', \"t\\\"wo\"); // \"no\"\ng(r\"three\", \"\n\")\n");
        assert_eq!(
            rust.literals(),
            [(0, "one".into()), (0, "t\\\"wo".into()), (1, "three".into()), (1, "\n".into())]
        );
    }
}

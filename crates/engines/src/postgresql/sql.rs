//! Names and texts on their way into SQL and stream names: quoted, so that no name is ever read as anything else.

use std::fmt::Write as _;

/// An identifier between double quotes.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text between single quotes, in the form that no setting of the server reads otherwise.
pub(super) fn literal(text: &str) -> String {
    if text.contains('\\') {
        return format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// An array of texts.
pub(super) fn array<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<_> = texts.into_iter().map(literal).collect();
    format!("ARRAY[{}]::text[]", all.join(", "))
}

/// An anonymous block, quoted by a mark that its body does not hold.
pub(super) fn block(body: &str) -> String {
    let mut mark = "$body$".to_owned();
    while body.contains(&mark) {
        mark = format!("{}_$", mark.trim_end_matches('$'));
    }
    format!("DO {mark} {body} {mark};")
}

/// A name as one harmless piece of a stream's name: letters, digits, `_` and `-` stay, every other byte becomes `%XX`.
pub(super) fn percent(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes all that is written to it");
        }
    }
    out
}

/// Foreign text made fit to be shown: no control characters, and not without end.
pub(super) fn shown(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(600).collect();
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_stay_names() {
        assert_eq!(identifier("a\"; drop"), "\"a\"\"; drop\"");
        assert_eq!(literal("o'neil"), "'o''neil'");
        assert_eq!(literal("\\' or 1"), "E'\\\\'' or 1'");
        assert_eq!(block("a $body$ b"), "DO $body_$ a $body$ b $body_$;");
        assert_eq!(percent("a/../b %é"), "a%2F%2E%2E%2Fb%20%25%C3%A9");
        assert_eq!(percent("-x_1"), "-x_1");
        assert_eq!(shown("a\u{1b}[31m\nb"), "a [31m b");
    }
}

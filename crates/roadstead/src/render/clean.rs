//! Foreign text made harmless for a terminal: names, messages of servers, contents of files.
//!
//! Escape sequences go whole; what else moves the cursor, reverses the direction of writing or is invisible goes too.

/// One line of harmless text. Line breaks and tabs become spaces.
pub(crate) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_control_sequence(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut rest),
            '\n' | '\t' => out.push(' '),
            '\r' if rest.peek() == Some(&'\n') => {}
            c if c.is_control() || is_unseen(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// Harmless text of several lines: line breaks stay.
pub(crate) fn lines(text: &str) -> Vec<String> {
    text.lines().map(line).collect()
}

/// Marks that reverse the direction of writing, or take no room at all.
const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{61c}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn skip_escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_control_sequence(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            skip_string(rest);
        }
        // Intermediate bytes and one final byte.
        Some(' '..='~') => {
            while rest.next_if(|c| matches!(c, ' '..='/')).is_some() {}
            rest.next_if(|c| matches!(c, '0'..='~'));
        }
        _ => {}
    }
}

/// Parameters, then one final byte.
fn skip_control_sequence(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    rest.next_if(|c| matches!(c, '@'..='~'));
}

/// Until BEL or ST; a string that never ends takes its line only, so that it cannot hide all that follows.
fn skip_string(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = rest.next_if(|c| *c != '\n') {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                rest.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_survives() {
        for (dirty, clean) in [
            ("plain", "plain"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{9b}2Jgone", "gone"),
            ("a\u{1b}(Bb", "ab"),
            ("a\u{1b}", "a"),
            ("one\r\ntwo\tthree", "one two three"),
            ("over\rwritten\u{8}\u{7}", "overwritten"),
            ("\u{202e}drowssap", "drowssap"),
            ("\u{1b}Pnever ends", ""),
            ("\u{1b}]never ends\nbut this is told", " but this is told"),
            ("订单 é ünïcode", "订单 é ünïcode"),
        ] {
            assert_eq!(line(dirty), clean, "{dirty:?}");
        }
    }

    #[test]
    fn every_single_character_is_harmless_or_gone() {
        for c in ('\0'..=char::MAX).filter(|c| c.is_control()) {
            assert!(!line(&format!("a{c}b")).chars().any(char::is_control), "{c:?}");
        }
    }
}

//! Errors for people: what happened, what was being done, what the other side said, and the cure.

use roadstead_core::{Error, Text};
use unicode_width::UnicodeWidthStr;

use super::{Paint, Tone, Words, append, clean};

/// How many parts of an error are shown; JSON has them all.
const PARTS_MAX: usize = 20;

/// The error as lines; every line ends with a line break.
pub(crate) fn lines(words: &Words, paint: Paint, error: &Error) -> String {
    let mut out =
        format!("{} {}\n", paint.tone(Tone::Bad, &words.word("cli-label-error")), words.say(&error.what));
    for part in error.parts.iter().take(PARTS_MAX) {
        append(&mut out, &format!("  {} {}", paint.tone(Tone::Bad, "-"), words.say(part)));
    }
    if let Some(more) = error.parts.len().checked_sub(PARTS_MAX).filter(|more| *more > 0) {
        append(&mut out, &format!("  {}", words.say(&Text::new("cli-error-more").with("count", more))));
    }
    for doing in &error.context {
        let label = paint.tone(Tone::Faint, &words.word("cli-label-during"));
        append(&mut out, &format!("  {label} {}", words.say(doing)));
    }
    let label = words.word("cli-label-cause");
    let indent = " ".repeat(label.width());
    for cause in &error.causes {
        let lines = clean::lines(cause);
        for (index, line) in lines.iter().filter(|line| !line.trim().is_empty()).enumerate() {
            let before = if index == 0 { paint.tone(Tone::Faint, &label) } else { indent.clone() };
            append(&mut out, &format!("  {before} {}", line.trim_end()));
        }
    }
    if let Some(cure) = &error.cure {
        let label = paint.tone(Tone::Hint, &words.word("cli-label-cure"));
        append(&mut out, &format!("  {label} {}", words.say(cure)));
    }
    out
}

#[cfg(test)]
mod tests {
    use roadstead_core::Kind;

    use super::*;
    use crate::settings::Language;

    #[test]
    fn what_a_server_says_reaches_the_terminal_clean_and_in_order() {
        let words = Words::new(Language::English, &[]);
        let mut error =
            Error::new(Kind::Failed, Text::new("what").with("name", "x")).during(Text::new("doing"));
        error.causes =
            vec!["FATAL: \u{1b}[2J\u{1b}]0;owned\u{7}no\nDETAIL: \u{202e}more\r\n\n".into(), "last".into()];
        let text = lines(&words, Paint::new(false), &error.cure(Text::new("cure")));
        assert_eq!(
            text,
            "error: what\n  while doing\n  because FATAL: no\n          DETAIL: more\n  because last\n  cure: cure\n"
        );
    }
}

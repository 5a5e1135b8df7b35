//! Findings for people: the sentence, the line of the file with a caret under the place, the cure on its own line.

use roadstead_core::{Finding, Severity, finding::Place};
use unicode_width::UnicodeWidthChar;

use super::{Paint, Tone, Words, append, clean};

/// All findings and their number; empty text for none.
pub(crate) fn all(words: &Words, paint: Paint, findings: &[Finding]) -> String {
    let mut out: String = findings.iter().map(|finding| one(words, paint, finding)).collect();
    if !findings.is_empty() {
        out.push_str(&summary(words, findings));
        out.push('\n');
    }
    out
}

/// How many of each severity, in one line without its break.
pub(crate) fn summary(words: &Words, findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let text = roadstead_core::Text::new("cli-findings-summary")
        .with("errors", count(Severity::Error))
        .with("warnings", count(Severity::Warning))
        .with("notes", count(Severity::Note));
    words.say(&text)
}

/// One finding; every line ends with a line break.
pub(crate) fn one(words: &Words, paint: Paint, finding: &Finding) -> String {
    let (label, tone) = match finding.severity {
        Severity::Error => ("cli-label-error", Tone::Bad),
        Severity::Warning => ("cli-label-warning", Tone::Doubtful),
        Severity::Note => ("cli-label-note", Tone::Hint),
    };
    let mut out = format!("{} {}\n", paint.tone(tone, &words.word(label)), words.say(&finding.what));
    if let Some(place) = &finding.place {
        out.push_str(&source(paint, tone, place));
    } else if !finding.subject.is_empty() {
        append(&mut out, &format!("  {} {}", paint.tone(Tone::Faint, "-->"), clean::line(&finding.subject)));
    }
    if let Some(cure) = &finding.cure {
        let label = paint.tone(Tone::Hint, &words.word("cli-label-cure"));
        append(&mut out, &format!("  {label} {}", words.say(cure)));
    }
    out
}

fn source(paint: Paint, tone: Tone, place: &Place) -> String {
    let gutter = place.line.to_string();
    let indent = " ".repeat(gutter.len());
    let arrow = paint.tone(Tone::Faint, "-->");
    let mut out = format!("{indent}{arrow} {}:{}:{}\n", clean::line(&place.file), place.line, place.column);
    if place.text.is_empty() {
        return out;
    }
    let bar = paint.tone(Tone::Faint, "|");
    let text = shown(&place.text);
    append(&mut out, &format!("{} {bar} {}", paint.tone(Tone::Faint, &gutter), text.trim_end()));
    let characters: Vec<char> = text.chars().collect();
    let start = place.column.saturating_sub(place.text_column);
    if start <= characters.len() {
        let width = |part: &[char]| part.iter().map(|c| c.width().unwrap_or(0)).sum::<usize>();
        let end = (start + place.length.max(1)).min(characters.len()).max(start);
        let carets = "^".repeat(width(&characters[start..end]).max(1));
        let before = " ".repeat(width(&characters[..start]));
        append(&mut out, &format!("{indent} {bar} {before}{}", paint.tone(tone, &carets)));
    }
    out
}

/// The line with every character that a terminal would obey replaced one for one, so that columns stay.
fn shown(text: &str) -> String {
    let harmless = |c: char| clean::line(&c.to_string()).starts_with(c);
    text.chars()
        .map(|c| {
            if c == '\t' {
                ' '
            } else if harmless(c) {
                c
            } else {
                '\u{fffd}'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use roadstead_core::Text;

    use super::*;
    use crate::settings::Language;

    #[test]
    fn the_caret_stands_under_the_place_whatever_the_script() {
        let words = Words::new(Language::English, &[]);
        let place = Place {
            file: "f.yaml".into(),
            line: 12,
            column: 6,
            text: "  订单: \u{1b}[1m".into(),
            text_column: 1,
            length: 4,
        };
        let finding = Finding::error("x", Text::new("key")).at(place).cure(Text::new("cure"));
        let text = one(&words, Paint::new(false), &finding);
        assert_eq!(
            text,
            "error: key\n  --> f.yaml:12:6\n12 |   订单: \u{fffd}[1m\n   |        ^^^^\n  cure: cure\n"
        );
    }

    #[test]
    fn the_caret_stands_under_the_place_in_a_line_that_is_cut() {
        let words = Words::new(Language::English, &[]);
        let text = "…订单: x…".into();
        let place = Place { file: "f.yaml".into(), line: 1, column: 905, text, text_column: 900, length: 1 };
        let text = one(&words, Paint::new(false), &Finding::error("x", Text::new("key")).at(place));
        assert_eq!(text, "error: key\n --> f.yaml:1:905\n1 | …订单: x…\n  |        ^\n");
    }
}

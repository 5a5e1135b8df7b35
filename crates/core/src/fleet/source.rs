//! The file as text: its lines, where a place in it is, and what of a line must not be shown.

use std::collections::BTreeMap;

use super::FILE_BYTES_MAX;
use crate::{Finding, Text, finding::Place};

/// The most characters of a line that a finding shows.
const SHOWN_CHARS_MAX: usize = 200;
/// How many of them stand before a column that lies further on.
const SHOWN_CHARS_BEFORE: usize = 50;

/// A place: line and column from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) line: usize,
    pub(super) column: usize,
    /// How many characters are meant, on this line.
    pub(super) length: usize,
}

impl Spot {
    pub(super) const START: Self = Self { line: 1, column: 1, length: 1 };
}

/// One line and how many characters it has: a file may be one line of a million, asked for many times.
struct Line<'a> {
    text: &'a str,
    chars: usize,
}

/// The file, decoded.
pub(super) struct Source<'a> {
    name: &'a str,
    /// Without a byte order mark.
    pub(super) text: &'a str,
    lines: Vec<Line<'a>>,
    /// By line, the columns (from, to) that hold what may be a secret.
    masks: BTreeMap<usize, Vec<(usize, usize)>>,
}

impl<'a> Source<'a> {
    /// Decodes the bytes, or says why they are no text.
    pub(super) fn read(name: &'a str, bytes: &'a [u8]) -> Result<Self, Vec<Finding>> {
        let alone = |line, column| {
            let file = name.to_owned();
            Place { file, line, column, text: String::new(), text_column: 1, length: 0 }
        };
        if bytes.len() > FILE_BYTES_MAX {
            let what = Text::new("fleet-file-too-big").with("limit", FILE_BYTES_MAX / 1024);
            let cure = Text::new("fleet-file-too-big-cure");
            return Err(vec![Finding::error("", what).cure(cure).at(alone(1, 1))]);
        }
        let whole = std::str::from_utf8(bytes).map_err(|fault| {
            let good = String::from_utf8_lossy(&bytes[..fault.valid_up_to()]).into_owned();
            let lines = lines_of(good.strip_prefix('\u{feff}').unwrap_or(&good));
            let column = lines.last().map_or(0, |line| line.chars().count()) + 1;
            let bad = format!("0x{:02x}", bytes[fault.valid_up_to()]);
            let what = Text::new("fleet-not-utf8").with("byte", bad);
            let place = alone(lines.len().max(1), column);
            vec![Finding::error("", what).cure(Text::new("fleet-not-utf8-cure")).at(place)]
        })?;
        let text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
        let lines = lines_of(text).into_iter().map(|text| Line { text, chars: text.chars().count() });
        let source = Self { name, text, lines: lines.collect(), masks: BTreeMap::new() };
        source.controls()?;
        Ok(source)
    }

    /// Control characters, and those that let a line read otherwise than it is, stand in no fleet file.
    fn controls(&self) -> Result<(), Vec<Finding>> {
        let mut findings = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let bad = line.text.chars().enumerate().find(|(_, c)| is_hidden(*c) && *c != '\t');
            if let Some((column, character)) = bad {
                let code = format!("U+{:04X}", u32::from(character));
                let what = Text::new("fleet-control-character").with("code", code);
                let spot = Spot { line: index + 1, column: column + 1, length: 1 };
                // What stands around it may be anything: the line is not shown.
                let place = Place { text: String::new(), text_column: 1, ..self.place(spot) };
                findings
                    .push(Finding::error("", what).cure(Text::new("fleet-control-character-cure")).at(place));
                if findings.len() >= 20 {
                    break;
                }
            }
        }
        if findings.is_empty() { Ok(()) } else { Err(findings) }
    }

    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    pub(super) fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The text of a line, from 1; empty beyond the end.
    pub(super) fn line(&self, line: usize) -> &'a str {
        line.checked_sub(1).and_then(|index| self.lines.get(index)).map_or("", |line| line.text)
    }

    /// A spot that lies in the file, whatever was asked for.
    pub(super) fn within(&self, spot: Spot) -> Spot {
        let line = spot.line.clamp(1, self.lines.len().max(1));
        let chars = self.lines.get(line - 1).map_or(0, |line| line.chars);
        let column = if spot.line > line { chars + 1 } else { spot.column.clamp(1, chars + 1) };
        let mut length = spot.length.clamp(1, (chars + 1 - column).max(1));
        if column + length <= SHOWN_CHARS_MAX {
            // The parser counts the blanks that follow a quoted value into it.
            let meant: String = self.line(line).chars().skip(column - 1).take(length).collect();
            length = meant.trim_end().chars().count().max(1);
        }
        Spot { line, column, length }
    }

    /// The place to tell, with its line as far as it may be shown: around the column, if it is long.
    pub(super) fn place(&self, spot: Spot) -> Place {
        let Spot { line, column, mut length } = self.within(spot);
        let is_near = column + length <= SHOWN_CHARS_MAX + 1;
        let text_column = if is_near { 1 } else { column.saturating_sub(SHOWN_CHARS_BEFORE).max(1) };
        let text = self.shown(line, text_column);
        if !is_near {
            let meant: String = text.chars().skip(column - text_column).take(length).collect();
            length = meant.trim_end_matches([' ', '…']).chars().count().max(1);
        }
        Place { file: self.name.to_owned(), line, column, text, text_column, length }
    }

    /// Marks characters of a line as never to be shown; `to` is exclusive.
    pub(super) fn mask(&mut self, line: usize, from: usize, to: usize) {
        self.masks.entry(line).or_default().push((from, to));
    }

    /// A line from this column on. What is cut off at its beginning or end is an ellipsis.
    fn shown(&self, line: usize, first: usize) -> String {
        let beyond = first + SHOWN_CHARS_MAX;
        let masks = self.masks.get(&line).map_or(&[][..], Vec::as_slice);
        let masks: Vec<_> = masks.iter().filter(|(from, to)| *from < beyond && *to > first).collect();
        let masked = |column| masks.iter().any(|(from, to)| (*from..*to).contains(&column));
        let mut rest = self.line(line).chars().skip(first - 1);
        let characters = (first..beyond).zip(rest.by_ref()).map(|(column, character)| match character {
            _ if column == first && first > 1 => '…',
            _ if masked(column) => '*',
            '\t' => ' ',
            character => character,
        });
        let mut shown: String = characters.collect();
        if rest.next().is_some() {
            shown.push('…');
        }
        shown
    }
}

/// YAML ends a line at a line feed, a carriage return, or both together.
fn lines_of(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(['\n', '\r']) {
        lines.push(&rest[..end]);
        let width = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[end + width..];
    }
    lines.push(rest);
    lines
}

/// Characters that do not show, or that turn the direction of what follows.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spot_lies_in_the_file() {
        let source = Source::read("f", "ab\r\n\rc".as_bytes()).expect("text");
        let spot = |line, column, length| {
            let Spot { line, column, length } = source.within(Spot { line, column, length });
            (line, column, length)
        };
        assert_eq!(spot(1, 1, 2), (1, 1, 2));
        assert_eq!(spot(1, 9, 9), (1, 3, 1));
        assert_eq!(spot(2, 1, 0), (2, 1, 1));
        assert_eq!(spot(9, 1, 1), (3, 2, 1));
        assert_eq!(spot(0, 0, 0), (1, 1, 1));
    }

    #[test]
    fn masked_columns_are_not_shown_and_columns_stay() {
        let mut source = Source::read("f", b"\tkey: hunter2 # x").expect("text");
        source.mask(1, 7, 14);
        assert_eq!(source.place(Spot { line: 1, column: 7, length: 7 }).text, " key: ******* # x");
    }

    #[test]
    fn a_long_line_is_shown_around_its_column_without_its_secrets() {
        let text = format!("{{ {} secret: hunter2, wrong: 12 }} # {}", "a: 1, ".repeat(100), "b".repeat(300));
        let mut source = Source::read("f", text.as_bytes()).expect("text");
        let column = |part: &str| text.find(part).expect("it stands there") + 1;
        source.mask(1, column("hunter2"), column("hunter2") + 7);
        let place = source.place(Spot { line: 1, column: column("12 }"), length: 2 });
        let meant = place.text.chars().skip(place.column - place.text_column).take(place.length);
        assert_eq!(meant.collect::<String>(), "12", "{place:?}");
        assert!(place.text.starts_with('…') && place.text.ends_with("b…"), "{place:?}");
        assert!(place.text.contains("secret: *******, wrong: 12 } # b"), "{place:?}");
        assert_eq!(place.text.chars().count(), SHOWN_CHARS_MAX + 1);
        let end = source.place(Spot { line: 1, column: 2000, length: 9 });
        assert_eq!((end.column, end.length), (text.len() + 1, 1));
        assert!(end.text.starts_with('…') && end.text.ends_with('b'), "{end:?}");
        let long = source.place(Spot { line: 1, column: 150, length: 500 });
        assert_eq!((long.text_column, long.length), (100, 149), "the last one shown is a blank: {long:?}");
        let first = source.place(Spot { line: 1, column: 1, length: 500 });
        assert_eq!((first.text_column, first.length), (1, 199), "{first:?}");
    }
}

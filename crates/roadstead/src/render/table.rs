//! Tables for people: columns as wide as their widest cell, where a Chinese character is two columns wide.
//!
//! Nothing is cut off. Cells that may wrap go on below, so that a long one does not push away what stands behind it.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Paint, Tone, clean};

/// The room between two columns.
const GAP: usize = 2;
/// How wide a table is at most, as far as wrapping can make it so: lines beyond that are hard to read.
const WIDTH_MAX: usize = 100;
/// What a column that wraps is left at least.
const WRAPPED_WIDTH_MIN: usize = 24;

/// One cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
    right: bool,
    wraps: bool,
}

impl Cell {
    /// Text, cleaned.
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Self { text: clean::line(text.as_ref()), ..Self::default() }
    }

    /// The same cell in this tone.
    pub(crate) fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// The same cell, flush right: for figures.
    pub(crate) fn right(mut self) -> Self {
        self.right = true;
        self
    }

    /// The same cell, going on below where the table would be too wide: for sentences.
    pub(crate) fn wrapping(mut self) -> Self {
        self.wraps = true;
        self
    }
}

/// Rows under their headings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    heads: Vec<Cell>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table with these headings.
    pub(crate) fn new(heads: impl IntoIterator<Item = String>) -> Self {
        Self {
            heads: heads.into_iter().map(|head| Cell::new(head).tone(Tone::Strong)).collect(),
            rows: Vec::new(),
        }
    }

    /// One more row.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The table as text, as wide as the terminal at most; every line ends with a line break.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let terminal = console::Term::stdout().size_checked();
        let columns = terminal.map_or(WIDTH_MAX, |(_, columns)| usize::from(columns));
        self.render_within(paint, columns.min(WIDTH_MAX))
    }

    fn render_within(&self, paint: Paint, room: usize) -> String {
        let heads = (!self.heads.is_empty()).then_some(&self.heads);
        let mut rows: Vec<Vec<Cell>> = heads.into_iter().chain(&self.rows).cloned().collect();
        for column in 0..widths(&rows).len() {
            let wraps = |row: &Vec<Cell>| row.get(column).is_some_and(|cell| cell.wraps);
            if rows.iter().any(wraps) {
                let widths = widths(&rows);
                let others = widths.iter().sum::<usize>() - widths[column] + GAP * (widths.len() - 1);
                let width = room.saturating_sub(others).max(WRAPPED_WIDTH_MIN);
                rows = rows.into_iter().flat_map(|row| wrapped(row, column, width)).collect();
            }
        }
        let widths = widths(&rows);
        let is_flush = |column| self.rows.iter().filter_map(|row| row.get(column)).any(|c: &Cell| c.right);
        let flush: Vec<bool> = (0..widths.len()).map(is_flush).collect();
        let mut out = String::new();
        for row in &rows {
            let mut line = String::new();
            let mut owed = 0;
            for (column, cell) in row.iter().enumerate() {
                let room = widths[column] - cell.text.width();
                let before = if flush[column] { room } else { 0 };
                if cell.text.is_empty() {
                    owed += before;
                } else {
                    line.push_str(&" ".repeat(owed + before));
                    line.push_str(&paint.tone(cell.tone, &cell.text));
                    owed = 0;
                }
                owed += room - before + GAP;
            }
            out.push_str(&line);
            out.push('\n');
        }
        out
    }
}

/// The width of each column.
fn widths(rows: &[Vec<Cell>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell: &Cell| cell.text.width()).max()
    };
    (0..columns).map(|column| width(column).unwrap_or(0)).collect()
}

/// The row with this cell at most so wide, and below it rows that hold nothing but the rest of the cell.
fn wrapped(mut row: Vec<Cell>, column: usize, width: usize) -> Vec<Vec<Cell>> {
    let Some(cell) = row.get(column).cloned() else { return vec![row] };
    let mut parts = parts(&cell.text, width).into_iter();
    row[column].text = parts.next().unwrap_or_default();
    let below = parts.map(|text| {
        let mut below = vec![Cell::default(); column];
        below.push(Cell { text, ..cell.clone() });
        below
    });
    std::iter::once(row).chain(below.collect::<Vec<_>>()).collect()
}

/// The text in pieces of at most this width: ended at a blank, before a wide character, or, where there is neither, in
/// the middle of a word.
fn parts(text: &str, width: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim_end();
    while rest.width() > width {
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let (mut taken, mut end, mut at_break) = (0, first, 0);
        for (at, c) in rest.char_indices() {
            let wide = c.width().unwrap_or(0);
            if at > 0 && (c == ' ' || wide > 1) {
                at_break = at;
            }
            taken += wide;
            if taken > width {
                break;
            }
            end = at + c.len_utf8();
        }
        let (part, left) = rest.split_at(if at_break > 0 { at_break } else { end });
        parts.push(part.trim_end().to_owned());
        rest = left.trim_start();
    }
    parts.push(rest.to_owned());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_line_whatever_the_script() {
        let mut table = Table::new(["成员".to_owned(), "SIZE".to_owned(), "N".to_owned()]);
        table.row(vec![Cell::new("orders-1"), Cell::new("9 B").right(), Cell::new("x")]);
        table.row(vec![Cell::new("订单"), Cell::new("10 MiB").right(), Cell::new("")]);
        table.row(vec![Cell::new(""), Cell::new("1 B").right(), Cell::new("\u{1b}[1my")]);
        let text = table.render(Paint::new(false));
        assert_eq!(text, "成员        SIZE  N\norders-1     9 B  x\n订单      10 MiB\n             1 B  y\n");
        assert!(table.render(Paint::new(true)).contains("\u{1b}[1m成员\u{1b}[0m"));
    }

    #[test]
    fn a_long_cell_goes_on_below_and_pushes_nothing_away() {
        let mut table = Table::default();
        let long = "restart orders-1: shared_buffers becomes 512MB, and max_connections";
        table.row(vec![Cell::new("1.").right(), Cell::new("start").wrapping(), Cell::new("create")]);
        table.row(vec![Cell::new("2.").right(), Cell::new(long).wrapping(), Cell::new("restart")]);
        let text = table.render_within(Paint::new(false), 45);
        let wanted = [
            "1.  start                             create",
            "2.  restart orders-1: shared_buffers  restart",
            "    becomes 512MB, and",
            "    max_connections",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), wanted);
        assert!(table.render_within(Paint::new(false), 0).lines().all(|line| line.len() <= 37));
        assert_eq!(table.render_within(Paint::new(false), 100).lines().count(), 2);
    }

    #[test]
    fn text_is_parted_at_blanks_before_wide_characters_or_anywhere() {
        for (text, whole) in [
            ("", vec![""]),
            ("short", vec!["short"]),
            ("two words here", vec!["two", "words", "here"]),
            ("incomprehensible", vec!["incompre", "hensible"]),
            ("停止成员和代理", vec!["停止成员", "和代理"]),
            ("停止 orders-1", vec!["停止", "orders-1"]),
        ] {
            assert_eq!(parts(text, 8), whole, "{text}");
        }
    }
}

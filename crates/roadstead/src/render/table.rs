//! Tables for people: columns as wide as their widest cell, where a Chinese character is two columns wide.

use unicode_width::UnicodeWidthStr;

use super::{Paint, Tone, clean};

/// The room between two columns.
const GAP: usize = 2;

/// One cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
    right: bool,
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

    /// The table as text; every line ends with a line break.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0).max(self.heads.len());
        let heads = (!self.heads.is_empty()).then_some(&self.heads);
        let all = || heads.into_iter().chain(&self.rows);
        let width = |column: usize| {
            all().filter_map(|row| row.get(column)).map(|cell: &Cell| cell.text.width()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let flush: Vec<bool> = (0..columns)
            .map(|column| self.rows.iter().filter_map(|row| row.get(column)).any(|c| c.right))
            .collect();
        let mut out = String::new();
        for row in all() {
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
}

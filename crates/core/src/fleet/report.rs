//! What was found so far, with the places that paths have in the file.

use super::{
    FINDINGS_MAX,
    path::Path,
    source::{Source, Spot},
    tree::{Node, Parsed, Value},
};
use crate::{Finding, Severity, Text, finding::Place};

/// Which part of an entry a finding is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Key,
    Value,
}

/// Collects findings and gives each its place.
pub(super) struct Report<'a> {
    source: &'a Source<'a>,
    root: Option<&'a Node>,
    findings: Vec<Finding>,
    untold: usize,
    /// Whether an error is among those that are not told.
    untold_error: bool,
}

impl<'a> Report<'a> {
    /// Begins with what parsing found.
    pub(super) fn new(source: &'a Source<'a>, parsed: &'a Parsed) -> Self {
        let untold_error = parsed.untold > 0;
        let (root, untold) = (parsed.root.as_ref(), parsed.untold);
        let mut report = Self { source, root, findings: Vec::new(), untold, untold_error };
        for (spot, finding) in &parsed.faults {
            report.push(*spot, finding.clone());
        }
        report
    }

    /// Something is wrong with the value at this path.
    pub(super) fn value(&mut self, path: &Path, what: Text, cure: Text) {
        self.tell(path, Part::Value, Severity::Error, what, cure);
    }

    /// Something is wrong with the key at this path, or with all that is below it.
    pub(super) fn key(&mut self, path: &Path, what: Text, cure: Text) {
        self.tell(path, Part::Key, Severity::Error, what, cure);
    }

    /// Something about this path should be changed.
    pub(super) fn warning(&mut self, path: &Path, what: Text, cure: Text) {
        self.tell(path, Part::Key, Severity::Warning, what, cure);
    }

    /// Something about this path is worth knowing.
    pub(super) fn note(&mut self, path: &Path, what: Text, cure: Text) {
        self.tell(path, Part::Key, Severity::Note, what, cure);
    }

    /// Takes a finding whose subject is a path, and gives it its place: its own, or that of the nearest
    /// thing above it that the file has.
    pub(super) fn adopt(&mut self, finding: Finding) {
        if self.is_full(finding.severity) {
            return;
        }
        let place = self.place_of(&finding.subject);
        self.findings.push(finding.at(place));
    }

    /// The place of a path, or of the nearest thing above it that the file has.
    pub(super) fn place_of(&self, subject: &str) -> Place {
        self.source.place(self.root.map_or(Spot::START, |root| subject_spot(root, subject)))
    }

    /// The file as the user named it.
    pub(super) fn file(&self) -> &'a str {
        self.source.name()
    }

    /// The line of the key at this path, for a sentence that names two places.
    pub(super) fn line(&self, path: &Path) -> usize {
        self.root.map_or(1, |root| path_spot(root, path, Part::Key).line)
    }

    /// Whether the file says nothing at this path.
    pub(super) fn lacks(&self, path: &Path) -> bool {
        let mut at = self.root;
        for step in path.steps() {
            at = at.and_then(|node| down(node, step)).map(|(_, node)| node);
        }
        at.is_none()
    }

    fn tell(&mut self, path: &Path, part: Part, severity: Severity, what: Text, cure: Text) {
        if self.is_full(severity) {
            return;
        }
        let spot = self.root.map_or(Spot::START, |root| path_spot(root, path, part));
        let finding = Finding::new(severity, path.to_string(), what).cure(cure);
        self.findings.push(finding.at(self.source.place(spot)));
    }

    /// Whether findings are only counted from here, so that their words need no search.
    pub(super) fn tells_no_more(&self) -> bool {
        self.findings.len() >= FINDINGS_MAX
    }

    /// Whether enough is told; what is not told then is counted.
    fn is_full(&mut self, severity: Severity) -> bool {
        let full = self.tells_no_more();
        self.untold += usize::from(full);
        self.untold_error |= full && severity == Severity::Error;
        full
    }

    fn push(&mut self, spot: Spot, finding: Finding) {
        if !self.is_full(finding.severity) {
            self.findings.push(finding.at(self.source.place(spot)));
        }
    }

    /// All, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        let order = |finding: &Finding| {
            let place = finding.place.as_ref().map(|place| (place.line, place.column));
            (place, std::cmp::Reverse(finding.severity))
        };
        self.findings.sort_by(|one, other| order(one).cmp(&order(other)).then_with(|| one.cmp(other)));
        self.findings.dedup();
        if self.untold > 0 {
            let what = Text::new("fleet-more-findings").with("count", self.untold);
            let place = self.source.place(Spot::START);
            let cure = Text::new("fleet-more-findings-cure");
            let severity = if self.untold_error { Severity::Error } else { Severity::Note };
            self.findings.push(Finding::new(severity, "", what).cure(cure).at(place));
        }
        self.findings
    }
}

/// One step down: the entry's key and its value, or an item.
fn down<'n>(node: &'n Node, step: &str) -> Option<(Spot, &'n Node)> {
    if let Some(entry) = node.entry(step) {
        return Some((entry.spot, &entry.value));
    }
    let items = node.items();
    let named = || {
        items.iter().find(|item| {
            item.text() == Some(step)
                || item.entry("name").is_some_and(|entry| entry.value.text() == Some(step))
        })
    };
    let item = step.parse::<usize>().ok().and_then(|index| items.get(index)).or_else(named)?;
    Some((item.spot, item))
}

fn path_spot(root: &Node, path: &Path, part: Part) -> Spot {
    let mut at = (start_of(root), root);
    for (index, step) in path.steps().iter().enumerate() {
        let Some(next) = down(at.1, step) else { break };
        at = next;
        let last = index + 1 == path.steps().len();
        if last && part == Part::Value && matches!(at.1.value, Value::Scalar(_)) {
            return at.1.spot;
        }
    }
    at.0
}

/// As [`path_spot`], for a path written as one text whose keys may hold dots.
fn subject_spot(root: &Node, subject: &str) -> Spot {
    let mut at = (start_of(root), root);
    let mut rest = subject;
    while !rest.is_empty() {
        let keyed = at.1.entries().iter().filter_map(|entry| {
            let left = rest.strip_prefix(entry.key.as_str())?;
            let next = (entry.spot, &entry.value);
            if left.is_empty() { Some((next, left)) } else { Some((next, left.strip_prefix('.')?)) }
        });
        let longest = keyed.min_by_key(|(_, left)| left.len());
        let listed = || {
            let (step, left) = rest.split_once('.').unwrap_or((rest, ""));
            down(at.1, rest).map(|next| (next, "")).or_else(|| Some((down(at.1, step)?, left)))
        };
        let Some((next, left)) = longest.or_else(listed) else { break };
        (at, rest) = (next, left);
    }
    // A setting is told as a whole: its name and its value.
    let (spot, node) = at;
    let beside = rest.is_empty() && node.spot.line == spot.line && node.text().is_some();
    let length =
        if beside { (node.spot.column + node.spot.length).saturating_sub(spot.column) } else { spot.length };
    Spot { length, ..spot }
}

fn start_of(root: &Node) -> Spot {
    root.entries().first().map_or(root.spot, |entry| entry.spot)
}

//! The file as nodes with their places: YAML's mappings, lists and scalars, and nothing of its machinery.
//!
//! Anchors, aliases and tags are refused and never followed, so that no file grows when it is read. The tree is as
//! deep and as large as the limits allow and no further.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::{
    FINDINGS_MAX, mask,
    source::{Source, Spot},
};
use crate::{Finding, Text};

/// The deepest nesting.
const DEPTH_MAX: usize = 64;

/// The most mappings, lists and scalars.
const NODES_MAX: usize = 100_000;

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) spot: Spot,
    /// Where it ends: line and column, exclusive.
    pub(super) end: (usize, usize),
    pub(super) value: Value,
}

/// What a node holds.
#[derive(Debug)]
pub(super) enum Value {
    /// Written as nothing: an empty value, `~` or `null`.
    Nothing,
    /// Any scalar, as its text.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) spot: Spot,
    pub(super) value: Node,
}

impl Node {
    /// The entry of a mapping.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries of a mapping; none for anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The items of a list; none for anything else.
    pub(super) fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Scalar(text) = &self.value { Some(text) } else { None }
    }
}

/// What parsing found.
pub(super) struct Parsed {
    /// The one document; `None` when there is none, or none that can be trusted.
    pub(super) root: Option<Node>,
    pub(super) faults: Vec<(Spot, Finding)>,
    /// How many more faults there are than were kept, each of them an error.
    pub(super) untold: usize,
}

/// Parses the text and masks its literal secrets.
pub(super) fn parse(source: &mut Source<'_>) -> Parsed {
    let mut builder = Builder::default();
    let whole = builder.run(source);
    let mut root = builder.root.take();
    if whole
        && builder.faults.is_empty()
        && root.as_ref().is_none_or(|node| matches!(node.value, Value::Nothing))
    {
        root = None;
        builder.fault(Spot::START, Text::new("fleet-empty"), Text::new("fleet-empty-cure"));
    }
    let root = root.filter(|_| whole);
    if let Some(root) = &root {
        mask::by_tree(root, source);
    } else {
        mask::by_text(source);
    }
    Parsed { root, faults: builder.faults, untold: builder.untold }
}

/// A mapping or list that is not yet closed.
enum Open {
    List { spot: Spot, items: Vec<Node> },
    Map { spot: Spot, entries: Vec<Entry>, seen: HashMap<String, usize>, key: Key },
}

/// Where an open mapping stands.
enum Key {
    /// A key comes next.
    Awaited,
    /// Its value comes next.
    Got(String, Spot),
    /// The value of a refused key comes next and is dropped.
    Refused,
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    nodes: usize,
    documents: usize,
    untold: usize,
    faults: Vec<(Spot, Finding)>,
}

impl Builder {
    /// Takes every event; `false` when the rest of the file was given up.
    fn run(&mut self, source: &Source<'_>) -> bool {
        let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(source.text);
        while let Some(next) = parser.next_event() {
            let going_on = match next {
                Ok((event, span)) => self.take(event, span),
                Err(error) => {
                    let mark = error.marker();
                    let spot = Spot { line: mark.line(), column: mark.col() + 1, length: 1 };
                    let (what, cure) = if tab_indents(source.line(spot.line)) {
                        (Text::new("fleet-tab"), Text::new("fleet-tab-cure"))
                    } else {
                        let what = Text::new("fleet-syntax").with("what", error.info());
                        (what, Text::new("fleet-syntax-cure"))
                    };
                    self.fault(spot, what, cure);
                    false
                }
            };
            if !going_on {
                return false;
            }
        }
        true
    }

    fn fault(&mut self, spot: Spot, what: Text, cure: Text) {
        if self.faults.len() < FINDINGS_MAX {
            self.faults.push((spot, Finding::error("", what).cure(cure)));
        } else {
            self.untold += 1;
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let spot = spot(span);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.fault(spot, Text::new("fleet-documents"), Text::new("fleet-documents-cure"));
                    return false;
                }
                true
            }
            Event::Alias(_) => {
                self.fault(spot, Text::new("fleet-alias"), Text::new("fleet-alias-cure"));
                self.attach(Node { spot, end: end(span), value: Value::Nothing })
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.decorations(spot, anchor, tag.is_some());
                let nothing =
                    style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if nothing { Value::Nothing } else { Value::Scalar(text.into_owned()) };
                self.attach(Node { spot, end: end(span), value })
            }
            Event::SequenceStart(anchor, tag) => {
                self.decorations(spot, anchor, tag.is_some());
                self.descend(spot, Open::List { spot, items: Vec::new() })
            }
            Event::MappingStart(anchor, tag) => {
                self.decorations(spot, anchor, tag.is_some());
                let (entries, seen) = (Vec::new(), HashMap::new());
                self.descend(spot, Open::Map { spot, entries, seen, key: Key::Awaited })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = match self.open.pop() {
                    Some(Open::List { spot, items }) => {
                        Node { spot, end: end(span), value: Value::List(items) }
                    }
                    Some(Open::Map { spot, entries, .. }) => {
                        Node { spot, end: end(span), value: Value::Map(entries) }
                    }
                    None => return true,
                };
                self.attach(node)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => true,
        }
    }

    /// Anchors and tags are YAML's machinery, which a fleet file does not use.
    fn decorations(&mut self, spot: Spot, anchor: usize, tagged: bool) {
        if anchor > 0 {
            self.fault(spot, Text::new("fleet-anchor"), Text::new("fleet-anchor-cure"));
        }
        if tagged {
            self.fault(spot, Text::new("fleet-tag"), Text::new("fleet-tag-cure"));
        }
    }

    fn descend(&mut self, spot: Spot, open: Open) -> bool {
        self.open.push(open);
        if self.open.len() > DEPTH_MAX {
            let what = Text::new("fleet-too-deep").with("limit", DEPTH_MAX);
            self.fault(spot, what, Text::new("fleet-too-deep-cure"));
            return false;
        }
        true
    }

    /// Gives a finished node to what is open around it.
    fn attach(&mut self, node: Node) -> bool {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let what = Text::new("fleet-too-many-values").with("limit", NODES_MAX);
            self.fault(node.spot, what, Text::new("fleet-too-many-values-cure"));
            return false;
        }
        let mut fault = None;
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, seen, key, .. }) => match std::mem::replace(key, Key::Awaited) {
                Key::Refused => {}
                Key::Got(name, spot) => entries.push(Entry { key: name, spot, value: node }),
                Key::Awaited => (*key, fault) = key_from(node, seen),
            },
        }
        if let Some((spot, what, cure)) = fault {
            self.fault(spot, what, cure);
        }
        true
    }
}

/// The key that a node is, and what is wrong with it.
fn key_from(node: Node, seen: &mut HashMap<String, usize>) -> (Key, Option<(Spot, Text, Text)>) {
    let spot = node.spot;
    let Value::Scalar(name) = node.value else {
        let fault = (spot, Text::new("fleet-key-not-text"), Text::new("fleet-key-not-text-cure"));
        return (Key::Refused, Some(fault));
    };
    if let Some(first) = seen.get(&name) {
        let what = Text::new("fleet-key-twice").with("key", name).with("line", *first);
        return (Key::Refused, Some((spot, what, Text::new("fleet-key-twice-cure"))));
    }
    seen.insert(name.clone(), spot.line);
    (Key::Got(name, spot), None)
}

fn spot(span: Span) -> Spot {
    let (from, to) = (span.start, span.end);
    let length = if from.line() == to.line() { to.col().saturating_sub(from.col()) } else { usize::MAX };
    Spot { line: from.line(), column: from.col() + 1, length: length.max(1) }
}

fn end(span: Span) -> (usize, usize) {
    (span.end.line(), span.end.col() + 1)
}

fn tab_indents(line: &str) -> bool {
    line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t')
}

//! What of the file fits the shape: unknown and missing keys and wrong types are told, and the rest goes on as if
//! they were not there, so that one mistake does not hide another.

use serde_json::{Map, Number, Value as Json};

use super::{
    nearest::nearest,
    path::Path,
    report::Report,
    shape::{self, File},
    tree::{Node, Value},
};
use crate::Text;

/// Checks the whole file against its shape.
pub(super) fn file(root: &Node, report: &mut Report<'_>) -> File {
    let schema = shape::schema();
    let mut walk = Walk { schema: &schema, report };
    let kept = walk.value(root, &schema, &Path::default()).unwrap_or_else(|| Json::Object(Map::new()));
    serde_json::from_value(kept).expect("the walk keeps only what the shape's types take")
}

/// What a part of the shape asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Map,
    List,
    Number,
    Text,
}

struct Walk<'a, 'r> {
    schema: &'a Json,
    report: &'a mut Report<'r>,
}

impl<'a> Walk<'a, '_> {
    /// The part of a value that fits; `None` when nothing of it does.
    fn value(&mut self, node: &Node, shape: &'a Json, path: &Path) -> Option<Json> {
        let shape = self.alternative(node, self.resolved(shape));
        if let Some(choices) = choices(shape) {
            return self.choice(node, &choices, path);
        }
        match (wanted(shape), &node.value) {
            (Wanted::Map, Value::Map(_) | Value::Nothing) => Some(self.map(node, shape, path)),
            (Wanted::List, Value::List(_) | Value::Nothing) => Some(self.list(node, shape, path)),
            (Wanted::Number, Value::Scalar(text)) => self.number(text, shape, path),
            (Wanted::Text, Value::Scalar(text)) => Some(Json::String(text.clone())),
            (wanted, _) => {
                self.wrong_type(node, wanted, path);
                None
            }
        }
    }

    fn map(&mut self, node: &Node, shape: &'a Json, path: &Path) -> Json {
        let mut kept = Map::new();
        let empty = Map::new();
        let properties = shape.get("properties").and_then(Json::as_object).unwrap_or(&empty);
        let others = shape.get("additionalProperties").filter(|others| others.is_object());
        for entry in node.entries() {
            let below = path.key(&entry.key);
            let own = shape.get("properties").and_then(|properties| properties.get(&entry.key));
            let known = own.or(others);
            match known {
                Some(known) => {
                    if let Some(value) = self.value(&entry.value, known, &below) {
                        kept.insert(entry.key.clone(), value);
                    }
                }
                None => self.unknown_key(&below, properties),
            }
        }
        let required = shape.get("required").and_then(Json::as_array);
        for key in required.into_iter().flatten().filter_map(Json::as_str) {
            if node.entry(key).is_none() {
                let what = if path.steps().is_empty() {
                    Text::new("fleet-missing-top").with("key", key)
                } else {
                    Text::new("fleet-missing-key").with("key", key).with("where", place_name(path))
                };
                let cure = Text::new("fleet-missing-key-cure").with("example", example(key));
                self.report.key(path, what, cure);
            }
        }
        Json::Object(kept)
    }

    fn unknown_key(&mut self, path: &Path, known: &Map<String, Json>) {
        let what = Text::new("fleet-unknown-key").with("key", shown(path.last()));
        let keys: Vec<&str> = known.keys().map(String::as_str).collect();
        let cure = match nearest(path.last(), keys.iter().copied()) {
            Some(near) => {
                Text::new("fleet-unknown-key-near").with("near", near).with("keys", keys.join(", "))
            }
            None => Text::new("fleet-unknown-key-cure").with("keys", keys.join(", ")),
        };
        self.report.key(path, what, cure);
    }

    fn list(&mut self, node: &Node, shape: &'a Json, path: &Path) -> Json {
        let items = shape.get("items").unwrap_or(&Json::Null);
        let mut kept = Vec::new();
        for (index, item) in node.items().iter().enumerate() {
            let below = path.item(index);
            if item.text() == Some("") {
                self.wrong_type(&Node { value: Value::Nothing, ..*item }, Wanted::Text, &below);
            }
            // What does not fit leaves a hole, so that the positions of the others stay theirs.
            let map = wanted(self.resolved(items)) == Wanted::Map;
            let hole = if map { Json::Object(Map::new()) } else { Json::String(String::new()) };
            kept.push(self.value(item, items, &below).unwrap_or(hole));
        }
        Json::Array(kept)
    }

    fn number(&mut self, text: &str, shape: &Json, path: &Path) -> Option<Json> {
        let Ok(number) = text.trim().parse::<i64>() else {
            let what = Text::new("fleet-not-a-number").with("key", path.last()).with("value", shown(text));
            self.report.value(path, what, range_text(shape));
            return None;
        };
        let (low, high) = range(shape);
        if number < low || number > high {
            let what = Text::new("fleet-out-of-range").with("key", path.last()).with("value", number);
            self.report.value(path, what, range_text(shape));
            return None;
        }
        Some(Json::Number(Number::from(number)))
    }

    fn choice(&mut self, node: &Node, choices: &[&str], path: &Path) -> Option<Json> {
        let Value::Scalar(text) = &node.value else {
            self.wrong_type(node, Wanted::Text, path);
            return None;
        };
        if choices.contains(&text.as_str()) {
            return Some(Json::String(text.clone()));
        }
        let what = Text::new("fleet-bad-choice").with("key", path.last()).with("value", shown(text));
        let all = choices.join(", ");
        let cure = match nearest(text, choices.iter().copied()) {
            Some(near) => Text::new("fleet-bad-choice-near").with("near", near).with("choices", all),
            None => Text::new("fleet-bad-choice-cure").with("choices", all),
        };
        self.report.value(path, what, cure);
        None
    }

    fn wrong_type(&mut self, node: &Node, wanted: Wanted, path: &Path) {
        let wanted = match wanted {
            Wanted::Map => Text::new("fleet-type-map"),
            Wanted::List => Text::new("fleet-type-list"),
            Wanted::Number => Text::new("fleet-type-number"),
            Wanted::Text => Text::new("fleet-type-text"),
        };
        let found = match node.value {
            Value::Nothing => Text::new("fleet-type-nothing"),
            Value::Scalar(_) => Text::new("fleet-type-text"),
            Value::List(_) => Text::new("fleet-type-list"),
            Value::Map(_) => Text::new("fleet-type-map"),
        };
        let place = if path.steps().is_empty() { self.report.file().to_owned() } else { place_name(path) };
        let what = Text::new("fleet-wrong-type")
            .with("where", place)
            .with("wanted", wanted.clone())
            .with("found", found);
        self.report.value(path, what, Text::new("fleet-wrong-type-cure").with("wanted", wanted));
    }

    fn resolved(&self, shape: &'a Json) -> &'a Json {
        let mut shape = shape;
        while let Some(name) =
            shape.get("$ref").and_then(Json::as_str).and_then(|r| r.strip_prefix("#/$defs/"))
        {
            shape = &self.schema["$defs"][name];
        }
        shape
    }

    /// Of several shapes, the one that a value of this kind is meant to have; else the first.
    fn alternative(&self, node: &Node, shape: &'a Json) -> &'a Json {
        let Some(alternatives) = shape.get("anyOf").and_then(Json::as_array) else { return shape };
        let mut resolved = alternatives.iter().map(|alternative| self.resolved(alternative));
        let is_map = matches!(node.value, Value::Map(_));
        let suits = |shape: &&Json| (choices(shape).is_none() && wanted(shape) == Wanted::Map) == is_map;
        let first = resolved.clone().next().unwrap_or(shape);
        resolved.find(suits).unwrap_or(first)
    }
}

/// A path as a sentence may show it.
fn place_name(path: &Path) -> String {
    shown(&path.to_string())
}

/// How a missing key may look.
fn example(key: &str) -> &'static str {
    match key {
        "fleet" => "fleet: harbour",
        "clusters" => "clusters: { orders: { … } }",
        "url" => "url: ./vault",
        "key" => "key: \"${file:vault.key}\"",
        "engine" => "engine: …",
        "members" => "members: [ { name: orders-1, port: … } ]",
        "name" => "name: orders-1",
        "password" => "password: \"${file:secrets/orders}\"",
        "may" => "may: read",
        "vault" => "vault: local",
        _ => "…",
    }
}

/// The words that a shape allows, when it is a choice.
fn choices(shape: &Json) -> Option<Vec<&str>> {
    if let Some(words) = shape.get("enum").and_then(Json::as_array) {
        return Some(words.iter().filter_map(Json::as_str).collect());
    }
    let parts = shape.get("oneOf").and_then(Json::as_array)?;
    let words = parts.iter().flat_map(|part| {
        let constant = part.get("const").and_then(Json::as_str);
        let group = part.get("enum").and_then(Json::as_array);
        constant.into_iter().chain(group.into_iter().flatten().filter_map(Json::as_str))
    });
    Some(words.collect())
}

fn wanted(shape: &Json) -> Wanted {
    match shape.get("type").and_then(Json::as_str) {
        Some("object") => Wanted::Map,
        Some("array") => Wanted::List,
        Some("integer") => Wanted::Number,
        _ => Wanted::Text,
    }
}

fn range(shape: &Json) -> (i64, i64) {
    let bound = |keyword: &str| shape.get(keyword).and_then(Json::as_i64);
    (bound("minimum").unwrap_or(i64::MIN), bound("maximum").unwrap_or(i64::MAX))
}

fn range_text(shape: &Json) -> Text {
    let (low, high) = range(shape);
    Text::new("fleet-range-cure").with("low", low).with("high", high)
}

/// A value as a sentence may show it: short, and never with a login in it.
pub(super) fn shown(text: &str) -> String {
    if super::mask::has_login(text) {
        return "****".to_owned();
    }
    let mut shown: String =
        text.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}

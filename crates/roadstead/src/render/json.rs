//! The same answers for programs: one document, stable keys, sentences with their key and arguments beside them.

use roadstead_core::{Error, Finding, Text};
use serde_json::{Value, json};

use super::Words;

/// The document, with a line break at its end.
pub(crate) fn pretty(value: &Value) -> String {
    let mut text = format!("{value:#}");
    text.push('\n');
    text
}

/// A sentence.
pub(crate) fn text(words: &Words, text: &Text) -> Value {
    let mut value = json!({ "text": words.say(text), "key": text.key });
    if !text.args.is_empty() {
        value["args"] = json!(text.args);
    }
    value
}

/// A finding.
pub(crate) fn finding(words: &Words, finding: &Finding) -> Value {
    let mut value = json!({ "severity": finding.severity, "what": text(words, &finding.what) });
    if !finding.subject.is_empty() {
        value["subject"] = json!(finding.subject);
    }
    if let Some(place) = &finding.place {
        value["place"] = json!(place);
    }
    if let Some(cure) = &finding.cure {
        value["cure"] = text(words, cure);
    }
    value
}

/// Findings.
pub(crate) fn findings(words: &Words, findings: &[Finding]) -> Value {
    findings.iter().map(|found| finding(words, found)).collect()
}

/// The document of a failure.
pub(crate) fn error(words: &Words, error: &Error) -> Value {
    json!({ "error": failure(words, error) })
}

/// A failure within a document.
pub(crate) fn failure(words: &Words, error: &Error) -> Value {
    let mut value = json!({ "kind": error.kind, "retry": error.retry, "what": text(words, &error.what) });
    if !error.parts.is_empty() {
        value["parts"] = error.parts.iter().map(|part| text(words, part)).collect();
    }
    if let Some(cure) = &error.cure {
        value["cure"] = text(words, cure);
    }
    if !error.context.is_empty() {
        value["during"] = error.context.iter().map(|doing| text(words, doing)).collect();
    }
    if !error.causes.is_empty() {
        value["causes"] = json!(error.causes);
    }
    value
}

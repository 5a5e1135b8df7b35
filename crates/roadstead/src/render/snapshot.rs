//! Snapshots for people and for programs: how far each is proven, and what was compared.

use roadstead_core::{
    Text,
    manifest::{Comparison, Strength},
    port::vault::{Event, Record, Stage},
};
use serde_json::{Value, json};

use super::{Tone, Words, json as values};

/// The word for a stage, with its tone: only proven is green.
pub(crate) fn stage(words: &Words, record: &Record) -> (String, Tone) {
    if record.failure().is_some() {
        return (words.word("cli-stage-failed"), Tone::Bad);
    }
    match record.stage() {
        Stage::Taken => (words.word("cli-stage-taken"), Tone::Doubtful),
        Stage::Checked => (words.word("cli-stage-checked"), Tone::Doubtful),
        Stage::Proven => (words.word("cli-stage-proven"), Tone::Good),
    }
}

/// What was compared, in one line; for a failure the first difference or finding.
pub(crate) fn compared(words: &Words, record: &Record) -> String {
    if let Some(event) = record.failure() {
        let difference = event.comparison.as_ref().and_then(|comparison| comparison.differences.first());
        let told = difference.map(|difference| difference.how.text(&difference.kind, &difference.name));
        let told = told.or_else(|| event.findings.first().map(|finding| finding.what.clone()));
        return told.map(|told| words.say(&told)).unwrap_or_default();
    }
    let proven = record.history.iter().rfind(|event| event.passed && event.comparison.is_some());
    match proven.and_then(|event| event.comparison.as_ref()) {
        Some(comparison) if record.stage() == Stage::Proven && comparison.weakest.is_none() => {
            words.word("cli-compared-empty")
        }
        Some(comparison) if record.stage() == Stage::Proven => words.say(&told(words, comparison)),
        _ => words.word("cli-compared-nothing"),
    }
}

/// What a comparison looked at: the parts that it had.
fn told(words: &Words, comparison: &Comparison) -> Text {
    let part = |key: &str, count: u64| (count > 0).then(|| Text::new(key).with("count", count));
    let content = part("cli-compared-content", comparison.by_content);
    let parts = [
        content.map(|text| text.with("rows", comparison.rows)),
        part("cli-compared-counted", comparison.by_count),
        part("cli-compared-named", comparison.by_name),
    ];
    let parts: Vec<String> = parts.iter().flatten().map(|text| words.say(text)).collect();
    let when = if in_snapshot(comparison) { "snapshot" } else { "after" };
    let comma = words.word("cli-compared-comma");
    let kinds: Vec<_> = comparison.after.iter().map(|(kind, count)| format!("{kind} ({count})")).collect();
    let when = if when == "after" && !kinds.is_empty() { "but" } else { when };
    let told = Text::new("cli-compared").with("parts", parts.join(&comma)).with("when", when);
    told.with("kinds", kinds.join(&comma))
}

fn in_snapshot(comparison: &Comparison) -> bool {
    !matches!(comparison.weakest, Some(Strength::CountAfter | Strength::ContentAfter))
}

/// A record for programs: every stream and every object with its digest.
pub(crate) fn document(words: &Words, record: &Record, vault: &str) -> Value {
    let draft = &record.draft;
    json!({
        "id": draft.id,
        "set": draft.set,
        "vault": vault,
        "cluster": draft.cluster,
        "member": draft.member,
        "engine": draft.engine,
        "flavour": record.dumped.flavour,
        "version": record.dumped.version.to_string(),
        "position": record.dumped.position,
        "started": draft.started,
        "number": draft.number,
        "by": draft.by,
        "took_ms": record.took,
        "bytes": record.bytes(),
        "stored_bytes": record.stored,
        "stage": record.stage(),
        "failed": record.failure().is_some(),
        "proven_at": record.proven_at(),
        "streams": record.streams,
        "manifest": record.dumped.manifest,
        "findings": values::findings(words, &record.dumped.findings),
        "history": record.history.iter().map(|event| happened(words, event)).collect::<Vec<_>>(),
    })
}

fn happened(words: &Words, event: &Event) -> Value {
    json!({
        "stage": event.stage,
        "passed": event.passed,
        "at": event.at,
        "by": event.by,
        "took_ms": event.took,
        "comparison": event.comparison.as_ref().map(|found| comparison(words, found)),
        "findings": values::findings(words, &event.findings),
    })
}

/// A comparison for programs.
pub(crate) fn comparison(words: &Words, found: &Comparison) -> Value {
    let differences = found.differences.iter().map(|difference| {
        json!({
            "kind": difference.kind,
            "name": difference.name,
            "how": difference.how,
            "what": values::text(words, &difference.how.text(&difference.kind, &difference.name)),
        })
    });
    json!({
        "equal": found.is_equal(),
        "by_content": found.by_content,
        "by_count": found.by_count,
        "by_name": found.by_name,
        "rows": found.rows,
        "weakest": found.weakest,
        "after": found.after,
        "differences": differences.collect::<Vec<_>>(),
    })
}

//! What came of a plan, for people and for programs: each step, every failure in full, and what was left how.

use roadstead_control::Report;
use roadstead_core::{
    Text,
    plan::{Act, Step},
    port::journal::Ended,
};
use serde_json::{Value, json};

use super::{
    Paint, Tone, Words, append, error, finding, json as values,
    progress::{Course, step_line},
};

/// The report as lines. Steps that were told while they ran are not told again.
pub(crate) fn lines(words: &Words, paint: Paint, report: &Report, course: &Course) -> String {
    let mut out = String::new();
    if !course.is_drawn() {
        for done in &report.steps {
            let title = words.say(&done.step.title);
            out.push_str(&step_line(paint, done.outcome.is_ok(), &title, course.took(&done.step.id)));
            out.push('\n');
        }
    }
    for outcome in report.steps.iter().filter_map(|done| done.outcome.as_ref().ok()) {
        for found in &outcome.findings {
            out.push_str(&finding::one(words, paint, found));
        }
    }
    for (step, failure) in report.failures() {
        let failed = Text::new("cli-report-failed").with("step", step.title.clone());
        out.push_str(&paint.tone(Tone::Strong, &words.say(&failed)));
        out.push('\n');
        out.push_str(&error::lines(words, paint, failure));
    }
    if let Some(error) = &report.unrecorded {
        out.push_str(&error::lines(words, paint, error));
    }
    for step in &report.not_begun {
        let left = Text::new("cli-report-not-begun").with("step", step.title.clone());
        append(&mut out, &format!("  {} {}", paint.tone(Tone::Faint, "·"), words.say(&left)));
    }
    out.push_str(&end(words, paint, report));
    out
}

fn end(words: &Words, paint: Paint, report: &Report) -> String {
    let operation = report.instead.as_ref().unwrap_or(&report.operation);
    let operation = operation.get(..8).unwrap_or(operation);
    let done = report.steps.iter().filter(|step| step.outcome.is_ok()).count();
    let (key, tone) = match report.ended {
        Ended::Done => ("cli-report-done", Tone::Good),
        // There is nothing to carry on: what is wrong is mended first, and then asked about anew.
        Ended::Failed if asks_only(report) || changed_nothing(report) => {
            ("cli-report-ended-looking", Tone::Bad)
        }
        Ended::Failed => ("cli-report-ended-failed", Tone::Bad),
        Ended::Cancelled | Ended::Resumed | Ended::GivenUp => ("cli-report-cancelled", Tone::Doubtful),
    };
    let told = Text::new(key)
        .with("done", done)
        .with("left", report.steps.len() - done + report.not_begun.len())
        .with("operation", operation);
    format!("{}\n", paint.tone(tone, &words.say(&told)))
}

/// Whether it failed before anything was to change, and nothing of an earlier one waits there.
fn changed_nothing(report: &Report) -> bool {
    let looks = |act: &Act| !act.changes() && !matches!(act, Act::Take(_));
    report.instead.is_none() && report.steps.iter().all(|done| looks(&done.step.act))
}

/// Whether all that was to be done was looking at snapshots.
fn asks_only(report: &Report) -> bool {
    let asks = |step: &Step| matches!(step.act, Act::Check(_) | Act::Prove(_) | Act::Compare(_));
    report.steps.iter().map(|done| &done.step).chain(&report.not_begun).all(asks)
}

/// The report for programs.
pub(crate) fn document(words: &Words, report: &Report, course: &Course) -> Value {
    let steps = report.steps.iter().map(|done| {
        let mut value = json!({
            "id": done.step.id,
            "title": values::text(words, &done.step.title),
            "target": done.step.target,
            "done": done.outcome.is_ok(),
            "took_ms": course.took(&done.step.id),
        });
        match &done.outcome {
            Ok(outcome) => {
                value["changed"] = json!(outcome.changed);
                value["findings"] = values::findings(words, &outcome.findings);
                if let Some(record) = &outcome.record {
                    value["snapshot"] = super::snapshot::document(words, record, "");
                }
                if let Some(comparison) = &outcome.comparison {
                    value["comparison"] = super::snapshot::comparison(words, comparison);
                }
            }
            Err(error) => value["error"] = values::failure(words, error),
        }
        value
    });
    let left = report
        .not_begun
        .iter()
        .map(|step| json!({ "id": step.id, "title": values::text(words, &step.title) }));
    json!({
        "operation": report.operation,
        "ended": report.ended,
        "carry_on_instead": report.instead,
        "unrecorded": report.unrecorded.as_ref().map(|error| values::failure(words, error)),
        "steps": steps.collect::<Vec<_>>(),
        "not_begun": left.collect::<Vec<_>>(),
    })
}

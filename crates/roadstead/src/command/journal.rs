//! `roadstead journal` and `roadstead resume`: what was done, and what was begun and never ended.

use clap::{ArgMatches, Command, value_parser};
use roadstead_control::{Controller, Holder, SqliteJournal};
use roadstead_core::{
    Error, Finding, Kind, Result, Text,
    plan::{Aim, Destination},
    port::{
        Journal,
        journal::{Ended, Operation, StepRecord},
    },
};
use serde_json::{Value, json};

use super::shape;
use crate::{
    at_work,
    context::{Answer, Context, Outcome, block_on},
    fleet_file, house,
    operation::{self, Manner},
    render::{
        self, Tone, Words,
        table::{Cell, Table},
    },
};

/// How many of the latest operations are looked through: for what cannot be read, and, by the controller, for what waits.
const OPERATIONS_READ: usize = 100;

pub(crate) fn define(words: &Words) -> Command {
    let limit = shape::option(words, "limit", "COUNT", "cli-option-journal-limit");
    let limit =
        limit.value_parser(value_parser!(u16).range(1..)).default_value("20").hide_default_value(true);
    let operation = shape::positional(words, "operation", "OPERATION", "cli-arg-operation");
    shape::verb(words, "journal").arg(operation).arg(limit)
}

pub(crate) fn define_resume(words: &Words) -> Command {
    let operation = shape::positional(words, "operation", "OPERATION", "cli-arg-operation-resume");
    let give_up = shape::flag(words, "give-up", "cli-option-give-up").conflicts_with("dry-run");
    shape::verb(words, "resume").arg(operation).arg(shape::dry_run(words)).arg(give_up)
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load_text(context)?;
    let (controller, journal) = house::with_journal(context, &loaded)?;
    if let Some(id) = matches.get_one::<String>("operation") {
        return Ok(one(context, &journal.operation(id)?, at_work::holder(controller.state()).as_ref()));
    }
    let limit = *matches.get_one::<u16>("limit").expect("it has a default");
    // Asked first: one that ends meanwhile is told as what it is.
    let holder = at_work::holder(controller.state());
    let holder = holder.as_ref();
    let operations = latest(&journal, usize::from(limit))?;
    let documents = operations.iter().map(|operation| document(&context.words, operation, holder));
    let skipped = skipped(&journal);
    let json = json!({
        "operations": documents.collect::<Vec<_>>(),
        "findings": render::json::findings(&context.words, &skipped),
    });
    let mut text = match (operations.as_slice(), skipped.as_slice()) {
        ([], []) => format!("{}\n", context.words.word("cli-journal-empty")),
        ([], _) => String::new(),
        _ => table(&context.words, &operations, holder).render(context.paint),
    };
    if let Some(holder) = operations.iter().find_map(|operation| at(holder, operation)) {
        render::append(&mut text, &context.words.say(&at_work::told(holder)));
    }
    text.push_str(&render::finding::all(&context.words, context.paint, &skipped));
    Ok(Answer::done(text, json))
}

/// The newest operations of the fleet, and the restores of this file from when the fleet had another name: one of them
/// may wait to be carried on or given up.
fn latest(journal: &SqliteJournal, limit: usize) -> Result<Vec<Operation>> {
    let mut found = journal.recent(limit)?;
    for restore in journal.restores(limit)? {
        if !found.iter().any(|operation| operation.id == restore.id) {
            let older = found.iter().position(|operation| operation.started < restore.started);
            found.insert(older.unwrap_or(found.len()), restore);
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// What cannot be read among the latest operations: they may have been anything.
pub(super) fn unread(journal: &SqliteJournal) -> Vec<Finding> {
    let read = journal.recent(OPERATIONS_READ);
    let failed = read.err().map(|error| {
        let finding = Finding::warning("", error.what);
        error.cure.into_iter().fold(finding, Finding::cure)
    });
    failed.into_iter().chain(skipped(journal)).collect()
}

fn skipped(journal: &SqliteJournal) -> Vec<Finding> {
    let told = |id: &String| {
        let say = |key: &str| Text::new(key).with("operation", short(id));
        Finding::warning("", say("cli-journal-skipped")).cure(say("cli-journal-skipped-cure"))
    };
    journal.skipped().iter().map(told).collect()
}

/// Who is at this operation right now; `None`: nobody.
fn at<'h>(holder: Option<&'h Holder>, operation: &Operation) -> Option<&'h Holder> {
    holder.filter(|holder| at_work::is_at(holder, operation))
}

fn table(words: &Words, operations: &[Operation], holder: Option<&Holder>) -> Table {
    let heads = ["operation", "started", "by", "aim", "result", "steps"];
    let mut table = Table::new(heads.into_iter().map(|head| words.word(&format!("cli-head-{head}"))));
    for operation in operations {
        let (result, tone) = result(words, operation, holder);
        let done = operation.steps.iter().filter(|step| matches!(step.outcome, Some(Ok(_)))).count();
        table.row(vec![
            Cell::new(short(&operation.id)),
            Cell::new(operation.started.for_people()),
            Cell::new(&operation.by),
            Cell::new(words.say(&render::plan::aim(&operation.plan.aim))).wrapping(),
            Cell::new(result).tone(tone),
            Cell::new(format!("{done}/{}", operation.plan.steps.len())).right(),
        ]);
    }
    table
}

fn result(words: &Words, operation: &Operation, holder: Option<&Holder>) -> (String, Tone) {
    let (key, tone) = match operation.result {
        Some(Ended::Done) => ("cli-ended-done", Tone::Good),
        Some(Ended::Failed) => ("cli-ended-failed", Tone::Bad),
        Some(Ended::Cancelled) => ("cli-ended-cancelled", Tone::Doubtful),
        Some(Ended::Resumed) => ("cli-ended-resumed", Tone::Plain),
        Some(Ended::GivenUp) => ("cli-ended-given-up", Tone::Plain),
        None if at(holder, operation).is_some() => ("cli-ended-not-yet", Tone::Good),
        None => ("cli-ended-never", Tone::Doubtful),
    };
    (words.word(key), tone)
}

/// One operation: every step of its plan, and what became of it.
fn one(context: &Context, operation: &Operation, holder: Option<&Holder>) -> Answer {
    let words = &context.words;
    let (result, tone) = result(words, operation, holder);
    let head = Text::new("cli-journal-head")
        .with("operation", short(&operation.id))
        .with("aim", render::plan::aim(&operation.plan.aim))
        .with("by", &operation.by)
        .with("started", operation.started.for_people());
    let at_work = at(holder, operation);
    let (mark, begun) =
        if at_work.is_some() { ("…", "cli-journal-at-work") } else { ("?", "cli-journal-unknown") };
    let mut text = format!("{} {}\n", words.say(&head), context.paint.tone(tone, &result));
    for step in &operation.plan.steps {
        let title = words.say(&step.title);
        let record = operation.steps.iter().find(|record| record.step == step.id);
        let took = record.and_then(|record| record.ended?.since(record.started));
        match record.map(|record| &record.outcome) {
            Some(Some(outcome)) => {
                text.push_str(&render::progress::step_line(context.paint, outcome.is_ok(), &title, took));
                text.push('\n');
                if let Err(error) = outcome {
                    text.push_str(&render::error::lines(words, context.paint, error));
                }
            }
            Some(None) => render::append(
                &mut text,
                &format!("  {mark} {}", words.say(&Text::new(begun).with("step", title))),
            ),
            None => render::append(
                &mut text,
                &format!("  · {}", words.say(&Text::new("cli-report-not-begun").with("step", title))),
            ),
        }
    }
    if let Some(holder) = at_work {
        render::append(&mut text, &words.say(&at_work::told(holder)));
    }
    Answer::done(text, document(words, operation, holder))
}

fn document(words: &Words, operation: &Operation, holder: Option<&Holder>) -> Value {
    let step = |step: &StepRecord| {
        let mut value = json!({ "id": step.step, "started": step.started, "ended": step.ended });
        match &step.outcome {
            Some(Ok(outcome)) => {
                value["done"] = json!(true);
                value["changed"] = json!(outcome.changed);
            }
            Some(Err(error)) => {
                value["done"] = json!(false);
                value["error"] = render::json::failure(words, error);
            }
            None => value["done"] = Value::Null,
        }
        value
    };
    json!({
        "id": operation.id,
        "started": operation.started,
        "ended": operation.ended,
        "by": operation.by,
        "result": operation.result,
        "at_work": at(holder, operation),
        "plan": render::plan::document(words, &operation.plan),
        "steps": operation.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

pub(crate) fn run_resume(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load_text(context)?;
    let controller = house::controller(context, &loaded)?;
    let gives_up = matches.get_flag("give-up");
    let Some(operation) = interrupted(&controller, matches.get_one::<String>("operation"), gives_up)? else {
        let is_long = controller.journal().recent(OPERATIONS_READ + 1)?.len() > OPERATIONS_READ;
        let told = Text::new(if is_long { "cli-resume-none-lately" } else { "cli-resume-none" });
        let told = context.words.say(&told.with("count", OPERATIONS_READ));
        return Ok(Answer::done(format!("{told}\n"), json!({ "resumed": null })));
    };
    if gives_up {
        controller.give_up(&controller.hold()?, &operation)?;
        let told = Text::new("cli-resume-given-up")
            .with("operation", short(&operation.id))
            .with("aim", render::plan::aim(&operation.plan.aim));
        let json = json!({ "resumed": null, "given_up": operation.id });
        return Ok(Answer::done(format!("{}\n", context.words.say(&told)), json));
    }
    let told = Text::new("cli-resume-head")
        .with("operation", short(&operation.id))
        .with("aim", render::plan::aim(&operation.plan.aim));
    context.tell(&format!("{}\n", context.words.say(&told)));
    let agent = matches!(
        operation.plan.aim,
        Aim::Apply { .. } | Aim::Restore { into: Destination::Place | Destination::Beside { .. }, .. }
    );
    // What only looks, or only adds a snapshot, is not asked about the second time either.
    let asks = !matches!(operation.plan.aim, Aim::Verify { .. } | Aim::Compare { .. } | Aim::Backup { .. });
    let manner = Manner { dry_run: matches.get_flag("dry-run"), asks, agent };
    block_on(async {
        if manner.dry_run {
            return operation::show(context, &loaded, &controller.decide_resumption(&operation).await);
        }
        let held = controller.hold()?;
        let decision = controller.decide_resumption(&operation).await;
        let mut answer = operation::decided(context, &loaded, &controller, &held, decision, &manner).await?;
        // However it ended: the operation that carried the aim on is the one to resume from now on.
        controller.resumed(&operation)?;
        answer.json["resumed"] = json!(operation.id);
        Ok(answer)
    })?
}

/// The operation asked for, which must not be done; else the newest that was interrupted, or the last one if it failed.
/// In whose place another restore loaded its data since, it can only be given up.
fn interrupted(controller: &Controller, asked: Option<&String>, gives_up: bool) -> Result<Option<Operation>> {
    let found = match asked {
        Some(id) => Some(controller.journal().operation(id)?),
        None => match controller.interrupted()? {
            Some(interrupted) => Some(interrupted),
            None => controller.failed()?,
        },
    };
    let Some(operation) = found else { return Ok(None) };
    let refuse =
        |key: &str| Error::new(Kind::Precondition, Text::new(key).with("operation", short(&operation.id)));
    if let Some(file) = controller.other_file_of(&operation) {
        return Err(refuse("cli-resume-of-another").with("file", file).cure(
            Text::new("cli-resume-of-another-cure")
                .with("operation", short(&operation.id))
                .with("file", file),
        ));
    }
    match operation.result {
        Some(Ended::Done) => Err(refuse("cli-resume-done")),
        Some(Ended::Resumed) => {
            let cure = match controller.interrupted()? {
                Some(waits) => Text::new("cli-resume-resumed-cure").with("operation", short(&waits.id)),
                None => Text::new("cli-resume-resumed-none-cure"),
            };
            Err(refuse("cli-resume-resumed").cure(cure))
        }
        Some(Ended::GivenUp) => Err(refuse("cli-resume-gave-up").cure(Text::new("cli-resume-gave-up-cure"))),
        _ if !gives_up && controller.is_replaced(&operation)? => {
            let cure = Text::new("cli-resume-replaced-cure").with("operation", short(&operation.id));
            Err(refuse("cli-resume-replaced").cure(cure))
        }
        _ => Ok(Some(operation)),
    }
}

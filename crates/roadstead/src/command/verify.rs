//! `roadstead verify`: proves snapshots by restoring each into a throw-away server and comparing.

use clap::{ArgMatches, Command};
use roadstead_core::{
    Error, Kind, Result, Text, Timestamp,
    manifest::Difference,
    model::{Fleet, Name},
    plan::Aim,
    port::vault::{Record, Stage},
};
use serde_json::json;

use super::{destination, shape};
use crate::{
    context::{Answer, Context, Outcome, Stop, block_on},
    fleet_file, house,
    operation::{self, Manner},
    render::{self, Paint, Tone, Words, snapshot, time},
    shelf::{Entry, Shelf},
};

/// How many differences of one snapshot are told line by line; the JSON of `backups` has them all.
const DIFFERENCES_TOLD: usize = 20;

pub(crate) fn define(words: &Words) -> Command {
    let snapshots = shape::positional(words, "snapshots", "SNAPSHOT", "cli-arg-snapshots").num_args(0..);
    let all = shape::flag(words, "all", "cli-option-verify-all").conflicts_with("snapshots");
    let cluster = shape::cluster(words);
    let live = shape::flag(words, "live", "cli-option-verify-live").conflicts_with_all(["beside", "to"]);
    let command = shape::verb(words, "verify").args([snapshots, cluster, all, live]);
    command.args(destination::define(words)).arg(shape::dry_run(words))
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load_text(context)?;
    let clusters = fleet_file::clusters(&loaded.fleet, &shape::many(matches, "cluster"))?;
    let asked = shape::many(matches, "snapshots");
    let controller = house::controller(context, &loaded)?;
    let manner = Manner { dry_run: matches.get_flag("dry-run"), asks: false, agent: false };
    let restored = matches.get_flag("live") || matches.contains_id("beside") || matches.contains_id("to");
    let with = destination::read(matches, &loaded.directory.display().to_string())?;
    block_on(async {
        let mut shelf = Shelf::read(&controller).await;
        shelf.entries.retain(|entry| clusters.is_empty() || clusters.contains(&entry.record.draft.cluster));
        if restored {
            let snapshot = match asked.as_slice() {
                [] => shelf.one("latest", &clusters),
                [one] => shelf.one(one, &clusters),
                _ => return Err(Error::new(Kind::Input, Text::new("cli-verify-one")).into()),
            }
            .map_err(|error| shelf.unfound(error))?;
            let aim = Aim::Compare { snapshot, with };
            return operation::carry_out(context, &loaded, &controller, &aim, &manner).await;
        }
        let ids = choose(&shelf, &loaded.fleet, &asked, &clusters, matches.get_flag("all"))
            .map_err(|error| shelf.unfound(error))?;
        if ids.is_empty() {
            return nothing(context, &shelf, &loaded.fleet);
        }
        let began = house::now();
        let aim = Aim::Verify { snapshots: ids.clone() };
        let mut answer = operation::carry_out(context, &loaded, &controller, &aim, &manner).await?;
        if !manner.dry_run {
            let after = Shelf::read(&controller).await;
            answer.text.push_str(&verdicts(context, &after, &ids, began));
        }
        Ok(answer)
    })?
}

/// The snapshots asked for; else the newest of each cluster, as far as they are not proven.
fn choose(
    shelf: &Shelf,
    fleet: &Fleet,
    asked: &[String],
    clusters: &[Name],
    all: bool,
) -> Result<Vec<String>> {
    if !asked.is_empty() {
        return asked.iter().map(|name| shelf.one(name, clusters)).collect();
    }
    let id = |entry: &Entry| entry.record.id().0.clone();
    if all {
        return Ok(shelf.entries.iter().map(id).collect());
    }
    let newest = |cluster| shelf.entries.iter().rfind(|entry| &entry.record.draft.cluster == cluster);
    let newest = fleet.clusters.keys().filter_map(newest);
    Ok(newest.filter(|entry| entry.record.stage() != Stage::Proven).map(id).collect())
}

/// Nothing was chosen: all is proven already, or there is nothing to prove.
fn nothing(context: &Context, shelf: &Shelf, fleet: &Fleet) -> Outcome {
    if roadstead_core::finding::any_error(&shelf.findings) {
        return Err(Stop::Refused(shelf.findings.clone()));
    }
    let words = &context.words;
    let mut text = String::new();
    let mut proven = Vec::new();
    for entry in fleet.clusters.keys().filter_map(|cluster| shelf.proven(cluster)) {
        let record = &entry.record;
        let told = record.proven_at().map(|at| proven_already(words, record, at));
        text.extend(told.map(|told| format!("{}\n", words.say(&told))));
        proven.push(json!({ "snapshot": record.id(), "cluster": record.draft.cluster, "proven_at": record.proven_at() }));
    }
    if proven.is_empty() {
        let error =
            Error::new(Kind::NotFound, Text::new("cli-verify-none")).cure(Text::new("cli-verify-none-cure"));
        return Err(error.into());
    }
    Ok(Answer::done(text, json!({ "proven_already": proven })))
}

fn proven_already(words: &Words, record: &Record, at: Timestamp) -> Text {
    Text::new("cli-verify-proven-already")
        .with("snapshot", record.id().short())
        .with("cluster", &record.draft.cluster)
        .with("age", time::age(words, at, house::now()))
}

/// One line for each of the first differences, and how many more there are.
fn differences(words: &Words, paint: Paint, all: &[Difference]) -> String {
    let mut text = String::new();
    for difference in all.iter().take(DIFFERENCES_TOLD) {
        let told = words.say(&difference.how.text(&difference.kind, &difference.name));
        render::append(&mut text, &format!("  {} {told}", paint.tone(Tone::Bad, "≠")));
    }
    if let Some(more) = all.len().checked_sub(DIFFERENCES_TOLD).filter(|more| *more > 0) {
        let told = words.say(&Text::new("cli-verify-more").with("count", more));
        render::append(&mut text, &format!("  {} {told}", paint.tone(Tone::Bad, "≠")));
    }
    text
}

/// One line for each snapshot, as the vault has it now. A proof of an earlier day is told as such.
fn verdicts(context: &Context, shelf: &Shelf, ids: &[String], began: Timestamp) -> String {
    let words = &context.words;
    let mut text = String::new();
    for entry in shelf.entries.iter().filter(|entry| ids.contains(&entry.record.id().0)) {
        if let Some(at) = entry.record.proven_at().filter(|at| *at < began) {
            render::append(&mut text, &words.say(&proven_already(words, &entry.record, at)));
            continue;
        }
        let (stage, tone) = snapshot::stage(words, &entry.record);
        let told = Text::new("cli-verify-verdict")
            .with("snapshot", entry.record.id().short())
            .with("cluster", &entry.record.draft.cluster)
            .with("compared", snapshot::compared(words, &entry.record));
        render::append(&mut text, &format!("{} {}", context.paint.tone(tone, &stage), words.say(&told)));
        let comparison = entry.record.failure().and_then(|event| event.comparison.as_ref());
        let found = comparison.map_or(&[][..], |comparison| &comparison.differences);
        text.push_str(&differences(words, context.paint, found));
    }
    text.push_str(&render::finding::all(words, context.paint, &shelf.findings));
    text
}

#[cfg(test)]
mod tests {
    use roadstead_core::manifest::Unlike;

    use super::*;
    use crate::settings::Language;

    #[test]
    fn differences_that_are_not_listed_are_counted() {
        let one = |number: usize| Difference {
            kind: "table".into(),
            name: vec![format!("t{number}")],
            how: Unlike::Content,
        };
        for language in [Language::English, Language::Chinese] {
            let words = Words::new(language, &crate::engines::catalogues());
            for (count, lines, last) in [(0, 0, ""), (20, 20, "t19"), (21, 21, "1"), (1_020, 21, "1000")] {
                let all: Vec<Difference> = (0..count).map(one).collect();
                let told = differences(&words, Paint::new(false), &all);
                assert_eq!(told.lines().count(), lines, "{told}");
                assert!(told.lines().last().unwrap_or_default().contains(last), "{told}");
                assert!(!told.contains("cli-"), "{told}");
            }
        }
    }
}

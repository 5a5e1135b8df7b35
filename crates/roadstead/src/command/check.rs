//! `roadstead check`: every finding about the fleet file, and with `--live` about the servers it names.

mod tools;

use clap::{ArgMatches, Command};
use roadstead_core::{Finding, Severity, Text, finding, plan::Aim, port::engine::Depth, seen::Reach};
use serde_json::json;

use super::{shape, status};
use crate::{
    context::{Answer, Context, Exit, Outcome, Stop, block_on},
    fleet_file, house,
    render::{self, Tone, Words},
};

pub(crate) fn define(words: &Words) -> Command {
    shape::verb(words, "check").arg(shape::flag(words, "live", "cli-option-live"))
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let reading = fleet_file::read(&context.settings.file)?;
    let mut findings = reading.findings;
    let sound = reading.fleet.is_some() && !finding::any_error(&findings);
    if sound && matches.get_flag("live") {
        findings.extend(live(context)?);
    }
    let wrong = reading.fleet.is_none() || finding::any_error(&findings);
    let mut text = render::finding::all(&context.words, context.paint, &findings);
    if let Some(fleet) = reading.fleet.as_ref().filter(|_| !wrong) {
        let told = Text::new("cli-check-sound")
            .with("file", fleet_file::shown(&context.settings.file))
            .with("clusters", fleet.clusters.len())
            .with("members", fleet.clusters.values().map(|cluster| cluster.members.len()).sum::<usize>());
        text.push_str(&context.paint.tone(Tone::Good, &context.words.say(&told)));
        text.push('\n');
    }
    let json = json!({
        "file": fleet_file::shown(&context.settings.file),
        "sound": !wrong,
        "findings": render::json::findings(&context.words, &findings),
    });
    let exit = match (sound, wrong) {
        (false, _) => Exit::Input,
        // The file is sound; the world is not.
        (true, true) => Exit::No,
        (true, false) => Exit::Done,
    };
    Ok(Answer::done(text, json).exit(exit))
}

/// What the servers themselves show: reachable, with grants that suffice, and what could not be backed up.
fn live(context: &Context) -> Result<Vec<Finding>, Stop> {
    let loaded = fleet_file::load(context)?;
    let controller = house::controller(context, &loaded)?;
    let seen = block_on(controller.observe(None, Depth::Grants, true))?;
    let mut findings = status::troubles(&loaded.fleet, &seen);
    findings.extend(tools::missing(&loaded.fleet, &seen, crate::engines::registry().as_ref()));
    findings.extend(seen.findings);
    for (name, member) in &seen.members {
        if let Reach::Stopped | Reach::Starting = member.reach {
            let key =
                if member.reach == Reach::Stopped { "core-plan-stopped" } else { "core-plan-not-ready" };
            findings.push(Finding::warning(name.as_str(), Text::new(key).with("member", name)));
        }
    }
    let plan = block_on(controller.decide(&Aim::Apply { clusters: Vec::new() }))?;
    findings.extend(refusals(&findings, plan.findings));
    Ok(loaded.placed(findings))
}

/// What a plan would be refused for, of what nothing was said yet: a setting that the version that runs does not take.
fn refusals(told: &[Finding], found: Vec<Finding>) -> Vec<Finding> {
    let is_told =
        |subject: &str| told.iter().any(|one| one.severity == Severity::Error && one.subject == subject);
    let is_new = |one: &Finding| one.severity == Severity::Error && !is_told(&one.subject);
    found.into_iter().filter(is_new).collect()
}

//! `roadstead check`: every finding about the fleet file, and with `--live` about the servers it names.

use clap::{ArgMatches, Command};
use roadstead_core::{Text, finding};
use serde_json::json;

use super::shape;
use crate::{
    context::{Answer, Context, Exit, Outcome},
    fleet_file,
    render::{self, Tone, Words},
};

pub(crate) fn define(words: &Words) -> Command {
    shape::verb(words, "check").arg(shape::flag(words, "live", "cli-option-live"))
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let (reading, _) = fleet_file::read(&context.settings.file)?;
    let findings = reading.findings;
    let wrong = reading.fleet.is_none() || finding::any_error(&findings);
    let mut text = render::finding::all(&context.words, context.paint, &findings);
    if let Some(fleet) = reading.fleet.as_ref().filter(|_| !wrong) {
        let told = Text::new("cli-check-sound")
            .with("file", context.settings.file.display().to_string())
            .with("clusters", fleet.clusters.len())
            .with("members", fleet.clusters.values().map(|cluster| cluster.members.len()).sum::<usize>());
        text.push_str(&context.paint.tone(Tone::Good, &context.words.say(&told)));
        text.push('\n');
    }
    let json = json!({
        "file": context.settings.file.display().to_string(),
        "sound": !wrong,
        "findings": render::json::findings(&context.words, &findings),
    });
    Ok(Answer::done(text, json).exit(if wrong { Exit::Input } else { Exit::Done }))
}

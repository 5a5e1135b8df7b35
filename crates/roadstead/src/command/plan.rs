//! `roadstead plan`: what has to be done to make the fleet as declared; `--out` saves it for `apply`.

use std::{
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use clap::{ArgMatches, Command, value_parser};
use roadstead_core::{
    Error, Kind, Result, Text,
    plan::{Aim, Plan},
};

use super::shape;
use crate::{
    context::{Context, Outcome, block_on},
    fleet_file, house, operation,
    regular::{self, Opened},
    render::{self, Words},
};

pub(crate) fn define(words: &Words) -> Command {
    let out = shape::option(words, "out", "FILE", "cli-option-plan-out").value_parser(value_parser!(PathBuf));
    shape::verb(words, "plan").args(shape::clusters(words)).arg(out)
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load(context)?;
    let clusters = fleet_file::clusters(&loaded.fleet, &shape::named_clusters(matches))?;
    let controller = house::controller(context, &loaded)?;
    let decision = block_on(controller.decide(&Aim::Apply { clusters }))?;
    let mut answer = operation::show(context, &loaded, &decision)?;
    if let Some(path) = matches.get_one::<PathBuf>("out") {
        save(path, &decision.plan)?;
        let told = Text::new("cli-plan-saved").with("path", path.display().to_string());
        render::append(&mut answer.text, &context.words.say(&told));
    }
    Ok(answer)
}

/// Writes a plan, over an earlier one only.
fn save(path: &Path, plan: &Plan) -> Result<()> {
    let io = |error: &std::io::Error| {
        Error::io(Text::new("cli-file-unwritable").with("path", path.display().to_string()), error)
    };
    if path.exists() && load(path).is_err() {
        let what = Text::new("cli-plan-not-over").with("path", path.display().to_string());
        return Err(Error::new(Kind::Exists, what));
    }
    let text = serde_json::to_string_pretty(plan).map_err(Error::internal)?;
    let draft = path.with_extension("draft");
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft);
    file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|error| io(&error))
}

/// Reads a saved plan.
pub(crate) fn load(path: &Path) -> Result<Plan> {
    let shown = || path.display().to_string();
    let unreadable =
        |error: &std::io::Error| Error::io(Text::new("cli-plan-unreadable").with("path", shown()), error);
    let Opened::File(file, _) = regular::open(path).map_err(|error| unreadable(&error))? else {
        return Err(Error::new(Kind::Input, Text::new("cli-plan-malformed").with("path", shown())));
    };
    let text = std::io::read_to_string(file).map_err(|error| unreadable(&error))?;
    serde_json::from_str(&text).map_err(|error| {
        Error::new(Kind::Input, Text::new("cli-plan-malformed").with("path", shown()))
            .caused_by(&error)
            .cure(Text::new("control-plan-stale-cure"))
    })
}

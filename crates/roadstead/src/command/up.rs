//! `roadstead up` and `roadstead down`: everything as declared; everything stopped, with its data kept.

use clap::{ArgMatches, Command};
use roadstead_core::{Text, plan::Aim};

use super::shape;
use crate::{
    agent_door,
    context::{Context, Exit, Outcome, block_on},
    fleet_file, house,
    operation::{self, Manner},
    render::{self, Words},
};

pub(crate) fn define(words: &Words) -> Command {
    shape::verb(words, "up").arg(shape::clusters(words)).arg(shape::dry_run(words))
}

pub(crate) fn define_down(words: &Words) -> Command {
    shape::verb(words, "down").arg(shape::clusters(words)).arg(shape::dry_run(words))
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load(context)?;
    let clusters = fleet_file::clusters(&loaded.fleet, &shape::many(matches, "clusters"))?;
    let controller = house::controller(context, &loaded)?;
    let manner = Manner { dry_run: matches.get_flag("dry-run"), asks: true, agent: true };
    let aim = Aim::Apply { clusters };
    block_on(operation::carry_out(context, &loaded, &controller, &aim, &manner))?
}

pub(crate) fn run_down(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load_text(context)?;
    let clusters = fleet_file::clusters(&loaded.fleet, &shape::many(matches, "clusters"))?;
    let controller = house::controller(context, &loaded)?;
    let manner = Manner { dry_run: matches.get_flag("dry-run"), asks: true, agent: false };
    let everything = clusters.is_empty();
    block_on(async {
        let mut answer =
            operation::carry_out(context, &loaded, &controller, &Aim::Down { clusters }, &manner).await?;
        if everything && !manner.dry_run && answer.exit == Exit::Done {
            let ended = agent_door::end(controller.state()).await?;
            if ended {
                render::append(&mut answer.text, &context.words.say(&Text::new("cli-agent-ended")));
            }
            answer.json["agent_ended"] = ended.into();
        }
        Ok(answer)
    })?
}

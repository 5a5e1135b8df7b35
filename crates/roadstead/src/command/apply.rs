//! `roadstead apply`: carries out a saved plan, if the world is still as it was, or plans and carries out now.

use std::path::PathBuf;

use clap::{ArgMatches, Command, value_parser};
use roadstead_core::plan::{Aim, Decision};

use super::{plan, shape};
use crate::{
    context::{Context, Outcome, block_on},
    fleet_file, house,
    operation::{self, Manner},
    render::Words,
};

pub(crate) fn define(words: &Words) -> Command {
    let file = shape::positional(words, "plan", "PLAN", "cli-arg-plan").value_parser(value_parser!(PathBuf));
    let cluster = shape::cluster(words).conflicts_with("plan");
    shape::verb(words, "apply").arg(file).arg(cluster).arg(shape::dry_run(words))
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load(context)?;
    let clusters = fleet_file::clusters(&loaded.fleet, &shape::many(matches, "cluster"))?;
    let saved = matches.get_one::<PathBuf>("plan").map(|path| plan::load(path)).transpose()?;
    let controller = house::controller(context, &loaded)?;
    let manner = Manner { dry_run: matches.get_flag("dry-run"), asks: true, agent: true };
    block_on(async {
        let Some(plan) = saved else {
            let aim = Aim::Apply { clusters };
            return operation::carry_out(context, &loaded, &controller, &aim, &manner).await;
        };
        let decision = Decision { plan, findings: vec![] };
        if manner.dry_run {
            controller.still_fits(&decision.plan).await?;
            return operation::show(context, &loaded, &decision);
        }
        // Held first: nobody may change the world between the look and the act.
        let held = controller.hold()?;
        controller.still_fits(&decision.plan).await?;
        operation::decided(context, &loaded, &controller, &held, decision, &manner).await
    })?
}

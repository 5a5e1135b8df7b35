//! `roadstead restore`: in place (what is live is set aside), beside, or into an empty server reached by address.

use clap::{ArgMatches, Command};
use roadstead_core::plan::{Aim, Destination};

use super::{destination, shape};
use crate::{
    context::{Context, Outcome, block_on},
    fleet_file, house,
    operation::{self, Manner},
    render::Words,
    shelf::Shelf,
};

pub(crate) fn define(words: &Words) -> Command {
    let snapshot = shape::positional(words, "snapshot", "SNAPSHOT", "cli-arg-snapshot").required(true);
    let command = shape::verb(words, "restore").arg(snapshot).arg(shape::cluster(words));
    command.args(destination::define(words)).arg(shape::dry_run(words))
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load_text(context)?;
    let clusters = fleet_file::clusters(&loaded.fleet, &shape::many(matches, "cluster"))?;
    let into = destination::read(matches, &loaded.directory.display().to_string())?;
    let asked = matches.get_one::<String>("snapshot").expect("clap demands a snapshot");
    let controller = house::controller(context, &loaded)?;
    let agent = !matches!(into, Destination::Address { .. });
    let manner = Manner { dry_run: matches.get_flag("dry-run"), asks: true, agent };
    block_on(async {
        let shelf = Shelf::read(&controller).await;
        let snapshot = shelf.one(asked, &clusters).map_err(|error| shelf.unfound(error))?;
        if asked == "latest" {
            shelf.is_whole()?;
        }
        let aim = Aim::Restore { snapshot, into };
        operation::carry_out(context, &loaded, &controller, &aim, &manner).await
    })?
}

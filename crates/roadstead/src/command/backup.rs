//! `roadstead backup`: takes one set of snapshots; makes a vault on its first use and says so.

use clap::{ArgMatches, Command};
use roadstead_core::plan::Aim;

use super::shape;
use crate::{
    context::{Context, Exit, Outcome, block_on},
    fleet_file, house,
    operation::{self, Manner},
    render::{self, Words},
};

pub(crate) fn define(words: &Words) -> Command {
    shape::verb(words, "backup").args(shape::clusters(words)).arg(shape::dry_run(words))
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load_text(context)?;
    let clusters = fleet_file::clusters(&loaded.fleet, &shape::named_clusters(matches))?;
    let controller = house::controller(context, &loaded)?;
    let manner = Manner { dry_run: matches.get_flag("dry-run"), asks: false, agent: false };
    let aim = Aim::Backup { clusters };
    let mut answer = block_on(operation::carry_out(context, &loaded, &controller, &aim, &manner))??;
    if !manner.dry_run && answer.exit == Exit::Done {
        render::append(&mut answer.text, &context.words.word("cli-backup-next"));
    }
    Ok(answer)
}

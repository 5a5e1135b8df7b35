//! `roadstead restore`: in place (what is live is set aside), beside, or into an empty server reached by address.

use clap::{ArgMatches, Command};
use roadstead_core::{
    Error, Kind, Result, Text,
    model::Name,
    plan::{Aim, Destination},
};

use super::{destination, shape};
use crate::{
    context::{Context, Outcome},
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
    let loaded = fleet_file::load(context)?;
    let clusters = fleet_file::clusters(&loaded.fleet, &shape::many(matches, "cluster"))?;
    let into = destination::read(matches, &loaded.directory.display().to_string())?;
    let asked = matches.get_one::<String>("snapshot").expect("clap demands a snapshot");
    let controller = house::controller(context, &loaded)?;
    let agent = !matches!(into, Destination::Address { .. });
    let manner = Manner { dry_run: matches.get_flag("dry-run"), asks: true, agent };
    context.block_on(async {
        let snapshot = find(&Shelf::read(&controller).await, asked, &clusters)?;
        let aim = Aim::Restore { snapshot, into };
        operation::carry_out(context, &loaded, &controller, &aim, manner).await
    })?
}

/// The full id of the snapshot asked for.
fn find(shelf: &Shelf, asked: &str, clusters: &[Name]) -> Result<String> {
    if asked != "latest" {
        let entry = shelf.named(asked)?;
        if let Some(cluster) = clusters.iter().find(|cluster| **cluster != entry.record.draft.cluster) {
            let what = Text::new("cli-snapshot-of-another")
                .with("snapshot", entry.record.id().short())
                .with("cluster", cluster)
                .with("other", &entry.record.draft.cluster);
            return Err(Error::new(Kind::Input, what));
        }
        return Ok(entry.record.id().0.clone());
    }
    let mut known: Vec<&Name> = shelf.entries.iter().map(|entry| &entry.record.draft.cluster).collect();
    known.sort_unstable();
    known.dedup();
    let cluster = match (clusters, known.as_slice()) {
        ([cluster], _) => cluster,
        ([], [only]) => only,
        _ => {
            let cure = Text::new("cli-restore-which-cure");
            return Err(Error::new(Kind::Input, Text::new("cli-restore-which")).cure(cure));
        }
    };
    shelf.of(cluster).next_back().map(|entry| entry.record.id().0.clone()).ok_or_else(|| {
        Error::new(Kind::NotFound, Text::new("cli-restore-none").with("cluster", cluster))
            .cure(Text::new("cli-snapshot-unknown-cure"))
    })
}

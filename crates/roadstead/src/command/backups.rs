//! `roadstead backups`: each snapshot, how far it is proven, and what was compared.

use clap::{ArgMatches, Command};
use roadstead_core::finding;
use serde_json::json;

use super::shape;
use crate::{
    context::{Answer, Context, Exit, Outcome, block_on},
    fleet_file, house,
    render::{
        self, Tone, Words, snapshot,
        table::{Cell, Table},
    },
    shelf::{Entry, Shelf},
};

pub(crate) fn define(words: &Words) -> Command {
    shape::verb(words, "backups").args(shape::clusters(words))
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load_text(context)?;
    let clusters = fleet_file::clusters(&loaded.fleet, &shape::named_clusters(matches))?;
    let controller = house::controller(context, &loaded)?;
    let mut shelf = block_on(Shelf::read(&controller))?;
    shelf.entries.retain(|entry| clusters.is_empty() || clusters.contains(&entry.record.draft.cluster));
    let words = &context.words;
    let unread = finding::any_error(&shelf.findings);
    let mut text = if shelf.entries.is_empty() {
        // What lies in a vault that cannot be read is not known, and is not nothing.
        if unread { String::new() } else { format!("{}\n", words.word("cli-backups-none")) }
    } else {
        table(words, &shelf.entries, loaded.fleet.vaults.len() > 1).render(context.paint)
    };
    text.push_str(&render::finding::all(words, context.paint, &shelf.findings));
    let documents =
        shelf.entries.iter().map(|entry| snapshot::document(words, &entry.record, entry.vault.as_str()));
    let json = json!({
        "snapshots": documents.collect::<Vec<_>>(),
        "findings": render::json::findings(words, &shelf.findings),
    });
    let exit = if unread { Exit::No } else { Exit::Done };
    Ok(Answer::done(text, json).exit(exit))
}

/// The snapshots as a table, in the order given.
pub(crate) fn table(words: &Words, entries: &[Entry], with_vault: bool) -> Table {
    let mut heads = ["snapshot", "cluster", "taken", "size", "stored", "stage", "compared"].to_vec();
    if with_vault {
        heads.insert(1, "vault");
    }
    let mut table = Table::new(heads.into_iter().map(|head| words.word(&format!("cli-head-{head}"))));
    for Entry { vault, record } in entries {
        let (stage, tone) = snapshot::stage(words, record);
        let mut row = vec![
            Cell::new(record.id().short()),
            Cell::new(record.draft.cluster.as_str()),
            Cell::new(record.draft.started.for_people()),
            Cell::new(record.bytes().to_string()).right(),
            Cell::new(record.stored.to_string()).right(),
            Cell::new(stage).tone(tone),
            Cell::new(snapshot::compared(words, record)).tone(Tone::Faint),
        ];
        if with_vault {
            row.insert(1, Cell::new(vault.as_str()));
        }
        table.row(row);
    }
    table
}

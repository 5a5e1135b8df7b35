//! The catalogue with what only the repository still tells of it: streams that we stored and whose whole folder of the
//! catalogue is gone. Nobody has removed them, so their snapshots are lost records and never garbage.
//!
//! A listing of the repository's snapshots is all it costs, unless there are some that no record names.

use std::collections::BTreeSet;

use roadstead_core::{Kind, Result};

use crate::{
    catalogue::{self, Loaded},
    check,
    repository::Repository,
    vault::{LocalVault, blocking},
};

/// Reads the whole catalogue, lost records included.
pub(crate) async fn load(vault: &LocalVault) -> Result<Loaded> {
    let mut loaded = vault.catalogue.load().await?;
    for id in labels(vault, &loaded).await? {
        // What was begun after the catalogue was read is known to it by now.
        if !loaded.knows(&id) && vault.catalogue.knows_nothing_of(&id).await? {
            loaded.add_damaged(id.clone(), vault.catalogue.lost(&id));
        }
    }
    Ok(loaded)
}

/// The ids that streams which no record names are labelled with.
async fn labels(vault: &LocalVault, loaded: &Loaded) -> Result<BTreeSet<String>> {
    let listed = match vault.place.list("snapshots/").await {
        // That the folder is gone is for a check of the structure to tell.
        Err(error) if error.kind == Kind::NotFound => return Ok(BTreeSet::new()),
        listed => listed?,
    };
    let needed = check::needed(loaded);
    let unnamed = listed.iter().map(|object| object.name().to_owned());
    let unnamed: BTreeSet<String> = unnamed.filter(|object| !needed.contains(object.as_str())).collect();
    if unnamed.is_empty() {
        return Ok(BTreeSet::new());
    }
    let (place, master) = (vault.place.clone(), vault.master.clone());
    let read = blocking(move || Ok(Repository::open(place, &master)?.labels(&unnamed))).await;
    match read {
        // The same: a catalogue is listed as far as it goes.
        Err(error) if matches!(error.kind, Kind::Corrupt | Kind::NotFound) => Ok(BTreeSet::new()),
        labels => Ok(labels?.into_iter().filter(|label| catalogue::is_id(label)).collect()),
    }
}

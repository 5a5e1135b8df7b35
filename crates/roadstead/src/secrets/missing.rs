//! Secrets that nobody but this fleet can know are made when they are missing: passwords of its own accounts, and the
//! key of a vault that is not there yet. Never the key of a vault that exists: that one is lost, not missing.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use roadstead_core::{
    Error, Kind, Result, SecretRef, Text,
    model::{Fleet, VaultSpec},
};

use super::private;
use crate::{context::Context, fleet_file::Loaded};

/// Makes the missing secret files and says which. A vault's lost key is an error where the vault is needed.
pub(crate) fn generate(context: &Context, loaded: &Loaded, vault_needed: bool) -> Result<()> {
    for path in loaded.generate.iter().map(PathBuf::from) {
        let is_key = |vault: &&VaultSpec| key_file(&loaded.fleet, vault).is_some_and(|key| key == path);
        if let Some(lost) =
            loaded.fleet.vaults.values().filter(is_key).find_map(|vault| lost_key(&loaded.fleet, vault))
        {
            if vault_needed {
                return Err(lost);
            }
            continue;
        }
        match private::generate(&path) {
            // Another command was faster, or two references name one file.
            Err(error) if error.kind == Kind::Exists => {}
            made => {
                made?;
                let told = Text::new("cli-secret-made").with("path", path.display().to_string());
                context.tell(&format!("{}\n", context.words.say(&told)));
            }
        }
    }
    Ok(())
}

/// The error for a vault that is there while the file of its key is not; `None` where that is not so.
pub(crate) fn lost_key(fleet: &Fleet, vault: &VaultSpec) -> Option<Error> {
    let key = key_file(fleet, vault)?;
    let place = Path::new(&fleet.directory).join(&vault.url);
    let is_absent = std::fs::metadata(&key).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    if !is_absent || !is_occupied(&place) {
        return None;
    }
    let what = Text::new("cli-vault-key-lost")
        .with("path", key.display().to_string())
        .with("vault", place.display().to_string());
    Some(Error::new(Kind::NotFound, what).cure(Text::new("cli-vault-key-lost-cure")))
}

fn key_file(fleet: &Fleet, vault: &VaultSpec) -> Option<PathBuf> {
    match &vault.key {
        SecretRef::File(file) => Some(Path::new(&fleet.directory).join(file)),
        _ => None,
    }
}

fn is_occupied(place: &Path) -> bool {
    std::fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_some())
}

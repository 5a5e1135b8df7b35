//! Secrets that nobody but this fleet can know are made when they are missing: passwords of its own accounts, and the
//! key of a vault that is not there yet. Never the key of a vault that exists: that one is lost, not missing.

use std::path::{Path, PathBuf};

use roadstead_core::{Error, Kind, Result, SecretRef, Text};

use super::private;
use crate::{context::Context, fleet_file::Loaded};

/// Makes the missing secret files and says which.
pub(crate) fn generate(context: &Context, loaded: &Loaded) -> Result<()> {
    for path in loaded.generate.iter().map(PathBuf::from) {
        if let Some(vault) = vault_of(loaded, &path).filter(|vault| is_occupied(vault)) {
            let what = Text::new("cli-vault-key-lost")
                .with("path", path.display().to_string())
                .with("vault", vault.display().to_string());
            return Err(Error::new(Kind::NotFound, what).cure(Text::new("cli-vault-key-lost-cure")));
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

/// The place of the vault that this file is the key of.
fn vault_of(loaded: &Loaded, path: &Path) -> Option<PathBuf> {
    let is_key =
        |key: &SecretRef| matches!(key, SecretRef::File(file) if loaded.directory.join(file) == path);
    let vault = loaded.fleet.vaults.values().find(|vault| is_key(&vault.key))?;
    Some(loaded.directory.join(&vault.url))
}

fn is_occupied(place: &Path) -> bool {
    std::fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_some())
}

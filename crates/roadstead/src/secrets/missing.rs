//! Secrets that nobody but this fleet can know are made when they are missing: passwords of its own accounts, and the
//! key of a vault that is not there yet. Never the key of a vault that exists: that one is lost, not missing.

use std::path::{Path, PathBuf};

use roadstead_control::Controller;
use roadstead_core::{Kind, Result, SecretRef, Text, model::VaultSpec};

use super::private;
use crate::{context::Context, fleet_file::Loaded};

/// Makes the missing secret files and says which. A vault's lost key is an error where the vault is needed.
pub(crate) async fn generate(
    context: &Context,
    loaded: &Loaded,
    controller: &Controller,
    vault_needed: bool,
) -> Result<()> {
    let folder = Path::new(&loaded.fleet.directory);
    for path in loaded.generate.iter().map(PathBuf::from) {
        let is_its_key =
            |vault: &&VaultSpec| matches!(&vault.key, SecretRef::File(key) if folder.join(key) == path);
        let mut lost = None;
        for vault in loaded.fleet.vaults.values().filter(is_its_key) {
            lost = lost.or(controller.lost_key(vault).await?);
        }
        match lost {
            Some(lost) if vault_needed => return Err(lost),
            Some(_) => continue,
            None => {}
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

//! Resolves references to secrets for this process: environment, 0600 files, values encrypted in the fleet file.
//!
//! Values leave only as `Secret`; no message of this module carries one.

pub(crate) mod identity;
pub(crate) mod missing;
pub(crate) mod private;

use std::path::{Path, PathBuf};

use roadstead_core::{Error, Kind, Result, Secret, SecretRef, Text, port::Secrets};

/// Resolves the references of one fleet file.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    directory: PathBuf,
}

impl Resolver {
    /// For the fleet file in this absolute directory.
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    fn environment(name: &str) -> Result<Secret> {
        let fault = |kind, key| {
            Error::new(kind, Text::new(key).with("name", name))
                .cure(Text::new("cli-secret-env-cure").with("name", name))
        };
        match std::env::var(name) {
            Ok(value) if value.is_empty() => Err(fault(Kind::NotFound, "cli-secret-env-empty")),
            Ok(value) => Ok(Secret::new(value)),
            Err(std::env::VarError::NotPresent) => Err(fault(Kind::NotFound, "cli-secret-env-unset")),
            Err(std::env::VarError::NotUnicode(_)) => Err(fault(Kind::Input, "cli-secret-env-not-text")),
        }
    }
}

impl Secrets for Resolver {
    fn resolve(&self, reference: &SecretRef) -> Result<Secret> {
        match reference {
            SecretRef::Env(name) => Self::environment(name),
            SecretRef::File(path) => private::read(&self.directory.join(path)),
            SecretRef::Age(value) => identity::decrypt(&self.directory, value),
            SecretRef::Host(path) => {
                Err(Error::new(Kind::NotFound, Text::new("cli-secret-host").with("path", path)))
            }
        }
    }
}

/// Where Roadstead keeps its state for the fleet file in this directory.
pub(crate) fn state_folder(directory: &Path) -> PathBuf {
    directory.join(".roadstead")
}

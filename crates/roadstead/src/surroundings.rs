//! What the reader of the fleet file asks about this machine. Answers only; no value of a secret passes here.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use roadstead_core::{
    Text,
    fleet::{SecretFile, Surroundings},
};

use crate::{
    regular::{self, Opened},
    secrets::{identity, private},
};

/// This machine, seen from the fleet file's directory.
pub(crate) struct Here {
    directory: PathBuf,
}

impl Here {
    /// Seen from this absolute directory.
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }
}

impl Surroundings for Here {
    fn secret_file(&self, absolute: &str) -> SecretFile {
        let facts = match fs::metadata(absolute) {
            Ok(facts) => facts,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return SecretFile::Absent,
            Err(error) => return SecretFile::Unreadable(error.to_string()),
        };
        let mode = facts.mode() & 0o7777;
        if !facts.is_file() {
            return SecretFile::NotAFile(regular::sort(facts.file_type()));
        }
        if mode & 0o077 != 0 {
            return SecretFile::TooOpen(mode);
        }
        if facts.len() > private::SECRET_BYTES_MAX {
            return SecretFile::TooBig;
        }
        if facts.len() == 0 {
            return SecretFile::Empty;
        }
        match regular::open(Path::new(absolute)) {
            Ok(Opened::File(..)) => SecretFile::Fine,
            Ok(Opened::Other(sort)) => SecretFile::NotAFile(sort),
            Err(error) => SecretFile::Unreadable(error.to_string()),
        }
    }

    fn env_is_set(&self, name: &str) -> bool {
        std::env::var_os(name).is_some_and(|value| !value.is_empty())
    }

    fn can_decrypt_age(&self, value: &str) -> Result<(), Text> {
        identity::decrypt(&self.directory, value).map(drop).map_err(|error| error.what)
    }

    fn is_root(&self) -> bool {
        rustix::process::geteuid().is_root()
    }
}

/// A machine where every reference leads to a secret: tells what is wrong with a file's text alone.
pub(crate) struct Ideal;

impl Surroundings for Ideal {
    fn secret_file(&self, _: &str) -> SecretFile {
        SecretFile::Fine
    }

    fn env_is_set(&self, _: &str) -> bool {
        true
    }

    fn can_decrypt_age(&self, _: &str) -> Result<(), Text> {
        Ok(())
    }

    fn is_root(&self) -> bool {
        rustix::process::geteuid().is_root()
    }
}

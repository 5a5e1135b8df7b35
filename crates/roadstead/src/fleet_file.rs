//! The fleet file on this machine: where it is, its bytes, and what surrounds it.

use std::path::{Path, PathBuf};

use roadstead_core::{Error, Result, Text};

/// The absolute directory of the fleet file, whether the file itself is there or not.
pub(crate) fn directory(file: &Path) -> Result<PathBuf> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::canonicalize(folder).map_err(|error| {
        Error::io(Text::new("cli-folder-unreadable").with("path", folder.display().to_string()), &error)
    })
}

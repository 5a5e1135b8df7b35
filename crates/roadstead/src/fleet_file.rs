//! The fleet file on this machine: where it is, its bytes, and what reading it gave.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use roadstead_core::{
    Error, Finding, Kind, Result, Severity, Text, finding,
    fleet::{self, Reading},
    model::{Fleet, Name},
};

use crate::{
    context::{Context, Stop},
    engines,
    surroundings::Here,
};

/// A fleet file without errors.
pub(crate) struct Loaded {
    /// What it declares.
    pub(crate) fleet: Fleet,
    /// Its absolute directory.
    pub(crate) directory: PathBuf,
    /// SHA-256 of its bytes.
    pub(crate) digest: String,
    /// Warnings and notes.
    pub(crate) findings: Vec<Finding>,
    /// Secret files to be generated before the first apply.
    pub(crate) generate: Vec<String>,
}

/// The absolute directory of the fleet file, whether the file itself is there or not.
pub(crate) fn directory(file: &Path) -> Result<PathBuf> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::canonicalize(folder).map_err(|error| {
        Error::io(Text::new("cli-folder-unreadable").with("path", folder.display().to_string()), &error)
    })
}

/// Reads the fleet file, whatever is in it.
pub(crate) fn read(file: &Path) -> Result<(Reading, PathBuf)> {
    let directory = directory(file)?;
    let shown = file.display().to_string();
    let bytes = bytes(file).map_err(|error| {
        let told = Error::io(Text::new("cli-fleet-unreadable").with("path", &shown), &error);
        let cure =
            if told.kind == Kind::NotFound { "cli-fleet-absent-cure" } else { "cli-fleet-unreadable-cure" };
        let told = told.cure(Text::new(cure));
        Error { kind: Kind::Input, ..told }
    })?;
    let facts = Here::new(&directory);
    let absolute = directory.display().to_string();
    let input = fleet::Input { file: &shown, directory: &absolute, bytes: &bytes, facts: &facts };
    Ok((fleet::read(&input, &*engines::registry()), directory))
}

/// Reads a fleet file that must be sound.
pub(crate) fn load(context: &Context) -> Result<Loaded, Stop> {
    let (reading, directory) = read(&context.settings.file)?;
    let Reading { fleet, findings, generate, digest } = reading;
    match fleet {
        Some(fleet) if !finding::any_error(&findings) => {
            Ok(Loaded { fleet, directory, digest, findings, generate })
        }
        _ => Err(Stop::Findings(findings)),
    }
}

impl Loaded {
    /// What should be changed in the file although it works.
    pub(crate) fn warnings(&self) -> Vec<Finding> {
        self.findings.iter().filter(|found| found.severity == Severity::Warning).cloned().collect()
    }
}

/// The clusters of these names; an empty list for none given.
pub(crate) fn clusters(fleet: &Fleet, asked: &[String]) -> Result<Vec<Name>> {
    let known = |name: &String| fleet.clusters.get_key_value(name.as_str()).map(|(name, _)| name.clone());
    let one = |name: &String| {
        known(name).ok_or_else(|| {
            let all: Vec<&str> = fleet.clusters.keys().map(Name::as_str).collect();
            Error::new(Kind::Input, Text::new("cli-no-such-cluster").with("cluster", name))
                .cure(Text::new("cli-no-such-cluster-cure").with("clusters", all.join(", ")))
        })
    };
    asked.iter().map(one).collect()
}

/// No more of it than the reader wants to see.
fn bytes(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(fleet::FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

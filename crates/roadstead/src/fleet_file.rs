//! The fleet file on this machine: where it is, its bytes, and what reading it gave.

use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use roadstead_core::{
    Error, Finding, Kind, Result, Severity, Text, finding,
    fleet::{self, Reading, Surroundings},
    model::{Fleet, Name},
};

use crate::{
    context::{Context, Stop},
    engines,
    regular::{self, Opened},
    surroundings::{Here, Ideal},
};

/// Standard input under its own name; `-` means the same.
const STANDARD_INPUT: &str = "/dev/stdin";

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
    /// The file as the user named it, and its bytes.
    text: (String, Vec<u8>),
}

/// Whether the fleet file is what comes in through standard input.
pub(crate) fn is_standard_input(file: &Path) -> bool {
    file == Path::new("-") || file == Path::new(STANDARD_INPUT)
}

/// The fleet file as answers name it.
pub(crate) fn shown(file: &Path) -> String {
    if is_standard_input(file) { STANDARD_INPUT.to_owned() } else { file.display().to_string() }
}

/// The absolute directory of the fleet file, whether the file itself is there or not; for standard input the one
/// that we are in. A symbolic link is the file that it leads to, and lies where that one does: one fleet under two names
/// would be taken for two.
pub(crate) fn directory(file: &Path) -> Result<PathBuf> {
    if let Some(folder) = real(file).as_deref().and_then(Path::parent) {
        return Ok(folder.to_owned());
    }
    let file = if is_standard_input(file) { Path::new("-") } else { file };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::canonicalize(folder).map_err(|error| {
        Error::io(Text::new("cli-folder-unreadable").with("path", folder.display().to_string()), &error)
    })
}

/// The fleet file itself, where it is one that is there.
fn real(file: &Path) -> Option<PathBuf> {
    if is_standard_input(file) { None } else { std::fs::canonicalize(file).ok() }
}

/// Reads the fleet file, whatever is in it.
pub(crate) fn read(file: &Path) -> Result<Reading> {
    let contents = Contents::of(file)?;
    Ok(contents.read(&Here::new(&contents.directory)))
}

/// Reads a fleet file that must be sound, with every secret that it names at hand.
pub(crate) fn load(context: &Context) -> Result<Loaded, Stop> {
    let contents = Contents::of(&context.settings.file)?;
    let reading = contents.read(&Here::new(&contents.directory));
    sound(reading, contents)
}

/// Reads a fleet file whose text must be sound. A secret that cannot be had is told by what needs it: it must not keep
/// us from the other clusters.
pub(crate) fn load_text(context: &Context) -> Result<Loaded, Stop> {
    let contents = Contents::of(&context.settings.file)?;
    let mut reading = contents.read(&Here::new(&contents.directory));
    if reading.fleet.is_none() {
        let ideal = contents.read(&Ideal);
        if ideal.fleet.is_some() {
            reading = Reading { generate: reading.generate, ..ideal };
        }
    }
    sound(reading, contents)
}

/// A fleet file's bytes, and where it lies.
struct Contents {
    shown: String,
    directory: PathBuf,
    real: Option<PathBuf>,
    bytes: Vec<u8>,
}

impl Contents {
    fn of(file: &Path) -> Result<Self> {
        let directory = directory(file)?;
        let bytes = if is_standard_input(file) { standard_input()? } else { bytes(file)? };
        Ok(Self { shown: shown(file), directory, real: real(file), bytes })
    }

    fn read(&self, facts: &dyn Surroundings) -> Reading {
        let absolute = self.directory.display().to_string();
        let input = fleet::Input { file: &self.shown, directory: &absolute, bytes: &self.bytes, facts };
        let mut reading = fleet::read(&input, &*engines::registry());
        if let (Some(fleet), Some(real)) = (&mut reading.fleet, &self.real) {
            fleet.file = real.display().to_string();
        }
        reading
    }
}

fn sound(reading: Reading, contents: Contents) -> Result<Loaded, Stop> {
    let Reading { fleet, findings, generate, digest } = reading;
    match fleet {
        Some(fleet) if !finding::any_error(&findings) => {
            let Contents { shown, directory, bytes, .. } = contents;
            Ok(Loaded { fleet, directory, digest, findings, generate, text: (shown, bytes) })
        }
        _ => Err(Stop::Findings(findings)),
    }
}

impl Loaded {
    /// What a decision found, with its places in the file.
    pub(crate) fn placed(&self, findings: Vec<Finding>) -> Vec<Finding> {
        fleet::placed(&self.text.0, &self.text.1, findings)
    }

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

/// No more of the file than the reader wants to see.
fn bytes(file: &Path) -> Result<Vec<u8>> {
    let unreadable = |error: &std::io::Error| {
        let told = Error::io(Text::new("cli-fleet-unreadable").with("path", shown(file)), error);
        let cure =
            if told.kind == Kind::NotFound { "cli-fleet-absent-cure" } else { "cli-fleet-unreadable-cure" };
        let told = told.cure(Text::new(cure));
        Error { kind: Kind::Input, ..told }
    };
    match regular::open(file).map_err(|error| unreadable(&error))? {
        Opened::File(file, _) => limited(file).map_err(|error| unreadable(&error)),
        Opened::Other(sort) => {
            let what = Text::new("cli-fleet-not-regular").with("path", shown(file)).with("sort", sort);
            Err(Error::new(Kind::Input, what).cure(Text::new("cli-fleet-not-regular-cure")))
        }
    }
}

/// What came in through standard input: read once, since a command may look at its fleet file twice.
fn standard_input() -> Result<Vec<u8>> {
    static READ: OnceLock<Vec<u8>> = OnceLock::new();
    if let Some(bytes) = READ.get() {
        return Ok(bytes.clone());
    }
    let bytes = limited(std::io::stdin().lock()).map_err(|error| {
        let told = Error::io(Text::new("cli-fleet-unreadable").with("path", STANDARD_INPUT), &error);
        Error { kind: Kind::Input, ..told.cure(Text::new("cli-fleet-not-regular-cure")) }
    })?;
    Ok(READ.get_or_init(|| bytes).clone())
}

fn limited(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(fleet::FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

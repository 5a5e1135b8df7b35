//! The fleet file: from bytes to a [`crate::model::Fleet`] and every finding at once.
//!
//! Reading is a function of its arguments: the caller brings the bytes and answers about the world through
//! [`Surroundings`]. Nothing here opens a file, and no sentence made here ever carries a secret: values that
//! should be references are masked wherever their line is shown.
//!
//! The way: bytes → text ([`source`]) → nodes with their places ([`tree`]) → what fits the shape
//! ([`sound`] against [`shape`]) → the model ([`build`]), then what only the whole shows ([`cross`]).

mod address;
mod build;
mod cross;
mod mask;
mod member;
mod nearest;
mod path;
mod report;
mod secrets;
mod shape;
mod sound;
mod source;
mod starter;
mod tree;
mod vaults;

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::{Finding, Text, finding, model::Fleet, port::Engines};

pub use shape::schema;
pub use starter::{Starter, StarterMember, starter};

/// The largest fleet file, in bytes. A caller reads at most one byte more: that byte is how the reader knows.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// The most findings that are told; how many more there are is told as well.
pub const FINDINGS_MAX: usize = 500;

/// A fleet file, as the caller found it.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The file as the user named it; findings show it so.
    pub file: &'a str,
    /// Absolute directory of the file; relative paths in it start here.
    pub directory: &'a str,
    /// Its contents, of a longer file the first [`FILE_BYTES_MAX`] + 1 bytes.
    pub bytes: &'a [u8],
    /// The world around it.
    pub facts: &'a dyn Surroundings,
}

/// What the reader asks about the world around the file. Values of secrets never pass here.
pub trait Surroundings {
    /// How the secret file at this absolute path lies.
    fn secret_file(&self, absolute: &str) -> SecretFile;
    /// Whether the environment variable is set and not empty.
    fn env_is_set(&self, name: &str) -> bool;
    /// Whether the fleet's identity opens this `${age:…}` value; else why not.
    fn can_decrypt_age(&self, value: &str) -> Result<(), Text>;
    /// Whether we run as the superuser.
    fn is_root(&self) -> bool;
}

/// How a secret file lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFile {
    /// There, private and not empty.
    Fine,
    /// Not there.
    Absent,
    /// There, but it cannot be read; the operating system's reason.
    Unreadable(String),
    /// Not a file but something else, in words: a folder, a pipe, a device.
    NotAFile(Text),
    /// Readable by its group or by everybody; its permission bits.
    TooOpen(u32),
    /// There, without a secret in it.
    Empty,
    /// Longer than any secret.
    TooBig,
}

/// What came of reading.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The fleet; `None` when a finding is an error.
    pub fleet: Option<Fleet>,
    /// Everything found, in the order of the file.
    pub findings: Vec<Finding>,
    /// Secret files (absolute paths) that do not exist and that nobody but this fleet can know: to be generated,
    /// mode 0600, before the first apply. Never overwrite one; never generate the key of a vault that exists.
    pub generate: Vec<String>,
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub digest: String,
}

/// Findings about what a fleet file declares, each with its place in that file where it has none yet: those whose subject
/// is a path of it, as they are found when a plan is made.
pub fn placed(file: &str, bytes: &[u8], mut findings: Vec<Finding>) -> Vec<Finding> {
    let is_open = |finding: &Finding| finding.place.is_none() && finding.subject.starts_with("clusters.");
    if findings.iter().any(is_open)
        && let Ok(mut source) = source::Source::read(file, bytes)
    {
        let parsed = tree::parse(&mut source);
        let report = report::Report::new(&source, &parsed);
        for finding in findings.iter_mut().filter(|finding| is_open(finding)) {
            finding.place = Some(report.place_of(&finding.subject));
        }
        // As a reader of the file comes to them; what is of no place in it stays before.
        findings.sort_by_key(|finding| finding.place.as_ref().map(|place| (place.line, place.column)));
    }
    findings
}

/// Reads a fleet file. Everything that is wrong is told at once; only a file that is not YAML stops at its first fault.
pub fn read(input: &Input<'_>, engines: &dyn Engines) -> Reading {
    let digest = hex::encode(Sha256::digest(input.bytes));
    let (fleet, findings, generate) = match source::Source::read(input.file, input.bytes) {
        Err(findings) => (None, findings, BTreeSet::new()),
        Ok(mut source) => {
            let parsed = tree::parse(&mut source);
            let mut report = report::Report::new(&source, &parsed);
            let built = parsed.root.as_ref().map(|root| build::fleet(root, input, engines, &mut report));
            let (fleet, generate) = built.unwrap_or_default();
            (fleet, report.finish(), generate)
        }
    };
    let fleet = fleet.filter(|_| !finding::any_error(&findings));
    Reading { fleet, findings, generate: generate.into_iter().collect(), digest }
}

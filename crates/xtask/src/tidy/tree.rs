//! The files that the rules read: those that git tracks or would track, as text.

use std::path::Path;
use std::process::Command;

use super::rust::Rust;
use crate::process::{self, Failure};

/// One text file. Paths are relative to the root, with `/`.
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
    /// `None`: not a Rust file.
    pub(super) rust: Option<Rust>,
}

pub(super) struct Tree {
    pub(super) files: Vec<File>,
}

impl Tree {
    /// Reads the tree at `root`. A file that git still lists but that is gone, or that is no text, is left out.
    pub(super) fn read(root: &Path) -> Result<Self, Failure> {
        let mut git = Command::new("git");
        // A clone made by another user is still the tree to read.
        git.args(["-c", "safe.directory=*"]).arg("-C").arg(root);
        let list = process::output(git.args(["ls-files", "-z", "-co", "--exclude-standard"]))?;
        let mut paths: Vec<&str> = list.split('\0').filter(|path| !path.is_empty()).collect();
        paths.sort_unstable();
        paths.dedup();
        let files = paths.into_iter().filter_map(|path| {
            let text = std::fs::read_to_string(root.join(path)).ok()?;
            let rust = has_extension(path, "rs").then(|| Rust::read(&text));
            Some(File { path: path.to_owned(), text, rust })
        });
        Ok(Self { files: files.collect() })
    }

    /// The Rust files below a folder, which ends with `/`; the empty folder is the whole tree.
    pub(super) fn rust_below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a Rust)> {
        let below = self.files.iter().filter(move |file| file.path.starts_with(folder));
        below.filter_map(|file| Some((file.path.as_str(), file.rust.as_ref()?)))
    }

    /// The names of the folders directly below `folder`, which ends with `/`.
    pub(super) fn folders_below(&self, folder: &str) -> Vec<&str> {
        let inner = self.files.iter().filter_map(|file| file.path.strip_prefix(folder));
        let mut names: Vec<&str> = inner.filter_map(|rest| Some(rest.split_once('/')?.0)).collect();
        names.dedup();
        names
    }
}

/// Whether a Rust file holds nothing but tests.
pub(super) fn is_test(path: &str) -> bool {
    path.contains("/tests/")
}

pub(super) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

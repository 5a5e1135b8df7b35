//! Every engine is a folder with the same file names, so that who knows one knows all.

use super::Finding;
use super::tree::Tree;

/// Where engines live: each folder below is one.
pub(super) const FOLDER: &str = "crates/engines/src/";

const FILES: &[&str] = &[
    "mod.rs",
    "profile.rs",
    "settings.rs",
    "observe.rs",
    "deploy.rs",
    "backup.rs",
    "manifest.rs",
    "scratch.rs",
    "messages/en.ftl",
    "messages/zh.ftl",
    "README.md",
];

/// A file may be missing only where the facet is absent, and then its engine says so by not having it; the first
/// engines have every facet, so all files are asked for. More files than these are welcome.
pub(super) fn same_files(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for engine in tree.folders_below(FOLDER) {
        for name in FILES {
            let path = format!("{FOLDER}{engine}/{name}");
            if !tree.files.iter().any(|file| file.path == path) {
                let what = format!("engine {engine} has no {name}");
                findings.push(Finding::new(&path, 0, what, "every engine's folder has the same files"));
            }
        }
    }
    findings
}

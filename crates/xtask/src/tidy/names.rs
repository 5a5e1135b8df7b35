//! Names of files, and names that must not stand in any file.

use super::Finding;
use super::tree::{Tree, has_extension};

pub(super) fn decisions(tree: &Tree) -> Vec<Finding> {
    let paths = tree.files.iter().map(|file| file.path.as_str());
    let named = paths.filter_map(|path| Some((path, path.strip_prefix("docs/decisions/")?)));
    let wrong = named.filter(|(_, name)| !is_dated(name));
    wrong
        .map(|(path, _)| Finding::new(path, 0, "a decision without its date", "call it YYYY-MM-DD-slug.md"))
        .collect()
}

/// `YYYY-MM-DD-slug.md`
fn is_dated(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".md") else { return false };
    let parts: Vec<&str> = stem.splitn(4, '-').collect();
    let number = |part: &str, digits| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
    let slug = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    matches!(parts[..], [year, month, day, rest] if number(year, 4) && number(month, 2) && number(day, 2) && slug(rest))
}

/// Folders of one machine, which no other has. Written in pieces, because this file is read too.
pub(super) fn machine_paths(tree: &Tree) -> Vec<Finding> {
    let wanted = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
    found(tree, &wanted, "a path of one machine", "take it from the environment, or from a temporary folder")
}

/// Where packages come from is each machine's own setting.
pub(super) fn registry_hosts(tree: &Tree) -> Vec<Finding> {
    let wanted = [
        concat!("debian", ".org"),
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("pythonhosted", ".org"),
        concat!("npmjs", ".com"),
        concat!("npmjs", ".org"),
        concat!("maven", ".org"),
    ];
    found(tree, &wanted, "a registry's host", "name the package; the machine knows where from")
}

fn found(tree: &Tree, wanted: &[&str], what: &str, cure: &'static str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| !has_extension(&file.path, "lock")) {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(word) = wanted.iter().find(|word| line.contains(**word)) {
                findings.push(Finding::new(&file.path, index + 1, format!("{what} ({word})"), cure));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::is_dated;

    #[test]
    fn a_decision_is_named_by_its_day() {
        assert!(is_dated("2026-01-31-one-way-through.md"));
        for wrong in [
            "one-way.md",
            "2026-1-31-x.md",
            "2026-01-31.md",
            "2026-01-31-.md",
            "2026-01-31-X.md",
            "2026-01-31-x.txt",
        ] {
            assert!(!is_dated(wrong), "{wrong}");
        }
    }
}

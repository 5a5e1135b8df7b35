//! Who may know whom: crates, engine folders, and the names of engines.

use super::Finding;
use super::rust::{has_word, is_word};
use super::tree::{Tree, has_extension};

/// What each crate of ours may depend on outside its tests. A crate that is not here has no wall yet.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("engines", &["core"]),
    ("vault", &["core"]),
    ("deploy", &["core"]),
    ("agent", &["core", "vault"]),
    ("control", &["core", "vault", "deploy"]),
    ("roadstead", &["core", "engines", "vault", "deploy", "agent", "control"]),
    ("xtask", &[]),
];

/// Crates that make `core` impure: the clock, randomness, files, sockets, threads.
const IMPURE: &[&str] = &[
    "tokio",
    "rand",
    "reqwest",
    "hyper",
    "sqlx",
    "rusqlite",
    "rustix",
    "rustls",
    "opendal",
    "rustic_core",
    "tempfile",
];

/// Crates that one crate of ours fences behind a trait.
const FENCED: &[(&str, &str)] = &[
    ("tokio-postgres", "engines"),
    ("tokio-postgres-rustls", "engines"),
    ("mysql_async", "engines"),
    ("redis", "engines"),
    ("mongodb", "engines"),
    ("neo4rs", "engines"),
    ("elasticsearch", "engines"),
    ("rustic_core", "vault"),
    ("opendal", "vault"),
    ("rusqlite", "control"),
];

/// Where an engine is "the engine", whichever it is.
const KNOWS_NO_ENGINE: &[&str] = &[
    "crates/core/src/",
    "crates/agent/src/",
    "crates/control/src/",
    "crates/vault/src/",
    "crates/deploy/src/",
];

/// The binary names engines in these places only: where it picks them, and where it shows them off.
const BINARY: &str = "crates/roadstead/src/";
const BINARY_MAY_NAME: &[&str] = &["crates/roadstead/src/engines", "crates/roadstead/src/command/demo"];

const ENGINE_NAMES: &[&str] = &[
    "postgres",
    "mysql",
    "mariadb",
    "redis",
    "valkey",
    "mongo",
    "neo4j",
    "elasticsearch",
    "opensearch",
    "weaviate",
    "chroma",
];

pub(super) fn between_crates(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let name = file.path.strip_prefix("crates/").and_then(|rest| rest.strip_suffix("/Cargo.toml"));
        let Some(name) = name.filter(|name| !name.contains('/')) else { continue };
        for (line, imported) in dependencies(&file.text) {
            if let Some((what, cure)) = wall_broken(name, &imported) {
                findings.push(Finding::new(&file.path, line, what, cure));
            }
        }
    }
    findings
}

fn wall_broken(name: &str, imported: &str) -> Option<(String, &'static str)> {
    let ours = imported.strip_prefix("roadstead-").or((imported == "roadstead").then_some(imported));
    if let Some(ours) = ours {
        let allowed = MAY_IMPORT.iter().find(|(importer, _)| *importer == name).map(|(_, allowed)| *allowed);
        let broken = allowed.is_some_and(|allowed| !allowed.contains(&ours));
        let cure = "go through a trait in core; testkit belongs into [dev-dependencies]";
        return broken.then(|| (format!("{name} imports {ours}"), cure));
    }
    if name == "core" && IMPURE.contains(&imported) {
        return Some((
            format!("core imports {imported}"),
            "core is pure: make it a port, implemented elsewhere",
        ));
    }
    let fence = FENCED.iter().find(|(fenced, _)| *fenced == imported)?;
    let what = format!("{name} imports {imported}, which only {} may", fence.1);
    (fence.1 != name).then_some((what, "use the trait that fences it"))
}

/// The packages under `[dependencies]` and `[build-dependencies]`, for any target, with their line.
fn dependencies(manifest: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (index, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            let (outer, last) = section.rsplit_once('.').unwrap_or(("", section));
            let lists = |part: &str| matches!(part, "dependencies" | "build-dependencies");
            inside = lists(last);
            if lists(outer.rsplit_once('.').map_or(outer, |(_, part)| part)) {
                found.push((index + 1, last.trim_matches('"').to_owned()));
            }
            continue;
        }
        if !inside || line.starts_with('#') || !line.contains('=') {
            continue;
        }
        let renamed = line.split_once("package = \"").and_then(|(_, rest)| rest.split_once('"'));
        let key = line.split(['=', '.', ' ']).next().map(|key| key.trim_matches('"'));
        found.extend(
            renamed.map(|(package, _)| package).or(key).map(|package| (index + 1, package.to_owned())),
        );
    }
    found
}

pub(super) fn between_engines(tree: &Tree) -> Vec<Finding> {
    let engines = tree.folders_below(super::engines::FOLDER);
    let mut findings = Vec::new();
    for engine in &engines {
        let folder = format!("{}{engine}/", super::engines::FOLDER);
        for (path, rust) in tree.rust_below(&folder) {
            // Joined, because a `use` may run over several lines.
            let code = rust.code[..rust.tests_from].join("\n");
            for other in engines.iter().filter(|other| *other != engine) {
                for at in imports(&code, other) {
                    let line = code[..at].matches('\n').count() + 1;
                    let what = format!("engine {engine} uses engine {other}");
                    findings.push(Finding::new(
                        path,
                        line,
                        what,
                        "move what both need out of the engines' folders",
                    ));
                }
            }
        }
    }
    findings
}

/// Where the code names `crate::other` or `super::other`, also as `crate::{…, other::…}`.
fn imports(code: &str, other: &str) -> Vec<usize> {
    let named = code.match_indices(other).map(|(at, _)| at).filter(|&at| {
        let ends = !code[at + other.len()..].starts_with(is_word);
        ends && !code[..at].ends_with(is_word)
    });
    let from_root = |at: &usize| {
        let before = code[..*at].trim_end();
        if before.ends_with("crate::") || before.ends_with("super::") {
            return true;
        }
        let group = before.rfind("crate::{").or_else(|| before.rfind("super::{"));
        let inside = group.map(|start| &before[start + "crate::{".len()..]);
        inside.is_some_and(|inside| !inside.contains([';', '}']) && before.ends_with(['{', ',']))
    };
    named.filter(from_root).collect()
}

pub(super) fn engine_names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let inner = KNOWS_NO_ENGINE.iter().flat_map(|folder| tree.rust_below(folder));
    let outer = tree.rust_below(BINARY);
    let outer = outer.filter(|(path, _)| !BINARY_MAY_NAME.iter().any(|allowed| path.starts_with(allowed)));
    for (path, rust) in inner.chain(outer) {
        for (index, line) in rust.spoken[..rust.tests_from].iter().enumerate() {
            let line = line.to_lowercase();
            if let Some(name) = ENGINE_NAMES.iter().find(|name| has_word(&line, name, false)) {
                let what = format!("an engine is named here ({name})");
                let cure = "ask its profile how it behaves, or move this into its folder";
                findings.push(Finding::new(path, index + 1, what, cure));
            }
        }
    }
    debug_assert!(tree.files.iter().all(|file| has_extension(&file.path, "rs") == file.rust.is_some()));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_way_to_depend() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\nb = \"1\"\nc = { package = \"d\" }\n\
            [dev-dependencies]\ne = \"1\"\n[target.'cfg(unix)'.dependencies]\nf = \"1\"\n[dependencies.g]\nversion = \"1\"\n";
        let found: Vec<_> =
            dependencies(manifest).into_iter().map(|(line, name)| format!("{line}{name}")).collect();
        assert_eq!(found, ["4a", "5b", "6d", "10f", "11g"]);
    }

    #[test]
    fn finds_every_way_to_import_a_neighbour() {
        for code in [
            "use crate::redis::X;",
            "use crate::{\n  sql,\n  redis::Y,\n};",
            "super::redis()",
            "crate :: redis",
        ] {
            let code = code.replace("crate ::", "crate::");
            assert_eq!(imports(&code, "redis").len(), 1, "{code}");
        }
        assert!(
            imports("use redis::Client; let x = crate::redistribute; use crate::{a};\nf(redis)", "redis")
                .is_empty()
        );
    }
}

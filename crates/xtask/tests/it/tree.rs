//! A small clean project in a temporary folder, to plant faults into. It is removed when dropped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LIB: &str = "//! core
/// A loss.
pub fn lost(name: &str) -> Text {
    Text::new(\"core-lost\").with(\"name\", name)
}
pub fn stage(stage: &str) -> Text { Text::new(&format!(\"core-stage-{stage}\")) }
";

const ENGLISH: &str = "# Losses and stages.\ncore-lost = { $name } is lost\ncore-stage-taken = taken\ncore-stage-proven = proven\n";
const CHINESE: &str = "core-lost = 丢失了 { $name }\ncore-stage-taken = 已取\ncore-stage-proven = 已证明\n";

const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n"),
    (
        "crates/core/Cargo.toml",
        "[package]\nname = \"roadstead-core\"\n[dependencies]\nserde.workspace = true\n",
    ),
    ("crates/core/src/lib.rs", LIB),
    ("crates/core/messages/en.ftl", ENGLISH),
    ("crates/core/messages/zh.ftl", CHINESE),
    (
        "crates/agent/Cargo.toml",
        "[package]\nname = \"roadstead-agent\"\n[dependencies]\nroadstead-core.workspace = true\n",
    ),
    ("crates/agent/src/lib.rs", "//! agent\n"),
    (
        "crates/roadstead/Cargo.toml",
        "[package]\nname = \"roadstead\"\n[dependencies]\nroadstead-core.workspace = true\nroadstead-engines.workspace = true\n",
    ),
    ("crates/roadstead/src/main.rs", "//! the binary\nmod engines;\nfn main() {}\n"),
    ("crates/roadstead/src/engines.rs", "//! engines\npub const ALL: [&str; 2] = [\"mysql\", \"redis\"];\n"),
    ("crates/engines/src/lib.rs", "//! engines\nmod mysql;\nmod redis;\n"),
    ("docs/decisions/2026-01-31-one-way.md", "# One way\n"),
];

const ENGINE_FILES: &[&str] = &[
    "mod.rs",
    "profile.rs",
    "settings.rs",
    "observe.rs",
    "deploy.rs",
    "backup.rs",
    "manifest.rs",
    "scratch.rs",
];

pub(crate) struct Planted {
    root: PathBuf,
}

impl Planted {
    /// The clean tree. The name must be unlike that of any other test.
    pub(crate) fn clean(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("roadstead-tidy-{}-{name}", std::process::id()));
        // An earlier process of the same number may have left one.
        let _ = fs::remove_dir_all(&root);
        fs::create_dir(&root).unwrap();
        let tree = Self { root };
        for (path, text) in FILES {
            tree.write(path, text);
        }
        for engine in ["mysql", "redis"] {
            let folder = format!("crates/engines/src/{engine}");
            for file in ENGINE_FILES {
                tree.write(&format!("{folder}/{file}"), &format!("//! {engine}\n"));
            }
            tree.append(&format!("{folder}/observe.rs"), &format!("const DOWN: &str = \"{engine}-down\";\n"));
            tree.write(&format!("{folder}/README.md"), &format!("# {engine}\n"));
            tree.write(&format!("{folder}/messages/en.ftl"), &format!("{engine}-down = it is down\n"));
            tree.write(&format!("{folder}/messages/zh.ftl"), &format!("{engine}-down = 已停\n"));
        }
        let git = Command::new("git").args(["init", "-q"]).arg(&tree.root).output().unwrap();
        assert!(git.status.success(), "{}", String::from_utf8_lossy(&git.stderr));
        tree
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn append(&self, path: &str, text: &str) {
        let before = fs::read_to_string(self.root.join(path)).unwrap();
        self.write(path, &format!("{before}{text}"));
    }

    /// Replaces what must be there.
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let before = fs::read_to_string(self.root.join(path)).unwrap();
        assert!(before.contains(from), "{path} has no {from}");
        self.write(path, &before.replace(from, to));
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.root.join(path)).unwrap();
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        // A folder left behind in the temporary folder harms nobody.
        let _ = fs::remove_dir_all(&self.root);
    }
}

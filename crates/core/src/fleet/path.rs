//! Ways into the fleet file: `clusters.orders.members.0.port`.

use std::fmt;

/// Keys and list positions from the top of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path(Vec<String>);

impl Path {
    /// The way to a key at the top.
    pub(super) fn top(key: &str) -> Self {
        Self(vec![key.to_owned()])
    }

    /// One key further.
    pub(super) fn key(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(key.to_owned());
        Self(steps)
    }

    /// One list position further.
    pub(super) fn item(&self, index: usize) -> Self {
        self.key(&index.to_string())
    }

    pub(super) fn steps(&self) -> &[String] {
        &self.0
    }

    /// The last key; empty at the top.
    pub(super) fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// Joins a path of the file onto the file's directory, without asking the file system: `.` and doubled slashes go,
/// `..` stays, because what it means depends on symbolic links. An absolute path stays absolute.
pub(super) fn absolute(directory: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
    let parts: Vec<&str> = whole.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_absolute_and_tidy() {
        assert_eq!(absolute("/srv/fleet", "./vault/"), "/srv/fleet/vault");
        assert_eq!(absolute("/srv//fleet/", "../vault"), "/srv/fleet/../vault");
        assert_eq!(absolute("/srv/fleet", "/var//x"), "/var/x");
        assert_eq!(absolute("/", "."), "/");
    }
}

//! The two flavours: telling them apart, and the few sentences of SQL that every part needs.
//!
//! Pure: text in, text out.

use roadstead_core::Version;

/// Which of the two a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// Oracle's, and what calls itself like it.
    Mysql,
    /// `MariaDB`.
    Mariadb,
}

impl Flavour {
    /// The word for it in layouts, records and facts.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
        }
    }

    /// From its word; anything else is taken for the older flavour.
    pub(super) fn from_word(word: &str) -> Self {
        if word == "mariadb" { Self::Mariadb } else { Self::Mysql }
    }

    /// The flavour that a version number in the fleet file means: the two number their releases apart.
    pub(super) fn of_version(version: &Version) -> Self {
        if version.major() >= 10 { Self::Mariadb } else { Self::Mysql }
    }
}

/// Reads what `SELECT VERSION()` says.
pub(super) fn of_server(text: &str) -> Option<(Flavour, Version)> {
    let flavour =
        if text.to_ascii_lowercase().contains("mariadb") { Flavour::Mariadb } else { Flavour::Mysql };
    let text = text.strip_prefix("5.5.5-").unwrap_or(text);
    Version::parse(text).map(|version| (flavour, version))
}

/// Reads what one of the tools prints with `--version`, or, for the script that has no version, with `--help`.
pub(super) fn of_tool(tool: &str, printed: &str) -> Option<(Version, String)> {
    if tool == "create" {
        let known = printed.contains("install-db") || printed.contains("install_db");
        return known.then(|| (Version { parts: vec![10] }, Flavour::Mariadb.word().to_owned()));
    }
    let (_, after) = printed.split_once("Ver ")?;
    of_server(after.lines().next()?).map(|(flavour, version)| (version, flavour.word().to_owned()))
}

/// A name between backquotes.
pub(super) fn name(text: &str) -> String {
    format!("`{}`", text.replace('`', "``"))
}

/// A database's and an object's name.
pub(super) fn full(database: &str, object: &str) -> String {
    format!("{}.{}", name(database), name(object))
}

/// A text between single quotes, for sessions with backslash escapes on (all of ours).
pub(super) fn text(value: &str) -> String {
    let mut quoted = Vec::with_capacity(value.len() + 2);
    quote(&mut quoted, value.as_bytes());
    String::from_utf8(quoted).expect("quoting changes ASCII bytes alone")
}

/// The condition that a column of `information_schema` holds just this name. A MariaDB compares there as if `A`, `a` and
/// `ä` were one, and looks at no more than one database where it is asked so, whatever is asked beside it.
pub(super) fn exactly(column: &str, name: &str) -> String {
    let name = text(name);
    format!("{column} = {name} AND CAST({column} AS BINARY) = {name}")
}

/// A database's name as a grant wants it: `_` and `%` are patterns there.
pub(super) fn grant_name(database: &str) -> String {
    name(&database.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%"))
}

/// Appends bytes between single quotes. No line end is left in it, so that a dump stays a file of lines.
pub(super) fn quote(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'\'');
    let mut start = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let escape = match byte {
            0 => b'0',
            b'\n' => b'n',
            b'\r' => b'r',
            0x1a => b'Z',
            b'\\' => b'\\',
            b'\'' => b'\'',
            _ => continue,
        };
        out.extend_from_slice(&bytes[start..index]);
        out.extend_from_slice(&[b'\\', escape]);
        start = index + 1;
    }
    out.extend_from_slice(&bytes[start..]);
    out.push(b'\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_flavours_are_read_from_what_programs_print() {
        let read = |text| of_tool("server", text).map(|(version, flavour)| (version.to_string(), flavour));
        let mariadb = "mysqld  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)";
        assert_eq!(read(mariadb), Some(("10.11.19".into(), "mariadb".into())));
        let mysql = "/x/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))";
        assert_eq!(read(mysql), Some(("9.7.4".into(), "mysql".into())));
        assert_eq!(read("redis-server v=7.0.15"), None);
        assert!(of_tool("create", "Usage: /usr/bin/mariadb-install-db [OPTIONS]").is_some());
        let (flavour, version) = of_server("5.5.5-10.11.4-MariaDB-log").unwrap();
        assert_eq!((flavour, version.to_string()), (Flavour::Mariadb, "10.11.4".into()));
    }

    #[test]
    fn hostile_names_and_texts_stay_inside_their_quotes() {
        assert_eq!(name("a`; DROP"), "`a``; DROP`");
        assert_eq!(text("o'b\\\n"), "'o\\'b\\\\\\n'");
        assert_eq!(grant_name("my_db%"), "`my\\_db\\%`");
    }
}

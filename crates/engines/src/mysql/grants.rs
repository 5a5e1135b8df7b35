//! Reads the lines of `SHOW GRANTS`. Pure; names may hold anything, so quotes are honoured throughout.

use std::collections::BTreeSet;

/// What a grant is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// `*.*`.
    Everything,
    /// A database; the name's escapes for patterns are taken away.
    Database(String),
    /// A table or a view, or some of its columns.
    Table(String, String),
    /// A procedure, function, package or library: the word, database and name.
    Routine(String, String, String),
}

/// One grant of rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// The rights, in capitals; those on columns with their list.
    pub(super) rights: BTreeSet<String>,
    /// On what.
    pub(super) on: On,
    /// May be passed on.
    pub(super) passes_on: bool,
}

/// Reads `GRANT rights ON object TO account …`; `None` for anything else (roles, proxies, revokes, default roles).
pub(super) fn read(line: &str) -> Option<Grant> {
    let rest = line.strip_prefix("GRANT ")?;
    let on = find_word(rest, " ON ")?;
    let (rights, rest) = (&rest[..on], &rest[on + 4..]);
    if rights.trim() == "PROXY" {
        return None;
    }
    let to = find_word(rest, " TO ")?;
    let (object, after) = (&rest[..to], &rest[to + 4..]);
    Some(Grant {
        rights: split_rights(rights),
        on: read_object(object)?,
        passes_on: after.ends_with("WITH GRANT OPTION") || after.contains(" WITH GRANT OPTION "),
    })
}

fn read_object(object: &str) -> Option<On> {
    for word in ["PROCEDURE", "FUNCTION", "PACKAGE BODY", "PACKAGE", "LIBRARY"] {
        if let Some(rest) = object.strip_prefix(word).and_then(|rest| rest.strip_prefix(' ')) {
            let (database, rest) = take_name(rest)?;
            let (name, _) = take_name(rest.strip_prefix('.')?)?;
            return Some(On::Routine(word.into(), database, name));
        }
    }
    let object = object.strip_prefix("TABLE ").unwrap_or(object);
    if object == "*.*" {
        return Some(On::Everything);
    }
    let (database, rest) = take_name(object)?;
    let rest = rest.strip_prefix('.')?;
    if rest == "*" {
        return Some(On::Database(unescape(&database)));
    }
    take_name(rest).map(|(table, _)| On::Table(database, table))
}

/// Takes a quoted name (backquotes, or the plain quotes of other versions) off the front.
pub(super) fn take_name(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '`' | '\'' | '"'))?;
    let mut name = String::new();
    let mut rest = text[1..].char_indices().peekable();
    while let Some((index, c)) = rest.next() {
        if c != quote {
            name.push(c);
        } else if rest.peek().is_some_and(|(_, next)| *next == quote) {
            rest.next();
            name.push(quote);
        } else {
            return Some((name, &text[index + 2..]));
        }
    }
    None
}

/// Where a word stands outside quotes and parentheses.
pub(super) fn find_word(text: &str, word: &str) -> Option<usize> {
    let mut quote = None;
    let mut depth = 0_u32;
    for (index, byte) in text.bytes().enumerate() {
        if let Some(open) = quote {
            quote = (byte != open).then_some(open);
            continue;
        }
        match byte {
            b'`' | b'\'' | b'"' => quote = Some(byte),
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ if depth == 0 && text.as_bytes()[index..].starts_with(word.as_bytes()) => return Some(index),
            _ => {}
        }
    }
    None
}

fn split_rights(text: &str) -> BTreeSet<String> {
    let mut rights = BTreeSet::new();
    let mut rest = text;
    loop {
        let end = find_word(rest, ",").unwrap_or(rest.len());
        rights.insert(rest[..end].trim().to_owned());
        match rest.get(end + 1..) {
            Some(more) => rest = more,
            None => return rights,
        }
    }
}

fn unescape(pattern: &str) -> String {
    pattern.replace("\\_", "_").replace("\\%", "%").replace("\\\\", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_read_with_odd_names() {
        let on = |line: &str| read(line).map(|grant| grant.on);
        assert_eq!(on("GRANT USAGE ON *.* TO `a`@`%`"), Some(On::Everything));
        assert_eq!(on("GRANT SELECT ON `my\\_db`.* TO `a`@`%`"), Some(On::Database("my_db".into())));
        assert_eq!(
            on("GRANT SELECT (`a, ON b`), UPDATE ON `d TO x`.`t``q` TO `a`@`%`"),
            Some(On::Table("d TO x".into(), "t`q".into()))
        );
        let routine = On::Routine("PROCEDURE".into(), "d".into(), "prü.f".into());
        assert_eq!(on("GRANT EXECUTE ON PROCEDURE `d`.`prü.f` TO `a`@`%`"), Some(routine));
        assert_eq!(on("GRANT `role`@`%` TO `a`@`%`"), None);
        assert_eq!(on("GRANT PROXY ON ``@`` TO `root`@`localhost` WITH GRANT OPTION"), None);
        let grant = read("GRANT SELECT, SHOW VIEW ON `d`.* TO `a`@`%` WITH GRANT OPTION").unwrap();
        assert!(grant.passes_on);
        assert_eq!(grant.rights.into_iter().collect::<Vec<_>>(), ["SELECT", "SHOW VIEW"]);
    }
}

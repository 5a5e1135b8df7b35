//! Functions that are computed while a backup is loaded and find what they name by the search path, which is empty
//! then.
//!
//! The server tells the few functions that something restored depends on; their bodies are read here, and only the
//! names in them are looked up. Both are bounded.

use std::collections::BTreeSet;

use roadstead_core::Result;

use super::{link::Session, observe::fixed, sql::array};

/// How many words of all bodies are looked up.
const WORDS_MAX: usize = 20_000;

/// Functions written as text without a path of their own, that restored things are computed or checked by:
/// materialized views, generated columns, indexes and partition keys, CHECK constraints of tables and domains. What an
/// extension brings is the extension's matter. A function is looked at in its first 32 Ki characters.
const FUNCTIONS: &str = "WITH used AS MATERIALIZED (SELECT DISTINCT d.refobjid AS oid FROM pg_depend d \
    WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid >= 16384 AND CASE d.classid \
    WHEN 'pg_class'::regclass THEN EXISTS (SELECT FROM pg_class u WHERE u.oid = d.objid AND u.relkind IN ('i', 'I', 'r', 'p')) \
    WHEN 'pg_rewrite'::regclass THEN EXISTS (SELECT FROM pg_rewrite w JOIN pg_class u ON u.oid = w.ev_class \
    WHERE w.oid = d.objid AND u.relkind = 'm') \
    WHEN 'pg_attrdef'::regclass THEN EXISTS (SELECT FROM pg_attrdef f JOIN pg_attribute a ON a.attrelid = f.adrelid \
    AND a.attnum = f.adnum WHERE f.oid = d.objid AND a.attgenerated <> '') \
    WHEN 'pg_constraint'::regclass THEN EXISTS (SELECT FROM pg_constraint k WHERE k.oid = d.objid AND k.contype = 'c') \
    ELSE false END) \
    SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), left(p.prosrc, 32768) \
    FROM used JOIN pg_proc p ON p.oid = used.oid JOIN pg_namespace n ON n.oid = p.pronamespace \
    JOIN pg_language l ON l.oid = p.prolang WHERE l.lanname IN ('sql', 'plpgsql') AND p.prosqlbody IS NULL \
    AND NOT EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%') \
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e') \
    ORDER BY 1 LIMIT 500";

/// Which of these words name a relation, and which a function, outside the system's own schemas. What the system has
/// by the same name is found without a path.
const NAMED: &str = "SELECT 'r', c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relname = ANY ({words}) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') \
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
    UNION SELECT 'f', o.proname FROM pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace \
    WHERE o.proname = ANY ({calls}) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
    AND NOT EXISTS (SELECT FROM pg_proc s WHERE s.proname = o.proname AND s.pronamespace = 'pg_catalog'::regnamespace)";

/// The functions of this database that name tables or functions of the user's without a schema.
pub(super) async fn depending(session: &Session) -> Result<Vec<String>> {
    let mut bodies = Vec::new();
    for row in session.rows_at_length(FUNCTIONS).await? {
        let [Some(function), Some(body)] = fixed::<2>(row)? else { continue };
        bodies.push((function, words(&body)));
    }
    let all: BTreeSet<&Word> = bodies.iter().flat_map(|(_, words)| words).take(WORDS_MAX).collect();
    if all.is_empty() {
        return Ok(vec![]);
    }
    let calls = all.iter().filter(|word| word.is_called).map(|word| word.name.as_str());
    let question = NAMED
        .replace("{words}", &array(all.iter().map(|word| word.name.as_str())))
        .replace("{calls}", &array(calls));
    let (mut relations, mut functions) = (BTreeSet::new(), BTreeSet::new());
    for row in session.rows_at_length(&question).await? {
        let [Some(kind), Some(name)] = fixed::<2>(row)? else { continue };
        if kind == "r" {
            relations.insert(name)
        } else {
            functions.insert(name)
        };
    }
    let names =
        |word: &Word| relations.contains(&word.name) || word.is_called && functions.contains(&word.name);
    Ok(bodies.into_iter().filter(|(_, words)| words.iter().any(names)).map(|(name, _)| name).collect())
}

/// A name in a function's body that no schema stands before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Word {
    name: String,
    /// A parenthesis follows.
    is_called: bool,
}

/// The words of a body, comments left out. What stands between single quotes counts: `nextval('a')` and what is
/// executed as text name things too.
fn words(body: &str) -> BTreeSet<Word> {
    let mut found = BTreeSet::new();
    let (mut rest, mut in_text, mut is_qualified) = (body, false, false);
    while let Some(first) = rest.chars().next() {
        let comment = match rest {
            _ if in_text => None,
            _ if rest.starts_with("--") => Some(rest.find('\n').unwrap_or(rest.len())),
            _ if rest.starts_with("/*") => Some(comment_end(rest)),
            _ => None,
        };
        if let Some(end) = comment {
            rest = &rest[end..];
            continue;
        }
        let (word, after) = if first == '"' {
            quoted(&rest[1..])
        } else if is_letter(first) {
            let end = rest.find(|c| !is_letter(c) && !c.is_ascii_digit() && c != '$').unwrap_or(rest.len());
            (rest[..end].to_lowercase(), &rest[end..])
        } else {
            in_text ^= first == '\'';
            is_qualified = first == '.' || is_qualified && first.is_whitespace();
            rest = &rest[first.len_utf8()..];
            // Digits belong to what they begin: in `1e5` there is no word.
            if first.is_ascii_digit() {
                rest = rest.trim_start_matches(|c| is_letter(c) || c.is_ascii_digit());
            }
            continue;
        };
        let follows = after.trim_start();
        if !is_qualified && !word.is_empty() {
            found.insert(Word { name: word, is_called: follows.starts_with('(') });
        }
        is_qualified = false;
        rest = after;
    }
    found
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// A name up to its closing quote, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut rest = text;
    while let Some(end) = rest.find('"') {
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return (name, rest),
        }
    }
    (name + rest, "")
}

/// Where a comment ends that others may be nested in.
fn comment_end(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let here = &text.as_bytes()[at..];
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Vec<String> {
        let shown = |word: Word| if word.is_called { word.name + "()" } else { word.name };
        words(body).into_iter().map(shown).collect()
    }

    #[test]
    fn words_are_what_no_schema_stands_before() {
        assert_eq!(read("SELECT max(r) FROM Rate"), ["from", "max()", "r", "rate", "select"]);
        assert_eq!(read("public.rate \"A b\".c, \"q\"\"r\" . x f (1)"), ["A b", "f()", "public", "q\"r"]);
        assert_eq!(read("-- rate\n/* rate /* x */ y */ 1e5 2 -- "), [""; 0]);
        assert_eq!(read("nextval('se--q') é /* über"), ["nextval()", "q", "se", "é"]);
        assert_eq!(read("'it''s' /*/ in it */ \"open"), ["it", "open", "s"]);
    }
}

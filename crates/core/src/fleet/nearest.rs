//! "Did you mean": the known word that is nearest to a misspelt one.

/// Longer words are no misspelling of anything we know.
const WORD_CHARS_MAX: usize = 64;

/// The most known words that are compared: a file may declare thousands.
const KNOWN_MAX: usize = 500;

/// The nearest of the known words, when it is near enough to be meant.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.chars().nth(WORD_CHARS_MAX).is_some() {
        return None;
    }
    let asked = plain(word);
    let length = asked.chars().count();
    let scored = known.into_iter().take(KNOWN_MAX).filter_map(|candidate| {
        let offered = plain(candidate);
        let begins = length >= 2 && offered.starts_with(&asked);
        let distance = if begins { 1 } else { strsim::osa_distance(&asked, &offered) };
        let allowed = (length.max(offered.chars().count()) / 3).max(1);
        (distance <= allowed && distance < length.max(1)).then_some((distance, candidate))
    });
    scored.min().map(|(_, candidate)| candidate)
}

fn plain(word: &str) -> String {
    word.trim().to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_find_their_word_and_others_do_not() {
        let known = ["engine", "members", "memory", "databases", "settings"];
        for (word, meant) in [
            ("engin", Some("engine")),
            ("Engine", Some("engine")),
            ("memroy", Some("memory")),
            ("member", Some("members")),
            ("data_bases", Some("databases")),
            ("listen", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
        assert_eq!(nearest(&"m".repeat(100_000), known), None);
    }
}

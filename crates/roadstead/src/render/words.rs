//! From a key and its arguments to a sentence in the user's language: all Fluent catalogues merged.
//!
//! A missing key is shown as the key itself: never a panic, never an empty line. Arguments are cleaned, so no
//! sentence carries what a terminal would obey.

use std::sync::OnceLock;

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use roadstead_core::{Messages, Text, text::Arg};
use unic_langid::LanguageIdentifier;

use super::clean;
use crate::settings::Language;

/// This crate's own sentences: the command line and what it prints.
const OWN: Messages =
    &[("en", include_str!("../../messages/en.ftl")), ("zh", include_str!("../../messages/zh.ftl"))];

/// Sentences within sentences deeper than this are a loop.
const DEPTH_MAX: usize = 8;

type Bundle = FluentBundle<FluentResource>;

/// The catalogues in one language, English behind it.
pub(crate) struct Words {
    language: Language,
    others: Vec<Messages>,
    /// Parsed when first asked for: `--version` and `--help` need but one of these.
    own: [OnceLock<Bundle>; 2],
    rest: [OnceLock<Bundle>; 2],
}

impl Words {
    /// This crate's catalogue and these others.
    pub(crate) fn new(language: Language, others: &[Messages]) -> Self {
        Self { language, others: others.to_vec(), own: Default::default(), rest: Default::default() }
    }

    /// The language spoken.
    pub(crate) const fn language(&self) -> Language {
        self.language
    }

    /// The sentence of this key, which needs no arguments.
    pub(crate) fn word(&self, key: &str) -> String {
        self.say(&Text::new(key))
    }

    /// The sentence for this text.
    pub(crate) fn say(&self, text: &Text) -> String {
        self.render(text, 0)
    }

    fn render(&self, text: &Text, depth: usize) -> String {
        if depth > DEPTH_MAX {
            return clean::line(&text.key);
        }
        let mut args = FluentArgs::new();
        for (name, value) in &text.args {
            let value: FluentValue<'_> = match value {
                Arg::Number(number) => FluentValue::from(*number),
                Arg::Literal(literal) => FluentValue::from(clean::line(literal)),
                Arg::Nested(nested) => FluentValue::from(self.render(nested, depth + 1)),
            };
            args.set(name.as_str(), value);
        }
        self.find(&text.key, &args).unwrap_or_else(|| clean::line(&text.key))
    }

    fn find(&self, key: &str, args: &FluentArgs<'_>) -> Option<String> {
        let languages = if self.language == Language::English {
            &[Language::English][..]
        } else {
            &[Language::Chinese, Language::English][..]
        };
        languages.iter().find_map(|&language| {
            format(self.own(language), key, args).or_else(|| format(self.rest(language), key, args))
        })
    }

    fn own(&self, language: Language) -> &Bundle {
        self.own[language as usize].get_or_init(|| bundle(language, &[OWN]))
    }

    fn rest(&self, language: Language) -> &Bundle {
        self.rest[language as usize].get_or_init(|| bundle(language, &self.others))
    }
}

fn bundle(language: Language, catalogues: &[Messages]) -> Bundle {
    let identifier: LanguageIdentifier = language.code().parse().expect("`en` and `zh` are languages");
    let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
    bundle.set_use_isolating(false);
    for (_, source) in
        catalogues.iter().flat_map(|all| all.iter()).filter(|(code, _)| *code == language.code())
    {
        // What a broken line spoils is that line's sentence; the tests refuse both kinds of breakage.
        let resource = match FluentResource::try_new((*source).to_owned()) {
            Ok(resource) | Err((resource, _)) => resource,
        };
        bundle.add_resource_overriding(resource);
    }
    bundle
}

fn format(bundle: &Bundle, key: &str, args: &FluentArgs<'_>) -> Option<String> {
    let pattern = bundle.get_message(key)?.value()?;
    let mut errors = Vec::new();
    Some(bundle.format_pattern(pattern, Some(args), &mut errors).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_catalogue_is_whole_in_both_languages() {
        let mut all = crate::engines::catalogues();
        all.push(OWN);
        for (language, source) in all.iter().flat_map(|messages| messages.iter()) {
            if let Err((_, errors)) = FluentResource::try_new((*source).to_owned()) {
                panic!("{language}: {errors:?}");
            }
        }
    }

    #[test]
    fn a_missing_sentence_is_its_key_and_arguments_are_clean() {
        let words = Words::new(Language::Chinese, &[roadstead_core::MESSAGES]);
        assert_eq!(words.word("no-such-key"), "no-such-key");
        let hostile = Text::new("core-internal").with("what", "\u{1b}[2Jwiped\u{202e}");
        let said = words.say(&hostile);
        assert!(said.contains("wiped") && !said.contains(['\u{1b}', '\u{202e}', '\u{2068}']), "{said:?}");
    }
}

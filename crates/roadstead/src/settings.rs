//! What holds for every command: the fleet file, the form and language of the answer, the consent given beforehand.
//!
//! Read from the command line and the environment, once. Nothing here reads a file.

use std::{ffi::OsString, path::PathBuf};

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use clap::ArgMatches;

/// The language of the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// English.
    English,
    /// Chinese, in simplified characters.
    Chinese,
}

impl Language {
    /// As catalogues are named.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// The language that the command line (which clap has not read yet: its own words need one) or the
    /// environment asks for.
    pub(crate) fn chosen(args: &[OsString]) -> Self {
        let asked = asked(args, "--lang");
        let environment = || {
            let known =
                ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
            known.into_iter().find(|value| !value.is_empty()).unwrap_or_default()
        };
        if asked.unwrap_or_else(environment).to_ascii_lowercase().starts_with("zh") {
            Self::Chinese
        } else {
            Self::English
        }
    }
}

/// The value of a long option among arguments that nobody has parsed yet.
fn asked(args: &[OsString], option: &str) -> Option<String> {
    let mut words = args.iter().skip(1).map(|arg| arg.to_string_lossy()).take_while(|arg| arg != "--");
    while let Some(word) = words.next() {
        if word == option {
            return words.next().map(Into::into);
        }
        if let Some(value) = word.strip_prefix(option).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value.to_owned());
        }
    }
    None
}

/// Whether the answer must be JSON although the command line may turn out to be wrong.
pub(crate) fn wants_json(args: &[OsString]) -> bool {
    args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json")
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Color {
    /// On a terminal that can, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Whether to colour what goes to this stream.
    pub(crate) fn choose(self, stream: &impl RawStream) -> bool {
        match self {
            Self::Auto => AutoStream::choice(stream) != ColorChoice::Never,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// The consent given on the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Yes {
    /// None: ask, on a terminal.
    #[default]
    No,
    /// To everything but the loss of data.
    Harmless,
    /// Also to the loss of data of these, by name.
    Names(Vec<String>),
}

impl Yes {
    /// The names whose data would be lost and that were not given.
    pub(crate) fn lacking<'a>(&self, names: &[&'a str]) -> Vec<&'a str> {
        match self {
            Self::Names(given) => {
                names.iter().filter(|name| !given.iter().any(|g| g == **name)).copied().collect()
            }
            _ => names.to_vec(),
        }
    }
}

/// What holds for every command.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The fleet file as the user named it.
    pub(crate) file: PathBuf,
    /// One JSON document instead of text.
    pub(crate) json: bool,
    /// When to colour.
    pub(crate) color: Color,
    /// The consent given beforehand.
    pub(crate) yes: Yes,
    /// How much to trace to standard error.
    pub(crate) verbose: u8,
}

impl Settings {
    /// Reads the global options, which clap knows at every level.
    pub(crate) fn from_matches(matches: &ArgMatches) -> Self {
        let color = match matches.get_one::<String>("color").map(String::as_str) {
            Some("always") => Color::Always,
            Some("never") => Color::Never,
            _ => Color::Auto,
        };
        let yes = match matches.get_one::<String>("yes").map(String::as_str) {
            None => Yes::No,
            Some("") => Yes::Harmless,
            Some(names) => Yes::Names(names.split(',').map(|name| name.trim().to_owned()).collect()),
        };
        Self {
            file: matches.get_one::<PathBuf>("file").cloned().unwrap_or_else(|| PathBuf::from("fleet.yaml")),
            json: matches.get_flag("json"),
            color,
            yes,
            verbose: matches.get_count("verbose"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn an_option_is_found_in_both_forms_and_not_behind_the_double_dash() {
        assert_eq!(asked(&args("roadstead check --lang zh"), "--lang").as_deref(), Some("zh"));
        assert_eq!(asked(&args("roadstead --lang=zh check"), "--lang").as_deref(), Some("zh"));
        assert_eq!(asked(&args("roadstead check -- --lang zh"), "--lang"), None);
        assert_eq!(asked(&args("roadstead --language zh"), "--lang"), None);
        assert!(!wants_json(&args("roadstead x -- --json")));
    }

    #[test]
    fn a_bare_yes_never_loses_data() {
        assert_eq!(Yes::Harmless.lacking(&["orders-1"]), ["orders-1"]);
        assert_eq!(Yes::Names(vec!["orders-1".into()]).lacking(&["orders-1", "billing-1"]), ["billing-1"]);
        assert!(Yes::No.lacking(&[]).is_empty());
    }
}

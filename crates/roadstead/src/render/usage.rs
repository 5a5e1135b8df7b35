//! What the parser of the command line says, in our words: its help's fixed pieces and its mistakes.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use roadstead_core::{Error, Kind, Text};

use super::Words;

/// Help as clap laid it out, with the one piece that it cannot be told replaced.
pub(crate) fn localised(words: &Words, help: &str) -> String {
    help.replace("[OPTIONS]", &words.word("cli-help-usage-options"))
}

/// A mistake in the command line as an error of ours.
pub(crate) fn mistake(error: &clap::Error) -> Error {
    let get = |kind| error.get(kind).map(value).unwrap_or_default();
    let argument = get(ContextKind::InvalidArg);
    let text = match error.kind() {
        ErrorKind::UnknownArgument => Text::new("cli-usage-unknown").with("argument", argument),
        ErrorKind::InvalidSubcommand => {
            Text::new("cli-usage-command").with("command", get(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingRequiredArgument => Text::new("cli-usage-missing").with("argument", argument),
        ErrorKind::MissingSubcommand => Text::new("cli-usage-no-command"),
        ErrorKind::ArgumentConflict => Text::new("cli-usage-conflict")
            .with("argument", argument)
            .with("other", get(ContextKind::PriorArg)),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => Text::new("cli-usage-value")
            .with("argument", argument)
            .with("value", get(ContextKind::InvalidValue)),
        ErrorKind::NoEquals => Text::new("cli-usage-equals").with("argument", argument),
        ErrorKind::TooManyValues | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            Text::new("cli-usage-count").with("argument", argument)
        }
        _ => Text::new("cli-usage-other").with("what", error.kind().to_string()),
    };
    let known = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::ValidValue];
    let suggested = known.into_iter().map(get).find(|suggested| !suggested.is_empty());
    let cure = match suggested {
        Some(suggested) if error.get(ContextKind::ValidValue).is_some() => {
            Text::new("cli-usage-one-of").with("values", suggested)
        }
        Some(suggested) => Text::new("cli-usage-suggestion").with("suggestion", suggested),
        None => Text::new("cli-usage-help"),
    };
    Error::new(Kind::Input, text).cure(cure)
}

fn value(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(all) => all.join(", "),
        other => other.to_string(),
    }
}

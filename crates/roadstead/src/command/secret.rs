//! `roadstead secret`: seals a value for the fleet file, or makes a file with a random one.
//!
//! The value comes by standard input, never by argument, and is never printed.

use std::{
    io::{IsTerminal, Read},
    path::{Path, PathBuf},
};

use clap::{ArgMatches, Command, value_parser};
use roadstead_core::{Error, Kind, Result, Secret, SecretRef, Text};
use serde_json::json;

use super::shape;
use crate::{
    context::{Answer, Context, Outcome},
    fleet_file,
    render::Words,
    secrets::{identity, private},
};

pub(crate) fn define(words: &Words) -> Command {
    let path =
        shape::positional(words, "path", "PATH", "cli-arg-secret-path").value_parser(value_parser!(PathBuf));
    let new = shape::nested(words, "secret", "new").arg(path.required(true));
    shape::verb(words, "secret").subcommand(new)
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    match matches.subcommand() {
        Some(("new", matches)) => {
            let path = matches.get_one::<PathBuf>("path").expect("clap demands a path");
            new_file(context, path)
        }
        _ => seal(context),
    }
}

fn new_file(context: &Context, path: &Path) -> Outcome {
    private::generate(path)?;
    let reference = SecretRef::File(path.display().to_string()).to_string();
    let told = Text::new("cli-secret-generated")
        .with("path", path.display().to_string())
        .with("reference", &reference);
    let json = json!({ "path": path.display().to_string(), "reference": reference });
    Ok(Answer::done(format!("{}\n", context.words.say(&told)), json))
}

fn seal(context: &Context) -> Outcome {
    let directory = fleet_file::directory(&context.settings.file)?;
    let value = if std::io::stdin().is_terminal() { ask(context)? } else { read_input()? };
    if value.expose().is_empty() {
        return Err(Error::new(Kind::Input, Text::new("cli-secret-nothing")).into());
    }
    let (identity, made) = identity::open_or_create(&directory)?;
    let path = identity::path(&directory).display().to_string();
    if made && !context.settings.json {
        let told = Text::new("cli-identity-made").with("path", &path);
        crate::write_err(&format!("{}\n", context.words.say(&told)));
    }
    let reference = identity::encrypt(&identity, &value)?.to_string();
    let json = json!({ "reference": reference, "identity": path, "identity_made": made });
    Ok(Answer::done(format!("{reference}\n"), json))
}

/// Asks twice, without echo.
fn ask(context: &Context) -> Result<Secret> {
    let terminal = console::Term::stderr();
    let question = |key: &str| -> Result<Secret> {
        let io = |error: &std::io::Error| Error::io(Text::new("cli-secret-input"), error);
        terminal.write_str(&context.words.word(key)).map_err(|error| io(&error))?;
        terminal.read_secure_line().map(Secret::new).map_err(|error| io(&error))
    };
    let value = question("cli-secret-ask")?;
    if question("cli-secret-ask-again")? != value {
        return Err(Error::new(Kind::Input, Text::new("cli-secret-unequal")));
    }
    Ok(value)
}

fn read_input() -> Result<Secret> {
    let mut value = String::new();
    let mut limited = std::io::stdin().lock().take(private::SECRET_BYTES_MAX + 1);
    limited.read_to_string(&mut value).map_err(|error| Error::io(Text::new("cli-secret-input"), &error))?;
    if value.len() as u64 > private::SECRET_BYTES_MAX {
        return Err(Error::new(Kind::Input, Text::new("cli-secret-long")));
    }
    Ok(private::without_line_break(value))
}

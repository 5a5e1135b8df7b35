//! `roadstead init`: a first fleet file, its schema for editors, a vault key, and what version control must not see.
//!
//! Nothing that exists is written over.

use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, ArgMatches, Command};
use roadstead_core::{
    Error, Kind, Result, Text, finding,
    fleet::{self, Starter, StarterMember},
    model::Name,
    port::Engines,
};
use serde_json::json;

use super::shape;
use crate::{
    context::{Answer, Context, Outcome, Stop},
    fleet_file, render,
    render::Words,
    secrets::private,
    surroundings::Ideal,
};

const SCHEMA: &str = "fleet.schema.json";
const KEY: &str = "vault.key";
const VAULT: &str = "./vault";
const IGNORE: &str = ".gitignore";

/// What must not get into version control: state, backups, secrets.
const UNVERSIONED: [&str; 4] = [".roadstead/", "/vault/", "/vault.key", "/secrets/"];

pub(crate) fn define(words: &Words, engines: &dyn Engines) -> Command {
    let name = shape::option(words, "name", "NAME", "cli-option-init-name");
    let user = shape::option(words, "user", "USER", "cli-option-init-user").default_value("roadstead");
    let user = user.hide_default_value(true);
    let mut command = shape::verb(words, "init").arg(name).arg(user);
    for engine in engines.all() {
        let profile = engine.profile();
        let help = Text::new("cli-option-init-engine").with("engine", profile.title);
        let option = Arg::new(profile.name).long(profile.name).value_name("HOST:PORT");
        command = command.arg(option.action(ArgAction::Append).help(words.say(&help)));
    }
    command
}

pub(crate) fn run(context: &Context, matches: &ArgMatches, engines: &dyn Engines) -> Outcome {
    let file = &context.settings.file;
    let directory = fleet_file::directory(file)?;
    // An empty file is nobody's work.
    let there = std::fs::symlink_metadata(file).ok();
    let is_empty = there.as_ref().is_some_and(|there| there.is_file() && there.len() == 0);
    if fleet_file::is_standard_input(file) || (there.is_some() && !is_empty) {
        let what = Text::new("cli-init-exists").with("path", fleet_file::shown(file));
        return Err(Error::new(Kind::Exists, what).cure(Text::new("cli-init-exists-cure")).into());
    }
    let text = compose(context, matches, engines, &directory)?;
    if is_empty {
        std::fs::remove_file(file).map_err(|error| {
            Error::io(Text::new("cli-init-exists").with("path", fleet_file::shown(file)), &error)
        })?;
    }
    let mut done = Vec::new();
    let key = directory.join(KEY);
    for path in [&key, &directory.join(IGNORE)] {
        refuse_link(path)?;
    }
    match private::generate(&key) {
        Ok(()) => done.push(Text::new("cli-init-key").with("path", key.display().to_string())),
        Err(error) if error.kind == Kind::Exists => {
            done.push(Text::new("cli-init-kept").with("path", key.display().to_string()));
        }
        Err(error) => return Err(error.into()),
    }
    let schema = render::json::pretty(&fleet::schema());
    done.push(write_unless_there(&directory.join(SCHEMA), &schema)?);
    if let Some(told) = hide_from_version_control(&directory)? {
        done.push(told);
    }
    // The fleet file last: while it is not there, `init` can be run again.
    done.push(write_unless_there(file, &text)?);
    let mut lines = String::new();
    for told in &done {
        render::append(&mut lines, &context.words.say(told));
    }
    render::append(&mut lines, &context.words.word("cli-init-next"));
    let json = json!({ "file": file.display().to_string(), "schema": SCHEMA, "key": KEY });
    Ok(Answer::done(lines, json))
}

/// The text of the fleet file, read back to be sure of it.
fn compose(
    context: &Context,
    matches: &ArgMatches,
    engines: &dyn Engines,
    directory: &Path,
) -> Result<String, Stop> {
    let name = match matches.get_one::<String>("name") {
        Some(name) => name.clone(),
        None => name_of(directory),
    };
    let user = matches.get_one::<String>("user").expect("it has a default");
    let mut found = Vec::new();
    for engine in engines.all() {
        let kind = engine.profile().name;
        for (index, address) in matches.get_many::<String>(kind).into_iter().flatten().enumerate() {
            let cluster = if index == 0 { kind.to_owned() } else { format!("{kind}-{}", index + 1) };
            let variable = format!("{}_PASSWORD", cluster.to_uppercase().replace('-', "_"));
            found.push((cluster, kind, address.as_str(), variable));
        }
    }
    let members = found.iter().map(|(cluster, engine, address, password)| StarterMember {
        cluster,
        engine,
        address,
        user,
        password,
    });
    let schema = format!("./{SCHEMA}");
    let ask = Starter { fleet: &name, schema: &schema, vault: VAULT, key: KEY, members: members.collect() };
    let text = fleet::starter(&ask, &|sentence| context.words.say(sentence));
    let shown = context.settings.file.display().to_string();
    let absolute = directory.display().to_string();
    let input = fleet::Input { file: &shown, directory: &absolute, bytes: text.as_bytes(), facts: &Ideal };
    let reading = fleet::read(&input, engines);
    if finding::any_error(&reading.findings) {
        return Err(Stop::Findings(reading.findings));
    }
    Ok(text)
}

/// The folder's name, as far as it can be a fleet's name.
fn name_of(directory: &Path) -> String {
    let folder = directory.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let allowed = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let name: String = folder.chars().map(allowed).take(Name::LENGTH_MAX).collect();
    let name = name.trim_matches(|c: char| c == '-' || c.is_ascii_digit()).trim_matches('-');
    if Name::parse(name).is_some() { name.to_owned() } else { "fleet".to_owned() }
}

/// What is written must lie where it is said to lie, and a key that a link leads to is not known to be there.
fn refuse_link(path: &Path) -> Result<()> {
    let Ok(target) = std::fs::read_link(path) else { return Ok(()) };
    let what = Text::new("cli-init-link")
        .with("path", path.display().to_string())
        .with("target", target.display().to_string());
    Err(Error::new(Kind::Exists, what).cure(Text::new("cli-init-link-cure")))
}

/// Writes a file that is not there yet; tells whether it did.
fn write_unless_there(path: &Path, text: &str) -> Result<Text> {
    let shown = path.display().to_string();
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Ok(Text::new("cli-init-kept").with("path", shown));
        }
        opened => opened.map_err(|error| unwritable(path, &error))?,
    };
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| unwritable(path, &error))?;
    Ok(Text::new("cli-init-wrote").with("path", shown))
}

/// Appends to `.gitignore` what it lacks; `None` when it lacks nothing.
fn hide_from_version_control(directory: &Path) -> Result<Option<Text>> {
    let path: PathBuf = directory.join(IGNORE);
    let known = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.map_err(|error| unwritable(&path, &error))?,
    };
    let lacking: Vec<&str> =
        UNVERSIONED.into_iter().filter(|entry| !known.lines().any(|line| line.trim() == *entry)).collect();
    if lacking.is_empty() {
        return Ok(None);
    }
    let mut more = if known.is_empty() || known.ends_with('\n') { String::new() } else { "\n".to_owned() };
    more.push_str(&lacking.join("\n"));
    more.push('\n');
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .map_err(|error| unwritable(&path, &error))?;
    file.write_all(more.as_bytes()).map_err(|error| unwritable(&path, &error))?;
    Ok(Some(
        Text::new("cli-init-ignored")
            .with("path", path.display().to_string())
            .with("entries", lacking.join(" ")),
    ))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::io(Text::new("cli-file-unwritable").with("path", path.display().to_string()), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lends_its_name_where_it_can() {
        for (folder, name) in [
            ("/srv/Harbour_Main", "harbour-main"),
            ("/", "fleet"),
            ("/x/2024", "fleet"),
            ("/x/港口", "fleet"),
        ] {
            assert_eq!(name_of(Path::new(folder)), name);
        }
    }

    #[test]
    fn what_version_control_ignores_is_added_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".gitignore");
        std::fs::write(&path, "target\n/vault/").expect("written");
        assert!(hide_from_version_control(folder.path()).expect("added").is_some());
        assert!(hide_from_version_control(folder.path()).expect("known").is_none());
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!(text, "target\n/vault/\n.roadstead/\n/vault.key\n/secrets/\n");
    }
}

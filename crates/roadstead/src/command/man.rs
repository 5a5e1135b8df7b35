//! `roadstead man`: the manual, as pages in roff.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command, value_parser};
use roadstead_core::{Error, Result, Text};
use serde_json::json;

use super::shape;
use crate::{
    context::{Answer, Context, Outcome},
    render::{self, Words},
};

pub(crate) fn define(words: &Words) -> Command {
    let out =
        shape::option(words, "out", "FOLDER", "cli-option-man-out").value_parser(value_parser!(PathBuf));
    let page = shape::positional(words, "command", "COMMAND", "cli-arg-man-command");
    shape::verb(words, "man").arg(page).arg(out)
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let mut tree = super::tree(&context.words, &*crate::engines::registry());
    tree.build();
    if let Some(folder) = matches.get_one::<PathBuf>("out") {
        return write_all(context, &tree, folder);
    }
    let asked = matches.get_one::<String>("command");
    let command = match asked {
        None => tree,
        Some(name) => tree.find_subcommand(name).cloned().ok_or_else(|| {
            Error::new(roadstead_core::Kind::Input, Text::new("cli-usage-command").with("command", name))
                .cure(Text::new("cli-usage-help"))
        })?,
    };
    let text = page(&context.words, command)?;
    let json = json!({ "page": text });
    Ok(Answer::done(text, json))
}

fn write_all(context: &Context, tree: &Command, folder: &Path) -> Outcome {
    let unwritable = |path: &Path, error: &std::io::Error| {
        Error::io(Text::new("cli-file-unwritable").with("path", path.display().to_string()), error)
    };
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let shown = tree.get_subcommands().filter(|command| !command.is_hide_set());
    let mut written = Vec::new();
    for command in std::iter::once(tree).chain(shown) {
        let name = if command.get_name() == tree.get_name() {
            format!("{}.1", tree.get_name())
        } else {
            format!("{}-{}.1", tree.get_name(), command.get_name())
        };
        let path = folder.join(name);
        std::fs::write(&path, page(&context.words, command.clone())?)
            .map_err(|error| unwritable(&path, &error))?;
        written.push(path.display().to_string());
    }
    let told = Text::new("cli-man-written")
        .with("count", written.len())
        .with("folder", folder.display().to_string());
    Ok(Answer::done(format!("{}\n", context.words.say(&told)), json!({ "files": written })))
}

/// The headings that the renderer writes in English, and the keys of ours.
const HEADINGS: [(&str, &str); 7] = [
    ("NAME", "cli-man-name"),
    ("SYNOPSIS", "cli-man-synopsis"),
    ("DESCRIPTION", "cli-man-description"),
    ("OPTIONS", "cli-man-options"),
    ("SUBCOMMANDS", "cli-man-subcommands"),
    ("EXTRA", "cli-man-extra"),
    ("VERSION", "cli-man-version"),
];

fn page(words: &Words, command: Command) -> Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).map_err(Error::internal)?;
    let mut text = String::new();
    for line in String::from_utf8_lossy(&page).lines() {
        let heading = line.strip_prefix(".SH ").map(|heading| heading.trim_matches('"'));
        match HEADINGS.iter().find(|(english, _)| Some(*english) == heading) {
            Some((_, key)) => render::append(&mut text, &format!(".SH \"{}\"", words.word(key))),
            None => render::append(&mut text, line),
        }
    }
    Ok(text)
}

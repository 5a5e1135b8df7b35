//! `roadstead completion`: the script that completes this command line in a shell.

use clap::{ArgMatches, Command, value_parser};
use clap_complete::Shell;
use serde_json::json;

use super::shape;
use crate::{
    context::{Answer, Context},
    render::Words,
};

pub(crate) fn define(words: &Words) -> Command {
    let shell =
        shape::positional(words, "shell", "SHELL", "cli-arg-shell").value_parser(value_parser!(Shell));
    shape::verb(words, "completion").arg(shell.required(true).hide_possible_values(true))
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Answer {
    let shell = *matches.get_one::<Shell>("shell").expect("clap demands a shell");
    let mut tree = super::tree(&context.words, &*crate::engines::registry());
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut tree, "roadstead", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let json = json!({ "shell": shell.to_string(), "script": script });
    Answer::done(script, json)
}

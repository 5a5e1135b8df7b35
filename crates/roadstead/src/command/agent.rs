//! `roadstead agent`, hidden: serves as this host's agent until it is told to end. Commands start it by themselves.

use std::path::PathBuf;

use clap::{ArgMatches, Command, value_parser};
use roadstead_agent::ServeOptions;
use roadstead_core::{
    Error, Kind, Text,
    model::{HostSpec, Name},
};
use serde_json::json;

use super::shape;
use crate::{
    context::{Answer, Outcome, block_on},
    house,
    render::Words,
};

pub(crate) fn define(words: &Words) -> Command {
    let socket = shape::option(words, "socket", "PATH", "cli-option-agent-socket")
        .value_parser(value_parser!(PathBuf));
    let fleet = shape::option(words, "fleet", "NAME", "cli-option-agent-fleet");
    let file = shape::option(words, "fleet-file", "PATH", "cli-option-agent-fleet-file");
    let host = shape::option(words, "host", "JSON", "cli-option-agent-host");
    shape::verb(words, "agent").hide(true).args([socket, fleet, file, host].map(|arg| arg.required(true)))
}

pub(crate) fn run(matches: &ArgMatches) -> Outcome {
    let wrong = |what: &str| Error::new(Kind::Input, Text::new("cli-usage-other").with("what", what));
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str).unwrap_or_default();
    let fleet = Name::parse(text("fleet")).ok_or_else(|| wrong("--fleet"))?;
    let host: HostSpec =
        serde_json::from_str(text("host")).map_err(|error| wrong("--host").caused_by(&error))?;
    let socket = matches.get_one::<PathBuf>("socket").expect("clap demands a socket").clone();
    let fleet_file = text("fleet-file").to_owned();
    let options =
        ServeOptions { socket, fleet, fleet_file, host, version: env!("CARGO_PKG_VERSION").to_owned() };
    block_on(roadstead_agent::serve(options, house::hand_parts()))??;
    Ok(Answer::done("", json!({ "ended": true })))
}

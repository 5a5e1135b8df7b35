//! `roadstead schema`: the JSON Schema of the fleet file, from the same types that read it.

use clap::Command;

use super::shape;
use crate::{
    context::Answer,
    render::{Words, json},
};

pub(crate) fn define(words: &Words) -> Command {
    shape::verb(words, "schema")
}

pub(crate) fn run() -> Answer {
    let schema = roadstead_core::fleet::schema();
    Answer::done(json::pretty(&schema), schema)
}

//! `roadstead schema`: the JSON Schema of the fleet file, from the same types that read it.

use clap::Command;

use super::shape;
use crate::{
    context::{Answer, Outcome},
    render::{Words, json},
};

pub(crate) fn define(words: &Words) -> Command {
    shape::verb(words, "schema")
}

pub(crate) fn run() -> Outcome {
    let schema = roadstead_core::fleet::schema();
    Ok(Answer::done(json::pretty(&schema), schema))
}

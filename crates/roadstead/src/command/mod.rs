//! The verbs: one file each. Here: the tree of commands, and which of them runs.
//!
//! Words come from the catalogue at run time, so that help speaks the user's language too.

mod check;
mod completion;
mod init;
mod man;
mod schema;
mod secret;
pub(crate) mod shape;

use clap::{ArgMatches, Command};
use roadstead_core::{Error, port::Engines};

use crate::{
    context::{Context, Outcome},
    render::Words,
};

/// The whole command line.
pub(crate) fn tree(words: &Words, engines: &dyn Engines) -> Command {
    let root = Command::new("roadstead")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .args(shape::global(words))
        .subcommands([
            init::define(words, engines),
            check::define(words),
            schema::define(words),
            secret::define(words),
            completion::define(words),
            man::define(words),
        ]);
    shape::finish(words, root)
}

/// Runs the command that was asked for.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let (verb, matches) =
        matches.subcommand().ok_or_else(|| Error::internal("clap lets no command through"))?;
    match verb {
        "init" => init::run(context, matches, &*crate::engines::registry()),
        "check" => check::run(context, matches),
        "schema" => schema::run(),
        "secret" => secret::run(context, matches),
        "completion" => completion::run(context, matches),
        "man" => man::run(context, matches),
        other => Err(Error::internal(format!("no command {other}")).into()),
    }
}

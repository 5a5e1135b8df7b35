//! The verbs: one file each. Here: the tree of commands, and which of them runs.
//!
//! Words come from the catalogue at run time, so that help speaks the user's language too.

mod agent;
mod apply;
mod backup;
mod backups;
mod check;
mod completion;
mod demo;
mod destination;
mod explain;
mod init;
mod journal;
mod man;
mod plan;
mod restore;
mod schema;
mod secret;
pub(crate) mod shape;
mod status;
mod up;
pub(crate) mod vault;
mod verify;

use clap::{ArgMatches, Command};
use roadstead_core::{Error, port::Engines};

use crate::{
    context::{Context, Outcome},
    engines,
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
            explain::define(words),
            schema::define(words),
            plan::define(words),
            apply::define(words),
            up::define(words),
            up::define_down(words),
            status::define(words),
            backup::define(words),
            backups::define(words),
            verify::define(words),
            restore::define(words),
            journal::define(words),
            journal::define_resume(words),
            secret::define(words),
            vault::define(words),
            demo::define(words),
            completion::define(words),
            man::define(words),
            agent::define(words),
        ]);
    shape::finish(words, root)
}

/// The command's words without any value, as others are told what holds the fleet.
pub(crate) fn named(matches: &ArgMatches) -> String {
    let mut name = "roadstead".to_owned();
    let mut below = matches.subcommand();
    while let Some((verb, matches)) = below {
        name.push(' ');
        name.push_str(verb);
        below = matches.subcommand();
    }
    name
}

/// Runs the command that was asked for.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let (verb, matches) =
        matches.subcommand().ok_or_else(|| Error::internal("clap lets no command through"))?;
    match verb {
        "init" => init::run(context, matches, &*engines::registry()),
        "check" => check::run(context, matches),
        "explain" => explain::run(context, matches),
        "schema" => Ok(schema::run()),
        "plan" => plan::run(context, matches),
        "apply" => apply::run(context, matches),
        "up" => up::run(context, matches),
        "down" => up::run_down(context, matches),
        "status" => status::run(context, matches),
        "backup" => backup::run(context, matches),
        "backups" => backups::run(context, matches),
        "verify" => verify::run(context, matches),
        "restore" => restore::run(context, matches),
        "journal" => journal::run(context, matches),
        "resume" => journal::run_resume(context, matches),
        "secret" => secret::run(context, matches),
        "vault" => vault::run(context, matches),
        "demo" => demo::run(context, &*engines::registry()),
        "completion" => Ok(completion::run(context, matches)),
        "man" => man::run(context, matches),
        "agent" => agent::run(matches),
        other => Err(Error::internal(format!("no command {other}")).into()),
    }
}

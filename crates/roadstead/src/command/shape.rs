//! How commands and options are built, so that each verb's file says only what is its own.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::render::Words;

/// A command whose sentence is `cli-about-<verb>`.
pub(crate) fn verb(words: &Words, name: &'static str) -> Command {
    about(words, name, name)
}

/// A command below another, whose sentence is `cli-about-<parent>-<verb>`.
pub(crate) fn nested(words: &Words, parent: &str, name: &'static str) -> Command {
    about(words, name, &format!("{parent}-{name}"))
}

fn about(words: &Words, name: &'static str, key: &str) -> Command {
    Command::new(name).about(words.word(&format!("cli-about-{key}")))
}

/// An option with a value.
pub(crate) fn option(words: &Words, name: &'static str, value: &'static str, help: &str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(words.word(help))
}

/// An option without a value.
pub(crate) fn flag(words: &Words, name: &'static str, help: &str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(words.word(help))
}

/// An argument that may be left out.
pub(crate) fn positional(words: &Words, name: &'static str, value: &'static str, help: &str) -> Arg {
    Arg::new(name).value_name(value).help(words.word(help))
}

/// Any number of clusters; also by the option that other commands name them by.
pub(crate) fn clusters(words: &Words) -> [Arg; 2] {
    let named = positional(words, "clusters", "CLUSTER", "cli-arg-clusters").num_args(0..);
    [named, cluster(words).hide(true)]
}

/// The clusters that were named, either way.
pub(crate) fn named_clusters(matches: &ArgMatches) -> Vec<String> {
    [many(matches, "clusters"), many(matches, "cluster")].concat()
}

/// `--cluster`, for commands whose arguments are something else.
pub(crate) fn cluster(words: &Words) -> Arg {
    option(words, "cluster", "CLUSTER", "cli-arg-clusters").action(ArgAction::Append)
}

/// All values of an argument.
pub(crate) fn many(matches: &ArgMatches, name: &str) -> Vec<String> {
    matches.get_many::<String>(name).into_iter().flatten().cloned().collect()
}

/// `--dry-run`: show the plan and do nothing.
pub(crate) fn dry_run(words: &Words) -> Arg {
    flag(words, "dry-run", "cli-option-dry-run").short('n')
}

/// The options of every command.
pub(crate) fn global(words: &Words) -> Vec<Arg> {
    let file =
        option(words, "file", "FILE", "cli-option-file").short('f').value_parser(value_parser!(PathBuf));
    let lang = option(words, "lang", "LANGUAGE", "cli-option-lang")
        .value_parser(["en", "zh"])
        .hide_possible_values(true);
    let color = option(words, "color", "WHEN", "cli-option-color");
    let color = color.value_parser(["auto", "always", "never"]).hide_possible_values(true);
    let yes =
        option(words, "yes", "NAME,…", "cli-option-yes").short('y').num_args(0..=1).hide_default_value(true);
    let yes = yes.require_equals(true).default_missing_value("");
    let verbose = Arg::new("verbose")
        .short('v')
        .long("verbose")
        .action(ArgAction::Count)
        .help(words.word("cli-option-verbose"));
    let help =
        Arg::new("help").short('h').long("help").action(ArgAction::Help).help(words.word("cli-option-help"));
    let all = [file, flag(words, "json", "cli-option-json"), lang, color, yes, verbose, help];
    all.into_iter().map(|arg| arg.global(true)).collect()
}

/// Headings, usage and order in the user's language, on the root and on everything below it.
pub(crate) fn finish(words: &Words, root: Command) -> Command {
    let version = Arg::new("version")
        .short('V')
        .long("version")
        .action(ArgAction::Version)
        .help(words.word("cli-option-version"));
    let root = root.about(words.word("cli-about")).disable_version_flag(true).arg(version);
    head(words, root.after_help(words.word("cli-help-after")))
}

fn head(words: &Words, command: Command) -> Command {
    let template = format!(
        "{{about-with-newline}}\n{} {{usage}}\n\n{{all-args}}{{after-help}}",
        words.word("cli-help-usage")
    );
    let (arguments, options, global) =
        (kept(words, "cli-help-arguments"), kept(words, "cli-help-options"), kept(words, "cli-help-global"));
    command
        .help_template(template)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .subcommand_help_heading(kept(words, "cli-help-commands"))
        .subcommand_value_name(kept(words, "cli-help-command"))
        .mut_args(|arg| {
            let heading = if arg.is_positional() {
                arguments
            } else if arg.is_global_set() || arg.get_id() == "version" {
                global
            } else {
                options
            };
            arg.help_heading(heading)
        })
        .mut_subcommands(|below| head(words, below))
}

/// Headings live as long as the process: the tree is built once or twice in it, and clap takes only such text here.
fn kept(words: &Words, key: &str) -> &'static str {
    Box::leak(words.word(key).into_boxed_str())
}

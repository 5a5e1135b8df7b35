//! The binary: reads the command line, has the command answered, prints the answer, exits with its code.
//!
//! Nothing is decided or done here; everything that a user reads passes through `render`.

mod agent_door;
mod at_work;
mod command;
mod consent;
mod context;
mod engines;
mod fleet_file;
mod house;
mod operation;
mod regular;
mod render;
mod secrets;
mod settings;
mod shelf;
mod signals;
mod surroundings;

use std::{
    ffi::OsString,
    io::{IsTerminal, Write},
    process::ExitCode,
};

use roadstead_core::{Error, Finding, Text};

use context::{Answer, Context, Exit, Stop};
use render::{Paint, Words};
use settings::{Language, Settings};

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let words = Words::new(Language::chosen(&args), &engines::catalogues());
    let wants_json = settings::wants_json(&args);
    let tree = command::tree(&words, &*engines::registry());
    let matches = match tree.try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => return usage(&words, &error, wants_json),
    };
    let settings = Settings::from_matches(&matches);
    trace(&settings);
    let paint = Paint::new(settings.color.choose(&std::io::stdout()));
    let context = Context::new(settings, words, paint, command::named(&matches));
    let ran =
        house::refuse_clock(house::now()).map_err(Into::into).and_then(|()| command::run(&context, &matches));
    let answer = ran.unwrap_or_else(|stop| refuse(&context, stop));
    print(&context, answer)
}

/// What clap has to say: help and version on standard output, mistakes on standard error.
fn usage(words: &Words, error: &clap::Error, json: bool) -> ExitCode {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    match error.kind() {
        DisplayHelp | DisplayVersion => {
            let ansi = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let told = if ansi { error.render().ansi().to_string() } else { error.render().to_string() };
            write_out(words, &render::usage::localised(words, &told), Exit::Done)
        }
        DisplayHelpOnMissingArgumentOrSubcommand => {
            let told = render::usage::localised(words, &error.render().to_string());
            write_err(&told);
            Exit::Input.code()
        }
        _ => {
            let found = render::usage::mistake(error);
            if json {
                let told = render::json::pretty(&render::json::error(words, &found));
                return write_out(words, &told, Exit::Input);
            }
            let paint = Paint::new(settings::Color::Auto.choose(&std::io::stderr()));
            write_err(&render::error::lines(words, paint, &found));
            Exit::Input.code()
        }
    }
}

/// Turns what stopped a command into an answer: on standard error for people, on standard output as JSON.
fn refuse(context: &Context, stop: Stop) -> Answer {
    let paint = Paint::new(context.settings.color.choose(&std::io::stderr()));
    let words = &context.words;
    match stop {
        Stop::Failed(error) => {
            if !context.settings.json {
                write_err(&render::error::lines(words, paint, &error));
            }
            let exit = Exit::of(error.kind);
            Answer { exit, text: String::new(), json: render::json::error(words, &error) }
        }
        Stop::Findings(findings) => stand_against(context, paint, &findings, Exit::Input),
        Stop::Refused(findings) => stand_against(context, paint, &findings, Exit::No),
    }
}

fn stand_against(context: &Context, paint: Paint, findings: &[Finding], exit: Exit) -> Answer {
    if !context.settings.json {
        write_err(&render::finding::all(&context.words, paint, findings));
    }
    let json = serde_json::json!({ "findings": render::json::findings(&context.words, findings) });
    Answer { exit, text: String::new(), json }
}

fn print(context: &Context, mut answer: Answer) -> ExitCode {
    if answer.exit == Exit::Interrupted && signals::hung_up() {
        answer.exit = Exit::HungUp;
    }
    if context.settings.json {
        write_out(&context.words, &render::json::pretty(&answer.json), answer.exit)
    } else {
        write_out(&context.words, &answer.text, answer.exit)
    }
}

/// Writes the answer. Who closed the pipe has read enough, and a terminal that went away hears nothing; any other failure
/// to tell is a failure, and told where that is still possible.
fn write_out(words: &Words, text: &str, exit: Exit) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe && exit != Exit::HungUp => {
            let error = Error::io(Text::new("cli-output-lost"), &error);
            let paint = Paint::new(settings::Color::Auto.choose(&std::io::stderr()));
            write_err(&render::error::lines(words, paint, &error.cure(Text::new("cli-output-lost-cure"))));
            if exit == Exit::Done { Exit::No.code() } else { exit.code() }
        }
        _ => exit.code(),
    }
}

/// Writes part of an answer early. A closed pipe is noticed when the rest is written.
fn write_now(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Standard error is the last resort: when it is gone too, nobody is left to be told.
fn write_err(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn trace(settings: &Settings) {
    use tracing_subscriber::{EnvFilter, fmt};
    let level = match settings.verbose {
        0 => return,
        1 => {
            "roadstead=info,roadstead_core=info,roadstead_control=info,roadstead_agent=info,roadstead_engines=info,roadstead_vault=info"
        }
        2 => {
            "info,roadstead=debug,roadstead_core=debug,roadstead_control=debug,roadstead_agent=debug,roadstead_engines=debug,roadstead_vault=debug"
        }
        _ => "trace",
    };
    let filter = EnvFilter::new(level);
    let ansi = settings.color.choose(&std::io::stderr());
    fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr).init();
}

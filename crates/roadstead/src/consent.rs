//! Consent to a plan: given beforehand, or asked for on a terminal.
//!
//! A bare yes is enough for all but the loss of data; that needs the names of what is lost.

use std::io::IsTerminal;

use roadstead_core::{Error, Kind, Result, Text, plan::Plan};

use crate::{context::Context, settings::Yes};

/// Consent to a plan. A resumption asks anew for what it would lose: since it was interrupted, clients may have come.
pub(crate) fn to_plan(context: &Context, plan: &Plan) -> Result<()> {
    to_losses(context, &plan.loses_data_of())
}

/// Consent to something that loses the data of these; of none: to something harmless.
pub(crate) fn to_losses(context: &Context, losses: &[&str]) -> Result<()> {
    let lacking = context.settings.yes.lacking(losses);
    if context.settings.yes != Yes::No && lacking.is_empty() {
        return Ok(());
    }
    let on_terminal =
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !context.settings.json;
    if !on_terminal {
        let names = losses.join(",");
        return Err(if losses.is_empty() {
            Error::new(Kind::Input, Text::new("cli-consent-missing"))
                .cure(Text::new("cli-consent-missing-cure"))
        } else {
            Error::new(Kind::Input, Text::new("cli-consent-names").with("names", losses.join(", ")))
                .cure(Text::new("cli-consent-names-cure").with("names", names))
        });
    }
    if losses.is_empty() {
        let answer = ask(context, &Text::new("cli-consent-ask"))?;
        let yes = ["y", "yes", "是"].contains(&answer.trim().to_lowercase().as_str());
        return if yes { Ok(()) } else { Err(refused()) };
    }
    for name in lacking {
        if ask(context, &Text::new("cli-consent-type").with("name", name))?.trim() != name {
            return Err(refused());
        }
    }
    Ok(())
}

fn refused() -> Error {
    Error::new(Kind::Precondition, Text::new("cli-consent-refused"))
}

fn ask(context: &Context, question: &Text) -> Result<String> {
    let terminal = console::Term::stderr();
    let io = |error: &std::io::Error| Error::io(Text::new("cli-consent-unread"), error);
    terminal.write_str(&format!("{} ", context.words.say(question))).map_err(|error| io(&error))?;
    terminal.read_line().map_err(|error| io(&error))
}

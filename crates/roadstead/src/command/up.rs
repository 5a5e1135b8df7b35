//! `roadstead up` and `roadstead down`: everything as declared; everything stopped, with its data kept.

use clap::{ArgMatches, Command};
use roadstead_control::Controller;
use roadstead_core::{Finding, Result, Text, plan::Aim};

use super::shape;
use crate::{
    agent_door,
    context::{Answer, Context, Exit, Outcome, block_on},
    fleet_file, house,
    operation::{self, Manner},
    render::{self, Words},
};

pub(crate) fn define(words: &Words) -> Command {
    shape::verb(words, "up").args(shape::clusters(words)).arg(shape::dry_run(words))
}

pub(crate) fn define_down(words: &Words) -> Command {
    shape::verb(words, "down").args(shape::clusters(words)).arg(shape::dry_run(words))
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load(context)?;
    let clusters = fleet_file::clusters(&loaded.fleet, &shape::named_clusters(matches))?;
    let controller = house::controller(context, &loaded)?;
    let manner = Manner { dry_run: matches.get_flag("dry-run"), asks: true, agent: true };
    let aim = Aim::Apply { clusters };
    block_on(operation::carry_out(context, &loaded, &controller, &aim, &manner))?
}

pub(crate) fn run_down(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load_text(context)?;
    let clusters = fleet_file::clusters(&loaded.fleet, &shape::named_clusters(matches))?;
    let controller = house::controller(context, &loaded)?;
    let manner = Manner { dry_run: matches.get_flag("dry-run"), asks: true, agent: false };
    let everything = clusters.is_empty();
    block_on(async {
        let mut answer =
            operation::carry_out(context, &loaded, &controller, &Aim::Down { clusters }, &manner).await?;
        if everything && !manner.dry_run && answer.exit == Exit::Done {
            end_agent(context, &controller, &mut answer).await?;
        }
        Ok(answer)
    })?
}

/// Ends the agent, unless it still watches something: that is told. Only servers of another fleet file that is there are
/// no reason to say that this one is down in part.
async fn end_agent(context: &Context, controller: &Controller, answer: &mut Answer) -> Result<()> {
    let seen = controller.survey(None).await;
    let agent = seen.hosts.values().find_map(|host| host.agent.as_ref());
    if let Some(agent) = agent.filter(|agent| !agent.watches.is_empty()) {
        let fleet_file = &controller.fleet().file;
        let is_others = agent.watches.iter().all(|one| one.has_file && one.fleet_file != *fleet_file);
        let homes: Vec<String> =
            agent.watches.iter().map(|one| format!("{} ({})", one.home, one.fleet_file)).collect();
        let what =
            Text::new("cli-agent-watches").with("pid", agent.pid.to_string()).with("homes", homes.join(", "));
        let finding = if is_others { Finding::note("", what) } else { Finding::warning("", what) };
        let finding = finding.cure(Text::new("cli-agent-watches-cure"));
        render::append(&mut answer.text, &render::finding::one(&context.words, context.paint, &finding));
        answer.json["agent_ended"] = false.into();
        answer.json["agent_watches"] = render::json::findings(&context.words, &[finding]);
        if !is_others {
            answer.exit = Exit::Partly;
        }
        return Ok(());
    }
    let ended = agent_door::end(controller.state()).await?;
    if ended {
        render::append(&mut answer.text, &context.words.say(&Text::new("cli-agent-ended")));
    }
    answer.json["agent_ended"] = ended.into();
    Ok(())
}

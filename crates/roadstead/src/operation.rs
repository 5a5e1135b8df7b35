//! How every changing command goes: hold the fleet, decide, show, ask, carry out, report.
//!
//! Nothing that loses data is done without the names of what is lost, typed or given.

use std::{sync::Arc, time::Duration};

use roadstead_control::{Controller, FleetLock, Report};
use roadstead_core::{
    Result, Text, finding,
    plan::{Act, Aim, Decision, Plan},
    port::journal::{Ended, Operation},
};
use serde_json::json;

use crate::{
    agent_door,
    command::vault,
    consent,
    context::{Answer, Context, Exit, Outcome, Stop},
    fleet_file::Loaded,
    render::{self, Paint, Tone, progress::Course},
    secrets::missing,
    signals::{Heard, Signals},
};

/// How a command wants its operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manner {
    /// Show the plan and stop.
    pub(crate) dry_run: bool,
    /// Ask before anything is done.
    pub(crate) asks: bool,
    /// Have an agent serve, so that what is started is watched.
    pub(crate) agent: bool,
}

/// Decides on an aim and carries it out.
pub(crate) async fn carry_out(
    context: &Context,
    loaded: &Loaded,
    controller: &Controller,
    aim: &Aim,
    manner: &Manner,
) -> Outcome {
    if manner.dry_run {
        return show(context, loaded, &controller.decide(aim).await);
    }
    let held = controller.hold()?;
    tell_of_interrupted(context, controller)?;
    if matches!(aim, Aim::Apply { .. }) {
        // A password that was lost is another one from now on: the plan must see it.
        missing::generate(context, loaded, controller, false).await?;
    }
    let decision = controller.decide(aim).await;
    decided(context, loaded, controller, &held, decision, manner).await
}

/// Carries out what was decided, after showing it and asking.
pub(crate) async fn decided(
    context: &Context,
    loaded: &Loaded,
    controller: &Controller,
    held: &FleetLock,
    decision: Decision,
    manner: &Manner,
) -> Outcome {
    let Decision { plan, findings } = decision;
    let findings = loaded.placed(findings);
    if finding::any_error(&findings) {
        return Err(Stop::Refused(findings));
    }
    let findings = with_warnings(loaded, &plan.aim, findings);
    let findings_text: String =
        findings.iter().map(|found| render::finding::one(&context.words, context.paint, found)).collect();
    if plan.is_empty() {
        if manner.agent {
            agent_door::start(context, controller.state(), &loaded.fleet, &plan).await?;
        }
        return Ok(nothing_to_do(context, &plan, &findings_text, &findings));
    }
    let asks = manner.asks && plan.steps.iter().any(|step| step.act.changes());
    if asks {
        context.tell(&findings_text);
        context.tell(&render::plan::lines(&context.words, context.paint, &plan));
        consent::to_plan(context, &plan)?;
    }
    prepare(context, loaded, controller, &plan, manner).await?;
    let (report, course) = run(context, controller, held, &plan).await?;
    let text = render::report::lines(&context.words, context.paint, &report, &course);
    let text = if asks { text } else { format!("{findings_text}{text}") };
    let json = json!({
        "plan": render::plan::document(&context.words, &plan),
        "findings": render::json::findings(&context.words, &findings),
        "report": render::report::document(&context.words, &report, &course),
    });
    Ok(Answer::done(text, json).exit(exit(&report, &plan.aim)))
}

/// Makes what the plan takes for granted: secrets that only this fleet knows, vaults, an agent.
async fn prepare(
    context: &Context,
    loaded: &Loaded,
    controller: &Controller,
    plan: &Plan,
    manner: &Manner,
) -> Result<()> {
    if plan.steps.iter().any(|step| !matches!(step.act, Act::Stop(_))) {
        // A backup asks its vaults one by one.
        let needs_vault = |act: &Act| act.vault().is_some() && !matches!(act, Act::Take(_));
        let vault_needed = plan.steps.iter().any(|step| needs_vault(&step.act));
        missing::generate(context, loaded, controller, vault_needed).await?;
    }
    let taken_into = plan.steps.iter().filter(|step| matches!(step.act, Act::Take(_)));
    let vaults: Vec<_> =
        taken_into.filter_map(|step| step.act.vault()).map(|vault| vault.name.clone()).collect();
    vault::make_missing(context, controller, &vaults).await?;
    if manner.agent {
        agent_door::start(context, controller.state(), &loaded.fleet, plan).await?;
    }
    Ok(())
}

/// The plan and why; for `plan` and for every `--dry-run`.
pub(crate) fn show(context: &Context, loaded: &Loaded, decision: &Decision) -> Outcome {
    let Decision { plan, findings } = decision;
    let findings = loaded.placed(findings.clone());
    if finding::any_error(&findings) {
        return Err(Stop::Refused(findings));
    }
    let findings = &with_warnings(loaded, &plan.aim, findings);
    let text: String =
        findings.iter().map(|found| render::finding::one(&context.words, context.paint, found)).collect();
    if plan.is_empty() {
        return Ok(nothing_to_do(context, plan, &text, findings));
    }
    let json = json!({
        "plan": render::plan::document(&context.words, plan),
        "findings": render::json::findings(&context.words, findings),
    });
    Ok(Answer::done(text + &render::plan::lines(&context.words, context.paint, plan), json))
}

/// What making the fleet as declared should tell besides: warnings about the declaration.
fn with_warnings(loaded: &Loaded, aim: &Aim, findings: Vec<finding::Finding>) -> Vec<finding::Finding> {
    let mut all = if matches!(aim, Aim::Apply { .. }) { loaded.warnings() } else { Vec::new() };
    all.extend(findings);
    all
}

fn nothing_to_do(context: &Context, plan: &Plan, before: &str, findings: &[finding::Finding]) -> Answer {
    let told = context.paint.tone(Tone::Good, &context.words.word("cli-plan-nothing"));
    let json = json!({
        "plan": render::plan::document(&context.words, plan),
        "findings": render::json::findings(&context.words, findings),
    });
    Answer::done(format!("{before}{told}\n"), json)
}

/// Runs a plan under the eyes of the terminal; the first signal asks for a stop, the second ends the process.
async fn run(
    context: &Context,
    controller: &Controller,
    held: &FleetLock,
    plan: &Plan,
) -> Result<(Report, Arc<Course>)> {
    let paint = Paint::new(context.settings.color.choose(&std::io::stderr()));
    let course = Arc::new(Course::new(Arc::clone(&context.words), paint, !context.settings.json));
    let audience: Arc<dyn roadstead_control::Audience> = course.clone();
    let report = attended(context, &course, controller.run(held, plan, &audience)).await??;
    Ok((report, course))
}

/// Does some work while the course is drawn and signals are heard.
pub(crate) async fn attended<T>(
    context: &Context,
    course: &Course,
    work: impl Future<Output = T>,
) -> Result<T> {
    let mut signals = Signals::hear()?;
    let mut beat = tokio::time::interval(Duration::from_millis(200));
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            _ = beat.tick() => course.tick(),
            heard = signals.next() => stop(context, course, heard),
        }
    }
}

#[expect(clippy::exit, reason = "the second signal means: now, whatever is left")]
fn stop(context: &Context, course: &Course, heard: Heard) {
    if course.cancel() {
        course.say(&context.words.word("cli-stopping"));
    } else if heard == Heard::Stop {
        std::process::exit(i32::from(Exit::Interrupted.number()));
    }
}

fn exit(report: &Report, aim: &Aim) -> Exit {
    match report.ended {
        Ended::Done | Ended::Resumed | Ended::GivenUp => Exit::Done,
        Ended::Cancelled => Exit::Interrupted,
        // Whether snapshots are whole is a question, and the answer is no.
        Ended::Failed if matches!(aim, Aim::Verify { .. } | Aim::Compare { .. }) => Exit::No,
        Ended::Failed if report.did_something() => Exit::Partly,
        Ended::Failed => Exit::No,
    }
}

/// Says that an earlier operation never ended. It does not stand in the way: plans start from where the world is.
fn tell_of_interrupted(context: &Context, controller: &Controller) -> Result<()> {
    let Some(Operation { id, plan, started, .. }) = controller.interrupted()? else { return Ok(()) };
    let short = id.get(..8).unwrap_or(&id);
    let told = Text::new("cli-interrupted-earlier")
        .with("operation", short)
        .with("aim", render::plan::aim(&plan.aim))
        .with("started", started.for_people());
    // By its id: once this plan has done something, another may be the newest that waits.
    let cure = Text::new("cli-interrupted-earlier-cure").with("operation", short);
    let finding = finding::Finding::warning("", told).cure(cure);
    if !context.settings.json {
        let paint = Paint::new(context.settings.color.choose(&std::io::stderr()));
        crate::write_err(&render::finding::one(&context.words, paint, &finding));
    }
    Ok(())
}

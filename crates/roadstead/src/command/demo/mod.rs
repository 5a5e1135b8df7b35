//! `roadstead demo`: the whole voyage on this machine. It runs the very commands that a user would type.
//!
//! All of it lives in one new folder; whatever happens, nothing is left running and the folder goes.

mod cargo;
mod scene;

use std::time::Instant;

use clap::Command;
use roadstead_core::{Error, Kind, Millis, Result, Text, port::Engines};
use serde_json::{Value, json};

use self::{cargo::Cargo, scene::Scene};
use super::shape;
use crate::{
    context::{Answer, Context, Outcome, block_on},
    render::{
        self, Tone, Words,
        table::{Cell, Table},
        time,
    },
    signals::Signals,
};

pub(crate) fn define(words: &Words) -> Command {
    shape::verb(words, "demo")
}

pub(crate) fn run(context: &Context, engines: &dyn Engines) -> Outcome {
    let cargo = Cargo::for_engines(engines)?;
    let scene = Scene::open(context, &cargo)?;
    let began = Instant::now();
    let (result, cleaned) = block_on(async {
        let result = until_interrupted(voyage(context, &scene, &cargo)).await;
        (result, scene.close().await)
    })?;
    let (steps, snapshots) = result?;
    cleaned?;
    let took = Millis::from(began.elapsed());
    let told = Text::new("cli-demo-done").with("took", time::took(took));
    let text = format!(
        "\n{}{}\n",
        table(&context.words, &snapshots).render(context.paint),
        context.words.say(&told)
    );
    Ok(Answer::done(text, json!({ "took_ms": took, "steps": steps, "snapshots": snapshots })))
}

/// Ctrl-C ends the voyage, not the cleaning up.
async fn until_interrupted<T>(voyage: impl Future<Output = Result<T>>) -> Result<T> {
    let mut signals = Signals::hear()?;
    tokio::select! {
        done = voyage => done,
        _ = signals.next() => Err(Error::new(Kind::Cancelled, Text::new("cli-demo-interrupted"))),
    }
}

/// Every step as it is told, and the snapshots as they stand in the end.
async fn voyage(context: &Context, scene: &Scene, cargo: &Cargo) -> Result<(Vec<Value>, Vec<Value>)> {
    let mut told = Teller { context, steps: Vec::new() };
    let names = cargo.titles();
    told.step(Text::new("cli-demo-up").with("engines", &names), scene.command(&["up", "--yes"])).await?;
    told.step(Text::new("cli-demo-fill").with("rows", cargo.rows()), scene.fill(cargo)).await?;
    told.step(Text::new("cli-demo-backup"), scene.command(&["backup"])).await?;
    told.step(Text::new("cli-demo-verify"), scene.command(&["verify"])).await?;
    let victim = cargo.victim();
    let destroy = Text::new("cli-demo-destroy").with("member", victim.member());
    told.step(destroy, scene.destroy(victim)).await?;
    let lost = format!("--yes={}", victim.member());
    let restore = ["restore", "latest", "--cluster", victim.cluster, &lost];
    told.step(Text::new("cli-demo-restore").with("member", victim.member()), scene.command(&restore)).await?;
    for held in cargo.all() {
        let compare = ["verify", "--live", "--cluster", held.cluster];
        told.step(Text::new("cli-demo-compare").with("member", held.member()), scene.command(&compare))
            .await?;
    }
    let snapshots = scene.snapshots().await?;
    let unproven = snapshots.iter().filter(|snapshot| snapshot["stage"] != "proven").count();
    if unproven > 0 || snapshots.len() != cargo.all().len() {
        return Err(Error::new(Kind::Corrupt, Text::new("cli-demo-unproven").with("count", unproven)));
    }
    told.step(Text::new("cli-demo-down"), scene.command(&["down", "--yes"])).await?;
    Ok((told.steps, snapshots))
}

/// Tells each step with a mark and its time.
struct Teller<'a> {
    context: &'a Context,
    steps: Vec<Value>,
}

impl Teller<'_> {
    async fn step<T>(&mut self, title: Text, work: impl Future<Output = Result<T>>) -> Result<T> {
        let began = Instant::now();
        let done = work.await;
        let took = Millis::from(began.elapsed());
        let title = self.context.words.say(&title);
        let line = render::progress::step_line(self.context.paint, done.is_ok(), &title, Some(took));
        self.context.tell(&format!("{line}\n"));
        self.steps.push(json!({ "title": title, "done": done.is_ok(), "took_ms": took }));
        done
    }
}

fn table(words: &Words, snapshots: &[Value]) -> Table {
    let heads = ["cluster", "version", "snapshot", "stage", "compared"];
    let mut table = Table::new(heads.into_iter().map(|head| words.word(&format!("cli-head-{head}"))));
    for snapshot in snapshots {
        let text = |name: &str| snapshot[name].as_str().unwrap_or("-").to_owned();
        let tone = if text("stage") == "proven" { Tone::Good } else { Tone::Bad };
        let compared =
            snapshot["history"].as_array().and_then(|all| all.iter().rfind(|e| !e["comparison"].is_null()));
        let figure = |name: &str| compared.and_then(|event| event["comparison"][name].as_u64()).unwrap_or(0);
        let told = Text::new("cli-demo-compared")
            .with("objects", figure("by_content") + figure("by_count") + figure("by_name"))
            .with("rows", figure("rows"));
        table.row(vec![
            Cell::new(text("cluster")),
            Cell::new(format!("{} {}", text("flavour"), text("version"))),
            Cell::new(text("id").get(..8).unwrap_or("-")),
            Cell::new(words.word(&format!("cli-stage-{}", text("stage")))).tone(tone),
            Cell::new(words.say(&told)),
        ]);
    }
    table
}

//! `roadstead explain`: every default and every derived setting, with the reason for it.

use clap::{ArgMatches, Command};
use roadstead_core::{
    Finding, Text,
    model::{ClusterSpec, Fleet, HostSpec, MemberHome, MemberSpec, Runtime},
    port::{
        Engine,
        engine::{Depth, Purpose, RenderAsk},
        layout::Layout,
    },
    seen::FleetSeen,
};
use serde_json::{Value, json};

use super::{shape, status};
use crate::{
    context::{Answer, Context, Outcome, block_on},
    engines, fleet_file, house,
    render::{
        self, Tone, Words,
        table::{Cell, Table},
    },
};

pub(crate) fn define(words: &Words) -> Command {
    shape::verb(words, "explain").args(shape::clusters(words))
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load(context)?;
    let asked = fleet_file::clusters(&loaded.fleet, &shape::named_clusters(matches))?;
    let controller = house::controller(context, &loaded)?;
    // Nobody's state matters here; the host's programs and memory do.
    let seen = block_on(controller.observe(Some(&[]), Depth::Brief, true))?;
    let mut text = head(&context.words, &loaded.fleet);
    let mut documents = Vec::new();
    let mut findings = Vec::new();
    for cluster in loaded.fleet.clusters.values().filter(|c| asked.is_empty() || asked.contains(&c.name)) {
        let Some(engine) = engines::registry().get(&cluster.engine) else { continue };
        text.push('\n');
        let of = |member| (member, layout(&loaded.fleet, &seen, engine.as_ref(), cluster, member));
        let layouts: Vec<_> = cluster.members.iter().map(of).collect();
        let known = layouts.iter().find_map(|(_, layout)| layout.as_ref()?.as_ref().ok());
        let name = context.words.say(&named(cluster, engine.as_ref(), known));
        render::append(&mut text, &context.paint.tone(Tone::Strong, &name));
        text.push_str(&described(context, cluster, engine.as_ref()));
        let mut members = Vec::new();
        for (member, layout) in layouts {
            match layout {
                None => members.push(json!({ "member": member.name, "endpoint": status::endpoint(member) })),
                Some(Ok(layout)) => {
                    text.push_str(&settings(context, &layout));
                    members.push(document(&context.words, member, &layout));
                }
                Some(Err(found)) => {
                    members.push(json!({ "member": member.name, "endpoint": status::endpoint(member) }));
                    findings.extend(found);
                }
            }
        }
        documents.push(json!({
            "cluster": cluster.name,
            "engine": cluster.engine,
            "guarantee": render::json::text(&context.words, &Text::new(engine.profile().guarantee)),
            "backup": cluster.backup,
            "members": members,
        }));
    }
    if documents.is_empty() {
        render::append(&mut text, &context.words.word("cli-clusters-none"));
    }
    for found in &findings {
        text.push_str(&render::finding::one(&context.words, context.paint, found));
    }
    let json = json!({
        "fleet": loaded.fleet.name,
        "vaults": loaded.fleet.vaults,
        "hosts": loaded.fleet.hosts,
        "clusters": documents,
        "findings": render::json::findings(&context.words, &findings),
    });
    Ok(Answer::done(text, json))
}

fn head(words: &Words, fleet: &Fleet) -> String {
    let mut text = format!("{}\n", words.say(&Text::new("cli-explain-fleet").with("fleet", &fleet.name)));
    for vault in fleet.vaults.values() {
        let told = Text::new("cli-explain-vault").with("vault", &vault.name).with("path", &vault.url);
        render::append(&mut text, &format!("  {}", words.say(&told)));
    }
    for HostSpec { name, data, user, .. } in fleet.hosts.values() {
        let told = Text::new("cli-explain-host").with("host", name).with("data", data);
        let whose = user.clone().unwrap_or_else(|| words.word("cli-explain-own-user"));
        render::append(&mut text, &format!("  {}", words.say(&told.with("user", whose))));
    }
    text
}

/// The cluster by what runs it here. Of what others run nobody knows flavour and version without asking.
fn named(cluster: &ClusterSpec, engine: &dyn Engine, layout: Option<&Layout>) -> Text {
    let profile = engine.profile();
    let key = match layout {
        Some(_) => "cli-explain-cluster",
        None if cluster.members.iter().any(MemberSpec::is_supervised) => "cli-explain-cluster-unseen",
        None => "cli-explain-cluster-managed",
    };
    let text = Text::new(key).with("cluster", &cluster.name).with("engine", profile.name);
    let Some(layout) = layout else { return text };
    let is_usual = layout.flavour.is_empty() || layout.flavour == profile.name;
    let flavour = if is_usual { profile.title } else { layout.flavour.as_str() };
    text.with("flavour", flavour).with("version", layout.version.to_string())
}

fn described(context: &Context, cluster: &ClusterSpec, engine: &dyn Engine) -> String {
    let words = &context.words;
    let mut lines = Vec::new();
    for member in &cluster.members {
        let key = if member.is_supervised() { "cli-explain-supervised" } else { "cli-explain-managed" };
        lines.push(Text::new(key).with("member", &member.name).with("endpoint", status::endpoint(member)));
    }
    lines.push(match &cluster.backup {
        Some(backup) => Text::new("cli-explain-backup")
            .with("vault", &backup.vault)
            .with("guarantee", Text::new(engine.profile().guarantee)),
        None => Text::new("cli-explain-no-backup"),
    });
    let mut text = String::new();
    for line in &lines {
        render::append(&mut text, &format!("  {}", words.say(line)));
    }
    text
}

/// The layout of a member that is run here; `None` for one reached by address.
fn layout(
    fleet: &Fleet,
    seen: &FleetSeen,
    engine: &dyn Engine,
    cluster: &ClusterSpec,
    member: &MemberSpec,
) -> Option<Result<Layout, Vec<Finding>>> {
    let Runtime::Process { host, .. } = &member.runtime else { return None };
    let host = fleet.hosts.get(host)?;
    let Some(found) = seen.hosts.get(&host.name) else { return Some(Err(seen.findings.clone())) };
    let home = MemberHome::new(host, &fleet.name, &member.name);
    let ask = RenderAsk {
        cluster,
        member,
        host,
        seen: found,
        home: &home,
        purpose: Purpose::Member,
        version: None,
    };
    Some(engine.deploy()?.render(&ask))
}

fn settings(context: &Context, layout: &Layout) -> String {
    let words = &context.words;
    let heads = ["setting", "value", "why"];
    let mut table = Table::new(heads.into_iter().map(|head| words.word(&format!("cli-head-{head}"))));
    for setting in &layout.settings {
        table.row(vec![
            Cell::new(&setting.name),
            Cell::new(&setting.value),
            Cell::new(words.say(&setting.why)).tone(Tone::Faint),
        ]);
    }
    let table = table.render(context.paint);
    let mut text = String::new();
    for line in table.lines() {
        render::append(&mut text, &format!("  {line}"));
    }
    text
}

fn document(words: &Words, member: &MemberSpec, layout: &Layout) -> Value {
    let setting = |setting: &roadstead_core::port::layout::SettingWhy| {
        json!({
            "name": setting.name,
            "value": setting.value,
            "why": render::json::text(words, &setting.why),
            "effect": setting.effect,
        })
    };
    json!({
        "member": member.name,
        "endpoint": status::endpoint(member),
        "program": layout.server.path,
        "flavour": layout.flavour,
        "version": layout.version.to_string(),
        "user": layout.user,
        "settings": layout.settings.iter().map(setting).collect::<Vec<_>>(),
    })
}

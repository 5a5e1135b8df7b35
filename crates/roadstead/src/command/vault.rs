//! `roadstead vault`: makes, checks and prunes the vaults that the fleet file declares.

use std::{collections::BTreeSet, sync::Arc};

use clap::{ArgMatches, Command, value_parser};
use roadstead_control::Controller;
use roadstead_core::{
    Error, Finding, Kind, Result, Text, finding,
    model::{Fleet, Name, VaultSpec},
    port::{
        Vault,
        vault::{SnapshotId, Stage},
    },
};
use serde_json::json;

use super::shape;
use crate::{
    consent,
    context::{Answer, Context, Exit, Outcome, block_on},
    fleet_file::{self, Loaded},
    house, operation,
    render::{self, Paint, Tone, Words, progress::Course},
    secrets::missing,
    shelf::Shelf,
};

pub(crate) fn define(words: &Words) -> Command {
    let vaults = || shape::positional(words, "vaults", "VAULT", "cli-arg-vaults").num_args(0..);
    let keep = shape::option(words, "keep", "COUNT", "cli-option-prune-keep")
        .value_parser(value_parser!(u16).range(1..));
    let snapshots = shape::option(words, "snapshot", "SNAPSHOT", "cli-option-prune-snapshot");
    let snapshots = snapshots.action(clap::ArgAction::Append).conflicts_with("keep");
    let prune = shape::nested(words, "vault", "prune").arg(vaults()).args([keep, snapshots]);
    shape::verb(words, "vault")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(shape::nested(words, "vault", "init").arg(vaults()))
        .subcommand(shape::nested(words, "vault", "check").arg(vaults()))
        .subcommand(prune.arg(shape::dry_run(words)))
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load_text(context)?;
    let (verb, matches) =
        matches.subcommand().ok_or_else(|| Error::internal("clap lets no vault command through"))?;
    let vaults = chosen(&loaded.fleet, &shape::many(matches, "vaults"))?;
    if vaults.is_empty() {
        let told = context.words.word("cli-vault-none");
        return Ok(Answer::done(format!("{told}\n"), json!({ "vaults": [] })));
    }
    let controller = house::controller(context, &loaded)?;
    block_on(async {
        match verb {
            "init" => init(context, &loaded, &controller, &vaults).await,
            "check" => check(context, &controller, &vaults).await,
            _ => prune(context, &controller, &vaults, matches).await,
        }
    })?
}

fn chosen<'a>(fleet: &'a Fleet, asked: &[String]) -> Result<Vec<&'a VaultSpec>> {
    if asked.is_empty() {
        return Ok(fleet.vaults.values().collect());
    }
    let one = |name: &String| {
        fleet.vaults.get(name.as_str()).ok_or_else(|| {
            let all: Vec<&str> = fleet.vaults.keys().map(Name::as_str).collect();
            Error::new(Kind::Input, Text::new("cli-no-such-vault").with("vault", name))
                .cure(Text::new("cli-no-such-vault-cure").with("vaults", all.join(", ")))
        })
    };
    asked.iter().map(one).collect()
}

/// Makes those of these vaults that are not there yet, and says so. One that cannot be used is told, and its backups
/// fail on their own; it is an error only when there is no other.
pub(crate) async fn make_missing(context: &Context, controller: &Controller, names: &[Name]) -> Result<()> {
    let names: BTreeSet<&Name> = names.iter().collect();
    let vaults: Vec<_> = names.into_iter().filter_map(|name| controller.fleet().vaults.get(name)).collect();
    let mut failed = Vec::new();
    for spec in &vaults {
        match make_if_missing(controller, spec).await {
            Ok(true) => context.tell(&format!("{}\n", context.words.say(&made(spec)))),
            Ok(false) => {}
            Err(error) => failed.push((spec, error)),
        }
    }
    if failed.len() == vaults.len()
        && let Some((_, error)) = failed.pop()
    {
        return Err(error);
    }
    for (spec, error) in failed {
        let what = Text::new("cli-vault-unusable").with("vault", &spec.name).with("why", error.what);
        let finding = Finding::error(spec.name.as_str(), what);
        let finding = error.cure.into_iter().fold(finding, Finding::cure);
        context.tell(&render::finding::one(&context.words, context.paint, &finding));
    }
    Ok(())
}

/// `true`: it was made.
async fn make_if_missing(controller: &Controller, spec: &VaultSpec) -> Result<bool> {
    match controller.vault(spec).await {
        Ok(_) => Ok(false),
        Err(error) if error.kind == Kind::NotFound => match gone(controller, spec) {
            Some(gone) => Err(gone),
            None => controller.make_vault(spec).await.map(|_| true),
        },
        Err(error) => Err(error),
    }
}

/// A vault that must be there.
async fn opened(controller: &Controller, spec: &VaultSpec) -> Result<Arc<dyn Vault>> {
    let gone = |error: Error| match error.kind {
        Kind::NotFound => gone(controller, spec).unwrap_or(error),
        _ => error,
    };
    controller.vault(spec).await.map_err(gone)
}

/// Why a vault that is not there is not just one that was never made; `None`: as far as the journal knows it is.
pub(crate) fn gone(controller: &Controller, spec: &VaultSpec) -> Option<Error> {
    let last = controller.last_used(spec)?;
    let what = Text::new("cli-vault-gone")
        .with("vault", &spec.name)
        .with("path", &spec.url)
        .with("last", last.for_people());
    let cure = Text::new("cli-vault-gone-cure").with("vault", &spec.name);
    Some(Error::new(Kind::Missing, what).cure(cure))
}

fn made(spec: &VaultSpec) -> Text {
    Text::new("cli-vault-made").with("vault", &spec.name).with("path", &spec.url)
}

async fn init(context: &Context, loaded: &Loaded, controller: &Controller, vaults: &[&VaultSpec]) -> Outcome {
    missing::generate(context, loaded, controller, true).await?;
    let mut text = String::new();
    let mut done = Vec::new();
    for spec in vaults {
        let fresh = match controller.make_vault(spec).await {
            Ok(_) => true,
            Err(error) if error.kind == Kind::Exists => false,
            Err(error) => return Err(error.into()),
        };
        let there = || Text::new("cli-vault-there").with("vault", &spec.name).with("path", &spec.url);
        render::append(&mut text, &context.words.say(&if fresh { made(spec) } else { there() }));
        done.push(json!({ "vault": spec.name, "place": spec.url, "made": fresh }));
    }
    Ok(Answer::done(text, json!({ "vaults": done })))
}

async fn check(context: &Context, controller: &Controller, vaults: &[&VaultSpec]) -> Outcome {
    let course = course(context);
    let mut text = String::new();
    let mut documents = Vec::new();
    let mut sound = true;
    for spec in vaults {
        let vault = opened(controller, spec).await?;
        let title = context.words.say(&Text::new("cli-vault-checking").with("vault", &spec.name));
        let watch = course.watch(title);
        let checked = controller.check_vault(vault.as_ref(), &watch);
        let findings = operation::attended(context, &course, checked).await??.all();
        drop(watch);
        let wrong = finding::any_error(&findings);
        sound &= !wrong;
        text.push_str(&render::finding::all(&context.words, context.paint, &findings));
        let (key, tone) =
            if wrong { ("cli-vault-damaged", Tone::Bad) } else { ("cli-vault-sound", Tone::Good) };
        let told = context.words.say(&Text::new(key).with("vault", &spec.name));
        render::append(&mut text, &context.paint.tone(tone, &told));
        let findings = render::json::findings(&context.words, &findings);
        documents.push(json!({ "vault": spec.name, "sound": !wrong, "findings": findings }));
    }
    let exit = if sound { Exit::Done } else { Exit::No };
    Ok(Answer::done(text, json!({ "vaults": documents })).exit(exit))
}

async fn prune(
    context: &Context,
    controller: &Controller,
    vaults: &[&VaultSpec],
    matches: &ArgMatches,
) -> Outcome {
    let shelf = Shelf::read(controller).await;
    let asked = shape::many(matches, "snapshot");
    let keep = matches.get_one::<u16>("keep").copied();
    let course = course(context);
    let mut text = String::new();
    let mut documents = Vec::new();
    for spec in vaults {
        let remove = removed(&shelf, &spec.name, &asked, keep).map_err(|error| shelf.unfound(error))?;
        let vault = opened(controller, spec).await?;
        let title = context.words.say(&Text::new("cli-vault-pruning").with("vault", &spec.name));
        let watch = course.watch(title);
        let would = operation::attended(context, &course, vault.prune(&remove, true, &watch)).await??;
        let told = |key: &str, pruned: &roadstead_core::port::vault::Pruned| {
            let ids: Vec<&str> = pruned.snapshots.iter().map(SnapshotId::short).collect();
            let text = Text::new(key).with("vault", &spec.name).with("count", ids.len());
            context.words.say(&text.with("snapshots", ids.join(" ")).with("freed", pruned.freed.to_string()))
        };
        let mut pruned = would.clone();
        let mut findings = would.findings.clone();
        let dry = matches.get_flag("dry-run");
        // Nobody misses anything then; what crashed commands left is swept without a question.
        let nothing = remove.is_empty() && would.freed.0 == 0;
        if !dry {
            if !nothing {
                let loses: &[&str] = if remove.is_empty() { &[] } else { &[spec.name.as_str()] };
                context.tell(&format!("{}\n", told("cli-vault-would-prune", &would)));
                consent::to_losses(context, loses)?;
            }
            let _held = controller.hold()?;
            pruned = operation::attended(context, &course, vault.prune(&remove, false, &watch)).await??;
            let more = pruned.findings.iter().filter(|finding| !would.findings.contains(finding));
            findings.extend(more.cloned());
        }
        let key = match (nothing && pruned.freed.0 == 0, dry) {
            (true, _) => "cli-vault-prune-nothing",
            (false, true) => "cli-vault-would-prune",
            (false, false) => "cli-vault-pruned",
        };
        text.push_str(&render::finding::all(&context.words, context.paint, &findings));
        render::append(&mut text, &told(key, &pruned));
        let findings = render::json::findings(&context.words, &findings);
        documents.push(json!({ "vault": spec.name, "dry_run": dry, "pruned": pruned, "findings": findings }));
    }
    Ok(Answer::done(text, json!({ "vaults": documents })))
}

/// What is to be removed from a vault: what was asked for, or all but the newest of each cluster. The newest proven
/// one of each cluster stays in any case.
fn removed(shelf: &Shelf, vault: &Name, asked: &[String], keep: Option<u16>) -> Result<Vec<SnapshotId>> {
    let mut remove = Vec::new();
    for name in asked {
        // One whose record cannot be read has nothing but its id.
        let unreadable = shelf.unreadable.iter().find(|(_, id)| !name.is_empty() && id.0.starts_with(name));
        let (of, id) = match (shelf.named(name), unreadable) {
            (Ok(entry), None) => (&entry.vault, entry.record.id()),
            (Err(error), None) => return Err(error),
            (Ok(_), Some(_)) => {
                return Err(Error::new(
                    Kind::Input,
                    Text::new("cli-snapshot-ambiguous").with("snapshot", name),
                ));
            }
            (Err(_), Some((of, id))) => (of, id),
        };
        if of == vault {
            remove.push(id.clone());
        }
    }
    let Some(keep) = keep else { return Ok(remove) };
    let here: Vec<_> = shelf.entries.iter().filter(|entry| &entry.vault == vault).collect();
    let clusters: BTreeSet<&Name> = here.iter().map(|entry| &entry.record.draft.cluster).collect();
    for cluster in clusters {
        let mut of: Vec<_> = here.iter().filter(|entry| &entry.record.draft.cluster == cluster).collect();
        of.reverse();
        let proven = of.iter().position(|entry| entry.record.stage() == Stage::Proven);
        let old = of.iter().enumerate().filter(|(age, _)| *age >= usize::from(keep) && Some(*age) != proven);
        remove.extend(old.map(|(_, entry)| entry.record.id().clone()));
    }
    Ok(remove)
}

fn course(context: &Context) -> Arc<Course> {
    let paint = Paint::new(context.settings.color.choose(&std::io::stderr()));
    Arc::new(Course::new(Arc::clone(&context.words), paint, !context.settings.json))
}

//! Removing snapshots, and then what no record needs any more.
//!
//! Alone in the vault, by a claim. First tombstones come and the records go, then the repository's snapshots, then
//! packs, then the tombstones: killed anywhere between, nothing that a record needs is gone, and the next prune goes
//! on. Before each of the repository's objects it looks whether the claim still holds: it may have stood still for so
//! long that others took it for dead and rely on what it was about to remove. It never removes the last proven
//! snapshot of a cluster, nor one whose record was lost unless it is named, and never works on a repository that lacks
//! something which a record needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use roadstead_core::{
    Bytes, Error, Finding, Kind, Result, Text,
    port::{
        ambient::{Progress, Watch},
        vault::{Pruned, Record, SnapshotId, Stage},
    },
};

use crate::{
    catalogue::{Loaded, is_id},
    check,
    claim::{self, Claim, Use},
    lost,
    repository::{Repository, Survey},
    vault::{LocalVault, blocking},
};

pub(crate) async fn prune(
    vault: &LocalVault,
    remove: &[SnapshotId],
    dry_run: bool,
    watch: &dyn Watch,
) -> Result<Pruned> {
    let claim = Claim::new(&vault.place, &vault.cipher, Use::Prune, vault.pace).await?;
    let pruned = prune_alone(vault, &claim, remove, dry_run, watch).await;
    let given_up = claim.give_up().await;
    let pruned = pruned?;
    given_up?;
    Ok(pruned)
}

async fn prune_alone(
    vault: &LocalVault,
    claim: &Claim,
    remove: &[SnapshotId],
    dry_run: bool,
    watch: &dyn Watch,
) -> Result<Pruned> {
    say(watch, "vault-phase-catalogue")?;
    let loaded = lost::load(vault).await?;
    let remove: BTreeSet<String> = remove.iter().map(|id| id.0.clone()).collect();
    refuse_unknown(&loaded, &remove)?;
    refuse_last_proven(&loaded, &remove)?;
    say(watch, "vault-phase-structure")?;
    let (place, master, hold) = (vault.place.clone(), vault.master.clone(), claim.hold());
    let repository = blocking(move || Repository::open_under(place, &master, hold).map(Arc::new)).await?;
    let kept = keep(&loaded, &remove);
    let (survey, mended) = sound_survey(vault, claim, &repository, &kept, dry_run).await?;
    // Judged as if the records were gone: what only they needed is nobody's.
    let objects = check::orphans(&kept, &survey);
    let gone: BTreeSet<String> = kept.removed.union(&kept.unfinished).cloned().collect();
    if dry_run {
        repository.distrust(&survey);
    } else {
        say(watch, "vault-phase-records")?;
        for id in &gone {
            // One that was interrupted may be taken anew by whoever took this process for dead.
            claim.still_holds().await?;
            vault.catalogue.bury(id).await?;
        }
        claim.still_holds().await?;
        for id in &kept.unsettled {
            vault.catalogue.settle(id).await?;
        }
        vault.place.sweep().await?;
        claim::sweep(&vault.place, vault.pace).await?;
    }
    say(watch, "vault-phase-packs")?;
    claim.still_holds().await?;
    let freed = blocking(move || repository.prune(&objects, dry_run)).await?;
    if !dry_run {
        for id in &gone {
            vault.catalogue.forget(id).await?;
        }
    }
    let findings = mended.into_iter().chain(kept.findings).collect();
    Ok(Pruned { snapshots: remove.into_iter().map(SnapshotId).collect(), freed: Bytes(freed), findings })
}

fn say(watch: &dyn Watch, phase: &str) -> Result<()> {
    watch.progress(Progress { phase: Text::new(phase), done: 0, total: None });
    watch.go_on()
}

/// What is left when these are gone.
fn keep(loaded: &Loaded, remove: &BTreeSet<String>) -> Loaded {
    let kept = |entry: &&crate::catalogue::Entry| !remove.contains(&entry.record.draft.id.0);
    Loaded {
        entries: loaded.entries.iter().filter(kept).cloned().collect(),
        damaged: loaded.damaged.difference(remove).cloned().collect(),
        removed: loaded.removed.union(remove).cloned().collect(),
        unfinished: loaded.unfinished.clone(),
        unsettled: loaded.unsettled.difference(remove).cloned().collect(),
        findings: loaded
            .findings
            .iter()
            .filter(|finding| !remove.contains(&finding.subject))
            .cloned()
            .collect(),
    }
}

fn refuse_unknown(loaded: &Loaded, remove: &BTreeSet<String>) -> Result<()> {
    let known: BTreeSet<&String> =
        loaded.entries.iter().map(|entry| &entry.record.draft.id.0).chain(&loaded.damaged).collect();
    match remove.iter().find(|id| !known.contains(id)) {
        None => Ok(()),
        Some(id) => {
            let what = Text::new("vault-snapshot-unknown").with("snapshot", id.as_str());
            Err(Error::new(Kind::NotFound, what).cure(Text::new("vault-snapshot-unknown-cure")))
        }
    }
}

fn refuse_last_proven(loaded: &Loaded, remove: &BTreeSet<String>) -> Result<()> {
    let mut proven: BTreeMap<(&str, &str), Vec<&Record>> = BTreeMap::new();
    for entry in &loaded.entries {
        let record = &entry.record;
        if record.stage() == Stage::Proven {
            let cluster = (record.draft.fleet.as_str(), record.draft.cluster.as_str());
            proven.entry(cluster).or_default().push(record);
        }
    }
    for ((_, cluster), records) in proven {
        if records.iter().all(|record| remove.contains(&record.draft.id.0)) {
            let last = records.last().map_or("", |record| record.draft.id.0.as_str());
            let what = Text::new("vault-last-proven").with("snapshot", last).with("cluster", cluster);
            return Err(Error::new(Kind::Precondition, what).cure(Text::new("vault-last-proven-cure")));
        }
    }
    Ok(())
}

/// The repository's parts, once all that the kept records need was found among them, and what was mended for that: the
/// library's plan rests on what it can read, and would take along what only a missing snapshot or a missing index needs.
async fn sound_survey(
    vault: &LocalVault,
    claim: &Claim,
    repository: &Arc<Repository>,
    kept: &Loaded,
    dry_run: bool,
) -> Result<(Survey, Option<Finding>)> {
    let mut survey = look(repository).await?;
    if let Some((object, _)) = survey.bad_marks.first() {
        let what = Text::new("vault-prune-blind").with("path", format!("snapshots/{object}"));
        return Err(Error::new(Kind::Corrupt, what).cure(Text::new("vault-prune-blind-cure")));
    }
    let mut broken = check::broken(vault, kept, &survey).await?;
    let mut mended = None;
    if is_astray(kept, &survey, !broken.is_empty()) {
        let (loose, _) = survey.loose_packs();
        let damaged = !survey.bad_indexes.is_empty();
        mend(vault, claim, repository, survey, dry_run).await?;
        survey = look(repository).await?;
        broken = check::broken(vault, kept, &survey).await?;
        let added = loose.saturating_sub(survey.loose_packs().0);
        let what = Text::new("vault-index-mended").with("count", added);
        mended = (added > 0 || (damaged && !dry_run)).then(|| Finding::note("", what));
    }
    if broken.is_empty() {
        return Ok((survey, mended));
    }
    let ids: Vec<&str> = broken.keys().map(|id| id.get(..8).unwrap_or(id)).collect();
    let what = Text::new("vault-prune-broken").with("count", ids.len()).with("snapshots", ids.join(" "));
    Err(Error::new(Kind::Corrupt, what).cure(Text::new("vault-prune-broken-cure")))
}

async fn look(repository: &Arc<Repository>) -> Result<Survey> {
    let repository = repository.clone();
    blocking(move || repository.survey()).await
}

/// Whether the index may lack what somebody needs, or promises what is not there.
fn is_astray(kept: &Loaded, survey: &Survey, broken: bool) -> bool {
    // What these need is known to nobody: lost records, and snapshots that somebody else put there.
    let unknown = !kept.damaged.is_empty() || survey.marks.iter().any(|mark| !is_id(&mark.label));
    broken || !survey.doubtful_indexes().is_empty() || (unknown && survey.loose_packs().0 > 0)
}

/// Makes the index anew where it lacks what the packs tell. A dry run only adds to it.
async fn mend(
    vault: &LocalVault,
    claim: &Claim,
    repository: &Arc<Repository>,
    survey: Survey,
    dry_run: bool,
) -> Result<()> {
    if !dry_run {
        let repository = repository.clone();
        return blocking(move || repository.mend(&survey)).await;
    }
    // Another one, since it is blind afterwards to what it does not trust.
    let (place, master, hold) = (vault.place.clone(), vault.master.clone(), claim.hold());
    blocking(move || Repository::open_under(place, &master, hold)?.add_to_index(&survey)).await
}

//! Backup work on a cluster's data: taking snapshots and checking them.
//!
//! A snapshot counts only when its record is in the vault; every error before drops all that was stored.

use std::{path::Path, sync::Arc};

use roadstead_core::{
    Bytes, Error, Finding, Kind, Millis, Result, Text,
    manifest::{Comparison, Difference},
    model::{HostSpec, Name, VaultSpec},
    plan::{LoadTask, SnapshotTask, Standing, TakeTask},
    port::{
        Outcome, Progress, Secrets, Vault,
        hand::Purse,
        layout::Endpoint,
        vault::{Draft, Event, Record, Stage},
    },
};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::{
    hand::{Job, watched},
    identity,
    link::HandSecrets,
    lock, look, process,
};

/// With less room than this on a file system, a failure there is taken for want of space.
pub(crate) const FREE_BYTES_MIN: u64 = 16 << 20;
/// How many differences an event in the vault lists one by one; the comparison beside it holds all.
const DIFFERENCES_TOLD: usize = 100;
/// How many differences an error names.
const DIFFERENCES_NAMED: usize = 100;

/// Opens a vault with the key that travelled with the order.
pub(crate) async fn open_vault(job: &Job<'_>, spec: &VaultSpec) -> Result<Arc<dyn Vault>> {
    let key = purse_only(job.purse, spec)?;
    watched(job.watch, job.inner.vaults.open(spec, &key)).await
}

fn purse_only(purse: &Purse, spec: &VaultSpec) -> Result<roadstead_core::Secret> {
    // A vault's key is never a file of the host.
    let nowhere = HostSpec { name: spec.name.clone(), data: String::new(), programs: Vec::new(), user: None };
    HandSecrets::new(purse, &nowhere).resolve(&spec.key)
}

/// `Act::Take`.
pub(crate) async fn take(job: &Job<'_>, task: &TakeTask) -> Result<Outcome> {
    let member = &task.member;
    if let Some(home) = &member.home {
        let owner = identity::Owner {
            fleet: member.fleet.as_str(),
            fleet_file: &member.fleet_file,
            cluster: &member.cluster.name,
            member: &member.member.name,
            engine: &member.cluster.engine,
        };
        identity::refuse_namesake(home, &owner)?;
        if identity::look(home, &owner).is_unfinished() {
            let what = Text::new("core-plan-unfinished").with("member", &member.member.name);
            let cure = Text::new("core-plan-unfinished-cure").with("cluster", &member.cluster.name);
            return Err(Error::new(Kind::Precondition, what).cure(cure));
        }
    }
    let folder = lock::folder(&member.host.data, &member.fleet, member.home.is_some())?;
    let what = Text::new("agent-held-backup").with("cluster", &member.cluster.name);
    // Two fleets of one name may back up clusters of one name, reached by address.
    let file = hex::encode(&Sha256::digest(&member.fleet_file)[..4]);
    let path = folder.join(format!("{}-{file}.backup", member.cluster.name));
    let _held = lock::take(&path, &job.order.by, &what)?;
    let _turn = job.worker().await?;
    let vault = open_vault(job, &task.vault).await?;
    match vault.record(&task.snapshot).await {
        Ok(record) => return Ok(taken(record, false)),
        Err(error) if error.kind == Kind::NotFound => {}
        Err(error) => return Err(error),
    }
    let began = Instant::now();
    let known = watched(job.watch, vault.catalogue()).await?.records;
    let greatest = known.iter().map(|record| record.draft.number).max().unwrap_or(0);
    let draft = Draft {
        id: task.snapshot.clone(),
        set: task.set.clone(),
        fleet: member.fleet.clone(),
        cluster: member.cluster.name.clone(),
        member: member.member.name.clone(),
        engine: member.cluster.engine.clone(),
        started: job.inner.clock.now(),
        number: greatest.saturating_add(1),
        by: job.order.by.clone(),
    };
    let engine = job.inner.engine(&member.cluster.engine)?;
    let backup = engine.backup().ok_or_else(|| look::unsupported(engine.as_ref(), "backup"))?;
    let linked = job.link(member, None, false).await?;
    let mut taking = watched(job.watch, vault.take(draft)).await?;
    // An error drops the taking, and with it all that was stored.
    let dumping = backup.dump(&linked.link, &member.cluster, taking.sink(), job.watch);
    let dumped = watched(job.watch, dumping).await.map_err(|error| look::unreached(error, &member.member))?;
    job.watch.go_on()?;
    let committed = taking.commit(dumped, Millis::from(began.elapsed())).await?;
    let record = vault.record(&task.snapshot).await?;
    if record.streams != committed.streams || record.dumped.manifest != committed.dumped.manifest {
        let what = Text::new("agent-record-differs").with("snapshot", task.snapshot.short());
        return Err(Error::new(Kind::Corrupt, what));
    }
    Ok(taken(record, true))
}

/// A finding about something in a member names that member as well: others have things of the same names.
pub(crate) fn of_member(member: &Name, finding: &Finding) -> Finding {
    let subject = &finding.subject;
    let is_told = subject.is_empty() || subject.split([':', '.']).next() == Some(member.as_str());
    let subject = if is_told { subject.clone() } else { format!("{member}: {subject}") };
    Finding { subject, ..finding.clone() }
}

fn taken(record: Record, changed: bool) -> Outcome {
    Outcome {
        changed,
        findings: record
            .dumped
            .findings
            .iter()
            .map(|finding| of_member(&record.draft.member, finding))
            .collect(),
        found: None,
        snapshot: Some(record.id().clone()),
        record: Some(Box::new(record)),
        comparison: None,
    }
}

/// `Act::Check`.
pub(crate) async fn check(job: &Job<'_>, task: &SnapshotTask) -> Result<Outcome> {
    let _turn = job.worker().await?;
    let vault = open_vault(job, &task.vault).await?;
    let record = vault.record(&task.snapshot).await?;
    let began = Instant::now();
    say(job, "agent-phase-check", &record);
    let findings = match watched(job.watch, vault.check(&task.snapshot, job.watch)).await {
        Ok(findings) => findings,
        Err(error) if error.kind == Kind::Corrupt => vec![Finding::error(task.snapshot.short(), error.what)],
        Err(error) => return Err(error),
    };
    let event = Event {
        stage: Stage::Checked,
        at: job.inner.clock.now(),
        by: job.order.by.clone(),
        took: Millis::from(began.elapsed()),
        passed: findings.is_empty(),
        comparison: None,
        findings: findings.clone(),
    };
    vault.note(&task.snapshot, event).await?;
    if let Some(first) = findings.first() {
        let what = Text::new("agent-snapshot-damaged")
            .with("snapshot", task.snapshot.short())
            .with("count", findings.len())
            .with("first", first.what.clone());
        return Err(Error::new(Kind::Corrupt, what).cure(Text::new("agent-snapshot-damaged-cure")));
    }
    Ok(Outcome { changed: true, snapshot: Some(task.snapshot.clone()), ..Outcome::default() })
}

/// Tells the watcher which part of the work begins.
pub(crate) fn say(job: &Job<'_>, phase: &str, record: &Record) {
    let phase = Text::new(phase).with("snapshot", record.id().short());
    job.watch.progress(Progress { phase, done: 0, total: None });
}

/// The findings for what differs, the first of them.
pub(crate) fn differences(found: &[Difference]) -> Vec<Finding> {
    let told = found.iter().take(DIFFERENCES_TOLD);
    told.map(|one| Finding::error(one.name.join("."), one.how.text(&one.kind, &one.name))).collect()
}

/// The error for a scratch server that is not what the snapshot was taken from, naming the first differences.
pub(crate) fn unlike(record: &Record, comparison: &Comparison) -> Error {
    let what = Text::new("agent-proof-differs")
        .with("snapshot", record.id().short())
        .with("count", comparison.differences.len());
    Error::new(Kind::Corrupt, what).parts(named(comparison)).cure(Text::new("agent-proof-differs-cure"))
}

/// The error for a member that is not what the snapshot holds: what that means depends on where the member comes from.
pub(crate) fn differing(task: &LoadTask, record: &Record, comparison: &Comparison) -> Error {
    let (what, cure) = match task.standing {
        Standing::Loaded | Standing::Carried => ("agent-loaded-differs", "agent-loaded-differs-cure"),
        Standing::Live => ("agent-live-differs", "agent-live-differs-cure"),
        Standing::Restored => ("agent-restored-differs", "agent-restored-differs-cure"),
    };
    let (host, port) = task.member.member.endpoint();
    let what = Text::new(what)
        .with("member", &task.member.member.name)
        .with("endpoint", Endpoint::Tcp(host, port).to_string())
        .with("snapshot", record.id().short())
        .with("count", comparison.differences.len());
    let cure = Text::new(cure)
        .with("snapshot", record.id().short())
        .with("taken", record.draft.started.for_people());
    let is_own = matches!(task.standing, Standing::Loaded | Standing::Carried);
    let kind = if is_own { Kind::Corrupt } else { Kind::Precondition };
    Error::new(kind, what).parts(named(comparison)).cure(cure)
}

/// The first differences, a sentence each.
fn named(comparison: &Comparison) -> Vec<Text> {
    let told = comparison.differences.iter().take(DIFFERENCES_NAMED);
    told.map(|one| one.how.text(&one.kind, &one.name)).collect()
}

/// Refuses to fill a server in this folder where it cannot end well, before anything is done.
pub(crate) fn room(record: &Record, folder: &Path) -> Result<()> {
    let Some(free) = process::free_bytes_near(folder).map(Bytes) else { return Ok(()) };
    if free >= record.bytes_restored_min() {
        return Ok(());
    }
    let what = Text::new("agent-no-room")
        .with("snapshot", record.id().short())
        .with("path", folder.display().to_string())
        .with("needed", record.bytes().to_string())
        .with("free", free.to_string());
    Err(Error::new(Kind::Exhausted, what).cure(Text::new("agent-no-room-cure")))
}

/// An error of a program or server in this folder, told as want of space where that is what it was.
pub(crate) fn with_space(error: Error, folder: &Path) -> Error {
    let full = process::free_bytes(folder).is_some_and(|free| free < FREE_BYTES_MIN);
    if error.kind != Kind::Failed || !full {
        return error;
    }
    let what = Text::new("agent-no-space")
        .with("path", folder.display().to_string())
        .with("why", error.what.clone());
    Error { kind: Kind::Exhausted, what, ..error }.cure(Text::new("core-disk-full-cure"))
}

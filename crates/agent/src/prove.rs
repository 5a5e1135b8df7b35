//! Proving a snapshot: restored into a throw-away server of the same engine, measured there, and compared.
//!
//! Only what the data itself is guilty of is noted against a snapshot; want of space, of a program or of time is an
//! error of the act alone.

use std::path::Path;

use roadstead_core::{
    Error, Finding, Kind, Millis, Result, Text,
    manifest::{self, Comparison},
    plan::ProveTask,
    port::{
        Outcome, Vault,
        engine::{Lived, LoadAsk},
        vault::{Event, Record, Stage},
    },
};
use tokio::time::Instant;

use crate::{
    hand::{Job, watched},
    look,
    scratch::{Scratch, Wish},
    worker,
};

/// Why there is no proof.
enum Fault {
    /// The snapshot cannot be restored: this counts against it.
    OfData(Error),
    /// Something else stood in the way: the snapshot is as good or bad as before.
    OfAct(Error),
}

struct Measured {
    comparison: Comparison,
    findings: Vec<Finding>,
}

/// `Act::Prove`.
pub(crate) async fn prove(job: &Job<'_>, task: &ProveTask) -> Result<Outcome> {
    let _turn = job.worker().await?;
    let vault = worker::open_vault(job, &task.snapshot.vault).await?;
    let id = &task.snapshot.snapshot;
    let record = vault.record(id).await?;
    if record.draft.engine != task.cluster.engine {
        let what = Text::new("agent-snapshot-of-engine")
            .with("snapshot", id.short())
            .with("is", &record.draft.engine)
            .with("wanted", &task.cluster.engine);
        return Err(Error::new(Kind::Precondition, what));
    }
    let began = Instant::now();
    let event = |passed, comparison, findings| Event {
        stage: Stage::Proven,
        at: job.inner.clock.now(),
        by: job.order.by.clone(),
        took: Millis::from(began.elapsed()),
        passed,
        comparison,
        findings,
    };
    match measure(job, task, vault.as_ref(), &record).await {
        Err(Fault::OfAct(error)) => Err(error),
        Err(Fault::OfData(error)) => {
            let finding = Finding::error(id.short(), error.what.clone());
            vault.note(id, event(false, None, vec![finding])).await?;
            Err(error)
        }
        Ok(Measured { comparison, findings }) => {
            let equal = comparison.is_equal();
            let mut told = findings.clone();
            told.extend(worker::differences(&comparison.differences));
            vault.note(id, event(equal, Some(comparison.clone()), told)).await?;
            if !equal {
                return Err(worker::unlike(&record, &comparison));
            }
            Ok(Outcome {
                changed: true,
                findings,
                record: None,
                comparison: Some(comparison),
                found: None,
                snapshot: Some(id.clone()),
            })
        }
    }
}

async fn measure(
    job: &Job<'_>,
    task: &ProveTask,
    vault: &dyn Vault,
    record: &Record,
) -> Result<Measured, Fault> {
    let engine = job.inner.engine(&task.cluster.engine).map_err(Fault::OfAct)?;
    let backup = engine.backup().ok_or_else(|| Fault::OfAct(look::unsupported(engine.as_ref(), "backup")))?;
    let wish = Wish {
        fleet: &task.fleet,
        cluster: &task.cluster,
        host: &task.host,
        version: backup.loads_into(record),
    };
    worker::room(record, &Path::new(&task.host.data).join(task.fleet.as_str())).map_err(Fault::OfAct)?;
    worker::say(job, "agent-phase-scratch", record);
    let mut scratch = Scratch::make(job, &wish).await.map_err(Fault::OfAct)?;
    let measured = restore_and_measure(job, task, vault, record, &mut scratch).await;
    let removed = scratch.remove().await;
    let mut measured = measured?;
    if let Err(error) = removed {
        measured.findings.push(Finding::warning(task.cluster.name.as_str(), error.what));
    }
    Ok(measured)
}

async fn restore_and_measure(
    job: &Job<'_>,
    task: &ProveTask,
    vault: &dyn Vault,
    record: &Record,
    scratch: &mut Scratch,
) -> Result<Measured, Fault> {
    let engine = job.inner.engine(&task.cluster.engine).map_err(Fault::OfAct)?;
    let facet = |name| Fault::OfAct(look::unsupported(engine.as_ref(), name));
    let backup = engine.backup().ok_or_else(|| facet("backup"))?;
    let inspect = engine.inspect().ok_or_else(|| facet("inspect"))?;
    let source =
        watched(job.watch, vault.open(record.id())).await.map_err(|error| blame(error, scratch, false))?;
    let admin = scratch.work.layout().admin.clone();
    let ask = LoadAsk { record, private_target: true, keep_accounts: vec![admin], before: None };
    let layout = scratch.work.layout().clone();
    worker::say(job, "agent-phase-load", record);
    let seeded = watched(job.watch, backup.seed(source.as_ref(), &layout, &ask, job.watch)).await;
    if seeded.map_err(|error| blame(error, scratch, false))? {
        scratch.work.own_data().map_err(Fault::OfAct)?;
    }
    let wish = Wish {
        fleet: &task.fleet,
        cluster: &task.cluster,
        host: &task.host,
        version: (layout.version.clone(), layout.flavour.clone()),
    };
    scratch.start(job, &wish).await.map_err(Fault::OfAct)?;
    let layout = scratch.work.layout().clone();
    let linked = job.link(&scratch.work.again.task, Some(&layout), true).await.map_err(Fault::OfAct)?;
    let loaded = watched(job.watch, backup.load(source.as_ref(), &linked.link, &ask, job.watch)).await;
    let findings = loaded.map_err(|error| blame(error, scratch, true))?;
    worker::say(job, "agent-phase-compare", record);
    let copy = watched(job.watch, inspect.manifest(&linked.link, &task.cluster, job.watch)).await;
    let copy = copy.map_err(|error| blame(error, scratch, false))?;
    // The scratch server's own administrator is no part of the backup; and it served nobody, so nothing may have gone.
    let original = record.dumped.manifest.clone();
    let (original, copy) = inspect.comparable(original, copy, Lived::Unserved, &ask.keep_accounts);
    Ok(Measured { comparison: manifest::compare(&original, &copy), findings })
}

/// Whether an error speaks against the snapshot. `by_tools`: what failed was the vendor's tool at loading it.
fn blame(error: Error, scratch: &Scratch, by_tools: bool) -> Fault {
    let error = worker::with_space(error, Path::new(&scratch.work.home().root));
    match error.kind {
        Kind::Corrupt => Fault::OfData(error),
        // A tool that fails because its server was killed says nothing of the data.
        Kind::Failed if by_tools && !scratch.has_died() => Fault::OfData(error),
        _ => Fault::OfAct(error),
    }
}

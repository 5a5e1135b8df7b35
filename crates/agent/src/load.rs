//! Loading a snapshot into a member, and comparing a running member with a snapshot.
//!
//! Never onto data that anybody may have used: in place it must be new, at an address the server must be empty.

use std::{path::Path, sync::Arc};

use roadstead_core::{
    Error, Finding, Kind, Result, Text, manifest,
    plan::{LoadTask, Standing},
    port::{
        Backup, Engine, Inspect, Link, Outcome, Source, Vault,
        engine::{Lived, LoadAsk, Purpose, RenderAsk},
        vault::Record,
    },
    seen::{DataSeen, Identity},
};

use crate::{
    files,
    hand::{Job, watched},
    identity, look,
    member::{self, Work},
    proc, scratch, state, worker,
};

/// `Act::Load`.
pub(crate) async fn load(job: &Job<'_>, task: &LoadTask) -> Result<Outcome> {
    let _turn = job.worker().await?;
    let (vault, record, engine) = snapshot(job, task).await?;
    if task.member.member.is_supervised() {
        into_place(job, task, vault.as_ref(), &record, engine.as_ref()).await
    } else {
        into_address(job, task, vault.as_ref(), &record, engine.as_ref()).await
    }
}

/// The snapshot of a task, in its vault, and the engine whose it is.
async fn snapshot(job: &Job<'_>, task: &LoadTask) -> Result<(Arc<dyn Vault>, Record, Arc<dyn Engine>)> {
    let vault = worker::open_vault(job, &task.snapshot.vault).await?;
    let record = vault.record(&task.snapshot.snapshot).await?;
    let engine = job.inner.engine(&task.member.cluster.engine)?;
    if record.draft.engine != task.member.cluster.engine {
        let what = Text::new("agent-snapshot-of-engine")
            .with("snapshot", task.snapshot.snapshot.short())
            .with("is", &record.draft.engine)
            .with("wanted", &task.member.cluster.engine);
        return Err(Error::new(Kind::Precondition, what));
    }
    Ok((vault, record, engine))
}

fn loaded(record: &Record, findings: Vec<roadstead_core::Finding>) -> Outcome {
    Outcome { changed: true, findings, snapshot: Some(record.id().clone()), ..Outcome::default() }
}

async fn into_address(
    job: &Job<'_>,
    task: &LoadTask,
    vault: &dyn Vault,
    record: &Record,
    engine: &dyn Engine,
) -> Result<Outcome> {
    let Facets { backup, inspect } = facets(engine)?;
    let linked = job.link(&task.member, None, true).await?;
    let source = watched(job.watch, vault.open(record.id())).await?;
    let keep_accounts = watched(job.watch, inspect.own_accounts(&linked.link)).await?;
    let ask = LoadAsk { record, private_target: false, keep_accounts, before: task.again.clone() };
    if task.again.is_some() {
        worker::say(job, "agent-phase-clear", record);
        watched(job.watch, backup.clear(source.as_ref(), &linked.link, &ask)).await?;
    }
    fits(job, engine, &linked.link, source.as_ref(), &ask).await?;
    worker::say(job, "agent-phase-load", record);
    let findings = watched(job.watch, backup.load(source.as_ref(), &linked.link, &ask, job.watch)).await?;
    Ok(loaded(record, findings))
}

/// `Act::Ready`.
pub(crate) async fn ready(job: &Job<'_>, task: &LoadTask) -> Result<Outcome> {
    let (vault, record, _) = snapshot(job, task).await?;
    let structure = watched(job.watch, vault.check_structure(job.watch)).await?;
    if let Some(lacks) = structure.damaged.get(record.id()) {
        let what = Text::new("agent-snapshot-lacks").with("snapshot", record.id().short());
        let parts = lacks.iter().map(|finding| finding.what.clone()).collect();
        let error = Error::new(Kind::Corrupt, what).parts(parts);
        return Err(error.cure(Text::new("agent-snapshot-lacks-cure")));
    }
    let work = Work::begin(job, &task.member).await?;
    worker::room(&record, Path::new(&work.home().root))?;
    let data = work.home().data();
    // What is set aside is renamed, which a mount point cannot be; where nothing lies, nothing is.
    if matches!(work.data(), DataSeen::Ours(_)) && proc::is_mounted_on(Path::new(&data)) {
        let what = Text::new("agent-data-mounted").with("path", &data);
        let cure = Text::new("agent-data-mounted-cure").with("home", &work.home().root);
        return Err(Error::new(Kind::Unsupported, what).cure(cure));
    }
    Ok(Outcome { snapshot: Some(record.id().clone()), ..Outcome::default() })
}

/// `Act::RequireEmpty`.
pub(crate) async fn require_empty(job: &Job<'_>, task: &LoadTask) -> Result<Outcome> {
    let (vault, record, engine) = snapshot(job, task).await?;
    let Facets { inspect, .. } = facets(engine.as_ref())?;
    let linked = job.link(&task.member, None, false).await?;
    let source = watched(job.watch, vault.open(record.id())).await?;
    let keep_accounts = watched(job.watch, inspect.own_accounts(&linked.link)).await?;
    let ask = LoadAsk { record: &record, private_target: false, keep_accounts, before: None };
    let found = fits(job, engine.as_ref(), &linked.link, source.as_ref(), &ask).await?;
    Ok(Outcome { found: Some(found), snapshot: Some(record.id().clone()), ..Outcome::default() })
}

struct Facets<'a> {
    backup: &'a dyn Backup,
    inspect: &'a dyn Inspect,
}

fn facets(engine: &dyn Engine) -> Result<Facets<'_>> {
    Ok(Facets {
        backup: engine.backup().ok_or_else(|| look::unsupported(engine, "backup"))?,
        inspect: engine.inspect().ok_or_else(|| look::unsupported(engine, "inspect"))?,
    })
}

/// Fails unless the server is empty and can take the snapshot.
async fn fits(
    job: &Job<'_>,
    engine: &dyn Engine,
    link: &Link,
    source: &dyn Source,
    ask: &LoadAsk<'_>,
) -> Result<serde_json::Value> {
    let Facets { backup, inspect } = facets(engine)?;
    if let Some(holds) = watched(job.watch, inspect.occupied(link)).await? {
        let what = Text::new("agent-target-occupied")
            .with("endpoint", link.endpoint.to_string())
            .with("holds", holds);
        return Err(Error::new(Kind::Exists, what).cure(Text::new("agent-target-occupied-cure")));
    }
    watched(job.watch, backup.fits(source, link, ask)).await
}

async fn into_place(
    job: &Job<'_>,
    task: &LoadTask,
    vault: &dyn Vault,
    record: &Record,
    engine: &dyn Engine,
) -> Result<Outcome> {
    let work = Work::begin(job, &task.member).await?;
    let refuse =
        |key: &str| Error::new(Kind::Precondition, Text::new(key).with("member", &task.member.member.name));
    if work.running()?.is_some() {
        return Err(refuse("agent-still-running"));
    }
    let identity = work.require_made()?;
    let id = record.id().to_string();
    match (&identity.loading, state::fresh(work.home(), &identity).map(|fresh| fresh.loaded)) {
        (None, Some(Some(before))) if before == id => {
            return Ok(Outcome { snapshot: Some(record.id().clone()), ..Outcome::default() });
        }
        (None, Some(None)) => {}
        (Some(snapshot), Some(None)) if *snapshot == id => {}
        _ => {
            let what = Text::new("agent-data-used").with("path", work.home().data());
            return Err(Error::new(Kind::Exists, what).cure(Text::new("agent-data-used-cure")));
        }
    }
    // It is to be started there: better known before a long load than after it.
    member::port_free(&task.member)?;
    worker::room(record, Path::new(&work.home().root))?;
    // While it says so of itself, the half-loaded data counts for nothing, and is to be made again.
    let version = (identity.version.clone(), identity.flavour.clone());
    let waiting = Identity { loading: Some(id.clone()), ..identity };
    identity::write(&work.opened, work.home(), &waiting, work.runner.as_ref())?;
    state::forget_fresh(&work.opened, work.home())?;
    let findings = fill(job, &work, vault, record, engine, version).await?;
    work.write_files(job, work.layout(), false)?;
    let data = work.home().data();
    let synced = tokio::task::spawn_blocking(move || files::sync_all(Path::new(&data))).await;
    synced.map_err(|error| Error::internal(format!("making the data durable ended with {error}")))??;
    state::note_fresh(&work.opened, work.home(), &waiting, Some(id))?;
    identity::write(&work.opened, work.home(), &Identity { loading: None, ..waiting }, work.runner.as_ref())?;
    work.require()?;
    Ok(loaded(record, findings))
}

/// Runs the server apart by a layout for loading, loads, and stops it in order.
async fn fill(
    job: &Job<'_>,
    work: &Work,
    vault: &dyn Vault,
    record: &Record,
    engine: &dyn Engine,
    version: (roadstead_core::Version, String),
) -> Result<Vec<roadstead_core::Finding>> {
    let backup = engine.backup().ok_or_else(|| look::unsupported(engine, "backup"))?;
    let member = &work.again.task;
    let shared = job.inner.engine(&member.cluster.engine)?;
    let tools = job.inner.search.of(&shared, &member.host).await;
    let seen = look::host_with_tools(job.inner, &member.host, tools).await?;
    let ask = RenderAsk {
        cluster: &member.cluster,
        member: &member.member,
        host: &member.host,
        seen: &seen,
        home: work.home(),
        purpose: Purpose::Loading,
        version: Some(version),
    };
    let layout = scratch::render(job, &ask)?;
    work.write_files(job, &layout, false)?;
    // The next hand must know this server by the layout that it runs by.
    let mut apart = member.clone();
    apart.layout = Some(Box::new(layout.clone()));
    state::want(&work.opened, work.home(), false, &apart)?;
    let keep_accounts = vec![layout.admin.clone()];
    let load_ask = LoadAsk { record, private_target: true, keep_accounts, before: None };
    let source = watched(job.watch, vault.open(record.id())).await?;
    worker::say(job, "agent-phase-load", record);
    if watched(job.watch, backup.seed(source.as_ref(), &layout, &load_ask, job.watch)).await? {
        work.own_data()?;
    }
    let (server, answered) = member::run_until_ready(job, work, &layout).await?;
    let loading = async {
        answered?;
        let linked = job.link(member, Some(&layout), true).await?;
        backup.load(source.as_ref(), &linked.link, &load_ask, job.watch).await
    };
    let result = watched(job.watch, loading).await;
    let findings = match result {
        Ok(findings) => findings,
        Err(error) => {
            // What it holds counts for nothing: it need not be stopped in order.
            member::end_now(&server).await?;
            state::forget_process(&work.opened, work.home())?;
            return Err(worker::with_space(error, Path::new(&work.home().root)));
        }
    };
    if member::end(job, work, &layout, &server).await? {
        state::forget_process(&work.opened, work.home())?;
        let what = Text::new("agent-load-not-stopped").with("member", &member.member.name);
        return Err(Error::new(Kind::Unreachable, what));
    }
    state::forget_process(&work.opened, work.home())?;
    Ok(findings)
}

/// `Act::Compare`.
pub(crate) async fn compare(job: &Job<'_>, task: &LoadTask) -> Result<Outcome> {
    let _turn = job.worker().await?;
    let (_, record, engine) = snapshot(job, task).await?;
    let Facets { inspect, .. } = facets(engine.as_ref())?;
    let linked = job.link(&task.member, None, false).await?;
    worker::say(job, "agent-phase-compare", &record);
    let manifest = inspect.manifest(&linked.link, &task.member.cluster, job.watch);
    let copy = watched(job.watch, manifest).await?;
    let mut findings = Vec::new();
    let is_supervised = task.member.member.is_supervised();
    let keep = match (is_supervised, task.standing) {
        (true, _) => vec![linked.link.user.clone()],
        // The original itself: its accounts are its own.
        (false, Standing::Live) => vec![],
        (false, _) => watched(job.watch, inspect.own_accounts(&linked.link)).await?,
    };
    let now = job.inner.clock.now();
    // A supervised member is started after its load; a server reached by address went on, unless it was long ago.
    let lived = match task.standing {
        Standing::Loaded if !is_supervised => Lived::Served(now),
        _ => Lived::Started(now),
    };
    let (mut original, mut copy) = inspect.comparable(record.dumped.manifest.clone(), copy, lived, &keep);
    // Who else comes into a server that somebody else runs is that one's affair; a load never makes such an account.
    let is_others = !is_supervised && task.standing != Standing::Live;
    let besides = if is_others { inspect.accounts_besides(&original, &copy) } else { vec![] };
    if !besides.is_empty() {
        let endpoint = linked.link.endpoint.to_string();
        let what = Text::new("agent-accounts-besides").with("endpoint", &endpoint);
        findings.push(Finding::note(endpoint, what.with("accounts", besides.join(", "))));
        let keep = [keep, besides].concat();
        (original, copy) = inspect.comparable(original, copy, lived, &keep);
    }
    if original.method != copy.method {
        let what = Text::new("agent-not-comparable").with("snapshot", record.id().short());
        let what = what.with("original", &original.method).with("copy", &copy.method);
        return Err(Error::new(Kind::Unsupported, what).cure(Text::new("agent-not-comparable-cure")));
    }
    let comparison = manifest::compare(&original, &copy);
    if !comparison.is_equal() {
        return Err(worker::differing(task, &record, &comparison));
    }
    Ok(Outcome {
        findings,
        snapshot: Some(record.id().clone()),
        comparison: Some(comparison),
        ..Outcome::default()
    })
}

//! Making a member's folders and data directory: for a new member, or for one that a snapshot is loaded into.
//!
//! A mark lies in the home until the data has an identity, which says itself whether it waits for a load. Only a copy that
//! was loaded in part is ever removed, where the step says so: whatever else lies there is set aside.

use std::path::Path;

use roadstead_core::{
    Error, Finding, Kind, Result, Text,
    plan::MemberTask,
    port::{Layout, Outcome, vault::SnapshotId},
    seen::{DataSeen, Identity},
};

use crate::{
    files,
    hand::{Job, watched},
    identity,
    member::{Work, done, end_all},
    process, remains, state,
    supervise::Again,
    users, worker,
};

/// `Act::Create`, and `Act::CreateToLoad`, which is for a snapshot and may remove a half-loaded copy.
pub(crate) async fn create(
    job: &Job<'_>,
    task: &MemberTask,
    to_load: Option<(&SnapshotId, bool)>,
) -> Result<Outcome> {
    if let (Some(home), Some(runner)) = (&task.home, users::runner(&Again::of(task)?.layout.user)?) {
        files::open_way(Path::new(&home.root))?;
        if let Some(closed) = users::closed_to(&runner, Path::new(&home.root)) {
            let what = Text::new("agent-folder-closed")
                .with("path", closed.display().to_string())
                .with("user", &runner.name);
            return Err(Error::new(Kind::Denied, what).cure(Text::new("agent-folder-closed-cure")));
        }
    }
    let work = Work::begin(job, task).await?;
    let mut findings = Vec::new();
    match work.data() {
        DataSeen::Ours(_) if to_load.is_none() => {
            identity::unmark(&work.opened, work.home())?;
            return Ok(done(false));
        }
        DataSeen::Ours(_) => {
            let what = Text::new("agent-data-used").with("path", work.home().data());
            return Err(Error::new(Kind::Exists, what).cure(Text::new("agent-data-used-cure")));
        }
        DataSeen::Foreign(why) => return Err(identity::foreign(why)),
        DataSeen::Unfinished => findings.extend(clear(job, &work, false).await?),
        DataSeen::HalfLoaded => {
            let is_consented = to_load.is_some_and(|(_, clears)| clears);
            findings.extend(clear(job, &work, is_consented).await?);
        }
        DataSeen::Absent => {}
    }
    make(job, &work, to_load.map(|(snapshot, _)| snapshot)).await?;
    match work.data() {
        DataSeen::Ours(_) if to_load.is_none() => Ok(Outcome { findings, ..done(true) }),
        DataSeen::HalfLoaded if to_load.is_some() => Ok(Outcome { findings, ..done(true) }),
        other => Err(Error::internal(format!("after its creation the data directory is {other:?}"))),
    }
}

/// Makes room where an interrupted creation or load left something, having ended the programs that may still work on it.
/// What is not to be removed (what has no identity may be what a creation left, or what somebody brought back since) is set
/// aside, and that is told.
async fn clear(job: &Job<'_>, work: &Work, removes: bool) -> Result<Option<Finding>> {
    job.inner.supervisor.release(work.home()).await;
    end_all(work.home()).await?;
    state::forget_process(&work.opened, work.home())?;
    let data = work.home().data();
    if !removes {
        return set_aside(job, work, &data);
    }
    let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(data)).await;
    match removed {
        Ok(Ok(())) => Ok(None),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Ok(Err(error)) => {
            Err(files::failed("agent-unfinished-not-removed", Path::new(&work.home().data()), &error))
        }
        Err(error) => Err(Error::internal(format!("removing an unfinished creation ended with {error}"))),
    }
}

fn set_aside(job: &Job<'_>, work: &Work, data: &str) -> Result<Option<Finding>> {
    let is_empty = std::fs::read_dir(data).map(|mut entries| entries.next().is_none());
    if is_empty.unwrap_or(!Path::new(data).exists()) {
        return Ok(None);
    }
    let aside = format!("{data}.{}{}", remains::UNFINISHED, job.inner.clock.now().millis());
    work.opened.rename(Path::new(data), Path::new(&aside))?;
    let member = &work.again.task.member.name;
    let what = Text::new("agent-unfinished-kept").with("member", member).with("path", aside);
    Ok(Some(Finding::note(member.as_str(), what).cure(Text::new("agent-unfinished-kept-cure"))))
}

async fn make(job: &Job<'_>, work: &Work, to_load: Option<&SnapshotId>) -> Result<()> {
    let (home, layout) = (work.home(), work.layout());
    let task = &work.again.task;
    identity::mark(&work.opened, home)?;
    if to_load.is_some() {
        // A copy beside is in no fleet file: by this it is known, before anything is in it.
        state::want(&work.opened, home, false, task)?;
    }
    make_data(job, work, layout).await?;
    let identity = Identity {
        id: job.inner.ids.id(),
        fleet: task.fleet.clone(),
        fleet_file: task.fleet_file.clone(),
        cluster: task.cluster.name.clone(),
        member: task.member.name.clone(),
        engine: task.cluster.engine.clone(),
        flavour: layout.flavour.clone(),
        version: layout.version.clone(),
        created: job.inner.clock.now(),
        loading: to_load.map(ToString::to_string),
    };
    state::note_fresh(&work.opened, home, &identity, None)?;
    identity::write(&work.opened, home, &identity, work.runner.as_ref())?;
    identity::unmark(&work.opened, home)
}

/// Folders, the administrator's password, files, and the programs that create the data.
pub(crate) async fn make_data(job: &Job<'_>, work: &Work, layout: &Layout) -> Result<()> {
    let (home, runner) = (work.home(), work.runner.as_ref());
    for folder in &layout.directories {
        work.opened.folder(Path::new(&folder.path), folder.mode, runner)?;
    }
    if !layout.directories.iter().any(|folder| folder.path == home.secrets()) {
        work.opened.folder(Path::new(&home.secrets()), 0o700, None)?;
    }
    let admin = Path::new(&home.secrets()).join("admin");
    if files::mode_and_owner(&admin).is_err() {
        let password = job.inner.ids.password();
        work.opened.write(&admin, 0o600, None, password.expose().as_bytes())?;
    }
    work.write_files(job, layout, true)?;
    let ran = watched(job.watch, async {
        let log = process::open_log(&work.opened, home, runner)?;
        for program in &layout.create {
            process::run(program, runner, &home.root, &log, &state::log_path(home)).await?;
        }
        Ok(())
    })
    .await;
    // Whatever became of the programs, what was there for them alone goes.
    for file in layout.files.iter().filter(|file| file.only_for_create) {
        work.opened.remove(Path::new(&file.path))?;
    }
    ran.map_err(|error| worker::with_space(error, Path::new(&home.root)))?;
    if work.data_is_missing() {
        work.opened.folder(Path::new(&home.data()), 0o700, runner)?;
    }
    Ok(())
}

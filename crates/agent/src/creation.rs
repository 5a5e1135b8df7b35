//! Making a member's folders and data directory: for a new member, or for one that a snapshot is loaded into.
//!
//! A mark lies in the home until what it says is done; while it lies there, what is there counts for nothing.

use std::path::Path;

use roadstead_core::{
    Error, Kind, Result, Text,
    plan::MemberTask,
    port::{Layout, Outcome},
    seen::{DataSeen, Identity},
};

use crate::{
    files,
    hand::{Job, watched},
    identity::{self, Unfinished},
    member::{Work, done, end_all},
    process, state,
    supervise::Again,
    users,
};

/// `Act::Create`, and `Act::CreateToLoad`, whose aim is a load.
pub(crate) async fn create(job: &Job<'_>, task: &MemberTask, aim: &Unfinished) -> Result<Outcome> {
    if let (Some(home), Some(runner)) = (&task.home, users::runner(&Again::of(task)?.layout.user)?) {
        files::open_way(Path::new(&home.root))?;
        if let Some(closed) = users::closed_to(&runner, Path::new(&home.root)) {
            let what = Text::new("agent-folder-closed")
                .with("path", closed.display().to_string())
                .with("user", &runner.name);
            return Err(Error::new(Kind::Denied, what).cure(Text::new("agent-folder-closed-cure")));
        }
    }
    let work = Work::begin(job, task)?;
    match work.data() {
        DataSeen::Ours(_) if *aim == Unfinished::Creating => {
            identity::unmark(&work.opened, work.home())?;
            return Ok(done(false));
        }
        DataSeen::Ours(_) => {
            let what = Text::new("agent-data-used").with("path", work.home().data());
            return Err(Error::new(Kind::Exists, what).cure(Text::new("agent-data-used-cure")));
        }
        DataSeen::Foreign(why) => return Err(identity::foreign(why)),
        DataSeen::Unfinished => clear(job, &work).await?,
        DataSeen::Absent => {}
    }
    make(job, &work, aim).await?;
    match work.data() {
        DataSeen::Ours(_) if *aim == Unfinished::Creating => Ok(done(true)),
        DataSeen::Unfinished if *aim != Unfinished::Creating => Ok(done(true)),
        other => Err(Error::internal(format!("after its creation the data directory is {other:?}"))),
    }
}

/// Removes what an interrupted creation or load left, having ended the programs that may still work on it.
async fn clear(job: &Job<'_>, work: &Work) -> Result<()> {
    job.inner.supervisor.release(work.home()).await;
    end_all(work.home()).await?;
    state::forget_process(&work.opened, work.home())?;
    let data = work.home().data();
    let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(data)).await;
    match removed {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Ok(Err(error)) => {
            Err(files::failed("agent-unfinished-not-removed", Path::new(&work.home().data()), &error))
        }
        Err(error) => Err(Error::internal(format!("removing an unfinished creation ended with {error}"))),
    }
}

async fn make(job: &Job<'_>, work: &Work, aim: &Unfinished) -> Result<()> {
    let (home, layout) = (work.home(), work.layout());
    identity::mark(&work.opened, home, aim)?;
    make_data(job, work, layout).await?;
    let task = &work.again.task;
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
    };
    state::note_fresh(&work.opened, home, None)?;
    identity::write(&work.opened, home, &identity, work.runner.as_ref())?;
    if *aim == Unfinished::Creating { identity::unmark(&work.opened, home) } else { Ok(()) }
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
    ran?;
    if work.data_is_missing() {
        work.opened.folder(Path::new(&home.data()), 0o700, runner)?;
    }
    Ok(())
}

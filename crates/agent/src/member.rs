//! Acts on a member that runs here: create, start, stop, reload, set aside.
//!
//! Each holds the member's lock, is done again without harm, and says success only of what it looked at afterwards.

use std::{path::Path, sync::Arc, time::Duration};

use roadstead_core::{
    Error, Finding, Kind, Result, Text,
    model::{MemberHome, Runtime},
    plan::MemberTask,
    port::{
        Outcome,
        engine::{Depth, EngineAct},
        layout::Layout,
    },
    seen::{DataSeen, Identity},
};
use tokio::time::Instant;

use crate::{
    files::{self, HomeFolder},
    hand::{Job, watched},
    identity, lock, look, proc, process,
    process::Server,
    state::{self, ProcessRecord},
    supervise::{self, Again},
    users::{self, Account},
};

/// How long a server that says nothing may take to answer, and one that says it is starting.
const READY_SILENT: Duration = Duration::from_mins(1);
const READY_STARTING: Duration = Duration::from_mins(15);
const READY_PAUSE: Duration = Duration::from_millis(50);
/// How long a server that runs may refuse us before that is its last word: some do while they start.
const REFUSED_GRACE: Duration = Duration::from_secs(5);
/// What an engine may take for its word before an orderly stop.
const BEFORE_STOP: Duration = Duration::from_secs(20);
const KILLED_WITHIN: Duration = Duration::from_secs(20);

pub(crate) fn done(changed: bool) -> Outcome {
    Outcome { changed, ..Outcome::default() }
}

/// A member that is being worked on: locked, its home open.
pub(crate) struct Work {
    pub(crate) again: Again,
    pub(crate) opened: HomeFolder,
    pub(crate) runner: Option<Account>,
    _lock: lock::Held,
}

impl Work {
    /// Takes the member's lock; `Kind::Busy` names who holds it.
    pub(crate) async fn begin(job: &Job<'_>, task: &MemberTask) -> Result<Self> {
        let again = Again::of(task)?;
        let runner = users::runner(&again.layout.user)?;
        let opened = state::open(&again.home)?;
        let what = Text::new("agent-held-member").with("member", &task.member.name);
        let held = lock::take_from_agent(&state::lock_path(&again.home), &job.order.by, &what).await?;
        identity::refuse_namesake(&again.home, &again.owner())?;
        identity::follow(&opened, &again.home, &again.owner(), runner.as_ref())?;
        Ok(Self { again, opened, runner, _lock: held })
    }

    pub(crate) fn home(&self) -> &MemberHome {
        &self.again.home
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.again.layout
    }

    /// What lies in the data directory.
    pub(crate) fn data(&self) -> DataSeen {
        identity::look(self.home(), &self.again.owner())
    }

    fn refuse(&self, key: &str) -> Error {
        Error::new(Kind::Precondition, Text::new(key).with("member", &self.again.task.member.name))
    }

    /// The data, which must be ours, not newer than the server, and finished but for a load.
    pub(crate) fn require_made(&self) -> Result<Identity> {
        let layout = self.layout();
        identity::require_made(self.home(), &self.again.owner(), (&layout.version, &layout.flavour))
    }

    /// The data, which must be ours, finished, and not newer than the server.
    pub(crate) fn require(&self) -> Result<Identity> {
        let layout = self.layout();
        identity::require(self.home(), &self.again.owner(), (&layout.version, &layout.flavour))
    }

    /// The server if it runs, watched or not.
    pub(crate) fn running(&self) -> Result<Option<(Arc<Server>, u32)>> {
        let Some((identity, restarts)) = state::running(self.home()) else { return Ok(None) };
        let Some(server) = Server::adopt(&identity)? else { return Ok(None) };
        // One that was found by its folder is known by its identity from now on.
        state::note_process(&self.opened, self.home(), &ProcessRecord::Started { identity, restarts })?;
        Ok(Some((Arc::new(server), restarts)))
    }

    /// Ends the watch over the member, and gives its server if it runs: from now on nobody starts it but us.
    async fn take_over(&self, job: &Job<'_>) -> Result<Option<(Arc<Server>, u32)>> {
        match job.inner.supervisor.release(self.home()).await {
            Some((server, restarts)) => Ok(Some((server, restarts))),
            None => self.running(),
        }
    }

    /// Makes the layout's folders and writes its files; `true`: any file changed.
    pub(crate) fn write_files(&self, job: &Job<'_>, layout: &Layout, creating: bool) -> Result<bool> {
        for folder in &layout.directories {
            self.opened.folder(Path::new(&folder.path), folder.mode, self.runner.as_ref())?;
        }
        let files = layout.files.iter().filter(|file| creating || !file.only_for_create);
        self.opened.write_all(files, self.runner.as_ref(), &job.secrets(&self.again.task.host))
    }
}

impl Work {
    /// Gives everything in the data directory to the server's user.
    pub(crate) fn own_data(&self) -> Result<()> {
        let data = self.home().data();
        let Some(runner) = &self.runner else { return Ok(()) };
        files::give_tree(Path::new(&data), runner)
            .map_err(|error| files::failed("agent-file-not-written", Path::new(&data), &error))
    }

    /// Whether nothing made the data directory.
    pub(crate) fn data_is_missing(&self) -> bool {
        !Path::new(&self.home().data()).exists()
    }
}

/// `Act::WriteFiles`.
pub(crate) async fn write_files(job: &Job<'_>, task: &MemberTask) -> Result<Outcome> {
    let work = Work::begin(job, task).await?;
    Ok(done(work.write_files(job, work.layout(), false)?))
}

/// `Act::Start`.
pub(crate) async fn start(job: &Job<'_>, task: &MemberTask) -> Result<Outcome> {
    let work = Work::begin(job, task).await?;
    start_locked(job, &work).await
}

/// Starts and watches it. One that should run is never left to itself, however this ends.
async fn start_locked(job: &Job<'_>, work: &Work) -> Result<Outcome> {
    let started = start_now(job, work).await;
    let supervisor = &job.inner.supervisor;
    if let Err(error) = &started
        && supervisor.seen(work.home()).is_none()
        && state::wanted(work.home()).is_some_and(|wanted| wanted.run)
    {
        supervisor.revive(work.again.clone(), supervise::failed(error));
    }
    started
}

async fn start_now(job: &Job<'_>, work: &Work) -> Result<Outcome> {
    let home = work.home();
    let identity = work.require()?;
    // What a mark may still say is not of this data.
    identity::unmark(&work.opened, home)?;
    let supervisor = &job.inner.supervisor;
    if let Some((server, restarts)) = work.take_over(job).await? {
        // It runs by the layout it was started by, whatever the files say now; of one that was moved since, nothing there
        // holds any more.
        let by =
            state::wanted(home).map(|wanted| wanted.task).filter(|task| task.home.as_ref() == Some(home));
        let by = by.unwrap_or_else(|| work.again.task.clone());
        state::want(&work.opened, home, true, &by)?;
        let again = Again::of(&by)?;
        let answered = ready(job, work, &again.layout, &server).await;
        supervisor.watch(again, server, restarts);
        return answered.map(|()| done(false));
    }
    // From here on clients may change the data.
    state::forget_fresh(&work.opened, home)?;
    state::want(&work.opened, home, true, &work.again.task)?;
    let started = async {
        port_free(&work.again.task)?;
        work.write_files(job, work.layout(), false)?;
        run_until_ready(job, work, work.layout()).await
    };
    match started.await {
        Ok((server, Ok(()))) => supervisor.watch(work.again.clone(), server, 0),
        Ok((server, Err(error))) if server.is_running() => {
            supervisor.watch(work.again.clone(), server, 0);
            return Err(error);
        }
        Ok((_, Err(error))) | Err(error) => {
            // Nobody stopped it on purpose: it is tried again, and nobody takes it for stopped.
            state::forget_process(&work.opened, home)?;
            supervisor.revive(work.again.clone(), supervise::failed(&error));
            return Err(error);
        }
    }
    if identity.version < work.layout().version {
        let version = work.layout().version.clone();
        identity::write(&work.opened, home, &Identity { version, ..identity }, work.runner.as_ref())?;
    }
    Ok(done(true))
}

/// Starts a server by a layout and waits for its readiness. The server is given back with what came of the wait.
pub(crate) async fn run_until_ready(
    job: &Job<'_>,
    work: &Work,
    layout: &Layout,
) -> Result<(Arc<Server>, Result<()>)> {
    let again = Again { layout: layout.clone(), ..work.again.clone() };
    let server = again.spawn(0)?;
    let waited = ready(job, work, layout, &server).await;
    Ok((server, waited))
}

/// Waits until the server answers as its engine.
async fn ready(job: &Job<'_>, work: &Work, layout: &Layout, server: &Server) -> Result<()> {
    let task = &work.again.task;
    let engine = job.inner.engine(&task.cluster.engine)?;
    let observe = engine.observe().ok_or_else(|| look::unsupported(engine.as_ref(), "observe"))?;
    let mut linked = job.link(task, Some(layout), false).await?;
    linked.link.deadline = roadstead_core::Millis::seconds(2);
    let began = Instant::now();
    let from = server.log_from.unwrap_or_else(|| work.again.log_length());
    let told = |kind, key: &str| {
        let what = Text::new(key)
            .with("member", &task.member.name)
            .with("seconds", began.elapsed().as_secs())
            .with("endpoint", layout.endpoint.to_string());
        let mut error =
            Error::new(kind, what).cure(Text::new("agent-start-cure").with("log", work.home().log()));
        error.causes = process::tail(&state::log_path(work.home()), from);
        error
    };
    loop {
        let look = observe.look(&linked.link, &task.cluster, Depth::Brief, &[]);
        let answer = tokio::select! {
            biased;
            how = server.ended() => return Err(told(Kind::Failed, "agent-start-died").with("how", how)),
            answer = watched(job.watch, look) => answer,
        };
        let error = match answer {
            Ok(_) => return Ok(()),
            Err(error) if error.kind == Kind::Cancelled && job.watch.is_cancelled() => return Err(error),
            Err(error) => error,
        };
        let waited = began.elapsed();
        let limit = match error.kind {
            Kind::Busy => READY_STARTING,
            Kind::Unreachable => READY_SILENT,
            _ => REFUSED_GRACE,
        };
        if waited > limit {
            let late = matches!(error.kind, Kind::Busy | Kind::Unreachable);
            let (kind, key) = if late {
                (Kind::Unreachable, "agent-start-silent")
            } else {
                (error.kind, "agent-start-refused")
            };
            return Err(told(kind, key).with("why", error.what));
        }
        tokio::time::sleep(READY_PAUSE).await;
    }
}

/// Refuses when another process listens where this member would.
pub(crate) fn port_free(task: &MemberTask) -> Result<()> {
    let Runtime::Process { port, listen, .. } = &task.member.runtime else { return Ok(()) };
    let bound = std::net::TcpListener::bind((*listen, *port));
    let error = match bound {
        Ok(_) => return Ok(()),
        // A port that only the server's own rights may bind is the server's own affair.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return Ok(()),
        Err(error) => error,
    };
    let say = |key: &str| {
        Text::new(key)
            .with("port", *port)
            .with("address", listen.to_string())
            .with("member", &task.member.name)
    };
    let busy = |what: Text, cure: Text| Err(Error::new(Kind::Busy, what).retry(false).cure(cure));
    if error.kind() != std::io::ErrorKind::AddrInUse {
        return Err(Error::io(say("agent-address-unusable"), &error));
    }
    let Some((pid, command)) = proc::holder(*listen, *port) else {
        let cure = Text::new("agent-port-outgoing-cure").with("ports", proc::outgoing_ports());
        return busy(say("agent-port-outgoing"), cure);
    };
    let shown = |text: Option<String>| text.unwrap_or_else(|| "?".into());
    let what = say("agent-port-taken").with("pid", shown(pid.map(|pid| pid.to_string())));
    busy(what.with("command", shown(command)), Text::new("agent-port-taken-cure"))
}

/// `Act::Stop`.
pub(crate) async fn stop(job: &Job<'_>, task: &MemberTask) -> Result<Outcome> {
    let mut task = task.clone();
    if let (None, Some(home)) = (&task.layout, &task.home) {
        // It could not be laid out anew: by what it was started by it can be stopped.
        let Some(layout) = state::last_layout(home) else {
            let what = Text::new("agent-no-layout").with("member", &task.member.name);
            return Err(Error::new(Kind::Precondition, what));
        };
        task.layout = Some(Box::new(layout));
    }
    let work = Work::begin(job, &task).await?;
    stop_locked(job, &work, true).await
}

async fn stop_locked(job: &Job<'_>, work: &Work, for_good: bool) -> Result<Outcome> {
    let home = work.home();
    // What it was started by is what finds it, until it is stopped.
    if for_good && let Some(wanted) = state::wanted(home) {
        let task = MemberTask { fleet_file: work.again.task.fleet_file.clone(), ..wanted.task };
        state::want(&work.opened, home, false, &task)?;
    }
    let server = work.take_over(job).await?.map(|(server, _)| server);
    let Some(server) = server else {
        state::forget_process(&work.opened, home)?;
        return Ok(done(false));
    };
    let layout = state::last_layout(home).unwrap_or_else(|| work.layout().clone());
    let killed = end(job, work, &layout, &server).await?;
    state::forget_process(&work.opened, home)?;
    let mut outcome = done(true);
    if killed {
        let name = work.again.task.member.name.as_str();
        let what = Text::new("agent-stop-killed")
            .with("member", name)
            .with("deadline", layout.stop.deadline.to_string());
        outcome.findings.push(Finding::warning(name, what));
    }
    Ok(outcome)
}

/// Stops a server in order, and by force after the deadline; `true`: it had to be killed.
pub(crate) async fn end(job: &Job<'_>, work: &Work, layout: &Layout, server: &Server) -> Result<bool> {
    let task = &work.again.task;
    server.wake()?;
    let asked = async {
        let engine = job.inner.engine(&task.cluster.engine)?;
        let deploy = engine.deploy().ok_or_else(|| look::unsupported(engine.as_ref(), "deploy"))?;
        let linked = job.link(task, Some(layout), true).await?;
        deploy.before_stop(&linked.link).await
    };
    match tokio::time::timeout(BEFORE_STOP, asked).await {
        Ok(Ok(())) => {}
        // The orderly signal needs no word by protocol; a server that cannot listen is stopped all the same.
        Ok(Err(error)) => tracing::warn!(member = %task.member.name, %error, "no word before the stop"),
        Err(_) => tracing::warn!(member = %task.member.name, "no answer before the stop"),
    }
    server.signal(process::signal(layout.stop.signal))?;
    if tokio::time::timeout(layout.stop.deadline.duration(), server.ended()).await.is_ok() {
        return Ok(false);
    }
    end_now(server).await?;
    Ok(true)
}

/// Ends the server of a home whose data counts for nothing, and every program that still works on it.
pub(crate) async fn end_all(home: &MemberHome) -> Result<()> {
    let server = state::running(home).map(|(identity, _)| identity);
    for identity in server.into_iter().chain(state::at_work(home)) {
        if let Some(server) = Server::adopt(&identity)? {
            tracing::warn!(pid = identity.pid, home = %home.root, "ending what a killed predecessor left");
            end_now(&server).await?;
        }
    }
    Ok(())
}

/// Kills a server with its group and waits until it is gone.
pub(crate) async fn end_now(server: &Server) -> Result<()> {
    server.kill()?;
    tokio::time::timeout(KILLED_WITHIN, server.ended()).await.map(drop).map_err(|_| {
        Error::new(Kind::Unreachable, Text::new("agent-not-killed").with("pid", server.identity.pid))
    })
}

/// `Act::Restart`.
pub(crate) async fn restart(job: &Job<'_>, task: &MemberTask) -> Result<Outcome> {
    let work = Work::begin(job, task).await?;
    work.require()?;
    // A place that is taken is better known while it serves where it is.
    let port = |task: &MemberTask| task.member.endpoint().1;
    let moves = |wanted: state::Wanted| port(&wanted.task) != port(task);
    if state::wanted(work.home()).is_some_and(moves) {
        port_free(task)?;
    }
    let stopped = stop_locked(job, &work, false).await?;
    let mut started = start_locked(job, &work).await?;
    started.findings.extend(stopped.findings);
    Ok(started)
}

/// `Act::Reload`.
pub(crate) async fn reload(job: &Job<'_>, task: &MemberTask) -> Result<Outcome> {
    let work = Work::begin(job, task).await?;
    let Some((server, _)) = work.running()? else { return Err(work.refuse("agent-not-running")) };
    let changed = work.write_files(job, work.layout(), false)?;
    state::want(&work.opened, work.home(), true, task)?;
    if let Some(signal) = work.layout().reload {
        server.signal(process::signal(signal))?;
    }
    if server.is_running() { Ok(done(changed)) } else { Err(work.refuse("agent-not-running")) }
}

/// `Act::SetAside`.
pub(crate) async fn set_aside(job: &Job<'_>, task: &MemberTask, label: &str) -> Result<Outcome> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if label.is_empty() || label.len() > 100 || !label.bytes().all(allowed) {
        return Err(Error::new(Kind::Input, Text::new("agent-label").with("label", label)));
    }
    let work = Work::begin(job, task).await?;
    if work.running()?.is_some() {
        return Err(work.refuse("agent-still-running"));
    }
    let data = work.home().data();
    let aside = format!("{data}.{label}");
    match work.data() {
        DataSeen::Absent if Path::new(&aside).exists() => return Ok(done(false)),
        DataSeen::Foreign(why) => return Err(identity::foreign(why)),
        DataSeen::Absent if !Path::new(&data).exists() => return Ok(done(false)),
        _ => {}
    }
    work.opened.rename(Path::new(&data), Path::new(&aside))?;
    identity::unmark(&work.opened, work.home())?;
    state::forget_fresh(&work.opened, work.home())?;
    match work.data() {
        DataSeen::Absent => Ok(done(true)),
        other => Err(Error::internal(format!("after it was set aside the data directory is {other:?}"))),
    }
}

/// `Act::Own`.
pub(crate) async fn own(job: &Job<'_>, task: &MemberTask, act: &EngineAct) -> Result<Outcome> {
    let engine = job.inner.engine(&task.cluster.engine)?;
    let deploy = engine.deploy().ok_or_else(|| look::unsupported(engine.as_ref(), "deploy"))?;
    let linked = job.link(task, None, true).await?;
    let secrets = job.secrets(&task.host);
    watched(job.watch, deploy.perform(&linked.link, act, &secrets)).await?;
    Ok(done(true))
}

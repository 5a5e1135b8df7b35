//! Watching members: one task for each waits for the end of its process and starts it again after a pause.
//!
//! Starts only what was started on purpose before, on data that is still ours; stops nothing.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use roadstead_core::{
    Error, Finding, Kind, Result, Text, model::MemberHome, plan::MemberTask, port::layout::Layout,
    seen::ProcessSeen,
};
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    identity, lock as locks, member, process,
    process::Server,
    state::{self, ProcessRecord},
    users,
};

/// The first pause before a restart; it doubles with each death in a row.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_LAST: Duration = Duration::from_secs(30);
/// How often the length of a log is looked at.
const LOG_BEAT: Duration = Duration::from_secs(5);
/// A server that has lived this long is taken for healthy: its next death is the first in a row.
const HEALTHY_AFTER: Duration = Duration::from_mins(1);

/// The members that this process watches, by their home.
#[derive(Debug, Default)]
pub(crate) struct Supervisor {
    members: Mutex<HashMap<String, Watched>>,
}

#[derive(Debug)]
struct Watched {
    fleet_file: String,
    state: Arc<Mutex<State>>,
    guard: JoinHandle<()>,
}

#[derive(Clone, Debug)]
struct State {
    server: Option<Arc<Server>>,
    restarts: u32,
    failures: u32,
    /// How it died last; `None`: it has not died yet.
    last: Option<Text>,
    /// Somebody else stopped it on purpose: there is nothing more to watch.
    over: bool,
}

/// What must be known to start a member again.
#[derive(Clone, Debug)]
pub(crate) struct Again {
    /// The member.
    pub(crate) task: MemberTask,
    /// Its home.
    pub(crate) home: MemberHome,
    /// Its layout.
    pub(crate) layout: Layout,
}

impl Again {
    /// From a task; an error for a member that is not run here.
    pub(crate) fn of(task: &MemberTask) -> Result<Self> {
        match (&task.home, &task.layout) {
            (Some(home), Some(layout)) => {
                Ok(Self { task: task.clone(), home: home.clone(), layout: (**layout).clone() })
            }
            _ => Err(Error::new(
                Kind::Unsupported,
                Text::new("agent-not-run-here").with("member", &task.member.name),
            )),
        }
    }

    /// Whose the data must be.
    pub(crate) fn owner(&self) -> identity::Owner<'_> {
        identity::Owner {
            fleet: self.task.fleet.as_str(),
            fleet_file: &self.task.fleet_file,
            cluster: &self.task.cluster.name,
            member: &self.task.member.name,
            engine: &self.task.cluster.engine,
        }
    }

    /// Starts the server's process, with its identity written down before anybody learns of it.
    pub(crate) fn spawn(&self, restarts: u32) -> Result<Arc<Server>> {
        let runner = users::runner(&self.layout.user)?;
        let opened = state::open(&self.home)?;
        let log = process::open_log(&opened, &self.home, runner.as_ref())?;
        state::note_process(&opened, &self.home, &ProcessRecord::Starting)?;
        let started = Server::start(&self.layout.server, runner.as_ref(), &self.home.root, &log);
        let server = match started {
            Ok(server) => server,
            Err(error) => {
                state::forget_process(&opened, &self.home)?;
                return Err(error);
            }
        };
        let record = ProcessRecord::Started { identity: server.identity.clone(), restarts };
        if let Err(error) = state::note_process(&opened, &self.home, &record) {
            // A server that the next agent could not find again must not run.
            server.kill()?;
            server.wait_blocking(Duration::from_secs(5));
            return Err(error);
        }
        Ok(Arc::new(server))
    }

    /// How many bytes its log holds now.
    pub(crate) fn log_length(&self) -> u64 {
        std::fs::metadata(state::log_path(&self.home)).map_or(0, |found| found.len())
    }
}

impl Supervisor {
    /// Watches a running server from now on.
    pub(crate) fn watch(&self, again: Again, server: Arc<Server>, restarts: u32) {
        let state = State { server: Some(server), restarts, failures: 0, last: None, over: false };
        self.guard(again, state);
    }

    /// Starts a member that should run and does not, as if it had died now, and watches it.
    pub(crate) fn revive(&self, again: Again, last: Text) {
        self.guard(again, State { server: None, restarts: 0, failures: 1, last: Some(last), over: false });
    }

    fn guard(&self, again: Again, state: State) {
        let (root, fleet_file) = (again.home.root.clone(), again.task.fleet_file.clone());
        let state = Arc::new(Mutex::new(state));
        let guard = tokio::spawn(keep(again, state.clone()));
        let before = self.all().insert(root, Watched { fleet_file, state, guard });
        if let Some(before) = before {
            before.guard.abort();
        }
    }

    /// Stops watching; nothing is started again after this returns. The server, if one runs,
    /// with its restarts.
    pub(crate) async fn release(&self, home: &MemberHome) -> Option<(Arc<Server>, u32)> {
        let watched = self.all().remove(&home.root)?;
        watched.guard.abort();
        // It was aborted just now, or has ended before: both are what is wanted.
        let _ = watched.guard.await;
        let state = lock(&watched.state).clone();
        Some((state.server.filter(|server| server.is_running())?, state.restarts))
    }

    /// The process as this supervisor knows it; `None`: it does not watch this member.
    pub(crate) fn seen(&self, home: &MemberHome) -> Option<ProcessSeen> {
        let state = self.state(home)?;
        Some(match state.server.filter(|server| server.is_running()) {
            Some(server) => ProcessSeen::Running { pid: server.identity.pid, restarts: state.restarts },
            None => ProcessSeen::BackingOff {
                failures: state.failures.max(1),
                last: state.last.unwrap_or_else(|| said("ended")),
            },
        })
    }

    /// That a member has died and was started again since it was last started on purpose; `None`: it was not. One that
    /// waits to be started again is told by what is seen of its process.
    pub(crate) fn report(&self, home: &MemberHome, member: &str) -> Option<Finding> {
        let state = self.state(home)?;
        let last = state.server.and(state.last)?;
        let what = Text::new("agent-member-restarted").with("member", member).with("count", state.restarts);
        let what = what.with("last", last);
        Some(Finding::warning(member, what).cure(Text::new("agent-member-died-cure").with("log", home.log())))
    }

    /// The members that are watched, by their home, each with its fleet file.
    pub(crate) fn watched(&self) -> BTreeMap<String, String> {
        let all = self.all();
        let watched = all.iter().filter(|(_, watched)| !lock(&watched.state).over);
        watched.map(|(root, watched)| (root.clone(), watched.fleet_file.clone())).collect()
    }

    fn state(&self, home: &MemberHome) -> Option<State> {
        let state = self.all().get(&home.root).map(|watched| lock(&watched.state).clone())?;
        (!state.over).then_some(state)
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<String, Watched>> {
        self.members.lock().expect("no holder of this lock panics")
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().expect("no holder of this lock panics")
}

/// What a server left when it ended.
fn said(words: &str) -> Text {
    Text::new("agent-last-words").with("words", words)
}

/// Why a server could not be started.
pub(crate) fn failed(error: &Error) -> Text {
    if error.causes.is_empty() {
        return error.what.clone();
    }
    Text::new("agent-start-failed").with("why", error.what.clone()).with("words", error.causes.join("\n"))
}

/// How long to wait before the restart after this many deaths in a row.
fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(10);
    PAUSE_FIRST.saturating_mul(1 << doublings).min(PAUSE_LAST)
}

async fn keep(again: Again, state: Arc<Mutex<State>>) {
    loop {
        let server = lock(&state).server.clone();
        if let Some(server) = server {
            let since = Instant::now();
            let from = server.log_from.unwrap_or_else(|| again.log_length());
            let how = attended(&again, &server).await;
            let mut last = vec![how];
            last.extend(process::tail(&state::log_path(&again.home), from));
            let mut now = lock(&state);
            now.failures = if since.elapsed() >= HEALTHY_AFTER { 1 } else { now.failures + 1 };
            now.server = None;
            now.last = Some(said(&last.join("\n")));
            tracing::warn!(member = %again.task.member.name, failures = now.failures, how = %last[0], "member died");
        }
        let failures = lock(&state).failures;
        tokio::time::sleep(pause(failures)).await;
        restart(&again, &state);
        if lock(&state).over {
            return;
        }
    }
}

/// Waits for the end of a server and keeps its log bounded meanwhile.
async fn attended(again: &Again, server: &Server) -> String {
    let ended = server.ended();
    tokio::pin!(ended);
    let mut beat = tokio::time::interval(LOG_BEAT);
    loop {
        tokio::select! {
            how = &mut ended => return how,
            _ = beat.tick() => {}
        }
        if again.log_length() <= process::LOG_BYTES_MAX {
            continue;
        }
        let (home, user) = (again.home.clone(), again.layout.user.clone());
        let bounded = move || process::bound_log(&home, users::runner(&user)?.as_ref());
        match tokio::task::spawn_blocking(bounded).await {
            Ok(Ok(true)) => tracing::info!(member = %again.task.member.name, "put the member's log aside"),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => {
                tracing::warn!(member = %again.task.member.name, %error, "the member's log cannot be bounded");
            }
            Err(error) => tracing::warn!(member = %again.task.member.name, %error, "bounding the log failed"),
        }
    }
}

/// One attempt; without a wait inside, so that nobody can stop it between the process and the note of it.
fn restart(again: &Again, state: &Mutex<State>) {
    // Whoever acts on the member now will leave it as it should be: the next attempt sees how.
    let Ok(Some(_held)) = locks::attempt(&state::lock_path(&again.home), locks::AGENT) else { return };
    if !state::wanted(&again.home).is_some_and(|wanted| wanted.run) {
        tracing::info!(member = %again.task.member.name, "member was stopped on purpose; it is watched no more");
        lock(state).over = true;
        return;
    }
    if let Some((identity, restarts)) = state::running(&again.home)
        && let Ok(Some(server)) = Server::adopt(&identity)
    {
        let mut now = lock(state);
        now.server = Some(Arc::new(server));
        now.restarts = restarts;
        return;
    }
    let restarts = lock(state).restarts + 1;
    let ours = identity::require(&again.home, &again.owner(), (&again.layout.version, &again.layout.flavour));
    // A server whose port is taken would run for a moment, and be taken for well.
    let started = ours.and_then(|_| member::port_free(&again.task)).and_then(|()| again.spawn(restarts));
    let mut now = lock(state);
    match started {
        Ok(server) => {
            tracing::info!(member = %again.task.member.name, pid = server.identity.pid, restarts, "member started again");
            now.server = Some(server);
            now.restarts = restarts;
        }
        Err(error) => {
            tracing::warn!(member = %again.task.member.name, %error, "member could not be started again");
            now.failures += 1;
            now.last = Some(failed(&error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stay_bounded() {
        let pauses: Vec<_> = [1, 2, 3, 7, 8, 1_000].map(pause).iter().map(Duration::as_millis).collect();
        assert_eq!(pauses, [500, 1_000, 2_000, 30_000, 30_000, 30_000]);
    }
}

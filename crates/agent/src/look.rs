//! Looking at the host and its members: what is there, what runs, what answers.
//!
//! Changes nothing, and no member costs more than its deadline.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use roadstead_core::{
    Bytes, Error, Finding, Kind, Millis, Result, Text,
    model::{ClusterSpec, HostSpec, MemberHome, MemberSpec},
    port::{
        Engine, Link, Observe, Secrets,
        engine::Depth,
        hand::{LookAsk, LookMember, Looked, Purse},
        layout::Endpoint,
    },
    seen::{AgentSeen, DataSeen, Facts, HostSeen, MemberSeen, OnHost, ProcessSeen, Reach, Tools, Watched},
};
use sha2::{Digest, Sha256};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use crate::{
    files,
    hand::Inner,
    identity,
    link::{self, HandSecrets, Way},
    proc, process, remains, state, users, worker,
};

/// What one look at one member may take, all in all.
const LOOK_DEADLINE: Duration = Duration::from_secs(2);
/// What the engine is given of it.
const LINK_DEADLINE: Millis = Millis(1_700);
/// What each declared account may take to log in, on average, and all of them.
const LOGIN_DEADLINE: Duration = Duration::from_millis(200);
const LOGINS_DEADLINE_MAX: Duration = Duration::from_mins(1);
/// What the look for members that nobody asked for may take, and for what was left: a file system may hang.
const BESIDES_DEADLINE: Duration = Duration::from_secs(10);
/// What a survey of one member's grants and contents may take.
const SURVEY_DEADLINE: Duration = Duration::from_mins(1);
/// How many members are looked at at once.
const LOOKS_AT_ONCE: usize = 256;
const CONF_FILES_MAX: usize = 1_000;
const CONF_DEPTH_MAX: usize = 4;

/// Looks at the host and at every member.
pub(crate) async fn look(inner: &Arc<Inner>, ask: &LookAsk, purse: &Purse) -> Result<Looked> {
    let turns = Arc::new(Semaphore::new(LOOKS_AT_ONCE));
    let shared = Arc::new((ask.host.clone(), purse.clone(), ask.depth, ask.fleet_file.clone()));
    let mut looks = JoinSet::new();
    let mut late = Vec::new();
    let besides = if let Ok(besides) = tokio::time::timeout(BESIDES_DEADLINE, besides(ask)).await {
        besides?
    } else {
        late.push(hung(ask));
        Vec::new()
    };
    let remains = tokio::time::timeout(BESIDES_DEADLINE, remains::look(inner, ask));
    for member in ask.members.iter().chain(&besides) {
        let (inner, shared, turns, member) = (inner.clone(), shared.clone(), turns.clone(), member.clone());
        looks.spawn(async move {
            let _turn = turns.acquire().await.expect("this semaphore is never closed");
            let name = member.member.name.clone();
            let asked = Asked { host: &shared.0, purse: &shared.1, depth: shared.2, fleet_file: &shared.3 };
            let (seen, findings) = one(&inner, &asked, member).await;
            (name, seen, findings)
        });
    }
    let besides = besides.into_iter().map(|ask| (ask.member.name.clone(), ask.cluster)).collect();
    let mut looked = Looked { host: host(inner, &ask.host, ask.tools).await?, besides, ..Looked::default() };
    while let Some(ended) = looks.join_next().await {
        let (name, seen, findings) =
            ended.map_err(|error| Error::internal(format!("a look ended with {error}")))?;
        looked.members.insert(name, seen);
        looked.findings.extend(findings);
    }
    match remains.await {
        Ok(remains) => {
            (looked.former, looked.asides) = remains
                .map_err(|error| Error::internal(format!("the look for what remains ended with {error}")))?;
        }
        Err(_) => late.push(hung(ask)),
    }
    looked.findings.extend(late);
    looked.findings.sort();
    looked.findings.dedup();
    Ok(looked)
}

/// That not all could be looked for: what is not seen is not told, and keeps nobody from the rest.
fn hung(ask: &LookAsk) -> Finding {
    let what = Text::new("agent-besides-unseen")
        .with("path", &ask.host.data)
        .with("limit", Millis::from(BESIDES_DEADLINE).to_string());
    Finding::warning(ask.host.name.as_str(), what).cure(Text::new("agent-besides-unseen-cure"))
}

/// What every member's look is given.
struct Asked<'a> {
    host: &'a HostSpec,
    purse: &'a Purse,
    depth: Depth,
    fleet_file: &'a str,
}

/// The members of this fleet that were started here and are not among those that are known already. Another fleet's of
/// the same name are none of them.
async fn besides(ask: &LookAsk) -> Result<Vec<LookMember>> {
    let Some(known) = &ask.besides else { return Ok(Vec::new()) };
    let (host, fleet, known) = (ask.host.clone(), ask.fleet.clone(), known.clone());
    let fleet_file = ask.fleet_file.clone();
    let found = tokio::task::spawn_blocking(move || {
        let mut found: Vec<LookMember> = state::homes(&host, &fleet)
            .into_iter()
            .filter_map(|home| Some((state::wanted(&home)?.task, home)))
            .filter(|(task, home)| {
                !known.contains(&task.member.name) && home.root.ends_with(&format!("/{}", task.member.name))
            })
            .map(|(task, home)| LookMember {
                cluster: ClusterSpec { members: vec![task.member.clone()], ..task.cluster },
                member: task.member,
                home: Some(home),
                settings: Vec::new(),
            })
            .filter(|ask| {
                let home = ask.home.as_ref().expect("it was found there");
                identity::refuse_namesake(home, &owner(ask, home, &fleet_file)).is_ok()
            })
            .collect();
        found.sort_by(|one, other| one.member.name.cmp(&other.member.name));
        found
    });
    found.await.map_err(|error| Error::internal(format!("the look for other members ended with {error}")))
}

async fn host(inner: &Arc<Inner>, spec: &HostSpec, tools: bool) -> Result<HostSeen> {
    let mut found = None;
    if tools {
        found = Some(inner.search.all(inner.engines.as_ref(), spec).await);
    }
    let usual = inner.engines.all().into_iter().map(|engine| engine.profile().user.to_owned());
    let mut asked: Vec<String> = usual.chain(spec.user.clone()).collect();
    asked.sort();
    asked.dedup();
    let watched = inner.supervisor.watched().into_iter();
    let watched = watched.map(|(home, fleet_file)| {
        let has_file = Path::new(&fleet_file).is_file();
        Watched { home, fleet_file, has_file }
    });
    let agent = inner.agent.clone().map(|agent| AgentSeen { watches: watched.collect(), ..agent });
    let seen = tokio::task::spawn_blocking(move || {
        let listening = proc::listening().into_iter();
        let listening = listening.map(|listener| SocketAddr::new(listener.address, listener.port));
        let known = users::accounts();
        asked.retain(|user| known.iter().any(|account| account.name == *user));
        HostSeen {
            memory: proc::memory(),
            is_root: users::is_root(),
            user: users::current(),
            users: asked,
            tools: found,
            listening: listening.collect(),
            agent,
        }
    });
    seen.await.map_err(|error| Error::internal(format!("the look at the host ended with {error}")))
}

/// What a host is like, for rendering a layout.
pub(crate) async fn host_with_tools(inner: &Arc<Inner>, spec: &HostSpec, tools: Tools) -> Result<HostSeen> {
    Ok(HostSeen { tools: Some(tools), ..host(inner, spec, false).await? })
}

async fn one(inner: &Arc<Inner>, asked: &Asked<'_>, ask: LookMember) -> (MemberSeen, Vec<Finding>) {
    let began = Instant::now();
    let end = began + LOOK_DEADLINE;
    let unanswered = || (Reach::Unreachable(silent(&ask)), None);
    // What needs no answer from the server is told also where that one takes too long.
    let on_host = match &ask.home {
        Some(home) => tokio::time::timeout_at(end, on_host(inner, asked, &ask, home)).await,
        None => Ok(Ok(None)),
    };
    let (on_host, (reach, facts)) = match on_host {
        Ok(Ok(on_host)) => {
            let answer = answer(inner, asked, &ask, on_host.as_ref());
            let answered = tokio::time::timeout_at(end + for_accounts(asked, &ask), answer).await;
            (on_host, answered.unwrap_or_else(|_| unanswered()))
        }
        Ok(Err(error)) => (None, (Reach::Refused(error), None)),
        Err(_) => (None, unanswered()),
    };
    let mut findings = Vec::new();
    if let Some(home) = &ask.home {
        findings.extend(inner.supervisor.report(home, ask.member.name.as_str()));
    }
    let seen = MemberSeen { on_host, reach, facts, took: began.elapsed().into() };
    if asked.depth == Depth::Grants && matches!(seen.reach, Reach::Running) {
        findings.extend(survey(inner, asked, &ask).await);
    }
    (seen, findings)
}

/// What is given beyond the deadline for the accounts that log in one after another; what is asked first has its own.
fn for_accounts(asked: &Asked<'_>, ask: &LookMember) -> Duration {
    let are_asked = asked.depth == Depth::Full && ask.home.is_some();
    let count = if are_asked { u32::try_from(ask.cluster.roles.len()).unwrap_or(u32::MAX) } else { 0 };
    LOGIN_DEADLINE.saturating_mul(count).min(LOGINS_DEADLINE_MAX)
}

fn silent(ask: &LookMember) -> Error {
    let (address, port) = ask.member.endpoint();
    let what = Text::new("agent-member-silent")
        .with("member", &ask.member.name)
        .with("address", address)
        .with("port", port)
        .with("deadline", Millis::from(LOOK_DEADLINE).to_string());
    Error::new(Kind::Unreachable, what).cure(Text::new("agent-member-silent-cure"))
}

/// What the host knows of the member without asking it; `None`: that could not be read, so nothing may be concluded.
/// Fails when what lives there is another fleet's of the same name.
async fn on_host(
    inner: &Arc<Inner>,
    asked: &Asked<'_>,
    ask: &LookMember,
    home: &MemberHome,
) -> Result<Option<OnHost>> {
    let (inner, ask, home) = (inner.clone(), ask.clone(), home.clone());
    let fleet_file = asked.fleet_file.to_owned();
    let looked = tokio::task::spawn_blocking(move || {
        let owner = owner(&ask, &home, &fleet_file);
        identity::refuse_namesake(&home, &owner)?;
        let process = process(&inner, &home);
        let listens = match process {
            ProcessSeen::Running { pid, .. } => proc::listens(pid),
            _ => None,
        };
        Ok(OnHost {
            listens,
            data: swapped(&process, &home).unwrap_or_else(|| identity::look(&home, &owner)),
            process,
            files: digests(&home),
            free: process::free_bytes_near(Path::new(&home.root)).map(Bytes),
        })
    });
    looked.await.ok().transpose()
}

/// The data directory that lies there is not the one that the server works in: somebody moved it away under it.
fn swapped(process: &ProcessSeen, home: &MemberHome) -> Option<DataSeen> {
    let ProcessSeen::Running { pid, .. } = process else { return None };
    let works_in = proc::directory(*pid)?;
    let is_elsewhere = works_in.starts_with(&home.root)
        && works_in != Path::new(&home.root)
        && !works_in.starts_with(home.data())
        && Path::new(&home.data()).exists();
    let what = || {
        Text::new("agent-data-swapped")
            .with("path", home.data())
            .with("works", works_in.display().to_string())
    };
    is_elsewhere.then(|| DataSeen::Foreign(what()))
}

fn owner<'a>(ask: &'a LookMember, home: &'a MemberHome, fleet_file: &'a str) -> identity::Owner<'a> {
    let fleet = Path::new(&home.root).parent().and_then(Path::file_name).and_then(|name| name.to_str());
    identity::Owner {
        fleet: fleet.unwrap_or_default(),
        fleet_file,
        cluster: &ask.cluster.name,
        member: &ask.member.name,
        engine: &ask.cluster.engine,
    }
}

/// The member's process: as the supervisor knows it, else as it was written down.
pub(crate) fn process(inner: &Inner, home: &MemberHome) -> ProcessSeen {
    if let Some(seen) = inner.supervisor.seen(home) {
        return seen;
    }
    match state::running(home) {
        Some((identity, restarts)) => ProcessSeen::Running { pid: identity.pid, restarts },
        None if state::wanted(home).is_some_and(|wanted| wanted.run) => ProcessSeen::Dead,
        None => ProcessSeen::Stopped,
    }
}

/// SHA-256 of every file in the member's `conf` folder.
fn digests(home: &MemberHome) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    walk(Path::new(&home.conf()), CONF_DEPTH_MAX, &mut found);
    found
}

fn walk(folder: &Path, depth: usize, found: &mut BTreeMap<String, String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if entry.file_name().to_string_lossy().starts_with('.') || found.len() >= CONF_FILES_MAX {
            continue;
        }
        if kind.is_dir() && depth > 0 {
            walk(&path, depth - 1, found);
        } else if kind.is_file() {
            let digest =
                files::read(&path, files::FILE_BYTES_MAX).map(|bytes| hex::encode(Sha256::digest(bytes)));
            found.insert(path.display().to_string(), digest.unwrap_or_else(|_| "unreadable".into()));
        }
    }
}

/// What the member itself says, where a process of it runs.
async fn answer(
    inner: &Arc<Inner>,
    asked: &Asked<'_>,
    ask: &LookMember,
    on_host: Option<&OnHost>,
) -> (Reach, Option<Facts>) {
    if on_host.is_some_and(|found| !matches!(found.process, ProcessSeen::Running { .. })) {
        return (Reach::Stopped, None);
    }
    let told = async {
        let engine = inner.engine(&ask.cluster.engine)?;
        let linked = connect(inner, asked, ask, &engine)?;
        let observe = engine.observe().ok_or_else(|| unsupported(engine.as_ref(), "observe"))?;
        let mut facts = observe.look(&linked.link, &ask.cluster, asked.depth, &ask.settings).await?;
        if asked.depth == Depth::Full && ask.home.is_some() {
            facts.shut_out = shut_out(observe, &linked.link, asked, &ask.cluster).await?;
        }
        Ok(facts)
    };
    match told.await {
        Ok(facts) => (Reach::Running, Some(facts)),
        Err(error) => (reach(unreached(error, &ask.member)), None),
    }
}

/// The declared accounts whose declared password, as far as it was sent along, does not open.
async fn shut_out(
    observe: &dyn Observe,
    link: &Link,
    asked: &Asked<'_>,
    cluster: &ClusterSpec,
) -> Result<Vec<String>> {
    let secrets = HandSecrets::new(asked.purse, asked.host);
    let mut shut_out = Vec::new();
    for (account, role) in &cluster.roles {
        let password = role.password.as_ref().and_then(|password| secrets.resolve(password).ok());
        let Some(password) = password else { continue };
        let link = Link { user: account.clone(), password: Some(password), may_write: false, ..link.clone() };
        if !observe.admits(&link).await? {
            shut_out.push(account.clone());
        }
    }
    Ok(shut_out)
}

/// The error of a server that nobody could reach, with what there is to be done.
pub(crate) fn unreached(error: Error, member: &MemberSpec) -> Error {
    if error.kind != Kind::Unreachable || error.cure.is_some() {
        return error;
    }
    let (host, port) = member.endpoint();
    let endpoint = Endpoint::Tcp(host, port).to_string();
    error.cure(Text::new("agent-unreached-cure").with("endpoint", endpoint))
}

fn reach(error: Error) -> Reach {
    match error.kind {
        Kind::Busy => Reach::Starting,
        Kind::Unreachable | Kind::Exhausted | Kind::Cancelled | Kind::Internal => Reach::Unreachable(error),
        _ => Reach::Refused(error),
    }
}

/// The error for a facet that an engine lacks.
pub(crate) fn unsupported(engine: &dyn Engine, facet: &str) -> Error {
    let what = Text::new("agent-facet-absent").with("engine", engine.profile().title).with("facet", facet);
    Error::new(Kind::Unsupported, what)
}

fn connect(
    inner: &Arc<Inner>,
    asked: &Asked<'_>,
    ask: &LookMember,
    engine: &Arc<dyn Engine>,
) -> Result<link::Linked> {
    let layout = ask.home.as_ref().and_then(state::last_layout);
    let secrets = HandSecrets::new(asked.purse, asked.host);
    let way = Way {
        member: &ask.member,
        home: ask.home.as_ref(),
        layout: layout.as_ref(),
        secrets: &secrets as &dyn Secrets,
        tools: inner.search.known(engine.as_ref()),
        may_write: false,
        deadline: LINK_DEADLINE,
    };
    link::link(way, inner.ids.as_ref())
}

async fn survey(inner: &Arc<Inner>, asked: &Asked<'_>, ask: &LookMember) -> Vec<Finding> {
    let found = async {
        let engine = inner.engine(&ask.cluster.engine)?;
        let linked = connect(inner, asked, ask, &engine)?;
        let observe = engine.observe().ok_or_else(|| unsupported(engine.as_ref(), "observe"))?;
        observe.survey(&linked.link, &ask.cluster).await
    };
    let told = |what: Text| vec![Finding::error(ask.member.name.as_str(), what)];
    match tokio::time::timeout(SURVEY_DEADLINE, found).await {
        Ok(Ok(findings)) => {
            findings.iter().map(|finding| worker::of_member(&ask.member.name, finding)).collect()
        }
        Ok(Err(error)) => {
            told(Text::new("agent-survey-failed").with("member", &ask.member.name).with("why", error.what))
        }
        Err(_) => told(Text::new("agent-survey-silent").with("member", &ask.member.name)),
    }
}

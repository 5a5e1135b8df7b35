//! Throw-away servers: a home of their own under the host's data, a free port on loopback, gone afterwards.
//!
//! Each is locked by its maker for as long as it lives. What a killed maker left is ended and removed by the next.

use std::{
    net::{IpAddr, Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use roadstead_core::{
    Error, Kind, Result, Text, Version,
    model::{ClusterSpec, HostSpec, MemberHome, MemberSpec, Name, Runtime},
    plan::MemberTask,
    port::{
        engine::{Purpose, RenderAsk},
        layout::Layout,
    },
    seen::HostSeen,
};

use crate::{
    creation, files,
    hand::Job,
    keeper::Keeper,
    lock::{self, Held},
    look,
    member::{self, Work},
    process::Server,
    state,
};

/// The folder of these places beside the members' homes; no member can be named so.
const FOLDER: &str = ".scratch";
/// How often another port is tried when somebody took the one we chose.
const PORTS_TRIED: u32 = 3;

/// A throw-away server's place, and the server once it runs. Dropped, both are gone.
pub(crate) struct Scratch {
    pub(crate) work: Work,
    server: Mutex<Option<Arc<Server>>>,
    root: PathBuf,
    _keeper: Keeper,
    _owner: Held,
}

/// What a throw-away server is for.
pub(crate) struct Wish<'a> {
    pub(crate) fleet: &'a Name,
    pub(crate) cluster: &'a ClusterSpec,
    pub(crate) host: &'a HostSpec,
    pub(crate) version: (Version, String),
}

fn base(data: &str, fleet: &str) -> PathBuf {
    Path::new(data).join(fleet).join(FOLDER)
}

fn lock_of(root: &Path) -> PathBuf {
    root.with_extension("lock")
}

/// A port on loopback that is free now.
fn free_port() -> Result<u16> {
    let told = |error: &std::io::Error| Error::io(Text::new("agent-no-port"), error);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| told(&error))?;
    Ok(listener.local_addr().map_err(|error| told(&error))?.port())
}

impl Scratch {
    /// Makes the place and the empty data directory in it.
    pub(crate) async fn make(job: &Job<'_>, wish: &Wish<'_>) -> Result<Self> {
        let engine = job.inner.engine(&wish.cluster.engine)?;
        let tools = job.inner.search.of(&engine, wish.host).await;
        let seen = look::host_with_tools(job.inner, wish.host, tools).await?;
        let base = base(&wish.host.data, wish.fleet.as_str());
        files::open_way(&base)?;
        let id = job.inner.ids.id();
        let root = base.join(&id[..8]);
        let owner = lock::take_new(&lock_of(&root), &job.order.by, &Text::new("agent-held-scratch"))?;
        let task = task(job, wish, &seen, &root, &id[..8])?;
        let work = Work::begin(job, &task).await?;
        let keeper = Keeper::of(&root);
        let scratch = Self { work, server: Mutex::default(), root, _keeper: keeper, _owner: owner };
        state::want(&scratch.work.opened, scratch.work.home(), false, &task)?;
        creation::make_data(job, &scratch.work, scratch.work.layout()).await?;
        Ok(scratch)
    }

    /// Starts the server and waits until it answers; on another port when this one was taken meanwhile.
    pub(crate) async fn start(&mut self, job: &Job<'_>, wish: &Wish<'_>) -> Result<()> {
        let mut tried = 0;
        loop {
            tried += 1;
            let (server, answered) = member::run_until_ready(job, &self.work, self.work.layout()).await?;
            let died = !server.is_running();
            *self.server() = Some(server);
            match answered {
                Err(error) if died && error.kind == Kind::Failed && tried < PORTS_TRIED => {
                    tracing::debug!(%error, tried, "a throw-away server is tried on another port");
                    self.move_port(job, wish).await?;
                }
                other => return other,
            }
        }
    }

    async fn move_port(&mut self, job: &Job<'_>, wish: &Wish<'_>) -> Result<()> {
        let engine = job.inner.engine(&wish.cluster.engine)?;
        let tools = job.inner.search.of(&engine, wish.host).await;
        let seen = look::host_with_tools(job.inner, wish.host, tools).await?;
        let id = self.root.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let task = task(job, wish, &seen, &self.root, &id)?;
        self.work.again = crate::supervise::Again::of(&task)?;
        self.work.write_files(job, self.work.layout(), false).map(drop)
    }

    /// Whether the server has ended although nobody stopped it.
    pub(crate) fn has_died(&self) -> bool {
        self.server().as_ref().is_some_and(|server| !server.is_running())
    }

    /// Ends the server and removes everything; an error names what is left.
    pub(crate) async fn remove(self) -> Result<()> {
        let server = self.server().take();
        if let Some(server) = server {
            member::end_now(&server).await?;
        }
        let root = self.root.clone();
        tokio::task::spawn_blocking(move || drop(self))
            .await
            .map_err(|error| Error::internal(format!("removing a throw-away server ended with {error}")))?;
        if root.exists() {
            let what = Text::new("agent-scratch-left").with("path", root.display().to_string());
            return Err(Error::new(Kind::Failed, what));
        }
        Ok(())
    }

    fn server(&self) -> std::sync::MutexGuard<'_, Option<Arc<Server>>> {
        self.server.lock().expect("no holder of this lock panics")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let server = self.server().take();
        if let Some(server) = server
            && server.is_running()
        {
            if let Err(error) = server.kill() {
                tracing::warn!(%error, "a throw-away server could not be ended");
            }
            server.wait_blocking(Duration::from_secs(10));
        }
        clean(&self.root);
    }
}

/// Removes a place, its lock last.
fn clean(root: &Path) {
    match std::fs::remove_dir_all(root) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(path = %root.display(), %error, "a throw-away server's folder could not be removed");
        }
        // Without its folder the lock says nothing; one that stays is swept later.
        _ => drop(std::fs::remove_file(lock_of(root))),
    }
}

fn task(job: &Job<'_>, wish: &Wish<'_>, seen: &HostSeen, root: &Path, id: &str) -> Result<MemberTask> {
    let name = Name::parse(&format!("scratch-{id}")).expect("hexadecimal digits make a name");
    let listen = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let runtime = Runtime::Process { host: wish.host.name.clone(), port: free_port()?, listen };
    let member = MemberSpec { name, runtime };
    let home = MemberHome { root: root.display().to_string() };
    let cluster = ClusterSpec { members: vec![member.clone()], ..wish.cluster.clone() };
    let ask = RenderAsk {
        cluster: &cluster,
        member: &member,
        host: wish.host,
        seen,
        home: &home,
        purpose: Purpose::Scratch,
        version: Some(wish.version.clone()),
    };
    let layout = render(job, &ask)?;
    Ok(MemberTask {
        fleet: wish.fleet.clone(),
        fleet_file: String::new(),
        cluster: cluster.clone(),
        member: member.clone(),
        host: wish.host.clone(),
        home: Some(home.clone()),
        layout: Some(Box::new(layout)),
    })
}

/// A layout, or the first finding against it as an error.
pub(crate) fn render(job: &Job<'_>, ask: &RenderAsk<'_>) -> Result<Layout> {
    let engine = job.inner.engine(&ask.cluster.engine)?;
    let deploy = engine.deploy().ok_or_else(|| look::unsupported(engine.as_ref(), "deploy"))?;
    deploy.render(ask).map_err(|findings| {
        let first = findings.into_iter().next();
        let what = first.as_ref().map_or_else(|| Text::new("agent-nothing"), |first| first.what.clone());
        let told = Text::new("agent-no-layout-possible").with("cluster", &ask.cluster.name).with("why", what);
        let error = Error::new(Kind::Missing, told);
        match first.and_then(|first| first.cure) {
            Some(cure) => error.cure(cure),
            None => error,
        }
    })
}

/// Ends and removes what makers who are gone have left under this host's data.
pub(crate) async fn sweep(data: &str) {
    for root in leftovers(data) {
        let Ok(Some(held)) = lock::attempt(&lock_of(&root), "sweep") else { continue };
        if !held.is_at(&lock_of(&root)) {
            continue;
        }
        let home = MemberHome { root: root.display().to_string() };
        if let Err(error) = member::end_all(&home).await {
            tracing::warn!(%error, path = %home.root, "what a throw-away server left could not be ended");
            continue;
        }
        let removed = tokio::task::spawn_blocking(move || clean(&root)).await;
        if let Err(error) = removed {
            tracing::warn!(%error, "sweeping ended early");
        }
    }
}

fn leftovers(data: &str) -> Vec<PathBuf> {
    let listed = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).map(|entries| entries.flatten().collect::<Vec<_>>());
        entries.unwrap_or_default().into_iter().map(|entry| entry.path()).collect()
    };
    let locks = listed(Path::new(data)).into_iter().flat_map(|fleet| listed(&fleet.join(FOLDER)));
    let is_lock = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "lock");
    locks.filter(is_lock).map(|path| path.with_extension("")).collect()
}

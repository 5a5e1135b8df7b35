//! The hand in this process: looks at this host, does one act at a time to each member.
//!
//! Makes no choices: what is to be done, and in which order, was decided before.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use roadstead_core::{
    Error, Kind, Result, Text,
    model::{HostSpec, MemberHome},
    plan::{Act, MemberTask},
    port::{
        Clock, Engine, Engines, Hand, Ids, Order, Outcome, Secrets, Vaults, Watch,
        hand::{LookAsk, Looked, Purse},
        layout::{Endpoint, Layout},
    },
    seen::AgentSeen,
};
use tokio::sync::Semaphore;

use crate::{
    creation,
    link::{self, HandSecrets, Linked, Way},
    load, look, member, private, proc, prove, scratch, state,
    supervise::Supervisor,
    tools::Search,
    users, worker,
};

/// What a hand is made from.
#[derive(Clone)]
pub struct Parts {
    /// The engines of this binary.
    pub engines: Arc<dyn Engines>,
    /// Opens vaults.
    pub vaults: Arc<dyn Vaults>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
}

/// The hand of this host, in this process. Members that it starts are watched while this process lives, and go on
/// without it.
#[derive(Clone)]
pub struct LocalHand {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engines: Arc<dyn Engines>,
    pub(crate) vaults: Arc<dyn Vaults>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) supervisor: Supervisor,
    pub(crate) search: Arc<Search>,
    /// The agent that this hand is of; `None`: it lives in a command's process.
    pub(crate) agent: Option<AgentSeen>,
    workers: Semaphore,
    swept: Mutex<HashSet<String>>,
}

impl LocalHand {
    /// A hand in a command's process.
    pub fn new(parts: Parts) -> Self {
        Self::of_agent(parts, None)
    }

    pub(crate) fn of_agent(parts: Parts, agent: Option<AgentSeen>) -> Self {
        let Parts { engines, vaults, clock, ids } = parts;
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            inner: Arc::new(Inner {
                engines,
                vaults,
                clock,
                ids,
                supervisor: Supervisor::default(),
                search: Arc::default(),
                agent,
                workers: Semaphore::new(processors.max(2)),
                swept: Mutex::default(),
            }),
        }
    }
}

#[async_trait]
impl Hand for LocalHand {
    async fn look(&self, ask: &LookAsk, purse: &Purse) -> Result<Looked> {
        look::look(&self.inner, ask, purse).await
    }

    async fn act(&self, order: &Order, purse: &Purse, watch: &dyn Watch) -> Result<Outcome> {
        watch.go_on()?;
        let job = Job { inner: &self.inner, order, purse, watch };
        job.sweep_once().await;
        match &order.act {
            Act::CreateUser { user } => {
                Ok(Outcome { changed: users::create(user).await?, ..Outcome::default() })
            }
            Act::Create(task) => creation::create(&job, task, None).await,
            Act::CreateToLoad { member, snapshot, clears } => {
                creation::create(&job, member, Some((snapshot, *clears))).await
            }
            Act::WriteFiles(task) => member::write_files(&job, task).await,
            Act::Start(task) => member::start(&job, task).await,
            Act::Stop(task) => member::stop(&job, task).await,
            Act::Reload(task) => member::reload(&job, task).await,
            Act::Restart(task) => member::restart(&job, task).await,
            Act::SetAside { member, label } => member::set_aside(&job, member, label).await,
            Act::Own { member, act } => member::own(&job, member, act).await,
            Act::Take(task) => worker::take(&job, task).await,
            Act::Check(task) => worker::check(&job, task).await,
            Act::Prove(task) => prove::prove(&job, task).await,
            Act::Ready(task) => load::ready(&job, task).await,
            Act::RequireEmpty(task) => load::require_empty(&job, task).await,
            Act::Load(task) => load::load(&job, task).await,
            Act::Compare(task) => load::compare(&job, task).await,
        }
    }
}

impl Inner {
    /// The engine of this name.
    pub(crate) fn engine(&self, name: &str) -> Result<Arc<dyn Engine>> {
        self.engines.get(name).ok_or_else(|| {
            Error::new(Kind::Unsupported, Text::new("agent-engine-unknown").with("engine", name))
        })
    }
}

/// One act with all that surrounds it.
pub(crate) struct Job<'a> {
    pub(crate) inner: &'a Arc<Inner>,
    pub(crate) order: &'a Order,
    pub(crate) purse: &'a Purse,
    pub(crate) watch: &'a dyn Watch,
}

/// Refuses to speak to what listens in the place of a member that does not run: it would hear a password, and be taken
/// for the member.
fn serves(task: &MemberTask, home: &MemberHome) -> Result<()> {
    let refuse = |key: &str| {
        let what = Text::new(key).with("member", &task.member.name).with("port", task.member.endpoint().1);
        Err(Error::new(Kind::Precondition, what).cure(Text::new("agent-not-running-cure")))
    };
    let Some((identity, _)) = state::running(home) else { return refuse("agent-not-running") };
    let Some(layout) = state::last_layout(home) else { return Ok(()) };
    let (Endpoint::Tcp(_, port), Some(there)) = (&layout.endpoint, proc::listens(identity.pid)) else {
        return Ok(());
    };
    // One that is just starting listens nowhere yet, and answers nobody.
    if there.iter().any(|address| address.port() == *port) { Ok(()) } else { refuse("agent-not-listening") }
}

impl<'a> Job<'a> {
    /// The secrets of this act, on this host.
    pub(crate) fn secrets(&self, host: &'a HostSpec) -> HandSecrets<'a> {
        HandSecrets::new(self.purse, host)
    }

    /// A way to a member, by this layout or by the one it was started by.
    pub(crate) async fn link(
        &self,
        task: &MemberTask,
        layout: Option<&Layout>,
        may_write: bool,
    ) -> Result<Linked> {
        let engine = self.inner.engine(&task.cluster.engine)?;
        if let (None, Some(home)) = (layout, &task.home) {
            serves(task, home)?;
        }
        let secrets = HandSecrets::new(self.purse, &task.host);
        // A server answers where it was started to answer, whatever a newer layout says.
        let running_by = task.home.as_ref().and_then(state::last_layout);
        let way = Way {
            member: &task.member,
            home: task.home.as_ref(),
            layout: layout.or(running_by.as_ref()).or(task.layout.as_deref()),
            secrets: &secrets as &dyn Secrets,
            tools: self.inner.search.of(&engine, &task.host).await,
            may_write,
            deadline: link::WORK_DEADLINE,
        };
        link::link(way, self.inner.ids.as_ref())
    }

    /// A place among the bounded workers, or the wish to stop.
    pub(crate) async fn worker(&self) -> Result<tokio::sync::SemaphorePermit<'a>> {
        watched(self.watch, async {
            Ok(self.inner.workers.acquire().await.expect("this semaphore is never closed"))
        })
        .await
    }

    /// Removes what killed predecessors left, once for each host folder.
    async fn sweep_once(&self) {
        let Some(host) = host_of(&self.order.act) else { return };
        let fresh = self.inner.swept.lock().expect("no holder of this lock panics").insert(host.data.clone());
        if fresh {
            sweep(host.data.clone()).await;
        }
    }
}

/// Removes scratch servers and private folders whose owners are gone.
pub(crate) async fn sweep(data: String) {
    private::sweep();
    scratch::sweep(&data).await;
}

fn host_of(act: &Act) -> Option<&HostSpec> {
    match act {
        Act::Prove(task) => Some(&task.host),
        other => other.member().map(|task| &task.host),
    }
}

/// Does some work, and drops it when the watcher wants it stopped.
pub(crate) async fn watched<T>(watch: &dyn Watch, work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut beat = tokio::time::interval(std::time::Duration::from_millis(100));
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = beat.tick() => watch.go_on()?,
        }
    }
}

//! Looks at the whole fleet at once, through the hands of its hosts.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use roadstead_core::{
    Error, Finding, Result, Severity, Text,
    model::{ClusterSpec, Fleet, HostSpec, MemberHome, MemberSpec, Name, Runtime},
    port::{
        Engines, Hand, Secrets,
        engine::Depth,
        hand::{LookAsk, LookMember, Looked},
    },
    seen::{FleetSeen, HalfDone, Reach},
};

use crate::purse;

const HOST_UNSEEN: &str = "control-host-unseen";

/// Finds the hand of a host.
#[async_trait]
pub trait Hands: Send + Sync {
    /// The hand of this host; with `None` the one of this very process, for members that no agent runs.
    async fn of(&self, host: Option<&Name>) -> Result<Arc<dyn Hand>>;
}

/// What to look at.
pub(crate) struct View<'a> {
    pub(crate) fleet: &'a Fleet,
    pub(crate) engines: &'a dyn Engines,
    pub(crate) hands: &'a dyn Hands,
    pub(crate) secrets: &'a dyn Secrets,
    /// Restores that did not get to their end, before the operation that looks.
    pub(crate) half_done: &'a BTreeMap<String, HalfDone>,
}

/// What is looked at.
#[derive(Default)]
pub(crate) struct Scope<'a> {
    /// The clusters; `None`: all.
    pub(crate) clusters: Option<&'a [Name]>,
    /// How much the members are asked.
    pub(crate) depth: Depth,
    /// Also search for programs.
    pub(crate) tools: bool,
    /// Members that are not in the fleet file but are looked at with it: the one a restore makes beside.
    pub(crate) more: &'a [More],
    /// Also look for members of this fleet that the file does not declare.
    pub(crate) besides: bool,
}

/// A member that is not in the fleet file.
pub(crate) struct More {
    /// Its cluster.
    pub(crate) cluster: ClusterSpec,
    /// The member.
    pub(crate) member: MemberSpec,
    /// Where it lives; `None`: where a member of this fleet and name would.
    pub(crate) home: Option<MemberHome>,
}

impl View<'_> {
    /// Looks at the members in this scope, and at their hosts.
    pub(crate) async fn look(&self, scope: &Scope<'_>) -> FleetSeen {
        let mut groups: BTreeMap<(bool, Name), Vec<LookMember>> = BTreeMap::new();
        let local = self.fleet.hosts.keys().next().cloned();
        let wanted =
            |cluster: &&ClusterSpec| scope.clusters.is_none_or(|names| names.contains(&cluster.name));
        let declared = self.fleet.clusters.values().filter(wanted);
        let declared =
            declared.flat_map(|cluster| cluster.members.iter().map(move |member| (cluster, member, None)));
        let more = scope.more.iter().map(|more| (&more.cluster, &more.member, more.home.as_ref()));
        for (cluster, member, home) in declared.chain(more) {
            let host = match &member.runtime {
                Runtime::Process { host, .. } => Some(host.clone()),
                Runtime::Managed { .. } => local.clone(),
            };
            let Some(host) = host else { continue };
            let asked = self.asked(cluster, member, &host, home);
            groups.entry((member.is_supervised(), host)).or_default().push(asked);
        }
        if scope.tools
            && let Some(local) = &local
        {
            groups.entry((false, local.clone())).or_default();
        }
        for host in self.fleet.hosts.keys().filter(|_| scope.besides) {
            groups.entry((true, host.clone())).or_default();
        }
        let looks = groups.into_iter().map(|((supervised, host), members)| async move {
            let looked = self.look_at(supervised, &host, members, scope).await;
            (host, looked)
        });
        let mut seen = FleetSeen { half_done: self.half_done.clone(), ..FleetSeen::default() };
        for (host, looked) in join_all(looks).await {
            match looked {
                Ok(looked) => merge(&mut seen, host, looked),
                Err(error) => seen.findings.push(host_finding(&host, &error)),
            }
        }
        seen
    }

    fn asked(
        &self,
        cluster: &ClusterSpec,
        member: &MemberSpec,
        host: &Name,
        home: Option<&MemberHome>,
    ) -> LookMember {
        let engine = self.engines.get(&cluster.engine);
        let settings =
            engine.as_ref().and_then(|engine| engine.deploy().map(|d| d.settings_of_interest(cluster)));
        let usual = self.fleet.hosts.get(host).filter(|_| member.is_supervised());
        let usual = || usual.map(|host| MemberHome::new(host, &self.fleet.name, &member.name));
        LookMember {
            cluster: cluster.clone(),
            member: member.clone(),
            home: home.cloned().or_else(usual),
            settings: settings.unwrap_or_default(),
        }
    }

    async fn look_at(
        &self,
        supervised: bool,
        host: &Name,
        members: Vec<LookMember>,
        scope: &Scope<'_>,
    ) -> Result<Looked> {
        let hand = self.hands.of(supervised.then_some(host)).await?;
        let spec: &HostSpec =
            self.fleet.hosts.get(host).ok_or_else(|| Error::internal("a host without declaration"))?;
        let mut findings = Vec::new();
        let mut closed = BTreeMap::new();
        let mut purse = BTreeMap::new();
        for asked in &members {
            if let Err(error) = purse::for_member(&asked.member, self.secrets, &mut purse) {
                closed.insert(asked.member.name.clone(), error);
            }
            if scope.depth == Depth::Full && asked.home.is_some() {
                let wrong = purse::for_accounts(&asked.cluster, self.secrets, &mut purse);
                let told = |error: Error| Finding::error(asked.cluster.name.as_str(), error.what);
                findings.extend(wrong.into_iter().map(told));
            }
        }
        let declared = self.fleet.clusters.values().flat_map(|cluster| &cluster.members);
        let known = declared.chain(scope.more.iter().map(|more| &more.member));
        let besides = scope.besides && supervised;
        let ask = LookAsk {
            host: spec.clone(),
            members,
            depth: scope.depth,
            tools: scope.tools,
            fleet: self.fleet.name.clone(),
            fleet_file: self.fleet.file.clone(),
            besides: besides.then(|| known.map(|member| member.name.clone()).collect()),
        };
        let mut looked = hand.look(&ask, &purse).await?;
        looked.findings.extend(findings);
        // Why nobody could ask them is known better here.
        for (name, why) in closed {
            looked.members.entry(name).and_modify(|member| member.reach = Reach::Refused(why));
        }
        Ok(looked)
    }
}

fn merge(seen: &mut FleetSeen, host: Name, looked: Looked) {
    seen.members.extend(looked.members);
    seen.findings.extend(looked.findings);
    seen.undeclared.extend(looked.besides);
    seen.former.extend(looked.former);
    seen.asides.extend(looked.asides);
    let slot = seen.hosts.entry(host).or_default();
    let tools = looked.host.tools.clone().or_else(|| slot.tools.clone());
    let agent = looked.host.agent.clone().or_else(|| slot.agent.clone());
    *slot = looked.host;
    slot.tools = tools;
    slot.agent = agent;
}

fn host_finding(host: &Name, error: &Error) -> Finding {
    let text = Text::new(HOST_UNSEEN).with("host", host).with("why", error.what.clone());
    let finding = Finding::error(host.as_str(), text);
    match &error.cure {
        Some(cure) => finding.cure(cure.clone()),
        None => finding,
    }
}

/// Makes what was said of a host that could not be looked at no reason to leave everything else undone.
pub(crate) fn spare_others(finding: &mut Finding) {
    if finding.what.key == HOST_UNSEEN {
        finding.severity = Severity::Warning;
    }
}

/// Runs all at once on this task and returns the results in order.
pub(crate) async fn join_all<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, result) in &mut running {
            if result.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *result = Some(value),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    running.into_iter().filter_map(|(_, result)| result).collect()
}

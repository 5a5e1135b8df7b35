//! What a decision is given, and the small questions that every decision asks of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Aim, Decision, FORMAT, MemberTask, Plan, Step};
use crate::{
    Text, Timestamp,
    finding::{Finding, any_error},
    model::{ClusterSpec, Fleet, MemberHome, MemberSpec, Name, Runtime, VaultSpec},
    port::{
        Deploy, Engine, Engines,
        engine::{Purpose, RenderAsk},
        layout::Layout,
        vault::{Record, in_one_order},
    },
    seen::{FleetSeen, HostSeen, MemberSeen, OnHost, Reach},
};

/// All that a decision may know.
pub struct Situation<'a> {
    /// What is wanted.
    pub fleet: &'a Fleet,
    /// SHA-256 of the fleet file.
    pub fleet_digest: &'a str,
    /// What is.
    pub seen: &'a FleetSeen,
    /// What the engines can do.
    pub engines: &'a dyn Engines,
    /// The catalogue of each vault that was read; empty for one that was never made. Nobody knows what is in one that is
    /// missing here.
    pub records: &'a BTreeMap<Name, Vec<Record>>,
    /// The vaults with snapshots whose records cannot be read: of what cluster they are, nobody knows.
    pub unreadable: &'a BTreeSet<Name>,
    /// When members were created, as the journal knows it; asked where one has no data.
    pub created: &'a BTreeMap<Name, Timestamp>,
    /// The time.
    pub now: Timestamp,
    /// The id of the operation: the set that a backup belongs to, and the seed of its snapshots' ids.
    pub operation: &'a str,
    /// Ids of the steps that an interrupted operation with the same aim had finished well.
    pub done: &'a [String],
    /// What those steps found, by their ids.
    pub found: &'a BTreeMap<String, serde_json::Value>,
}

/// Steps and findings while they are being collected.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) steps: Vec<Step>,
    pub(super) findings: Vec<Finding>,
}

impl Situation<'_> {
    /// The clusters an aim names, in the order of their names; all for an empty list. Unknown names become findings.
    pub(super) fn clusters(&self, named: &[Name], findings: &mut Vec<Finding>) -> Vec<&ClusterSpec> {
        if named.is_empty() {
            return self.fleet.clusters.values().collect();
        }
        let mut found = Vec::new();
        for name in named {
            match self.fleet.clusters.get(name) {
                Some(cluster) => found.push(cluster),
                None => findings.push(self.unknown_cluster(name)),
            }
        }
        found
    }

    fn unknown_cluster(&self, name: &Name) -> Finding {
        let known: Vec<_> = self.fleet.clusters.keys().map(Name::as_str).collect();
        Finding::error(name.as_str(), Text::new("core-plan-unknown-cluster").with("cluster", name))
            .cure(Text::new("core-plan-unknown-cluster-cure").with("known", known.join(", ")))
    }

    /// The engine of a cluster, or the finding that there is none.
    pub(super) fn engine(&self, cluster: &ClusterSpec) -> Result<Arc<dyn Engine>, Finding> {
        self.engines.get(&cluster.engine).ok_or_else(|| {
            let text = Text::new("core-plan-unknown-engine").with("engine", &cluster.engine);
            Finding::error(cluster.name.as_str(), text)
        })
    }

    pub(super) fn member_seen(&self, member: &MemberSpec) -> Result<&MemberSeen, Finding> {
        self.seen.members.get(&member.name).ok_or_else(|| {
            let text = Text::new("core-condition-member-unseen").with("member", &member.name);
            Finding::error(member.name.as_str(), text)
        })
    }

    pub(super) fn host_seen(&self, host: &Name) -> Result<&HostSeen, Finding> {
        self.seen.hosts.get(host).ok_or_else(|| {
            Finding::error(host.as_str(), Text::new("core-condition-host-unseen").with("host", host))
        })
    }

    /// The task of a member, without a layout.
    pub(super) fn task(&self, cluster: &ClusterSpec, member: &MemberSpec) -> MemberTask {
        let local = Name::parse("local").expect("the word is a name");
        let host = match &member.runtime {
            Runtime::Process { host, .. } => host,
            Runtime::Managed { .. } => &local,
        };
        let host = self.fleet.hosts.get(host).or_else(|| self.fleet.hosts.values().next());
        let host = host.expect("the fleet reader declares the host of every member").clone();
        let home = member.is_supervised().then(|| MemberHome::new(&host, &self.fleet.name, &member.name));
        MemberTask {
            fleet: self.fleet.name.clone(),
            fleet_file: self.fleet.file.clone(),
            cluster: cluster.clone(),
            member: member.clone(),
            host,
            home,
            layout: None,
        }
    }

    /// The same task with its layout rendered.
    pub(super) fn laid_out(
        &self,
        deploy: &dyn Deploy,
        mut task: MemberTask,
        version: Option<(crate::Version, String)>,
    ) -> Result<(MemberTask, Layout), Vec<Finding>> {
        let seen = self.host_seen(&task.host.name).map_err(|finding| vec![finding])?;
        let home = task.home.clone().ok_or_else(|| {
            let text = Text::new("core-condition-not-supervised").with("member", &task.member.name);
            vec![Finding::error(task.member.name.as_str(), text)]
        })?;
        let layout = deploy.render(&RenderAsk {
            cluster: &task.cluster,
            member: &task.member,
            host: &task.host,
            seen,
            home: &home,
            purpose: Purpose::Member,
            version,
        })?;
        task.layout = Some(Box::new(layout.clone()));
        Ok((task, layout))
    }

    /// A task for a stop. A member that could not be started any more, since its program is gone or takes a setting no
    /// more, is stopped by the layout that it was started by, which its agent has.
    pub(super) fn to_stop(
        &self,
        deploy: &dyn Deploy,
        task: MemberTask,
        version: Option<(crate::Version, String)>,
    ) -> MemberTask {
        self.laid_out(deploy, task.clone(), version).map_or(task, |(task, _)| task)
    }

    /// The vault that a cluster's backups go to.
    pub(super) fn vault_of(&self, cluster: &ClusterSpec) -> Option<&VaultSpec> {
        self.fleet.vaults.get(&cluster.backup.as_ref()?.vault)
    }

    /// A snapshot's record and its vault, by full id.
    pub(super) fn record(&self, id: &str) -> Result<(&VaultSpec, &Record), Finding> {
        let mut found = Vec::new();
        for (name, records) in self.records {
            let Some(vault) = self.fleet.vaults.get(name) else { continue };
            found.extend(records.iter().filter(|record| record.id().0 == id).map(|record| (vault, record)));
        }
        let ours = found.iter().find(|(_, record)| record.draft.fleet == self.fleet.name);
        ours.copied().ok_or_else(|| match found.first() {
            Some((_, record)) => {
                let told = |key: &str| Text::new(key).with("snapshot", id).with("fleet", &record.draft.fleet);
                Finding::error(id, told("core-plan-snapshot-of-fleet"))
                    .cure(told("core-plan-snapshot-of-fleet-cure"))
            }
            None => Finding::error(id, Text::new("core-plan-unknown-snapshot").with("snapshot", id))
                .cure(Text::new("core-plan-unknown-snapshot-cure")),
        })
    }

    /// The newest such snapshot of a cluster in all vaults that could be read.
    pub(super) fn newest_of(&self, cluster: &Name, is_such: impl Fn(&Record) -> bool) -> Option<Record> {
        let is_its = |record: &&Record| {
            record.draft.cluster == *cluster && record.draft.fleet == self.fleet.name && is_such(record)
        };
        let of_vault = |records: &Vec<Record>| records.iter().filter(is_its).cloned().collect();
        in_one_order(self.records.values().map(of_vault), |record: &Record| &record.draft).pop()
    }

    /// Whether the interrupted operation had finished this step.
    pub(super) fn has_done(&self, step: &str) -> bool {
        self.done.iter().any(|done| done == step)
    }

    /// The decision made of what was collected: an error among the findings leaves no steps.
    pub(super) fn decision(&self, aim: &Aim, draft: Draft) -> Decision {
        let mut findings = self.seen.findings.clone();
        findings.extend(draft.findings);
        let steps = if any_error(&findings) { Vec::new() } else { draft.steps };
        let plan = Plan {
            format: FORMAT,
            fleet: self.fleet.name.clone(),
            fleet_digest: self.fleet_digest.to_owned(),
            aim: aim.clone(),
            made: self.now,
            operation: self.operation.to_owned(),
            done: self.done.to_vec(),
            found: self.found.clone(),
            basis: self.seen.basis(),
            steps,
        };
        Decision { plan, findings }
    }
}

/// What its host knows of a member that is run there. Nothing is concluded where that is unknown: the host did not say
/// in time, or what lives there is another fleet's.
pub(super) fn known_of<'s>(member: &MemberSpec, seen: &'s MemberSeen) -> Result<&'s OnHost, Finding> {
    seen.on_host.as_ref().ok_or_else(|| match &seen.reach {
        Reach::Refused(error) | Reach::Unreachable(error) => {
            let finding = Finding::error(member.name.as_str(), error.what.clone());
            error.cure.clone().map_or(finding.clone(), |cure| finding.cure(cure))
        }
        _ => {
            let text = Text::new("core-condition-member-unseen").with("member", &member.name);
            Finding::error(member.name.as_str(), text)
        }
    })
}

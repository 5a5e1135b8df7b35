//! Members without their data: nothing empty takes the place of what was there.

use super::{apply::unfinished, situation::Situation};
use crate::{
    Text,
    finding::Finding,
    model::{ClusterSpec, MemberSpec, Name},
    seen::DataSeen,
};

/// A member without data whose cluster has snapshots had data once: a disk that is not mounted, a restore that was
/// stopped, an accident. An empty one in its place would soon be backed up, proven, and green.
pub(super) fn refuse(
    situation: &Situation<'_>,
    cluster: &ClusterSpec,
    member: &MemberSpec,
    data: &DataSeen,
) -> Result<(), Vec<Finding>> {
    // Its mark names a snapshot: there was one, whatever can be read of the vaults now.
    if *data == DataSeen::HalfLoaded {
        return Err(vec![unfinished(cluster, member)]);
    }
    let Some(newest) = situation.newest_of(&cluster.name, |_| true) else {
        refuse_missing(situation, cluster, member)?;
        let is_unknown =
            |vault: &Name| !situation.records.contains_key(vault) || situation.unreadable.contains(vault);
        return match situation.vault_of(cluster) {
            Some(vault) if is_unknown(&vault.name) => {
                let text = Text::new("core-plan-data-unknown")
                    .with("member", &member.name)
                    .with("vault", &vault.name);
                let cure = Text::new("core-plan-data-unknown-cure").with("vault", &vault.name);
                Err(vec![Finding::error(member.name.as_str(), text).cure(cure)])
            }
            _ => Ok(()),
        };
    };
    if data.is_unfinished() {
        return Err(vec![unfinished(cluster, member)]);
    }
    let text = Text::new("core-plan-data-lost")
        .with("member", &member.name)
        .with("cluster", &cluster.name)
        .with("snapshot", newest.id().short())
        .with("taken", newest.draft.started.for_people());
    let cure = data_elsewhere(situation, cluster, member)
        .unwrap_or_else(|| Text::new("core-plan-data-lost-cure").with("cluster", &cluster.name));
    Err(vec![Finding::error(member.name.as_str(), text).cure(cure)])
}

/// The cure where data of the cluster lies here under another name: a member or a fleet that was renamed in the file.
/// The member's own under the fleet's former name goes before another member of its cluster.
fn data_elsewhere(situation: &Situation<'_>, cluster: &ClusterSpec, member: &MemberSpec) -> Option<Text> {
    let seen = situation.seen;
    let former = seen.former.iter().find(|former| former.cluster.first().name == member.name);
    if let Some(former) = former {
        let cure = Text::new("core-plan-former-data-cure").with("fleet", &former.fleet);
        return Some(cure.with("path", &former.home.root));
    }
    let has_data = |name: &Name| {
        let on_host = seen.members.get(name).and_then(|seen| seen.on_host.as_ref());
        on_host.is_some_and(|on_host| matches!(on_host.data, DataSeen::Ours(_)))
    };
    // One at another port is a copy of some day, not the member under its former name.
    let is_this = |other: &ClusterSpec| other.name == cluster.name && other.first().runtime == member.runtime;
    let mut others = seen.undeclared.iter().filter(|(name, other)| is_this(other) && has_data(name));
    let (other, _) = others.next()?;
    let cure = Text::new("core-plan-data-renamed-cure").with("other", other);
    Some(cure.with("member", &member.name).with("cluster", &cluster.name))
}

/// Nor is it made anew when only the journal remembers that it had data: the disks of member and vault may both be away.
fn refuse_missing(
    situation: &Situation<'_>,
    cluster: &ClusterSpec,
    member: &MemberSpec,
) -> Result<(), Vec<Finding>> {
    let Some(created) = situation.created.get(&member.name) else { return Ok(()) };
    let text = Text::new("core-plan-data-missing")
        .with("member", &member.name)
        .with("created", created.for_people());
    let cure = data_elsewhere(situation, cluster, member)
        .unwrap_or_else(|| Text::new("core-plan-data-missing-cure").with("cluster", &cluster.name));
    Err(vec![Finding::error(member.name.as_str(), text).cure(cure)])
}

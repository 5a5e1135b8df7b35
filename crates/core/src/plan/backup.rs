//! Deciding on a set of snapshots, and on how snapshots become proven.

use sha2::{Digest, Sha256};

use super::{
    Act, Aim, Condition, Decision, ProveTask, SnapshotTask, Step, TakeTask, Target, place_of,
    situation::{Draft, Situation},
};
use crate::{
    Text,
    finding::{Finding, Severity},
    model::{ClusterSpec, MemberSpec, Name},
    port::vault::SnapshotId,
    seen::{DataSeen, MemberSeen, ProcessSeen, Reach},
};

/// Takes one set: a snapshot of each cluster. A cluster that cannot be reached keeps its step, which will fail and
/// be told, and does not keep the others from being backed up.
pub fn backup(situation: &Situation<'_>, clusters: &[Name]) -> Decision {
    let aim = Aim::Backup { clusters: clusters.to_vec() };
    let mut draft = Draft::default();
    let named = !clusters.is_empty();
    for cluster in situation.clusters(clusters, &mut draft.findings) {
        match take(situation, cluster) {
            Ok(Some(step)) => {
                draft.findings.extend(unready(situation, cluster));
                draft.steps.push(step);
            }
            Ok(None) if named => draft.findings.push(no_backup(cluster, true)),
            Ok(None) => draft.findings.push(no_backup(cluster, false)),
            Err(finding) => draft.findings.push(finding),
        }
    }
    draft.steps.retain(|step| !situation.has_done(&step.id));
    situation.decision(&aim, draft)
}

fn no_backup(cluster: &ClusterSpec, asked: bool) -> Finding {
    let text = Text::new("core-plan-no-backup").with("cluster", &cluster.name);
    let cure = Text::new("core-plan-no-backup-cure").with("cluster", &cluster.name);
    let finding = if asked {
        Finding::error(cluster.name.as_str(), text)
    } else {
        Finding::warning(cluster.name.as_str(), text)
    };
    finding.cure(cure)
}

fn unready(situation: &Situation<'_>, cluster: &ClusterSpec) -> Option<Finding> {
    let member = cluster.first();
    let seen = situation.seen.members.get(&member.name)?;
    if let Some(told) = lost_data(cluster, member, seen) {
        return Some(told);
    }
    let text = match &seen.reach {
        Reach::Running => return None,
        Reach::Starting => Text::new("core-plan-not-ready"),
        Reach::Stopped => Text::new("core-plan-stopped"),
        Reach::Unreachable(error) => Text::new("core-plan-unreachable").with("why", error.what.clone()),
        Reach::Refused(error) => Text::new("core-plan-refused").with("why", error.what.clone()),
    };
    Some(Finding::warning(member.name.as_str(), text.with("member", &member.name)))
}

/// A server that runs on after its data directory is gone: what it still holds open ends with it.
pub fn lost_data(cluster: &ClusterSpec, member: &MemberSpec, seen: &MemberSeen) -> Option<Finding> {
    let on_host = seen.on_host.as_ref()?;
    if !matches!(on_host.process, ProcessSeen::Running { .. }) {
        return None;
    }
    let (text, cure) = match &on_host.data {
        DataSeen::Ours(_) => return None,
        DataSeen::Foreign(why) => {
            let text = Text::new("core-plan-data-replaced").with("member", &member.name);
            (text.with("why", why.clone()), Text::new("core-plan-foreign-data-cure"))
        }
        DataSeen::Unfinished | DataSeen::HalfLoaded => {
            let told = super::apply::unfinished(cluster, member);
            return Some(Finding { severity: Severity::Warning, ..told });
        }
        DataSeen::Absent => {
            let cure = Text::new("core-plan-data-gone-cure").with("cluster", &cluster.name);
            (Text::new("core-plan-data-gone").with("member", &member.name), cure)
        }
    };
    Some(Finding::warning(member.name.as_str(), text).cure(cure))
}

fn take(situation: &Situation<'_>, cluster: &ClusterSpec) -> Result<Option<Step>, Finding> {
    let engine = situation.engine(cluster)?;
    let Some(vault) = situation.vault_of(cluster) else { return Ok(None) };
    if engine.backup().is_none() {
        let text = Text::new("core-plan-engine-no-backup").with("engine", engine.profile().title);
        return Err(Finding::error(cluster.name.as_str(), text));
    }
    let member = cluster.first();
    let task = situation.task(cluster, member);
    // What a member of ours has says so itself.
    let whole = (!member.is_supervised())
        .then(|| Condition::Whole { member: member.name.clone(), place: place_of(member) });
    Ok(Some(Step {
        id: format!("take-{}", cluster.name),
        title: Text::new("core-step-take")
            .with("cluster", &cluster.name)
            .with("member", &member.name)
            .with("vault", &vault.name),
        target: Target {
            host: Some(task.host.name.clone()),
            cluster: Some(cluster.name.clone()),
            member: Some(member.name.clone()),
            ..Target::default()
        },
        risk: None,
        requires: whole.into_iter().collect(),
        act: Act::Take(TakeTask {
            member: task,
            vault: vault.clone(),
            snapshot: snapshot_id(situation, cluster),
            set: situation.operation.to_owned(),
        }),
        proves: vec![],
        undo: None,
    }))
}

/// A snapshot's id: the first half of SHA-256 over operation, cluster and time. The operation's id is random, so no
/// two snapshots share one.
fn snapshot_id(situation: &Situation<'_>, cluster: &ClusterSpec) -> SnapshotId {
    let seed = format!("{}\n{}\n{}", situation.operation, cluster.name, situation.now.millis());
    SnapshotId(hex::encode(&Sha256::digest(seed)[..16]))
}

/// Checks and proves these snapshots.
pub fn verify(situation: &Situation<'_>, snapshots: &[String]) -> Decision {
    let aim = Aim::Verify { snapshots: snapshots.to_vec() };
    let mut draft = Draft::default();
    for id in snapshots {
        match prove(situation, id) {
            Ok(steps) => draft.steps.extend(steps),
            Err(finding) => draft.findings.push(finding),
        }
    }
    draft.steps.retain(|step| !situation.has_done(&step.id));
    situation.decision(&aim, draft)
}

fn prove(situation: &Situation<'_>, id: &str) -> Result<Vec<Step>, Finding> {
    let (vault, record) = situation.record(id)?;
    let cluster = declared_as(situation, record)?;
    let task = situation.task(&cluster, cluster.first());
    let snapshot = SnapshotTask { vault: vault.clone(), snapshot: record.id().clone() };
    let target = Target {
        host: Some(task.host.name.clone()),
        cluster: Some(record.draft.cluster.clone()),
        snapshot: Some(id.to_owned()),
        ..Target::default()
    };
    let title = |key: &str| {
        Text::new(key).with("snapshot", record.id().short()).with("cluster", &record.draft.cluster)
    };
    let step = |word: &str, title: Text, act: Act| Step {
        id: format!("{word}-{}", record.id().short()),
        title,
        target: target.clone(),
        risk: None,
        requires: vec![],
        act,
        proves: vec![],
        undo: None,
    };
    let prove = ProveTask {
        snapshot: snapshot.clone(),
        cluster,
        host: task.host,
        fleet: situation.fleet.name.clone(),
    };
    Ok(vec![
        step("check", title("core-step-check"), Act::Check(snapshot)),
        step("prove", title("core-step-prove"), Act::Prove(prove)),
    ])
}

/// The cluster of a record as the fleet file has it; for one that is no longer declared, as the record knew it.
pub(super) fn declared_as(
    situation: &Situation<'_>,
    record: &crate::port::vault::Record,
) -> Result<ClusterSpec, Finding> {
    if let Some(cluster) = situation.fleet.clusters.get(&record.draft.cluster)
        && cluster.engine == record.draft.engine
    {
        return Ok(cluster.clone());
    }
    let text = Text::new("core-plan-cluster-not-declared")
        .with("cluster", &record.draft.cluster)
        .with("engine", &record.draft.engine)
        .with("snapshot", record.id().short());
    Err(Finding::error(record.draft.cluster.as_str(), text)
        .cure(Text::new("core-plan-cluster-not-declared-cure")))
}

//! Deciding how members are stopped. Their data is kept.

use super::{
    Aim, Decision,
    apply::{facet, identity, stop},
    former,
    situation::{Draft, Situation, known_of},
};
use crate::{
    finding::Finding,
    model::{ClusterSpec, MemberSpec, Name},
    port::engine::Engine,
    seen::MemberSeen,
};

/// Stops the supervised members of these clusters (all for an empty list), and those beside them that the fleet file
/// does not declare, or declared under another name.
pub fn down(situation: &Situation<'_>, clusters: &[Name]) -> Decision {
    let aim = Aim::Down { clusters: clusters.to_vec() };
    let mut draft = Draft::default();
    let undeclared = situation.seen.undeclared.values();
    let undeclared = undeclared.filter(|cluster| clusters.is_empty() || clusters.contains(&cluster.name));
    let declared = situation.clusters(clusters, &mut draft.findings);
    for cluster in declared.into_iter().chain(undeclared) {
        let Ok(engine) = situation.engine(cluster) else { continue };
        for member in cluster.members.iter().filter(|member| member.is_supervised()) {
            let stopped = match situation.member_seen(member) {
                Err(finding) => Err(vec![finding]),
                Ok(seen) => stop_if_running(situation, engine.as_ref(), cluster, member, seen, &mut draft),
            };
            if let Err(findings) = stopped {
                draft.findings.extend(findings);
            }
        }
    }
    match former::stops(situation, clusters) {
        Ok(stops) => draft.steps.extend(stops),
        Err(findings) => draft.findings.extend(findings),
    }
    situation.decision(&aim, draft)
}

fn stop_if_running(
    situation: &Situation<'_>,
    engine: &dyn Engine,
    cluster: &ClusterSpec,
    member: &MemberSpec,
    seen: &MemberSeen,
    draft: &mut Draft,
) -> Result<(), Vec<Finding>> {
    let on_host = known_of(member, seen).map_err(|finding| vec![finding])?;
    if !on_host.process.is_wanted() {
        return Ok(());
    }
    let deploy = facet(engine, cluster)?;
    let version = identity(on_host).map(|identity| (identity.version.clone(), identity.flavour.clone()));
    draft.steps.push(stop(&situation.to_stop(deploy, situation.task(cluster, member), version)));
    Ok(())
}

//! Members that the fleet file made under a name, or in a data folder, that it names no more: told, and stopped by `down`.

use super::{
    Act, Condition, Risk, Step,
    apply::{facet, identity, target},
    situation::Situation,
};
use crate::{
    Text,
    finding::Finding,
    model::Name,
    seen::{FleetSeen, Former},
};

/// What is to be known of them (of these clusters, all for an empty list): an error while one is up, since its ports and
/// its clients are those of the member that would take its place.
pub fn findings(seen: &FleetSeen, clusters: &[Name]) -> Vec<Finding> {
    let told = |former: &Former| {
        let name = &former.cluster.first().name;
        let say = |key: &str| {
            Text::new(key).with("member", name).with("fleet", &former.fleet).with("path", &former.home.root)
        };
        if former.on_host.process.is_up() {
            return Finding::error(name.as_str(), say("core-plan-former-runs"))
                .cure(say("core-plan-former-runs-cure"));
        }
        Finding::note(name.as_str(), say("core-plan-former-data")).cure(say("core-plan-former-data-cure"))
    };
    of(seen, clusters).map(told).collect()
}

/// Those of these clusters; all for an empty list.
fn of<'a>(seen: &'a FleetSeen, clusters: &'a [Name]) -> impl Iterator<Item = &'a Former> {
    let asked = |former: &&Former| clusters.is_empty() || clusters.contains(&former.cluster.name);
    seen.former.iter().filter(asked)
}

/// The steps that stop those that are up.
pub(super) fn stops(situation: &Situation<'_>, clusters: &[Name]) -> Result<Vec<Step>, Vec<Finding>> {
    let up = of(situation.seen, clusters).filter(|former| former.on_host.process.is_wanted());
    up.map(|former| stop(situation, former)).collect()
}

fn stop(situation: &Situation<'_>, former: &Former) -> Result<Step, Vec<Finding>> {
    let cluster = &former.cluster;
    let engine = situation.engine(cluster).map_err(|finding| vec![finding])?;
    let deploy = facet(engine.as_ref(), cluster)?;
    let version = identity(&former.on_host).map(|found| (found.version.clone(), found.flavour.clone()));
    let mut task = situation.task(cluster, cluster.first());
    task.fleet = former.fleet.clone();
    task.home = Some(former.home.clone());
    let task = situation.to_stop(deploy, task, version);
    let name = &task.member.name;
    Ok(Step {
        id: format!("stop-{}", former.home.root),
        title: Text::new("core-step-stop-former").with("member", name).with("fleet", &former.fleet),
        target: target(&task),
        risk: Some(Risk::InterruptsWrites),
        requires: vec![],
        proves: vec![Condition::Stopped(name.clone())],
        act: Act::Stop(task),
        undo: None,
    })
}

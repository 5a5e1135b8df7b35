//! Members that live here without being in the fleet file: told, and left alone.

use super::situation::Situation;
use crate::{
    Text,
    finding::Finding,
    model::{ClusterSpec, MemberSpec, Name},
    seen::ProcessSeen,
};

/// Members that live here without being declared: nothing is done to them, and nobody forgets them. One that serves where
/// a declared member would is in its way: a member that was renamed in the file.
pub(super) fn findings(situation: &Situation<'_>, clusters: &[Name]) -> Vec<Finding> {
    let asked = |cluster: &&ClusterSpec| clusters.is_empty() || clusters.contains(&cluster.name);
    let declared = || situation.fleet.clusters.values().filter(asked).flat_map(|cluster| &cluster.members);
    let is = |name: &Name, so: fn(&ProcessSeen) -> bool| {
        let on_host = situation.seen.members.get(name).and_then(|seen| seen.on_host.as_ref());
        on_host.is_some_and(|on_host| so(&on_host.process))
    };
    let told = |(name, cluster): (&Name, &ClusterSpec)| {
        let runtime = &cluster.first().runtime;
        // A dead one comes up with the agent.
        let comes_up = is(name, ProcessSeen::is_wanted);
        let in_its_way = |other: &&MemberSpec| {
            other.runtime == *runtime && comes_up && !is(&other.name, ProcessSeen::is_up)
        };
        if let Some(other) = declared().find(in_its_way) {
            let say = |key: &str| Text::new(key).with("member", name).with("other", &other.name);
            let cure = say("core-plan-in-the-way-cure");
            return Finding::error(name.as_str(), say("core-plan-in-the-way")).cure(cure);
        }
        let text = Text::new("core-plan-undeclared").with("member", name).with("cluster", &cluster.name);
        let cure = Text::new("core-plan-undeclared-cure").with("member", name);
        Finding::note(name.as_str(), text).cure(cure)
    };
    situation.seen.undeclared.iter().map(told).collect()
}

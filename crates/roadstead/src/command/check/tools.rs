//! The vendors' programs that backups and proofs need, looked for before they are needed. Pure.

use std::net::{IpAddr, Ipv4Addr};

use roadstead_core::{
    Finding, Severity, Text, Timestamp, Version,
    manifest::Manifest,
    model::{ClusterSpec, Fleet, MemberHome, MemberSpec, Name, Runtime},
    port::{
        Engine, Engines,
        engine::{Purpose, RenderAsk, ToolNeed},
        vault::{Draft, Dumped, Record, SnapshotId},
    },
    seen::{Facts, FleetSeen, HostSeen, Tools},
};

/// The role of the program that takes a backup; without any other there is a backup, and no proof of it.
const DUMP: &str = "dump";

/// What is missing for the backups of each cluster that has a vault and a member that answered, and for their proofs.
pub(super) fn missing(fleet: &Fleet, seen: &FleetSeen, engines: &dyn Engines) -> Vec<Finding> {
    let mut findings = Vec::new();
    for cluster in fleet.clusters.values().filter(|cluster| cluster.backup.is_some()) {
        let facts =
            |member: &MemberSpec| Some((member.clone(), seen.members.get(&member.name)?.facts.clone()?));
        let Some((member, facts)) = cluster.members.iter().find_map(facts) else { continue };
        let Some(engine) = engines.get(&cluster.engine) else { continue };
        let host = match &member.runtime {
            Runtime::Process { host, .. } => Some(host),
            // What somebody else runs is backed up from here.
            Runtime::Managed { .. } => fleet.hosts.keys().next(),
        };
        let Some((host, on_host)) = host.and_then(|name| Some((name, seen.hosts.get(name)?))) else {
            continue;
        };
        let Some(tools) = &on_host.tools else { continue };
        findings.extend(of_backup(cluster, engine.as_ref(), &facts, tools));
        let place = Place { fleet, host, on_host };
        findings.extend(of_proof(&place, cluster, engine.as_ref(), &member, &facts).unwrap_or_default());
    }
    findings
}

fn of_backup(cluster: &ClusterSpec, engine: &dyn Engine, facts: &Facts, tools: &Tools) -> Vec<Finding> {
    let (profile, Some(server)) = (engine.profile(), &facts.version) else { return Vec::new() };
    let is_missing = |need: &&ToolNeed| {
        let found = tools.of(profile.name, need.name);
        !need.for_server && !found.iter().any(|tool| tool.version.major() >= server.major())
    };
    let told = |need: &ToolNeed| {
        let (key, severity) = match need.name {
            DUMP => ("cli-check-no-backup", Severity::Error),
            _ => ("cli-check-no-proof", Severity::Warning),
        };
        let wanted = format!("{} {}", profile.title, server.major());
        let why = Text::new("engines-tool-missing").with("tool", need.files[0]).with("wanted", wanted);
        let packages: Vec<_> = need.packages.iter().map(|name| package(name, server)).collect();
        let cure = Text::new("engines-tool-missing-cure").with("packages", packages.join(", "));
        finding(severity, key, cluster, why).cure(cure)
    };
    profile.tools.iter().filter(is_missing).map(told).collect()
}

/// A package whose name ends in a release's number, for this release.
fn package(name: &str, server: &Version) -> String {
    match name.rsplit_once('-') {
        Some((name, number)) if number.parse::<u32>().is_ok() => format!("{name}-{}", server.major()),
        _ => name.to_owned(),
    }
}

fn finding(severity: Severity, key: &str, cluster: &ClusterSpec, why: Text) -> Finding {
    let what = Text::new(key).with("cluster", &cluster.name).with("why", why);
    Finding::new(severity, format!("clusters.{}", cluster.name), what)
}

/// Where a proof is made.
struct Place<'a> {
    fleet: &'a Fleet,
    host: &'a Name,
    on_host: &'a HostSeen,
}

/// What stands against the throw-away server of a proof: its layout is made as the proof would make it, and thrown away.
fn of_proof(
    place: &Place<'_>,
    cluster: &ClusterSpec,
    engine: &dyn Engine,
    member: &MemberSpec,
    facts: &Facts,
) -> Option<Vec<Finding>> {
    let (backup, deploy) = (engine.backup()?, engine.deploy()?);
    let version = backup.loads_into(&record(&place.fleet.name, cluster, member, facts)?);
    let host = place.fleet.hosts.get(place.host)?;
    let (_, port) = member.endpoint();
    let listen = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let runtime = Runtime::Process { host: place.host.clone(), port, listen };
    let member = MemberSpec { name: member.name.clone(), runtime };
    let home = MemberHome::new(host, &place.fleet.name, &member.name);
    let cluster = ClusterSpec { members: vec![member.clone()], ..cluster.clone() };
    let ask = RenderAsk {
        cluster: &cluster,
        member: &member,
        host,
        seen: place.on_host,
        home: &home,
        purpose: Purpose::Scratch,
        version: Some(version),
    };
    let against = deploy.render(&ask).err()?;
    let told = |found: Finding| Finding {
        cure: found.cure,
        ..finding(Severity::Warning, "cli-check-no-proof", &cluster, found.what)
    };
    Some(against.into_iter().map(told).collect())
}

/// The record of a snapshot that would be taken now, as far as the version of a server that loads it depends on it.
fn record(fleet: &Name, cluster: &ClusterSpec, member: &MemberSpec, facts: &Facts) -> Option<Record> {
    let draft = Draft {
        id: SnapshotId(String::new()),
        set: String::new(),
        fleet: fleet.clone(),
        cluster: cluster.name.clone(),
        member: member.name.clone(),
        engine: cluster.engine.clone(),
        started: Timestamp::from_millis(0),
        number: 0,
        by: String::new(),
    };
    let dumped = Dumped {
        flavour: facts.flavour.clone(),
        version: facts.version.clone()?,
        position: None,
        manifest: Manifest::default(),
        findings: Vec::new(),
    };
    Some(Record {
        draft,
        dumped,
        streams: Vec::new(),
        stored: roadstead_core::Bytes(0),
        took: roadstead_core::Millis(0),
        history: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use roadstead_core::{
        Millis,
        model::{BackupSpec, HostSpec},
        seen::{MemberSeen, Reach, Tool},
    };

    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).expect("a name")
    }

    /// A fleet of one cluster that somebody else runs, at this version, as seen from a host with these programs.
    fn seen(engine: &dyn Engine, version: &Version, tools: &[(&str, u32)]) -> (Fleet, FleetSeen) {
        let tool = |(role, major): &(&str, u32)| Tool {
            engine: engine.profile().name.to_owned(),
            name: (*role).to_owned(),
            path: format!("/opt/{major}/bin/{role}"),
            version: Version { parts: vec![*major] },
            flavour: String::new(),
        };
        let host = HostSpec { name: name("local"), data: "/data".into(), programs: vec![], user: None };
        let runtime =
            Runtime::Process { host: name("local"), port: 1, listen: IpAddr::V4(Ipv4Addr::LOCALHOST) };
        let cluster = ClusterSpec {
            name: name("orders"),
            engine: engine.profile().name.to_owned(),
            version: None,
            memory: None,
            members: vec![MemberSpec { name: name("orders-1"), runtime }],
            databases: vec![],
            roles: BTreeMap::new(),
            settings: BTreeMap::new(),
            backup: Some(BackupSpec { vault: name("main") }),
        };
        let fleet = Fleet {
            name: name("f"),
            directory: "/".into(),
            file: "/fleet.yaml".into(),
            vaults: BTreeMap::new(),
            hosts: BTreeMap::from([(name("local"), host)]),
            clusters: BTreeMap::from([(name("orders"), cluster)]),
        };
        let on_host =
            HostSeen { tools: Some(Tools(tools.iter().map(tool).collect())), ..HostSeen::default() };
        let facts = Facts { version: Some(version.clone()), ..Facts::default() };
        let member = MemberSeen { on_host: None, reach: Reach::Running, facts: Some(facts), took: Millis(0) };
        let seen = FleetSeen {
            hosts: BTreeMap::from([(name("local"), on_host)]),
            members: BTreeMap::from([(name("orders-1"), member)]),
            ..FleetSeen::default()
        };
        (fleet, seen)
    }

    fn told(engine: &dyn Engine, tools: &[(&str, u32)], major: u32) -> Vec<Finding> {
        let (fleet, seen) = seen(engine, &Version { parts: vec![major, 1] }, tools);
        missing(&fleet, &seen, crate::engines::registry().as_ref())
    }

    #[test]
    fn what_no_backup_and_no_proof_can_do_without_is_told_with_its_package() {
        for engine in crate::engines::registry().all() {
            let found = told(engine.as_ref(), &[], 18);
            assert!(found.iter().all(|finding| finding.cure.is_some()), "{found:#?}");
            let count = |key: &str, severity| {
                found.iter().filter(|one| one.what.key == key && one.severity == severity).count()
            };
            let needs =
                |for_server| engine.profile().tools.iter().filter(move |need| need.for_server == for_server);
            let dumps = needs(false).filter(|need| need.name == DUMP).count();
            assert_eq!(count("cli-check-no-backup", Severity::Error), dumps, "{found:#?}");
            let proofs = needs(false).count() - dumps + 1;
            assert_eq!(count("cli-check-no-proof", Severity::Warning), proofs, "{found:#?}");
            // A program of an older release takes no backup of this one.
            let old: Vec<_> = needs(false).map(|need| (need.name, 17)).collect();
            assert_eq!(told(engine.as_ref(), &old, 18), found);
            let new: Vec<_> = needs(false).map(|need| (need.name, 18)).collect();
            let left = told(engine.as_ref(), &new, 18);
            assert_eq!(left.len(), 1, "the server alone: {left:#?}");
        }
    }

    #[test]
    fn a_package_is_named_for_the_release() {
        let server = Version { parts: vec![18, 4] };
        assert_eq!(package("client-15", &server), "client-18");
        assert_eq!(package("server-core", &server), "server-core");
    }

    #[test]
    fn a_cluster_without_a_vault_needs_no_program() {
        for engine in crate::engines::registry().all() {
            let (mut fleet, seen) = seen(engine.as_ref(), &Version { parts: vec![18] }, &[]);
            fleet.clusters.values_mut().for_each(|cluster| cluster.backup = None);
            assert_eq!(missing(&fleet, &seen, crate::engines::registry().as_ref()), []);
        }
    }
}

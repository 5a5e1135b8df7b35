//! The variables that a member is given, so that they belong together, and what stands against them. Pure.

use roadstead_core::{
    Bytes, Finding, Text,
    finding::Severity,
    port::engine::{Purpose, RenderAsk},
};

use super::{
    flavour::Flavour,
    scratch,
    settings::{self, Given},
};

/// What follows from its memory, then what the fleet file says instead or besides, then what its purpose needs.
pub(super) fn of_member(
    ask: &RenderAsk<'_>,
    flavour: Flavour,
    modest: Bytes,
    findings: &mut Vec<Finding>,
) -> Vec<Given> {
    let memory = ask.cluster.memory.unwrap_or(modest);
    let mut given = settings::derived(flavour, memory);
    let id = server_id(&ask.home.root);
    given.push(Given { name: "server_id".into(), value: id, why: Text::new("mysql-why-server-id") });
    for (name, value) in &ask.cluster.settings {
        let canonical = settings::canonical(name);
        if let Err((what, cure)) = settings::check(name, value, Some(flavour)) {
            let mut finding = Finding::error(format!("clusters.{}.settings.{name}", ask.cluster.name), what);
            finding.cure = cure;
            findings.push(finding);
            continue;
        }
        let value = settings::normalise(&canonical, value, flavour);
        given.retain(|one| one.name != canonical);
        given.push(Given { name: canonical, value, why: Text::new("mysql-why-file") });
    }
    if findings.is_empty() {
        let together = settings::check_together(ask.cluster, Some(flavour));
        findings.extend(together.into_iter().map(|(name, what, cure)| {
            Finding::error(format!("clusters.{}.settings.{name}", ask.cluster.name), what).cure(cure)
        }));
    }
    // New data: nobody can have brought it the zones.
    if ask.version.is_none() && ask.purpose == Purpose::Member {
        let told = settings::named_zone(ask.cluster);
        findings.extend(told.map(|finding| Finding { severity: Severity::Error, ..finding }));
    }
    one_character_set(&mut given);
    room_for_capacity(&mut given);
    scratch::adjust(&mut given, flavour, &ask.purpose, memory);
    given
}

/// A running server takes no capacity beyond its greatest, and keeps that one when another capacity is set.
fn room_for_capacity(given: &mut Vec<Given>) {
    let find = |name: &str| given.iter().find(|one| one.name == name);
    let (Some(one), None) = (find("innodb_io_capacity"), find("innodb_io_capacity_max")) else { return };
    let Some(capacity) = one.value.parse::<u64>().ok() else { return };
    let most = capacity.saturating_mul(2).clamp(2000, u32::MAX.into()).to_string();
    let why = Text::new("mysql-why-capacity").with("capacity", capacity);
    given.push(Given { name: "innodb_io_capacity_max".into(), value: most, why });
}

/// A character set and a collation that belong together: what the fleet file leaves open follows from what it says.
fn one_character_set(given: &mut Vec<Given>) {
    let find = |name: &str| given.iter().position(|one| one.name == name);
    let declared = |at: usize| given[at].why.key == "mysql-why-file";
    let (Some(set), Some(collation)) = (find("character_set_server"), find("collation_server")) else {
        return;
    };
    match settings::character_set(&given[collation].value) {
        Some(own) if own == given[set].value => {}
        Some(own) if declared(collation) => {
            let why = Text::new("mysql-why-collation").with("collation", &given[collation].value);
            given[set] = Given { name: "character_set_server".into(), value: own.into(), why };
        }
        _ if !declared(collation) => drop(given.remove(collation)),
        _ => {}
    }
}

/// A number that differs between members: the first 31 bits of the home folder's digest, never 0.
fn server_id(root: &str) -> String {
    let digest = blake3::hash(root.as_bytes());
    let bytes = digest.as_bytes();
    (u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) >> 1).max(1).to_string()
}

//! What only the whole file shows: names, ports and addresses that are given twice, and things that nobody uses.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
};

use super::{address, build::LOCAL, path::Path, report::Report, shape::File, sound::shown};
use crate::{
    Text,
    model::{ClusterSpec, MemberSpec, Name, Runtime},
};

/// Hosts and vaults that are declared and that nothing uses.
pub(super) fn uses(file: &File, report: &mut Report<'_>) {
    let clusters = || file.clusters.iter().flat_map(BTreeMap::values);
    if clusters().next().is_none() {
        // Nothing is declared yet that could use anything.
        return;
    }
    let vaults: BTreeSet<&str> =
        clusters().filter_map(|cluster| cluster.backup.as_ref()?.vault.as_deref()).collect();
    for name in file.vaults.keys().filter(|name| !vaults.contains(name.as_str())) {
        let what = Text::new("fleet-unused-vault").with("vault", name);
        report.note(&Path::top("vaults").key(name), what, Text::new("fleet-unused-cure"));
    }
    let members = || clusters().flat_map(|cluster| cluster.members.iter().flatten());
    let hosts: BTreeSet<&str> = members()
        .filter(|member| member.address.is_none())
        .map(|member| member.host.as_deref().unwrap_or(LOCAL))
        .collect();
    // Proofs and copies are made on this host also where no member runs.
    let is_unused = |name: &&String| name.as_str() != LOCAL && !hosts.contains(name.as_str());
    for name in file.hosts.keys().filter(is_unused) {
        let what = Text::new("fleet-unused-host").with("host", name);
        report.note(&Path::top("hosts").key(name), what, Text::new("fleet-unused-cure"));
    }
}

/// Names of members, ports of hosts and addresses of servers each stand once. `order` are the clusters as the file
/// lists them, so that the later of two is the one that is told.
pub(super) fn unique(
    clusters: &BTreeMap<Name, ClusterSpec>,
    file: &File,
    order: &[&str],
    report: &mut Report<'_>,
) {
    names(file, order, report);
    let mut claimed: HashMap<(u16, String), (Path, &MemberSpec)> = HashMap::new();
    for cluster in order.iter().filter_map(|name| clusters.get(*name)) {
        let at = Path::top("clusters").key(cluster.name.as_str()).key("members");
        for member in &cluster.members {
            // A member's name finds its place; members of one name are told by their names already.
            let at = at.key(member.name.as_str());
            let port = member.endpoint().1;
            let claims = claims(member);
            let other = claims.meets.iter().find_map(|claim| claimed.get(&(port, claim.clone())));
            match other {
                Some((first, other)) => twice(&at, member, first, other, report),
                None => {
                    for claim in claims.holds {
                        claimed.entry((port, claim)).or_insert_with(|| (at.clone(), member));
                    }
                }
            }
        }
    }
}

fn twice(at: &Path, member: &MemberSpec, first: &Path, other: &MemberSpec, report: &mut Report<'_>) {
    let line = report.line(first);
    if member.is_supervised() && other.is_supervised() {
        let what = Text::new("fleet-port-twice")
            .with("port", member.endpoint().1)
            .with("first", &other.name)
            .with("line", line);
        report.value(&at.key("port"), what, Text::new("fleet-port-twice-cure"));
    } else {
        let what = Text::new("fleet-address-twice").with("first", &other.name).with("line", line);
        let key = if member.is_supervised() { "port" } else { "address" };
        report.value(&at.key(key), what, Text::new("fleet-address-twice-cure"));
    }
}

fn names(file: &File, order: &[&str], report: &mut Report<'_>) {
    let mut seen: HashMap<&str, Path> = HashMap::new();
    let clusters = file.clusters.as_ref();
    for (cluster, declared) in order.iter().filter_map(|name| clusters?.get_key_value(*name)) {
        let at = Path::top("clusters").key(cluster).key("members");
        for (index, member) in declared.members.iter().flatten().enumerate() {
            let Some(name) = member.name.as_deref() else { continue };
            let here = at.item(index).key("name");
            let Some(first) = seen.get(name) else {
                seen.insert(name, here);
                continue;
            };
            let line = report.line(first);
            let what = Text::new("fleet-member-twice").with("name", shown(name)).with("line", line);
            report.value(&here, what, Text::new("fleet-member-twice-cure"));
        }
    }
}

/// What a member takes of its port, and what another may not have taken before it.
struct Claims {
    holds: Vec<String>,
    meets: Vec<String>,
}

/// A port is taken for one address, for all addresses of a host, or, on this host, for its loopback.
fn claims(member: &MemberSpec) -> Claims {
    let (any, all) = (|host: &str| format!("any on {host}"), |host: &str| format!("all on {host}"));
    let loopback = "loopback".to_owned();
    match &member.runtime {
        Runtime::Process { host, listen, .. } => {
            let host = host.as_str();
            let own =
                if host == LOCAL { listen.to_canonical().to_string() } else { format!("{listen} on {host}") };
            if listen.is_unspecified() {
                Claims { holds: vec![any(host), all(host)], meets: vec![any(host), loopback] }
            } else {
                Claims { holds: vec![own.clone(), any(host)], meets: vec![own, all(host)] }
            }
        }
        Runtime::Managed { address, .. } => {
            let own = canonical(address);
            if address::is_loopback(address) {
                Claims { holds: vec![own.clone(), loopback], meets: vec![own, all(LOCAL)] }
            } else {
                Claims { holds: vec![own.clone()], meets: vec![own] }
            }
        }
    }
}

/// One spelling for one address.
fn canonical(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) if address == "localhost" => "127.0.0.1".to_owned(),
        Err(_) => address.trim_end_matches('.').to_owned(),
    }
}

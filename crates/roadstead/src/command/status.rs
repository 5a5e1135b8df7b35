//! `roadstead status`: each member's state, role, version and endpoint, and how old its last proven backup is.
//! Ends with 1 when something is wrong; a member that was stopped on purpose is not.

use std::net::SocketAddr;

use clap::{ArgMatches, Command};
use roadstead_control::Controller;
use roadstead_core::{
    Finding, Millis, Severity, Text, Timestamp, finding,
    model::{ClusterSpec, Fleet, MemberHome, MemberSpec, Name, Runtime},
    plan,
    port::layout::Endpoint,
    seen::{Aside, DataSeen, FleetSeen, Former, HalfDone, MemberSeen, OnHost, ProcessSeen, Reach, Role},
};
use serde_json::{Value, json};

use super::{journal, shape};
use crate::{
    context::{Answer, Context, Exit, Outcome, block_on},
    fleet_file, house,
    render::{
        self, Tone, Words,
        table::{Cell, Table},
        time,
    },
    shelf::{Entry, Shelf},
};

/// By how much the clocks of hosts may differ.
const CLOCKS_DIFFER_MAX: Millis = Millis(300_000);

pub(crate) fn define(words: &Words) -> Command {
    shape::verb(words, "status").args(shape::clusters(words))
}

pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Outcome {
    let loaded = fleet_file::load_text(context)?;
    let asked = fleet_file::clusters(&loaded.fleet, &shape::named_clusters(matches))?;
    let (controller, journal) = house::with_journal(context, &loaded)?;
    let named = (!asked.is_empty()).then_some(asked.as_slice());
    let (seen, shelf) = block_on(async {
        let looked = controller.survey(named);
        tokio::join!(looked, Shelf::read(&controller))
    })?;
    let state = State { words: &context.words, seen: &seen, shelf: &shelf, now: house::now() };
    let clusters = loaded.fleet.clusters.values();
    let clusters: Vec<_> = clusters.filter(|c| asked.is_empty() || asked.contains(&c.name)).collect();
    let of_asked = |cluster: &&ClusterSpec| asked.is_empty() || asked.contains(&cluster.name);
    let undeclared: Vec<_> = seen.undeclared.values().filter(of_asked).collect();
    let listed = || clusters.iter().copied().chain(undeclared.iter().copied());
    let is_listed = |name: &Name| {
        asked.is_empty() || listed().any(|cluster| cluster.members.iter().any(|member| member.name == *name))
    };
    let mut text = match listed().next() {
        Some(_) => state.table(listed()).render(context.paint),
        None => format!("{}\n", context.words.word("cli-clusters-none")),
    };
    text.push_str(&state.agent(&controller));
    let mut findings: Vec<Finding> = seen.findings.clone();
    findings.extend(journal::unread(&journal));
    findings.extend(shelf.findings.iter().cloned());
    findings.extend(troubles(&loaded.fleet, &seen));
    findings.extend(to_come(&clusters, &shelf, state.now));
    findings.extend(plan::former::findings(&seen, &asked));
    findings
        .extend(seen.asides.iter().filter(|aside| is_listed(&aside.member)).map(|aside| state.aside(aside)));
    findings.extend(clusters.iter().flat_map(|cluster| lost(cluster, &seen, &shelf)));
    findings.extend(half_done(listed(), &seen));
    findings.extend(clusters.iter().flat_map(|cluster| misplaced(cluster, &seen)));
    findings.extend(undeclared.iter().flat_map(|cluster| unfinished_copies(&loaded.fleet, cluster, &seen)));
    for found in &findings {
        text.push_str(&render::finding::one(&context.words, context.paint, found));
    }
    let members =
        listed().flat_map(|cluster| cluster.members.iter().map(|member| state.document(cluster, member)));
    let agents: serde_json::Map<String, Value> =
        seen.hosts.iter().map(|(name, host)| (name.to_string(), json!(host.agent))).collect();
    let json = json!({
        "fleet": loaded.fleet.name,
        "members": members.collect::<Vec<_>>(),
        "agents": agents,
        "former": seen.former.iter().map(|former| state.former(former)).collect::<Vec<_>>(),
        "set_aside": seen.asides.iter().filter(|aside| is_listed(&aside.member)).collect::<Vec<_>>(),
        "findings": render::json::findings(&context.words, &findings),
    });
    let exit = if finding::any_error(&findings) { Exit::No } else { Exit::Done };
    Ok(Answer::done(text, json).exit(exit))
}

struct State<'a> {
    words: &'a Words,
    seen: &'a FleetSeen,
    shelf: &'a Shelf,
    now: Timestamp,
}

impl State<'_> {
    fn table<'c>(&self, clusters: impl Iterator<Item = &'c ClusterSpec>) -> Table {
        let heads = ["member", "cluster", "state", "role", "version", "endpoint", "proven"];
        let mut table =
            Table::new(heads.into_iter().map(|head| self.words.word(&format!("cli-head-{head}"))));
        for cluster in clusters {
            for member in &cluster.members {
                let seen = self.seen.members.get(&member.name);
                let facts = seen.and_then(|seen| seen.facts.as_ref());
                let (state, tone) = self.state(seen);
                let (proven, proven_tone) = if self.seen.undeclared.contains_key(&member.name) {
                    (self.words.word("cli-status-undeclared"), Tone::Doubtful)
                } else {
                    self.proven(cluster)
                };
                let role = facts.and_then(|facts| facts.role).map(|role| self.role(role));
                let version = facts.and_then(|facts| facts.version.as_ref()).map(ToString::to_string);
                let flavour = facts.map(|facts| facts.flavour.as_str()).filter(|flavour| !flavour.is_empty());
                let version =
                    version.map(|version| format!("{} {version}", flavour.unwrap_or(&cluster.engine)));
                table.row(vec![
                    Cell::new(member.name.as_str()),
                    Cell::new(cluster.name.as_str()),
                    Cell::new(state).tone(tone),
                    Cell::new(role.unwrap_or_else(|| "-".into())),
                    Cell::new(version.unwrap_or_else(|| "-".into())),
                    Cell::new(answers(member, seen)),
                    Cell::new(proven).tone(proven_tone),
                ]);
            }
        }
        table
    }

    fn state(&self, seen: Option<&MemberSeen>) -> (String, Tone) {
        let Some(seen) = seen else { return (self.words.word("cli-state-unknown"), Tone::Bad) };
        let process = seen.on_host.as_ref().map(|host| &host.process);
        let (key, tone) = match (&seen.reach, process) {
            (Reach::Running, _) => ("core-state-running", Tone::Good),
            (Reach::Starting, _) => ("core-state-starting", Tone::Doubtful),
            (Reach::Refused(_), _) => ("core-state-refused", Tone::Bad),
            (Reach::Unreachable(_), _) => ("core-state-unreachable", Tone::Bad),
            (Reach::Stopped, Some(ProcessSeen::BackingOff { .. })) => ("cli-state-backing-off", Tone::Bad),
            (Reach::Stopped, _) if is_unfinished(seen) => ("cli-state-unfinished", Tone::Bad),
            (Reach::Stopped, Some(ProcessSeen::Dead)) => ("cli-state-dead", Tone::Bad),
            (Reach::Stopped, _) => ("core-state-stopped", Tone::Doubtful),
        };
        (self.words.word(key), tone)
    }

    fn role(&self, role: Role) -> String {
        self.words.word(match role {
            Role::Primary => "cli-role-primary",
            Role::Replica => "cli-role-replica",
        })
    }

    /// The age of the newest proven snapshot: how much would be lost if only it were left.
    fn proven(&self, cluster: &ClusterSpec) -> (String, Tone) {
        if cluster.backup.is_none() {
            return (self.words.word("cli-proven-undeclared"), Tone::Doubtful);
        }
        match self.shelf.proven(&cluster.name) {
            Some(Entry { record, .. }) => {
                let age = time::age(self.words, record.draft.started, self.now);
                (format!("{age} ({})", record.id().short()), Tone::Good)
            }
            None if self.unread() => (self.words.word("cli-state-unknown"), Tone::Bad),
            None => (self.words.word("cli-proven-never"), Tone::Bad),
        }
    }

    fn unread(&self) -> bool {
        roadstead_core::finding::any_error(&self.shelf.findings)
    }

    fn process(&self, process: &ProcessSeen) -> Value {
        match process {
            ProcessSeen::BackingOff { failures, last } => {
                json!({ "backing-off": { "failures": failures, "last": self.words.say(last) } })
            }
            other => json!(other),
        }
    }

    fn former(&self, former: &Former) -> Value {
        json!({
            "fleet": former.fleet,
            "member": former.cluster.first().name,
            "cluster": former.cluster.name,
            "home": former.home.root,
            "process": self.process(&former.on_host.process),
        })
    }

    /// What a restore set aside: kept until somebody who knows that it is needed no more removes it.
    fn aside(&self, aside: &Aside) -> Finding {
        let unknown = || self.words.word("cli-state-unknown");
        let what = Text::new("cli-status-aside")
            .with("member", &aside.member)
            .with("path", &aside.path)
            .with("size", aside.bytes.map_or_else(unknown, |bytes| bytes.to_string()))
            .with("age", aside.since.map_or_else(unknown, |since| time::age(self.words, since, self.now)));
        let needed = carried_on_by(self.seen, &aside.member);
        let of_member = |other: &&Aside| other.member == aside.member && other.path.contains("/data.before-");
        let newest = self.seen.asides.iter().filter(of_member).max_by_key(|other| other.since);
        let on_host = self.seen.members.get(&aside.member).and_then(|seen| seen.on_host.as_ref());
        let has_data = on_host.is_some_and(|on_host| matches!(on_host.data, DataSeen::Ours(_)));
        let key = if needed.is_none() {
            "cli-status-aside-cure"
        } else if newest == Some(aside) && !has_data {
            // Until its restore is done, this may be all that there is.
            "cli-status-aside-needed-cure"
        } else {
            "cli-status-aside-later-cure"
        };
        let data = aside.path.rsplit_once("/data.").map_or("", |(home, _)| home);
        let cure = Text::new(key).with("path", &aside.path).with("data", format!("{data}/data"));
        let cure = cure.with("operation", needed.unwrap_or_default());
        Finding::note(aside.member.as_str(), what).cure(cure)
    }

    /// Whether somebody watches what runs here.
    fn agent(&self, controller: &Controller) -> String {
        let supervised = controller.fleet().clusters.values().flat_map(|cluster| &cluster.members);
        if !supervised.into_iter().any(MemberSpec::is_supervised) {
            return String::new();
        }
        let agent = self.seen.hosts.values().find_map(|host| host.agent.as_ref());
        let told = match agent {
            Some(agent) => Text::new("cli-status-agent")
                .with("pid", agent.pid.to_string())
                .with("version", &agent.version),
            // Why its host could not be looked at is told; that none serves is not known.
            None if self.seen.findings.iter().any(|found| found.what.key == "control-host-unseen") => {
                Text::new("cli-status-agent-unknown")
            }
            None => Text::new("cli-status-no-agent"),
        };
        format!("{}\n", self.words.say(&told))
    }

    fn document(&self, cluster: &ClusterSpec, member: &MemberSpec) -> Value {
        let seen = self.seen.members.get(&member.name);
        let facts = seen.and_then(|seen| seen.facts.as_ref());
        let declared = !self.seen.undeclared.contains_key(&member.name);
        let proven = self.shelf.proven(&cluster.name).filter(|_| declared);
        let newest = self.shelf.of(&cluster.name).next_back().filter(|_| declared);
        let state = seen.map(|seen| match seen.reach {
            Reach::Running => "running",
            Reach::Starting => "starting",
            Reach::Stopped => "stopped",
            Reach::Unreachable(_) => "unreachable",
            Reach::Refused(_) => "refused",
        });
        json!({
            "member": member.name,
            "cluster": cluster.name,
            "declared": declared,
            "engine": cluster.engine,
            "state": state,
            "unfinished": seen.is_some_and(is_unfinished),
            "role": facts.and_then(|facts| facts.role),
            "version": facts.and_then(|facts| facts.version.as_ref()).map(ToString::to_string),
            "flavour": facts.map(|facts| &facts.flavour),
            "endpoint": endpoint(member),
            "listens": seen.and_then(|seen| seen.on_host.as_ref()).and_then(|host| host.listens.as_ref()),
            "supervised": member.is_supervised(),
            "process": seen.and_then(|seen| seen.on_host.as_ref()).map(|host| self.process(&host.process)),
            "uptime_ms": facts.and_then(|facts| facts.uptime),
            "position": facts.and_then(|facts| facts.position.as_ref()),
            "connections_used": facts.and_then(|facts| facts.connections_used),
            "connections_allowed": facts.and_then(|facts| facts.connections_allowed),
            "size_bytes": facts.and_then(|facts| facts.size),
            "replication": facts.and_then(|facts| facts.replication.as_ref()),
            "look_took_ms": seen.map(|seen| seen.took),
            "last_snapshot": newest.map(|entry| json!({ "id": entry.record.id(), "started": entry.record.draft.started, "stage": entry.record.stage() })),
            "last_proven": proven.map(|entry| json!({
                "id": entry.record.id(),
                "started": entry.record.draft.started,
                "proven_at": entry.record.proven_at(),
                "age_ms": self.now.since(entry.record.draft.started),
            })),
        })
    }
}

/// Clusters with snapshots that claim to be of a time that has not come: some clock was or is wrong, and their age says
/// nothing.
fn to_come(clusters: &[&ClusterSpec], shelf: &Shelf, now: Timestamp) -> Vec<Finding> {
    let ahead =
        |entry: &&Entry| entry.record.draft.started.since(now).is_some_and(|ahead| ahead > CLOCKS_DIFFER_MAX);
    let of_cluster = |cluster: &&ClusterSpec| {
        let name = &cluster.name;
        let last = shelf.of(name).filter(ahead).max_by_key(|entry| entry.record.draft.started)?;
        let what = Text::new("cli-status-to-come")
            .with("count", shelf.of(name).filter(ahead).count())
            .with("snapshot", last.record.id().short())
            .with("cluster", name)
            .with("taken", last.record.draft.started.for_people());
        Some(Finding::error(name.as_str(), what).cure(Text::new("cli-status-to-come-cure")))
    };
    clusters.iter().filter_map(of_cluster).collect()
}

/// Why members do not answer, and how often they died.
pub(super) fn troubles(fleet: &Fleet, seen: &FleetSeen) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, member) in &seen.members {
        if let Reach::Unreachable(error) | Reach::Refused(error) = &member.reach {
            let what = Text::new("cli-status-no-answer").with("member", name).with("why", error.what.clone());
            let finding = Finding::error(name.as_str(), what);
            found.push(match &error.cure {
                Some(cure) => finding.cure(cure.clone()),
                None => finding,
            });
        }
        match member.on_host.as_ref().map(|host| &host.process) {
            Some(ProcessSeen::BackingOff { failures, last }) => {
                let cluster = cluster_of(fleet, seen, name);
                let home = cluster.and_then(|cluster| home_of(fleet, cluster, name));
                let cluster = cluster.map_or(name, |cluster| &cluster.name);
                found.push(plan::apply::backing_off(cluster, name, home.as_ref(), (*failures, last)));
            }
            // The agent that started it again knows how it died, and has told.
            Some(ProcessSeen::Running { restarts, .. }) if *restarts > 0 && !is_told(seen, name) => {
                let what = Text::new("cli-status-restarts").with("member", name).with("restarts", *restarts);
                found.push(Finding::warning(name.as_str(), what));
            }
            Some(ProcessSeen::Dead) => {
                let what = Text::new("cli-status-dead").with("member", name);
                found.push(Finding::error(name.as_str(), what).cure(Text::new("cli-status-dead-cure")));
            }
            _ => {}
        }
        found.extend(unwatched(fleet, seen, name));
    }
    found
}

/// That the agent which serves does not watch a member.
fn unwatched(fleet: &Fleet, seen: &FleetSeen, member: &Name) -> Option<Finding> {
    let cluster = cluster_of(fleet, seen, member)?;
    let home = home_of(fleet, cluster, member)?;
    let Runtime::Process { host, .. } = &cluster.first().runtime else { return None };
    let on_host = seen.members.get(member)?.on_host.as_ref()?;
    let told = || {
        let what = Text::new("core-plan-unwatched").with("member", member);
        Finding::warning(member.as_str(), what).cure(Text::new("core-plan-unwatched-cure"))
    };
    plan::apply::is_unwatched(seen.hosts.get(host)?, on_host, &home).then(told)
}

/// The cluster of a member, declared or not.
fn cluster_of<'a>(fleet: &'a Fleet, seen: &'a FleetSeen, member: &Name) -> Option<&'a ClusterSpec> {
    let has = |cluster: &&ClusterSpec| cluster.members.iter().any(|other| other.name == *member);
    fleet.clusters.values().find(has).or_else(|| seen.undeclared.get(member))
}

/// Where a member of a cluster lives; `None`: not here.
fn home_of(fleet: &Fleet, cluster: &ClusterSpec, member: &Name) -> Option<MemberHome> {
    let found = cluster.members.iter().find(|other| other.name == *member)?;
    let Runtime::Process { host, .. } = &found.runtime else { return None };
    Some(MemberHome::new(fleet.hosts.get(host)?, &fleet.name, member))
}

/// Members whose data directory is gone, or is not theirs.
fn lost(cluster: &ClusterSpec, seen: &FleetSeen, shelf: &Shelf) -> Vec<Finding> {
    let mut found = Vec::new();
    for member in &cluster.members {
        let operation = carried_on_by(seen, &member.name);
        let Some(seen) = seen.members.get(&member.name) else { continue };
        let lost = plan::backup::lost_data(cluster, member, seen);
        found.extend(lost.map(|finding| Finding { severity: Severity::Error, ..finding }));
        let Some(OnHost { data, process: ProcessSeen::Stopped | ProcessSeen::Dead, .. }) = &seen.on_host
        else {
            continue;
        };
        let name = &member.name;
        let (what, cure) = match data {
            DataSeen::Ours(_) => continue,
            DataSeen::Foreign(why) => (why.clone(), "core-plan-foreign-data-cure"),
            DataSeen::Unfinished | DataSeen::HalfLoaded => {
                let told = plan::apply::unfinished(cluster, member);
                let cure = |operation| {
                    let cure = Text::new("cli-status-unfinished-place-cure").with("cluster", &cluster.name);
                    cure.with("operation", operation)
                };
                found.push(operation.map(cure).into_iter().fold(told, Finding::cure));
                continue;
            }
            DataSeen::Absent if shelf.of(&cluster.name).next().is_none() => continue,
            DataSeen::Absent => {
                let what =
                    Text::new("cli-status-no-data").with("member", name).with("cluster", &cluster.name);
                (what, "cli-status-no-data-cure")
            }
        };
        found.push(Finding::error(name.as_str(), what).cure(Text::new(cure).with("cluster", &cluster.name)));
    }
    found
}

/// Restores that took something down or filled it in part, and did not get to their end; elsewhere a warning.
fn half_done<'c>(clusters: impl Iterator<Item = &'c ClusterSpec>, seen: &FleetSeen) -> Vec<Finding> {
    let members: Vec<_> = clusters.flat_map(|cluster| &cluster.members).collect();
    let told = |(place, half): (&String, &HalfDone)| {
        let is_its = |member: &&&MemberSpec| {
            if member.is_supervised() {
                member.name.as_str() == place
            } else {
                plan::place_of(member) == *place
            }
        };
        let member = members.iter().find(is_its);
        let operation = half.operation.get(..8).unwrap_or(&half.operation);
        let say = |key: &str| Text::new(key).with("place", place).with("operation", operation);
        let severity = if member.is_some() { Severity::Error } else { Severity::Warning };
        let subject = member.map_or(place.as_str(), |member| member.name.as_str());
        let key = if half.is_part { "cli-status-half-loaded" } else { "cli-status-half-done" };
        let finding = Finding::warning(subject, say(key)).cure(say("cli-status-half-done-cure"));
        Finding { severity, ..finding }
    };
    seen.half_done.iter().map(told).collect()
}

fn is_unfinished(seen: &MemberSeen) -> bool {
    seen.on_host.as_ref().is_some_and(|host| host.data.is_unfinished())
}

/// The restore into this member that waits to be carried on; `None`: the journal knows of none.
fn carried_on_by<'s>(seen: &'s FleetSeen, member: &Name) -> Option<&'s str> {
    let half = seen.half_done.get(member.as_str())?;
    Some(half.operation.get(..8).unwrap_or(&half.operation))
}

/// Copies beside the fleet whose load was broken off: nobody may take one for what it was to be.
fn unfinished_copies(fleet: &Fleet, cluster: &ClusterSpec, all: &FleetSeen) -> Vec<Finding> {
    let mut found = Vec::new();
    for member in &cluster.members {
        let Runtime::Process { host, .. } = &member.runtime else { continue };
        let (Some(seen), Some(host)) = (all.members.get(&member.name), fleet.hosts.get(host)) else {
            continue;
        };
        if is_unfinished(seen) {
            let path = MemberHome::new(host, &fleet.name, &member.name).data();
            let told = plan::apply::unfinished(cluster, member);
            let cure = match carried_on_by(all, &member.name) {
                Some(operation) => Text::new("cli-status-unfinished-cure").with("operation", operation),
                None => Text::new("cli-status-unfinished-lost-cure"),
            };
            found.push(told.cure(cure.with("path", path)));
        }
    }
    found
}

fn is_told(seen: &FleetSeen, member: &Name) -> bool {
    let told =
        |found: &Finding| found.what.key == "agent-member-restarted" && found.subject == member.as_str();
    seen.findings.iter().any(told)
}

/// Where a member answers; where it is declared to, when that is so or unknown.
fn answers(member: &MemberSpec, seen: Option<&MemberSeen>) -> String {
    match seen.and_then(|seen| elsewhere(member, seen)) {
        Some([]) | None => endpoint(member),
        Some(there) => there.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}

/// Where a running member listens, when that is not where it is declared to.
fn elsewhere<'s>(member: &MemberSpec, seen: &'s MemberSeen) -> Option<&'s [SocketAddr]> {
    let on_host = seen.on_host.as_ref().filter(|_| seen.reach == Reach::Running)?;
    let is_whole = matches!(on_host.data, DataSeen::Ours(_));
    on_host.elsewhere(member).filter(|_| is_whole)
}

/// Members that clients do not find where the fleet file says.
fn misplaced(cluster: &ClusterSpec, seen: &FleetSeen) -> Vec<Finding> {
    let told = |member: &MemberSpec| {
        let there = elsewhere(member, seen.members.get(&member.name)?)?;
        let there: Vec<_> = there.iter().map(ToString::to_string).collect();
        let what = Text::new("cli-status-elsewhere")
            .with("member", &member.name)
            .with("there", there.join(", "))
            .with("wanted", plan::declared_at(member));
        Some(Finding::error(member.name.as_str(), what).cure(Text::new("cli-status-elsewhere-cure")))
    };
    cluster.members.iter().filter_map(told).collect()
}

/// Where clients reach a member, as one text.
pub(super) fn endpoint(member: &MemberSpec) -> String {
    let (host, port) = member.endpoint();
    Endpoint::Tcp(host, port).to_string()
}

#[cfg(test)]
mod tests {
    use roadstead_core::{
        Bytes, Millis, Version,
        manifest::Manifest,
        port::vault::{Draft, Dumped, Record, SnapshotId},
        seen::{DataSeen, OnHost},
    };

    use super::*;

    fn entry(cluster: &str, number: u64, started: i64) -> Entry {
        let name = |text: &str| Name::parse(text).expect("a name");
        let draft = Draft {
            id: SnapshotId(format!("{number:032x}")),
            set: String::new(),
            fleet: name("f"),
            cluster: name(cluster),
            member: name(&format!("{cluster}-1")),
            engine: String::new(),
            started: Timestamp::from_millis(started),
            number,
            by: String::new(),
        };
        let manifest = Manifest::default();
        let version = Version { parts: vec![1] };
        let dumped = Dumped { flavour: String::new(), version, position: None, manifest, findings: vec![] };
        let record =
            Record { draft, dumped, streams: vec![], stored: Bytes(0), took: Millis(0), history: vec![] };
        Entry { vault: name("v"), record }
    }

    fn cluster(name: &str) -> ClusterSpec {
        ClusterSpec {
            name: Name::parse(name).expect("a name"),
            engine: String::new(),
            version: None,
            memory: None,
            members: vec![],
            databases: vec![],
            roles: std::collections::BTreeMap::new(),
            settings: std::collections::BTreeMap::new(),
            backup: None,
        }
    }

    #[test]
    fn snapshots_of_times_to_come_are_told_in_one_line_a_cluster_and_of_those_asked_for() {
        let hour = 3_600_000;
        let now = Timestamp::from_millis(hour);
        let entries = vec![
            entry("a", 1, 0),
            entry("a", 2, 3 * hour),
            entry("a", 3, 2 * hour),
            entry("a", 4, hour + 60_000),
            entry("b", 5, 2 * hour),
            entry("c", 6, hour),
        ];
        let shelf = Shelf { entries, ..Shelf::default() };
        let (a, b, c) = (cluster("a"), cluster("b"), cluster("c"));
        let told = |clusters: &[&ClusterSpec]| -> Vec<String> {
            to_come(clusters, &shelf, now).iter().map(|found| found.what.to_string()).collect()
        };
        let of_a = format!(
            "cli-status-to-come(cluster=a, count=2, snapshot=00000000, taken={})",
            Timestamp::from_millis(3 * hour).for_people()
        );
        assert_eq!(told(&[&a, &c]), [of_a]);
        assert_eq!(told(&[&a, &b, &c]).len(), 2);
        assert!(told(&[&c]).is_empty(), "clocks may differ by minutes");
    }

    #[test]
    fn a_restart_is_told_once() {
        let name = Name::parse("orders-1").expect("a name");
        let process = ProcessSeen::Running { pid: 1, restarts: 2 };
        let on_host = OnHost {
            process,
            data: DataSeen::Absent,
            files: std::collections::BTreeMap::new(),
            free: None,
            listens: None,
        };
        let member =
            MemberSeen { reach: Reach::Running, facts: None, on_host: Some(on_host), took: Millis(0) };
        let mut seen = FleetSeen::default();
        seen.members.insert(name, member);
        let fleet = Fleet {
            name: Name::parse("harbour").expect("a name"),
            directory: "/".into(),
            file: "/fleet.yaml".into(),
            vaults: std::collections::BTreeMap::new(),
            hosts: std::collections::BTreeMap::new(),
            clusters: std::collections::BTreeMap::new(),
        };
        let keys = |seen: &FleetSeen| {
            troubles(&fleet, seen).into_iter().map(|found| found.what.key).collect::<Vec<_>>()
        };
        assert_eq!(
            keys(&seen),
            ["cli-status-restarts"],
            "an agent that took it over does not know how it died"
        );
        seen.findings.push(Finding::warning("orders-1", Text::new("agent-member-restarted")));
        assert_eq!(keys(&seen), [""; 0]);
    }
}

//! Deciding how a snapshot becomes a live member again: in place, beside, or on a server reached by address.

use super::{
    Act, Aim, Condition, Decision, Destination, LoadTask, MemberTask, Risk, SnapshotTask, Standing, Step,
    apply::{creation, facet, start, stop, target},
    backup::declared_as,
    situation::{Draft, Situation, known_of},
};
use crate::{
    Text,
    finding::{Finding, Severity},
    model::{ClusterSpec, MemberSpec, Name, Runtime, VaultSpec},
    port::{
        engine::Engine,
        vault::{Record, Stage},
    },
    seen::{DataSeen, HostSeen, OnHost, ProcessSeen},
};

/// Restores one snapshot. What is live is set aside, never deleted. A restore that an earlier, interrupted operation
/// had already loaded is only started and compared: what clients wrote since is not touched again.
pub fn restore(situation: &Situation<'_>, snapshot: &str, into: &Destination) -> Decision {
    let aim = Aim::Restore { snapshot: snapshot.to_owned(), into: into.clone() };
    let mut draft = Draft::default();
    if let Err(findings) = steps(situation, snapshot, into, &mut draft) {
        draft.findings.extend(findings);
    }
    situation.decision(&aim, draft)
}

/// Compares what was restored, and runs, with the snapshot it came from. Changes nothing.
pub fn compare_with(situation: &Situation<'_>, snapshot: &str, with: &Destination) -> Decision {
    let aim = Aim::Compare { snapshot: snapshot.to_owned(), with: with.clone() };
    let mut draft = Draft::default();
    match comparison(situation, snapshot, with) {
        Ok(step) => draft.steps.push(step),
        Err(findings) => draft.findings.extend(findings),
    }
    situation.decision(&aim, draft)
}

fn comparison(situation: &Situation<'_>, snapshot: &str, with: &Destination) -> Result<Step, Vec<Finding>> {
    let one = |finding| vec![finding];
    let (vault, record) = situation.record(snapshot).map_err(one)?;
    let cluster = declared_as(situation, record).map_err(one)?;
    let engine = situation.engine(&cluster).map_err(one)?;
    let member = match with {
        Destination::Place => cluster.first().clone(),
        Destination::Beside { member, port } => beside_runtime(&cluster, member, *port),
        Destination::Address { address, port, user, password, tls } => {
            addressed(address, *port, user, password.as_ref(), tls)
        }
    };
    let cluster = ClusterSpec { members: vec![member.clone()], ..cluster };
    let mut task = load_task(situation, &cluster, &member, vault, record);
    if member.is_supervised() {
        let deploy = facet(engine.as_ref(), &cluster)?;
        let wish = engine.backup().map(|backup| backup.loads_into(record));
        task.member = situation.laid_out(deploy, task.member.clone(), wish)?.0;
    }
    task.standing = if matches!(with, Destination::Place) { Standing::Live } else { Standing::Restored };
    Ok(compare(&task))
}

fn steps(
    situation: &Situation<'_>,
    snapshot: &str,
    into: &Destination,
    draft: &mut Draft,
) -> Result<(), Vec<Finding>> {
    let one = |finding| vec![finding];
    let (vault, record) = situation.record(snapshot).map_err(one)?;
    let cluster = declared_as(situation, record).map_err(one)?;
    let engine = situation.engine(&cluster).map_err(one)?;
    if engine.backup().is_none() {
        let text = Text::new("core-plan-engine-no-backup").with("engine", engine.profile().title);
        return Err(vec![Finding::error(cluster.name.as_str(), text)]);
    }
    draft.findings.extend(damaged(situation, record));
    draft.findings.extend(unproven(record));
    draft.findings.extend(other_version(&cluster, record, into));
    match into {
        Destination::Place => {
            let member = cluster.first().clone();
            if !member.is_supervised() {
                let text = Text::new("core-plan-restore-managed").with("member", &member.name);
                let cure = Text::new("core-plan-restore-managed-cure");
                return Err(vec![Finding::error(member.name.as_str(), text).cure(cure)]);
            }
            supervised(situation, engine.as_ref(), &cluster, &member, vault, record, draft)
        }
        Destination::Beside { member, port } => {
            let member = beside(situation, &cluster, member, *port)?;
            let cluster = ClusterSpec { members: vec![member.clone()], ..cluster };
            supervised(situation, engine.as_ref(), &cluster, &member, vault, record, draft)
        }
        Destination::Address { address, port, user, password, tls } => {
            let member = addressed(address, *port, user, password.as_ref(), tls);
            let cluster = ClusterSpec { members: vec![member.clone()], ..cluster };
            let task = load_task(situation, &cluster, &member, vault, record);
            draft.steps.extend(at_address(situation, task, &format!("{address}:{port}")));
            Ok(())
        }
    }
}

/// What is known to be damaged would be found so in the middle of its load, when the member is down.
fn damaged(situation: &Situation<'_>, record: &Record) -> Option<Finding> {
    let failed = record.damage()?;
    let text = Text::new("core-plan-restore-damaged")
        .with("snapshot", record.id().short())
        .with("when", failed.at.for_people());
    let cluster = &record.draft.cluster;
    let cure = match situation.newest_of(cluster, |other| other.damage().is_none()) {
        Some(other) => Text::new("core-plan-restore-damaged-other-cure")
            .with("other", other.id().short())
            .with("taken", other.draft.started.for_people()),
        None => Text::new("core-plan-restore-damaged-cure"),
    };
    // One that is carried on has taken its member down already, and may be all that there is.
    let severity = if situation.done.is_empty() { Severity::Error } else { Severity::Warning };
    let finding = Finding::error(cluster.as_str(), text).cure(cure.with("snapshot", record.id().short()));
    Some(Finding { severity, ..finding })
}

fn unproven(record: &Record) -> Option<Finding> {
    if record.stage() == Stage::Proven || record.damage().is_some() {
        return None;
    }
    let text = Text::new("core-plan-restore-unproven").with("snapshot", record.id().short());
    Some(
        Finding::warning(record.draft.cluster.as_str(), text)
            .cure(Text::new("core-plan-restore-unproven-cure")),
    )
}

/// What is restored keeps the version that it was taken from, whatever the file says now.
fn other_version(cluster: &ClusterSpec, record: &Record, into: &Destination) -> Option<Finding> {
    let (wanted, is) = (cluster.version.as_ref()?, &record.dumped.version);
    let by_address = matches!(into, Destination::Address { .. });
    if by_address || is.is_of(wanted) || is.major() == wanted.major() {
        return None;
    }
    let say = |key: &str| Text::new(key).with("is", is.to_string()).with("wanted", wanted.to_string());
    let cure = say("core-plan-restore-version-cure").with("major", is.major());
    Some(Finding::warning(cluster.name.as_str(), say("core-plan-restore-version")).cure(cure))
}

fn beside(
    situation: &Situation<'_>,
    cluster: &ClusterSpec,
    name: &Name,
    port: u16,
) -> Result<MemberSpec, Vec<Finding>> {
    let declared = situation.fleet.clusters.values().flat_map(|cluster| &cluster.members);
    if declared.clone().any(|member| &member.name == name) {
        let text = Text::new("core-plan-beside-exists").with("member", name);
        return Err(vec![
            Finding::error(name.as_str(), text).cure(Text::new("core-plan-beside-exists-cure")),
        ]);
    }
    let beside = beside_runtime(cluster, name, port);
    let serves = |other: &&MemberSpec| match (&other.runtime, &beside.runtime) {
        (Runtime::Process { host: one, port: taken, .. }, Runtime::Process { host: other, .. }) => {
            one == other && *taken == port
        }
        _ => false,
    };
    // Copies that stand still have their ports as well.
    let copies = situation.seen.undeclared.values().flat_map(|cluster| &cluster.members);
    let copies = copies.filter(|copy| &copy.name != name);
    if let Some(other) = declared.chain(copies).find(serves) {
        let text =
            Text::new("core-plan-beside-port").with("port", port.to_string()).with("other", &other.name);
        return Err(vec![Finding::error(name.as_str(), text).cure(Text::new("core-plan-beside-port-cure"))]);
    }
    Ok(beside)
}

/// Loads into a server that somebody else runs, and compares. A load that broke off is begun again: the server was found
/// empty before it, so that what the snapshot holds may go, once whoever resumes says so by name.
fn at_address(situation: &Situation<'_>, mut task: LoadTask, address: &str) -> Vec<Step> {
    let empty = require_empty(&task, address);
    task.again = situation.found.get(&empty.id).filter(|_| situation.has_done(&empty.id)).cloned();
    let mut steps = Vec::new();
    let mut loading = load(&task);
    if situation.has_done(&loading.id) {
        task.standing = Standing::Carried;
    } else {
        if task.again.is_some() {
            loading.risk = Some(Risk::LosesData);
            loading.title = Text::new("core-step-load-again")
                .with("address", address)
                .with("snapshot", task.snapshot.snapshot.short());
        } else {
            steps.push(empty);
        }
        steps.push(loading);
    }
    steps.push(compare(&task));
    for step in &mut steps {
        step.target.address = Some(address.to_owned());
    }
    steps
}

fn require_empty(task: &LoadTask, address: &str) -> Step {
    Step {
        id: format!("empty-{}", task.member.member.name),
        title: Text::new("core-step-empty").with("address", address),
        target: target(&task.member),
        risk: None,
        requires: vec![],
        act: Act::RequireEmpty(task.clone()),
        proves: vec![],
        undo: None,
    }
}

/// The member that a restore beside makes: on the host of the cluster's own member, else on the local one.
fn beside_runtime(cluster: &ClusterSpec, name: &Name, port: u16) -> MemberSpec {
    let runtime = match &cluster.first().runtime {
        Runtime::Process { host, listen, .. } => {
            Runtime::Process { host: host.clone(), port, listen: *listen }
        }
        Runtime::Managed { .. } => Runtime::Process {
            host: Name::parse("local").expect("the word is a name"),
            port,
            listen: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        },
    };
    MemberSpec { name: name.clone(), runtime }
}

/// A server that was named on the command line, as a member.
fn addressed(
    address: &str,
    port: u16,
    user: &str,
    password: Option<&crate::SecretRef>,
    tls: &crate::model::TlsSpec,
) -> MemberSpec {
    MemberSpec {
        name: Name::parse("target").expect("the word is a name"),
        runtime: Runtime::Managed {
            address: address.to_owned(),
            port,
            user: user.to_owned(),
            password: password.cloned(),
            tls: tls.clone(),
        },
    }
}

fn load_task(
    situation: &Situation<'_>,
    cluster: &ClusterSpec,
    member: &MemberSpec,
    vault: &VaultSpec,
    record: &Record,
) -> LoadTask {
    LoadTask {
        snapshot: SnapshotTask { vault: vault.clone(), snapshot: record.id().clone() },
        member: situation.task(cluster, member),
        standing: Standing::Loaded,
        again: None,
    }
}

fn supervised(
    situation: &Situation<'_>,
    engine: &dyn Engine,
    cluster: &ClusterSpec,
    member: &MemberSpec,
    vault: &VaultSpec,
    record: &Record,
    draft: &mut Draft,
) -> Result<(), Vec<Finding>> {
    let one = |finding| vec![finding];
    let deploy = facet(engine, cluster)?;
    let wish = engine.backup().map(|backup| backup.loads_into(record));
    let mut task = load_task(situation, cluster, member, vault, record);
    let (laid_out, layout) = situation.laid_out(deploy, task.member.clone(), wish)?;
    task.member = laid_out;
    let seen = situation.member_seen(member).map_err(one)?;
    let on_host = known_of(member, seen).map_err(one)?;
    let host = situation.host_seen(&task.member.host.name).map_err(one)?;
    let data = &on_host.data;
    if let DataSeen::Foreign(why) = data {
        let cure = Text::new("core-plan-foreign-data-cure");
        return Err(vec![Finding::error(member.name.as_str(), why.clone()).cure(cure)]);
    }
    let is_loaded = situation.has_done(&load(&task).id) && matches!(data, DataSeen::Ours(_));
    let runs = on_host.process.is_up();
    let serves = matches!(on_host.process, ProcessSeen::Running { .. });
    if !serves {
        draft.findings.extend(port_taken(member, host));
    }
    if !is_loaded {
        draft.findings.extend(little_room(&task, on_host, record));
        // A dead one would be started by the agent in the middle of this.
        let is_wanted = on_host.process.is_wanted();
        if is_wanted || matches!(data, DataSeen::Ours(_)) {
            draft.steps.push(ready(&task));
        }
        if is_wanted {
            draft.steps.push(stop(&task.member));
        }
        if matches!(data, DataSeen::Ours(_)) {
            draft.steps.push(set_aside(situation, &task.member));
        }
        draft.steps.extend(creation(&task.member, &layout, host, Some((&task.snapshot.snapshot, data))));
        draft.steps.push(load(&task));
    }
    if !(is_loaded && runs) {
        draft.steps.push(start(&task.member));
    }
    draft.steps.push(compare(&task));
    Ok(())
}

/// Somebody else listens where the restored member would: better known before anything is set aside or loaded.
fn port_taken(member: &MemberSpec, host: &HostSeen) -> Option<Finding> {
    let Runtime::Process { port, listen, .. } = &member.runtime else { return None };
    let told = || {
        let say = |key: &str| {
            Text::new(key)
                .with("member", &member.name)
                .with("address", listen.to_string())
                .with("port", port.to_string())
        };
        Finding::error(member.name.as_str(), say("core-plan-port-taken"))
            .cure(say("core-plan-port-taken-cure"))
    };
    host.is_taken(*listen, *port).then(told)
}

/// What is set aside is kept, so that all that the snapshot holds needs room anew. Refused is what cannot end well; what
/// may, is told.
fn little_room(task: &LoadTask, on_host: &OnHost, record: &Record) -> Option<Finding> {
    let (needed, free) = (record.bytes(), on_host.free?);
    if free >= needed {
        return None;
    }
    let member = &task.member.member.name;
    // A half-loaded copy goes before anything is made, and gives its room back: the load itself asks again.
    let hopeless = free < record.bytes_restored_min() && !on_host.data.is_unfinished();
    let text = Text::new(if hopeless { "core-plan-no-room" } else { "core-plan-little-room" })
        .with("member", member)
        .with("snapshot", record.id().short())
        .with("path", task.member.home.as_ref().map_or("", |home| &home.root))
        .with("needed", needed.to_string())
        .with("free", free.to_string());
    let severity = if hopeless { Severity::Error } else { Severity::Warning };
    let finding = Finding::error(member.as_str(), text).cure(Text::new("core-plan-no-room-cure"));
    Some(Finding { severity, ..finding })
}

fn ready(task: &LoadTask) -> Step {
    let name = &task.member.member.name;
    Step {
        id: format!("ready-{name}"),
        title: Text::new("core-step-ready")
            .with("member", name)
            .with("snapshot", task.snapshot.snapshot.short()),
        target: target(&task.member),
        risk: None,
        requires: vec![],
        act: Act::Ready(task.clone()),
        proves: vec![],
        undo: None,
    }
}

fn set_aside(situation: &Situation<'_>, task: &MemberTask) -> Step {
    let name = &task.member.name;
    let label = format!("before-{}", situation.now.millis());
    Step {
        id: format!("set-aside-{name}"),
        title: Text::new("core-step-set-aside").with("member", name).with("label", &label),
        target: target(task),
        risk: Some(Risk::LosesData),
        requires: vec![Condition::Stopped(name.clone()), Condition::OwnData(name.clone())],
        act: Act::SetAside { member: task.clone(), label },
        proves: vec![Condition::NoData(name.clone())],
        undo: None,
    }
}

fn load(task: &LoadTask) -> Step {
    let name = &task.member.member.name;
    let requires = if task.member.member.is_supervised() {
        vec![Condition::Unfinished(name.clone()), Condition::Stopped(name.clone())]
    } else {
        vec![]
    };
    Step {
        id: format!("load-{name}"),
        title: Text::new("core-step-load")
            .with("member", name)
            .with("snapshot", task.snapshot.snapshot.short()),
        target: target(&task.member),
        risk: Some(Risk::Create),
        requires,
        act: Act::Load(task.clone()),
        proves: vec![],
        undo: None,
    }
}

fn compare(task: &LoadTask) -> Step {
    let name = &task.member.member.name;
    Step {
        id: format!("compare-{name}"),
        title: Text::new("core-step-compare")
            .with("member", name)
            .with("snapshot", task.snapshot.snapshot.short()),
        target: target(&task.member),
        risk: None,
        requires: vec![],
        act: Act::Compare(task.clone()),
        proves: vec![],
        undo: None,
    }
}

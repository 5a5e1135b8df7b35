//! Deciding how the fleet becomes as declared.

use super::{
    Act, Aim, Condition, Decision, MemberTask, Risk, Step, Target, former, lost,
    place::{answers, moves},
    situation::{Draft, Situation, known_of},
    undeclared,
};
use crate::{
    Text,
    finding::{Finding, Severity},
    model::{ClusterSpec, MemberHome, MemberSpec, Name},
    port::{
        engine::{Change, Deploy, Engine, How},
        layout::{File, Layout, Piece},
        vault::SnapshotId,
    },
    seen::{
        AgentSeen, DataSeen, Facts, HostSeen, Identity, MemberSeen, OnHost, ProcessSeen, Reach, SettingSeen,
    },
};

/// Makes the fleet as declared.
pub fn apply(situation: &Situation<'_>, clusters: &[Name]) -> Decision {
    let aim = Aim::Apply { clusters: clusters.to_vec() };
    let mut draft = Draft::default();
    for cluster in situation.clusters(clusters, &mut draft.findings) {
        match situation.engine(cluster) {
            Err(finding) => draft.findings.push(finding),
            Ok(engine) => {
                for member in &cluster.members {
                    if let Err(findings) =
                        member_as_declared(situation, engine.as_ref(), cluster, member, &mut draft)
                    {
                        draft.findings.extend(findings);
                    }
                }
            }
        }
    }
    draft.findings.extend(undeclared::findings(situation, clusters));
    draft.findings.extend(former::findings(situation.seen, clusters));
    situation.decision(&aim, draft)
}

/// The step that stops a member.
pub(super) fn stop(task: &MemberTask) -> Step {
    let name = &task.member.name;
    Step {
        id: format!("stop-{name}"),
        title: Text::new("core-step-stop").with("member", name),
        target: target(task),
        risk: Some(Risk::InterruptsWrites),
        requires: vec![],
        act: Act::Stop(task.clone()),
        proves: vec![Condition::Stopped(name.clone())],
        undo: Some(Act::Start(task.clone())),
    }
}

/// The step that creates a member's data directory.
pub(super) fn create(task: &MemberTask, layout: &Layout) -> Step {
    let name = &task.member.name;
    Step {
        id: format!("create-{name}"),
        title: Text::new("core-step-create")
            .with("member", name)
            .with("flavour", &layout.flavour)
            .with("version", layout.version.to_string()),
        target: target(task),
        risk: Some(Risk::Create),
        requires: vec![Condition::NoData(name.clone()), Condition::Stopped(name.clone())],
        act: Act::Create(task.clone()),
        proves: vec![Condition::OwnData(name.clone())],
        undo: None,
    }
}

/// The step that starts a member.
pub(super) fn start(task: &MemberTask) -> Step {
    let name = &task.member.name;
    let (_, port) = task.member.endpoint();
    Step {
        id: format!("start-{name}"),
        title: Text::new("core-step-start").with("member", name).with("port", port.to_string()),
        target: target(task),
        risk: None,
        requires: vec![Condition::OwnData(name.clone())],
        act: Act::Start(task.clone()),
        proves: [Condition::Running(name.clone())].into_iter().chain(answers(&task.member)).collect(),
        undo: Some(Act::Stop(task.clone())),
    }
}

/// What a member's steps are about.
pub(super) fn target(task: &MemberTask) -> Target {
    Target {
        host: Some(task.host.name.clone()),
        cluster: Some(task.cluster.name.clone()),
        member: Some(task.member.name.clone()),
        ..Target::default()
    }
}

/// An engine's deploy facet, or the finding that it has none.
pub(super) fn facet<'a>(
    engine: &'a dyn Engine,
    cluster: &ClusterSpec,
) -> Result<&'a dyn Deploy, Vec<Finding>> {
    engine.deploy().ok_or_else(|| {
        let text = Text::new("core-plan-no-deploy").with("engine", engine.profile().title);
        vec![Finding::error(cluster.name.as_str(), text)]
    })
}

/// The steps before a member's first start: its system user and its data directory.
pub(super) fn creation(
    task: &MemberTask,
    layout: &Layout,
    host: &HostSeen,
    to_load: Option<(&SnapshotId, &DataSeen)>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    if host.is_root && !host.users.contains(&layout.user) {
        let proof = Condition::User { host: task.host.name.clone(), user: layout.user.clone() };
        steps.push(Step {
            id: format!("user-{}-for-{}", layout.user, task.member.name),
            title: Text::new("core-step-user").with("user", &layout.user),
            target: target(task),
            risk: Some(Risk::Create),
            requires: vec![],
            act: Act::CreateUser { user: layout.user.clone() },
            proves: vec![proof],
            undo: None,
        });
    }
    let mut made = create(task, layout);
    if let Some((snapshot, there)) = to_load {
        // What was loaded in part is removed, so that its room is free: somebody may have put more there since.
        let clears = *there == DataSeen::HalfLoaded;
        if clears {
            made.title.key = "core-step-create-over".into();
            made.risk = Some(Risk::LosesData);
        }
        made.act = Act::CreateToLoad { member: task.clone(), snapshot: snapshot.clone(), clears };
        made.proves = vec![Condition::Unfinished(task.member.name.clone())];
    }
    steps.push(made);
    steps
}

fn member_as_declared(
    situation: &Situation<'_>,
    engine: &dyn Engine,
    cluster: &ClusterSpec,
    member: &MemberSpec,
    draft: &mut Draft,
) -> Result<(), Vec<Finding>> {
    let one = |finding| vec![finding];
    let seen = situation.member_seen(member).map_err(one)?;
    if !member.is_supervised() {
        return managed(member, seen).map_or(Ok(()), |finding| Err(vec![finding]));
    }
    let deploy = facet(engine, cluster)?;
    let task = situation.task(cluster, member);
    let host = situation.host_seen(&task.host.name).map_err(one)?;
    let on_host = known_of(member, seen).map_err(one)?;
    match &on_host.data {
        DataSeen::Foreign(why) => Err(vec![
            Finding::error(member.name.as_str(), why.clone()).cure(Text::new("core-plan-foreign-data-cure")),
        ]),
        DataSeen::Absent | DataSeen::Unfinished | DataSeen::HalfLoaded
            if matches!(on_host.process, ProcessSeen::Running { .. }) =>
        {
            let lost = super::backup::lost_data(cluster, member, seen).into_iter();
            Err(lost.map(|finding| Finding { severity: Severity::Error, ..finding }).collect())
        }
        DataSeen::Absent | DataSeen::Unfinished | DataSeen::HalfLoaded => {
            lost::refuse(situation, cluster, member, &on_host.data)?;
            let (task, layout) = situation.laid_out(deploy, task, None)?;
            draft.steps.extend(creation(&task, &layout, host, None));
            draft.steps.push(start(&task));
            let fresh = fresh_facts(&layout);
            changed(deploy, &task, &layout, &fresh, None, draft);
            Ok(())
        }
        DataSeen::Ours(identity) => {
            refuse_other_version(cluster, member, identity)?;
            let version = Some((identity.version.clone(), identity.flavour.clone()));
            let (task, layout) = situation.laid_out(deploy, task, version)?;
            draft.steps.extend(to_watch(&task, host, on_host));
            existing(deploy, &task, &layout, seen, on_host, draft)
        }
    }
}

/// Something was begun in a member's data directory and not ended; what it left counts for nothing.
pub fn unfinished(cluster: &ClusterSpec, member: &MemberSpec) -> Finding {
    let text = Text::new("core-plan-unfinished").with("member", &member.name);
    let cure = Text::new("core-plan-unfinished-cure").with("cluster", &cluster.name);
    Finding::error(member.name.as_str(), text).cure(cure)
}

fn managed(member: &MemberSpec, seen: &MemberSeen) -> Option<Finding> {
    let (key, error) = match &seen.reach {
        Reach::Running | Reach::Starting | Reach::Stopped => return None,
        Reach::Unreachable(error) => ("core-plan-unreachable", error),
        Reach::Refused(error) => ("core-plan-refused", error),
    };
    let text = Text::new(key).with("member", &member.name).with("why", error.what.clone());
    Some(Finding::warning(member.name.as_str(), text))
}

fn refuse_other_version(
    cluster: &ClusterSpec,
    member: &MemberSpec,
    identity: &Identity,
) -> Result<(), Vec<Finding>> {
    match &cluster.version {
        Some(wanted) if !identity.version.is_of(wanted) && identity.version.major() != wanted.major() => {
            let text = Text::new("core-plan-other-version")
                .with("member", &member.name)
                .with("is", identity.version.to_string())
                .with("wanted", wanted.to_string());
            let cure = Text::new("core-plan-other-version-cure").with("is", identity.version.major());
            Err(vec![Finding::error(member.name.as_str(), text).cure(cure)])
        }
        _ => Ok(()),
    }
}

fn existing(
    deploy: &dyn Deploy,
    task: &MemberTask,
    layout: &Layout,
    seen: &MemberSeen,
    on_host: &OnHost,
    draft: &mut Draft,
) -> Result<(), Vec<Finding>> {
    let name = &task.member.name;
    match &on_host.process {
        ProcessSeen::Stopped | ProcessSeen::Dead => {
            draft.steps.push(start(task));
            let text = Text::new("core-plan-more-when-running").with("member", name);
            draft.findings.push(Finding::note(name.as_str(), text));
            Ok(())
        }
        ProcessSeen::BackingOff { failures, last } => {
            let told = backing_off(&task.cluster.name, name, task.home.as_ref(), (*failures, last));
            draft.findings.push(Finding { severity: Severity::Warning, ..told });
            draft.steps.push(restart(task, &[]));
            Ok(())
        }
        ProcessSeen::Running { .. } => match (&seen.reach, &seen.facts) {
            (Reach::Running, Some(facts)) => {
                changed(deploy, task, layout, facts, Some(on_host), draft);
                Ok(())
            }
            (Reach::Unreachable(error), _) => Err(vec![stuck("core-plan-unreachable", name, &error.what)]),
            (Reach::Refused(error), _) => Err(vec![stuck("core-plan-refused", name, &error.what)]),
            _ => Err(vec![Finding::error(
                name.as_str(),
                Text::new("core-plan-not-ready").with("member", name),
            )]),
        },
    }
}

/// One that runs, and that the agent which serves does not watch: a start takes it over.
fn to_watch(task: &MemberTask, host: &HostSeen, on_host: &OnHost) -> Option<Step> {
    let home = task.home.as_ref()?;
    (is_unwatched(host, on_host, home)).then(|| {
        let title = Text::new("core-step-watch").with("member", &task.member.name);
        // Whether it answers where it is declared to is the affair of a restart that may follow.
        let proves = vec![Condition::Running(task.member.name.clone())];
        Step { title, id: format!("watch-{}", task.member.name), proves, ..start(task) }
    })
}

/// Whether a member runs that its host's agent does not watch: it would not be started again.
pub fn is_unwatched(host: &HostSeen, on_host: &OnHost, home: &MemberHome) -> bool {
    let watches = |agent: &AgentSeen| agent.watches.iter().any(|watched| watched.home == home.root);
    matches!(on_host.process, ProcessSeen::Running { .. })
        && host.agent.as_ref().is_some_and(|agent| !watches(agent))
}

/// That a member dies again and again: how often so far, and its last words.
pub fn backing_off(
    cluster: &Name,
    member: &Name,
    home: Option<&MemberHome>,
    (failures, last): (u32, &Text),
) -> Finding {
    let what = Text::new("core-plan-backing-off").with("member", member).with("failures", failures);
    let told = Finding::error(member.as_str(), what.with("last", last.clone()));
    let cure = |home: &MemberHome| {
        Text::new("core-plan-backing-off-cure").with("log", home.log()).with("cluster", cluster)
    };
    home.map(cure).into_iter().fold(told, Finding::cure)
}

fn stuck(key: &str, member: &Name, why: &Text) -> Finding {
    Finding::error(member.as_str(), Text::new(key).with("member", member).with("why", why.clone()))
}

/// What a member just created will say of itself, as far as plans care.
fn fresh_facts(layout: &Layout) -> Facts {
    let in_force = |setting: &crate::port::layout::SettingWhy| {
        let seen = SettingSeen { value: setting.value.clone(), effect: setting.effect, pending: false };
        (setting.name.clone(), seen)
    };
    Facts {
        version: Some(layout.version.clone()),
        flavour: layout.flavour.clone(),
        settings: layout.settings.iter().map(in_force).collect(),
        databases: Some(Vec::new()),
        ..Facts::default()
    }
}

/// The steps of a running member's changes: own acts one by one, and at most one reload or restart for all else.
fn changed(
    deploy: &dyn Deploy,
    task: &MemberTask,
    layout: &Layout,
    facts: &Facts,
    on_host: Option<&OnHost>,
    draft: &mut Draft,
) {
    let (changes, findings) = deploy.changes(&task.cluster, layout, facts);
    draft.findings.extend(findings);
    let (own, by_files): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|change| matches!(change.how, How::Own(_)));
    let needs_restart = by_files.iter().any(|change| change.how == How::Restart);
    let files_differ = on_host.is_some_and(|host| differing_file(layout, host).is_some());
    let elsewhere = on_host.and_then(|host| host.elsewhere(&task.member));
    if needs_restart || elsewhere.is_some() {
        let mut step = restart(task, &by_files);
        if let (Some(there), true) = (elsewhere, by_files.is_empty()) {
            step.title = Text::new("core-step-restart")
                .with("member", &task.member.name)
                .with("why", moves(&task.member, there));
        }
        draft.steps.push(step);
    } else if !by_files.is_empty() || files_differ {
        draft.steps.push(reload(task, layout, &by_files));
    }
    for (index, change) in own.into_iter().enumerate() {
        let How::Own(act) = change.how else { continue };
        let name = &task.member.name;
        draft.steps.push(Step {
            id: format!("{}-{name}-{index}", act.name),
            title: change.title,
            target: target(task),
            risk: change.risk,
            requires: vec![Condition::Running(name.clone())],
            act: Act::Own { member: task.clone(), act },
            proves: change.proves,
            undo: None,
        });
    }
}

fn differing_file<'a>(layout: &'a Layout, on_host: &OnHost) -> Option<&'a File> {
    layout.files.iter().find(|file| {
        !file.only_for_create
            && on_host
                .files
                .get(&file.path)
                .is_some_and(|digest| digest_of(file).is_some_and(|own| &own != digest))
    })
}

/// SHA-256 of a file's contents; `None` when a secret is in it.
pub fn digest_of(file: &File) -> Option<String> {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    for piece in &file.body {
        match piece {
            Piece::Text(text) => hasher.update(text),
            Piece::Secret(..) => return None,
        }
    }
    Some(hex::encode(hasher.finalize()))
}

fn merged(changes: &[Change]) -> (Option<Text>, Vec<Condition>) {
    let why = changes.first().map(|change| {
        Text::new("core-step-because").with("first", change.title.clone()).with("more", changes.len() - 1)
    });
    (why, changes.iter().flat_map(|change| change.proves.clone()).collect())
}

fn restart(task: &MemberTask, changes: &[Change]) -> Step {
    let name = &task.member.name;
    let (why, mut proves) = merged(changes);
    proves.insert(0, Condition::Running(name.clone()));
    proves.extend(answers(&task.member));
    let why = why.unwrap_or_else(|| Text::new("core-step-because-it-died"));
    Step {
        id: format!("restart-{name}"),
        title: Text::new("core-step-restart").with("member", name).with("why", why),
        target: target(task),
        risk: Some(Risk::Restart),
        requires: vec![Condition::OwnData(name.clone())],
        act: Act::Restart(task.clone()),
        proves,
        undo: None,
    }
}

fn reload(task: &MemberTask, layout: &Layout, changes: &[Change]) -> Step {
    let name = &task.member.name;
    let (why, mut proves) = merged(changes);
    proves.insert(0, Condition::Running(name.clone()));
    let why = why.unwrap_or_else(|| Text::new("core-step-because-files"));
    let reloads = layout.reload.is_some();
    Step {
        id: format!("reload-{name}"),
        title: Text::new("core-step-reload").with("member", name).with("why", why),
        target: target(task),
        risk: Some(Risk::Reload),
        requires: vec![Condition::Running(name.clone())],
        act: if reloads { Act::Reload(task.clone()) } else { Act::WriteFiles(task.clone()) },
        proves,
        undo: None,
    }
}

/// The identity of a member's data, when it is ours.
pub(super) fn identity(on_host: &OnHost) -> Option<&Identity> {
    match &on_host.data {
        DataSeen::Ours(identity) => Some(identity),
        _ => None,
    }
}

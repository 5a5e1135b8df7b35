//! Decisions: scenario text in, plan out, through one `check`.

mod engine;
mod world;

use roadstead_core::{
    model::MemberHome,
    plan::{Act, Aim, Decision, Destination, Held, Plan, Risk},
    seen::{AgentSeen, FleetSeen, HalfDone, Watched},
};
use world::{World, name};

/// Steps as `id [risk] needs …, proves …`, then findings as `severity subject key`.
fn told(decision: &Decision) -> String {
    let mut lines = Vec::new();
    for step in &decision.plan.steps {
        let risk = step.risk.map_or("-", roadstead_core::plan::Risk::word);
        lines.push(format!(
            "{} [{risk}] needs {} proves {}",
            step.id,
            step.requires.len(),
            step.proves.len()
        ));
    }
    for finding in &decision.findings {
        let severity = format!("{:?}", finding.severity).to_lowercase();
        lines.push(format!("{severity} {}: {}", finding.subject, finding.what.key));
    }
    lines.join("\n")
}

fn check(scenario: &str, aim: &Aim, expected: &str) {
    let decision = World::read(scenario).decide(aim);
    let expected: Vec<_> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(told(&decision), expected.join("\n"), "\nfor\n{scenario}");
    let text = serde_json::to_string(&decision.plan).expect("a plan can be written");
    let read: Plan = serde_json::from_str(&text).expect("and read");
    assert_eq!(read, decision.plan, "a plan survives being written and read");
}

fn apply() -> Aim {
    Aim::Apply { clusters: vec![] }
}

fn restore(into: Destination) -> Aim {
    Aim::Restore { snapshot: "aa01".into(), into }
}

#[test]
fn a_new_member_is_created_started_and_filled() {
    check(
        "declare a plain size=10 databases=d,e\nsee a data=absent",
        &apply(),
        "user-plain-for-a-1 [create] needs 0 proves 1
         create-a-1 [create] needs 2 proves 1
         start-a-1 [-] needs 1 proves 2
         database-a-1-0 [create] needs 1 proves 1
         database-a-1-1 [create] needs 1 proves 1",
    );
}

#[test]
fn a_member_as_declared_needs_nothing() {
    check(
        "declare a plain size=10 databases=d\nsee a data=ours:1.2 process=running size=10 databases=d",
        &apply(),
        "",
    );
}

#[test]
fn changed_settings_make_one_restart_or_one_reload() {
    let seen = "see a data=ours:1.2 process=running size=10 remark=x";
    check(
        &format!("declare a plain size=20 remark=y\n{seen}"),
        &apply(),
        "restart-a-1 [restart] needs 1 proves 4",
    );
    check(
        &format!("declare a plain size=10 remark=y\n{seen}"),
        &apply(),
        "reload-a-1 [reload] needs 1 proves 2",
    );
    check(
        "declare a plain remark=x\nsee a data=ours:1.2 process=running remark=x file=other",
        &apply(),
        "reload-a-1 [reload] needs 1 proves 1",
    );
}

#[test]
fn data_that_is_not_ours_stops_everything() {
    check(
        "declare a plain\ndeclare b plain\nsee a data=foreign\nsee b data=absent",
        &apply(),
        "error a-1: foreign",
    );
    check(
        "declare a plain version=2\nsee a data=ours:1.2 process=stopped",
        &apply(),
        "error a-1: core-plan-other-version",
    );
    check(
        "declare a plain\nsee a data=absent process=running reach=running",
        &apply(),
        "error a-1: core-plan-data-gone",
    );
}

#[test]
fn data_that_was_backed_up_and_is_gone_is_not_replaced_by_nothing() {
    for (data, why) in [
        ("absent", "core-plan-data-lost"),
        ("unfinished", "core-plan-unfinished"),
        ("half-loaded", "core-plan-unfinished"),
    ] {
        check(
            &format!("declare a plain backup\nsee a data={data}\nsnapshot aa01 a proven"),
            &apply(),
            &format!("error a-1: {why}"),
        );
    }
}

/// A load that broke off says that there was a snapshot, also while nothing of the vault is there.
#[test]
fn what_was_half_loaded_is_not_replaced_by_nothing_while_its_vault_is_away() {
    for vault in ["", "unread v"] {
        let scenario = format!("declare a plain backup\nsee a data=half-loaded\n{vault}");
        check(&scenario, &apply(), "error a-1: core-plan-unfinished");
    }
}

#[test]
fn a_snapshot_that_cannot_be_read_may_be_of_the_member_without_data() {
    let mut world = World::read("declare a plain backup\nsee a data=absent");
    world.unreadable.insert(name("v"));
    assert_eq!(told(&world.decide(&apply())), "error a-1: core-plan-data-unknown");
}

/// Of two fleet files with one agent, the one that did not start it: its members run, and nobody would start them again.
#[test]
fn what_runs_unwatched_is_given_to_the_agent() {
    let mut world = World::read("declare a plain\nsee a data=ours:1.2 process=running");
    let agent = |watches| AgentSeen { pid: 1, version: String::new(), watches };
    let home = MemberHome::new(&world.fleet.hosts["local"], &world.fleet.name, &name("a-1")).root;
    let watched = Watched { home, fleet_file: "/fleet.yaml".into(), has_file: true };
    for (agent, expected) in [
        (None, ""),
        (Some(agent(vec![])), "watch-a-1 [-] needs 1 proves 1"),
        (Some(agent(vec![watched])), ""),
    ] {
        world.seen.hosts.get_mut("local").expect("seen").agent = agent;
        assert_eq!(told(&world.decide(&apply())), expected);
    }
}

#[test]
fn nobody_makes_an_empty_member_while_its_vault_cannot_be_read() {
    check(
        "declare a plain backup\nsee a data=absent\nunread v",
        &apply(),
        "error a-1: core-plan-data-unknown",
    );
    check(
        "declare a plain\nsee a data=absent\nunread v\nuser plain",
        &apply(),
        "create-a-1 [create] needs 2 proves 1
         start-a-1 [-] needs 1 proves 2",
    );
}

#[test]
fn what_only_the_journal_remembers_is_not_replaced_by_nothing_either() {
    check(
        "declare a plain backup\nsee a data=absent\ncreated a-1",
        &apply(),
        "error a-1: core-plan-data-missing",
    );
}

#[test]
fn what_runs_under_a_former_name_is_in_the_way_and_stopped_by_down() {
    let declared = "declare a plain\ndeclare b plain\nuser plain\nsee a data=absent\nsee b data=absent";
    let former = |process: &str| format!("{declared}\nformer old a plain data=ours:1.2 process={process}");
    for process in ["running", "backing-off"] {
        check(&former(process), &apply(), "error a-1: core-plan-former-runs");
        check(
            &former(process),
            &Aim::Down { clusters: vec![] },
            "stop-/data/old/a-1 [interrupts-writes] needs 0 proves 1",
        );
        // What is not asked for is neither stopped nor in the way.
        check(&former(process), &Aim::Down { clusters: vec![name("b")] }, "");
        check(
            &former(process),
            &Aim::Apply { clusters: vec![name("b")] },
            "create-b-1 [create] needs 2 proves 1\nstart-b-1 [-] needs 1 proves 2",
        );
    }
    check(&former("stopped"), &Aim::Down { clusters: vec![] }, "");
}

#[test]
fn data_under_a_former_name_is_the_cure_of_what_is_missing() {
    let cure = |scenario: &str| {
        let decision = World::read(scenario).decide(&apply());
        let error = decision.findings.iter().find(|found| found.what.key.starts_with("core-plan-data-"));
        error.expect("its data is missing").cure.clone().expect("there is a cure").to_string()
    };
    let lost = "declare a plain backup\nsee a data=absent";
    for known in ["snapshot aa01 a proven", "created a-1"] {
        let former = cure(&format!("{lost}\n{known}\nformer old a plain data=ours:1.2 process=stopped"));
        assert!(former.starts_with("core-plan-former-data-cure") && former.contains("fleet=old"), "{former}");
        let scenario = format!("{lost}\n{known}\nundeclared b plain data=ours:1.2 process=stopped");
        let mut world = World::read(&scenario);
        world.seen.undeclared.get_mut("b-1").expect("seen").name = name("a");
        let decision = world.decide(&apply());
        let renamed = decision.findings[0].cure.clone().expect("there is a cure").to_string();
        assert!(
            renamed.starts_with("core-plan-data-renamed-cure") && renamed.contains("other=b-1"),
            "{renamed}"
        );
        // Data of another cluster, or none, is no cure.
        for other in ["undeclared b plain data=ours:1.2 process=stopped", ""] {
            let usual = cure(&format!("{lost}\n{known}\n{other}"));
            assert!(!usual.starts_with("core-plan-data-renamed") && !usual.contains("former"), "{usual}");
        }
    }
}

#[test]
fn an_undeclared_member_at_the_port_of_a_declared_one_is_in_its_way_while_it_runs() {
    let scenario =
        "declare a plain\nuser plain\nsee a data=absent\nundeclared b plain data=ours:1.2 process=";
    // A dead one is started again by the agent, which this would start.
    for process in ["running", "dead"] {
        check(&format!("{scenario}{process}"), &apply(), "error b-1: core-plan-in-the-way");
    }
    check(
        &format!("{scenario}stopped"),
        &apply(),
        "create-a-1 [create] needs 2 proves 1
         start-a-1 [-] needs 1 proves 2
         note b-1: core-plan-undeclared",
    );
}

#[test]
fn a_restore_without_room_or_port_sets_nothing_aside() {
    let scenario = |seen: &str| format!("declare a plain backup\nsnapshot aa01 a proven 4000\nsee a {seen}");
    let stopped = "data=ours:1.2 process=stopped";
    let steps = "ready-a-1 [-] needs 0 proves 0
         set-aside-a-1 [loses-data] needs 2 proves 1
         user-plain-for-a-1 [create] needs 0 proves 1
         create-a-1 [create] needs 2 proves 1
         load-a-1 [create] needs 2 proves 0
         start-a-1 [-] needs 1 proves 2
         compare-a-1 [-] needs 0 proves 0";
    let place = restore(Destination::Place);
    check(&scenario(&format!("{stopped} free=999")), &place, "error a-1: core-plan-no-room");
    check(
        &scenario(&format!("{stopped} free=1000")),
        &place,
        &format!("{steps}\nwarning a-1: core-plan-little-room"),
    );
    check(&scenario(&format!("{stopped} free=4000")), &place, steps);
    let taken = scenario(&format!("{stopped}\ntaken 5000"));
    check(&taken, &place, "error a-1: core-plan-port-taken");
    check(&scenario(&format!("{stopped}\ntaken 5001")), &place, steps);
    let beside = restore(Destination::Beside { member: name("c-1"), port: 5001 });
    let seen = "data=ours:1.2 process=running\nsee c data=absent\ntaken 5001";
    check(&scenario(seen), &beside, "error c-1: core-plan-port-taken");
    // What listens there is the member itself: a restore that is carried on after its start.
    let done = "taken 5000\ndone create-a-1\ndone load-a-1";
    check(
        &scenario(&format!("data=ours:1.2 process=running\n{done}")),
        &place,
        "compare-a-1 [-] needs 0 proves 0",
    );
}

#[test]
fn a_stopped_dying_or_silent_member_is_told_apart() {
    check(
        "declare a plain\nsee a data=ours:1.2 process=dead",
        &apply(),
        "start-a-1 [-] needs 1 proves 2\nnote a-1: core-plan-more-when-running",
    );
    check(
        "declare a plain\nsee a data=ours:1.2 process=backing-off",
        &apply(),
        "restart-a-1 [restart] needs 1 proves 2\nwarning a-1: core-plan-backing-off",
    );
    for (reach, key) in [
        ("unreachable", "core-plan-unreachable"),
        ("refused", "core-plan-refused"),
        ("starting", "core-plan-not-ready"),
    ] {
        let scenario = format!("declare a plain\nsee a data=ours:1.2 process=running reach={reach}");
        check(&scenario, &apply(), &format!("error a-1: {key}"));
    }
}

#[test]
fn what_cannot_be_run_is_an_error() {
    check("declare a bare\nsee a data=absent", &apply(), "error a: core-plan-no-deploy");
    check("declare a none\nsee a data=absent", &apply(), "error a: core-plan-unknown-engine");
    check("declare a plain impossible=1\nsee a data=absent", &apply(), "error a-1: plain-impossible");
    check("declare a plain", &apply(), "error a-1: core-condition-member-unseen");
    check(
        "declare a plain\nsee a data=absent",
        &Aim::Apply { clusters: vec![name("z")] },
        "error z: core-plan-unknown-cluster",
    );
}

#[test]
fn down_stops_what_runs_and_keeps_data() {
    check(
        "declare a plain\ndeclare b plain\nsee a data=ours:1.2 process=running\nsee b data=ours:1.2 process=stopped",
        &Aim::Down { clusters: vec![] },
        "stop-a-1 [interrupts-writes] needs 0 proves 1",
    );
    // The next agent would start one that died with its own.
    check(
        "declare a plain\nsee a data=ours:1.2 process=dead",
        &Aim::Down { clusters: vec![] },
        "stop-a-1 [interrupts-writes] needs 0 proves 1",
    );
    // What could not be started any more keeps nobody from stopping it and the rest.
    for process in ["running", "dead"] {
        check(
            &format!(
                "declare a plain impossible=1\ndeclare b plain\nsee a data=ours:1.2 process={process}\nsee b data=ours:1.2 process=running"
            ),
            &Aim::Down { clusters: vec![] },
            "stop-a-1 [interrupts-writes] needs 0 proves 1
             stop-b-1 [interrupts-writes] needs 0 proves 1",
        );
    }
}

#[test]
fn members_that_nobody_declares_are_told_and_stopped_with_the_rest() {
    let scenario = "declare a plain\nsee a data=ours:1.2 process=running size=1
                    undeclared copy plain data=ours:1.2 process=running
                    undeclared old plain data=ours:1.2 process=stopped";
    check(
        scenario,
        &apply(),
        "note copy-1: core-plan-undeclared
         note old-1: core-plan-undeclared",
    );
    check(
        scenario,
        &Aim::Down { clusters: vec![] },
        "stop-a-1 [interrupts-writes] needs 0 proves 1
         stop-copy-1 [interrupts-writes] needs 0 proves 1",
    );
    check(
        scenario,
        &Aim::Down { clusters: vec![name("a")] },
        "stop-a-1 [interrupts-writes] needs 0 proves 1",
    );
}

#[test]
fn a_backup_of_a_server_whose_data_is_gone_is_taken_and_told() {
    check(
        "declare a plain backup\nsee a data=absent process=running",
        &Aim::Backup { clusters: vec![] },
        "take-a [-] needs 0 proves 0
         warning a-1: core-plan-data-gone",
    );
}

#[test]
fn a_backup_takes_what_declares_one_and_names_what_does_not() {
    check(
        "declare a plain backup\ndeclare b plain\ndeclare c plain backup\n
         see a data=ours:1.2 process=running\nsee b data=ours:1.2 process=running\nsee c data=ours:1.2 process=stopped",
        &Aim::Backup { clusters: vec![] },
        "take-a [-] needs 0 proves 0
         take-c [-] needs 0 proves 0
         warning b: core-plan-no-backup
         warning c-1: core-plan-stopped",
    );
    check(
        "declare b plain\nsee b data=ours:1.2 process=running",
        &Aim::Backup { clusters: vec![name("b")] },
        "error b: core-plan-no-backup",
    );
}

#[test]
fn snapshots_of_one_set_have_ids_of_their_own() {
    let world =
        World::read("declare a plain backup\ndeclare b plain backup\nsee a data=absent\nsee b data=absent");
    let plan = world.decide(&Aim::Backup { clusters: vec![] }).plan;
    let ids: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.act {
            Act::Take(task) => Some((task.snapshot.0.clone(), task.set.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0].0, ids[1].0);
    assert!(ids.iter().all(|(id, set)| id.len() == 32 && set == "op"));
}

#[test]
fn a_load_by_address_that_broke_off_is_begun_again_once_its_loss_is_agreed_to() {
    let scenario = "declare a plain backup\nsee a data=ours:1.2 process=running\nsnapshot aa01 a proven";
    let aim = restore(Destination::Address {
        address: "10.0.0.7".into(),
        port: 5432,
        user: "admin".into(),
        password: None,
        tls: roadstead_core::model::TlsSpec::default(),
    });
    check(
        scenario,
        &aim,
        "empty-target [-] needs 0 proves 0\nload-target [create] needs 0 proves 0\ncompare-target [-] needs 0 proves 0",
    );
    check(
        &format!("{scenario}\ndone empty-target"),
        &aim,
        "load-target [loses-data] needs 0 proves 0\ncompare-target [-] needs 0 proves 0",
    );
    check(
        &format!("{scenario}\ndone empty-target\ndone load-target"),
        &aim,
        "compare-target [-] needs 0 proves 0",
    );
    let again = World::read(&format!("{scenario}\ndone empty-target")).decide(&aim).plan;
    assert_eq!(again.loses_data_of(), ["10.0.0.7:5432"]);
    let Act::Load(task) = &again.steps[0].act else { panic!("{again:?}") };
    assert_eq!(task.again, Some(serde_json::json!({ "of": "empty-target" })), "what was found goes along");
}

#[test]
fn a_restore_is_over_once_another_was_done_in_its_place() {
    let scenario = "declare a plain backup\nsee a data=ours:1.2 process=running\nsnapshot aa01 a proven\n\
         snapshot bb02 a proven\nplace copy-1\nplace copy-2";
    let plan = |snapshot: &str, into: &Destination| {
        let aim = Aim::Restore { snapshot: snapshot.into(), into: into.clone() };
        let decision = World::read(scenario).decide(&aim);
        assert!(!decision.plan.is_empty(), "{:?}", decision.findings);
        decision.plan
    };
    let address = |port| Destination::Address {
        address: "10.0.0.7".into(),
        port,
        user: "admin".into(),
        password: None,
        tls: roadstead_core::model::TlsSpec::default(),
    };
    let beside = |member: &str| Destination::Beside { member: name(member), port: 7777 };
    let places = [Destination::Place, beside("copy-1"), beside("copy-2"), address(5432), address(5433)];
    for (at, one) in places.iter().enumerate() {
        for (of, other) in places.iter().enumerate() {
            let replaces = plan("bb02", one).replaces(&plan("aa01", other));
            assert_eq!(replaces, at == of, "{one:?} and {other:?}");
        }
    }
}

#[test]
fn a_snapshot_is_checked_then_proven() {
    let scenario = "declare a plain backup\nsee a data=ours:1.2 process=running\nsnapshot aa01 a taken";
    let aim = Aim::Verify { snapshots: vec!["aa01".into()] };
    check(scenario, &aim, "check-aa01 [-] needs 0 proves 0\nprove-aa01 [-] needs 0 proves 0");
    check(&format!("{scenario}\ndone check-aa01"), &aim, "prove-aa01 [-] needs 0 proves 0");
    let aim = Aim::Verify { snapshots: vec!["ff".into()] };
    check(scenario, &aim, "error ff: core-plan-unknown-snapshot");
}

#[test]
fn a_restore_in_place_sets_live_data_aside() {
    check(
        "declare a plain backup\nuser plain\nsee a data=ours:1.2 process=running\nsnapshot aa01 a proven",
        &restore(Destination::Place),
        "ready-a-1 [-] needs 0 proves 0
         stop-a-1 [interrupts-writes] needs 0 proves 1
         set-aside-a-1 [loses-data] needs 2 proves 1
         create-a-1 [create] needs 2 proves 1
         load-a-1 [create] needs 2 proves 0
         start-a-1 [-] needs 1 proves 2
         compare-a-1 [-] needs 0 proves 0",
    );
    check(
        "declare a plain backup\nuser plain\nsee a data=absent\nsnapshot aa01 a taken",
        &restore(Destination::Place),
        "create-a-1 [create] needs 2 proves 1
         load-a-1 [create] needs 2 proves 0
         start-a-1 [-] needs 1 proves 2
         compare-a-1 [-] needs 0 proves 0
         warning a: core-plan-restore-unproven",
    );
}

#[test]
fn a_restore_never_touches_foreign_or_managed_data() {
    check(
        "declare a plain backup\nsee a data=foreign\nsnapshot aa01 a proven",
        &restore(Destination::Place),
        "error a-1: foreign",
    );
    check(
        "declare a plain managed backup\nsee a reach=running\nsnapshot aa01 a proven",
        &restore(Destination::Place),
        "error a-1: core-plan-restore-managed",
    );
    check(
        "declare a plain backup\nsee a data=ours:1.2 process=running\nsnapshot aa01 a proven",
        &restore(Destination::Beside { member: name("a-1"), port: 5001 }),
        "error a-1: core-plan-beside-exists",
    );
    // A copy that stands still has its port all the same; itself it may be made anew.
    let copies = "declare a plain backup\nsee a data=ours:1.2 process=running\nsnapshot aa01 a proven\nuser plain\n\
         undeclared c plain data=ours:1.2 process=stopped\nplace a-2";
    let beside = |member: &str| restore(Destination::Beside { member: name(member), port: 5000 });
    let other = World::read(&copies.replace("declare a plain", "declare a plain managed"));
    let findings = |member: &str| -> Vec<String> {
        other.decide(&beside(member)).findings.into_iter().map(|found| found.what.key).collect()
    };
    assert!(findings("a-2").contains(&"core-plan-beside-port".to_owned()), "{:?}", findings("a-2"));
    assert!(!findings("c-1").contains(&"core-plan-beside-port".to_owned()), "{:?}", findings("c-1"));
}

/// It would be found out in the middle of the load, with the member down.
#[test]
fn what_is_known_to_be_damaged_takes_nothing_down() {
    let start =
        "declare a plain backup\nuser plain\nsee a data=ours:1.2 process=running\nsnapshot aa01 a damaged";
    check(start, &restore(Destination::Place), "error a: core-plan-restore-damaged");
    // What was loaded before that was found out is started all the same.
    let mut loaded = World::read(&format!("{start}\ndone load-a-1"));
    loaded.see("a", &["data=ours:1.2", "process=stopped"]);
    let ids: Vec<_> =
        loaded.decide(&restore(Destination::Place)).plan.steps.into_iter().map(|step| step.id).collect();
    assert_eq!(ids, ["start-a-1", "compare-a-1"]);
    let other = World::read(&format!("{start}\nsnapshot aa02 a proven"));
    let told = other.decide(&restore(Destination::Place)).findings;
    assert_eq!(told[0].cure.as_ref().expect("a cure").key, "core-plan-restore-damaged-other-cure");
}

#[test]
fn a_restore_beside_leaves_the_original_alone() {
    check(
        "declare a plain backup\nuser plain\nsee a data=ours:1.2 process=running\nsnapshot aa01 a proven\nplace a-2",
        &restore(Destination::Beside { member: name("a-2"), port: 5001 }),
        "create-a-2 [create] needs 2 proves 1
         load-a-2 [create] needs 2 proves 0
         start-a-2 [-] needs 1 proves 2
         compare-a-2 [-] needs 0 proves 0",
    );
}

#[test]
fn a_saved_plan_notices_what_changed_and_not_what_always_changes() {
    let world = World::read("declare a plain size=10\nsee a data=ours:1.2 process=running size=9");
    let plan = world.decide(&apply()).plan;
    let mut same = world.seen.clone();
    let facts = same.members.get_mut("a-1").and_then(|seen| seen.facts.as_mut()).expect("facts");
    facts.uptime = Some(roadstead_core::Millis(9));
    facts.connections_used = Some(3);
    assert!(plan.changed(&same).is_empty());
    let mut other = World::read("declare a plain size=10\nsee a data=ours:1.2 process=running size=8");
    assert_eq!(changed(&plan, &other.seen), ["a-1 setting size: 9 -> 8"]);
    other.see("a", &["data=ours:1.2", "process=dead"]);
    assert!(changed(&plan, &other.seen).contains(&"a-1 state: running -> stopped".to_owned()));
}

fn changed(plan: &Plan, seen: &FleetSeen) -> Vec<String> {
    let shown = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    plan.changed(seen)
        .into_iter()
        .map(|c| format!("{}: {} -> {}", c.fact, shown(c.was), shown(c.is)))
        .collect()
}

/// What runs is asked where it answers: files that say otherwise are not enough.
#[test]
fn a_member_that_answers_elsewhere_is_restarted() {
    let mut world = World::read("declare a plain\nsee a data=ours:1.2 process=running");
    let mut listening = |at: &[&str]| {
        let on_host = world.seen.members.get_mut("a-1").and_then(|seen| seen.on_host.as_mut());
        on_host.expect("it is run here").listens =
            Some(at.iter().map(|address| address.parse().expect("an address")).collect());
        told(&world.decide(&apply()))
    };
    let restart = "restart-a-1 [restart] needs 1 proves 2";
    assert_eq!(listening(&["127.0.0.1:5000"]), "");
    assert_eq!(listening(&["127.0.0.1:5000", "127.0.0.1:5001"]), "", "what else it listens at is its own");
    assert_eq!(listening(&["127.0.0.1:5001"]), restart);
    assert_eq!(listening(&["0.0.0.0:5000"]), restart, "open to all is not what was declared");
    assert_eq!(listening(&["127.0.0.1:5000", "10.0.0.1:5000"]), restart);
    assert_eq!(listening(&[]), restart);
}

/// A member that somebody else runs cannot say that half a snapshot was loaded into it; the journal can.
#[test]
fn a_backup_of_what_a_restore_left_half_done_waits_for_it() {
    let world = World::read("declare a plain managed backup\nsee a reach=running");
    let plan = world.decide(&Aim::Backup { clusters: vec![] }).plan;
    let [condition] = plan.steps[0].requires.as_slice() else { panic!("{plan:?}") };
    let mut seen = world.seen.clone();
    assert_eq!(condition.held(&seen), Held::Yes);
    let half = |is_part| HalfDone { operation: "0123456789".into(), is_part };
    seen.half_done.insert("localhost:5000".into(), half(false));
    assert_eq!(condition.held(&seen), Held::Yes, "nothing was put there yet");
    seen.half_done.insert("localhost:5000".into(), half(true));
    assert!(matches!(condition.held(&seen), Held::No(why) if why.to_string().contains("operation=01234567")));
}

/// Every plan is planned anew from each interrupted prefix, and reaches the same end.
#[test]
fn every_interrupted_prefix_is_carried_on_to_the_same_end() {
    let start =
        "declare a plain backup\nuser plain\nsee a data=ours:1.2 process=running\nsnapshot aa01 a proven";
    let aim = restore(Destination::Place);
    let whole = World::read(start).decide(&aim).plan;
    // What the world is after each step of the whole plan.
    let after = [
        ("ready-a-1", "data=ours:1.2 process=running"),
        ("stop-a-1", "data=ours:1.2 process=stopped"),
        ("set-aside-a-1", "data=absent process=stopped"),
        ("create-a-1", "data=half-loaded process=stopped"),
        ("load-a-1", "data=ours:1.2 process=stopped"),
        ("start-a-1", "data=ours:1.2 process=running"),
        ("compare-a-1", "data=ours:1.2 process=running"),
    ];
    let ids: Vec<_> = whole.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, after.map(|(id, _)| id));
    for cut in 0..after.len() {
        let mut world = World::read(start);
        world.see("a", &after[cut].1.split(' ').collect::<Vec<_>>());
        world.done = ids[..=cut].iter().map(|id| (*id).to_owned()).collect();
        let rest = world.decide(&aim).plan;
        let ids: Vec<_> = rest.steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids.last(), Some(&"compare-a-1"), "cut after {}", after[cut].0);
        let loads = ids.contains(&"load-a-1");
        assert_eq!(loads, cut < 4, "cut after {}: a finished load is never repeated", after[cut].0);
        let loses: Vec<_> = rest.loses_data_of();
        // Live data is set aside once; what a load left is removed, with what somebody may have put to it.
        assert_eq!(!loses.is_empty(), [0, 1, 3].contains(&cut), "cut after {}", after[cut].0);
    }
}

/// What has no identity is set aside, so that nothing is asked; what waits for a load goes.
#[test]
fn a_half_loaded_copy_is_removed_only_by_its_name() {
    for (data, risk, lost) in [("unfinished", Risk::Create, false), ("half-loaded", Risk::LosesData, true)] {
        let scenario = format!(
            "declare a plain backup\nuser plain\nsee a data={data} process=stopped\nsnapshot aa01 a proven"
        );
        let plan = World::read(&scenario).decide(&restore(Destination::Place)).plan;
        let create = plan.steps.iter().find(|step| step.id == "create-a-1").expect("it is made anew");
        assert_eq!(create.risk, Some(risk), "{data}");
        assert!(matches!(create.act, Act::CreateToLoad { clears, .. } if clears == lost), "{data}");
        assert_eq!(plan.loses_data_of().is_empty(), !lost, "{data}");
    }
}

/// What was loaded may have been used since, although nobody wrote down that the load ended: its loss is asked for.
#[test]
fn what_lies_there_after_a_creation_is_not_lost_unasked() {
    let scenario = "declare a plain backup\nuser plain\nsee a data=ours:1.2 process=running\n\
         snapshot aa01 a proven\ndone stop-a-1\ndone set-aside-a-1\ndone create-a-1";
    let plan = World::read(scenario).decide(&restore(Destination::Place)).plan;
    assert_eq!(plan.loses_data_of(), ["a-1"]);
}

#[test]
fn a_restored_copy_is_compared_wherever_it_is() {
    let scenario = "declare a plain backup\nsee a data=ours:1.2 process=running\nsnapshot aa01 a proven";
    let with = |with| Aim::Compare { snapshot: "aa01".into(), with };
    check(scenario, &with(Destination::Place), "compare-a-1 [-] needs 0 proves 0");
    let beside = Destination::Beside { member: name("a-2"), port: 5001 };
    check(scenario, &with(beside), "compare-a-2 [-] needs 0 proves 0");
}

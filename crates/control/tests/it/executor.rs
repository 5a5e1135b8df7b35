//! Precondition, act, proof, journal; and failures that stay in their lane.

use std::sync::Arc;

use roadstead_control::Audience;
use roadstead_core::{
    Kind, Timestamp,
    model::TlsSpec,
    plan::{Act, Aim, Destination, Plan},
    port::{
        Journal,
        engine::Depth,
        journal::{Ended, Operation},
    },
};

use crate::world::{Full, Quiet, Script, World, compare, load, plan, step};

const RESTORE: Aim = Aim::Restore { snapshot: String::new(), into: Destination::Place };

async fn run(world: &World, plan: &Plan, audience: Quiet) -> (roadstead_control::Report, Operation) {
    let audience: Arc<dyn Audience> = Arc::new(audience);
    let held = world.controller.hold().expect("nobody else holds it");
    let report = world.controller.run(&held, plan, &audience).await.expect("the journal works");
    let operation = world.controller.journal().operation(&report.operation).expect("it was journalled");
    (report, operation)
}

#[tokio::test]
async fn steps_are_journalled_with_their_outcomes() {
    let world = World::new(Script::default());
    let (report, operation) =
        run(&world, &plan(vec![step("start", "a"), step("stop", "a")]), Quiet::default()).await;
    assert_eq!(report.ended, Ended::Done);
    assert_eq!(world.acted(), ["start-a", "stop-a"]);
    let told: Vec<_> =
        operation.steps.iter().map(|s| (s.step.as_str(), matches!(s.outcome, Some(Ok(_))))).collect();
    assert_eq!(told, [("start-a", true), ("stop-a", true)]);
    assert_eq!(operation.result, Some(Ended::Done));
}

#[tokio::test]
async fn a_lost_precondition_refuses_and_does_nothing() {
    let world = World::new(Script::default());
    let (report, _) = run(&world, &plan(vec![step("stop", "a")]), Quiet::default()).await;
    let (_, error) = report.failures().next().expect("it failed");
    assert_eq!((error.kind, error.what.key.as_str()), (Kind::Precondition, "control-step-refused"));
    assert!(world.acted().is_empty());
}

#[tokio::test]
async fn an_act_that_only_says_done_is_a_failure() {
    let world = World::new(Script { liars: vec!["a".into()], ..Script::default() });
    let (report, operation) = run(&world, &plan(vec![step("start", "a")]), Quiet::default()).await;
    assert_eq!(report.ended, Ended::Failed);
    let (_, error) = report.failures().next().expect("it failed");
    assert_eq!(error.what.key, "control-step-unproven");
    assert_eq!(operation.result, Some(Ended::Failed));
}

/// A member that was just started, on a machine that has much to do: its first looks get no answer.
#[tokio::test]
async fn a_member_that_is_slow_to_answer_is_looked_at_again_and_one_that_never_does_is_no_proof() {
    for (silent, ended) in [(3, Ended::Done), (1_000, Ended::Failed)] {
        let world = World::new(Script { silent: silent.into(), ..Script::default() });
        let (report, _) = run(&world, &plan(vec![step("start", "a")]), Quiet::default()).await;
        assert_eq!(report.ended, ended, "{silent}");
        assert_eq!(world.acted(), ["start-a"]);
    }
    // Whoever wants it stopped does not wait for the end of that.
    let world = World::new(Script { silent: 1_000.into(), ..Script::default() });
    world.script.running.lock().expect("no test panics with it").push("a".into());
    let audience = Arc::new(Quiet::default());
    let held = world.controller.hold().expect("nobody else holds it");
    let (plan, heard) = (plan(vec![step("stop", "a")]), audience.clone() as Arc<dyn Audience>);
    let began = std::time::Instant::now();
    let mut running = Box::pin(world.controller.run(&held, &plan, &heard));
    tokio::time::timeout(std::time::Duration::from_millis(500), &mut running)
        .await
        .expect_err("it looks again");
    audience.stopped.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(running.await.expect("the journal works").ended, Ended::Cancelled);
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
    assert!(world.acted().is_empty());
}

#[tokio::test]
async fn a_failure_ends_its_own_lane_and_no_other() {
    let world = World::new(Script { broken: vec!["a".into()], ..Script::default() });
    let steps = vec![step("start", "a"), step("stop", "a"), step("start", "b"), step("stop", "b")];
    let (report, _) = run(&world, &plan(steps), Quiet::default()).await;
    assert_eq!(report.ended, Ended::Failed);
    let left: Vec<_> = report.not_begun.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(left, ["stop-a"]);
    assert!(world.acted().contains(&"stop-b".to_owned()));
    assert!(report.did_something());
}

#[tokio::test]
async fn a_wish_to_stop_is_heard_between_steps() {
    let world = World::new(Script::default());
    let audience = Quiet { stop_after: Some("start-a".into()), ..Quiet::default() };
    let (report, operation) = run(&world, &plan(vec![step("start", "a"), step("stop", "a")]), audience).await;
    assert_eq!(report.ended, Ended::Cancelled);
    assert_eq!(world.acted(), ["start-a"]);
    assert_eq!(operation.result, Some(Ended::Cancelled));
}

/// Whatever the journal can still take, all that was done is told, and what is not known to it waits.
#[tokio::test]
async fn a_journal_that_fills_up_hides_nothing_that_was_done() {
    let steps = || plan(vec![step("start", "a"), step("stop", "a")]);
    // begin; started and finished of each; end.
    for room in 1..6 {
        let full = |journal| Arc::new(Full { journal, left: room.into() }) as Arc<dyn Journal>;
        let world = World::keeping(Script::default(), full);
        let (report, operation) = run(&world, &steps(), Quiet::default()).await;
        assert_eq!((report.ended, operation.result), (Ended::Failed, None), "room for {room}");
        let told = report.failures().count() + usize::from(report.unrecorded.is_some());
        assert!(told > 0, "room for {room}");
        let done = world.acted().len();
        assert_eq!(done, usize::try_from(room / 2).expect("small"), "room for {room}");
        let known = operation.steps.iter().filter(|step| step.outcome.is_some()).count();
        assert_eq!(report.steps.iter().filter(|step| step.outcome.is_ok()).count(), known, "room for {room}");
        assert_eq!(report.steps.len() + report.not_begun.len(), 2, "room for {room}");
    }
}

/// What carries a restore on and is stopped before it changed anything took nothing over: the first one still waits.
#[tokio::test]
async fn a_resumption_stopped_at_its_beginning_leaves_the_first_one_to_wait() {
    let world = World::new(Script::default());
    let (journal, at) = (world.controller.journal(), Timestamp::from_millis(1));
    let restore = Plan { aim: RESTORE, ..plan(vec![step("stop", "a"), step("start", "a"), compare("a")]) };
    journal.begin("first", &restore, "t", at).expect("begun");
    journal.started("first", "stop-a", at).expect("started");
    let first = || world.controller.journal().operation("first").expect("kept");
    assert!(first().is_half_done());

    let stopped = Quiet { stopped: true.into(), ..Quiet::default() };
    let (report, second) = run(&world, &restore, stopped).await;
    assert_eq!((report.ended, second.steps.len()), (Ended::Cancelled, 0));
    world.controller.resumed(&first()).expect("the journal works");
    assert_eq!(first().result, None, "nothing took it over");
    assert_eq!(world.controller.interrupted().expect("read").expect("one waits").id, "first");

    let (report, _) =
        run(&world, &Plan { steps: restore.steps[1..].to_vec(), ..restore }, Quiet::default()).await;
    assert!(report.did_something());
    world.controller.resumed(&first()).expect("the journal works");
    assert_eq!(first().result, Some(Ended::Resumed));
}

/// A load carried on is its carrier's from the beginning: half of it is there already.
#[tokio::test]
async fn what_carries_a_load_on_is_half_done_before_its_first_step() {
    let world = World::new(Script::default());
    let mut again = load("a");
    if let Act::Load(task) = &mut again.act {
        task.again = Some(serde_json::json!({ "server": "7" }));
    }
    let again = Plan { aim: RESTORE, ..plan(vec![again, compare("a")]) };
    let stopped = Quiet { stopped: true.into(), ..Quiet::default() };
    let (_, operation) = run(&world, &again, stopped).await;
    assert!(operation.is_half_done() && operation.began_to_load() && !operation.took_over());
}

/// A fleet that was renamed while half of a load lay at an address: whoever backs that address up is still told.
#[tokio::test]
async fn a_half_load_at_an_address_is_known_under_a_name_that_the_fleet_had() {
    let elsewhere = Destination::Address {
        address: "127.0.0.1".into(),
        port: 1,
        user: "u".into(),
        password: None,
        tls: TlsSpec::default(),
    };
    let restore = |into: &Destination, fleet: &str, file: &str| {
        let mut steps = vec![load("a"), compare("a")];
        for step in &mut steps {
            if let Act::Load(task) | Act::Compare(task) = &mut step.act {
                task.member.fleet_file = file.to_owned();
            }
        }
        let aim = Aim::Restore { snapshot: String::new(), into: into.clone() };
        Plan { aim, fleet: crate::world::name(fleet), ..plan(steps) }
    };
    for (into, fleet, file, is_known) in [
        (&elsewhere, "former", "/f/fleet.yaml", true),
        // A member of that name was another one's, and what another file did is that one's affair.
        (&Destination::Place, "former", "/f/fleet.yaml", false),
        (&Destination::Place, "f", "/f/fleet.yaml", true),
        (&elsewhere, "former", "/f/other.yaml", false),
    ] {
        let world = World::new(Script::default());
        let (journal, at) = (world.controller.journal(), Timestamp::from_millis(1));
        journal.begin("half", &restore(into, fleet, file), "t", at).expect("begun");
        journal.started("half", "load-a", at).expect("started");
        let seen = world.controller.observe(None, Depth::Brief, false).await;
        assert_eq!(seen.half_done.contains_key("a"), is_known, "{fleet} {file}");
        let waits = world.controller.interrupted().expect("read").map(|operation| operation.id);
        assert_eq!(waits.as_deref(), is_known.then_some("half"), "{fleet} {file}");
        assert_eq!(journal.operation("half").is_ok(), file == "/f/fleet.yaml");
    }
}

#[tokio::test]
async fn a_plan_for_other_facts_is_refused() {
    let world = World::new(Script::default());
    let mut other = plan(vec![]);
    other.basis.insert("a-1 state".into(), "running".into());
    let error = world.controller.still_fits(&other).await.expect_err("the fact is gone");
    assert_eq!((error.kind, error.what.key.as_str()), (Kind::Precondition, "control-plan-stale"));
    assert_eq!(error.context[0].to_string(), "core-plan-fact-changed(fact=a-1 state, is=-, was=running)");
    for (key, change) in [
        (
            "control-plan-other-file",
            Box::new(|p: &mut Plan| p.fleet_digest = "x".into()) as Box<dyn Fn(&mut Plan)>,
        ),
        ("control-plan-other-fleet", Box::new(|p: &mut Plan| p.fleet = crate::world::name("g"))),
        ("control-plan-other-format", Box::new(|p: &mut Plan| p.format = 99)),
    ] {
        let mut other = plan(vec![]);
        change(&mut other);
        let error = world.controller.still_fits(&other).await.expect_err("it does not fit");
        assert_eq!(error.what.key, key);
    }
}

//! Plans for people: numbered steps with what each risks, and one line that sums them up.

use roadstead_core::{
    Text,
    plan::{Aim, Destination, Plan, Risk},
};
use serde_json::{Value, json};

use super::{
    Paint, Tone, Words,
    json::text,
    table::{Cell, Table},
};

/// What an aim is for.
pub(crate) fn aim(aim: &Aim) -> Text {
    let of = |key: &str, names: &[roadstead_core::model::Name]| {
        let names: Vec<&str> = names.iter().map(roadstead_core::model::Name::as_str).collect();
        Text::new(key).with("count", names.len()).with("clusters", names.join(", "))
    };
    match aim {
        Aim::Apply { clusters } => of("cli-aim-apply", clusters),
        Aim::Down { clusters } => of("cli-aim-down", clusters),
        Aim::Backup { clusters } => of("cli-aim-backup", clusters),
        Aim::Verify { snapshots } => Text::new("cli-aim-verify").with("count", snapshots.len()),
        Aim::Compare { snapshot, with } => {
            at(snapshot, with, ["cli-aim-compare-place", "cli-aim-compare-beside", "cli-aim-compare-address"])
        }
        Aim::Restore { snapshot, into } => {
            at(snapshot, into, ["cli-aim-restore-place", "cli-aim-restore-beside", "cli-aim-restore-address"])
        }
    }
}

/// What is done to a snapshot at a destination: one sentence for each kind of destination.
fn at(snapshot: &str, destination: &Destination, keys: [&str; 3]) -> Text {
    let [place, beside, address_key] = keys;
    let text = match destination {
        Destination::Place => Text::new(place),
        Destination::Beside { member, .. } => Text::new(beside).with("member", member),
        Destination::Address { address, port, .. } => {
            let text = Text::new(address_key).with("address", address);
            text.with("port", port.to_string())
        }
    };
    text.with("snapshot", snapshot.get(..8).unwrap_or(snapshot))
}

/// The plan as lines.
pub(crate) fn lines(words: &Words, paint: Paint, plan: &Plan) -> String {
    let mut table = Table::default();
    for (index, step) in plan.steps.iter().enumerate() {
        let risk =
            step.risk.map(|risk| Cell::new(self::risk(words, risk)).tone(tone(risk))).unwrap_or_default();
        let number = Cell::new(format!("{}.", index + 1)).right().tone(Tone::Faint);
        let title = Cell::new(words.say(&step.title)).wrapping();
        table.row(vec![number, title, risk, Cell::new(step.target.name())]);
    }
    let head = Text::new("cli-plan-head").with("fleet", &plan.fleet).with("aim", aim(&plan.aim));
    format!(
        "{}\n{}{}\n",
        paint.tone(Tone::Strong, &words.say(&head)),
        table.render(paint),
        words.say(&summary(plan))
    )
}

/// The word for a risk.
pub(crate) fn risk(words: &Words, risk: Risk) -> String {
    words.word(&format!("cli-risk-{}", risk.word()))
}

const fn tone(risk: Risk) -> Tone {
    match risk {
        Risk::Create | Risk::Reload => Tone::Good,
        Risk::Restart | Risk::InterruptsWrites | Risk::FailsOver => Tone::Doubtful,
        Risk::LosesData => Tone::Bad,
    }
}

fn summary(plan: &Plan) -> Text {
    let count = |wanted: &[Risk]| {
        plan.steps.iter().filter(|step| step.risk.is_some_and(|risk| wanted.contains(&risk))).count()
    };
    Text::new("cli-plan-summary")
        .with("steps", plan.steps.len())
        .with("restarts", count(&[Risk::Restart, Risk::InterruptsWrites, Risk::FailsOver]))
        .with("losses", count(&[Risk::LosesData]))
}

/// The plan for programs: the steps in short. `plan --out` writes the whole.
pub(crate) fn document(words: &Words, plan: &Plan) -> Value {
    let step = |step: &roadstead_core::plan::Step| {
        json!({
            "id": step.id,
            "title": text(words, &step.title),
            "risk": step.risk,
            "target": step.target,
        })
    };
    json!({
        "fleet": plan.fleet,
        "aim": plan.aim,
        "made": plan.made,
        "risk": plan.risk(),
        "loses_data_of": plan.loses_data_of(),
        "steps": plan.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

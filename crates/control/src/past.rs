//! What the journal still knows of a fleet whose disks say nothing: members that were made, vaults that were used.

use std::collections::BTreeMap;

use roadstead_core::{
    Timestamp,
    model::{Name, VaultSpec},
    plan::Act,
    port::journal::Operation,
};

use crate::controller::Controller;

/// How far back is looked.
const OPERATIONS_MAX: usize = 10_000;

impl Controller {
    /// Members that were created, each with the time of its last creation. Without a readable journal: none.
    pub(crate) fn created(&self) -> BTreeMap<Name, Timestamp> {
        let mut created = BTreeMap::new();
        self.past(|act, at| {
            if let Act::Create(task) | Act::CreateToLoad { member: task, .. } = act {
                created.entry(task.member.name.clone()).or_insert(at);
            }
        });
        created
    }

    /// When a snapshot was last taken into this vault; `None`: never, as far as the journal knows.
    pub fn last_used(&self, vault: &VaultSpec) -> Option<Timestamp> {
        let mut last = None;
        self.past(|act, at| {
            if let Act::Take(task) = act
                && task.vault.url == vault.url
            {
                last = last.or(Some(at));
            }
        });
        last
    }

    /// Every act that was done well, the newest first.
    fn past(&self, mut hear: impl FnMut(&Act, Timestamp)) {
        // Also under the names that the fleet had before.
        let operations = self.of_all_names(OPERATIONS_MAX).unwrap_or_else(|error| {
            tracing::warn!(%error, "the journal cannot be asked what was done before");
            Vec::new()
        });
        for Operation { plan, steps, .. } in &operations {
            for done in steps.iter().filter(|step| matches!(step.outcome, Some(Ok(_)))) {
                let step = plan.steps.iter().find(|step| step.id == done.step);
                if let Some(step) = step {
                    hear(&step.act, done.ended.unwrap_or(done.started));
                }
            }
        }
    }
}

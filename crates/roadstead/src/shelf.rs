//! The snapshots of this fleet over all its vaults, and how one is named.

use roadstead_control::Controller;
use roadstead_core::{
    Error, Finding, Kind, Result, Text,
    model::Name,
    port::vault::{Record, Stage},
};

/// One snapshot and where it lies.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The vault.
    pub(crate) vault: Name,
    /// Its record.
    pub(crate) record: Record,
}

/// All snapshots, each vault's oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    /// The snapshots.
    pub(crate) entries: Vec<Entry>,
    /// What is wrong with catalogues.
    pub(crate) findings: Vec<Finding>,
}

impl Shelf {
    /// Reads every vault's catalogue. A vault that was not made yet has no snapshots and nothing wrong.
    pub(crate) async fn read(controller: &Controller) -> Self {
        let mut shelf = Self::default();
        for (vault, catalogue) in controller.catalogues().await {
            match catalogue {
                Ok(catalogue) => {
                    let ours = catalogue.records.into_iter();
                    let ours = ours.filter(|record| record.draft.fleet == controller.fleet().name);
                    shelf.entries.extend(ours.map(|record| Entry { vault: vault.clone(), record }));
                    shelf.findings.extend(catalogue.findings);
                }
                Err(error) if error.kind == Kind::NotFound => {}
                Err(error) => {
                    let what = Text::new("cli-vault-unread").with("vault", &vault).with("why", error.what);
                    let finding = Finding::error(vault.as_str(), what);
                    shelf.findings.push(match error.cure {
                        Some(cure) => finding.cure(cure),
                        None => finding,
                    });
                }
            }
        }
        shelf
    }

    /// The snapshots of a cluster, oldest first.
    pub(crate) fn of<'a>(&'a self, cluster: &'a Name) -> impl DoubleEndedIterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| &entry.record.draft.cluster == cluster)
    }

    /// The newest proven snapshot of a cluster.
    pub(crate) fn proven<'a>(&'a self, cluster: &'a Name) -> Option<&'a Entry> {
        self.of(cluster).rfind(|entry| entry.record.stage() == Stage::Proven)
    }

    /// The one snapshot whose id begins so.
    pub(crate) fn named(&self, beginning: &str) -> Result<&Entry> {
        let wanted = beginning.to_ascii_lowercase();
        let mut found = self.entries.iter().filter(|entry| entry.record.id().0.starts_with(&wanted));
        let refuse = |key: &str, kind| {
            Err(Error::new(kind, Text::new(key).with("snapshot", beginning))
                .cure(Text::new("cli-snapshot-unknown-cure")))
        };
        match (found.next(), found.next()) {
            (Some(entry), None) if !wanted.is_empty() => Ok(entry),
            (Some(_), Some(_)) => refuse("cli-snapshot-ambiguous", Kind::Input),
            _ => refuse("cli-snapshot-unknown", Kind::Input),
        }
    }
}

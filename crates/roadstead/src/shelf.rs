//! The snapshots of this fleet over all its vaults, and how one is named.

use roadstead_control::Controller;
use roadstead_core::{
    Error, Finding, Kind, Result, Text, finding,
    model::Name,
    port::vault::{Record, SnapshotId, Stage, in_one_order},
};

use crate::{command, context::Stop};

const UNREAD: &str = "cli-vault-unread";

/// One snapshot and where it lies.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The vault.
    pub(crate) vault: Name,
    /// Its record.
    pub(crate) record: Record,
}

/// All snapshots, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    /// The snapshots.
    pub(crate) entries: Vec<Entry>,
    /// Snapshots whose records cannot be read, and their vaults.
    pub(crate) unreadable: Vec<(Name, SnapshotId)>,
    /// Snapshots of other fleets in the same vaults, and whose they are.
    pub(crate) others: Vec<(SnapshotId, Name)>,
    /// What is wrong with catalogues.
    pub(crate) findings: Vec<Finding>,
}

impl Shelf {
    /// Reads every vault's catalogue. A vault that was not made yet has no snapshots and nothing wrong.
    pub(crate) async fn read(controller: &Controller) -> Self {
        let (mut shelf, mut vaults) = (Self::default(), Vec::new());
        for (vault, catalogue) in controller.catalogues().await {
            match catalogue {
                Ok(catalogue) => {
                    let is_ours = |record: &Record| record.draft.fleet == controller.fleet().name;
                    let (ours, others): (Vec<_>, Vec<_>) = catalogue.records.into_iter().partition(is_ours);
                    let others = others.into_iter().map(|record| (record.draft.id, record.draft.fleet));
                    shelf.others.extend(others);
                    let entry = |record| Entry { vault: vault.clone(), record };
                    vaults.push(ours.into_iter().map(entry).collect());
                    let unreadable = catalogue.unreadable.into_iter();
                    shelf.unreadable.extend(unreadable.map(|id| (vault.clone(), id)));
                    shelf.findings.extend(catalogue.findings);
                }
                Err(error) => {
                    let spec = controller.fleet().vaults.get(&vault).filter(|_| error.kind == Kind::NotFound);
                    let gone = spec.and_then(|spec| command::vault::gone(controller, spec));
                    if error.kind == Kind::NotFound && gone.is_none() {
                        continue;
                    }
                    let error = gone.unwrap_or(error);
                    let what = Text::new(UNREAD).with("vault", &vault).with("why", error.what);
                    let finding = Finding::error(vault.as_str(), what);
                    shelf.findings.push(match error.cure {
                        Some(cure) => finding.cure(cure),
                        None => finding,
                    });
                }
            }
        }
        shelf.entries = in_one_order(vaults, |entry| &entry.record.draft);
        shelf
    }

    /// Why nothing was found: that a vault could not be read, where that is so, before what follows from it.
    pub(crate) fn unfound(&self, error: Error) -> Stop {
        if finding::any_error(&self.findings) { Stop::Refused(self.findings.clone()) } else { error.into() }
    }

    /// Fails while any record cannot be read, or a vault: what is newest is known only where all is.
    pub(crate) fn is_whole(&self) -> Result<(), Stop> {
        let mut findings = self.findings.clone();
        if self.unreadable.is_empty() && !findings.iter().any(|found| found.what.key == UNREAD) {
            return Ok(());
        }
        findings.push(
            Finding::error("", Text::new("cli-restore-latest-unknown"))
                .cure(Text::new("cli-restore-latest-unknown-cure")),
        );
        Err(Stop::Refused(findings))
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
        let of_another = |fleet: &Name| {
            let told = |key: &str| Text::new(key).with("snapshot", beginning).with("fleet", fleet);
            Err(Error::new(Kind::Input, told("cli-snapshot-of-fleet"))
                .cure(told("cli-snapshot-of-fleet-cure")))
        };
        match (found.next(), found.next()) {
            (Some(entry), None) if !wanted.is_empty() => Ok(entry),
            (Some(_), Some(_)) => refuse("cli-snapshot-ambiguous", Kind::Input),
            _ => match self.other_fleets_of(&wanted).as_slice() {
                [fleet] => of_another(fleet),
                [] => refuse("cli-snapshot-unknown", Kind::Input),
                _ => refuse("cli-snapshot-ambiguous", Kind::Input),
            },
        }
    }

    /// The fleets of the others whose ids begin so.
    fn other_fleets_of(&self, beginning: &str) -> Vec<&Name> {
        let is_one = |(id, _): &&(SnapshotId, Name)| !beginning.is_empty() && id.0.starts_with(beginning);
        self.others.iter().filter(is_one).map(|(_, fleet)| fleet).collect()
    }

    /// The full id of the one snapshot asked for: by the beginning of its id, or as the latest of a cluster.
    pub(crate) fn one(&self, asked: &str, clusters: &[Name]) -> Result<String> {
        if asked != "latest" {
            let entry = self.named(asked)?;
            if let Some(cluster) = clusters.iter().find(|cluster| **cluster != entry.record.draft.cluster) {
                let what = Text::new("cli-snapshot-of-another")
                    .with("snapshot", entry.record.id().short())
                    .with("cluster", cluster)
                    .with("other", &entry.record.draft.cluster);
                return Err(Error::new(Kind::Input, what));
            }
            return Ok(entry.record.id().0.clone());
        }
        let mut known: Vec<&Name> = self.entries.iter().map(|entry| &entry.record.draft.cluster).collect();
        known.sort_unstable();
        known.dedup();
        let refuse =
            |kind, key: &str, cure: &str| Err(Error::new(kind, Text::new(key)).cure(Text::new(cure)));
        let cluster = match (clusters, known.as_slice()) {
            ([cluster], _) => cluster,
            (_, []) => return refuse(Kind::NotFound, "cli-backups-none", "cli-verify-none-cure"),
            ([], [only]) => *only,
            _ => return refuse(Kind::Input, "cli-restore-which", "cli-restore-which-cure"),
        };
        self.of(cluster).next_back().map(|entry| entry.record.id().0.clone()).ok_or_else(|| {
            Error::new(Kind::NotFound, Text::new("cli-restore-none").with("cluster", cluster))
                .cure(Text::new("cli-snapshot-unknown-cure"))
        })
    }
}

//! Backups at rest: snapshots, their records, and their life from taken to proven.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{
    ambient::Watch,
    stream::{Sink, Source, StreamInfo},
};
use crate::{
    Bytes, Millis, Result, Secret, Timestamp, Version,
    finding::Finding,
    manifest::{Comparison, Manifest},
    model::{Name, VaultSpec},
};

/// A snapshot's id: 32 hexadecimal digits, given by us before the backup begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SnapshotId(pub String);

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl SnapshotId {
    /// The eight characters that people read.
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}

/// How far a snapshot is trusted. Only `Proven` is green.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Stored whole: the dump ended well, the byte counts match, the record was written last.
    Taken,
    /// Every byte was read back and its digests were right.
    Checked,
    /// Restored into a scratch server of the same engine, and equal to the manifest.
    Proven,
}

/// What is known before the first byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The id it will have.
    pub id: SnapshotId,
    /// The set it is taken with: the id of the operation.
    pub set: String,
    /// The fleet.
    pub fleet: Name,
    /// The cluster.
    pub cluster: Name,
    /// The member it is read from.
    pub member: Name,
    /// The engine.
    pub engine: String,
    /// When it began, by the clock of its host.
    pub started: Timestamp,
    /// One more than the greatest in the vault when it began: what is newer does not depend on clocks. 0 in records
    /// of before there were numbers.
    #[serde(default)]
    pub number: u64,
    /// Who asked: `user@host`.
    pub by: String,
}

impl Draft {
    /// What the snapshots of a vault are ordered by, oldest first.
    pub fn order(&self) -> (u64, Timestamp) {
        (self.number, self.started)
    }
}

/// The snapshots of several vaults in one order, oldest first. Within a vault their numbers decide, which no clock moves.
/// Numbers of two vaults have nothing to do with each other: between them there is only the time, and one counts as no
/// newer than what came after it in its own vault, so that a clock that once was ahead is forgotten.
pub fn in_one_order<T>(vaults: impl IntoIterator<Item = Vec<T>>, draft: impl Fn(&T) -> &Draft) -> Vec<T> {
    let mut all = Vec::new();
    for mut vault in vaults {
        vault.sort_by_key(|one| draft(one).order());
        let mut later = None;
        let newest_first = vault.into_iter().rev().map(|one| {
            let at = later.map_or(draft(&one).started, |later| draft(&one).started.min(later));
            later = Some(at);
            (at, one)
        });
        let mut timed: Vec<_> = newest_first.collect();
        timed.reverse();
        all.append(&mut timed);
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, one)| one).collect()
}

/// What the engine says once all streams are finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dumped {
    /// The server's flavour.
    pub flavour: String,
    /// The server's version.
    pub version: Version,
    /// The log position that the dump belongs to; `None` where the server keeps no log or would not say.
    pub position: Option<String>,
    /// What was in it.
    pub manifest: Manifest,
    /// What is not in it, or weaker than it should be, by name.
    pub findings: Vec<Finding>,
}

/// The catalogue's record of one snapshot, as it is in the vault. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What was known before.
    pub draft: Draft,
    /// What the engine said.
    pub dumped: Dumped,
    /// Its streams, in the order in which they were finished.
    pub streams: Vec<StreamInfo>,
    /// Bytes that it added to the vault.
    pub stored: Bytes,
    /// How long taking it took.
    pub took: Millis,
    /// What happened to it since, oldest first. Its stage is the best of the successes that no later failure revoked.
    #[serde(default)]
    pub history: Vec<Event>,
}

/// One thing that happened to a snapshot after it was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The stage that was tried for.
    pub stage: Stage,
    /// When it ended.
    pub at: Timestamp,
    /// Who asked: `user@host`.
    pub by: String,
    /// How long it took.
    pub took: Millis,
    /// Whether it was reached.
    pub passed: bool,
    /// What was compared; `None` for a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// What was found, when it was not reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

impl Record {
    /// Its id.
    pub fn id(&self) -> &SnapshotId {
        &self.draft.id
    }

    /// What a restored server needs at the very least. A server that compresses its values, or keeps them in binary
    /// form, holds less than the text of its backup; rarely less than a quarter.
    pub fn bytes_restored_min(&self) -> Bytes {
        Bytes(self.bytes().0 / 4)
    }

    /// The stage it stands at. A failure takes away its own stage and those above it, until a later success.
    /// Events count in the order in which they were written, never by their clocks.
    pub fn stage(&self) -> Stage {
        let mut stage = Stage::Taken;
        for event in &self.history {
            if event.passed {
                stage = stage.max(event.stage);
            } else if stage >= event.stage {
                stage = if event.stage == Stage::Proven { Stage::Checked } else { Stage::Taken };
            }
        }
        stage
    }

    /// What was not passed and nothing later made good: damage before anything else, then the last of it; `None` when all
    /// is well.
    pub fn failure(&self) -> Option<&Event> {
        self.damage().or_else(|| self.unmended(|_| true))
    }

    /// The check that it failed, and that nothing later made good: not all of it can be read.
    pub fn damage(&self) -> Option<&Event> {
        self.unmended(|stage| stage < Stage::Proven)
    }

    /// The last event of such a stage that was not passed, and after which that stage, or a higher one, never was.
    fn unmended(&self, which: impl Fn(Stage) -> bool) -> Option<&Event> {
        let mended = |at: usize, stage: Stage| {
            self.history[at..].iter().any(|event| event.passed && event.stage >= stage)
        };
        let failed =
            self.history.iter().enumerate().rev().filter(|(_, event)| !event.passed && which(event.stage));
        failed.into_iter().find(|(at, event)| !mended(*at, event.stage)).map(|(_, event)| event)
    }

    /// When it was last proven, if it stands at proven.
    pub fn proven_at(&self) -> Option<Timestamp> {
        let proven = |event: &&Event| event.passed && event.stage == Stage::Proven;
        (self.stage() == Stage::Proven).then(|| self.history.iter().rfind(proven).map(|e| e.at)).flatten()
    }

    /// Length of all its streams.
    pub fn bytes(&self) -> Bytes {
        Bytes(self.streams.iter().map(|stream| stream.bytes).sum())
    }
}

/// All that the catalogue holds.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Snapshots, oldest first.
    pub records: Vec<Record>,
    /// Snapshots whose record is there and cannot be read: each told in the findings as well.
    pub unreadable: Vec<SnapshotId>,
    /// Records that cannot be read or opened, streams that belong to no record, …
    pub findings: Vec<Finding>,
}

/// What a look at a vault's structure found; all empty: nothing is wrong.
#[derive(Clone, Debug, Default)]
pub struct Structure {
    /// Snapshots that lack something they need, and what.
    pub damaged: BTreeMap<SnapshotId, Vec<Finding>>,
    /// What is wrong with the vault as a whole, and what nobody needs.
    pub findings: Vec<Finding>,
}

impl Structure {
    /// All that was found, the worst first, and the vault's own before what follows from it.
    pub fn all(&self) -> Vec<Finding> {
        let mut all: Vec<_> = self.findings.iter().chain(self.damaged.values().flatten()).cloned().collect();
        all.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        all
    }
}

/// Creates and opens vaults.
#[async_trait]
pub trait Vaults: Send + Sync {
    /// Makes a new vault in an absent or empty place. `Kind::Exists` when a vault is there that this key opens;
    /// `Kind::Denied` when one is there that it does not open; `Kind::Precondition` when something else is there.
    async fn init(&self, spec: &VaultSpec, key: &Secret) -> Result<Arc<dyn Vault>>;
    /// Whether a vault is there, or what is left of one, whoever may open it.
    async fn is_there(&self, spec: &VaultSpec) -> Result<bool>;
    /// Opens a vault. `Kind::NotFound` when none is there, `Kind::Denied` for a wrong key.
    async fn open(&self, spec: &VaultSpec, key: &Secret) -> Result<Arc<dyn Vault>>;
}

/// One open vault.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Begins a snapshot. It exists only after [`Taking::commit`]; what a drop leaves behind is never listed.
    async fn take(&self, draft: Draft) -> Result<Box<dyn Taking>>;
    /// Lists the catalogue. Damage is told in the findings, never by leaving a record out silently.
    async fn catalogue(&self) -> Result<Catalogue>;
    /// One record; `Kind::NotFound` when there is none of this id.
    async fn record(&self, id: &SnapshotId) -> Result<Record>;
    /// Opens a snapshot's streams for reading.
    async fn open(&self, id: &SnapshotId) -> Result<Arc<dyn Source>>;
    /// Writes an event to a snapshot's history: durable when this returns.
    async fn note(&self, id: &SnapshotId, event: Event) -> Result<()>;
    /// Reads every byte of one snapshot back. What is damaged or missing comes as findings; empty means whole.
    async fn check(&self, id: &SnapshotId, watch: &dyn Watch) -> Result<Vec<Finding>>;
    /// Checks the repository's structure as a whole: indexes, packs (by listing and length), records without
    /// snapshots, snapshots without records. Changes nothing: whoever asks notes the damage.
    async fn check_structure(&self, watch: &dyn Watch) -> Result<Structure>;
    /// Removes these snapshots' records, then what no record needs; makes a missing index anew from what is there, in a
    /// dry run as well. Refuses (`Kind::Precondition`) to remove the last
    /// proven snapshot of a cluster, and (`Kind::Busy`) while anybody takes or prunes.
    async fn prune(&self, remove: &[SnapshotId], dry_run: bool, watch: &dyn Watch) -> Result<Pruned>;
}

/// What pruning did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruned {
    /// Snapshots removed.
    pub snapshots: Vec<SnapshotId>,
    /// Bytes freed.
    pub freed: Bytes,
    /// What was mended on the way, and what is wrong and was kept.
    #[serde(skip)]
    pub findings: Vec<Finding>,
}

/// A snapshot being taken: a [`Sink`] that must be committed.
#[async_trait]
pub trait Taking: Sink {
    /// Writes the record, last of all; the snapshot exists from here on. Every stream that was opened must have
    /// been finished (`Kind::Precondition` otherwise).
    async fn commit(self: Box<Self>, dumped: Dumped, took: Millis) -> Result<Record>;
    /// The same thing as a plain sink.
    fn sink(&mut self) -> &mut dyn Sink;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(stage: Stage, passed: bool) -> Event {
        Event {
            stage,
            at: Timestamp::from_millis(0),
            by: "t".into(),
            took: Millis(0),
            passed,
            comparison: None,
            findings: vec![],
        }
    }

    fn draft(id: &str, started: i64, number: u64) -> Draft {
        let name = || Name::parse("a").expect("a name");
        Draft {
            id: SnapshotId(id.into()),
            set: String::new(),
            fleet: name(),
            cluster: name(),
            member: name(),
            engine: "e".into(),
            started: Timestamp::from_millis(started),
            number,
            by: String::new(),
        }
    }

    fn stage(history: &[(Stage, bool)]) -> Stage {
        record(history).stage()
    }

    fn record(history: &[(Stage, bool)]) -> Record {
        Record {
            draft: draft("0", 0, 0),
            dumped: Dumped {
                flavour: String::new(),
                version: Version { parts: vec![1] },
                position: None,
                manifest: Manifest::default(),
                findings: vec![],
            },
            streams: vec![],
            stored: Bytes(0),
            took: Millis(0),
            history: history.iter().map(|(stage, passed)| event(*stage, *passed)).collect(),
        }
    }

    #[test]
    fn a_later_failure_of_another_kind_hides_no_earlier_one() {
        use Stage::{Checked, Proven};
        let told = |history: &[(Stage, bool)]| {
            let record = record(history);
            let stage = |event: Option<&Event>| event.map(|event| event.stage);
            (stage(record.damage()), stage(record.failure()))
        };
        assert_eq!(told(&[(Checked, true), (Proven, true)]), (None, None));
        // Damage stays damage although a proof failed by it as well.
        assert_eq!(told(&[(Checked, false), (Proven, false)]), (Some(Checked), Some(Checked)));
        // What differed still differs once what could not be read can be read again.
        assert_eq!(told(&[(Proven, false), (Checked, false), (Checked, true)]), (None, Some(Proven)));
        assert_eq!(told(&[(Checked, false), (Proven, false), (Proven, true)]), (None, None));
    }

    #[test]
    fn snapshots_of_two_vaults_are_in_the_order_of_their_time_whatever_their_numbers() {
        let order = |vaults: Vec<Vec<Draft>>| -> Vec<String> {
            in_one_order(vaults, |one| one).into_iter().map(|one| one.id.0).collect()
        };
        let old = || vec![draft("a", 10, 50), draft("b", 20, 51)];
        assert_eq!(order(vec![vec![draft("c", 30, 1)], old()]), ["a", "b", "c"]);
        assert_eq!(order(vec![old(), vec![draft("c", 15, 1)]]), ["a", "c", "b"]);
        // Within one vault no clock counts; one that was ahead for a while is no newer than what followed it.
        let ahead = vec![draft("a", 900, 1), draft("b", 20, 2)];
        assert_eq!(order(vec![ahead, vec![draft("c", 30, 1)]]), ["a", "b", "c"]);
    }

    #[test]
    fn a_failure_revokes_what_it_disproves() {
        use Stage::{Checked, Proven, Taken};
        assert_eq!(stage(&[]), Taken);
        assert_eq!(stage(&[(Checked, true), (Proven, true)]), Proven);
        assert_eq!(stage(&[(Checked, true), (Proven, true), (Proven, false)]), Checked);
        assert_eq!(stage(&[(Checked, true), (Proven, true), (Checked, false)]), Taken);
        assert_eq!(stage(&[(Proven, false), (Proven, true)]), Proven);
        assert_eq!(stage(&[(Proven, false)]), Taken);
    }
}

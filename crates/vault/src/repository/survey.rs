//! What a repository is made of, by listing and by its index, without reading the data.

use std::collections::{BTreeMap, BTreeSet};

use roadstead_core::{Result, Text};
use rustic_core::{
    FileType, ReadBackend,
    repofile::{IndexFile, IndexId, SnapshotFile, SnapshotId},
};

use super::{Repository, backend::fault};
use crate::source::told;

/// The length of its header's length, and a sealed header with one entry: restic's format, "Pack Format".
const PACK_LEAST: u64 = 4 + 32 + 37;

/// One snapshot of the repository: one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Its id in the repository.
    pub(crate) object: String,
    /// The snapshot that it was taken for; empty when it was not taken by us.
    pub(crate) label: String,
}

/// All objects of a repository.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Packs that are there, with their lengths.
    pub(crate) packs: BTreeMap<String, u64>,
    /// Packs that the index names, with the lengths it gives, each with the index files that give it.
    pub(crate) indexed: BTreeMap<String, BTreeMap<u64, BTreeSet<String>>>,
    /// Index files that cannot be read, and why.
    pub(crate) bad_indexes: Vec<(String, Text)>,
    /// Streams.
    pub(crate) marks: Vec<Mark>,
    /// Snapshot files that cannot be read, and why.
    pub(crate) bad_marks: Vec<(String, Text)>,
}

impl Survey {
    /// Packs that the index names and that are not there, or not in the length that it gives.
    pub(crate) fn bad_packs(&self) -> BTreeSet<String> {
        self.false_promises().map(|(pack, _)| pack.clone()).collect()
    }

    /// The packs that are not there in a length that index files give, and those index files.
    fn false_promises(&self) -> impl Iterator<Item = (&String, &BTreeSet<String>)> {
        self.indexed.iter().flat_map(|(pack, lengths)| {
            let is = self.packs.get(pack);
            lengths.iter().filter(move |(length, _)| is != Some(length)).map(move |(_, by)| (pack, by))
        })
    }

    /// Packs that are shorter than any index says, or than any pack can be: nothing can be told from their end.
    pub(crate) fn short_packs(&self) -> BTreeSet<String> {
        let is_short = |(pack, length): &(&String, &u64)| {
            let promised = self.indexed.get(*pack).and_then(|lengths| lengths.keys().next());
            **length < PACK_LEAST || promised.is_some_and(|least| *length < least)
        };
        self.packs.iter().filter(is_short).map(|(pack, _)| pack.clone()).collect()
    }

    /// Packs that no index names, and their length: what an interrupted backup left behind, or an index that is gone.
    pub(crate) fn loose_packs(&self) -> (usize, u64) {
        let loose = self.packs.iter().filter(|(pack, _)| !self.indexed.contains_key(*pack));
        loose.fold((0, 0), |(count, bytes), (_, length)| (count + 1, bytes + length))
    }

    /// Index files that cannot be read or that name a bad pack: what they promise must not be relied on.
    pub(crate) fn doubtful_indexes(&self) -> BTreeSet<String> {
        let naming = self.false_promises().flat_map(|(_, by)| by.iter().cloned());
        self.bad_indexes.iter().map(|(index, _)| index.clone()).chain(naming).collect()
    }
}

impl Repository {
    /// Lists everything and reads the index and the snapshot files.
    pub(crate) fn survey(&self) -> Result<Survey> {
        let mut survey = self.survey_packs()?;
        for (id, _) in self.listed(FileType::Snapshot)? {
            let object = id.to_hex().to_string();
            match self.inner.get_file::<SnapshotFile>(&SnapshotId::from(id)) {
                Ok(snapshot) => survey.marks.push(Mark { object, label: snapshot.label }),
                Err(error) => survey.bad_marks.push((object, self.why(&error))),
            }
        }
        Ok(survey)
    }

    /// The labels of these snapshots; those that cannot be read have none here, and are found by [`Self::survey`].
    pub(crate) fn labels(&self, objects: &BTreeSet<String>) -> BTreeSet<String> {
        let ids = objects.iter().filter_map(|object| object.parse::<SnapshotId>().ok());
        ids.filter_map(|id| Some(self.inner.get_file::<SnapshotFile>(&id).ok()?.label)).collect()
    }

    /// The same without the snapshots.
    pub(super) fn survey_packs(&self) -> Result<Survey> {
        let mut survey = Survey { packs: self.packs()?, ..Survey::default() };
        for (id, _) in self.listed(FileType::Index)? {
            match self.inner.get_file::<IndexFile>(&IndexId::from(id)) {
                Ok(index) => {
                    for pack in index.packs {
                        let length = u64::from(pack.pack_size());
                        let named = survey.indexed.entry(pack.id.to_hex().to_string()).or_default();
                        named.entry(length).or_default().insert(id.to_hex().to_string());
                    }
                }
                Err(error) => survey.bad_indexes.push((id.to_hex().to_string(), self.why(&error))),
            }
        }
        // A backup that ended between the two listings has an index of packs that only another look finds.
        if survey.false_promises().next().is_some() {
            survey.packs = self.packs()?;
        }
        Ok(survey)
    }

    /// All packs and their lengths.
    fn packs(&self) -> Result<BTreeMap<String, u64>> {
        let listed = self.listed(FileType::Pack)?.into_iter();
        Ok(listed.map(|(id, length)| (id.to_hex().to_string(), u64::from(length))).collect())
    }

    fn why(&self, error: &rustic_core::RusticError) -> Text {
        told(fault(Text::new("vault-repository-unreadable"), &self.backend, error))
    }

    fn listed(&self, kind: FileType) -> Result<Vec<(rustic_core::Id, u32)>> {
        let listed = self.backend.list_with_size(kind);
        listed.map_err(|error| fault(Text::new("vault-repository-unreadable"), &self.backend, &error))
    }
}

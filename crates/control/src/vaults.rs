//! The vaults of one fleet: opened, made, their catalogues read, their damage noted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use roadstead_core::{
    Error, Finding, Kind, Millis, Result, SecretRef, Text, Timestamp,
    model::{Name, VaultSpec},
    port::{
        Vault, Watch,
        vault::{Catalogue, Event, Record, SnapshotId, Stage, Structure},
    },
};

use crate::controller::Controller;

/// Each vault's catalogue, or why it cannot be read.
pub type Catalogues = BTreeMap<Name, Result<Catalogue>>;

/// What is in the vaults, as far as they can be read.
#[derive(Default)]
pub(crate) struct Shelves {
    /// Each vault's records; empty for one that was never made.
    pub(crate) records: BTreeMap<Name, Vec<Record>>,
    /// The vaults with records that cannot be read.
    pub(crate) unreadable: BTreeSet<Name>,
    /// Why vaults cannot be read.
    pub(crate) findings: Vec<Finding>,
}

impl Controller {
    /// Opens one vault. `Kind::NotFound` when there is none; one whose key is lost is there and stays closed
    /// (`Kind::Denied`).
    pub async fn vault(&self, spec: &VaultSpec) -> Result<Arc<dyn Vault>> {
        match self.parts.secrets.resolve(&spec.key) {
            Ok(key) => self.parts.vaults.open(spec, &key).await,
            Err(error) => Err(self.lost_key(spec).await?.unwrap_or(error)),
        }
    }

    /// The error of a vault that is there while the key that it was made with cannot be found; `None` where that is
    /// not so. Such a key is lost, not missing: a new one would open nothing.
    pub async fn lost_key(&self, spec: &VaultSpec) -> Result<Option<Error>> {
        let Err(error) = self.parts.secrets.resolve(&spec.key) else { return Ok(None) };
        if error.kind != Kind::NotFound || !self.parts.vaults.is_there(spec).await? {
            return Ok(None);
        }
        let SecretRef::File(path) = &spec.key else { return Ok(Some(Error { kind: Kind::Denied, ..error })) };
        let what = Text::new("control-vault-key-lost").with("path", path).with("vault", &spec.url);
        Ok(Some(Error::new(Kind::Denied, what).cure(Text::new("control-vault-key-lost-cure"))))
    }

    /// Makes one vault that is not there yet.
    pub async fn make_vault(&self, spec: &VaultSpec) -> Result<Arc<dyn Vault>> {
        let key = self.parts.secrets.resolve(&spec.key)?;
        self.parts.vaults.init(spec, &key).await
    }

    /// Reads every vault's catalogue.
    pub async fn catalogues(&self) -> Catalogues {
        let mut all = BTreeMap::new();
        for (name, spec) in &self.parts.fleet.vaults {
            let catalogue = match self.vault(spec).await {
                Ok(vault) => vault.catalogue().await,
                Err(error) => Err(error),
            };
            all.insert(name.clone(), catalogue);
        }
        all
    }

    pub(crate) async fn records(&self) -> Shelves {
        let Shelves { mut records, mut unreadable, mut findings } = Shelves::default();
        for (name, catalogue) in self.catalogues().await {
            match catalogue {
                Ok(catalogue) => {
                    if !catalogue.unreadable.is_empty() {
                        unreadable.insert(name.clone());
                    }
                    records.insert(name, catalogue.records);
                }
                Err(error) => {
                    // One that was never made holds nothing; of any other nobody knows.
                    if error.kind == Kind::NotFound {
                        records.insert(name.clone(), Vec::new());
                    }
                    let text = Text::new("control-vault-unread")
                        .with("vault", &name)
                        .with("why", error.what.clone());
                    let finding = Finding::warning(name.as_str(), text);
                    findings.push(match error.cure {
                        Some(cure) => finding.cure(cure),
                        None => finding,
                    });
                }
            }
        }
        Shelves { records, unreadable, findings }
    }

    /// Checks a vault's structure, and writes into the history of each snapshot that it finds damaged what that one
    /// lacks: from then on it is not proven any more, until every byte of it was read again. What cannot be written
    /// there is told all the same, with a warning that it was not.
    pub async fn check_vault(&self, vault: &dyn Vault, watch: &dyn Watch) -> Result<Structure> {
        let began = self.parts.clock.now();
        let checked = vault.check_structure(watch).await;
        match &checked {
            Ok(structure) if structure.damaged.is_empty() => return checked,
            Err(error) if error.kind != Kind::Corrupt => return checked,
            _ => {}
        }
        let records = match vault.catalogue().await {
            Ok(catalogue) => catalogue.records,
            Err(error) => return Ok(with_warning(checked, BTreeMap::new(), unnoted(&error))),
        };
        let mut damaged = BTreeMap::new();
        let mut failed = None;
        for record in &records {
            let findings = match &checked {
                Ok(structure) => structure.damaged.get(record.id()).cloned(),
                // Nothing can be read from a repository that cannot be opened.
                Err(error) => Some(vec![told(record, error)]),
            };
            let Some(findings) = findings else { continue };
            if is_news(record, &findings)
                && let Err(error) = self.note_damage(vault, record, began, findings.clone()).await
            {
                failed.get_or_insert(error);
            }
            damaged.insert(record.id().clone(), findings);
        }
        match failed {
            None => checked,
            Some(error) => Ok(with_warning(checked, damaged, unnoted(&error))),
        }
    }

    async fn note_damage(
        &self,
        vault: &dyn Vault,
        record: &Record,
        began: Timestamp,
        findings: Vec<Finding>,
    ) -> Result<()> {
        let now = self.parts.clock.now();
        let event = Event {
            stage: Stage::Checked,
            at: now,
            by: self.parts.by.clone(),
            took: now.since(began).unwrap_or(Millis(0)),
            passed: false,
            comparison: None,
            findings,
        };
        vault.note(record.id(), event).await
    }
}

/// What was found, with one warning more. An error that is damage becomes a finding among them.
fn with_warning(
    checked: Result<Structure>,
    damaged: BTreeMap<SnapshotId, Vec<Finding>>,
    warning: Finding,
) -> Structure {
    let mut structure = checked.unwrap_or_else(|error| {
        let finding = Finding::error("", error.what);
        Structure { damaged, findings: vec![error.cure.into_iter().fold(finding, Finding::cure)] }
    });
    structure.findings.push(warning);
    structure
}

fn unnoted(error: &Error) -> Finding {
    let mut why = error.what.clone();
    if !error.causes.is_empty() {
        let said = error.causes.join(": ");
        why = Text::new("control-damage-why").with("what", why).with("said", said);
    }
    let finding = Finding::warning("", Text::new("control-damage-unnoted").with("why", why));
    finding.cure(Text::new("control-damage-unnoted-cure"))
}

fn told(record: &Record, error: &Error) -> Finding {
    let finding = Finding::error(record.id().0.as_str(), error.what.clone());
    error.cure.iter().cloned().fold(finding, Finding::cure)
}

/// Whether the snapshot's history does not end with just this.
fn is_news(record: &Record, findings: &[Finding]) -> bool {
    record.history.last().is_none_or(|last| last.passed || last.findings != findings)
}

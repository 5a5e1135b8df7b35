//! A vault in memory that keeps the port's promises and tells what was noted.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use roadstead_core::{
    Bytes, Error, Kind, Millis, Result, Secret, Text,
    finding::Finding,
    model::VaultSpec,
    port::{
        Sink, Source, StreamWriter, Vault, Vaults, Watch,
        vault::{Catalogue, Draft, Dumped, Event, Pruned, Record, SnapshotId, Structure, Taking},
    },
};
use roadstead_testkit::memory::{MemorySink, MemorySource};

/// The key that opens it.
pub(crate) const VAULT_KEY: &str = "a key of more than sixteen characters";

/// The one vault, by every name.
#[derive(Clone, Default)]
pub(crate) struct MemoryVault {
    held: Arc<Mutex<BTreeMap<SnapshotId, (Record, MemorySource)>>>,
}

impl MemoryVault {
    /// The record of a snapshot, if there is one.
    pub(crate) fn kept(&self, id: &SnapshotId) -> Option<Record> {
        self.held.lock().expect("no test panics with it").get(id).map(|(record, _)| record.clone())
    }

    /// Changes what is kept, behind everybody's back.
    pub(crate) fn meddle(&self, id: &SnapshotId, change: impl FnOnce(&mut Record, &MemorySource)) {
        let mut held = self.held.lock().expect("no test panics with it");
        let (record, source) = held.get_mut(id).expect("a snapshot");
        change(record, source);
    }

    fn missing() -> Error {
        Error::new(Kind::NotFound, Text::new("memory-no-snapshot"))
    }
}

#[async_trait]
impl Vaults for MemoryVault {
    async fn init(&self, _: &VaultSpec, _: &Secret) -> Result<Arc<dyn Vault>> {
        Ok(Arc::new(self.clone()))
    }

    async fn is_there(&self, _: &VaultSpec) -> Result<bool> {
        Ok(true)
    }

    async fn open(&self, _: &VaultSpec, key: &Secret) -> Result<Arc<dyn Vault>> {
        if key.expose() != VAULT_KEY {
            return Err(Error::new(Kind::Denied, Text::new("memory-wrong-key")));
        }
        Ok(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Vault for MemoryVault {
    async fn take(&self, draft: Draft) -> Result<Box<dyn Taking>> {
        Ok(Box::new(MemoryTaking { vault: self.clone(), draft, sink: MemorySink::default() }))
    }

    async fn catalogue(&self) -> Result<Catalogue> {
        let held = self.held.lock().expect("no test panics with it");
        Ok(Catalogue {
            records: held.values().map(|(record, _)| record.clone()).collect(),
            unreadable: vec![],
            findings: vec![],
        })
    }

    async fn record(&self, id: &SnapshotId) -> Result<Record> {
        self.kept(id).ok_or_else(Self::missing)
    }

    async fn open(&self, id: &SnapshotId) -> Result<Arc<dyn Source>> {
        let held = self.held.lock().expect("no test panics with it");
        held.get(id).map(|(_, source)| Arc::new(source.clone()) as Arc<dyn Source>).ok_or_else(Self::missing)
    }

    async fn note(&self, id: &SnapshotId, event: Event) -> Result<()> {
        self.meddle(id, |record, _| record.history.push(event));
        Ok(())
    }

    async fn check(&self, id: &SnapshotId, _: &dyn Watch) -> Result<Vec<Finding>> {
        let source = Vault::open(self, id).await?;
        let mut findings = Vec::new();
        for info in source.streams() {
            let mut reader = source.open(&info.name).await?;
            loop {
                match reader.next().await {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => {
                        findings.push(Finding::error(info.name.as_str(), error.what));
                        break;
                    }
                }
            }
        }
        Ok(findings)
    }

    async fn check_structure(&self, _: &dyn Watch) -> Result<Structure> {
        Ok(Structure::default())
    }

    async fn prune(&self, _: &[SnapshotId], _: bool, _: &dyn Watch) -> Result<Pruned> {
        Ok(Pruned::default())
    }
}

struct MemoryTaking {
    vault: MemoryVault,
    draft: Draft,
    sink: MemorySink,
}

#[async_trait]
impl Sink for MemoryTaking {
    async fn stream(&mut self, name: &str) -> Result<Box<dyn StreamWriter>> {
        self.sink.stream(name).await
    }
}

#[async_trait]
impl Taking for MemoryTaking {
    async fn commit(self: Box<Self>, dumped: Dumped, took: Millis) -> Result<Record> {
        let source = self.sink.source();
        let record = Record {
            draft: self.draft,
            dumped,
            streams: source.streams().to_vec(),
            stored: Bytes(1),
            took,
            history: Vec::new(),
        };
        let id = record.id().clone();
        self.vault.held.lock().expect("no test panics with it").insert(id, (record.clone(), source));
        Ok(record)
    }

    fn sink(&mut self) -> &mut dyn Sink {
        self
    }
}

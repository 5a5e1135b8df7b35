//! Damage is told even where it cannot be noted. The vault is a fake: its refusals come when they are wanted.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use roadstead_core::{
    Bytes, Error, Finding, Kind, Millis, Result, Severity, Text, Timestamp, Version,
    manifest::Manifest,
    port::{
        Vault, Watch,
        ambient::Unwatched,
        stream::Source,
        vault::{Catalogue, Draft, Dumped, Event, Pruned, Record, SnapshotId, Structure, Taking},
    },
};

use crate::world::{Script, World, name};

/// Two snapshots, the second one damaged, in a vault that is full or not.
#[derive(Default)]
struct Damaged {
    /// Its repository cannot even be opened.
    closed: bool,
    full: AtomicBool,
    unlistable: bool,
    noted: Mutex<Vec<SnapshotId>>,
}

fn record(id: &str) -> Record {
    let draft = Draft {
        id: SnapshotId(id.into()),
        set: "s".into(),
        fleet: name("f"),
        cluster: name("c"),
        member: name("m"),
        engine: "e".into(),
        started: Timestamp::from_millis(0),
        number: 0,
        by: "t@h".into(),
    };
    let dumped = Dumped {
        flavour: "E".into(),
        version: Version { parts: vec![1] },
        position: None,
        manifest: Manifest::default(),
        findings: vec![],
    };
    Record { draft, dumped, streams: vec![], stored: Bytes(0), took: Millis(0), history: vec![] }
}

fn lacks() -> Finding {
    Finding::error("two", Text::new("lacks"))
}

fn unused<T>() -> Result<T> {
    Err(Error::internal("not asked for here"))
}

#[async_trait]
impl Vault for Damaged {
    async fn take(&self, _: Draft) -> Result<Box<dyn Taking>> {
        unused()
    }

    async fn catalogue(&self) -> Result<Catalogue> {
        if self.unlistable {
            return Err(Error::new(Kind::Failed, Text::new("unlistable")));
        }
        Ok(Catalogue { records: vec![record("one"), record("two")], ..Catalogue::default() })
    }

    async fn record(&self, _: &SnapshotId) -> Result<Record> {
        unused()
    }

    async fn open(&self, _: &SnapshotId) -> Result<Arc<dyn Source>> {
        unused()
    }

    async fn note(&self, id: &SnapshotId, _: Event) -> Result<()> {
        if self.full.load(Ordering::SeqCst) {
            return Err(Error::new(Kind::Exhausted, Text::new("full")));
        }
        self.noted.lock().expect("no test panics with it").push(id.clone());
        Ok(())
    }

    async fn check(&self, _: &SnapshotId, _: &dyn Watch) -> Result<Vec<Finding>> {
        unused()
    }

    async fn check_structure(&self, _: &dyn Watch) -> Result<Structure> {
        if self.closed {
            return Err(Error::new(Kind::Corrupt, Text::new("closed")));
        }
        let damaged = [(SnapshotId("two".into()), vec![lacks()])].into();
        Ok(Structure { damaged, findings: vec![Finding::error("", Text::new("missing"))] })
    }

    async fn prune(&self, _: &[SnapshotId], _: bool, _: &dyn Watch) -> Result<Pruned> {
        unused()
    }
}

async fn check(vault: &Damaged) -> Result<Structure> {
    World::new(Script::default()).controller.check_vault(vault, &Unwatched).await
}

fn keys(structure: &Structure) -> Vec<(Severity, String)> {
    structure.all().into_iter().map(|finding| (finding.severity, finding.what.key)).collect()
}

fn told(errors: &[&str]) -> Vec<(Severity, String)> {
    let errors = errors.iter().map(|key| (Severity::Error, (*key).to_owned()));
    errors.chain([(Severity::Warning, "control-damage-unnoted".to_owned())]).collect()
}

#[tokio::test]
async fn damage_is_noted_where_that_is_possible() {
    let vault = Damaged::default();
    let structure = check(&vault).await.expect("it was checked");
    assert_eq!(structure.all().len(), 2, "no warning where all was noted");
    assert_eq!(*vault.noted.lock().unwrap(), [SnapshotId("two".into())]);
    let closed = Damaged { closed: true, ..Damaged::default() };
    assert_eq!(check(&closed).await.expect_err("the same error").what.key, "closed");
    assert_eq!(closed.noted.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn damage_that_cannot_be_noted_is_told_all_the_same() {
    let vault = Damaged { full: true.into(), ..Damaged::default() };
    let structure = check(&vault).await.expect("it was checked");
    assert_eq!(keys(&structure), told(&["missing", "lacks"]));
    assert_eq!(structure.damaged[&SnapshotId("two".into())], [lacks()]);
    let warning = structure.findings.last().expect("the warning");
    assert_eq!(warning.what.args["why"], Text::new("full").into());
    assert!(warning.cure.is_some());
    let closed = Damaged { closed: true, full: true.into(), ..Damaged::default() };
    let structure = check(&closed).await.expect("what was found is told");
    assert_eq!(keys(&structure), told(&["closed", "closed", "closed"]));
    assert_eq!(structure.damaged.len(), 2);
}

#[tokio::test]
async fn damage_is_told_even_when_the_catalogue_cannot_be_listed() {
    let vault = Damaged { unlistable: true, ..Damaged::default() };
    assert_eq!(keys(&check(&vault).await.expect("it was checked")), told(&["missing", "lacks"]));
}

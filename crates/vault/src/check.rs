//! Proving that what the catalogue promises is there: by reading every byte of a snapshot back, or by the
//! repository's structure without its data.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use roadstead_core::{
    Error, Finding, Kind, Result, Text,
    port::{
        ambient::{Progress, Watch},
        stream::Source,
        vault::{SnapshotId, Structure},
    },
};

use crate::{
    catalogue::{Entry, Lies, Loaded},
    claim, lost,
    repository::{self, Library, Repository, Survey},
    source::{VaultSource, told},
    vault::{LocalVault, blocking},
};

/// Reads every byte of one snapshot. Damage comes as findings; an error says that it could not be checked.
pub(crate) async fn snapshot(vault: &LocalVault, id: &SnapshotId, watch: &dyn Watch) -> Result<Vec<Finding>> {
    let claim = vault.claim_reading().await?;
    let entry = match vault.catalogue.entry(id).await {
        Err(error) if error.kind == Kind::Corrupt => return Ok(vec![finding(&id.0, error)]),
        entry => entry?,
    };
    let library = match vault.library().await {
        Err(error) if error.kind == Kind::Corrupt => {
            let streams = entry.record.streams.iter();
            let damaged = streams.map(|stream| lost_stream(&id.0, &stream.name, told(error.clone())));
            return Ok(damaged.collect());
        }
        library => library?,
    };
    let total = entry.record.streams.iter().map(|stream| stream.bytes).sum();
    let lies = entry.lies.clone();
    let source = VaultSource::new(entry, library.clone(), claim);
    let (mut findings, mut done) = (Vec::new(), 0);
    for stream in source.streams() {
        let phase = Text::new("vault-phase-reading").with("stream", stream.name.as_str());
        let step = |done| Progress { phase: phase.clone(), done, total: Some(total) };
        match read(&source, &stream.name, watch, |bytes| step(done + bytes)).await {
            Err(error) if error.kind == Kind::Corrupt => {
                let wrong = wrong_pack(&library, lies.get(&stream.name)).await;
                findings.push(
                    wrong.map_or_else(
                        || finding(&id.0, error),
                        |pack| wrong_content(&id.0, &stream.name, &pack),
                    ),
                );
            }
            read => read?,
        }
        done += stream.bytes;
    }
    Ok(findings)
}

/// The pack that makes a stream unreadable although its length is right, so that people know which file it is.
async fn wrong_pack(library: &Arc<Library>, lies: Option<&Lies>) -> Option<String> {
    let (library, lies) = (library.clone(), lies?.clone());
    let found = blocking(move || library.wrong_pack(&lies.object, &lies.path)).await;
    // What cannot even be asked was told by the reading already.
    found.ok().flatten()
}

fn wrong_content(id: &str, stream: &str, pack: &str) -> Finding {
    let path = format!("data/{}/{pack}", &pack[..2]);
    let finding = lost_stream(id, stream, Text::new("vault-why-hash").with("pack", path.as_str()));
    finding.cure(Text::new("vault-hash-cure").with("pack", path))
}

async fn read(
    source: &dyn Source,
    name: &str,
    watch: &dyn Watch,
    step: impl Fn(u64) -> Progress,
) -> Result<()> {
    let mut reader = source.open(name).await?;
    let mut bytes = 0;
    while let Some(chunk) = reader.next().await? {
        bytes += chunk.len() as u64;
        watch.progress(step(bytes));
        watch.go_on()?;
    }
    Ok(())
}

/// Checks that the parts fit together: records, snapshots, indexes and packs, by listing and length.
pub(crate) async fn structure(vault: &LocalVault, watch: &dyn Watch) -> Result<Structure> {
    let _claim = vault.claim_reading().await?;
    // Looked at before the listing: what a backup stores meanwhile is not left over.
    let taking = claim::anybody_takes(&vault.place, &vault.cipher).await?;
    watch.progress(Progress { phase: Text::new("vault-phase-catalogue"), done: 0, total: None });
    let loaded = lost::load(vault).await?;
    watch.go_on()?;
    watch.progress(Progress { phase: Text::new("vault-phase-structure"), done: 0, total: None });
    let (place, master) = (vault.place.clone(), vault.master.clone());
    let survey = blocking(move || Repository::open(place, &master)?.survey()).await?;
    watch.go_on()?;
    let damaged = broken(vault, &loaded, &survey).await?;
    let mut findings = Vec::from_iter(unindexed(&loaded, &survey, !damaged.is_empty(), taking));
    findings.extend(loaded.findings.iter().cloned());
    findings.extend(repository_findings(&survey));
    findings.extend(keys(vault).await);
    if !taking {
        findings.extend(leftovers(&loaded, &survey, !damaged.is_empty()));
    }
    let damaged = damaged.into_iter().map(|(id, findings)| (SnapshotId(id), findings)).collect();
    Ok(Structure { damaged, findings })
}

/// What is wrong with the files that hold the master key under the password. What the seal opened needs none of them, so
/// that nothing else waits for one that cannot be read.
async fn keys(vault: &LocalVault) -> Vec<Finding> {
    let told = |key: &str, path: &str| {
        let what = Text::new(key).with("path", vault.place.address(path).display().to_string());
        Finding::error("", what).cure(Text::new("vault-keys-missing-cure"))
    };
    let unreadable = |path: &str, error: &Error| {
        let why = [error.what.to_string()].into_iter().chain(error.causes.iter().cloned());
        let found = told("vault-key-unreadable", path).with("why", why.last().unwrap_or_default());
        found.cure(Text::new("vault-key-unreadable-cure"))
    };
    let listed = match vault.place.list("keys/").await {
        Err(error) if error.kind == Kind::NotFound => Vec::new(),
        Err(error) => return vec![unreadable("keys", &error)],
        Ok(listed) => listed,
    };
    let (mut count, mut findings) = (0, Vec::new());
    for key in listed.iter().filter(|key| repository::is_key(&key.path)) {
        if key.bytes > repository::KEY_LENGTH_MAX {
            findings.push(told("vault-key-damaged", &key.path));
            count += 1;
            continue;
        }
        match vault.place.get(&key.path).await {
            // Somebody took it away since.
            Err(error) if error.kind == Kind::NotFound => continue,
            Err(error) => findings.push(unreadable(&key.path, &error)),
            Ok(content) if repository::is_whole(key.name(), &content) => {}
            Ok(_) => findings.push(told("vault-key-damaged", &key.path)),
        }
        count += 1;
    }
    if count == 0 {
        findings.push(told("vault-keys-missing", "keys"));
    }
    findings
}

/// Packs in no index that may be just what others lack.
fn unindexed(loaded: &Loaded, survey: &Survey, broken: bool, taking: bool) -> Option<Finding> {
    let (count, bytes) = survey.loose_packs();
    // Of what a lost record needs nobody knows; packs without an index may as well be those of a backup just taken.
    let suspect = broken || (!loaded.damaged.is_empty() && !taking);
    (suspect && count > 0).then(|| {
        let what = Text::new("vault-packs-unindexed").with("count", count);
        let what = what.with("bytes", roadstead_core::Bytes(bytes).to_string());
        let finding = if broken { Finding::error("", what) } else { Finding::warning("", what) };
        finding.cure(Text::new("vault-index-cure"))
    })
}

/// The streams that records promise and that cannot be whole, by snapshot.
pub(crate) async fn broken(
    vault: &LocalVault,
    loaded: &Loaded,
    survey: &Survey,
) -> Result<BTreeMap<String, Vec<Finding>>> {
    let there: BTreeSet<String> = survey.marks.iter().map(|mark| mark.object.clone()).collect();
    let bad = survey.bad_packs();
    let library = match vault.library().await {
        Ok(library) => library,
        Err(error) if error.kind == Kind::Corrupt => {
            let all = loaded.entries.iter().map(|entry| {
                let id = entry.record.draft.id.0.clone();
                let all_of = |name: &String| lost_stream(&id, name, told(error.clone()));
                (id.clone(), entry.lies.keys().map(all_of).collect())
            });
            return Ok(all.collect());
        }
        Err(error) => return Err(error),
    };
    let entries = loaded.entries.clone();
    // Then the index may be all that is wrong.
    let unindexed = survey.loose_packs().0 > 0;
    blocking(move || {
        let mut broken = BTreeMap::new();
        for entry in entries {
            let findings = broken_streams(&library, &entry, &there, &bad, unindexed)?;
            if !findings.is_empty() {
                broken.insert(entry.record.draft.id.0.clone(), findings);
            }
        }
        Ok(broken)
    })
    .await
}

fn broken_streams(
    library: &Library,
    entry: &Entry,
    there: &BTreeSet<String>,
    bad: &BTreeSet<String>,
    unindexed: bool,
) -> Result<Vec<Finding>> {
    let id = entry.record.draft.id.0.as_str();
    let mut findings = Vec::new();
    for (stream, lies) in &entry.lies {
        if !there.contains(&lies.object) {
            let why = Text::new("vault-why-no-object").with("object", lies.object.as_str());
            findings.push(lost_stream(id, stream, why));
            continue;
        }
        match library.packs(&lies.object, &lies.path) {
            Ok(packs) => findings.extend(packs.intersection(bad).next().map(|pack| {
                let path = format!("data/{}/{pack}", &pack[..2]);
                lost_stream(id, stream, Text::new("vault-why-pack").with("pack", path))
            })),
            Err(error) if error.kind == Kind::Corrupt => {
                let mut finding = lost_stream(id, stream, told(error));
                if unindexed {
                    finding.cure = Some(Text::new("vault-index-cure"));
                }
                findings.push(finding);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}

fn repository_findings(survey: &Survey) -> Vec<Finding> {
    let cure = || Text::new("vault-damage-cure");
    let mut findings = Vec::new();
    for (index, why) in &survey.bad_indexes {
        let what = Text::new("vault-index-damaged").with("path", format!("index/{index}"));
        let cure = Text::new("vault-index-cure");
        findings.push(Finding::error("", what.with("why", why.clone())).cure(cure));
    }
    for (object, why) in &survey.bad_marks {
        let what = Text::new("vault-object-damaged").with("path", format!("snapshots/{object}"));
        findings.push(Finding::error("", what.with("why", why.clone())).cure(cure()));
    }
    for pack in survey.bad_packs() {
        let path = format!("data/{}/{pack}", &pack[..2]);
        let what = match survey.packs.get(&pack) {
            None => Text::new("vault-pack-missing").with("path", path),
            Some(length) => Text::new("vault-pack-length").with("path", path).with("bytes", *length),
        };
        findings.push(Finding::error("", what).cure(cure()));
    }
    findings
}

/// Streams and packs that no record needs.
fn leftovers(loaded: &Loaded, survey: &Survey, broken: bool) -> Vec<Finding> {
    let left = |id: &String, key: &str| {
        let note = Finding::note(id.as_str(), Text::new(key).with("snapshot", id.as_str()));
        note.cure(Text::new("vault-leftover-cure"))
    };
    let unfinished = loaded.unfinished.iter().map(|id| left(id, "vault-backup-interrupted"));
    let removed = loaded.removed.iter().map(|id| left(id, "vault-removal-interrupted"));
    let mut findings: Vec<Finding> = unfinished.chain(removed).collect();
    let orphans = orphans(loaded, survey);
    if !orphans.is_empty() {
        let what = Text::new("vault-leftover-streams").with("count", orphans.len());
        findings.push(Finding::note("", what).cure(Text::new("vault-leftover-cure")));
    }
    let (count, bytes) = survey.loose_packs();
    if count > 0 && !broken && loaded.damaged.is_empty() {
        let what = Text::new("vault-leftover-packs").with("count", count);
        let what = what.with("bytes", roadstead_core::Bytes(bytes).to_string());
        findings.push(Finding::note("", what).cure(Text::new("vault-leftover-cure")));
    }
    findings
}

/// The repository's snapshots that nobody needs any more: of removed snapshots, of backups that never ended, and of
/// whole ones what their records do not name. All others stay: those of a snapshot whose record cannot be read or was
/// lost, and those that restic or anybody else put there.
pub(crate) fn orphans(loaded: &Loaded, survey: &Survey) -> BTreeSet<String> {
    let needed = needed(loaded);
    let whole: BTreeSet<&str> = loaded.entries.iter().map(|entry| entry.record.draft.id.0.as_str()).collect();
    let ended = |label: &String| {
        loaded.removed.contains(label)
            || loaded.unfinished.contains(label)
            || (whole.contains(label.as_str()) && !loaded.damaged.contains(label))
    };
    let orphans =
        survey.marks.iter().filter(|mark| ended(&mark.label) && !needed.contains(mark.object.as_str()));
    orphans.map(|mark| mark.object.clone()).collect()
}

/// The repository's snapshots that records name.
pub(crate) fn needed(loaded: &Loaded) -> BTreeSet<&str> {
    let lies = loaded.entries.iter().flat_map(|entry| entry.lies.values());
    lies.map(|lies| lies.object.as_str()).collect()
}

fn lost_stream(id: &str, stream: &str, why: Text) -> Finding {
    let what = Text::new("vault-stream-damaged")
        .with("stream", stream)
        .with("snapshot", id.get(..8).unwrap_or(id))
        .with("why", why);
    Finding::error(id, what).cure(Text::new("vault-damage-cure"))
}

fn finding(id: &str, error: Error) -> Finding {
    let finding = Finding::error(id, error.what);
    error.cure.into_iter().fold(finding, Finding::cure)
}

//! What lies on the host and is easily forgotten: members that the fleet file made under a name or in a data folder that
//! it names no more, and data directories that were set aside.
//!
//! Changes nothing. What our agent watches is found wherever it lives; anything else in the host's data folder only. A
//! fleet that came through standard input has no file to be known by.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::MetadataExt,
    path::Path,
    sync::Arc,
};

use roadstead_core::{
    Bytes, Timestamp,
    model::{ClusterSpec, MemberHome, Name},
    port::hand::LookAsk,
    seen::{Aside, DataSeen, Former, OnHost},
};
use tokio::task::JoinHandle;

use crate::{hand::Inner, identity, look, state};

/// How the name goes on of what an interrupted creation or load left; see [`crate::creation`].
pub(crate) const UNFINISHED: &str = "unfinished-";
/// And of what a restore in place set aside.
const BEFORE: &str = "before-";
/// How many files of what was set aside are counted in one look.
const FILES_MAX: usize = 50_000;

/// Looks for them, when they are asked for.
pub(crate) fn look(inner: &Arc<Inner>, ask: &LookAsk) -> JoinHandle<(Vec<Former>, Vec<Aside>)> {
    let (inner, ask) = (inner.clone(), ask.clone());
    tokio::task::spawn_blocking(move || match &ask.besides {
        Some(_) => (former(&inner, &ask), asides(&ask)),
        None => Default::default(),
    })
}

fn former(inner: &Inner, ask: &LookAsk) -> Vec<Former> {
    if !Path::new(&ask.fleet_file).is_file() {
        return Vec::new();
    }
    let data = Path::new(&ask.host.data);
    let own = data.join(ask.fleet.as_str());
    let mut homes: BTreeSet<String> = inner.supervisor.watched().into_keys().collect();
    for entry in std::fs::read_dir(data).into_iter().flatten().flatten() {
        let fleet = entry.file_name().to_str().and_then(Name::parse);
        homes.extend(fleet.iter().flat_map(|fleet| state::homes(&ask.host, fleet)).map(|home| home.root));
    }
    let elsewhere = homes.into_iter().filter(|root| Path::new(root).parent() != Some(&own));
    elsewhere.filter_map(|root| of_this_file(inner, ask, MemberHome { root })).collect()
}

/// The member of this home, if this fleet file made it and anything of it is left.
fn of_this_file(inner: &Inner, ask: &LookAsk, home: MemberHome) -> Option<Former> {
    let task = state::wanted(&home)?.task;
    let file = identity::fleet_file(&home).unwrap_or_else(|| task.fleet_file.clone());
    let is_its_own = home.root.ends_with(&format!("/{}", task.member.name));
    if !is_its_own || file != ask.fleet_file {
        return None;
    }
    let owner = identity::Owner {
        fleet: task.fleet.as_str(),
        fleet_file: &file,
        cluster: &task.cluster.name,
        member: &task.member.name,
        engine: &task.cluster.engine,
    };
    let on_host = OnHost {
        data: identity::look(&home, &owner),
        process: look::process(inner, &home),
        files: BTreeMap::new(),
        free: None,
        listens: None,
    };
    let is_left = on_host.process.is_up() || on_host.data != DataSeen::Absent;
    let cluster = ClusterSpec { members: vec![task.member], ..task.cluster };
    is_left.then_some(Former { fleet: task.fleet, home, cluster, on_host })
}

/// Everything beside the data directories of this fleet's members that is named as what was set aside.
fn asides(ask: &LookAsk) -> Vec<Aside> {
    let mut found = Vec::new();
    let mut files_left = FILES_MAX;
    for home in state::homes(&ask.host, &ask.fleet) {
        let Some(member) = home.root.rsplit('/').next().and_then(Name::parse) else { continue };
        let prefix = format!("{}.", home.data());
        for entry in std::fs::read_dir(&home.root).into_iter().flatten().flatten() {
            let path = entry.path();
            let Some(label) = path.to_str().and_then(|path| path.strip_prefix(&prefix)) else { continue };
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let since = label.strip_prefix(BEFORE).or_else(|| label.strip_prefix(UNFINISHED));
            let since = since.and_then(|millis| millis.parse().ok());
            found.push(Aside {
                member: member.clone(),
                path: path.display().to_string(),
                bytes: size(&path, &mut files_left).map(Bytes),
                since: since.map(Timestamp::from_millis),
            });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// What the files in a folder occupy; `None`: they are too many, or not all could be seen.
fn size(folder: &Path, files_left: &mut usize) -> Option<u64> {
    let mut sum = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).ok()? {
            *files_left = files_left.checked_sub(1)?;
            let entry = entry.ok()?;
            let found = entry.metadata().ok()?;
            sum += found.blocks() * 512;
            if found.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Some(sum)
}

//! Whose a data directory is: the identity file in it, written last, and the mark beside it.
//!
//! A directory that is not provably ours is told and left alone. A mark in the home's own folder, which belongs to the
//! hand, says that what lies in the data directory without an identity is a half-made creation. That it waits for a load
//! the data says of itself.

use std::{
    io::ErrorKind as Io,
    path::{Path, PathBuf},
};

use roadstead_core::{
    Error, Kind, Result, Text, Version,
    model::{MemberHome, Name},
    seen::{DataSeen, Identity},
};

use crate::{
    files::{self, HomeFolder},
    state,
    users::Account,
};

/// The file's name in the data directory.
pub(crate) const IDENTITY_FILE: &str = "roadstead-identity.json";
const IDENTITY_BYTES_MAX: u64 = 64 << 10;

/// Whose a data directory must be.
#[derive(Clone, Debug)]
pub(crate) struct Owner<'a> {
    /// The fleet.
    pub(crate) fleet: &'a str,
    /// Absolute path of its file.
    pub(crate) fleet_file: &'a str,
    /// The cluster.
    pub(crate) cluster: &'a Name,
    /// The member.
    pub(crate) member: &'a Name,
    /// The engine.
    pub(crate) engine: &'a str,
}

fn mark_path(home: &MemberHome) -> PathBuf {
    Path::new(&home.root).join("unfinished")
}

/// Marks that the data directory is being made: until it has an identity, what is there counts for nothing.
pub(crate) fn mark(folder: &HomeFolder, home: &MemberHome) -> Result<()> {
    folder.write(&mark_path(home), 0o600, None, b"creating").map(drop)
}

/// Takes the mark away.
pub(crate) fn unmark(folder: &HomeFolder, home: &MemberHome) -> Result<()> {
    folder.remove(&mark_path(home)).map(drop)
}

fn is_marked(home: &MemberHome) -> bool {
    std::fs::symlink_metadata(mark_path(home)).is_ok()
}

/// Whether the data says of itself that it waits for a load, or was loaded in part.
pub(crate) fn is_half_loaded(home: &MemberHome) -> bool {
    written(home).is_some_and(|identity| identity.loading.is_some())
}

/// Looks at a member's data directory.
pub(crate) fn look(home: &MemberHome, owner: &Owner<'_>) -> DataSeen {
    match made(home, owner) {
        DataSeen::Ours(identity) if identity.loading.is_some() => DataSeen::HalfLoaded,
        other => other,
    }
}

/// The same, with data that waits for its load taken for ours.
fn made(home: &MemberHome, owner: &Owner<'_>) -> DataSeen {
    let data = PathBuf::from(home.data());
    let path = home.data();
    let unreadable = |error: &std::io::Error| {
        let what = Text::new("agent-data-unreadable").with("path", &path);
        DataSeen::Foreign(what.with("reason", error.to_string()))
    };
    match std::fs::symlink_metadata(&data) {
        Err(error) if error.kind() == Io::NotFound => return DataSeen::Absent,
        Err(error) => return unreadable(&error),
        Ok(found) if !found.is_dir() => {
            return DataSeen::Foreign(Text::new("agent-data-not-a-folder").with("path", &path));
        }
        Ok(_) => {}
    }
    let is_marked = is_marked(home);
    let bytes = match files::read(&data.join(IDENTITY_FILE), IDENTITY_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == Io::NotFound => {
            return match std::fs::read_dir(&data).map(|mut entries| entries.next().is_none()) {
                Err(error) => unreadable(&error),
                Ok(_) if is_marked => DataSeen::Unfinished,
                Ok(true) => DataSeen::Absent,
                Ok(false) => DataSeen::Foreign(Text::new("agent-data-foreign").with("path", &path)),
            };
        }
        Err(error) => return unreadable(&error),
    };
    let Ok(identity) = serde_json::from_slice::<Identity>(&bytes) else {
        return DataSeen::Foreign(Text::new("agent-data-identity-damaged").with("path", &path));
    };
    if let Some(why) = other(&identity, owner) {
        return DataSeen::Foreign(why.with("path", &path));
    }
    DataSeen::Ours(identity)
}

/// The fleet file that the data names; `None`: it has no identity that can be read.
pub(crate) fn fleet_file(home: &MemberHome) -> Option<String> {
    written(home).map(|identity| identity.fleet_file)
}

/// What the data says it is, whosever it is; `None`: it has no identity that can be read.
fn written(home: &MemberHome) -> Option<Identity> {
    let bytes = files::read(&Path::new(&home.data()).join(IDENTITY_FILE), IDENTITY_BYTES_MAX).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn other(identity: &Identity, owner: &Owner<'_>) -> Option<Text> {
    let pairs = [
        ("agent-data-of-fleet", identity.fleet.as_str(), owner.fleet),
        ("agent-data-of-cluster", identity.cluster.as_str(), owner.cluster.as_str()),
        ("agent-data-of-member", identity.member.as_str(), owner.member.as_str()),
        ("agent-data-of-engine", identity.engine.as_str(), owner.engine),
    ];
    let Some((key, is, wanted)) = pairs.into_iter().find(|(_, is, wanted)| is != wanted) else {
        return namesake(&identity.fleet_file, owner);
    };
    Some(Text::new(key).with("is", is).with("wanted", wanted))
}

/// Whether what was worked on by this fleet file is another fleet's of the same name: that file is still there.
fn namesake(fleet_file: &str, owner: &Owner<'_>) -> Option<Text> {
    let is_other = fleet_file != owner.fleet_file && Path::new(fleet_file).is_file();
    is_other
        .then(|| Text::new("agent-data-of-namesake").with("is", fleet_file).with("wanted", owner.fleet_file))
}

/// Refuses a home that another fleet of the same name works on, whatever has become of its data.
pub(crate) fn refuse_namesake(home: &MemberHome, owner: &Owner<'_>) -> Result<()> {
    let wanted = state::wanted(home).map(|wanted| wanted.task.fleet_file);
    match wanted.and_then(|file| namesake(&file, owner)) {
        Some(why) => Err(foreign(why.with("path", &home.root))),
        None => Ok(()),
    }
}

/// Has the data name the fleet file that it is worked on by, once the one it named is gone: a file that was moved.
pub(crate) fn follow(
    folder: &HomeFolder,
    home: &MemberHome,
    owner: &Owner<'_>,
    runner: Option<&Account>,
) -> Result<()> {
    match look(home, owner) {
        DataSeen::Ours(identity) if identity.fleet_file != owner.fleet_file => {
            let fleet_file = owner.fleet_file.to_owned();
            write(folder, home, &Identity { fleet_file, ..identity }, runner)
        }
        _ => Ok(()),
    }
}

/// Writes the identity, last of all.
pub(crate) fn write(
    folder: &HomeFolder,
    home: &MemberHome,
    identity: &Identity,
    owner: Option<&Account>,
) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(identity).expect("an identity is plain data");
    folder.write(&Path::new(&home.data()).join(IDENTITY_FILE), 0o600, owner, &bytes).map(drop)
}

/// The identity of data that must be ours and finished, and that this server version may open.
pub(crate) fn require(home: &MemberHome, owner: &Owner<'_>, server: (&Version, &str)) -> Result<Identity> {
    fit(home, owner, look(home, owner), server)
}

/// The same of data that may still wait for its load.
pub(crate) fn require_made(
    home: &MemberHome,
    owner: &Owner<'_>,
    server: (&Version, &str),
) -> Result<Identity> {
    fit(home, owner, made(home, owner), server)
}

fn fit(home: &MemberHome, owner: &Owner<'_>, data: DataSeen, server: (&Version, &str)) -> Result<Identity> {
    let told = |key: &str| {
        let what = Text::new(key).with("path", home.data()).with("member", owner.member);
        Error::new(Kind::Precondition, what)
    };
    let identity = match data {
        DataSeen::Ours(identity) => identity,
        DataSeen::Absent => return Err(told("agent-data-absent")),
        DataSeen::Unfinished | DataSeen::HalfLoaded => return Err(told("agent-data-unfinished")),
        DataSeen::Foreign(why) => return Err(foreign(why)),
    };
    let (version, flavour) = server;
    if identity.flavour != flavour {
        let what = Text::new("agent-data-of-flavour").with("is", &identity.flavour).with("wanted", flavour);
        return Err(foreign(what.with("path", home.data())));
    }
    let rank = |version: &Version| (version.major(), version.minor());
    if rank(&identity.version) > rank(version) {
        let what = Text::new("agent-data-newer")
            .with("path", home.data())
            .with("data", identity.version.to_string())
            .with("server", version.to_string());
        return Err(Error::new(Kind::Precondition, what)
            .cure(Text::new("agent-data-newer-cure").with("data", identity.version.to_string())));
    }
    Ok(identity)
}

/// The error for data that is not ours.
pub(crate) fn foreign(why: Text) -> Error {
    Error::new(Kind::Exists, why).cure(Text::new("agent-data-foreign-cure"))
}

//! Puts the controller together from this machine's parts: hands, vaults, journal, clock, secrets.
//!
//! The only place that knows which part implements which port.

use std::{
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use roadstead_agent::{LocalHand, SystemClock, SystemIds};
use roadstead_control::{Controller, Hands, Parts, SqliteJournal};
use roadstead_core::{
    Error, Kind, Result, Text, Timestamp,
    model::Name,
    port::{Clock, Hand, Ids, Journal},
};
use roadstead_vault::LocalVaults;

use crate::{
    agent_door,
    context::Context,
    engines,
    fleet_file::{Loaded, is_standard_input},
    secrets::{Resolver, state_folder},
};

/// The controller of this fleet, for this command.
pub(crate) fn controller(context: &Context, loaded: &Loaded) -> Result<Controller> {
    with_journal(context, loaded).map(|(controller, _)| controller)
}

/// The controller, and its journal for those who tell what cannot be read in it.
pub(crate) fn with_journal(context: &Context, loaded: &Loaded) -> Result<(Controller, Arc<SqliteJournal>)> {
    let state = state_folder(&loaded.directory);
    make_private_folder(&state)?;
    refuse_other_user(&state)?;
    let (fleet, path) = (&loaded.fleet, state.join("journal.sqlite"));
    // What comes through standard input may be another fleet each time.
    let file = if is_standard_input(&context.settings.file) { "" } else { &fleet.file };
    let journal = Arc::new(SqliteJournal::open(&path, &fleet.name, file)?);
    let hands = ThisMachine { state: state.clone(), local: Arc::new(LocalHand::new(hand_parts())) };
    let controller = Controller::new(Parts {
        fleet: loaded.fleet.clone(),
        fleet_digest: loaded.digest.clone(),
        state,
        engines: engines::registry(),
        vaults: Arc::new(LocalVaults::default()),
        hands: Arc::new(hands),
        journal: Arc::clone(&journal) as Arc<dyn Journal>,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        secrets: Arc::new(Resolver::new(&loaded.directory)),
        by: who(),
        command: context.command.clone(),
    });
    Ok((controller, journal))
}

/// What a hand on this machine is made of.
pub(crate) fn hand_parts() -> roadstead_agent::Parts {
    roadstead_agent::Parts {
        engines: engines::registry(),
        vaults: Arc::new(LocalVaults::default()),
        clock: Arc::new(SystemClock) as Arc<dyn Clock>,
        ids: Arc::new(SystemIds) as Arc<dyn Ids>,
    }
}

/// The time by this machine's clock.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// Refuses to work by a clock that is beyond the times that can be written.
pub(crate) fn refuse_clock(now: Timestamp) -> Result<()> {
    if now < Timestamp::LAST {
        return Ok(());
    }
    Err(Error::new(Kind::Precondition, Text::new("cli-clock-beyond"))
        .cure(Text::new("cli-clock-beyond-cure")))
}

/// A folder that its owner alone may enter; one that is there is left as it is.
pub(crate) fn make_private_folder(path: &Path) -> Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        Error::io(Text::new("cli-folder-unmakeable").with("path", path.display().to_string()), &error)
    })
}

/// `user@host`, for locks, journal and records.
fn who() -> String {
    let host = rustix::system::uname();
    format!("{}@{}", user(), host.nodename().to_string_lossy())
}

/// A fleet is run by one user: another one would have other folders for its members, could not pass the agent's door, or
/// would leave files that the first cannot read.
fn refuse_other_user(state: &Path) -> Result<()> {
    let owner = std::fs::metadata(state).map(|facts| facts.uid()).map_err(|error| {
        Error::io(Text::new("cli-folder-unreadable").with("path", state.display().to_string()), &error)
    })?;
    let user = rustix::process::geteuid().as_raw();
    if owner == user {
        return Ok(());
    }
    let say = |key: &str| Text::new(key).with("owner", name_of(owner)).with("user", name_of(user));
    let what = say("cli-state-of-other").with("path", state.display().to_string());
    Err(Error::new(Kind::Denied, what).cure(say("cli-state-of-other-cure")))
}

/// Who asks: behind `sudo` the one who typed it.
fn user() -> String {
    let told = std::env::var("SUDO_USER").ok().filter(|user| !user.is_empty());
    told.unwrap_or_else(|| name_of(rustix::process::getuid().as_raw()))
}

fn name_of(user: u32) -> String {
    let number = user.to_string();
    let known = || {
        let users = std::fs::read_to_string("/etc/passwd").ok()?;
        let mut users = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        Some(users.find(|fields| fields.get(2) == Some(&number.as_str()))?.first()?.to_string())
    };
    known().unwrap_or_else(|| format!("uid-{number}"))
}

/// The hands of a fleet whose members all live on this machine: the agent's where one serves, else this process's own.
struct ThisMachine {
    state: PathBuf,
    local: Arc<dyn Hand>,
}

#[async_trait]
impl Hands for ThisMachine {
    async fn of(&self, host: Option<&Name>) -> Result<Arc<dyn Hand>> {
        if host.is_some()
            && let Some(served) = agent_door::connect(&self.state).await?
        {
            return Ok(served);
        }
        Ok(Arc::clone(&self.local))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_beyond_all_times_is_refused() {
        refuse_clock(now()).expect("a sound clock");
        let refused = refuse_clock(Timestamp::from_millis(i64::MAX)).expect_err("past the last");
        assert_eq!(refused.what.key, "cli-clock-beyond");
    }
}

//! Taking over the members that a predecessor started: by their identity, never by number alone.
//!
//! Those that run are watched again; those that should run and do not are started; what a killed load left is ended.

use std::sync::Arc;

use roadstead_core::{
    Text,
    model::{HostSpec, MemberHome, Name},
    plan::MemberTask,
    seen::DataSeen,
};

use crate::{hand::Inner, identity, lock, member, process::Server, state, supervise::Again};

/// Takes over every member of this fleet on this host. What cannot be taken over is told in the log and by every look.
pub(crate) async fn take_over(inner: &Arc<Inner>, host: &HostSpec, fleet: &Name, fleet_file: &str) {
    for home in state::homes(host, fleet) {
        one(inner, &home, fleet_file).await;
    }
}

async fn one(inner: &Arc<Inner>, home: &MemberHome, fleet_file: &str) {
    let Some(wanted) = state::wanted(home) else { return };
    let name = wanted.task.member.name.clone();
    // Whoever holds the lock is at work on this member and will leave it as it should be.
    let Ok(Some(_held)) = lock::attempt(&state::lock_path(home), lock::AGENT) else {
        tracing::warn!(member = %name, "somebody is at work on the member; it is not taken over");
        return;
    };
    // One that was acted on meanwhile is looked after already.
    if inner.supervisor.watched().contains_key(&home.root) {
        return;
    }
    let task = MemberTask { fleet_file: fleet_file.to_owned(), ..wanted.task };
    let again = match Again::of(&task) {
        Ok(again) if again.home == *home => again,
        _ => {
            tracing::warn!(member = %name, path = %home.root, "the agent's notes do not belong to this folder");
            return;
        }
    };
    if let DataSeen::Foreign(why) = identity::look(home, &again.owner()) {
        tracing::warn!(member = %name, %why, "the member is not taken over");
        return;
    }
    let running = state::running(home).map(|(identity, restarts)| (Server::adopt(&identity), restarts));
    match running {
        Some((Err(error), _)) => tracing::warn!(member = %name, %error, "the member cannot be watched"),
        Some((Ok(Some(server)), _)) if identity::is_half_loaded(home) => {
            tracing::warn!(member = %name, pid = server.identity.pid, "ending the server of an interrupted load");
            if let Err(error) = member::end_now(&server).await {
                tracing::warn!(member = %name, %error, "it could not be ended");
            }
        }
        Some((Ok(Some(server)), restarts)) if wanted.run => {
            tracing::info!(member = %name, pid = server.identity.pid, "member taken over");
            inner.supervisor.watch(again, Arc::new(server), restarts);
        }
        Some((Ok(Some(server)), _)) => {
            tracing::info!(member = %name, pid = server.identity.pid, "the member runs although it need not; left alone");
        }
        Some((Ok(None), _)) | None if wanted.run => {
            tracing::warn!(member = %name, "the member should run and does not; it is started");
            inner.supervisor.revive(again, Text::new("agent-found-not-running"));
        }
        Some((Ok(None), _)) | None => {}
    }
}

//! The small closed set of acts that a hand knows. Each carries all it needs, by reference where it is secret,
//! so that another process can do it on another day.

use serde::{Deserialize, Serialize};

use crate::{
    model::{ClusterSpec, HostSpec, MemberHome, MemberSpec, Name, VaultSpec},
    port::{engine::EngineAct, layout::Layout, vault::SnapshotId},
};

/// What a hand does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Makes a system user without login.
    CreateUser {
        /// Its name.
        user: String,
    },
    /// Makes folders, files and the data directory of a member, and writes its identity last. Refuses foreign data.
    Create(MemberTask),
    /// Makes the same for a load of this snapshot: until it is loaded, the data counts as unfinished, and nobody starts it.
    CreateToLoad {
        /// Whose.
        member: MemberTask,
        /// What will be loaded.
        snapshot: SnapshotId,
        /// Whether a half-loaded copy in its place is removed, as was consented to; else it is set aside.
        #[serde(default)]
        clears: bool,
    },
    /// Writes the configuration files.
    WriteFiles(MemberTask),
    /// Starts the server and waits until it answers. From now on it is watched and started again when it dies.
    Start(MemberTask),
    /// Stops the server in order and stops watching it. `SIGKILL` after the layout's deadline.
    Stop(MemberTask),
    /// Writes the files, and has the server read them again.
    Reload(MemberTask),
    /// Writes the files, stops and starts.
    Restart(MemberTask),
    /// Renames the data directory to `data.<label>` beside it; never deletes.
    SetAside {
        /// Whose.
        member: MemberTask,
        /// What is appended to its name.
        label: String,
    },
    /// An engine's own act.
    Own {
        /// On which member.
        member: MemberTask,
        /// Which act.
        act: EngineAct,
    },
    /// Takes a snapshot of a cluster into a vault.
    Take(TakeTask),
    /// Reads a snapshot back and checks its digests.
    Check(SnapshotTask),
    /// Restores a snapshot into a scratch server, compares, and notes the result in the vault.
    Prove(ProveTask),
    /// Fails unless the snapshot can take the place of what the member has: all of it is in its vault, there is room, and
    /// the data directory can be set aside. Better known while the member still serves.
    Ready(LoadTask),
    /// Fails unless the member, reached by address, can take the snapshot and holds nothing that a load would meet: that
    /// it succeeded is the journal's word that what a broken-off load left there came from that load.
    RequireEmpty(LoadTask),
    /// Loads a snapshot into a member: freshly created and not running (then it is run apart while loading), or,
    /// reached by address, empty and running.
    Load(LoadTask),
    /// Compares a running member with a snapshot's manifest; fails with the differences.
    Compare(LoadTask),
}

/// A member with all that is needed to work on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberTask {
    /// The fleet.
    pub fleet: Name,
    /// Absolute path of its file.
    pub fleet_file: String,
    /// Its cluster.
    pub cluster: ClusterSpec,
    /// The member.
    pub member: MemberSpec,
    /// Its host.
    pub host: HostSpec,
    /// Its home; `None` for one reached by address.
    pub home: Option<MemberHome>,
    /// Its layout; `None` for one reached by address.
    pub layout: Option<Box<Layout>>,
}

/// Taking a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeTask {
    /// The member it is read from.
    pub member: MemberTask,
    /// The vault.
    pub vault: VaultSpec,
    /// The id it will have.
    pub snapshot: SnapshotId,
    /// The set it belongs to.
    pub set: String,
}

/// A snapshot in a vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotTask {
    /// The vault.
    pub vault: VaultSpec,
    /// The snapshot.
    pub snapshot: SnapshotId,
}

/// Proving a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProveTask {
    /// The snapshot.
    pub snapshot: SnapshotTask,
    /// The cluster as declared, for the scratch server.
    pub cluster: ClusterSpec,
    /// The host that runs the scratch server.
    pub host: HostSpec,
    /// The fleet.
    pub fleet: Name,
}

/// What a member has to do with the snapshot that it is compared with: what a difference means follows from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The operation that compares loaded it.
    #[default]
    Loaded,
    /// An earlier operation loaded it, which this one carries on: it may have been started since.
    Carried,
    /// It is the cluster's own, and lives on.
    Live,
    /// It was restored from it some time ago.
    Restored,
}

/// Loading a snapshot into a member, or comparing the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadTask {
    /// The snapshot.
    pub snapshot: SnapshotTask,
    /// The member.
    pub member: MemberTask,
    /// What the two have to do with each other.
    #[serde(default)]
    pub standing: Standing,
    /// What an earlier load of the same snapshot left when it broke off is taken out first; with what was found before
    /// that load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<serde_json::Value>,
}

impl Act {
    /// Whether it changes a member or its host. The others look, or add to a vault.
    pub fn changes(&self) -> bool {
        let only_looks = matches!(self, Self::Ready(_) | Self::RequireEmpty(_) | Self::Compare(_));
        !only_looks && !matches!(self, Self::Take(_) | Self::Check(_) | Self::Prove(_))
    }

    /// The member that it works on; `None` for acts on hosts and snapshots.
    pub fn member(&self) -> Option<&MemberTask> {
        match self {
            Self::CreateUser { .. } | Self::Check(_) | Self::Prove(_) => None,
            Self::Create(member)
            | Self::WriteFiles(member)
            | Self::Start(member)
            | Self::Stop(member)
            | Self::Reload(member)
            | Self::Restart(member)
            | Self::CreateToLoad { member, .. }
            | Self::SetAside { member, .. }
            | Self::Own { member, .. } => Some(member),
            Self::Take(task) => Some(&task.member),
            Self::Ready(task) | Self::RequireEmpty(task) | Self::Load(task) | Self::Compare(task) => {
                Some(&task.member)
            }
        }
    }

    /// The vault that it needs open; `None` for acts without one.
    pub fn vault(&self) -> Option<&VaultSpec> {
        match self {
            Self::Take(task) => Some(&task.vault),
            Self::Check(task) => Some(&task.vault),
            Self::Prove(task) => Some(&task.snapshot.vault),
            Self::Ready(task) | Self::RequireEmpty(task) | Self::Load(task) | Self::Compare(task) => {
                Some(&task.snapshot.vault)
            }
            _ => None,
        }
    }
}

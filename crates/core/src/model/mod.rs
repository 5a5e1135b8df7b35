//! The fleet as declared: vaults, hosts, clusters, members. Plain types that plans and doors carry.
//!
//! Secrets appear as references only. Nothing here knows YAML; `fleet/` builds these from the file.

mod home;
mod name;

use std::{collections::BTreeMap, net::IpAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use home::MemberHome;
pub use name::Name;

use crate::{Bytes, SecretRef, Version};

/// All that one fleet file declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// The fleet's name.
    pub name: Name,
    /// Absolute directory of the fleet file; relative paths in it start here.
    pub directory: String,
    /// Absolute path of the fleet file: tells two fleets of one name apart.
    pub file: String,
    /// Where backups lie.
    pub vaults: BTreeMap<Name, VaultSpec>,
    /// The machines; at least `local`.
    pub hosts: BTreeMap<Name, HostSpec>,
    /// The data sets.
    pub clusters: BTreeMap<Name, ClusterSpec>,
}

/// One vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultSpec {
    /// Its name.
    pub name: Name,
    /// Where: an absolute directory.
    pub url: String,
    /// The password that opens it.
    pub key: SecretRef,
}

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSpec {
    /// Its name.
    pub name: Name,
    /// Absolute directory under which members live, each in its own folder.
    pub data: String,
    /// More directories to search for server programs and tools, before the usual ones.
    pub programs: Vec<String>,
    /// The system user that runs the members, instead of each engine's usual one.
    pub user: Option<String>,
}

/// One data set on one engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// Its name.
    pub name: Name,
    /// The engine's name, as its profile says it.
    pub engine: String,
    /// The version wanted, as a prefix: `15`, `10.11`. `None`: for a member run here, the newest installed;
    /// for one reached by address, whatever it is.
    pub version: Option<Version>,
    /// Each member's share of memory. `None`: the engine's modest default.
    pub memory: Option<Bytes>,
    /// Its server processes; never empty.
    pub members: Vec<MemberSpec>,
    /// Databases that must exist.
    pub databases: Vec<String>,
    /// Accounts that must exist, by name.
    pub roles: BTreeMap<String, RoleSpec>,
    /// Engine settings by name; values as written.
    pub settings: BTreeMap<String, String>,
    /// Whether and where it is backed up.
    pub backup: Option<BackupSpec>,
}

impl ClusterSpec {
    /// The member that backups read and restores write: the first.
    pub fn first(&self) -> &MemberSpec {
        self.members.first().expect("the fleet reader refuses a cluster without members")
    }
}

/// One server process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberSpec {
    /// Its name, unique in the fleet.
    pub name: Name,
    /// Who runs it.
    pub runtime: Runtime,
}

/// How a member runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// A process that the host's agent supervises.
    Process {
        /// On which host.
        host: Name,
        /// The port it serves.
        port: u16,
        /// The address it binds; loopback unless the file says otherwise.
        listen: IpAddr,
    },
    /// Run by somebody else; reached by its protocol only.
    Managed {
        /// Host name or address.
        address: String,
        /// Port.
        port: u16,
        /// The account we use.
        user: String,
        /// Its password; `None` where the server asks for none.
        password: Option<SecretRef>,
        /// How the connection is protected.
        tls: TlsSpec,
    },
}

impl MemberSpec {
    /// Host and port where clients reach it.
    pub fn endpoint(&self) -> (String, u16) {
        match &self.runtime {
            Runtime::Process { port, listen, .. } if listen.is_unspecified() => {
                (if listen.is_ipv6() { "::1".into() } else { "127.0.0.1".into() }, *port)
            }
            Runtime::Process { port, listen, .. } => (listen.to_string(), *port),
            Runtime::Managed { address, port, .. } => (address.clone(), *port),
        }
    }

    /// Whether an agent runs it.
    pub fn is_supervised(&self) -> bool {
        matches!(self.runtime, Runtime::Process { .. })
    }
}

/// How a connection is protected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSpec {
    /// What is demanded.
    pub mode: TlsMode,
    /// Absolute path of the authority's certificate (PEM); `None`: the system's.
    pub ca: Option<String>,
}

/// What is demanded of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Verified TLS where the server offers it; else plaintext, which beyond this host is a finding.
    #[default]
    Auto,
    /// TLS with a certificate that names the server, or no connection.
    VerifyFull,
    /// Plaintext.
    Off,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSpec {
    /// Its password.
    pub password: Option<SecretRef>,
    /// What it may do.
    pub may: May,
    /// On which databases; empty: all that the cluster declares.
    pub on: Vec<String>,
}

/// Least privilege in four steps (C3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum May {
    /// Read data.
    Read,
    /// Read and change data.
    Write,
    /// Change the structure as well, as the owner would.
    Migrate,
    /// Own the databases.
    Owner,
}

/// Where a cluster's backups go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupSpec {
    /// Which vault.
    pub vault: Name,
}

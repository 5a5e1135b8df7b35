//! The shape of the file: which keys there are and what each holds. The same types give the JSON Schema that editors
//! use, lead the reader's check of keys and types ([`super::sound`]), and take what passed it.
//!
//! What a value means (is it a name, a size, a reference?) is not decided here but where the model is built.

use std::collections::BTreeMap;

use schemars::{
    JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema, transform::RecursiveTransform,
};
use serde::Deserialize;
use serde_json::Value;

use crate::model::{May, TlsMode};

/// One fleet: its vaults, its hosts and its clusters.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Roadstead fleet file")]
pub(super) struct File {
    /// The fleet's name: lower-case letters, digits and hyphens, at most 40, beginning with a letter.
    #[schemars(required, regex(pattern = r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"))]
    pub(super) fleet: Option<String>,
    /// Where backups lie, by name.
    #[serde(default)]
    pub(super) vaults: BTreeMap<String, Vault>,
    /// The machines, by name. May be left out: then there is one, `local`, this machine.
    #[serde(default)]
    pub(super) hosts: BTreeMap<String, Host>,
    /// The data sets, by name.
    #[schemars(required)]
    pub(super) clusters: Option<BTreeMap<String, Cluster>>,
}

/// One vault: where backups lie, encrypted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Vault {
    /// A directory, relative to this file or absolute; also as `file:///path`.
    #[schemars(required)]
    pub(super) url: Option<String>,
    /// The password that opens the vault, as a reference. Without it no backup can be read: keep a copy elsewhere.
    #[schemars(schema_with = "reference")]
    pub(super) key: Option<String>,
}

/// One machine.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Host {
    /// The directory under which members live, each in its own folder. Left out: `/var/lib/roadstead` when run as the
    /// superuser, else `.roadstead/members` beside this file.
    pub(super) data: Option<String>,
    /// More directories to search for server programs and tools, before the usual ones.
    #[serde(default)]
    pub(super) programs: Vec<String>,
    /// The system user that runs the members. Left out: each engine's usual one.
    pub(super) user: Option<String>,
}

/// One data set on one engine.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Cluster {
    /// The kind of database.
    #[schemars(required)]
    pub(super) engine: Option<String>,
    /// The version wanted, as a prefix: "15", "10.11". Left out: the newest that is installed.
    #[serde(default)]
    #[schemars(schema_with = "version")]
    pub(super) version: Option<String>,
    /// Each member's share of memory, with its unit: 512MiB, 1GiB. Settings follow from it.
    #[serde(default)]
    #[schemars(schema_with = "size")]
    pub(super) memory: Option<String>,
    /// The server processes.
    #[schemars(required)]
    pub(super) members: Option<Vec<Member>>,
    /// Databases that must exist.
    #[serde(default)]
    pub(super) databases: Vec<String>,
    /// Accounts that must exist, by name.
    #[serde(default)]
    pub(super) roles: BTreeMap<String, Role>,
    /// Settings of the engine, by its own names.
    #[serde(default)]
    #[schemars(schema_with = "settings")]
    pub(super) settings: BTreeMap<String, String>,
    /// Where its backups go. Left out: it is not backed up, which is a warning.
    pub(super) backup: Option<Backup>,
}

/// One server process: run by Roadstead (`host`, `port`), or by somebody else (`address`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    /// Its name, unique in the fleet.
    #[schemars(required, regex(pattern = r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"))]
    pub(super) name: Option<String>,
    /// On which host Roadstead runs it. Left out: `local`.
    pub(super) host: Option<String>,
    /// The port it serves. Left out: the engine's usual one.
    #[schemars(range(min = 1, max = 65535))]
    pub(super) port: Option<u16>,
    /// The address it binds. Left out: 127.0.0.1, this host alone.
    pub(super) listen: Option<String>,
    /// Where it already runs: `host`, `host:port` or `[IPv6]:port`. Roadstead then only reads and backs up.
    pub(super) address: Option<String>,
    /// The account that Roadstead uses there.
    pub(super) user: Option<String>,
    /// Its password, as a reference.
    #[serde(default)]
    #[schemars(schema_with = "reference")]
    pub(super) password: Option<String>,
    /// How the connection there is protected. Left out: `auto`.
    pub(super) tls: Option<Tls>,
}

/// One account.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Role {
    /// Its password, as a reference.
    #[schemars(schema_with = "reference")]
    pub(super) password: Option<String>,
    /// What it may do.
    #[schemars(required)]
    pub(super) may: Option<May>,
    /// On which databases. Left out: on all that the cluster declares.
    #[serde(default)]
    pub(super) on: Vec<String>,
}

/// How a connection is protected: the mode alone, or with the authority that signed the server's certificate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Tls {
    /// The mode alone.
    Mode(TlsMode),
    /// The mode and the authority.
    Whole(WholeTls),
}

/// The mode and the authority.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WholeTls {
    /// What is demanded. Left out: `auto`.
    pub(super) mode: Option<TlsMode>,
    /// File with the authority's certificate (PEM). Left out: the authorities that this system trusts.
    pub(super) ca: Option<String>,
}

/// Where a cluster's backups go.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Backup {
    /// The name of a vault of this file.
    #[schemars(required)]
    pub(super) vault: Option<String>,
}

/// The JSON Schema of the fleet file (draft 2020-12).
pub fn schema() -> Value {
    let plain = RecursiveTransform(without_null as fn(&mut Schema));
    let generator = SchemaSettings::draft2020_12().with_transform(plain).into_generator();
    generator.into_root_schema_for::<File>().to_value()
}

/// What may be left out is left out, not written as `null`.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    for keyword in ["type", "enum"] {
        let Some(Value::Array(choices)) = object.get_mut(keyword) else { continue };
        choices.retain(|choice| *choice != Value::Null && *choice != "null");
        if let ("type", [only]) = (keyword, choices.as_slice()) {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            object.extend(only);
        }
    }
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
}

fn reference(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": r"^\$\{(env|file|age):.+\}$",
        "examples": ["${env:NAME}", "${file:secrets/name}"],
    })
}

fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "number"], "pattern": r"^[0-9]+(\.[0-9]+){0,3}$" })
}

fn size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,6})? ?(B|[kK]B|[MGT]B|[KMGT]iB)$" })
}

fn settings(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } })
}

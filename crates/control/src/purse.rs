//! Collects the secrets that an act needs, and no others.

use std::collections::BTreeSet;

use roadstead_core::{
    Error, Kind, Result, SecretRef, Text,
    error::During,
    model::{ClusterSpec, MemberSpec, RoleSpec, Runtime},
    plan::{Act, MemberTask},
    port::{Secrets, hand::Purse, layout::Piece},
};

/// The secret that opens a session to a member.
pub(crate) fn for_member(member: &MemberSpec, secrets: &dyn Secrets, purse: &mut Purse) -> Result<()> {
    match &member.runtime {
        Runtime::Managed { password: Some(reference), .. } => put(reference, secrets, purse),
        _ => Ok(()),
    }
}

/// The passwords of a cluster's declared accounts, as far as they are there: whether they still open is asked. Gives
/// what is wrong with the others; one that is not there yet is made before its account is.
pub(crate) fn for_accounts(cluster: &ClusterSpec, secrets: &dyn Secrets, purse: &mut Purse) -> Vec<Error> {
    let passwords = cluster.roles.values().filter_map(of_role);
    let failed = passwords.filter_map(|reference| put(reference, secrets, purse).err());
    failed.filter(|error| error.kind != Kind::NotFound).collect()
}

/// Every secret that this act needs.
pub(crate) fn for_act(act: &Act, secrets: &dyn Secrets) -> Result<Purse> {
    let mut purse = Purse::new();
    if let Some(vault) = act.vault() {
        put(&vault.key, secrets, &mut purse)?;
    }
    if let Some(task) = act.member() {
        for_member(&task.member, secrets, &mut purse)?;
        for reference in of_layout(task) {
            put(&reference, secrets, &mut purse)?;
        }
        if let Act::Own { .. } = act {
            for reference in task.cluster.roles.values().filter_map(of_role) {
                put(reference, secrets, &mut purse)?;
            }
        }
    }
    Ok(purse)
}

fn of_role(role: &RoleSpec) -> Option<&SecretRef> {
    role.password.as_ref()
}

fn of_layout(task: &MemberTask) -> BTreeSet<SecretRef> {
    let pieces = task.layout.iter().flat_map(|layout| &layout.files).flat_map(|file| &file.body);
    let secrets = pieces.filter_map(|piece| match piece {
        Piece::Secret(reference, _) => Some(reference.clone()),
        Piece::Text(_) => None,
    });
    secrets.collect()
}

/// Secrets that lie on the host are resolved there.
fn put(reference: &SecretRef, secrets: &dyn Secrets, purse: &mut Purse) -> Result<()> {
    if matches!(reference, SecretRef::Host(_)) || purse.contains_key(reference) {
        return Ok(());
    }
    let secret = secrets
        .resolve(reference)
        .during(|| Text::new("control-doing-resolve").with("reference", shown(reference)))?;
    purse.insert(reference.clone(), secret);
    Ok(())
}

/// A reference as it may be shown: an encrypted value is long and says nothing.
fn shown(reference: &SecretRef) -> String {
    match reference {
        SecretRef::Age(_) => "${age:…}".into(),
        other => other.to_string(),
    }
}

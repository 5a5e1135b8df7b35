//! Vaults and hosts: where backups lie and where members live.

use std::collections::BTreeMap;

use super::{
    build::{Building, LOCAL},
    path::{Path, absolute},
    secrets::{self, IfAbsent},
    shape,
    sound::shown,
};
use crate::{
    Text,
    model::{HostSpec, Name, VaultSpec},
};

/// The vaults that are sound.
pub(super) fn vaults(
    declared: &BTreeMap<String, shape::Vault>,
    building: &mut Building<'_, '_>,
) -> BTreeMap<Name, VaultSpec> {
    let mut places: BTreeMap<String, Path> = BTreeMap::new();
    let mut vaults = BTreeMap::new();
    for (key, vault) in declared {
        let at = Path::top("vaults").key(key);
        let name = building.name(&at, key, false);
        let url = vault.url.as_deref().and_then(|url| vault_directory(&at.key("url"), url, building));
        let secret = vault.key.as_deref();
        let secret =
            secret.and_then(|text| secrets::reference(&at.key("key"), text, IfAbsent::Generate, building));
        if let Some(url) = &url {
            if let Some(first) = places.get(url) {
                let line = building.report.line(first);
                let what = Text::new("fleet-vault-twice").with("first", first.last()).with("line", line);
                building.report.value(&at.key("url"), what, Text::new("fleet-vault-twice-cure"));
            } else {
                places.insert(url.clone(), at.clone());
            }
        }
        if let (Some(name), Some(url), Some(key)) = (name, url, secret) {
            vaults.insert(name.clone(), VaultSpec { name, url, key });
        }
    }
    vaults
}

/// A vault is a directory: a path, or `file://` before an absolute one.
fn vault_directory(at: &Path, url: &str, building: &mut Building<'_, '_>) -> Option<String> {
    let Some((scheme, rest)) = url.split_once("://") else { return building.path(at, url) };
    if scheme.eq_ignore_ascii_case("file") {
        let rest = rest.strip_prefix("localhost").filter(|rest| rest.starts_with('/')).unwrap_or(rest);
        if rest.starts_with('/') && !rest.contains('%') {
            return building.path(at, rest);
        }
        let what = Text::new("fleet-bad-file-url").with("url", shown(url));
        building.report.value(at, what, Text::new("fleet-bad-file-url-cure"));
        return None;
    }
    let what = Text::new("fleet-vault-scheme").with("scheme", shown(scheme));
    building.report.value(at, what, Text::new("fleet-vault-scheme-cure"));
    None
}

/// The hosts that are sound, and `local` always.
pub(super) fn hosts(
    declared: &BTreeMap<String, shape::Host>,
    building: &mut Building<'_, '_>,
) -> BTreeMap<Name, HostSpec> {
    let mut hosts = BTreeMap::new();
    let local = shape::Host::default();
    let implied = (!declared.contains_key(LOCAL)).then_some((LOCAL, &local));
    for (key, host) in declared.iter().map(|(key, host)| (key.as_str(), host)).chain(implied) {
        let at = Path::top("hosts").key(key);
        let Some(name) = building.name(&at, key, false) else { continue };
        if key != LOCAL {
            let what = Text::new("fleet-remote-host").with("host", key);
            building.report.key(&at, what, Text::new("fleet-remote-host-cure"));
        }
        let data = match &host.data {
            Some(path) => building.path(&at.key("data"), path),
            None => Some(usual_data(building)),
        };
        let mut programs = Vec::new();
        for (index, path) in host.programs.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
            programs.extend(building.path(&at.key("programs").item(index), path));
        }
        let user = host.user.as_deref().and_then(|user| system_user(&at.key("user"), user, building));
        if let Some(data) = data {
            hosts.insert(name.clone(), HostSpec { name, data, programs, user });
        }
    }
    hosts
}

fn usual_data(building: &Building<'_, '_>) -> String {
    if building.input.facts.is_root() {
        "/var/lib/roadstead".to_owned()
    } else {
        absolute(building.input.directory, ".roadstead/members")
    }
}

fn system_user(at: &Path, user: &str, building: &mut Building<'_, '_>) -> Option<String> {
    let first = user.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    if first && user.len() <= 32 && user.bytes().all(rest) {
        if user == "root" {
            let what = Text::new("fleet-root-user");
            building.report.value(at, what, Text::new("fleet-root-user-cure"));
            return None;
        }
        return Some(user.to_owned());
    }
    let what = Text::new("fleet-bad-user").with("user", shown(user));
    building.report.value(at, what, Text::new("fleet-bad-user-cure"));
    None
}

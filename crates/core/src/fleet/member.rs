//! One member: run by a host's agent, or run by somebody else and reached by its address.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    address,
    build::{Building, LOCAL},
    path::Path,
    secrets::{self, IfAbsent},
    shape::{self, Tls},
    sound::shown,
};
use crate::{
    Text,
    model::{MemberSpec, Name, Runtime, TlsMode, TlsSpec},
};

/// A member that is sound. `port` is the engine's usual one, where the engine is known.
pub(super) fn member(
    at: &Path,
    member: &shape::Member,
    port: Option<u16>,
    building: &mut Building<'_, '_>,
) -> Option<MemberSpec> {
    let name = member.name.as_deref().and_then(|name| building.name(&at.key("name"), name, true));
    let runtime = match &member.address {
        Some(address) => managed(at, member, address, port, building),
        None => process(at, member, port, building),
    };
    Some(MemberSpec { name: name?, runtime: runtime? })
}

fn process(
    at: &Path,
    member: &shape::Member,
    port: Option<u16>,
    building: &mut Building<'_, '_>,
) -> Option<Runtime> {
    let stray = [
        ("user", member.user.is_some()),
        ("password", member.password.is_some()),
        ("tls", member.tls.is_some()),
    ];
    for (key, _) in stray.iter().filter(|(_, given)| *given) {
        let what = Text::new("fleet-key-needs-address").with("key", *key);
        building.report.key(&at.key(key), what, Text::new("fleet-key-needs-address-cure").with("key", *key));
    }
    let host: Option<Name> = building.host(&at.key("host"), member.host.as_deref().unwrap_or(LOCAL));
    let listen = match &member.listen {
        Some(text) => listen(&at.key("listen"), text, building),
        None => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    };
    // A port that is given and wrong was told already, and does not stand for the usual one.
    let usual = building.report.lacks(&at.key("port")).then_some(port).flatten();
    let port = member.port.or(usual);
    Some(Runtime::Process { host: host?, port: port?, listen: listen? })
}

fn listen(at: &Path, text: &str, building: &mut Building<'_, '_>) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let bare = if bare == "localhost" { "127.0.0.1" } else { bare };
    let Ok(address) = bare.parse::<IpAddr>() else {
        let what = Text::new("fleet-bad-listen").with("listen", shown(text));
        building.report.value(at, what, Text::new("fleet-bad-listen-cure"));
        return None;
    };
    if !address.to_canonical().is_loopback() {
        let what = Text::new("fleet-listens-beyond").with("listen", address.to_string());
        building.report.warning(at, what, Text::new("fleet-listens-beyond-cure"));
    }
    Some(address)
}

fn managed(
    at: &Path,
    member: &shape::Member,
    address: &str,
    port: Option<u16>,
    building: &mut Building<'_, '_>,
) -> Option<Runtime> {
    let stray = [
        ("host", member.host.is_some()),
        ("port", member.port.is_some()),
        ("listen", member.listen.is_some()),
    ];
    for (key, _) in stray.iter().filter(|(_, given)| *given) {
        let what = Text::new("fleet-key-with-address").with("key", *key);
        building.report.key(&at.key(key), what, Text::new("fleet-key-with-address-cure").with("key", *key));
    }
    let found = address::parse(address);
    if found.is_none() {
        let (what, cure) = refused(address);
        building.report.value(&at.key("address"), what, cure);
    }
    let password = member
        .password
        .as_deref()
        .and_then(|text| secrets::reference(&at.key("password"), text, IfAbsent::Refuse, building));
    let user = member.user.as_deref().filter(|user| !user.trim().is_empty());
    if user.is_none() {
        let what = Text::new("fleet-missing-user");
        building.report.key(at, what, Text::new("fleet-missing-user-cure"));
    }
    let tls = tls(&at.key("tls"), member.tls.as_ref(), building);
    let beyond = found.as_ref().is_some_and(|(host, _)| !address::is_loopback(host));
    if beyond && tls.mode == TlsMode::Off {
        let what = Text::new("fleet-plaintext").with("address", shown(address));
        building.report.warning(&at.key("tls"), what, Text::new("fleet-plaintext-cure"));
    }
    let (host, own) = found?;
    Some(Runtime::Managed { address: host, port: own.or(port)?, user: user?.to_owned(), password, tls })
}

/// Why a text is no address. One with an account in it is never told: what of it is the password is a guess.
fn refused(address: &str) -> (Text, Text) {
    if let Some((_, server)) = address.rsplit_once('@') {
        let inside = server.starts_with('[') || address::lacks_brackets(server);
        let cure = if inside { "fleet-address-account-brackets" } else { "fleet-address-account-cure" };
        return (Text::new("fleet-address-account"), Text::new(cure));
    }
    let cure = if address::lacks_brackets(address) {
        "fleet-bad-address-brackets"
    } else {
        "fleet-bad-address-cure"
    };
    (Text::new("fleet-bad-address").with("address", shown(address)), Text::new(cure))
}

fn tls(at: &Path, tls: Option<&Tls>, building: &mut Building<'_, '_>) -> TlsSpec {
    match tls {
        None => TlsSpec::default(),
        Some(Tls::Mode(mode)) => TlsSpec { mode: *mode, ca: None },
        Some(Tls::Whole(whole)) => {
            let mode = whole.mode.unwrap_or_default();
            let ca = whole.ca.as_deref().and_then(|path| building.path(&at.key("ca"), path));
            if ca.is_some() && mode == TlsMode::Off {
                let what = Text::new("fleet-ca-without-tls");
                building.report.warning(&at.key("ca"), what, Text::new("fleet-ca-without-tls-cure"));
            }
            TlsSpec { mode, ca }
        }
    }
}

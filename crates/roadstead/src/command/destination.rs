//! Where a snapshot is restored to, or was: the options of `restore` and `verify`.

use std::path::Path;

use clap::{Arg, ArgMatches};
use roadstead_core::{
    Error, Kind, Result, SecretRef, Text,
    model::{Name, TlsMode, TlsSpec},
    plan::Destination,
};

use super::shape;
use crate::render::Words;

/// The options; without any of them it is the cluster's own place.
pub(crate) fn define(words: &Words) -> [Arg; 6] {
    let beside = shape::option(words, "beside", "NAME:PORT", "cli-option-beside").conflicts_with("to");
    let to = shape::option(words, "to", "HOST:PORT", "cli-option-to");
    let user = shape::option(words, "user", "USER", "cli-option-to-user").requires("to");
    let password = shape::option(words, "password-ref", "REFERENCE", "cli-option-to-password").requires("to");
    let tls = shape::option(words, "tls", "MODE", "cli-option-to-tls").requires("to");
    let tls = tls.value_parser(["auto", "verify-full", "off"]).hide_possible_values(true);
    let ca = shape::option(words, "ca", "FILE", "cli-option-to-ca").requires("to");
    [beside, to, user, password, tls, ca]
}

/// Reads them.
pub(crate) fn read(matches: &ArgMatches, directory: &str) -> Result<Destination> {
    let get = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    if let Some(beside) = get("beside") {
        let wrong = || Error::new(Kind::Input, Text::new("cli-restore-beside").with("value", beside));
        let (name, port) = beside.rsplit_once(':').ok_or_else(wrong)?;
        let member = Name::parse(name).ok_or_else(wrong)?;
        return Ok(Destination::Beside { member, port: port_of(port).ok_or_else(wrong)? });
    }
    let Some(to) = get("to") else { return Ok(Destination::Place) };
    if to.contains('@') {
        // The value is not repeated: what stands before the @ may be a password.
        let what = Text::new("cli-restore-to-account");
        return Err(Error::new(Kind::Input, what).cure(Text::new("cli-restore-to-account-cure")));
    }
    let wrong = || Error::new(Kind::Input, Text::new("cli-restore-to").with("value", to));
    let (host, port) = to.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() || (host.contains(':') && !to.starts_with('[')) {
        return Err(wrong());
    }
    let mode = match get("tls") {
        Some("verify-full") => TlsMode::VerifyFull,
        Some("off") => TlsMode::Off,
        _ => TlsMode::Auto,
    };
    // The value is never repeated: a password may stand where a reference should.
    let password = get("password-ref")
        .map(|text| match SecretRef::parse(text) {
            Some(SecretRef::Host(_)) | None => {
                Err(Error::new(Kind::Input, Text::new("cli-restore-password"))
                    .cure(Text::new("cli-restore-password-cure")))
            }
            Some(reference) => Ok(reference),
        })
        .transpose()?;
    let user = get("user").ok_or_else(|| Error::new(Kind::Input, Text::new("cli-restore-user")))?;
    let ca = get("ca").map(|ca| Path::new(directory).join(ca).display().to_string());
    Ok(Destination::Address {
        address: host.to_owned(),
        port: port_of(port).ok_or_else(wrong)?,
        user: user.to_owned(),
        password,
        tls: TlsSpec { mode, ca },
    })
}

fn port_of(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0)
}

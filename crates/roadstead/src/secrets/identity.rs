//! The fleet's age identity: decrypts `${age:…}` and encrypts for it.
//!
//! It lies where `ROADSTEAD_AGE_KEY_FILE` says, else in `.roadstead/age.key` beside the fleet file, mode 0600.

use std::path::{Path, PathBuf};

use age::{secrecy::ExposeSecret, x25519};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use roadstead_core::{Error, Kind, Result, Secret, SecretRef, Text};

use super::{private, state_folder};

/// Where the identity lies, or would lie.
pub(crate) fn path(directory: &Path) -> PathBuf {
    match std::env::var_os("ROADSTEAD_AGE_KEY_FILE") {
        Some(path) if !path.is_empty() => PathBuf::from(path),
        _ => state_folder(directory).join("age.key"),
    }
}

/// Reads the identity; makes one when there is none. The second value tells whether it was made just now.
pub(crate) fn open_or_create(directory: &Path) -> Result<(x25519::Identity, bool)> {
    match open(directory) {
        Err(error) if error.kind == Kind::NotFound => {}
        known => return Ok((known?, false)),
    }
    let fresh = x25519::Identity::generate();
    let contents = Secret::new(format!("{}\n", fresh.to_string().expose_secret()));
    match private::write_new(&path(directory), &contents) {
        // Somebody else was faster: theirs counts.
        Err(error) if error.kind == Kind::Exists => Ok((open(directory)?, false)),
        written => written.map(|()| (fresh, true)),
    }
}

fn open(directory: &Path) -> Result<x25519::Identity> {
    let path = path(directory);
    let contents = private::read(&path)?;
    let key = contents.expose().lines().map(str::trim).find(|line| line.starts_with("AGE-SECRET-KEY-1"));
    key.and_then(|key| key.parse().ok()).ok_or_else(|| {
        Error::new(Kind::Input, Text::new("cli-identity-malformed").with("path", path.display().to_string()))
    })
}

/// Encrypts a value for the identity.
pub(crate) fn encrypt(identity: &x25519::Identity, value: &Secret) -> Result<SecretRef> {
    let sealed = age::encrypt(&identity.to_public(), value.expose().as_bytes()).map_err(Error::internal)?;
    Ok(SecretRef::Age(STANDARD.encode(sealed)))
}

/// Decrypts what stands in `${age:…}`.
pub(crate) fn decrypt(directory: &Path, value: &str) -> Result<Secret> {
    let malformed = || Error::new(Kind::Input, Text::new("cli-age-malformed"));
    let sealed = STANDARD.decode(value.trim()).map_err(|_| malformed())?;
    let identity = open(directory)?;
    let plain = age::decrypt(&identity, &sealed).map_err(|error| {
        let path = path(directory).display().to_string();
        Error::new(Kind::Denied, Text::new("cli-age-refused").with("path", path)).caused_by(&error)
    })?;
    String::from_utf8(plain).map(Secret::new).map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fleets_identity_opens_what_was_sealed_for_it() {
        let (ours, theirs) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let (identity, made) = open_or_create(ours.path()).expect("made");
        assert!(made);
        assert!(!open_or_create(ours.path()).expect("found").1);
        let secret = Secret::new("correct horse");
        let SecretRef::Age(sealed) = encrypt(&identity, &secret).expect("sealed") else { panic!("not age") };
        assert!(!sealed.contains("horse"));
        assert_eq!(decrypt(ours.path(), &sealed).expect("opened").expose(), "correct horse");
        assert_eq!(decrypt(theirs.path(), &sealed).expect_err("no identity").kind, Kind::NotFound);
        open_or_create(theirs.path()).expect("made");
        assert_eq!(decrypt(theirs.path(), &sealed).expect_err("another identity").kind, Kind::Denied);
        for broken in ["", "!", "YWJj", &sealed[..sealed.len() - 8]] {
            assert!(decrypt(ours.path(), broken).is_err(), "{broken}");
        }
    }
}

//! The repository's own key file, in restic's format: the door that needs nothing of ours.
//!
//! Made here and not by `rustic_core`, whose cost is fixed at N = 2^17: 128 MiB to make it, and again for every
//! `restic` that opens the vault. restic's own key files stay under 60 MiB.

use aes256ctr_poly1305aes::{Aes256CtrPoly1305Aes, Key, aead::Aead};
use roadstead_core::{Error, Result};
use rustic_core::repofile::KeyFile;
use zeroize::Zeroizing;

use crate::key::Master;

/// As many steps as N = 2^17 with one lane takes, in a quarter of its memory (32 MiB), one lane after another.
const LOG_N: u8 = 15;
const R: u32 = 8;
const P: u32 = 4;
/// As long as restic's own.
const SALT: usize = 64;
const NONCE: usize = 16;
/// The most memory that a try may take, in bytes, and the most over all its lanes.
const MEMORY_MAX: u64 = 512 << 20;
const WORK_MAX: u64 = 4 << 30;

/// A key file that this password opens to this master key. Takes a third of a second and 32 MiB.
pub(super) fn key_file(master: &Master, password: &str) -> Result<Vec<u8>> {
    let salt: [u8; SALT] = rand::random();
    let cost = scrypt::Params::new(LOG_N, R, P).map_err(Error::internal)?;
    let mut derived = Zeroizing::new([0; 64]);
    scrypt::scrypt(password.as_bytes(), &salt, &cost, derived.as_mut_slice()).map_err(Error::internal)?;
    let nonce: [u8; NONCE] = rand::random();
    let cipher = Aes256CtrPoly1305Aes::new(Key::from_slice(derived.as_slice()));
    let sealed = cipher.encrypt(&nonce.into(), master.json.as_bytes());
    let sealed = sealed.map_err(|_| Error::internal("a master key is too long to be sealed"))?;
    let file = KeyFile {
        hostname: Some("roadstead".to_owned()),
        username: None,
        created: Some(jiff::Zoned::now()),
        kdf: "scrypt".to_owned(),
        n: 1 << LOG_N,
        r: R,
        p: P,
        data: [nonce.as_slice(), &sealed].concat(),
        salt: salt.to_vec(),
    };
    serde_json::to_vec(&file).map_err(Error::internal)
}

/// Whether trying this key file costs no more than anybody's should: the password is derived as the file says, with as
/// much memory as it says. restic's take up to 60 MiB.
pub(super) fn is_bearable(content: &[u8]) -> bool {
    let Ok(file) = serde_json::from_slice::<KeyFile>(content) else { return false };
    let [n, r, p] = [u64::from(file.n), u64::from(file.r), u64::from(file.p)];
    let memory = n.saturating_mul(r).saturating_mul(128);
    let least = n > 1 && r > 0 && p > 0;
    least && memory <= MEMORY_MAX && memory.saturating_mul(p) <= WORK_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_alone_opens_it_to_the_same_key() {
        let master = super::super::new_master().expect("a key");
        let file: KeyFile =
            serde_json::from_slice(&key_file(&master, "a password").expect("made")).expect("JSON");
        let opened = file.key_from_password(&"a password").expect("opened");
        assert_eq!(128 * file.r * file.n, 32 << 20, "what one try costs in memory");
        let other = super::super::master_from(&master.json).expect("a key");
        let (encrypt, k, r) = opened.to_keys();
        assert_eq!([encrypt, k, r].concat(), *other.material);
        assert!(file.key_from_password(&"a passwore").is_err());
    }

    #[test]
    fn what_costs_too_much_is_not_tried() {
        let master = super::super::new_master().expect("a key");
        let file = key_file(&master, "a password").expect("made");
        assert!(is_bearable(&file) && !is_bearable(b"{}"));
        let file: serde_json::Value = serde_json::from_slice(&file).expect("JSON");
        for (name, value, is_borne) in [
            ("N", 1_u32 << 17, true),
            ("N", 1 << 31, false),
            ("N", 0, false),
            ("p", 1 << 20, false),
            ("p", 0, false),
            ("r", 0, false),
        ] {
            let mut changed = file.clone();
            *changed.get_mut(name).expect("a cost") = value.into();
            assert_eq!(is_bearable(changed.to_string().as_bytes()), is_borne, "{name} {value}");
        }
    }
}

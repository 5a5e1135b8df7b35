//! The vault's key: from the password to the repository's master key and the catalogue's cipher.
//!
//! The repository's own key file costs 32 MiB and a third of a second by scrypt, too much for a look at the
//! catalogue. So the same master key also lies in `catalogue/seal`, under a cheaper scrypt (4 MiB, some ten
//! milliseconds). That is the weaker of the two doors, and the reason why short or monotonous keys are refused: with
//! a generated key neither door can be forced, whatever the cost of one try. See `docs/vault-format.md`.
//!
//! Nothing here is ever printed; an error never carries key or plain text.

use bytes::Bytes;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use roadstead_core::{Error, Kind, Result, Secret, Text};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The fewest characters of a key.
pub(crate) const LENGTH_MIN: usize = 16;
/// The fewest different ones among them.
const VARIETY_MIN: usize = 6;
const NONCE: usize = 24;
const MAGIC: &[u8; 4] = b"RSv1";
const CATALOGUE: &str = "roadstead vault catalogue v1";
/// What one try costs at the seal's door.
const COST: Cost = Cost { log_n: 12, r: 8, p: 1 };
/// A seal that asks for more was not written by us: 2^17 is 128 MiB.
const LOG_N_MAX: u8 = 17;
/// The same for lanes, each of which takes the time of one more: with 2^17 a second or two for all.
const P_MAX: u32 = 4;

/// The repository's master key, as its library writes it, and what other keys are derived from.
pub(crate) struct Master {
    /// Its JSON.
    pub(crate) json: Zeroizing<String>,
    /// Its bytes.
    pub(crate) material: Zeroizing<Vec<u8>>,
}

/// The object that opens the vault quickly.
#[derive(Serialize, Deserialize)]
struct Seal {
    format: u32,
    kdf: String,
    cost: Cost,
    #[serde(with = "hex::serde")]
    salt: Vec<u8>,
    #[serde(with = "hex::serde")]
    sealed: Vec<u8>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Cost {
    log_n: u8,
    r: u32,
    p: u32,
}

impl Cost {
    /// Whether a seal of ours can ask for this. A vault is written by others as well, and theirs must not take all memory
    /// or hours of whoever only looks.
    fn is_bearable(self) -> bool {
        (1..=LOG_N_MAX).contains(&self.log_n) && self.r == COST.r && (1..=P_MAX).contains(&self.p)
    }
}

/// The password, as `restic --password-file` would read it: without the blanks and line ends around it.
pub(crate) fn password(key: &Secret) -> &str {
    key.expose().trim()
}

/// Refuses a key that could be guessed. Only new vaults ask.
pub(crate) fn strong_enough(key: &Secret) -> Result<()> {
    let password = password(key);
    let length = password.chars().count();
    let variety = password.chars().collect::<std::collections::BTreeSet<_>>().len();
    let what = if length < LENGTH_MIN {
        Text::new("vault-key-short").with("length", length).with("least", LENGTH_MIN)
    } else if variety < VARIETY_MIN {
        Text::new("vault-key-monotonous").with("variety", variety).with("least", VARIETY_MIN)
    } else {
        return Ok(());
    };
    Err(Error::new(Kind::Input, what).cure(Text::new("vault-key-cure")))
}

/// Seals the master key under the password. Takes some ten milliseconds of CPU.
pub(crate) fn seal(path: &str, key: &Secret, master: &Master) -> Result<Bytes> {
    let salt: [u8; 32] = rand::random();
    let cipher = derive(key, COST, &salt)?;
    let sealed = cipher.seal(path, master.json.as_bytes())?.to_vec();
    let seal = Seal { format: 1, kdf: "scrypt".into(), cost: COST, salt: salt.to_vec(), sealed };
    serde_json::to_vec_pretty(&seal).map(Into::into).map_err(Error::internal)
}

/// Opens the seal: the master key's JSON; `None` when this key does not open it, when it is damaged, or when it asks for
/// more than any of ours. `Kind::Unsupported` for one of another format.
pub(crate) fn unseal(path: &str, key: &Secret, seal: &[u8]) -> Result<Option<Zeroizing<String>>> {
    let Ok(seal) = serde_json::from_slice::<Seal>(seal) else { return Ok(None) };
    if seal.format != 1 || seal.kdf != "scrypt" {
        let what = Text::new("vault-format-unknown").with("format", seal.format);
        return Err(Error::new(Kind::Unsupported, what).cure(Text::new("vault-format-unknown-cure")));
    }
    if !seal.cost.is_bearable() {
        return Ok(None);
    }
    let opened = derive(key, seal.cost, &seal.salt)?.open(path, &seal.sealed);
    Ok(opened.and_then(|json| String::from_utf8(json.to_vec()).ok()).map(Zeroizing::new))
}

fn derive(key: &Secret, cost: Cost, salt: &[u8]) -> Result<Cipher> {
    let cost = scrypt::Params::new(cost.log_n, cost.r, cost.p).map_err(Error::internal)?;
    let mut derived = Zeroizing::new([0; 32]);
    scrypt::scrypt(password(key).as_bytes(), salt, &cost, derived.as_mut_slice()).map_err(Error::internal)?;
    Ok(Cipher(XChaCha20Poly1305::new((&*derived).into())))
}

/// Seals and opens objects. The object's path is bound in: one cannot stand in for another.
#[derive(Clone)]
pub(crate) struct Cipher(XChaCha20Poly1305);

impl Cipher {
    /// The cipher of the catalogue of this repository.
    pub(crate) fn of_catalogue(master: &Master) -> Self {
        let key = Zeroizing::new(blake3::derive_key(CATALOGUE, &master.material));
        Self(XChaCha20Poly1305::new((&*key).into()))
    }

    /// Seals `plain` as the object at `path`.
    pub(crate) fn seal(&self, path: &str, plain: &[u8]) -> Result<Bytes> {
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: plain, aad: path.as_bytes() };
        let sealed = self.0.encrypt(XNonce::from_slice(&nonce), payload);
        let sealed = sealed.map_err(|_| Error::internal("an object is too long to be sealed"))?;
        Ok([MAGIC.as_slice(), &nonce, &sealed].concat().into())
    }

    /// Opens the object at `path`; `None` when it is torn, altered, moved, or sealed by another key.
    pub(crate) fn open(&self, path: &str, object: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = object.strip_prefix(MAGIC.as_slice())?.split_at_checked(NONCE)?;
        let payload = Payload { msg: sealed, aad: path.as_bytes() };
        self.0.decrypt(XNonce::from_slice(nonce), payload).ok().map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master() -> Master {
        Master { json: Zeroizing::new("{\"k\":1}".into()), material: Zeroizing::new(vec![7; 64]) }
    }

    #[test]
    fn guessable_keys_are_refused() {
        for (key, why) in [
            ("brief", "vault-key-short"),
            ("               15", "vault-key-short"),
            ("fifteen letters", "vault-key-short"),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaa", "vault-key-monotonous"),
        ] {
            let error = strong_enough(&Secret::new(key)).unwrap_err();
            assert_eq!((error.kind, error.what.key.as_str()), (Kind::Input, why));
            assert!(!format!("{error} {error:?}").contains(key), "the key is told");
        }
        strong_enough(&Secret::new("sixteen letters!")).unwrap();
    }

    #[test]
    fn the_seal_opens_to_its_key_alone_and_blanks_around_it_do_not_count() {
        let key = Secret::new("correct horse battery\n");
        let sealed = seal("catalogue/seal", &key, &master()).unwrap();
        let opens = |key: &str| unseal("catalogue/seal", &Secret::new(key), &sealed).unwrap();
        assert_eq!(*opens("correct horse battery").unwrap(), *master().json);
        assert!(opens("correct horse batterz").is_none());
        assert!(unseal("catalogue/seal", &key, b"{}").unwrap().is_none());
    }

    #[test]
    fn a_hostile_seal_cannot_ask_for_all_memory_or_hours() {
        let key = Secret::new("correct horse battery");
        let sealed = String::from_utf8(seal("s", &key, &master()).unwrap().to_vec()).unwrap();
        for (ours, theirs) in [
            ("\"log_n\": 12", "\"log_n\": 40"),
            ("\"log_n\": 12", "\"log_n\": 0"),
            ("\"r\": 8", "\"r\": 100000000"),
            ("\"p\": 1\n", "\"p\": 0\n"),
            ("\"p\": 1\n", "\"p\": 5\n"),
            ("\"p\": 1\n", "\"p\": 100000000\n"),
            ("\"p\": 1\n", "\"p\": 4294967295\n"),
        ] {
            let greedy = sealed.replace(ours, theirs);
            assert_ne!(greedy, sealed, "{theirs}");
            assert!(unseal("s", &key, greedy.as_bytes()).unwrap().is_none(), "{theirs}");
        }
    }

    #[test]
    fn a_seal_of_another_format_is_told() {
        let key = Secret::new("correct horse battery");
        let sealed = String::from_utf8(seal("s", &key, &master()).unwrap().to_vec()).unwrap();
        let newer = sealed.replace("\"format\": 1", "\"format\": 2");
        assert_eq!(unseal("s", &key, newer.as_bytes()).unwrap_err().kind, Kind::Unsupported);
    }

    #[test]
    fn an_object_is_bound_to_its_path_and_every_bit_counts() {
        let cipher = Cipher::of_catalogue(&master());
        let object = cipher.seal("catalogue/a/000-record", b"plain").unwrap();
        assert_eq!(**cipher.open("catalogue/a/000-record", &object).unwrap(), *b"plain");
        assert!(cipher.open("catalogue/b/000-record", &object).is_none());
        for bit in 0..object.len() * 8 {
            let mut flipped = object.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(cipher.open("catalogue/a/000-record", &flipped).is_none());
        }
        for length in 0..object.len() {
            assert!(cipher.open("catalogue/a/000-record", &object[..length]).is_none());
        }
    }
}

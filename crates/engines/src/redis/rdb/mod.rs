//! A decoder of snapshots as Redis 7 to 8 and Valkey 8 to 9 write them, fed while they flow.
//!
//! Knows what keys hold, not what is done with them. Whatever it was never taught, it says so and stops: it never guesses.

mod canon;
pub(super) mod crc64;
mod input;
mod listpack;
mod lzf;
mod streams;
mod value;

use roadstead_core::Error;

use crc64::Verdict;
use input::Input;
pub(super) use input::{Fault, Next};
pub(super) use value::Sort;

/// One key.
pub(super) struct Key<'a> {
    /// Its database.
    pub(super) database: u64,
    /// Its name.
    pub(super) name: &'a [u8],
    /// What it holds.
    pub(super) sort: Sort,
    /// When it expires, in milliseconds since 1970; `None`: never.
    pub(super) expires: Option<i64>,
    /// Whether some of its fields expire on their own.
    pub(super) fields_fade: bool,
    /// Hash over its name, expiry and content in canonical form; `None` for a module's own value.
    pub(super) digest: Option<u128>,
    /// Its value as `RESTORE` takes it, without version and checksum; `None` unless it was asked for.
    pub(super) raw: Option<Vec<u8>>,
}

/// Who hears what is in a snapshot.
pub(super) trait Listener {
    /// The version of the format; comes first.
    fn version(&mut self, _version: u32) {}
    /// Something that the server says of itself.
    fn about(&mut self, _name: &[u8], _value: &[u8]) {}
    /// A library of functions.
    fn library(&mut self, code: &[u8]) -> Result<(), Error>;
    /// Data that a module keeps beside the keys.
    fn module_data(&mut self, _module: &str) {}
    /// A key.
    fn key(&mut self, key: Key<'_>) -> Result<(), Error>;
    /// Whether keys are wanted with their raw values.
    fn wants_raw(&self) -> bool {
        false
    }
}

/// What came of reading a snapshot to its end.
#[derive(Clone, Debug)]
pub(super) struct Read {
    /// What the checksum says.
    pub(super) verdict: Verdict,
    /// How many bytes there were.
    pub(super) bytes: u64,
    /// Why it was not understood to its end; `None`: it was.
    pub(super) not_understood: Option<Fault>,
}

/// Reads a snapshot to the end of its bytes, whether or not it is understood. Fails only when the bytes themselves
/// cannot be had, or the listener fails.
pub(super) fn read(next: &mut Next<'_>, listener: &mut dyn Listener) -> Result<Read, Error> {
    let mut input = Input::new(next);
    let decoded = decode(&mut input, listener);
    let left = input.drain();
    let not_understood = match (decoded, left) {
        (Err(Fault::Outside(error)), _) | (_, Err(Fault::Outside(error))) => return Err(error),
        (Ok(()), Ok(8)) => None,
        (Ok(()), _) => Some(Fault::Damaged("end")),
        (Err(fault), _) => Some(fault),
    };
    Ok(Read { verdict: input.checked.verdict(), bytes: input.checked.bytes(), not_understood })
}

const SLOT_INFO: u8 = 244;
const FUNCTION: u8 = 245;
const MODULE_DATA: u8 = 247;
const IDLE: u8 = 248;
const FREQUENCY: u8 = 249;
const ABOUT: u8 = 250;
const SIZES: u8 = 251;
const EXPIRES_MILLIS: u8 = 252;
const EXPIRES_SECONDS: u8 = 253;
const DATABASE: u8 = 254;
const END: u8 = 255;
/// Entries from here on are no values.
const FIRST_ENTRY: u8 = 240;

fn decode(input: &mut Input<'_>, listener: &mut dyn Listener) -> Result<(), Fault> {
    let header: [u8; 9] = input.array()?;
    let (digits, is_valkey) = match (header.strip_prefix(b"REDIS"), header.strip_prefix(b"VALKEY")) {
        (Some(digits), _) => (digits, false),
        (_, Some(digits)) => (digits, true),
        _ => return Err(Fault::Damaged("header")),
    };
    let version = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    listener.version(version.ok_or(Fault::Damaged("header"))?);
    let mut database = 0;
    let mut expires = None;
    let mut name = Vec::new();
    let mut text = Vec::new();
    let mut canon = canon::Canon::default();
    loop {
        match input.byte()? {
            END => return Ok(()),
            DATABASE => database = input.length()?,
            EXPIRES_MILLIS => expires = Some(i64::from_le_bytes(input.array()?)),
            EXPIRES_SECONDS => expires = Some(i64::from(i32::from_le_bytes(input.array()?)) * 1000),
            SIZES => {
                input.length()?;
                input.length()?;
            }
            SLOT_INFO => {
                for _ in 0..3 {
                    input.length()?;
                }
            }
            IDLE => {
                input.length()?;
            }
            FREQUENCY => {
                input.byte()?;
            }
            ABOUT => {
                name.clear();
                text.clear();
                input.string(&mut name)?;
                input.string(&mut text)?;
                listener.about(&name, &text);
            }
            FUNCTION => {
                text.clear();
                input.string(&mut text)?;
                listener.library(&text)?;
            }
            MODULE_DATA => {
                let module = value::module_name(input.length()?);
                // An opcode and the moment (before or after the keys) come first, each marked as a number.
                input.length()?;
                input.length()?;
                value::skip_module(input)?;
                listener.module_data(&module);
            }
            sort if sort >= FIRST_ENTRY => return Err(Fault::Unknown(format!("entry {sort}"))),
            sort => {
                name.clear();
                input.string(&mut name)?;
                let (raw, expires) = (listener.wants_raw(), expires.take());
                let key = value::read(input, &mut canon, raw, sort, is_valkey, &name, expires)?;
                listener.key(Key { database, ..key })?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Counted(u64);

    impl Listener for Counted {
        fn wants_raw(&self) -> bool {
            self.0 % 2 == 1
        }

        fn library(&mut self, _: &[u8]) -> Result<(), Error> {
            Ok(())
        }

        fn key(&mut self, _: Key<'_>) -> Result<(), Error> {
            self.0 += 1;
            Ok(())
        }
    }

    pub(super) fn read_all(bytes: &[u8], size: usize) -> (Read, u64) {
        let mut pieces = bytes.chunks(size.max(1)).map(Bytes::copy_from_slice);
        let mut counted = Counted::default();
        let read = read(&mut || Ok(pieces.next()), &mut counted).expect("nothing outside fails");
        (read, counted.0)
    }

    /// A snapshot of every sort of value in every encoding, in the forms of format 10 to 12.
    fn sample() -> Vec<u8> {
        let mut bytes = b"REDIS0010".to_vec();
        bytes.extend_from_slice(b"\xfa\x09redis-ver\x067.0.15\xfe\x00\xfb\x02\x00");
        bytes.extend_from_slice(b"\x00\x01a\x05hello\xfc\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01b\xc0\x2a");
        bytes.extend_from_slice(b"\x02\x01s\x02\x01x\x01y\x05\x01z\x01\x01m\x00\x00\x00\x00\x00\x00\xf0\x3f");
        bytes.extend_from_slice(
            b"\x04\x01h\x01\x01f\x01v\x0b\x01i\x0a\x02\x00\x00\x00\x01\x00\x00\x00\xff\xff",
        );
        bytes.extend_from_slice(b"\xff");
        let crc = crc64::of(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    #[test]
    fn the_pieces_do_not_matter() {
        let bytes = sample();
        for size in 1..bytes.len() {
            let (read, keys) = read_all(&bytes, size);
            assert!(read.not_understood.is_none(), "{:?} in pieces of {size}", read.not_understood);
            assert_eq!((read.verdict, keys), (Verdict::Right, 6), "pieces of {size}");
        }
    }

    #[test]
    fn a_cut_or_flipped_snapshot_is_never_whole() {
        let bytes = sample();
        for cut in 0..bytes.len() {
            let (read, _) = read_all(&bytes[..cut], 7);
            assert!(read.verdict != Verdict::Right, "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            assert_eq!(read_all(&flipped, 7).0.verdict, Verdict::Wrong, "flipped at {at}");
        }
    }

    #[test]
    fn what_is_unknown_is_said() {
        let (read, _) = read_all(b"REDIS0099\x63\x01k12345678", 64);
        assert!(matches!(read.not_understood, Some(Fault::Unknown(_))), "{:?}", read.not_understood);
    }

    /// By what it says that it inflates to, before it is inflated. A value that is one text is never held as a whole.
    #[test]
    fn a_compressed_string_is_as_long_as_a_plain_one_at_most() {
        // `a`, and a copy of it; said to be 1 GiB and one byte.
        let packed = b"\xc3\x05\x80\x40\x00\x00\x01\x00a\xe0\xff\x00";
        for before in [&b"\x02\x01k\x01"[..], b"\x04\x01k\x01", b"\x14\x01k", b"\x0b\x01k", b"\x00", b"\xf5"]
        {
            let (read, _) = read_all(&[&b"REDIS0012"[..], before, packed].concat(), 7);
            let fault = read.not_understood;
            let is_told =
                matches!(&fault, Some(Fault::Unknown(what)) if what == "string of 1073741825 bytes");
            assert!(is_told, "{before:?}: {fault:?}");
        }
        let (read, _) = read_all(&[&b"REDIS0012"[..], b"\x00\x01k", packed].concat(), 7);
        assert!(matches!(read.not_understood, Some(Fault::Damaged(_))), "{:?}", read.not_understood);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn hostile_bytes_end_in_a_verdict(
            sort in 0_u8..30,
            body in proptest::collection::vec(any::<u8>(), 0..300),
            size in 1_usize..40,
        ) {
            let mut bytes = b"REDIS0012".to_vec();
            bytes.extend_from_slice(&[sort, 1, b'k']);
            bytes.extend_from_slice(&body);
            let _ = read_all(&bytes, size);
        }

        #[test]
        fn a_damaged_sample_ends_in_a_verdict(at in 9_usize..120, byte in any::<u8>(), size in 1_usize..40) {
            let mut bytes = sample();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = read_all(&bytes, size);
        }

        #[test]
        fn a_claimed_length_is_not_believed(length in any::<u64>(), sort in 0_u8..26) {
            let mut bytes = b"REDIS0012".to_vec();
            bytes.extend_from_slice(&[sort, 1, b'k', 0x81]);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&[0x81, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
            let _ = read_all(&bytes, 16);
        }
    }
}

//! Values: each sort in each of its encodings, brought into one canonical form.
//!
//! Two values are equal for a user exactly when their canonical bytes are: the encoding, the order of a set, the
//! order of a hash's fields and how often a key was used leave no trace.

use super::{
    Key,
    canon::Canon,
    input::{Fault, Input},
    listpack::Listpack,
    streams,
};
use crate::digest::Multiset;

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in super::super) enum Sort {
    /// A string.
    Text,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    SortedSet,
    /// A hash.
    Hash,
    /// A stream.
    Stream,
    /// What a module understands; its type's name.
    Module(String),
}

impl Sort {
    /// The server's word for it.
    pub(in super::super) fn word(&self) -> &str {
        match self {
            Self::Text => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
            Self::Module(name) => name,
        }
    }
}

/// Reads one value; the database is for the caller to say. `canon` is room that is used again.
pub(super) fn read<'n>(
    input: &mut Input<'_>,
    canon: &mut Canon,
    wants_raw: bool,
    code: u8,
    is_valkey: bool,
    name: &'n [u8],
    expires: Option<i64>,
) -> Result<Key<'n>, Fault> {
    if wants_raw {
        input.capture();
    }
    canon.clear();
    canon.text(name);
    canon.raw(&expires.unwrap_or(-1).to_le_bytes());
    let mut fields_fade = false;
    let sort = match code {
        0 => text(input, canon)?,
        1 => list(input, canon)?,
        18 => quicklist(input, canon)?,
        2 => set(input, canon)?,
        11 => intset(input, canon)?,
        20 => set_listpack(input, canon)?,
        5 => sorted_set(input, canon)?,
        17 => sorted_set_listpack(input, canon)?,
        4 => hash(input, canon)?,
        16 => hash_listpack(input, canon, None, &mut fields_fade)?,
        22 if is_valkey => hash_with_times(input, canon, Times::After, &mut fields_fade)?,
        22 => hash_with_times(input, canon, Times::Absolute, &mut fields_fade)?,
        24 if !is_valkey => {
            let least = i64::from_le_bytes(input.array()?);
            hash_with_times(input, canon, Times::From(least), &mut fields_fade)?
        }
        23 if !is_valkey => hash_listpack(input, canon, Some(()), &mut fields_fade)?,
        25 if !is_valkey => {
            // The least of the times, which the fields tell again.
            let _: [u8; 8] = input.array()?;
            hash_listpack(input, canon, Some(()), &mut fields_fade)?
        }
        15 => streams::read(input, canon, 1)?,
        19 => streams::read(input, canon, 2)?,
        21 => streams::read(input, canon, 3)?,
        7 => {
            let module = module_name(input.length()?);
            skip_module(input)?;
            Sort::Module(module)
        }
        _ => return Err(Fault::Unknown(format!("value type {code}"))),
    };
    let raw = input.captured().map(|mut captured| {
        captured.insert(0, code);
        captured
    });
    canon.raw(sort.word().as_bytes());
    let digest = (!matches!(sort, Sort::Module(_))).then(|| canon.finish());
    Ok(Key { database: 0, name, sort, expires, fields_fade, digest, raw })
}

fn text(input: &mut Input<'_>, canon: &mut Canon) -> Result<Sort, Fault> {
    let length = input.string_parts(&mut |part| canon.raw(part))?;
    canon.number(length);
    Ok(Sort::Text)
}

fn list(input: &mut Input<'_>, canon: &mut Canon) -> Result<Sort, Fault> {
    let count = input.length()?;
    for _ in 0..count {
        text(input, canon)?;
    }
    canon.number(count);
    Ok(Sort::List)
}

/// Nodes of either one long element or a listpack of short ones.
fn quicklist(input: &mut Input<'_>, canon: &mut Canon) -> Result<Sort, Fault> {
    let mut count = 0;
    let (mut block, mut element) = (Vec::new(), Vec::new());
    for _ in 0..input.length()? {
        match input.length()? {
            1 => {
                text(input, canon)?;
                count += 1;
            }
            2 => {
                block.clear();
                input.string(&mut block)?;
                let mut pack = Listpack::new(&block)?;
                while let Some(item) = pack.next()? {
                    element.clear();
                    item.append(&mut element);
                    canon.text(&element);
                    count += 1;
                }
            }
            other => return Err(Fault::Unknown(format!("list node {other}"))),
        }
    }
    canon.number(count);
    Ok(Sort::List)
}

fn set(input: &mut Input<'_>, canon: &mut Canon) -> Result<Sort, Fault> {
    let mut members = Multiset::default();
    let mut member = Vec::new();
    for _ in 0..input.length()? {
        member.clear();
        input.string(&mut member)?;
        members.add(&member);
    }
    canon.members(&members);
    Ok(Sort::Set)
}

fn intset(input: &mut Input<'_>, canon: &mut Canon) -> Result<Sort, Fault> {
    const BROKEN: Fault = Fault::Damaged("set of integers");
    let mut block = Vec::new();
    input.string(&mut block)?;
    let word = |at: usize| {
        block.get(at..at + 4).and_then(|four| four.first_chunk().copied()).map(u32::from_le_bytes)
    };
    let (Some(width), Some(count)) = (word(0), word(4)) else { return Err(BROKEN) };
    let body = &block[8..];
    if !matches!(width, 2 | 4 | 8) || body.len() as u64 != u64::from(width) * u64::from(count) {
        return Err(BROKEN);
    }
    let mut members = Multiset::default();
    for bytes in body.chunks_exact(width as usize) {
        let mut wide = [0; 8];
        wide[8 - bytes.len()..].copy_from_slice(bytes);
        let number = i64::from_le_bytes(wide) >> (64 - 8 * bytes.len());
        members.add(number.to_string().as_bytes());
    }
    canon.members(&members);
    Ok(Sort::Set)
}

fn set_listpack(input: &mut Input<'_>, canon: &mut Canon) -> Result<Sort, Fault> {
    let mut block = Vec::new();
    input.string(&mut block)?;
    let mut pack = Listpack::new(&block)?;
    let mut members = Multiset::default();
    let mut member = Vec::new();
    while let Some(item) = pack.next()? {
        member.clear();
        item.append(&mut member);
        members.add(&member);
    }
    canon.members(&members);
    Ok(Sort::Set)
}

/// The member's bytes and its score; there is one zero, whatever its sign.
fn add_scored(members: &mut Multiset, member: &mut Vec<u8>, score: f64) {
    let score = if score == 0.0 { 0.0 } else { score };
    member.extend_from_slice(&score.to_le_bytes());
    members.add(member);
}

fn sorted_set(input: &mut Input<'_>, canon: &mut Canon) -> Result<Sort, Fault> {
    let mut members = Multiset::default();
    let mut member = Vec::new();
    for _ in 0..input.length()? {
        member.clear();
        input.string(&mut member)?;
        let score = f64::from_le_bytes(input.array()?);
        add_scored(&mut members, &mut member, score);
    }
    canon.members(&members);
    Ok(Sort::SortedSet)
}

fn sorted_set_listpack(input: &mut Input<'_>, canon: &mut Canon) -> Result<Sort, Fault> {
    let mut block = Vec::new();
    input.string(&mut block)?;
    let mut pack = Listpack::new(&block)?;
    let mut members = Multiset::default();
    let mut member = Vec::new();
    while let Some(item) = pack.next()? {
        member.clear();
        item.append(&mut member);
        let score = pack.must()?.score()?;
        add_scored(&mut members, &mut member, score);
    }
    canon.members(&members);
    Ok(Sort::SortedSet)
}

/// One field of a hash in canonical form: its length, itself, its value, and when it expires.
struct Fields {
    all: Multiset,
    entry: Vec<u8>,
    fade: bool,
}

impl Fields {
    fn new() -> Self {
        Self { all: Multiset::default(), entry: Vec::new(), fade: false }
    }

    /// Begins a field: the room for its length.
    fn begin(&mut self) -> &mut Vec<u8> {
        self.entry.clear();
        self.entry.extend_from_slice(&[0; 8]);
        &mut self.entry
    }

    /// The field is written; its value comes next.
    fn value(&mut self) -> &mut Vec<u8> {
        let length = (self.entry.len() - 8) as u64;
        self.entry[..8].copy_from_slice(&length.to_le_bytes());
        &mut self.entry
    }

    fn end(&mut self, expires: Option<i64>) {
        if let Some(expires) = expires {
            self.entry.extend_from_slice(&expires.to_le_bytes());
            self.fade = true;
            self.entry.push(1);
        } else {
            self.entry.push(0);
        }
        self.all.add(&self.entry);
    }
}

fn hash(input: &mut Input<'_>, canon: &mut Canon) -> Result<Sort, Fault> {
    let mut fields = Fields::new();
    for _ in 0..input.length()? {
        input.string(fields.begin())?;
        input.string(fields.value())?;
        fields.end(None);
    }
    canon.members(&fields.all);
    Ok(Sort::Hash)
}

/// Where the time of a field stands, and what it counts from.
#[derive(Clone, Copy)]
enum Times {
    /// Before the field, from 1970; 0: none.
    Absolute,
    /// Before the field, from this less one; 0: none.
    From(i64),
    /// After the value, from 1970; -1: none.
    After,
}

fn hash_with_times(
    input: &mut Input<'_>,
    canon: &mut Canon,
    times: Times,
    fades: &mut bool,
) -> Result<Sort, Fault> {
    const BROKEN: Fault = Fault::Damaged("time of a field");
    let mut fields = Fields::new();
    for _ in 0..input.length()? {
        let mut expires = match times {
            Times::After => None,
            Times::Absolute | Times::From(_) => match i64::try_from(input.length()?).map_err(|_| BROKEN)? {
                0 => None,
                time => Some(time),
            },
        };
        if let (Times::From(least), Some(time)) = (times, &mut expires) {
            *time = time.checked_add(least).and_then(|sum| sum.checked_sub(1)).ok_or(BROKEN)?;
        }
        input.string(fields.begin())?;
        input.string(fields.value())?;
        if let Times::After = times {
            expires = Some(i64::from_le_bytes(input.array()?)).filter(|&time| time != -1);
        }
        fields.end(expires);
    }
    canon.members(&fields.all);
    *fades = fields.fade;
    Ok(Sort::Hash)
}

/// Field and value in turn, and with `timed` also the time: 0 is none.
fn hash_listpack(
    input: &mut Input<'_>,
    canon: &mut Canon,
    timed: Option<()>,
    fades: &mut bool,
) -> Result<Sort, Fault> {
    let mut block = Vec::new();
    input.string(&mut block)?;
    let mut pack = Listpack::new(&block)?;
    let mut fields = Fields::new();
    while let Some(field) = pack.next()? {
        field.append(fields.begin());
        pack.must()?.append(fields.value());
        let expires = match timed {
            None => None,
            Some(()) => Some(pack.must()?.number()?).filter(|&time| time != 0),
        };
        fields.end(expires);
    }
    canon.members(&fields.all);
    *fades = fields.fade;
    Ok(Sort::Hash)
}

/// A module type's name: nine characters of six bits at the top of its id, ten bits of version below.
pub(super) fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).map(|at| char::from(LETTERS[(id >> (58 - 6 * at) & 0x3f) as usize])).collect()
}

/// Passes over a module's value, which tells the sort of each of its parts.
pub(super) fn skip_module(input: &mut Input<'_>) -> Result<(), Fault> {
    loop {
        match input.length()? {
            0 => return Ok(()),
            1 | 2 => {
                input.length()?;
            }
            3 => {
                let _: [u8; 4] = input.array()?;
            }
            4 => {
                let _: [u8; 8] = input.array()?;
            }
            5 => {
                input.string_parts(&mut |_| {})?;
            }
            other => return Err(Fault::Unknown(format!("part {other} of a module's value"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use roadstead_core::Error;

    use super::super::{Key, Listener, Read, read};

    /// Its sort's word, its digest, whether fields of it expire.
    type Told = (String, Option<String>, bool);

    #[derive(Default)]
    struct Heard(Vec<(Told, Option<Vec<u8>>)>);

    impl Listener for Heard {
        fn wants_raw(&self) -> bool {
            true
        }

        fn library(&mut self, _: &[u8]) -> Result<(), Error> {
            Ok(())
        }

        fn key(&mut self, key: Key<'_>) -> Result<(), Error> {
            let digest = key.digest.map(|digest| format!("{digest:032x}"));
            self.0.push(((key.sort.word().to_owned(), digest, key.fields_fade), key.raw));
            Ok(())
        }
    }

    /// Reads one key called `k` with this value.
    fn heard(header: &[u8; 9], code: u8, value: &[u8]) -> Told {
        let bytes = [&header[..], &[code, 1, b'k'], value, &[255], &[0; 8]].concat();
        let mut pieces = bytes.chunks(3).map(Bytes::copy_from_slice);
        let mut heard = Heard::default();
        let Read { not_understood, .. } = read(&mut || Ok(pieces.next()), &mut heard).expect("read");
        assert!(not_understood.is_none(), "{not_understood:?} in value type {code}");
        let (told, raw) = heard.0.pop().expect("one key");
        assert_eq!(raw.expect("raw"), [&[code], value].concat(), "the raw value of type {code}");
        told
    }

    fn listpack(items: &[&[u8]]) -> Vec<u8> {
        let mut block = vec![0; 6];
        for item in items {
            let length = u8::try_from(item.len()).expect("short");
            block.push(0x80 | length);
            block.extend_from_slice(item);
            block.push(length + 1);
        }
        block.push(255);
        let length = u8::try_from(block.len()).expect("short");
        block[0] = length;
        [&[length][..], &block].concat()
    }

    const REDIS: &[u8; 9] = b"REDIS0012";
    const VALKEY: &[u8; 9] = b"VALKEY080";

    #[test]
    fn one_value_has_one_digest_in_every_encoding() {
        let plain = heard(REDIS, 4, b"\x02\x01f\x01v\x01g\xc0\x07");
        assert_eq!(plain, heard(REDIS, 16, &listpack(&[b"g", b"7", b"f", b"v"])));
        assert!(!plain.2);
        let set = heard(REDIS, 2, b"\x02\x011\x012");
        assert_eq!(set, heard(REDIS, 20, &listpack(&[b"2", b"1"])));
        assert_eq!(set, heard(REDIS, 11, b"\x0c\x02\0\0\0\x02\0\0\0\x01\0\x02\0"));
        let list = heard(REDIS, 1, b"\x02\x01a\x01b");
        let mut node = b"\x02\x01\x01a\x02".to_vec();
        node.extend_from_slice(&listpack(&[b"b"]));
        assert_eq!(list, heard(REDIS, 18, &node));
        assert_ne!(list, heard(REDIS, 1, b"\x02\x01b\x01a"));
        let mut scored = b"\x01\x01m".to_vec();
        scored.extend_from_slice(&2.5_f64.to_le_bytes());
        assert_eq!(heard(REDIS, 5, &scored), heard(REDIS, 17, &listpack(&[b"m", b"2.5"])));
    }

    #[test]
    fn fields_with_times_are_equal_however_they_are_told() {
        // Field `f` expires at 1000, field `g` never.
        let least = 1000_i64.to_le_bytes();
        let from_least = [&least[..], b"\x02\x01\x01f\x01v\x00\x01g\x01w"].concat();
        let table = heard(REDIS, 24, &from_least);
        assert!(table.2);
        assert_eq!(table, heard(REDIS, 22, b"\x02\x43\xe8\x01f\x01v\x00\x01g\x01w"));
        let pack = listpack(&[b"f", b"v", b"1000", b"g", b"w", b"0"]);
        assert_eq!(table, heard(REDIS, 25, &[&least[..], &pack].concat()));
        assert_eq!(table, heard(REDIS, 23, &pack));
        let after = [b"\x02\x01f\x01v", &least[..], b"\x01g\x01w", &(-1_i64).to_le_bytes()].concat();
        assert_eq!(table, heard(VALKEY, 22, &after));
        assert_ne!(table.1, heard(REDIS, 4, b"\x02\x01f\x01v\x01g\x01w").1);
    }

    #[test]
    fn a_modules_value_is_passed_over() {
        // `ReJSON-RL` in its sixth version; then every sort of part.
        let name = b"ReJSON-RL";
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bits = name.iter().fold(0_u64, |all, letter| {
            all << 6 | letters.iter().position(|known| known == letter).expect("a letter") as u64
        });
        let id = (bits << 10 | 6).to_be_bytes();
        let value = [&[0x81][..], &id, b"\x02\x05\x01\x06\x03abcd\x04abcdefgh\x05\x02hi\x00"].concat();
        assert_eq!(heard(REDIS, 7, &value), ("ReJSON-RL".to_owned(), None, false));
    }
}

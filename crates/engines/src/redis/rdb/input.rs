//! The snapshot's bytes as they arrive: read on demand, never held as a whole, never believed by length alone.

use bytes::{Buf, Bytes};
use roadstead_core::Error;

use super::{
    crc64::Checked,
    lzf::{self, Inflated},
};

/// The longest string that is held as a whole: no server takes one that is longer.
const STRING_BYTES_MAX: u64 = 1 << 30;
/// How much room for strings is kept from one to the next.
pub(super) const KEPT_BYTES: usize = 256 << 10;

/// Why reading stopped.
#[derive(Clone, Debug)]
pub(in super::super) enum Fault {
    /// The bytes ended too early.
    Ended,
    /// The bytes cannot be what they say.
    Damaged(&'static str),
    /// A sort of entry or value that this decoder was never taught.
    Unknown(String),
    /// Where the bytes come from, or go to, failed.
    Outside(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Outside(error)
    }
}

/// A string that cannot be held.
fn too_long(count: u64) -> Fault {
    Fault::Unknown(format!("string of {count} bytes"))
}

/// A length, or the sort of a specially encoded string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Plain(u64),
    Special(u8),
}

/// Where the pieces come from; `None` at the end.
pub(in super::super) type Next<'a> = dyn FnMut() -> Result<Option<Bytes>, Error> + 'a;

/// The reader.
pub(super) struct Input<'a> {
    next: &'a mut Next<'a>,
    piece: Bytes,
    captured: Option<Vec<u8>>,
    /// Room for a compressed string.
    packed: Vec<u8>,
    /// And for what it inflates to.
    inflated: Vec<u8>,
    /// The checksum of all pieces taken.
    pub(super) checked: Checked,
}

impl<'a> Input<'a> {
    pub(super) fn new(next: &'a mut Next<'a>) -> Self {
        let (packed, inflated) = (Vec::new(), Vec::new());
        Self { next, piece: Bytes::new(), captured: None, packed, inflated, checked: Checked::default() }
    }

    /// From here on, keeps what is read.
    pub(super) fn capture(&mut self) {
        self.captured = Some(Vec::new());
    }

    /// What was read since [`Self::capture`].
    pub(super) fn captured(&mut self) -> Option<Vec<u8>> {
        self.captured.take()
    }

    /// Takes pieces until one is not empty; `false` at the end.
    fn fill(&mut self) -> Result<bool, Fault> {
        while self.piece.is_empty() {
            match (self.next)()? {
                None => return Ok(false),
                Some(piece) => {
                    self.checked.update(&piece);
                    self.piece = piece;
                }
            }
        }
        Ok(true)
    }

    /// Hands on up to `limit` bytes, as they lie in the current piece; how many, and never none.
    fn some(&mut self, limit: u64, take: impl FnOnce(&[u8])) -> Result<usize, Fault> {
        if !self.fill()? {
            return Err(Fault::Ended);
        }
        let count = usize::try_from(limit).map_or(self.piece.len(), |limit| limit.min(self.piece.len()));
        let taken = &self.piece[..count];
        if let Some(captured) = &mut self.captured {
            captured.extend_from_slice(taken);
        }
        take(taken);
        self.piece.advance(count);
        Ok(count)
    }

    /// Reads to the very end; how many bytes were left.
    pub(super) fn drain(&mut self) -> Result<u64, Fault> {
        let mut left = 0;
        while self.fill()? {
            left += self.piece.len() as u64;
            self.piece = Bytes::new();
        }
        Ok(left)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        if let Some((&byte, _)) = self.piece.split_first()
            && self.captured.is_none()
        {
            self.piece.advance(1);
            return Ok(byte);
        }
        self.array().map(|[byte]| byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut all = [0; N];
        let mut filled = 0;
        while filled < N {
            let rest = &mut all[filled..];
            filled += self.some(rest.len() as u64, |some| rest[..some.len()].copy_from_slice(some))?;
        }
        Ok(all)
    }

    /// Appends exactly `count` bytes, as they arrive.
    fn append(&mut self, count: u64, to: &mut Vec<u8>) -> Result<(), Fault> {
        if count > STRING_BYTES_MAX {
            return Err(too_long(count));
        }
        let mut left = count;
        while left > 0 {
            left -= self.some(left, |some| to.extend_from_slice(some))? as u64;
        }
        Ok(())
    }

    fn any_length(&mut self) -> Result<Length, Fault> {
        let first = self.byte()?;
        Ok(match first >> 6 {
            0 => Length::Plain(u64::from(first)),
            1 => Length::Plain(u64::from(first & 0x3f) << 8 | u64::from(self.byte()?)),
            2 if first == 0x80 => Length::Plain(u64::from(u32::from_be_bytes(self.array()?))),
            2 if first == 0x81 => Length::Plain(u64::from_be_bytes(self.array()?)),
            2 => return Err(Fault::Damaged("length")),
            _ => Length::Special(first & 0x3f),
        })
    }

    /// A length or a number.
    pub(super) fn length(&mut self) -> Result<u64, Fault> {
        match self.any_length()? {
            Length::Plain(length) => Ok(length),
            Length::Special(_) => Err(Fault::Damaged("length")),
        }
    }

    /// A string, appended; its length.
    pub(super) fn string(&mut self, to: &mut Vec<u8>) -> Result<u64, Fault> {
        let before = to.len();
        match self.any_length()? {
            Length::Plain(length) => self.append(length, to)?,
            Length::Special(sort) => {
                self.special(sort, STRING_BYTES_MAX, &mut |part| to.extend_from_slice(part))?;
            }
        }
        Ok((to.len() - before) as u64)
    }

    /// A string in parts as they arrive, for strings of any length; its length.
    pub(super) fn string_parts(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<u64, Fault> {
        let mut length = 0;
        match self.any_length()? {
            Length::Plain(plain) => {
                while length < plain {
                    length += self.some(plain - length, &mut *take)? as u64;
                }
            }
            Length::Special(sort) => self.special(sort, u64::MAX, &mut |part| {
                length += part.len() as u64;
                take(part);
            })?,
        }
        Ok(length)
    }

    /// An integer, told as decimal text, or a compressed string, which inflates to no more than `most` bytes.
    fn special(&mut self, sort: u8, most: u64, take: &mut dyn FnMut(&[u8])) -> Result<(), Fault> {
        let number = match sort {
            0 => i64::from(i8::from_le_bytes(self.array()?)),
            1 => i64::from(i16::from_le_bytes(self.array()?)),
            2 => i64::from(i32::from_le_bytes(self.array()?)),
            3 => {
                let packed = self.length()?;
                let length = self.length()?;
                if length > most {
                    return Err(too_long(length));
                }
                let mut bytes = std::mem::take(&mut self.packed);
                bytes.clear();
                let read = self.append(packed, &mut bytes);
                let inflated = read.map(|()| lzf::inflate(&bytes, length, &mut self.inflated, take));
                if bytes.capacity() <= KEPT_BYTES {
                    self.packed = bytes;
                }
                return match inflated? {
                    Inflated::Whole => Ok(()),
                    Inflated::Damaged => Err(Fault::Damaged("compressed string")),
                };
            }
            _ => return Err(Fault::Unknown(format!("string encoding {sort}"))),
        };
        take(number.to_string().as_bytes());
        Ok(())
    }
}

//! Listpacks: many small strings and numbers in one block of bytes.

use super::input::Fault;

const BROKEN: Fault = Fault::Damaged("listpack");
const HEADER: usize = 6;
const END: u8 = 0xff;

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// Bytes.
    Text(&'a [u8]),
    /// A number, which the server shows as decimal text.
    Number(i64),
}

impl Item<'_> {
    /// Appends it as the server shows it.
    pub(super) fn append(&self, to: &mut Vec<u8>) {
        match self {
            Self::Text(text) => to.extend_from_slice(text),
            Self::Number(number) => to.extend_from_slice(number.to_string().as_bytes()),
        }
    }

    /// As a number, where it must be one.
    pub(super) fn number(&self) -> Result<i64, Fault> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Text(text) => {
                std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(BROKEN)
            }
        }
    }

    /// As a score.
    pub(super) fn score(&self) -> Result<f64, Fault> {
        match self {
            #[allow(clippy::cast_precision_loss)]
            Self::Number(number) => Ok(*number as f64),
            Self::Text(text) => {
                std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(BROKEN)
            }
        }
    }
}

/// Walks the elements.
pub(super) struct Listpack<'a> {
    rest: &'a [u8],
}

impl<'a> Listpack<'a> {
    /// Over one block, whose header must tell its own length.
    pub(super) fn new(block: &'a [u8]) -> Result<Self, Fault> {
        let told = block.first_chunk::<4>().map(|four| u32::from_le_bytes(*four)).ok_or(BROKEN)?;
        if usize::try_from(told) != Ok(block.len()) || block.len() < HEADER + 1 {
            return Err(BROKEN);
        }
        Ok(Self { rest: &block[HEADER..] })
    }

    /// The next element; `None` at the end mark, which must be the last byte.
    pub(super) fn next(&mut self) -> Result<Option<Item<'a>>, Fault> {
        let &first = self.rest.first().ok_or(BROKEN)?;
        if first == END {
            return if self.rest.len() == 1 { Ok(None) } else { Err(BROKEN) };
        }
        let (item, size) = element(first, self.rest)?;
        let backwards = match size {
            0..=127 => 1,
            128..16_383 => 2,
            16_383..2_097_151 => 3,
            2_097_151..268_435_455 => 4,
            _ => 5,
        };
        self.rest = self.rest.get(size + backwards..).ok_or(BROKEN)?;
        Ok(Some(item))
    }

    /// The next element, which must be there.
    pub(super) fn must(&mut self) -> Result<Item<'a>, Fault> {
        self.next()?.ok_or(BROKEN)
    }
}

/// The element at the front and its size without the length that follows for walking backwards.
fn element(first: u8, bytes: &[u8]) -> Result<(Item<'_>, usize), Fault> {
    let text = |head: usize, length: usize| {
        bytes.get(head..head + length).map(|text| (Item::Text(text), head + length)).ok_or(BROKEN)
    };
    let second = || bytes.get(1).copied().ok_or(BROKEN);
    match first {
        0..=0x7f => Ok((Item::Number(i64::from(first)), 1)),
        0x80..=0xbf => text(1, usize::from(first & 0x3f)),
        0xc0..=0xdf => {
            let raw = i16::from(first & 0x1f) << 8 | i16::from(second()?);
            // Thirteen bits with a sign.
            Ok((Item::Number(i64::from(raw << 3 >> 3)), 2))
        }
        0xe0..=0xef => text(2, usize::from(first & 0x0f) << 8 | usize::from(second()?)),
        0xf0 => {
            let length = bytes.get(1..5).and_then(|four| four.first_chunk::<4>()).ok_or(BROKEN)?;
            text(5, usize::try_from(u32::from_le_bytes(*length)).map_err(|_| BROKEN)?)
        }
        0xf1 => integer(bytes, 2),
        0xf2 => integer(bytes, 3),
        0xf3 => integer(bytes, 4),
        0xf4 => integer(bytes, 8),
        _ => Err(BROKEN),
    }
}

fn integer(bytes: &[u8], width: usize) -> Result<(Item<'_>, usize), Fault> {
    let raw = bytes.get(1..=width).ok_or(BROKEN)?;
    let mut wide = [0; 8];
    wide[8 - width..].copy_from_slice(raw);
    // The bytes lie at the top, so that shifting down keeps the sign.
    let number = i64::from_le_bytes(wide) >> (64 - 8 * width);
    Ok((Item::Number(number), 1 + width))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(elements: &[&[u8]]) -> Result<Vec<String>, Fault> {
        let mut block = vec![0; HEADER];
        for element in elements {
            block.extend_from_slice(element);
        }
        block.push(END);
        let length = u32::try_from(block.len()).expect("short").to_le_bytes();
        block[..4].copy_from_slice(&length);
        let mut all = Vec::new();
        let mut pack = Listpack::new(&block)?;
        while let Some(item) = pack.next()? {
            let mut text = Vec::new();
            item.append(&mut text);
            all.push(String::from_utf8(text).expect("text"));
        }
        Ok(all)
    }

    #[test]
    fn every_encoding_is_read() {
        let found = items(&[
            &[5, 1],
            &[0x82, b'h', b'i', 3],
            &[0xdf, 0xff, 2],
            &[0xcf, 0xff, 2],
            &[0xf1, 0x00, 0x80, 3],
            &[0xf2, 0xff, 0xff, 0x7f, 4],
            &[0xf3, 0, 0, 0, 0x80, 5],
            &[0xf4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 9],
            &[0xe0, 1, b'x', 3],
        ]);
        let wanted =
            ["5", "hi", "-1", "4095", "-32768", "8388607", "-2147483648", "9223372036854775807", "x"];
        assert_eq!(found.expect("read"), wanted);
    }

    #[test]
    fn what_runs_over_the_end_is_damage() {
        for wrong in [&[0xbf_u8][..], &[0xf0, 255, 255, 255, 255], &[0xf4, 1], &[0xe0], &[0xf9], &[0xff, 0]] {
            assert!(items(&[wrong]).is_err(), "{wrong:?}");
        }
    }
}

//! The checksum at the end of every snapshot: CRC-64 by Jones, reflected, eight bytes at a step.
//!
//! The polynomial and the test value are those of `crc64.c` in the server's source; no other document names them.

const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;

static TABLES: [[u64; 256]; 8] = tables();

#[allow(clippy::cast_possible_truncation, clippy::large_stack_arrays)]
const fn tables() -> [[u64; 256]; 8] {
    let mut all = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        all[0][byte] = crc;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = all[table - 1][byte];
            all[table][byte] = all[0][(before & 0xff) as usize] ^ (before >> 8);
            byte += 1;
        }
        table += 1;
    }
    all
}

/// Goes on from `crc` over more bytes; begins with 0.
pub(in super::super) fn update(mut crc: u64, bytes: &[u8]) -> u64 {
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        let word = (crc ^ u64::from_le_bytes(*eight)).to_le_bytes();
        crc = (0..8).fold(0, |all, at| all ^ TABLES[7 - at][usize::from(word[at])]);
    }
    for &byte in rest {
        crc = TABLES[0][usize::from(crc.to_le_bytes()[0] ^ byte)] ^ (crc >> 8);
    }
    crc
}

/// What the checksum at the end of a stream says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Verdict {
    /// It is there and right.
    Right,
    /// The server writes none.
    Absent,
    /// The bytes are not what the server wrote, or not all of them.
    Wrong,
}

/// Checks a stream piece by piece: all of it but the last eight bytes, which are the checksum.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Checked {
    crc: u64,
    tail: Vec<u8>,
    bytes: u64,
}

impl Checked {
    /// The next piece.
    pub(in super::super) fn update(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        if piece.len() >= 8 {
            let (body, tail) = piece.split_at(piece.len() - 8);
            self.crc = update(update(self.crc, &self.tail), body);
            self.tail.clear();
            self.tail.extend_from_slice(tail);
        } else {
            self.tail.extend_from_slice(piece);
            let surplus = self.tail.len().saturating_sub(8);
            self.crc = update(self.crc, &self.tail[..surplus]);
            self.tail.drain(..surplus);
        }
    }

    /// How many bytes there were.
    pub(in super::super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// At the end.
    pub(in super::super) fn verdict(&self) -> Verdict {
        match <[u8; 8]>::try_from(self.tail.as_slice()).map(u64::from_le_bytes) {
            Ok(0) => Verdict::Absent,
            Ok(told) if told == self.crc => Verdict::Right,
            _ => Verdict::Wrong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_test_value() {
        assert_eq!(update(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        let text = b"This is a test of the emergency broadcast system.";
        for cut in 0..text.len() {
            assert_eq!(update(update(0, &text[..cut]), &text[cut..]), update(0, text), "cut at {cut}");
        }
    }

    #[test]
    fn the_verdict_does_not_depend_on_the_pieces() {
        let mut stream = b"REDIS0010 and much more".to_vec();
        let crc = update(0, &stream);
        stream.extend_from_slice(&crc.to_le_bytes());
        let verdict = |stream: &[u8], size| {
            let mut checked = Checked::default();
            for piece in stream.chunks(size) {
                checked.update(piece);
            }
            checked.verdict()
        };
        for size in 1..stream.len() {
            assert_eq!(verdict(&stream, size), Verdict::Right, "pieces of {size}");
            assert_eq!(verdict(&stream[..stream.len() - 1], size), Verdict::Wrong, "pieces of {size}");
        }
        stream[3] ^= 1;
        assert_eq!(verdict(&stream, 5), Verdict::Wrong);
        assert_eq!(verdict(&[0; 12], 5), Verdict::Absent);
        assert_eq!(verdict(&[0; 7], 5), Verdict::Wrong);
    }
}

//! The checksum at the end of every snapshot: CRC-64 by Jones, reflected, known as CRC-64/REDIS.

use crc_fast::{CrcAlgorithm, Digest};

/// The checksum of these bytes.
pub(in super::super) fn of(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Redis, bytes)
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
#[derive(Clone, Debug)]
pub(in super::super) struct Checked {
    crc: Digest,
    tail: Vec<u8>,
    bytes: u64,
}

impl Default for Checked {
    fn default() -> Self {
        Self { crc: Digest::new(CrcAlgorithm::Crc64Redis), tail: Vec::new(), bytes: 0 }
    }
}

impl Checked {
    /// The next piece.
    pub(in super::super) fn update(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        if piece.len() >= 8 {
            let (body, tail) = piece.split_at(piece.len() - 8);
            self.crc.update(&self.tail);
            self.crc.update(body);
            self.tail.clear();
            self.tail.extend_from_slice(tail);
        } else {
            self.tail.extend_from_slice(piece);
            let surplus = self.tail.len().saturating_sub(8);
            self.crc.update(&self.tail[..surplus]);
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
            Ok(told) if told == self.crc.finalize() => Verdict::Right,
            _ => Verdict::Wrong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_test_value() {
        assert_eq!(of(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    }

    #[test]
    fn the_verdict_does_not_depend_on_the_pieces() {
        let mut stream = b"REDIS0010 and much more".to_vec();
        let crc = of(&stream);
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

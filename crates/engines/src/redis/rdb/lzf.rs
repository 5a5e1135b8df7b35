//! LZF, the compression of long strings. Keeps a window of what it wrote, never the whole.

/// How far back a copy may reach: 13 bits of offset.
const WINDOW: usize = 1 << 13;
/// How much is gathered before it is handed on.
const PART: usize = 64 << 10;

/// How inflating ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inflated {
    /// All of it, and as long as was said.
    Whole,
    /// What cannot have been compressed.
    Damaged,
}

/// Inflates, handing on parts in order. What is handed on before damage is found must not be used.
/// `output` is room that is used again.
pub(super) fn inflate(
    packed: &[u8],
    length: u64,
    output: &mut Vec<u8>,
    take: &mut dyn FnMut(&[u8]),
) -> Inflated {
    output.clear();
    let mut written = 0_u64;
    let mut at = 0;
    while at < packed.len() {
        let control = usize::from(packed[at]);
        at += 1;
        let added = if control < 32 {
            literal(packed, &mut at, control, output)
        } else {
            copy(packed, &mut at, control, output)
        };
        let Some(added) = added else { return Inflated::Damaged };
        written += added as u64;
        if written > length {
            return Inflated::Damaged;
        }
        if output.len() >= PART + WINDOW {
            let done = output.len() - WINDOW;
            take(&output[..done]);
            output.drain(..done);
        }
    }
    take(output);
    if written == length { Inflated::Whole } else { Inflated::Damaged }
}

fn literal(packed: &[u8], at: &mut usize, control: usize, output: &mut Vec<u8>) -> Option<usize> {
    let run = packed.get(*at..*at + control + 1)?;
    output.extend_from_slice(run);
    *at += run.len();
    Some(run.len())
}

fn copy(packed: &[u8], at: &mut usize, control: usize, output: &mut Vec<u8>) -> Option<usize> {
    let mut length = control >> 5;
    if length == 7 {
        length += usize::from(*packed.get(*at)?);
        *at += 1;
    }
    length += 2;
    let offset = ((control & 0x1f) << 8 | usize::from(*packed.get(*at)?)) + 1;
    *at += 1;
    let from = output.len().checked_sub(offset)?;
    if offset >= length {
        output.extend_from_within(from..from + length);
        return Some(length);
    }
    // Source and target overlap: that is how runs are packed.
    for index in from..from + length {
        output.push(output[index]);
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflated(packed: &[u8], length: u64) -> (Inflated, Vec<u8>) {
        let mut all = Vec::new();
        let how = inflate(packed, length, &mut Vec::new(), &mut |part| all.extend_from_slice(part));
        (how, all)
    }

    #[test]
    fn runs_longer_than_the_window_are_whole() {
        // One literal `a`, then copies of 264 bytes from one byte back.
        let copies = 1000;
        let mut packed = vec![0, b'a'];
        for _ in 0..copies {
            packed.extend_from_slice(&[0xe0, 255, 0]);
        }
        let length = 1 + copies * 264;
        let (how, all) = inflated(&packed, length);
        assert_eq!((how, all.len() as u64), (Inflated::Whole, length));
        assert!(all.iter().all(|&byte| byte == b'a'));
        assert_eq!(inflated(&packed, length - 1).0, Inflated::Damaged);
        assert_eq!(inflated(&packed, length + 1).0, Inflated::Damaged);
    }

    #[test]
    fn what_reaches_before_the_beginning_is_damage() {
        assert_eq!(inflated(&[0x20, 0], 3).0, Inflated::Damaged);
        assert_eq!(inflated(&[5, b'a'], 6).0, Inflated::Damaged);
        assert_eq!(inflated(&[0, b'a', 0xe0], 10).0, Inflated::Damaged);
    }
}

//! Who is at work on this fleet right now, for those who only look.
//!
//! Never takes the lock to find out: whoever wants it at that moment would be sent away.

use std::{fs, io::Read, os::unix::fs::MetadataExt, path::Path};

use roadstead_control::Holder;
use roadstead_core::{Text, port::journal::Operation};

use crate::regular::{self, Opened};

/// The longest word of a holder that is read.
const HOLDER_BYTES_MAX: u64 = 4_096;

/// Who holds the fleet; `None`: nobody, as far as this machine knows.
pub(crate) fn holder(state: &Path) -> Option<Holder> {
    let Ok(Opened::File(file, facts)) = regular::open(&state.join("lock")) else { return None };
    let mut text = String::new();
    file.take(HOLDER_BYTES_MAX).read_to_string(&mut text).ok()?;
    // An earlier holder's word stays in the file: what the kernel says is what counts.
    let holder: Holder = serde_json::from_str(&text).ok()?;
    let locks = fs::read_to_string("/proc/locks").ok()?;
    is_held(&locks, holder.pid, facts.ino()).then_some(holder)
}

/// Whether the kernel's list of locks has one that this process took on the file of this number.
fn is_held(locks: &str, pid: u32, file: u64) -> bool {
    let (pid, file) = (pid.to_string(), file.to_string());
    locks.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // Those who only wait have an arrow before the kind.
        let place = words.get(5).and_then(|place| place.rsplit(':').next());
        words.get(4) == Some(&pid.as_str()) && place == Some(file.as_str())
    })
}

/// Whether this operation is what the holder is at: one at a time, begun since it holds the fleet.
pub(crate) fn is_at(holder: &Holder, operation: &Operation) -> bool {
    operation.result.is_none() && operation.started >= holder.since
}

/// Who it is, in the words that those hear who find the fleet held.
pub(crate) fn told(holder: &Holder) -> Text {
    Text::new("control-lock-held")
        .with("pid", holder.pid.to_string())
        .with("command", &holder.command)
        .with("by", &holder.by)
        .with("since", holder.since.for_people())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_says_who_holds_a_file_and_who_waits() {
        let locks = "1: FLOCK  ADVISORY  WRITE 11317 fe:00:9977984 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 11400 fe:00:9977984 0 EOF\n\
                     2: POSIX  ADVISORY  READ 11259 fe:00:10176781 128 128\n";
        assert!(is_held(locks, 11_317, 9_977_984));
        assert!(!is_held(locks, 11_400, 9_977_984), "it waits");
        assert!(!is_held(locks, 11_317, 10_176_781), "another file");
        assert!(!is_held("", 1, 1));
    }
}

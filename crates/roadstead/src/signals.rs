//! The signals that ask this process to stop: Ctrl-C, a service manager's word, a terminal that goes away.

use std::sync::atomic::{AtomicBool, Ordering};

use roadstead_core::{Error, Result, Text};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whether the terminal went away.
static HUNG_UP: AtomicBool = AtomicBool::new(false);

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Somebody wants it stopped.
    Stop,
    /// The terminal went away. Shell and kernel may both say so: the second time means no more than the first.
    HangUp,
}

/// Hears these signals instead of being ended by them.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None`: whoever started us (`nohup`) wants it ignored.
    hang_up: Option<Signal>,
}

impl Signals {
    /// Begins to hear.
    pub(crate) fn hear() -> Result<Self> {
        let hear = |kind| signal(kind).map_err(|error| Error::io(Text::new("cli-signals-unheard"), &error));
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let hang_up = if ignores_hang_up(&status) { None } else { Some(hear(SignalKind::hangup())?) };
        Ok(Self {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            hang_up,
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Heard {
        let hung_up = async {
            match &mut self.hang_up {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Heard::Stop,
            _ = self.terminate.recv() => Heard::Stop,
            () = hung_up => {
                HUNG_UP.store(true, Ordering::SeqCst);
                Heard::HangUp
            }
        }
    }
}

/// Whether the terminal went away.
pub(crate) fn hung_up() -> bool {
    HUNG_UP.load(Ordering::SeqCst)
}

/// Whether a process of this `/proc/<pid>/status` ignores the hang-up; one that cannot be read is left as it is.
fn ignores_hang_up(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & 1 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hang_up_that_is_ignored_stays_so() {
        let status =
            |mask: &str| format!("SigBlk:\t0000000000000000\nSigIgn:\t{mask}\nSigCgt:\t0000000000000001\n");
        assert!(ignores_hang_up(&status("0000000000001001")));
        assert!(!ignores_hang_up(&status("0000000000001000")), "a pipe that broke is not a terminal");
        assert!(ignores_hang_up(""));
    }
}

//! Time and randomness of this machine, for those who hold the ports.
//!
//! Decisions never come here: they are given theirs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::{Rng, RngCore};
use roadstead_core::{
    Secret, Timestamp,
    port::{Clock, Ids},
};

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        timestamp(SystemTime::now())
    }
}

/// A clock may say anything: what lies beyond the times that can be written is the last or first of them.
fn timestamp(time: SystemTime) -> Timestamp {
    let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(match time.duration_since(UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => -millis(before.duration()),
    })
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

/// Characters of a generated password; 32 of 62 are 190 bits.
const PASSWORD_LENGTH: usize = 32;

impl Ids for SystemIds {
    fn id(&self) -> String {
        let mut bytes = [0_u8; 16];
        rand::rng().fill_bytes(&mut bytes);
        hex::encode(bytes)
    }

    fn password(&self) -> Secret {
        let alphabet = rand::distr::Alphanumeric;
        let text: String = rand::rng().sample_iter(alphabet).take(PASSWORD_LENGTH).map(char::from).collect();
        Secret::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_clock_is_too_wrong_to_be_read() {
        let at = |seconds: u64| timestamp(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(86_400).to_string(), "1970-01-02T00:00:00.000Z");
        assert_eq!(at(1 << 40), Timestamp::LAST);
        assert_eq!(timestamp(UNIX_EPOCH - Duration::from_secs(1)).millis(), -1_000);
    }
}

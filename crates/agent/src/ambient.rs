//! Time and randomness of this machine, for those who hold the ports.
//!
//! Decisions never come here: they are given theirs.

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
        Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
    }
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

//! The words of the door. Secrets are written out here and nowhere else; these types never reach a log.

use std::collections::BTreeMap;

use roadstead_core::{
    Error, Secret, SecretRef,
    model::Name,
    plan::Act,
    port::{
        Order, Outcome, Progress,
        hand::{LookAsk, Looked, Purse},
    },
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The protocol's number; another one is refused.
pub(super) const PROTOCOL: u32 = 6;

/// The first frame of whoever asks.
#[derive(Serialize, Deserialize)]
pub(super) struct Hello {
    /// Says that this is the right door.
    pub(super) roadstead: String,
    /// The protocol spoken.
    pub(super) protocol: u32,
    /// The asker's version.
    pub(super) version: String,
}

/// What [`Hello::roadstead`] must say.
pub(super) const GREETING: &str = "hand";

/// What can be asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Request {
    /// A look.
    Look(Box<WireLook>),
    /// An act.
    Act(Box<WireOrder>),
    /// The running act is not wanted any more.
    Cancel,
    /// The agent shall end; the members go on.
    Shutdown,
}

/// What is answered.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reply {
    /// The greeting is right.
    Welcome {
        /// The protocol spoken.
        protocol: u32,
        /// The agent's version.
        version: String,
        /// Its process.
        pid: u32,
    },
    /// How far an act has come; any number of these before the last word.
    Progress(Progress),
    /// What was seen.
    Looked(Box<Looked>),
    /// What came of the act.
    Done(Box<Outcome>),
    /// It could not be done.
    Failed(Box<Error>),
    /// The agent ends.
    Ending,
}

/// A secret in clear, wiped when dropped.
pub(super) struct Clear(Zeroizing<String>);

impl Serialize for Clear {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Clear {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// A purse in clear.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct WirePurse(BTreeMap<SecretRef, Clear>);

impl WirePurse {
    pub(super) fn of(purse: &Purse) -> Self {
        let clear = |secret: &Secret| Clear(Zeroizing::new(secret.expose().to_owned()));
        Self(purse.iter().map(|(reference, secret)| (reference.clone(), clear(secret))).collect())
    }

    pub(super) fn open(self) -> Purse {
        self.0.into_iter().map(|(reference, clear)| (reference, Secret::new(clear.0.as_str()))).collect()
    }
}

/// A look's question.
#[derive(Serialize, Deserialize)]
pub(super) struct WireLook {
    ask: LookAsk,
    purse: WirePurse,
}

impl WireLook {
    pub(super) fn of(ask: &LookAsk, purse: &Purse) -> Self {
        Self { ask: ask.clone(), purse: WirePurse::of(purse) }
    }

    pub(super) fn open(self) -> (LookAsk, Purse) {
        (self.ask, self.purse.open())
    }
}

/// An act's order.
#[derive(Serialize, Deserialize)]
pub(super) struct WireOrder {
    step: String,
    operation: String,
    by: String,
    fleet: Name,
    act: Act,
    purse: WirePurse,
}

impl WireOrder {
    pub(super) fn of(order: &Order, purse: &Purse) -> Self {
        let Order { step, operation, by, fleet, act } = order.clone();
        Self { step, operation, by, fleet, act, purse: WirePurse::of(purse) }
    }

    pub(super) fn open(self) -> (Order, Purse) {
        let Self { step, operation, by, fleet, act, purse } = self;
        (Order { step, operation, by, fleet, act }, purse.open())
    }
}

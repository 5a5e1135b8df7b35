//! Which engines this binary has: the only place that names the engines' crate.

use std::sync::Arc;

use roadstead_core::{Messages, port::Engines};

/// The engines.
pub(crate) fn registry() -> Arc<dyn Engines> {
    roadstead_engines::registry()
}

/// Every catalogue but this crate's own.
pub(crate) fn catalogues() -> Vec<Messages> {
    let mut all = vec![
        roadstead_core::MESSAGES,
        roadstead_control::MESSAGES,
        roadstead_agent::MESSAGES,
        roadstead_vault::MESSAGES,
        roadstead_engines::MESSAGES,
    ];
    all.extend(registry().all().iter().map(|engine| engine.messages()));
    all
}

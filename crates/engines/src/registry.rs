//! The one list of engines.

use std::sync::Arc;

use roadstead_core::{
    Messages,
    port::{Engine, Engines},
};

/// Every engine of this build. A new engine is a folder, a word here, and its driver.
fn all() -> Vec<Arc<dyn Engine>> {
    vec![
        #[cfg(feature = "mysql")]
        Arc::new(crate::mysql::Mysql),
        #[cfg(feature = "postgresql")]
        Arc::new(crate::postgresql::Postgresql),
        #[cfg(feature = "redis")]
        Arc::new(crate::redis::Redis),
    ]
}

/// The engines as decisions and hands hold them.
pub fn registry() -> Arc<dyn Engines> {
    Arc::new(Registry(all()))
}

/// The sentences that all engines share (tools, connections).
pub const MESSAGES: Messages =
    &[("en", include_str!("../messages/en.ftl")), ("zh", include_str!("../messages/zh.ftl"))];

struct Registry(Vec<Arc<dyn Engine>>);

impl Engines for Registry {
    fn all(&self) -> Vec<Arc<dyn Engine>> {
        self.0.clone()
    }
}

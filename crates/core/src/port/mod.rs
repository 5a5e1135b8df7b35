//! The ports: everything that decisions and the house's parts ask of one another, as object-safe traits
//! over plain types.

pub mod ambient;
pub mod engine;
pub mod hand;
pub mod journal;
pub mod layout;
pub mod stream;
pub mod vault;

pub use ambient::{Clock, Ids, Progress, Secrets, Watch};
pub use engine::{Backup, Deploy, Engine, Engines, Inspect, Link, Observe, Profile};
pub use hand::{Hand, Order, Outcome};
pub use journal::Journal;
pub use layout::Layout;
pub use stream::{Chunk, Sink, Source, StreamReader, StreamWriter};
pub use vault::{Vault, Vaults};

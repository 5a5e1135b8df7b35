//! Numbered databases: how many a snapshot needs, and that a server which is to hold it has as many.
//!
//! A server that has fewer does not start on such a snapshot, and loses what lies beyond when it is loaded key by key.

use roadstead_core::{
    Error, Kind, Result, Text,
    manifest::Manifest,
    port::{Layout, Source, engine::Link, stream::read_all, vault::Record},
};

use super::{
    backup::SETTINGS,
    connection::Connection,
    manifest::{EXPIRING, FADING, KEYS},
    observe,
};

/// The setting.
pub(super) const NAME: &str = "databases";
/// What a server has that was told nothing.
const DEFAULT: u64 = 16;
/// A file beside the data that says how many there are, where the original had more than a server has by itself.
pub(super) const FILE: &str = "restored.conf";
/// How a configuration reads it, from the data directory, where there is one.
pub(super) const FILES: &str = "restored*.conf";
const SETTINGS_BYTES_MAX: usize = 16 << 20;

/// As many as hold every key of a snapshot.
fn used(manifest: &Manifest) -> u64 {
    let of_keys =
        manifest.objects.iter().filter(|object| [KEYS, EXPIRING, FADING].contains(&object.kind.as_str()));
    let numbers = of_keys.filter_map(|object| object.name.first()?.parse::<u64>().ok());
    numbers.max().map_or(0, |last| last + 1)
}

/// As many as the original had; 0 where the backup does not tell.
async fn had(source: &dyn Source) -> Result<u64> {
    if !source.streams().iter().any(|stream| stream.name == SETTINGS) {
        return Ok(0);
    }
    let bytes = read_all(source, SETTINGS, SETTINGS_BYTES_MAX).await?;
    let settings: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(settings[NAME].as_str().and_then(|count| count.parse().ok()).unwrap_or(0))
}

/// What must stand in [`FILE`] beside a snapshot, if anything. An error where the fleet file declares too few.
pub(super) async fn beside(record: &Record, source: &dyn Source, layout: &Layout) -> Result<Option<String>> {
    let used = used(&record.dumped.manifest);
    let declared = layout.settings.iter().find(|setting| setting.name == NAME);
    if let Some(declared) = declared.and_then(|setting| setting.value.parse().ok()) {
        return if declared >= used { Ok(None) } else { Err(few("settings", declared, used)) };
    }
    let needed = used.max(had(source).await?);
    Ok((needed > DEFAULT).then(|| format!("{NAME} {needed}\n")))
}

/// That a server which somebody else runs has enough, before a key is written to it.
pub(super) async fn enough(record: &Record, connection: &mut Connection, link: &Link) -> Result<()> {
    let used = used(&record.dumped.manifest);
    if used == 0 {
        return Ok(());
    }
    let last = (used - 1).to_string();
    match connection.ask(&["SELECT", last.as_str()]).await {
        Err(error) if error.kind == Kind::Failed => {
            let told = connection.ask(&["CONFIG", "GET", NAME]).await.map(observe::pairs).unwrap_or_default();
            let has =
                told.into_iter().find(|(name, _)| name == NAME).and_then(|(_, count)| count.parse().ok());
            // Who may not ask is told what the server said.
            Err(has.map_or(error, |has| few(&link.endpoint.to_string(), has, used)))
        }
        other => other.map(drop),
    }
}

fn few(place: &str, has: u64, needs: u64) -> Error {
    let what = Text::new("redis-databases-few").with("place", place).with("has", has).with("needs", needs);
    Error::new(Kind::Precondition, what).cure(Text::new("redis-databases-few-cure").with("needs", needs))
}

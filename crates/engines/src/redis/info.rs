//! What `INFO` says, read into names and values.

use std::collections::BTreeMap;

use roadstead_core::{Error, Kind, Result, Text, Version};

use super::connection::Connection;

/// One answer to `INFO`.
#[derive(Clone, Debug, Default)]
pub(super) struct Info(BTreeMap<String, String>);

impl Info {
    /// Asks for the usual sections. What tells no version is no server of this engine.
    pub(super) async fn ask(connection: &mut Connection) -> Result<Self> {
        let reply = connection.ask(&["INFO"]).await?;
        let info = Self::parse(&reply.text().unwrap_or_default());
        if info.version().0.is_none() {
            let what = Text::new("redis-no-version").with("endpoint", connection.place());
            return Err(Error::new(Kind::Unsupported, what).cure(Text::new("redis-not-resp-cure")));
        }
        Ok(info)
    }

    /// Reads `name:value` lines; others are passed over.
    pub(super) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.trim_end().split_once(':'));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// One value.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// One value that is a number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// Whether a flag is set.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.text(name) == Some("1")
    }

    /// Version and flavour: `valkey` tells itself apart and goes on naming the version it is compatible with.
    pub(super) fn version(&self) -> (Option<Version>, &'static str) {
        match self.text("valkey_version") {
            Some(version) => (Version::parse(version), super::VALKEY),
            None => (self.text("redis_version").and_then(Version::parse), super::REDIS),
        }
    }

    /// Where the log of changes stands: history and offset.
    pub(super) fn position(&self) -> Option<String> {
        Some(format!("{}:{}", self.text("master_replid")?, self.text("master_repl_offset")?))
    }

    /// Keys by database, for databases that have any.
    pub(super) fn keyspace(&self) -> BTreeMap<u64, u64> {
        let databases = self.0.iter().filter_map(|(name, value)| {
            let number = name.strip_prefix("db")?.parse().ok()?;
            let keys = value.split(',').find_map(|part| part.strip_prefix("keys="))?;
            Some((number, keys.parse().ok()?))
        });
        databases.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_flavour_are_told_apart() {
        let old = Info::parse("# Server\r\nredis_version:7.0.15\r\ndb0:keys=3,expires=1\r\ndb12:keys=9\r\n");
        assert_eq!(old.version(), (Version::parse("7.0.15"), "redis"));
        assert_eq!(old.keyspace().into_iter().collect::<Vec<_>>(), [(0, 3), (12, 9)]);
        let new = Info::parse("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\n");
        assert_eq!(new.version(), (Version::parse("8.1.0"), "valkey"));
    }
}

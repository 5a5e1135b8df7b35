//! Sizes, durations, instants and versions, with their units in the type.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// One KiB.
    pub const KIB: u64 = 1 << 10;
    /// One MiB.
    pub const MIB: u64 = 1 << 20;
    /// One GiB.
    pub const GIB: u64 = 1 << 30;

    /// Whole mebibytes.
    pub const fn mib(count: u64) -> Self {
        Self(count * Self::MIB)
    }

    /// Reads `512MiB`, `1GiB`, `64kB`, `10GB`, `1.5GiB`: a number and a unit, always a unit.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let split = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = text.split_at(split);
        let factor: u64 = match unit.trim() {
            "B" => 1,
            "kB" | "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            "KiB" => Self::KIB,
            "MiB" => Self::MIB,
            "GiB" => Self::GIB,
            "TiB" => 1 << 40,
            _ => return None,
        };
        let number = number.trim();
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(factor).map(Self);
        }
        let (whole, fraction) = number.split_once('.')?;
        if fraction.is_empty() || fraction.len() > 6 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let whole: u64 = whole.parse().ok()?;
        let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
        let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(factor) / u128::from(scale);
        whole.checked_mul(factor)?.checked_add(u64::try_from(part).ok()?).map(Self)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("TiB", 1_u64 << 40), ("GiB", Self::GIB), ("MiB", Self::MIB), ("KiB", Self::KIB)];
        for (name, size) in units {
            if self.0 >= size {
                return if self.0.is_multiple_of(size) {
                    write!(f, "{} {name}", self.0 / size)
                } else {
                    write!(f, "{:.1} {name}", self.0 as f64 / size as f64)
                };
            }
        }
        write!(f, "{} B", self.0)
    }
}

/// A duration in whole milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// Whole seconds.
    pub const fn seconds(count: u64) -> Self {
        Self(count * 1_000)
    }

    /// As the standard library has it.
    pub const fn duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }

    /// Reads `500ms`, `30s`, `5min`, `2h`, `7d`: a whole number and a unit, always a unit.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at(split);
        let factor: u64 = match unit.trim() {
            "ms" => 1,
            "s" => 1_000,
            "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(factor).map(Self)
    }
}

impl From<std::time::Duration> for Millis {
    fn from(value: std::time::Duration) -> Self {
        Self(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The two largest units, as a person would say it: `3d 4h`, `2min 5s`, `1.2s`, `80ms`.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000;
        match seconds {
            0 => write!(f, "{}ms", self.0),
            1..60 => write!(f, "{}.{}s", seconds, self.0 % 1_000 / 100),
            60..3_600 => write!(f, "{}min {}s", seconds / 60, seconds % 60),
            3_600..86_400 => write!(f, "{}h {}min", seconds / 3_600, seconds % 3_600 / 60),
            _ => write!(f, "{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
        }
    }
}

/// An instant: milliseconds since 1970-01-01T00:00:00Z, written in RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last time that can be written, at the end of the year 9999.
    pub const LAST: Self = Self(253_402_207_200_000);

    /// From milliseconds since the epoch; out of range is clamped to what can be written.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(-Self::LAST.0, Self::LAST.0))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Date and time to the second, with their zone, for tables and sentences. Programs get RFC 3339 (`Display`).
    pub fn for_people(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => instant.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            Err(_) => self.to_string(),
        }
    }

    /// How long after `earlier` this is; `None` when the clock went back.
    pub fn since(self, earlier: Self) -> Option<Millis> {
        u64::try_from(self.0.checked_sub(earlier.0)?).ok().map(Millis)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let instant: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self::from_millis(instant.as_millisecond()))
    }
}

/// A server's or tool's version: numbers compared one by one, and the text it came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version {
    /// The numbers, most significant first; never empty.
    pub parts: Vec<u32>,
}

impl Version {
    /// Reads the leading numbers of `15.18 (Debian …)`, `10.11.19-MariaDB`, `9.7.4`; `None` without any.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        for piece in text.trim().trim_start_matches('v').split('.').take(4) {
            let digits: &str = &piece[..piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len())];
            if digits.is_empty() {
                break;
            }
            parts.push(digits.parse().ok()?);
            if digits.len() < piece.len() {
                break;
            }
        }
        (!parts.is_empty()).then_some(Self { parts })
    }

    /// The first number.
    pub fn major(&self) -> u32 {
        self.parts.first().copied().unwrap_or(0)
    }

    /// The second number, 0 when there is none.
    pub fn minor(&self) -> u32 {
        self.parts.get(1).copied().unwrap_or(0)
    }

    /// Whether this version is one that `wanted` names: `15` names 15.18, `10.11` names 10.11.19.
    pub fn is_of(&self, wanted: &Self) -> bool {
        self.parts.starts_with(&wanted.parts)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let length = self.parts.len().max(other.parts.len());
        let part = |version: &Self, index| version.parts.get(index).copied().unwrap_or(0);
        (0..length)
            .map(|index| part(self, index).cmp(&part(other, index)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
            .then(self.parts.len().cmp(&other.parts.len()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_need_a_unit_and_do_not_overflow() {
        assert_eq!(Bytes::parse("1GiB"), Some(Bytes(1 << 30)));
        assert_eq!(Bytes::parse("1.5 GiB"), Some(Bytes(3 << 29)));
        assert_eq!(Bytes::parse("64kB"), Some(Bytes(64_000)));
        for wrong in ["", "1", "GiB", "1gb", "-1GiB", "1e9B", "99999999999TiB", "1.GiB"] {
            assert_eq!(Bytes::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn versions_compare_by_number_and_match_by_prefix() {
        let v = |text| Version::parse(text).expect("a version");
        assert!(v("10.11.19-MariaDB") > v("10.9"));
        assert!(v("15.18 (Debian)").is_of(&v("15")));
        assert!(!v("15.18").is_of(&v("1")));
        assert_eq!(Version::parse("x"), None);
    }

    #[test]
    fn instants_survive_writing_and_reading() {
        let at = Timestamp::from_millis(1_763_700_000_123);
        let text = serde_json::to_string(&at).expect("written");
        assert_eq!(text, "\"2025-11-21T04:40:00.123Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&text).expect("read"), at);
        assert_eq!(at.for_people(), "2025-11-21 04:40:00 UTC");
        assert_eq!(at.since(Timestamp::from_millis(i64::MAX)), None);
    }
}

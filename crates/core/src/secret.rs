//! Secrets and references to them: what must never be printed, and how it is named where it may be.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A value that prints as `****` and is wiped when dropped. It cannot be serialised by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value itself: only at the wall where it leaves for a server or a 0600 file.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

/// Where a secret is kept. This is what plans, journals and messages carry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretRef {
    /// `${env:NAME}`: an environment variable of the calling process.
    Env(String),
    /// `${file:PATH}`: a file, relative to the fleet file, readable by its owner alone.
    File(String),
    /// `${age:BASE64}`: the value itself, encrypted to the fleet's identity.
    Age(String),
    /// `${host:PATH}`: generated on the member's host and kept there with mode 0600.
    Host(String),
}

impl SecretRef {
    /// Reads `${scheme:rest}`; `None` when the text is not a reference.
    pub fn parse(text: &str) -> Option<Self> {
        let inner = text.trim().strip_prefix("${")?.strip_suffix('}')?;
        let (scheme, rest) = inner.split_once(':')?;
        if rest.is_empty() {
            return None;
        }
        match scheme {
            "env" => Some(Self::Env(rest.to_owned())),
            "file" => Some(Self::File(rest.to_owned())),
            "age" => Some(Self::Age(rest.to_owned())),
            "host" => Some(Self::Host(rest.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "${{env:{name}}}"),
            Self::File(path) => write!(f, "${{file:{path}}}"),
            Self::Age(value) => write!(f, "${{age:{value}}}"),
            Self::Host(path) => write!(f, "${{host:{path}}}"),
        }
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a secret reference"))
    }
}

/// How a secret is written where a file needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretForm {
    /// As it is.
    Raw,
    /// Between single quotes for SQL: quote doubled, backslash doubled.
    SqlQuoted,
    /// SHA-256 in lower-case hexadecimal, as ACL files store passwords.
    Sha256Hex,
}

impl SecretForm {
    /// The secret in this form.
    pub fn write(self, secret: &Secret) -> Secret {
        match self {
            Self::Raw => secret.clone(),
            Self::SqlQuoted => {
                Secret::new(format!("'{}'", secret.expose().replace('\\', "\\\\").replace('\'', "''")))
            }
            Self::Sha256Hex => Secret::new(hex::encode(Sha256::digest(secret.expose()))),
        }
    }
}

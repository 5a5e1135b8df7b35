//! A sentence for a user, by key: the words themselves lie in the Fluent catalogues.
//!
//! Nothing here knows a language; the binary turns a [`Text`] into words at the last moment.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// Catalogues of one area: `(language, Fluent source)` pairs, embedded at build time.
pub type Messages = &'static [(&'static str, &'static str)];

/// A message key and its arguments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Text {
    /// Key in the message catalogue.
    pub key: String,
    /// Arguments by name, as the sentence places them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Arg>,
}

/// One argument of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Arg {
    /// A whole number; the language chooses its plural.
    Number(i64),
    /// Foreign or literal text: a name, a path, a server's message.
    Literal(String),
    /// Another sentence, rendered in the same language.
    Nested(Box<Text>),
}

impl Text {
    /// A sentence without arguments.
    pub fn new(key: &str) -> Self {
        Self { key: key.to_owned(), args: BTreeMap::new() }
    }

    /// The same sentence with one more argument.
    pub fn with(mut self, name: &str, value: impl Into<Arg>) -> Self {
        self.args.insert(name.to_owned(), value.into());
        self
    }
}

/// For logs and tests: the key and its arguments. Users see the catalogue's words instead.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        for (index, (name, value)) in self.args.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { "(" } else { ", " })?;
        }
        if self.args.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Literal(text) => f.write_str(text),
            Self::Nested(text) => write!(f, "{text}"),
        }
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Literal(value.to_owned())
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Literal(value)
    }
}

impl From<&String> for Arg {
    fn from(value: &String) -> Self {
        Self::Literal(value.clone())
    }
}

impl From<Text> for Arg {
    fn from(value: Text) -> Self {
        Self::Nested(Box::new(value))
    }
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Number(value)
    }
}

impl From<u64> for Arg {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or_else(|_| Self::Literal(value.to_string()), Self::Number)
    }
}

impl From<usize> for Arg {
    fn from(value: usize) -> Self {
        Self::from(value as u64)
    }
}

impl From<u32> for Arg {
    fn from(value: u32) -> Self {
        Self::Number(i64::from(value))
    }
}

impl From<u16> for Arg {
    fn from(value: u16) -> Self {
        Self::Number(i64::from(value))
    }
}

impl From<i32> for Arg {
    fn from(value: i32) -> Self {
        Self::Number(i64::from(value))
    }
}

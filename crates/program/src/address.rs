//! Where a piece of configuration lives: `kind/key`.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// The kinds of object, in the order in which they are listed and applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Program-wide policy; one object, `settings/program`.
    Settings,
    /// Declares a value that each environment binds.
    Constant,
    /// Declares a secret that each environment binds; conditions cannot read it.
    Secret,
    /// A declared event and its schema.
    EventType,
    /// A declared property of a profile.
    Trait,
    /// A declared aggregate per profile.
    Metric,
    /// A named condition on a profile.
    Audience,
    /// A points currency.
    Currency,
    /// Trigger, condition, actions.
    Reactor,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 9] = [
        Self::Settings,
        Self::Constant,
        Self::Secret,
        Self::EventType,
        Self::Trait,
        Self::Metric,
        Self::Audience,
        Self::Currency,
        Self::Reactor,
    ];

    /// The word used in addresses and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Constant => "constant",
            Self::Secret => "secret",
            Self::EventType => "event_type",
            Self::Trait => "trait",
            Self::Metric => "metric",
            Self::Audience => "audience",
            Self::Currency => "currency",
            Self::Reactor => "reactor",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| format!("`{word}` is not a kind"))
    }
}

/// An object's key: `[a-z][a-z0-9_]*`, at most 64 characters. It never changes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(Arc<str>);

impl Key {
    /// The longest key, in characters.
    pub const LENGTH_MAX: usize = 64;

    /// Checks and takes a key.
    pub fn new(text: &str) -> Result<Self, String> {
        let mut bytes = text.bytes();
        let starts = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
        let goes_on = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if starts && goes_on && text.len() <= Self::LENGTH_MAX {
            Ok(Self(text.into()))
        } else {
            Err(format!(
                "`{text}` is not a key: use lower-case letters, digits and `_`, begin with a letter, at most {} characters",
                Self::LENGTH_MAX
            ))
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key's shared text, for holders that must not allocate again.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl std::borrow::Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Key {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0.as_ref().into()
    }
}

/// `kind/key`, e.g. `reactor/points_for_orders`. The same in every environment.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    /// What kind of object it is.
    pub kind: Kind,
    /// Which one.
    pub key: Key,
}

impl Address {
    /// Puts an address together.
    pub const fn new(kind: Kind, key: Key) -> Self {
        Self { kind, key }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.key)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, key) =
            text.split_once('/').ok_or_else(|| format!("`{text}` is not an address: write kind/key"))?;
        Ok(Self { kind: kind.parse()?, key: Key::new(key)? })
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

//! The ids: profiles, currencies, groups. None is allocated; each derives from a place in the record.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Whose wallet it is. 128 bits, derived from the message that created the profile, so that a replay
/// of the same input makes the same one. Shown in the usual 8-4-4-4-12 form; 16 raw bytes in binary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileId(pub [u8; 16]);

impl fmt::Display for ProfileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ProfileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ProfileId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = text.len() == 36
            && text.bytes().enumerate().all(|(i, b)| match i {
                8 | 13 | 18 | 23 => b == b'-',
                _ => b.is_ascii_hexdigit(),
            });
        if !shape {
            return Err(format!("`{text}` is not a profile id (expected 8-4-4-4-12 hexadecimal digits)"));
        }
        let mut bytes = [0; 16];
        let digits: Vec<u8> = text.bytes().filter(|b| *b != b'-').collect();
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0);
            *byte = u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).unwrap_or(0);
        }
        Ok(Self(bytes))
    }
}

impl Serialize for ProfileId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for ProfileId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            from_text(deserializer)
        } else {
            <[u8; 16]>::deserialize(deserializer).map(Self)
        }
    }
}

/// The key of a currency object, e.g. `points`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CurrencyKey(pub Arc<str>);

impl fmt::Display for CurrencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for CurrencyKey {
    fn from(key: &str) -> Self {
        Self(key.into())
    }
}

/// A posting group's address: the record that holds it, and its place in that record. Never allocated.
/// In text (and JSON) `profile/n/index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId {
    /// The stream the record stands in.
    pub profile: ProfileId,
    /// The record's position in that stream, from 1.
    pub n: u64,
    /// The group's place among the record's groups, from 0.
    pub index: u16,
}

/// A lot is named by the group that opened it; it keeps that name when it moves to another wallet.
pub type LotId = GroupId;

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.profile, self.n, self.index)
    }
}

impl FromStr for GroupId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let faulty = || format!("`{text}` is not a posting group's id (expected `PROFILE/N/INDEX`)");
        let mut parts = text.split('/');
        let (Some(profile), Some(n), Some(index), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(faulty());
        };
        Ok(Self {
            profile: profile.parse().map_err(|_| faulty())?,
            n: n.parse().map_err(|_| faulty())?,
            index: index.parse().map_err(|_| faulty())?,
        })
    }
}

impl Serialize for GroupId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            (self.profile, self.n, self.index).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for GroupId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return from_text(deserializer);
        }
        let (profile, n, index) = Deserialize::deserialize(deserializer)?;
        Ok(Self { profile, n, index })
    }
}

/// Reads an id from its text, borrowed or owned.
fn from_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err = String>,
    D: Deserializer<'de>,
{
    struct Text<T>(std::marker::PhantomData<T>);

    impl<T: FromStr<Err = String>> de::Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an id as text")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(std::marker::PhantomData))
}

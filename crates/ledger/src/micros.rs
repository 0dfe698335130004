//! Times on disk: microseconds since 1970 as a signed integer in binary formats, RFC 3339 where people
//! read. For use as `#[serde(with = "ledger::micros")]`, and `ledger::micros::option` for what may be absent.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Cuts off what is finer than a microsecond (towards the past, before 1970 too).
pub fn floor(at: Timestamp) -> Timestamp {
    // A timestamp's own range is whole seconds wide, so its floor is always inside it.
    i64::try_from(at.as_nanosecond().div_euclid(1000))
        .ok()
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .unwrap_or(at)
}

/// Writes a time.
pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    let at = floor(*at);
    if serializer.is_human_readable() {
        at.serialize(serializer)
    } else {
        at.as_microsecond().serialize(serializer)
    }
}

/// Reads a time.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    if deserializer.is_human_readable() {
        Timestamp::deserialize(deserializer).map(floor)
    } else {
        Timestamp::from_microsecond(i64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The same for a time that may be absent.
pub mod option {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Micros(#[serde(with = "super")] Timestamp);

    /// Writes a time, or its absence.
    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(Micros).serialize(serializer)
    }

    /// Reads a time, or its absence.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<Micros>::deserialize(deserializer)?.map(|micros| micros.0))
    }
}

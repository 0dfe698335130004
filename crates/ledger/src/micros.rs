//! Times on disk: microseconds since 1970 as a signed integer in binary formats, RFC 3339 where people
//! read. For use as `#[serde(with = "ledger::micros")]`, and `ledger::micros::option` for what may be absent.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Cuts off what is finer than a microsecond (towards the past, before 1970 too).
pub fn floor(at: Timestamp) -> Timestamp {
    // The range of timestamps begins on a whole second, so the floor of any is inside it.
    from_micros(to_micros(at)).unwrap_or(at)
}

fn to_micros(at: Timestamp) -> i64 {
    // Years −9999 to 9999 are within 2^59 microseconds of 1970.
    i64::try_from(at.as_nanosecond().div_euclid(1000)).unwrap_or_default()
}

/// Not `Timestamp::from_microsecond`, which refuses the last second of the range.
fn from_micros(micros: i64) -> Result<Timestamp, jiff::Error> {
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1000).unwrap_or_default();
    Timestamp::new(micros.div_euclid(1_000_000), nanos)
}

/// Writes a time.
pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        floor(*at).serialize(serializer)
    } else {
        to_micros(*at).serialize(serializer)
    }
}

/// Reads a time.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    if deserializer.is_human_readable() {
        Timestamp::deserialize(deserializer).map(floor)
    } else {
        from_micros(i64::deserialize(deserializer)?).map_err(D::Error::custom)
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

//! Reads the times of the protocol and corrects a client's clock.

use jiff::{Timestamp, civil};

/// What [`parse`] reads, in words.
pub(crate) const READ: &str =
    "an ISO 8601 time such as 2024-05-01T10:00:00.000Z, no later than 9999-12-30T22:00:00Z";

/// Reads an ISO 8601 time. A time without a zone is UTC, a date alone its midnight: both are what the
/// protocol's own servers make of them.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let local = text
        .parse::<civil::DateTime>()
        .ok()
        .or_else(|| text.parse::<civil::Date>().ok().map(|date| date.at(0, 0, 0, 0)))?;
    // A civil time parses out of a text with an offset or a zone too; then the offset would be lost.
    let zoned = text.contains(['Z', 'z', '+', '[']) || text.get(10..).is_some_and(|time| time.contains('-'));
    if zoned { None } else { local.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp()) }
}

/// When an event happened.
///
/// `said` is the client's clock when it happened, `sent` the same clock when it was sent, `received` ours:
/// the client's error cancels out in `received − (sent − said)`. Without `sent` the client is believed.
/// Nothing happens in the future.
pub(crate) fn occurred_at(
    said: Option<Timestamp>,
    sent: Option<Timestamp>,
    received: Timestamp,
) -> Timestamp {
    let corrected = match (said, sent) {
        (None, _) => return received,
        (Some(said), None) => said,
        // The difference of two times of the calendar may leave it again when it is taken off.
        (Some(said), Some(sent)) => received.checked_sub(sent.duration_since(said)).unwrap_or(said),
    };
    corrected.min(received)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_clients_write_them() {
        for (text, expected) in [
            ("2024-05-01T10:00:00.000Z", Some("2024-05-01T10:00:00Z")),
            ("2024-05-01T12:00:00.123456+02:00", Some("2024-05-01T10:00:00.123456Z")),
            ("2024-05-01T10:00:00", Some("2024-05-01T10:00:00Z")),
            ("2024-05-01 10:00:00Z", Some("2024-05-01T10:00:00Z")),
            ("1997-01-01", Some("1997-01-01T00:00:00Z")),
            ("2024-02-30T00:00:00Z", None),
            ("2024-05-01T10:00:00-99:99", None),
            ("2024-05-01T10:00:00+99", None),
            ("9999-12-30T22:00:00Z", Some("9999-12-30T22:00:00Z")),
            ("9999-12-30T22:00:01Z", None),
            ("9999-12-31", None),
            ("+010000-01-01T00:00:00Z", None),
            ("yesterday", None),
            ("1714557600", None),
            ("", None),
        ] {
            assert_eq!(parse(text).map(|time| time.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_wrong_clock_is_corrected() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let received = at("2024-05-01T10:00:00Z");
        for (said, sent, expected) in [
            // Right clock, sent five minutes later.
            (Some("2024-05-01T09:55:00Z"), Some("2024-05-01T10:00:00Z"), "2024-05-01T09:55:00Z"),
            // A clock three years ahead.
            (Some("2027-05-01T09:55:00Z"), Some("2027-05-01T10:00:00Z"), "2024-05-01T09:55:00Z"),
            // Backdated by a server whose clock is ten seconds slow.
            (Some("1997-01-01T00:00:00Z"), Some("2024-05-01T09:59:50Z"), "1997-01-01T00:00:10Z"),
            // Without the time of sending the client is believed.
            (Some("1997-01-01T00:00:00Z"), None, "1997-01-01T00:00:00Z"),
            // But not about the future.
            (Some("2031-01-01T00:00:00Z"), None, "2024-05-01T10:00:00Z"),
            (Some("2024-05-01T10:09:00Z"), Some("2024-05-01T10:00:00Z"), "2024-05-01T10:00:00Z"),
            // Nothing said.
            (None, Some("2027-05-01T10:00:00Z"), "2024-05-01T10:00:00Z"),
            (None, None, "2024-05-01T10:00:00Z"),
            // Off the calendar.
            (Some("-009999-02-02T00:00:00Z"), Some("9999-12-01T00:00:00Z"), "-009999-02-02T00:00:00Z"),
        ] {
            let got = occurred_at(said.map(at), sent.map(at), received);
            assert_eq!(got, at(expected), "{said:?} {sent:?}");
        }
    }
}

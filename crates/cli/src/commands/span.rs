//! Times and spans as people write them: `1997-01-05`, `1997-01-05 14:30`, `30d`.

use jiff::{Span, Timestamp, civil::DateTime, tz::TimeZone};

/// The last moment there is.
const LAST: &str = "9999-12-30T22:00:00Z";

/// A moment. A date is its beginning; what names no zone is in `zone`.
pub(crate) fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let local = text.parse::<DateTime>().ok();
    let zoned = local.and_then(|local| local.to_zoned(zone.clone()).ok());
    zoned.map(|zoned| zoned.timestamp()).ok_or_else(|| {
        format!(
            "`{text}` is not a time; write it like 1997-01-05, 1997-01-05 14:30 or 1997-01-05T14:30:00Z, no later than {LAST}"
        )
    })
}

/// A moment in UTC, for arguments.
pub(crate) fn moment_utc(text: &str) -> Result<Timestamp, String> {
    moment(text, &TimeZone::UTC)
}

/// A span: `30d`, `2 weeks`, `36h`, `1mo 2d`, `P30D`.
pub(crate) fn span(text: &str) -> Result<Span, String> {
    text.trim()
        .parse()
        .map_err(|_| format!("`{text}` is not a span of time; write it like 30d, 2 weeks, 36h or 1 month"))
}

/// A moment, or a span from now (`30d`): for what ends some time.
pub(crate) fn moment_or_span(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let later = |span: Span| {
        now.to_zoned(TimeZone::UTC)
            .checked_add(span)
            .map(|at| at.timestamp())
            .map_err(|_| format!("`{text}` from now is later than {LAST}, the last moment there is"))
    };
    match moment_utc(text) {
        Ok(at) => Ok(at),
        Err(_) => later(span(text).map_err(|_| {
            format!(
                "`{text}` is neither a time nor a span; write it like 2027-01-31 or 90d, no later than {LAST}"
            )
        })?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        let zone = TimeZone::get("America/New_York").expect("it is bundled");
        for (text, expected) in [
            ("1997-01-05", Some("1997-01-05T05:00:00Z")),
            ("1997-07-05 14:30", Some("1997-07-05T18:30:00Z")),
            ("1997-01-05T12:00:00Z", Some("1997-01-05T12:00:00Z")),
            ("yesterday", None),
            ("1997-13-01", None),
        ] {
            assert_eq!(moment(text, &zone).ok().map(|at| at.to_string()).as_deref(), expected, "{text}");
        }
        let now: Timestamp = "2026-01-31T00:00:00Z".parse().expect("a time");
        for (text, expected) in [
            ("90d", Some("2026-05-01T00:00:00Z")),
            ("1 month", Some("2026-02-28T00:00:00Z")),
            ("2027-01-31", Some("2027-01-31T00:00:00Z")),
            ("soon", None),
        ] {
            let got = moment_or_span(text, now).ok().map(|at| at.to_string());
            assert_eq!(got.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_beyond_the_last_moment_is_told_where_that_is() {
        let now: Timestamp = "2026-01-31T00:00:00Z".parse().expect("a time");
        for text in ["9999-12-31", "9999-12-31T23:59:59Z", "+010000-01-01", "9000 years"] {
            let why = moment_or_span(text, now).expect_err("it is too late");
            assert!(why.contains(text) && why.contains("later than 9999-12-30T22:00:00Z"), "{why}");
        }
        let why = moment_utc("9999-12-31").expect_err("it is too late");
        assert!(why.contains("no later than 9999-12-30T22:00:00Z"), "{why}");
    }
}

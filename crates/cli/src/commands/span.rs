//! Times and spans as people write them: `1997-01-05`, `1997-01-05 14:30`, `30d`.

use jiff::{Span, Timestamp, civil::DateTime, tz::TimeZone};

/// A moment. A date is its beginning; what names no zone is in `zone`.
pub(crate) fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let local: DateTime = text.parse().map_err(|_| {
        format!("`{text}` is not a time; write it like 1997-01-05, 1997-01-05 14:30 or 1997-01-05T14:30:00Z")
    })?;
    let zoned = local.to_zoned(zone.clone()).map_err(|error| format!("`{text}`: {error}"))?;
    Ok(zoned.timestamp())
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
            .map_err(|error| format!("`{text}`: {error}"))
    };
    match moment_utc(text) {
        Ok(at) => Ok(at),
        Err(_) => later(span(text).map_err(|_| {
            format!("`{text}` is neither a time nor a span; write it like 2027-01-31 or 90d")
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
}

//! Spans of time as text: `1h30m`, `90s`, `1.5h`, `-10ms`.

use std::fmt::Write;

use jiff::SignedDuration;

const UNITS: [(&str, i128); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
];

/// Reads a span: a sign, then numbers with units, the same as in CEL.
pub(in crate::expression) fn parse(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos = 0_i128;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let (unit, size) = UNITS.into_iter().find(|(unit, _)| after.starts_with(unit))?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty())
            || whole.len() > 18
            || fraction.len() > 18
            || fraction.contains('.')
        {
            return None;
        }
        let part = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<i128>().ok() };
        let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
        nanos = nanos
            .checked_add(part(whole)?.checked_mul(size)?)?
            .checked_add(part(fraction)? * size / scale)?;
        rest = &after[unit.len()..];
    }
    let nanos = if negative { -nanos } else { nanos };
    let seconds = i64::try_from(nanos / 1_000_000_000).ok()?;
    Some(SignedDuration::new(seconds, i32::try_from(nanos % 1_000_000_000).ok()?))
}

/// Writes a span in seconds: `5400s`, `0.25s`.
pub(in crate::expression) fn format(span: SignedDuration) -> String {
    let sign = if span.is_negative() { "-" } else { "" };
    let span = span.unsigned_abs();
    let mut text = format!("{sign}{}", span.as_secs());
    if span.subsec_nanos() > 0 {
        let _ = write!(text, ".{:09}", span.subsec_nanos());
        text.truncate(text.trim_end_matches('0').len());
    }
    text.push('s');
    text
}

//! Numbers by their text, so that nothing is lost: `1.10` and `1.1` are one number with one normal form.
//!
//! The normal form keeps what was said about the type: a number written with a point or an exponent keeps
//! a fraction (`5.0`), a whole one has none (`5`). Where only the amount counts, [`amount`] drops it.

use serde_json::Value;

/// Most significant digits a number may have; what a decimal holds exactly.
pub const DIGITS_MAX: usize = 28;
/// Largest exponent of ten, up or down.
pub const EXPONENT_MAX: i64 = 308;

struct Parts {
    negative: bool,
    /// Without leading or trailing zeros; empty for zero.
    digits: String,
    /// The number is `0.digits × 10^point`.
    point: i64,
    /// Written with a point or an exponent.
    fractional: bool,
}

fn parts(text: &str) -> Option<Result<Parts, String>> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction.unwrap_or("")) {
        return None;
    }
    if whole.is_empty() && fraction.unwrap_or("").is_empty() {
        return None;
    }
    let too_big = || Err(format!("has an exponent beyond {EXPONENT_MAX}"));
    let exponent_value = match exponent {
        None => 0,
        Some(digits) => {
            let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(digits);
            if unsigned.is_empty() || !all_digits(unsigned) {
                return None;
            }
            match digits.parse::<i64>() {
                Ok(value) if value.abs() <= EXPONENT_MAX => value,
                _ => return Some(too_big()),
            }
        }
    };
    let all = format!("{whole}{}", fraction.unwrap_or(""));
    let leading = all.len() - all.trim_start_matches('0').len();
    let digits = all.trim_matches('0').to_owned();
    if digits.len() > DIGITS_MAX {
        return Some(Err(format!("has {} significant digits; at most {DIGITS_MAX} are kept", digits.len())));
    }
    let point = if digits.is_empty() {
        0
    } else {
        let (Ok(whole_len), Ok(leading)) = (i64::try_from(whole.len()), i64::try_from(leading)) else {
            return Some(too_big());
        };
        whole_len - leading + exponent_value
    };
    if point.abs() > EXPONENT_MAX {
        return Some(too_big());
    }
    let fractional = fraction.is_some() || exponent.is_some();
    Some(Ok(Parts { negative: negative && !digits.is_empty(), digits, point, fractional }))
}

/// Whether a text is a number, in JSON or in YAML's core schema (decimal notation only).
pub fn is_number(text: &str) -> bool {
    parts(text).is_some()
}

/// The normal form of a number's text; says why when it is beyond what is kept.
pub fn normal(text: &str) -> Result<String, String> {
    let parts = parts(text).ok_or_else(|| format!("`{text}` is not a number"))??;
    let mut out = written(&parts);
    if parts.fractional && !out.contains(['.', 'e']) {
        out.push_str(".0");
    }
    Ok(out)
}

/// The normal form by amount alone: `5.0` is `5`.
pub fn amount(text: &str) -> Result<String, String> {
    Ok(written(&parts(text).ok_or_else(|| format!("`{text}` is not a number"))??))
}

fn written(parts: &Parts) -> String {
    let Parts { negative, digits, point, .. } = parts;
    let sign = if *negative { "-" } else { "" };
    if digits.is_empty() {
        return "0".into();
    }
    // A number's plain spelling stays short; beyond that it is scientific.
    let Ok(width) = i64::try_from(digits.len()) else { return String::new() };
    match *point {
        point if !(-27..=28).contains(&point) => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            // The plus is how serde_json writes it too.
            format!("{sign}{first}{dot}{rest}e{:+}", point - 1)
        }
        point if point >= width => {
            format!("{sign}{digits}{}", "0".repeat(usize::try_from(point - width).unwrap_or(0)))
        }
        point if point > 0 => {
            let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
            format!("{sign}{whole}.{fraction}")
        }
        point => format!("{sign}0.{}{digits}", "0".repeat(usize::try_from(-point).unwrap_or(0))),
    }
}

/// A normal form as an exact JSON number.
pub fn to_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_normal_form() {
        for (written, expected) in [
            ("1.10", "1.1"),
            ("1.1", "1.1"),
            ("007", "7"),
            ("+5", "5"),
            ("5.0", "5.0"),
            ("5.", "5.0"),
            (".5", "0.5"),
            ("-0", "0"),
            ("-0.0", "0.0"),
            ("1e3", "1000.0"),
            ("1E-3", "0.001"),
            ("12.50e1", "125.0"),
            ("1e300", "1e+300"),
            ("-1.25e-200", "-1.25e-200"),
            ("0.00010", "0.0001"),
            ("9223372036854775807", "9223372036854775807"),
        ] {
            assert_eq!(normal(written).as_deref(), Ok(expected), "{written}");
            assert_eq!(normal(expected).as_deref(), Ok(expected), "{expected} again");
        }
        assert_eq!(amount("5.0").as_deref(), Ok("5"));
    }

    #[test]
    fn numbers_beyond_what_is_kept_are_refused() {
        assert!(normal("12345678901234567890123456789").is_err());
        assert!(normal("1e309").is_err());
        assert!(normal("1e99999999999999999999").is_err());
    }

    #[test]
    fn other_texts_are_not_numbers() {
        for text in ["", "-", ".", "e5", "1e", "1.2.3", "0x10", "1_000", "12a", "--1", "+-1", "1e+-3"] {
            assert!(!is_number(text), "{text}");
        }
    }
}

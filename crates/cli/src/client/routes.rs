//! Paths of the admin API.

/// Where an environment's resources begin.
pub(crate) fn environment(name: &str) -> String {
    format!("/admin/v1/environments/{}", encoded(name))
}

/// A part of a path, or a value in a query, with everything escaped that could mean something there.
pub(crate) fn encoded(part: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// A query of the parts that are there.
pub(crate) fn query(parts: &[(&str, Option<String>)]) -> String {
    let mut text = String::new();
    for (name, value) in parts {
        if let Some(value) = value {
            text.push(if text.is_empty() { '?' } else { '&' });
            text.push_str(name);
            text.push('=');
            text.push_str(&encoded(value));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_part_of_the_path() {
        assert_eq!(environment("staging"), "/admin/v1/environments/staging");
        assert_eq!(environment("../x?y"), "/admin/v1/environments/..%2Fx%3Fy");
        assert_eq!(
            query(&[("a", None), ("b", Some("1 2".into())), ("c", Some("é".into()))]),
            "?b=1%202&c=%C3%A9"
        );
        assert_eq!(query(&[("a", None)]), "");
    }
}

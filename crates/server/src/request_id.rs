//! A request's id: ours, or the client's when it is a sensible one.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The header in which it comes and goes.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Names a request, in the answer and in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The client's, if it is short and plain; otherwise a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        match headers.get(HEADER) {
            Some(value) if (8..=64).contains(&value.len()) && value.as_bytes().iter().all(plain) => {
                Self(value.clone())
            }
            _ => Self(
                HeaderValue::from_str(&uuid::Uuid::now_v7().simple().to_string())
                    .unwrap_or(HeaderValue::from_static("unknown")),
            ),
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// As a header.
    pub(crate) fn value(&self) -> HeaderValue {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sensible_ids_are_taken_over() {
        for (sent, kept) in [
            ("0123456789abcdef", true),
            ("trace-1.2_3", true),
            ("short", false),
            ("with a blank in it", false),
            ("semi;colon;semi", false),
        ] {
            let headers = HeaderMap::from_iter([(HEADER, HeaderValue::from_static(sent))]);
            assert_eq!(RequestId::of(&headers).as_str() == sent, kept, "{sent}");
        }
        assert_ne!(RequestId::of(&HeaderMap::new()), RequestId::of(&HeaderMap::new()));
    }
}

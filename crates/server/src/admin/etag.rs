//! `ETag` and `If-Match` on configuration: a change says which state it starts from.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use runtime::Environment;

use crate::problem::{Code, Problem};

/// The state of an environment's configuration: moves with its head, constants, secrets and switches, and
/// with nothing else.
pub(crate) fn of(environment: &Environment) -> String {
    format!("\"c{}\"", environment.state().configured)
}

/// As a header of an answer.
pub(crate) fn header_of(environment: &Environment) -> [(HeaderName, HeaderValue); 1] {
    [(header::ETAG, HeaderValue::from_str(&of(environment)).unwrap_or(HeaderValue::from_static("\"\"")))]
}

/// Refuses a change that does not say which state it starts from, or says another one.
pub(crate) fn check(headers: &HeaderMap, environment: &Environment) -> Result<(), Problem> {
    matches(headers, &of(environment))
}

fn matches(headers: &HeaderMap, now: &str) -> Result<(), Problem> {
    let Some(asked) = headers.get(header::IF_MATCH) else {
        return Err(Problem::new(
            Code::PreconditionRequired,
            format!("Send `If-Match` with the `ETag` of the configuration you have read; it is {now} now."),
        ));
    };
    let asked = asked.to_str().unwrap_or_default();
    if asked.trim() == "*" || asked.split(',').any(|tag| tag.trim() == now) {
        return Ok(());
    }
    Err(Problem::new(
        Code::Stale,
        format!(
            "The configuration has changed: it is {now} now, the request starts from {asked}. Read it again."
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_names_the_state_it_starts_from() {
        for (sent, expected) in [
            (None, Err(Code::PreconditionRequired)),
            (Some("\"c7\""), Ok(())),
            (Some("\"c6\", \"c7\""), Ok(())),
            (Some("*"), Ok(())),
            (Some("\"c6\""), Err(Code::Stale)),
            (Some("c7"), Err(Code::Stale)),
        ] {
            let headers =
                sent.map(|tag| (header::IF_MATCH, HeaderValue::from_static(tag))).into_iter().collect();
            let got = matches(&headers, "\"c7\"").map_err(|problem| problem.code);
            assert_eq!(got, expected, "{sent:?}");
        }
    }
}

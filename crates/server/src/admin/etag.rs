//! `ETag` and `If-Match` on configuration: a change says which state it starts from.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use runtime::Environment;

use crate::problem::{Code, Problem};

/// The state of an environment's configuration: moves with its head, constants, secrets and switches, and
/// with nothing else.
pub(crate) fn of(environment: &Environment) -> String {
    tag(environment.state().configured)
}

fn tag(configured: u64) -> String {
    format!("\"c{configured}\"")
}

/// As a header of an answer.
pub(crate) fn header_of(environment: &Environment) -> [(HeaderName, HeaderValue); 1] {
    [(header::ETAG, HeaderValue::from_str(&of(environment)).unwrap_or(HeaderValue::from_static("\"\"")))]
}

/// Refuses a change that does not say which state it starts from, or says another one. Gives that state, for the
/// change itself to hold to; nothing for a change that takes any.
pub(crate) fn check(headers: &HeaderMap, environment: &Environment) -> Result<Option<u64>, Problem> {
    let configured = environment.state().configured;
    Ok(matches(headers, &tag(configured))?.then_some(configured))
}

/// Whether it names this very state; refused when it names another.
fn matches(headers: &HeaderMap, now: &str) -> Result<bool, Problem> {
    let Some(asked) = headers.get(header::IF_MATCH) else {
        return Err(Problem::new(
            Code::PreconditionRequired,
            format!("Send `If-Match` with the `ETag` of the configuration you have read; it is {now} now."),
        ));
    };
    let asked = asked.to_str().unwrap_or_default();
    if asked.trim() == "*" {
        return Ok(false);
    }
    if asked.split(',').any(|tag| tag.trim() == now) {
        return Ok(true);
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
            (Some("\"c7\""), Ok(true)),
            (Some("\"c6\", \"c7\""), Ok(true)),
            (Some("*"), Ok(false)),
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

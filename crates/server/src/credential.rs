//! The credential that a request carries in its header.

use axum::http::{HeaderMap, header};
use base64::{Engine, prelude::BASE64_STANDARD};

use runtime::Principal;
use store::KeyRow;

use crate::{
    Here,
    problem::{Code, Problem},
};

/// The key or token in `Authorization`: `Bearer KEY`, or `Basic` with the key as the user's name, which is
/// how clients of the tracking protocol send it. `None` when there is no such header.
pub(crate) fn presented(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let unreadable = || {
        Problem::new(
            Code::Unauthorized,
            "The Authorization header is not understood; send `Bearer KEY`, or `Basic` with the key as user name.",
        )
    };
    let (scheme, rest) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(unreadable)?;
    let key = if scheme.eq_ignore_ascii_case("bearer") {
        rest.trim().to_owned()
    } else if scheme.eq_ignore_ascii_case("basic") {
        let decoded = BASE64_STANDARD.decode(rest.trim()).map_err(|_| unreadable())?;
        let text = String::from_utf8(decoded).map_err(|_| unreadable())?;
        text.split_once(':').map_or(text.clone(), |(user, _)| user.to_owned())
    } else {
        return Err(unreadable());
    };
    if key.is_empty() { Err(unreadable()) } else { Ok(Some(key)) }
}

/// Whose it is. An environment that this listener does not serve is refused, naming both.
pub(crate) fn authenticate(here: &Here, token: &str) -> Result<Principal, Problem> {
    let principal = here.greenroom.authenticate(token)?;
    if let Principal::Key { environment, .. } = &principal {
        let served = &here.listener.environments;
        if !served.serve(environment.name(), environment.is_live()) {
            return Err(Problem::new(
                Code::WrongListener,
                format!(
                    "This key belongs to the {} environment `{}`; this address serves {served}.",
                    environment.kind(),
                    environment.name(),
                ),
            ));
        }
    }
    Ok(principal)
}

/// The principal of a request to the admin API: an administrator or a secret key.
pub(crate) fn required(here: &Here, headers: &HeaderMap) -> Result<Principal, Problem> {
    let Some(token) = presented(headers)? else {
        return Err(Problem::new(
            Code::Unauthorized,
            "Send `Authorization: Bearer` with an administrator's token (`at_`) or a secret key (`sk_`).",
        ));
    };
    let principal = authenticate(here, &token)?;
    match &principal {
        Principal::Key { row, .. } if row.prefix != "sk" => Err(Problem::new(
            Code::Forbidden,
            format!(
                "A `{}_` key can only send events; the admin API needs a secret key (`sk_`).",
                row.prefix
            ),
        )),
        _ => Ok(principal),
    }
}

/// Whether a secret key may do this.
pub(crate) fn scope(row: &KeyRow, needed: &str) -> Result<(), Problem> {
    if row.scopes.iter().any(|scope| scope == needed || scope == "*") {
        return Ok(());
    }
    Err(Problem::new(
        Code::Forbidden,
        format!("This needs the scope `{needed}`; the key `{}` has: {}.", row.name, row.scopes.join(", ")),
    ))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn keys_in_headers() {
        for (header, expected) in [
            (None, Ok(None)),
            (Some("Bearer wk_test_a"), Ok(Some("wk_test_a"))),
            (Some("bearer  wk_test_a "), Ok(Some("wk_test_a"))),
            // wk_test_a: and wk_test_a:ignored
            (Some("Basic d2tfdGVzdF9hOg=="), Ok(Some("wk_test_a"))),
            (Some("basic d2tfdGVzdF9hOmlnbm9yZWQ="), Ok(Some("wk_test_a"))),
            (Some("Basic d2tfdGVzdF9h"), Ok(Some("wk_test_a"))),
            (Some("Basic ***"), Err(())),
            (Some("Basic Og=="), Err(())),
            (Some("Bearer "), Err(())),
            (Some("wk_test_a"), Err(())),
            (Some("Digest a"), Err(())),
        ] {
            let headers: HeaderMap = header
                .map(|value| (header::AUTHORIZATION, HeaderValue::from_static(value)))
                .into_iter()
                .collect();
            let got = presented(&headers).map_err(|problem| assert_eq!(problem.code, Code::Unauthorized));
            assert_eq!(got, expected.map(|key| key.map(str::to_owned)), "{header:?}");
        }
    }
}

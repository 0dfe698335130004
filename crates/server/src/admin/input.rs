//! What requests carry: bodies and queries, read strictly, with our own refusals.

use axum::{
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use crate::{
    Here, body,
    problem::{Code, Problem},
};

/// The most a body of the admin API may be long: a program with all its files.
const BODY_BYTES_MAX: usize = 16 << 20;

/// A JSON body.
pub(crate) struct Input<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Here> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, here: &Here) -> Result<Self, Problem> {
        let bytes =
            body::read(request.into_body(), BODY_BYTES_MAX, here.listener.limits.body_timeout).await?;
        parse(&bytes).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let what = text.rsplit_once(" at line ").map_or(&*text, |(what, _)| what);
        Problem::new(Code::BadJson, format!("Line {line}, column {column} of the body: {what}."))
    })
}

/// The parameters of a query.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Here> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Here) -> Result<Self, Problem> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => {
                let text = rejection.body_text();
                let what = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
                Err(Problem::new(Code::BadParameter, format!("The query is not understood: {what}.")))
            }
        }
    }
}

/// Reads a part of the path, or a field, that has a form of its own.
pub(crate) fn read<T: std::str::FromStr>(pointer: &str, text: &str) -> Result<T, Problem>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| {
        Problem::new(Code::BadParameter, "A parameter is not understood.").at(pointer, error.to_string())
    })
}

/// The key in the path.
pub(crate) fn key(text: &str) -> Result<program::Key, Problem> {
    program::Key::new(text)
        .map_err(|error| Problem::new(Code::BadParameter, "A parameter is not understood.").at("key", error))
}

/// A text that must say something.
pub(crate) fn said(pointer: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(
            Problem::new(Code::BadParameter, "Something is missing.").at(pointer, "must not be empty")
        );
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        #[allow(dead_code, reason = "only that it can be read matters")]
        amount: i64,
    }

    #[test]
    fn bodies_are_read_strictly() {
        assert!(parse::<Example>(b"{\"amount\": 5}").is_ok());
        for (body, expected) in [
            (&b"{\"amount\":\n tru}"[..], "Line 2, column 5"),
            (b"{\"amount\": \"5\"}", "invalid type: string"),
            (b"{\"amuont\": 5}", "unknown field `amuont`, expected `amount`"),
            (b"", "EOF"),
        ] {
            let problem = parse::<Example>(body).expect_err("refused");
            assert!(problem.detail.contains(expected), "{}", problem.detail);
        }
    }
}

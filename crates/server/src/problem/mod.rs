//! Problems: every refusal, as RFC 9457 has it. The only place where an error becomes an answer.

mod code;
mod from_runtime;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
pub use code::Code;
use engine::admit::Problem as Detail;
use serde::Serialize;

use crate::RequestId;

/// Something that could not be done, and why.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What sort.
    pub code: Code,
    /// What happened, where, and what to do: for a person.
    pub detail: String,
    /// Each fault by itself, with its place.
    pub errors: Vec<Detail>,
    /// When to try again, in seconds.
    pub retry_after: Option<u16>,
    /// Whether the body also says it in `message`, which is what client libraries of the tracking
    /// protocol read.
    pub tracking: bool,
}

/// Tells a client of the tracking protocol to wait no longer than this, in seconds.
pub(crate) const RETRY_AFTER_MAX: u16 = 300;

impl Problem {
    /// A problem in one sentence.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), retry_after: None, tracking: false }
    }

    /// With one fault and its place.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(Detail { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// With faults and their places.
    #[must_use]
    pub fn with_errors(mut self, errors: impl IntoIterator<Item = Detail>) -> Self {
        self.errors.extend(errors);
        self
    }

    /// To be tried again after so many seconds (at most [`RETRY_AFTER_MAX`]).
    #[must_use]
    pub fn retry_after(mut self, seconds: u16) -> Self {
        self.retry_after = Some(seconds.clamp(1, RETRY_AFTER_MAX));
        self
    }

    /// For a client of the tracking protocol.
    #[must_use]
    pub fn tracking(mut self) -> Self {
        self.tracking = true;
        self
    }

    /// A fault of ours. What it was goes to the log, not to the client.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "request failed");
        Self::new(Code::Internal, "This is our fault. The log of the server has more, under the request id.")
    }
}

/// What stands in the body.
#[derive(Debug, Serialize)]
struct Form<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Detail]>::is_empty")]
    errors: &'a [Detail],
    request_id: &'a str,
}

impl IntoResponse for Problem {
    /// The answer without its body: that is written by [`write`], which knows the request's id.
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthorized {
            // Not `Basic`: a browser would ask its user for a password.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives a problem its body. Answers that are refusals of the framework become problems of ours.
pub(crate) fn write(mut response: Response, id: &RequestId) -> Response {
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None => match response.status() {
            StatusCode::NOT_FOUND if bare(&response) => {
                Problem::new(Code::NotFound, "There is nothing at this path.")
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                Problem::new(Code::MethodNotAllowed, "See the `Allow` header for the methods of this path.")
            }
            _ => return response,
        },
    };
    let form = Form {
        r#type: problem.code.page(),
        title: problem.code.title(),
        status: problem.code.status().as_u16(),
        code: problem.code.word(),
        detail: &problem.detail,
        message: problem.tracking.then_some(&*problem.detail),
        errors: &problem.errors,
        request_id: id.as_str(),
    };
    let body = serde_json::to_vec(&form).unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(body);
    response
}

fn bare(response: &Response) -> bool {
    !response.headers().contains_key(header::CONTENT_TYPE)
}

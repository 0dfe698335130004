//! One request: authenticate, read, hand in, answer when it is durable.

use std::{borrow::Cow, sync::Arc, time::Instant};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, header},
    response::{IntoResponse, Response},
};
use engine::Source;
use runtime::{
    Environment, Principal,
    ingest::{Incoming, Malformed},
};
use sha2::{Digest, Sha256};

use super::{
    report::{Report, Success},
    wire::{self, BODY_BYTES_MAX, Call, Envelope, Item, Refused, inflate},
};
use crate::{
    Here, body,
    credential::{self, authenticate},
    listener,
    problem::{Code, Problem},
};

/// Asks for the outcome of each item.
const REPORT: HeaderName = HeaderName::from_static("greenroom-report");

/// Takes a request in.
pub(super) async fn take(call: Call, State(here): State<Here>, request: Request) -> Response {
    let mut environment = None;
    let mut response = match taken(call, &here, request, &mut environment).await {
        Ok(response) => response,
        Err(problem) => problem.tracking().into_response(),
    };
    if let Some(environment) = environment {
        response.extensions_mut().insert(listener::Environment(environment.name().into()));
    }
    response
}

async fn taken(
    call: Call,
    here: &Here,
    request: Request,
    served: &mut Option<Arc<Environment>>,
) -> Result<Response, Problem> {
    let begun = Instant::now();
    let (parts, stream) = request.into_parts();
    let shown = credential::presented(&parts.headers)?;
    // An unknown key is refused before its body is looked at.
    let mut way = shown.as_deref().map(|key| way_in(here, key)).transpose()?;

    let bytes =
        body::read(stream, BODY_BYTES_MAX, here.listener.limits.body_timeout).await.map_err(|problem| {
            match problem.code {
                Code::BodyTooLarge => Refused::BodyTooLarge { bytes_max: BODY_BYTES_MAX }.into(),
                _ => problem,
            }
        })?;
    if call == Call::Forget {
        return Ok(Json(Success::DONE).into_response());
    }
    let text = text(&parts.headers, &bytes)?;
    let envelope = Envelope::read(call, &text)?;
    if let Some(key) = envelope.write_key()? {
        match &shown {
            Some(shown) if shown != key => return Err(Refused::KeysDisagree.into()),
            Some(_) => {}
            None => way = Some(way_in(here, key)?),
        }
    }
    let Some((environment, source)) = way else {
        return Err(Problem::new(
            Code::Unauthorized,
            "There is no write key: send it as the user name of Basic, as a Bearer token, or as `writeKey` in the body.",
        ));
    };
    let environment = served.insert(environment);

    let size = text.len();
    let items: Vec<Incoming> = envelope
        .items(source, environment.now(), || uuid::Uuid::now_v7().to_string())
        .into_iter()
        .map(|item| incoming(item, source, of_text))
        .collect();
    let ids = parts
        .headers
        .contains_key(REPORT)
        .then(|| items.iter().map(|item| item.message_id().to_owned()).collect::<Vec<_>>());
    let outcomes = environment.ingest(items, size).await?;
    here.traffic.ingested(environment.name(), size, begun.elapsed());
    Ok(match ids {
        None => Json(Success::DONE).into_response(),
        Some(ids) => Json(Report::new(ids, outcomes)).into_response(),
    })
}

/// The environment that a write key leads to, if it is served here, and by which road its events come.
pub(super) fn way_in(here: &Here, key: &str) -> Result<(Arc<Environment>, Source), Problem> {
    match authenticate(here, key)? {
        Principal::Key { environment, row } => match row.prefix.as_str() {
            "wk" => Ok((environment, Source::Server)),
            "pk" => Ok((environment, Source::Browser)),
            _ => Err(Problem::new(
                Code::Forbidden,
                "This key is for the admin API; events need a write key (`wk_`), or in a browser a public one (`pk_`).",
            )),
        },
        Principal::Administrator { .. } => Err(Problem::new(
            Code::Forbidden,
            "An administrator's token does not say which environment the events are for; use a write key (`wk_`).",
        )),
    }
}

fn text<'a>(headers: &HeaderMap, bytes: &'a [u8]) -> Result<Cow<'a, str>, Refused> {
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("unreadable"));
    inflate(bytes, encoding)
}

/// An item as the runtime takes it. `id` makes an id for a malformed one that has none.
pub(crate) fn incoming(item: Item, source: Source, id: impl FnOnce(&str) -> String) -> Incoming {
    match item {
        Item::Message(message) => Incoming::Message(message),
        Item::Malformed(item) => {
            let wire::Malformed { message_id, name, identity, problems, raw } = item;
            let message_id = message_id.unwrap_or_else(|| id(&raw));
            Incoming::Malformed(Malformed { message_id, name, identity, raw, source, problems })
        }
    }
}

/// The same text sent again is the same item.
pub(crate) fn of_text(raw: &str) -> String {
    let digest = Sha256::digest(raw.as_bytes());
    let half: [u8; 16] = std::array::from_fn(|i| digest[i]);
    format!("malformed-{}", uuid::Uuid::from_bytes(half).simple())
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let code = match &refused {
            Refused::Json { .. }
            | Refused::NotUtf8 { .. }
            | Refused::Gzip(_)
            | Refused::Encoding(_)
            | Refused::NoBatch => Code::BadJson,
            Refused::BodyTooLarge { .. } | Refused::TooMany => Code::BatchTooLarge,
            Refused::EventTooLarge { .. } | Refused::LineTooLarge { .. } => Code::EventTooLarge,
            Refused::KeysDisagree => Code::KeysDisagree,
        };
        let detail = format!("Nothing was taken: {refused}.");
        let item = match refused {
            Refused::Json { item, .. } | Refused::EventTooLarge { item, .. } => item,
            _ => None,
        };
        match item {
            Some(item) => Self::new(code, &detail).at(format!("/batch/{item}"), refused.to_string()),
            None => Self::new(code, detail),
        }
    }
}

use axum::{
    Json,
    extract::{Path, Request, State},
    http::header,
};
use engine::Source;
use runtime::ingest::{Incoming, ItemOutcome};
use serde::{Deserialize, Serialize};
use store::OutsideChange;
use utoipa::{IntoParams, ToSchema};

use super::Kept;
use crate::{
    Code, Here, Problem,
    admin::{
        access::{Access, Operate},
        input::Asked,
        paths::OfName,
    },
    body,
    collector::{
        ingest::incoming,
        wire::{self, inflate_to, lines},
    },
};

/// The most a part may be long, inflated.
const PART_BYTES_MAX: usize = 8 << 20;
/// The most that is kept of what a client says of its file.
const KEPT_MAX: usize = 4_096;
/// The longest name of an import.
const NAME_MAX: usize = 100;

/// Which part of the file this is.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// The number of its first line in the file, from 1.
    #[param(example = 1)]
    first_line: u64,
    /// Whether it is the last part.
    #[serde(default)]
    last: bool,
    /// A sum of the file from its beginning to the end of this part; kept, so that whoever goes on can tell whether what
    /// was imported still stands there.
    prefix: Option<String>,
    /// Which file it is, to tell it from others; kept.
    file: Option<String>,
}

/// What became of a part.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct PartDone {
    /// Events in it.
    #[schema(example = 5000)]
    events: usize,
    /// Decided.
    #[schema(example = 4990)]
    decided: usize,
    /// Had been taken in before.
    #[schema(example = 8)]
    duplicate: usize,
    /// Put into quarantine.
    #[schema(example = 2)]
    quarantined: usize,
    /// The line to go on with: everything before it is durable.
    #[schema(example = 5001)]
    next_line: u64,
}

/// Imports a part of a file of events
///
/// The body is one event a line, each as the tracking protocol has it, 8 MB at most, gzip if you like. Times
/// are believed. An event without `messageId` gets one of the import's name and its line, so that a part sent
/// again has no effect twice, and two equal lines are two events. Parts must come in order. Events are
/// decided as of their own time, and what is due by the clock waits until the last part has come, or none has
/// for half a minute.
#[utoipa::path(
    post, path = "/environments/{environment}/imports/{name}", operation_id = "importPart", tag = "imports",
    params(OfName, Which),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 200, body = PartDone))
)]
pub(crate) async fn part(
    access: Access<Operate>,
    Path(of): Path<OfName>,
    here: State<Here>,
    Asked(which): Asked<Which>,
    request: Request,
) -> Result<Json<PartDone>, Problem> {
    let environment = &access.environment;
    // Leaves room for the line's number in a message id.
    if of.name.is_empty() || of.name.len() > NAME_MAX - 25 || of.name.contains('\0') {
        return Err(Problem::new(Code::BadParameter, "A parameter is not understood.")
            .at("name", format!("must have 1 to {} characters", NAME_MAX - 25)));
    }
    if which.first_line == 0 {
        return Err(Problem::new(Code::BadParameter, "A parameter is not understood.")
            .at("first_line", "lines count from 1"));
    }
    for (name, text) in [("prefix", &which.prefix), ("file", &which.file)] {
        if text.as_ref().is_some_and(|text| text.len() > KEPT_MAX || text.contains('\0')) {
            return Err(Problem::new(Code::BadParameter, "A parameter is not understood.")
                .at(name, format!("must have at most {KEPT_MAX} bytes")));
        }
    }
    let encoding = request.headers().get(header::CONTENT_ENCODING).cloned();
    let bytes = body::read(request.into_body(), PART_BYTES_MAX, here.listener.limits.body_timeout).await?;
    let encoding = encoding.as_ref().map(|value| value.to_str().unwrap_or("unreadable"));
    let text = inflate_to(&bytes, encoding, PART_BYTES_MAX)?;

    let id = |line: u64| format!("{}:{line}", of.name);
    let items: Vec<Incoming> = lines::read(&text, which.first_line, environment.now(), id)?
        .into_iter()
        .map(|(line, item)| incoming(item, Source::Import, |_| id(line)))
        .collect();
    let mut done = PartDone {
        events: items.len(),
        next_line: which.first_line + text.lines().count() as u64,
        ..PartDone::default()
    };

    here.leases.renew(environment).await;
    for outcome in environment.ingest(items, text.len()).await? {
        match outcome {
            ItemOutcome::Decided(_) => done.decided += 1,
            ItemOutcome::Duplicate { .. } => done.duplicate += 1,
            ItemOutcome::Quarantined { .. } => done.quarantined += 1,
            ItemOutcome::Absent => {} // said of releases only
        }
    }
    let Which { prefix, file, last, .. } = which;
    let kept = Kept { next_line: done.next_line, prefix, file, finished: last };
    let checkpoint = OutsideChange::PutCheckpoint(of.name, kept.write()?);
    environment.store().outside(checkpoint).await?;
    if last {
        here.leases.end(environment);
    }
    Ok(Json(done))
}

const _: () = assert!(NAME_MAX <= wire::MESSAGE_ID_MAX, "a name and a line make a message id");

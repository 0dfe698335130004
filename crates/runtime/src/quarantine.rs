//! Quarantine: events put aside, each in a stream of its own: put aside (n = 1), then released (n = 2).

use jiff::Timestamp;
use ledger::ProfileId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{NewRecord, QuarantineRow, Record, Stream};

use crate::{
    Environment, Error, Result,
    control::hex,
    hashed::Hasher,
    ingest::{Incoming, ItemOutcome, Malformed, Problem},
    intake::Work,
    live::LogLine,
};

/// The header: nothing personal, kept for ever.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// `put_aside` or `released`.
    what: String,
    /// Why it was put aside.
    code: String,
    /// When.
    at: Timestamp,
    /// SHA-256 of the body, which begins with a salt; hexadecimal.
    body: Option<String>,
    /// SHA-256 of the previous header; hexadecimal.
    previous: Option<String>,
    /// Of a released one that had no effect of its own: where the effect is that it would have had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counted: Option<Counted>,
}

/// Which record holds the effect of what was a duplicate when it was released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The property that is to be unique.
    pub by: String,
    /// Whose record.
    pub profile: ProfileId,
    /// Its position in the profile's stream.
    pub n: u64,
}

/// How an item left quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// When.
    pub at: Timestamp,
    /// Where its effect had been counted before; `None` when it was decided then, or when that was not kept.
    pub counted: Option<Counted>,
}

/// The body: erased with the person.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    salt: String,
    problems: Vec<Problem>,
    item: Item,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Item {
    Message(Box<engine::Message>),
    Malformed(Malformed),
}

const FORMAT_JSON: u8 = 1;

/// More problems of one event than these are counted, not kept: a list of ten thousand wrong items would
/// otherwise take a megabyte, thirty times what was sent.
const PROBLEMS_MAX: usize = 100;

/// The problems of an event as they are told and kept.
pub(crate) fn told(mut problems: Vec<Problem>) -> Vec<Problem> {
    let more = problems.len().saturating_sub(PROBLEMS_MAX);
    if more > 0 {
        problems.truncate(PROBLEMS_MAX);
        problems.push(Problem { pointer: String::new(), detail: format!("and {more} more like these") });
    }
    problems
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::Internal(format!("quarantine record: {error}")))
}

fn unread(error: &dyn std::fmt::Display) -> Error {
    Error::Undecodable(engine::record::Undecodable(format!("quarantine record: {error}")))
}

/// The record that puts an item aside.
pub(crate) fn put_aside(
    key: [u8; 16],
    incoming: Incoming,
    code: &str,
    problems: &[Problem],
    at: Timestamp,
    salt: [u8; 16],
) -> Result<NewRecord> {
    let item = match incoming {
        Incoming::Message(message) => Item::Message(message),
        Incoming::Malformed(malformed) => Item::Malformed(malformed),
    };
    let body = json(&Body { salt: hex(&salt), problems: problems.to_vec(), item })?;
    let header = Header {
        what: "put_aside".into(),
        code: code.into(),
        at,
        body: Some(hex(&Sha256::digest(&body))),
        previous: None,
        counted: None,
    };
    let header = [&[FORMAT_JSON], json(&header)?.as_slice()].concat();
    Ok(NewRecord { stream: Stream::Quarantine(key), n: 1, decided_at: at, header, body: Some(body) })
}

/// The record that says an item was released: decided, or found to have been `counted` before.
pub(crate) fn released(first: &Record, at: Timestamp, counted: Option<Counted>) -> Result<NewRecord> {
    let header = Header {
        what: "released".into(),
        code: String::new(),
        at,
        body: None,
        previous: Some(hex(&Sha256::digest(&first.header))),
        counted,
    };
    let header = [&[FORMAT_JSON], json(&header)?.as_slice()].concat();
    Ok(NewRecord { stream: first.stream, n: 2, decided_at: at.max(first.decided_at), header, body: None })
}

fn header(record: &Record) -> Result<Header> {
    match record.header.split_first() {
        Some((&FORMAT_JSON, json)) => serde_json::from_slice(json).map_err(|error| unread(&error)),
        _ => Err(unread(&"its format is not known to this version")),
    }
}

fn body(record: &Record) -> Result<Option<Body>> {
    let Some(bytes) = &record.body else { return Ok(None) };
    if header(record)?.body.as_deref() != Some(&hex(&Sha256::digest(bytes))) {
        return Err(unread(&"its body is not the one its header names"));
    }
    serde_json::from_slice(bytes).map(Some).map_err(|error| unread(&error))
}

/// What a record says of an item's release; `None` of one that put it aside.
pub(crate) fn release(record: &Record) -> Result<Option<Release>> {
    let header = header(record)?;
    Ok((header.what == "released").then_some(Release { at: header.at, counted: header.counted }))
}

/// The item of a record that put one aside; `None` when it was erased.
pub(crate) fn read(record: &Record) -> Result<Option<Incoming>> {
    Ok(body(record)?.map(|body| match body.item {
        Item::Message(message) => Incoming::Message(message),
        Item::Malformed(malformed) => Incoming::Malformed(malformed),
    }))
}

/// The view row that a first record makes; none once its body is erased.
pub(crate) fn row(record: &Record, hasher: &Hasher) -> Result<Option<QuarantineRow>> {
    let (Stream::Quarantine(message), Some(body)) = (record.stream, body(record)?) else { return Ok(None) };
    let header = header(record)?;
    let (identity, name) = match &body.item {
        Item::Message(message) => (
            message
                .user_id
                .clone()
                .map(engine::Identity::User)
                .or_else(|| message.anonymous_id.clone().map(engine::Identity::Anonymous)),
            message.event.clone(),
        ),
        Item::Malformed(malformed) => (malformed.identity.clone(), malformed.name.clone()),
    };
    let errors = String::from_utf8(json(&body.problems)?).map_err(|error| unread(&error))?;
    Ok(Some(QuarantineRow {
        message,
        identity: identity.map(|identity| hasher.identity(&identity)),
        at: header.at,
        name,
        code: header.code,
        errors,
    }))
}

/// What the live log says of a record that put an item aside; nothing once that is erased.
pub(crate) fn line(record: &Record) -> Result<Option<LogLine>> {
    let Some(body) = body(record)? else { return Ok(None) };
    let header = header(record)?;
    let (kind, event, message_id) = match body.item {
        Item::Message(message) => (message.kind.as_str(), message.event, message.message_id),
        Item::Malformed(malformed) => ("malformed", malformed.name, malformed.message_id),
    };
    Ok(Some(LogLine {
        decided_at: header.at,
        kind: kind.to_owned(),
        event,
        message_id: Some(message_id),
        profile: None,
        outcome: ItemOutcome::Quarantined { code: header.code, problems: body.problems },
    }))
}

impl Environment {
    /// Why an item was put aside, and the item as it came in; `None` when there is none or it was erased.
    pub async fn quarantined(&self, message: [u8; 16]) -> Result<Option<(QuarantineRow, Incoming)>> {
        let Some(record) = self.store.record(Stream::Quarantine(message), 1).await? else { return Ok(None) };
        Ok(row(&record, &self.hasher)?.zip(read(&record)?))
    }

    /// How an item left quarantine; `None` while it stands there.
    pub async fn released(&self, message: [u8; 16]) -> Result<Option<Release>> {
        let record = self.store.record(Stream::Quarantine(message), 2).await?;
        record.map_or(Ok(None), |record| release(&record))
    }

    /// Decides quarantined events again, under the rules of now. What still does not fit stays where it is.
    pub async fn release(&self, messages: Vec<[u8; 16]>) -> Result<Vec<ItemOutcome>> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let bytes = messages.len() * 1_000;
        self.intake.offer(Work::Release { messages, reply }, bytes)?;
        answer.await.unwrap_or_else(|_| Err(Error::Stopping(self.name().to_owned())))
    }
}

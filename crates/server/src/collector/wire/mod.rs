//! From the bytes of a request to the items of the tracking protocol. Knows no HTTP.
//!
//! Source: the Segment HTTP tracking protocol, and what its client libraries were seen to send.
//!
//! * What is not JSON, or too large, is refused whole ([`Refused`]): nothing of it is taken.
//! * An item that is an object but not a call of the protocol becomes [`Item::Malformed`]: it is put
//!   aside with its text, and the rest of the batch goes on.
//! * A key that is there twice, half of a surrogate pair, and keys reserved by our own storage make an
//!   item malformed: it would be guessing to say what they mean.
//! * `null` and an empty text count as absent; ids may be numbers (kept as written).
//! * The batch's `context` fills in what an item's lacks, key by key, not deeper.
//! * Times: [`time::occurred_at`].

mod body;
mod envelope;
mod fields;
mod item;
mod json;
pub(crate) mod lines;
mod time;

pub(crate) use body::{inflate, inflate_to};
pub(crate) use envelope::{Call, Envelope};
pub(crate) use item::{Item, MESSAGE_ID_MAX, Malformed};

/// The most an event may be long, as written.
pub(crate) const EVENT_BYTES_MAX: usize = 32 * 1024;
/// The most a body may be long, inflated.
pub(crate) const BODY_BYTES_MAX: usize = 500 * 1024;
/// The most events a batch may hold.
pub(crate) const ITEMS_MAX: usize = 2_500;

/// Why nothing of a request was taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// Not JSON, or not of the protocol's shape.
    #[error("line {line}, column {column}{}: {what}", .item.map(|item| format!(" (item {item} of the batch)")).unwrap_or_default())]
    Json {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// In which item, from 0.
        item: Option<usize>,
        /// What is wrong.
        what: String,
    },
    /// Not text.
    #[error("the body is not UTF-8 (at byte {offset})")]
    NotUtf8 {
        /// The first byte that does not fit.
        offset: usize,
    },
    /// Says it is compressed and is not, or not wholly.
    #[error("the body says it is gzip, but does not inflate: {0}")]
    Gzip(String),
    /// Compressed in a way we do not know.
    #[error("the body is encoded as `{0}`; only gzip is understood")]
    Encoding(String),
    /// Over [`BODY_BYTES_MAX`], or what is asked for a file.
    #[error("the body is larger than {bytes_max} bytes (inflated); send smaller batches")]
    BodyTooLarge {
        /// What it may have.
        bytes_max: usize,
    },
    /// Over [`EVENT_BYTES_MAX`].
    #[error("{} has {bytes} bytes, an event may have {EVENT_BYTES_MAX}", .item.map_or("the event".to_owned(), |item| format!("item {item} of the batch")))]
    EventTooLarge {
        /// Which item, from 0.
        item: Option<usize>,
        /// How large it is.
        bytes: usize,
    },
    /// A line of a file over [`EVENT_BYTES_MAX`].
    #[error("line {line} has {bytes} bytes, an event may have {EVENT_BYTES_MAX}")]
    LineTooLarge {
        /// Its number.
        line: u64,
        /// How large it is.
        bytes: usize,
    },
    /// Over [`ITEMS_MAX`].
    #[error("the batch has more than {ITEMS_MAX} items; send smaller ones")]
    TooMany,
    /// A batch without a batch.
    #[error("there is no `batch`: expected {{\"batch\": [ … ]}}")]
    NoBatch,
    /// Several keys, and they differ.
    #[error("the request carries several write keys and they differ; send one")]
    KeysDisagree,
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;

//! A case: what happens, and what is expected to have come of it.

use std::collections::BTreeMap;

use engine::{Message, Source};
use jiff::{Span, Timestamp};
use program::{Key, expression::Value};
use serde_json::Value as Json;

/// Where something stands: `file:line:column`.
pub(super) type Place = String;

/// A case.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) line: u32,
    /// When it begins.
    pub(super) begins: Option<Timestamp>,
    /// Whether the rules of a live environment hold (it accepts events that are not declared).
    pub(super) live: bool,
    pub(super) constants: BTreeMap<Key, Value>,
    pub(super) steps: Vec<(Place, Step)>,
}

/// What happens.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// An event comes in. Its times are filled in when it does.
    Event(Box<Sent>),
    /// The clock moves by a span.
    Advance(Span),
    /// The clock moves to a time.
    Until(Timestamp),
    /// Somebody's order.
    Order(Order),
    /// A reactor is switched on or off.
    Switch(Key, bool),
    /// What is expected by now.
    Expect(Vec<Expectation>),
}

/// An event as it is written in a case.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// With times that do not count.
    pub(super) message: Message,
    /// When it happened; the clock's time when left out.
    pub(super) at: Option<Timestamp>,
    pub(super) source: Source,
}

/// An order about a member.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) member: String,
    pub(super) reason: String,
    pub(super) what: Ordered,
}

/// What is ordered.
#[derive(Clone, Debug)]
pub(super) enum Ordered {
    Credit(String, i64),
    Debit(String, i64),
    /// What an event's reactors posted: its id, and perhaps of one reactor only.
    Reverse(String, Option<String>),
    Erase,
}

/// One thing expected.
#[derive(Clone, Debug)]
pub(super) struct Expectation {
    pub(super) at: Place,
    pub(super) what: Expected,
}

/// What is expected. The first text is a member's id.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    /// Currency; available, pending where named.
    Balance(String, String, Option<i64>, Option<i64>),
    /// All postings, in order; of each what is named.
    Postings(String, Vec<Posting>),
    /// All audiences.
    Audiences(String, Vec<String>),
    /// Trait, value; null for absent.
    Trait(String, String, Json),
    /// Metric, value; null for absent.
    Metric(String, String, Json),
    /// All that would go out, in order; of each what is named.
    Outbox(String, Vec<Going>),
    /// Message ids in quarantine with the code where named; all of them.
    Quarantined(Vec<(String, Option<String>)>),
    /// Message ids that were duplicates; all of them.
    Duplicates(Vec<String>),
    /// Orders that were refused; how many.
    Refused(usize),
}

/// A posting as far as it is named.
#[derive(Clone, Debug, Default)]
pub(super) struct Posting {
    pub(super) currency: Option<String>,
    pub(super) amount: Option<i64>,
    pub(super) reason: Option<String>,
    pub(super) reactor: Option<String>,
}

/// Something that goes out, as far as it is named.
#[derive(Clone, Debug, Default)]
pub(super) struct Going {
    pub(super) channel: Option<String>,
    pub(super) reactor: Option<String>,
    /// Each field named must be there with this value.
    pub(super) payload: Option<Json>,
}

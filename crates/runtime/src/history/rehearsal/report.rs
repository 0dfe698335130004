//! What a rehearsal says: the record beside what the candidate would have done.

use std::{collections::BTreeMap, sync::Arc};

use engine::Trace;
use jiff::Timestamp;
use ledger::ProfileId;
use serde::{Serialize, Serializer};

/// A figure twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Both {
    /// As recorded.
    pub recorded: i64,
    /// As the candidate would have it.
    pub candidate: i64,
}

impl Both {
    /// Candidate minus recorded.
    pub fn delta(self) -> i64 {
        self.candidate - self.recorded
    }
}

/// One reactor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReactorReport {
    /// How often it fired.
    pub fired: Both,
    /// Points it awarded (and took, negative), by currency.
    pub points: BTreeMap<Arc<str>, Both>,
    /// Considered by the candidate, and never fired.
    pub dead: bool,
    /// It draws on a shared budget: its figures depend on the order of events across members.
    pub depends_on_order: bool,
}

/// One currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CurrencyReport {
    /// Points awarded.
    pub issued: Both,
    /// Points spent.
    pub redeemed: Both,
    /// Points that ran out.
    pub expired: Both,
    /// Points corrected by hand.
    pub adjusted: Both,
    /// What members hold at the end, pending included.
    pub liability: Both,
    /// Digits after the point in what people see: the environment's, or the candidate's of a currency that only that has.
    pub decimals: u8,
}

/// A member whom the candidate treats differently.
#[derive(Clone, Debug, Serialize)]
pub struct Affected {
    /// Who.
    pub profile: ProfileId,
    /// Points held at the end, by currency, where they differ.
    pub points: BTreeMap<Arc<str>, Both>,
    /// The event at which the two come out most differently.
    pub event: Option<AffectedEvent>,
}

/// An event with both sides' reasons.
#[derive(Clone, Debug, Serialize)]
pub struct AffectedEvent {
    /// The record's position in the member's stream.
    pub n: u64,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The event's name.
    pub event: Option<String>,
    /// Points by this event.
    pub points: Both,
    /// Why, as recorded.
    pub recorded: Option<Trace>,
    /// Why, under the candidate.
    pub candidate: Option<Trace>,
}

/// Something that did not come out as it is recorded. People read only why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// In whose history.
    pub of: ProfileId,
    /// What.
    pub why: String,
}

impl Serialize for Doubt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.why)
    }
}

/// The whole report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The version of this form.
    pub format_version: u32,
    /// The environment whose history was read.
    pub environment: String,
    /// Its manifest now.
    pub current: String,
    /// The candidate's.
    pub candidate: String,
    /// Events from here on.
    pub since: Option<Timestamp>,
    /// And until here.
    pub until: Option<Timestamp>,
    /// Whether the control reproduced the record. If not, none of the rest is to be relied on.
    pub trusted: bool,
    /// Why not.
    pub untrusted_because: Vec<Doubt>,
    /// Records decided again under their own rules, and equal to the byte.
    pub control_records: u64,
    /// Events decided under the candidate.
    pub events: u64,
    /// Members with events.
    pub profiles: u64,
    /// Members whose points or audiences would be others.
    pub profiles_affected: u64,
    /// By reactor.
    pub reactors: BTreeMap<Arc<str>, ReactorReport>,
    /// By currency.
    pub currencies: BTreeMap<Arc<str>, CurrencyReport>,
    /// Members of each audience at the end.
    pub audiences: BTreeMap<Arc<str>, Both>,
    /// What would have gone out, by channel and reactor.
    pub messages: BTreeMap<String, Both>,
    /// Events that the candidate would have put into quarantine, by code.
    pub rejected: BTreeMap<String, u64>,
    /// Inputs that could not be carried over (an order the candidate's wallet does not cover, a reversal of
    /// what the candidate never posted), by reason.
    pub not_carried_over: BTreeMap<String, u64>,
    /// Figures depend on the order of events across members, and that order was only nearly known.
    pub order_approximate: bool,
    /// Those whom it would change most, most first.
    pub most_affected: Vec<Affected>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// The version of [`Report`]'s form.
pub const FORMAT_VERSION: u32 = 1;

//! Events: what came in, what became of it, and why.

pub(crate) mod explain;
pub(crate) mod explain_unique;
pub(crate) mod list;
pub(crate) mod send;
pub(crate) mod tail;

use engine::{Command, Decision, Effect, Input, Stopped, record::Recorded};
use serde::Serialize;
use serde_json::Value;
use store::Record;
use utoipa::ToSchema;

use super::profiles::GroupForm;
use crate::Problem;

/// A record of a member's stream: an input and what was decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordForm {
    /// Whose.
    #[schema(example = "6f1d0c2a-93b4-4a57-8f0e-1b2c3d4e5f60")]
    profile: String,
    /// The position in the member's stream.
    #[schema(example = 3)]
    n: u64,
    /// `track`, `identify`, `page`, `screen`, `group`, `alias`, `timer`, `upgrade`, `credit`, `debit`,
    /// `reverse`, `erase`, `merge_out`, `merge_in`.
    #[schema(example = "track")]
    kind: String,
    /// The id that the client gave the event.
    #[schema(example = "order-1001")]
    message_id: Option<String>,
    /// The event's name.
    #[schema(example = "Order Completed")]
    event: Option<String>,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    occurred_at: jiff::Timestamp,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    decided_at: jiff::Timestamp,
    /// The position in the control stream it was decided under.
    #[schema(example = 12)]
    epoch: u64,
    /// Reactors considered, in order.
    reactors: Vec<ReactorOutcome>,
    /// Postings.
    groups: Vec<GroupForm>,
    /// Audiences entered by it.
    entered: Vec<String>,
    /// Audiences left by it.
    left: Vec<String>,
    /// Who ordered it and why; for orders.
    #[schema(example = "Ada (admin_1): the parcel came late")]
    order: Option<String>,
    /// Everything personal has been erased.
    erased: bool,
}

/// What became of a reactor.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReactorOutcome {
    /// Its key.
    #[schema(example = "points_for_orders")]
    reactor: String,
    /// Which step of the decision: 0 is the event itself.
    #[schema(example = 0)]
    step: u16,
    /// Whether it fired.
    fired: bool,
    /// What stopped it: `condition`, `error`, `schedule`, `limit`, `budget`, `short`, `switched_off`, `depth`.
    #[schema(example = "limit")]
    stopped: Option<&'static str>,
}

impl RecordForm {
    pub(crate) fn of(record: &Record) -> Result<Self, Problem> {
        let recorded =
            engine::record::decode(&record.header, record.body.as_deref()).map_err(runtime::Error::from)?;
        Ok(Self::of_recorded(&recorded))
    }

    fn of_recorded(recorded: &Recorded) -> Self {
        let (message, order) = match &recorded.input {
            Some(Input::Message(message, _)) => (Some(message), None),
            Some(Input::Command(command)) => (None, Some(ordered(command))),
            _ => (None, None),
        };
        Self {
            message_id: message.map(|message| message.message_id.clone()),
            event: message.and_then(|message| message.event.clone()),
            occurred_at: recorded.times.occurred_at,
            decided_at: recorded.times.decided_at,
            epoch: recorded.epoch,
            order,
            erased: recorded.input.is_none(),
            ..Self::decided(recorded.profile, recorded.n, recorded.kind, &recorded.decision)
        }
    }

    /// The part that comes of the decision.
    fn decided(profile: ::ledger::ProfileId, n: u64, kind: &str, decision: &Decision) -> Self {
        let crossed = |wanted: fn(&Effect) -> Option<&str>| -> Vec<String> {
            decision.effects.iter().filter_map(wanted).map(Into::into).collect()
        };
        Self {
            profile: profile.to_string(),
            n,
            kind: kind.to_owned(),
            message_id: None,
            event: None,
            occurred_at: jiff::Timestamp::UNIX_EPOCH,
            decided_at: jiff::Timestamp::UNIX_EPOCH,
            epoch: 0,
            reactors: decision
                .outcomes
                .iter()
                .map(|outcome| ReactorOutcome {
                    reactor: outcome.reactor.to_string(),
                    step: outcome.step,
                    fired: outcome.stopped.is_none(),
                    stopped: outcome.stopped.as_ref().map(stopped),
                })
                .collect(),
            groups: decision
                .groups
                .iter()
                .enumerate()
                .map(|(index, group)| GroupForm::of(profile, n, index, group))
                .collect(),
            entered: crossed(|effect| match effect {
                Effect::Entered(key, _) => Some(key),
                _ => None,
            }),
            left: crossed(|effect| match effect {
                Effect::Left(key, _) => Some(key),
                _ => None,
            }),
            order: None,
            erased: false,
        }
    }
}

/// Who ordered it and why.
fn ordered(command: &Command) -> String {
    format!("{}: {}", command.actor, command.reason)
}

fn stopped(by: &Stopped) -> &'static str {
    match by {
        Stopped::Condition => "condition",
        Stopped::Error => "error",
        Stopped::Schedule => "schedule",
        Stopped::Limit(..) => "limit",
        Stopped::Budget => "budget",
        Stopped::Short => "short",
        Stopped::SwitchedOff => "switched_off",
        Stopped::Depth => "depth",
    }
}

/// Any of our own structures as JSON.
fn json(value: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(value).map_err(|error| Problem::internal(&error))
}

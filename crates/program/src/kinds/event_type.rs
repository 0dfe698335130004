//! A declared event.

use std::sync::Arc;

use serde_json::Value;

use crate::schema::Validator;

/// What to do with something that is not declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnUnknown {
    /// Take it.
    Accept,
    /// Take it and say so in the report and the event's record.
    Warn,
    /// Put the event into quarantine.
    Quarantine,
}

/// From which keys an event may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptFrom {
    /// Server keys only: nobody forges an order from a browser. The default.
    Server,
    /// Browser keys too.
    Browser,
}

/// `event_type/KEY`.
#[derive(Clone, Debug)]
pub struct EventType {
    /// The name on the wire, e.g. `Order Completed`; by default the key.
    pub name: Arc<str>,
    /// JSON Schema (2020-12) of `properties`.
    pub schema: Value,
    /// The schema compiled, once for the program.
    pub validator: Validator,
    /// Properties that the schema does not name. `accept` by default.
    pub unknown_fields: OnUnknown,
    /// Who may send it.
    pub accept_from: AcceptFrom,
    /// Path to a property (without `properties.`) of which each value counts once, whichever road the
    /// event came by: `order_id`.
    pub unique_by: Option<Vec<String>>,
    /// For people.
    pub description: Option<String>,
}

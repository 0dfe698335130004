//! What an expression may read, built from the declarations.

use std::cell::Cell;

use super::Declarations;
use crate::{
    Key, Kind,
    expression::{Declared, Scope, ValueType},
    schema::{self, Lookup},
};

/// Which event there is, if any.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EventContext<'a> {
    /// None: audiences, and reactors on audiences.
    None,
    /// One of this type.
    Of(&'a Key),
    /// One of which nothing is known, because what names it is faulty.
    Faulty,
}

impl<'a> EventContext<'a> {
    /// Of the event type named, if naming it went well.
    pub(crate) fn of(key: Option<&'a Key>) -> Self {
        key.map_or(Self::Faulty, Self::Of)
    }
}

/// A scope that remembers whether it was asked for something that is declared but faulty: then faults of
/// the expression may be mere consequences.
#[derive(Debug)]
pub(crate) struct ExpressionScope<'a> {
    declared: &'a Declarations,
    event: EventContext<'a>,
    met_faulty: Cell<bool>,
}

impl<'a> ExpressionScope<'a> {
    pub(crate) const fn new(declared: &'a Declarations, event: EventContext<'a>) -> Self {
        Self { declared, event, met_faulty: Cell::new(false) }
    }

    pub(crate) const fn met_faulty(&self) -> bool {
        self.met_faulty.get()
    }

    fn faulty(&self) -> Declared {
        self.met_faulty.set(true);
        Declared { of_type: ValueType::Any, always: true }
    }

    /// What is known of a declared thing; something faulty is taken for anything.
    fn find(&self, kind: Kind, key: &str, sound: Option<Declared>) -> Option<Declared> {
        match sound {
            None if self.declared.has(kind, key) => Some(self.faulty()),
            sound => sound,
        }
    }
}

impl Scope for ExpressionScope<'_> {
    fn property(&self, path: &[&str]) -> Option<Declared> {
        let key = match self.event {
            EventContext::None => return None,
            EventContext::Faulty => return Some(self.faulty()),
            EventContext::Of(key) => key,
        };
        let Some(schema) = self.declared.schemas.get(key) else { return Some(self.faulty()) };
        match schema::lookup(schema, path) {
            Lookup::Named(named) => Some(Declared { of_type: named.of_type, always: named.always }),
            Lookup::Open => Some(Declared { of_type: ValueType::Any, always: false }),
            Lookup::Absent => None,
        }
    }

    fn properties(&self) -> Vec<String> {
        let EventContext::Of(key) = self.event else { return Vec::new() };
        let Some(schema) = self.declared.schemas.get(key) else { return Vec::new() };
        let mut names = schema::named_paths(schema);
        names.retain(|name| matches!(schema::lookup(schema, &[name]), Lookup::Named(_)));
        names
    }

    fn has_event(&self) -> bool {
        !matches!(self.event, EventContext::None)
    }

    fn profile_trait(&self, key: &str) -> Option<Declared> {
        let of_type = self.declared.traits.get(key).cloned();
        self.find(Kind::Trait, key, of_type.map(|of_type| Declared { of_type, always: false }))
    }

    fn metric(&self, key: &str) -> Option<Declared> {
        self.find(Kind::Metric, key, self.declared.metrics.get(key).cloned())
    }

    fn currency(&self, key: &str) -> bool {
        self.declared.has(Kind::Currency, key)
    }

    fn constant(&self, key: &str) -> Option<Declared> {
        let of_type = self.declared.constants.get(key).cloned();
        // Every constant is bound, or has a default, before a program is in force.
        self.find(Kind::Constant, key, of_type.map(|of_type| Declared { of_type, always: true }))
    }

    fn audience(&self, key: &str) -> bool {
        self.declared.has(Kind::Audience, key)
    }

    fn names(&self, kind: Kind) -> Vec<String> {
        self.declared.names(kind).map(str::to_owned).collect()
    }
}

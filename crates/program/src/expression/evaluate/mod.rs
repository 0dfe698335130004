//! Evaluates a compiled expression: the same facts give the same value, or the same reason why there is
//! none, always and everywhere.

mod functions;
mod math;
mod span;

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Facts, Unevaluated, Value, ValueType,
    limits::{FUEL, LOOPS_MAX},
    tree::{Comparison, Loop, LoopKind, Node, Read, Source},
};

pub(super) use span::{format as format_span, parse as parse_span};

/// Why there is no value.
pub(super) enum Stop {
    /// An error, which logic may absorb.
    Error(Box<str>),
    /// Out of fuel, which nothing absorbs.
    Spent,
}

impl Stop {
    fn error<T>(reason: impl Into<String>) -> Result<T, Self> {
        Err(Self::Error(reason.into().into_boxed_str()))
    }

    fn mistyped<T>(value: &Value, wanted: &str) -> Result<T, Self> {
        Self::error(format!("{} was found where {wanted} was wanted", value.kind()))
    }
}

impl From<Stop> for Unevaluated {
    fn from(stop: Stop) -> Self {
        Self(match stop {
            Stop::Error(reason) => reason.into(),
            Stop::Spent => format!("it takes more than {FUEL} steps"),
        })
    }
}

/// Evaluates over facts.
pub(super) fn evaluate(root: &Node, facts: &dyn Facts) -> Result<Value, Unevaluated> {
    Machine::new(Some(facts)).value(root).map_err(Unevaluated::from)
}

/// The same, with the fuel that is left.
#[cfg(test)]
pub(super) fn fuel_of(root: &Node, facts: &dyn Facts) -> (Result<Value, Unevaluated>, u64) {
    let mut machine = Machine::new(Some(facts));
    (machine.value(root).map_err(Unevaluated::from), machine.fuel)
}

/// What a read sees, brought to its declared type; a value of another type counts as absent.
pub(super) fn see(read: &Read, facts: &dyn Facts) -> Option<Value> {
    let value = match &read.source {
        Source::Property(path) => {
            return match &read.wanted {
                Some(wanted) => facts.items(path, &read.of_type, wanted),
                None => facts.property(path, &read.of_type),
            };
        }
        Source::EventName => facts.event_name(),
        Source::EventTimestamp => facts.event_timestamp(),
        Source::Trait(key) => return facts.profile_trait(key, &read.of_type),
        Source::Metric(key) => facts.metric(key),
        Source::Balance(key) => Some(Value::Int(facts.balance(key))),
        Source::Constant(key) => facts.constant(key),
        Source::Audience(key) => Some(Value::Bool(facts.in_audience(key))),
    };
    value.and_then(|value| value.fit(&read.of_type))
}

/// Whether a node's parts are all constants, so that it can be worked out beforehand.
pub(super) fn is_constant(node: &Node) -> bool {
    let all = |nodes: &[Node]| nodes.iter().all(|node| matches!(node, Node::Constant(_)));
    match node {
        Node::Not(of) | Node::Negate(of) | Node::InTexts(of, _) | Node::Matches(of, _) => {
            matches!(**of, Node::Constant(_))
        }
        Node::And(pair) | Node::Or(pair) | Node::Compare(_, pair) | Node::Math(_, pair) | Node::In(pair) => {
            all(&**pair)
        }
        Node::Choose(parts) => all(&**parts),
        Node::List(parts) | Node::Call(_, parts) => all(parts),
        Node::Item(item) => matches!(item.list, Node::Constant(_)),
        Node::Constant(_)
        | Node::Read(_)
        | Node::Local(_)
        | Node::Field(_)
        | Node::Has(_)
        | Node::Audience(_)
        | Node::Loop(_) => false,
    }
}

/// Works out a node that depends on no facts.
pub(super) fn constant(node: &Node) -> Result<Value, Unevaluated> {
    Machine::new(None).value(node).map_err(Unevaluated::from)
}

/// A read, by its name and what is wanted of it.
type Seen = (Arc<str>, Option<Arc<[Arc<str>]>>);

struct Machine<'f> {
    facts: Option<&'f dyn Facts>,
    locals: [Value; LOOPS_MAX],
    /// How many loops are being gone through.
    looping: usize,
    /// What was read in loops: a list of the event is brought from JSON once, not once an item, which no fuel would pay
    /// for.
    seen: BTreeMap<Seen, Option<Value>>,
    fuel: u64,
}

impl<'f> Machine<'f> {
    const fn new(facts: Option<&'f dyn Facts>) -> Self {
        let locals = [const { Value::Null }; LOOPS_MAX];
        Self { facts, locals, looping: 0, seen: BTreeMap::new(), fuel: FUEL }
    }

    #[inline]
    fn spend(&mut self, steps: u64) -> Result<(), Stop> {
        self.fuel = self.fuel.checked_sub(steps).ok_or(Stop::Spent)?;
        Ok(())
    }

    /// Pays for a value by its size, shared parts as often as they are seen.
    fn spend_on(&mut self, value: &Value) -> Result<(), Stop> {
        match value {
            Value::String(text) => self.spend(1 + text.len() as u64 / 16),
            Value::List(items) => {
                self.spend(1)?;
                items.iter().try_for_each(|item| self.spend_on(item))
            }
            Value::Object(fields) => {
                self.spend(1)?;
                fields.iter().try_for_each(|(_, field)| self.spend_on(field))
            }
            _ => self.spend(1),
        }
    }

    fn value(&mut self, node: &Node) -> Result<Value, Stop> {
        self.spend(1)?;
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Local(depth) => Ok(self.locals[*depth].clone()),
            Node::Read(read) => match self.find(node)? {
                Some(value) => Ok(value),
                None => missing(&read.name),
            },
            Node::Field(field) => match self.find(node)? {
                Some(value) => Ok(value),
                None => missing(&field.name),
            },
            Node::Item(item) => match self.find(node)? {
                Some(value) => Ok(value),
                None => missing(&item.name),
            },
            Node::List(parts) => {
                let mut items = Vec::with_capacity(parts.len());
                for part in parts {
                    let item = self.value(part)?;
                    self.spend_on(&item)?;
                    items.push(item);
                }
                Ok(Value::List(items.into()))
            }
            Node::Math(math, pair) => {
                let (left, right) = (self.value(&pair[0])?, self.value(&pair[1])?);
                self.math(*math, left, right)
            }
            Node::Negate(of) => math::negate(&self.value(of)?),
            Node::Call(function, parts) => self.call(*function, parts),
            Node::Choose(parts) => {
                let chosen = if self.truth(&parts[0])? { &parts[1] } else { &parts[2] };
                self.value(chosen)
            }
            Node::Loop(each) if matches!(each.kind, LoopKind::Filter | LoopKind::Map) => self.collect(each),
            _ => self.truth_of(node).map(Value::Bool),
        }
    }

    fn truth(&mut self, node: &Node) -> Result<bool, Stop> {
        self.spend(1)?;
        self.truth_of(node)
    }

    /// The value of a node that is true or false.
    fn truth_of(&mut self, node: &Node) -> Result<bool, Stop> {
        match node {
            Node::And(pair) => self.absorb(pair, false),
            Node::Or(pair) => self.absorb(pair, true),
            Node::Not(of) => Ok(!self.truth(of)?),
            Node::Compare(comparison, pair) => self.compare(*comparison, pair),
            Node::Has(of) => Ok(self.lent(of).is_some() || self.find(of)?.is_some()),
            Node::Audience(key) => Ok(self.facts.is_some_and(|facts| facts.in_audience(key))),
            Node::In(pair) => {
                let (item, list) = (self.value(&pair[0])?, self.value(&pair[1])?);
                let Value::List(items) = &list else {
                    return Stop::mistyped(&list, "a list");
                };
                for candidate in items.iter() {
                    self.spend_on(candidate)?;
                    if candidate.equals(&item) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Node::InTexts(of, texts) if let Some(text) = self.lent(of) => {
                self.spend(1 + u64::from(texts.len().max(1).ilog2()))?;
                Ok(texts.binary_search_by(|one| (**one).cmp(text)).is_ok())
            }
            Node::InTexts(of, texts) => match self.value(of)? {
                Value::String(text) => {
                    self.spend(u64::from(texts.len().max(1).ilog2()))?;
                    Ok(texts.binary_search(&text).is_ok())
                }
                other => Stop::mistyped(&other, "a text"),
            },
            Node::Matches(of, pattern) => match self.value(of)? {
                Value::String(text) => {
                    self.spend(1 + text.len() as u64)?;
                    Ok(pattern.is_match(&text))
                }
                other => Stop::mistyped(&other, "a text"),
            },
            Node::Loop(each) if !matches!(each.kind, LoopKind::Filter | LoopKind::Map) => self.judge(each),
            _ => match self.value(node)? {
                Value::Bool(truth) => Ok(truth),
                other => Stop::mistyped(&other, "true or false"),
            },
        }
    }

    /// `&&` and `||`: an error on one side does not matter when the other side decides.
    fn absorb(&mut self, pair: &[Node; 2], decides: bool) -> Result<bool, Stop> {
        match self.truth(&pair[0]) {
            Ok(left) if left == decides => Ok(decides),
            Ok(_) => self.truth(&pair[1]),
            Err(Stop::Spent) => Err(Stop::Spent),
            Err(error) => match self.truth(&pair[1]) {
                Ok(right) if right == decides => Ok(decides),
                Err(Stop::Spent) => Err(Stop::Spent),
                _ => Err(error),
            },
        }
    }

    fn compare(&mut self, comparison: Comparison, pair: &[Node; 2]) -> Result<bool, Stop> {
        if let (Node::Constant(Value::String(constant)), Some(text)) = (&pair[1], self.lent(&pair[0])) {
            self.spend(3 + text.len() as u64 / 16)?;
            return Ok(comparison.holds(text.cmp(constant)));
        }
        let left = self.value(&pair[0])?;
        let computed;
        let right = if let Node::Constant(constant) = &pair[1] {
            self.spend(1)?;
            constant
        } else {
            computed = self.value(&pair[1])?;
            &computed
        };
        if matches!(left, Value::List(_) | Value::Object(_) | Value::String(_)) {
            self.spend_on(&left)?;
        }
        match comparison {
            Comparison::Equal => return Ok(left.equals(right)),
            Comparison::NotEqual => return Ok(!left.equals(right)),
            _ => {}
        }
        let Some(order) = left.order(right) else {
            return Stop::error(format!("there is no order between {} and {}", left.kind(), right.kind()));
        };
        Ok(comparison.holds(order))
    }

    /// The text that a node reads, where the facts lend it: most texts are only looked at, and need no copy. It
    /// costs as much fuel as any other way to it.
    fn lent(&self, node: &Node) -> Option<&'f str> {
        let (Node::Read(read), Some(facts)) = (node, self.facts) else { return None };
        match &read.source {
            _ if read.of_type != ValueType::String => None,
            Source::Property(path) => facts.lent_property(path),
            Source::Trait(key) => facts.lent_trait(key),
            _ => None,
        }
    }

    /// Follows a path; `None` when something on it is missing.
    fn find(&mut self, node: &Node) -> Result<Option<Value>, Stop> {
        match node {
            Node::Read(read) => Ok(self.read(read)),
            Node::Field(field) => {
                self.spend(1)?;
                Ok(match self.find(&field.object)? {
                    Some(Value::Object(fields)) => {
                        fields.get(&field.key).filter(|value| **value != Value::Null).cloned()
                    }
                    _ => None,
                })
            }
            Node::Item(item) => {
                self.spend(1)?;
                Ok(match self.find(&item.list)? {
                    Some(Value::List(items)) => items.get(item.index).cloned(),
                    _ => None,
                })
            }
            _ => self.value(node).map(Some),
        }
    }

    fn read(&mut self, read: &Read) -> Option<Value> {
        let facts = self.facts?;
        if self.looping == 0 {
            return see(read, facts);
        }
        let of = (Arc::clone(&read.name), read.wanted.clone());
        if let Some(seen) = self.seen.get(&of) {
            return seen.clone();
        }
        let value = see(read, facts);
        self.seen.insert(of, value.clone());
        value
    }

    fn items(&mut self, each: &Loop) -> Result<Arc<[Value]>, Stop> {
        match self.value(&each.over)? {
            Value::List(items) => Ok(items),
            other => Stop::mistyped(&other, "a list"),
        }
    }

    /// `exists`, `all`, `exists_one`.
    fn judge(&mut self, each: &Loop) -> Result<bool, Stop> {
        let items = self.items(each)?;
        self.looping += 1;
        let judged = self.judge_items(each, &items);
        self.looping -= 1;
        judged
    }

    fn judge_items(&mut self, each: &Loop, items: &[Value]) -> Result<bool, Stop> {
        let mut first_error = None;
        let mut found = 0_u64;
        for item in items {
            self.spend(1)?;
            self.locals[each.depth] = item.clone();
            match (self.truth(&each.body), each.kind) {
                (Ok(true), LoopKind::Exists) => return Ok(true),
                (Ok(false), LoopKind::All) => return Ok(false),
                (Ok(true), LoopKind::ExistsOne) => found += 1,
                (Ok(_), _) => {}
                (Err(Stop::Error(reason)), LoopKind::Exists | LoopKind::All) => {
                    first_error.get_or_insert(reason);
                }
                (Err(stop), _) => return Err(stop),
            }
        }
        match (first_error, each.kind) {
            (Some(reason), _) => Err(Stop::Error(reason)),
            (None, LoopKind::Exists) => Ok(false),
            (None, LoopKind::ExistsOne) => Ok(found == 1),
            (None, _) => Ok(true),
        }
    }

    /// `filter` and `map`.
    fn collect(&mut self, each: &Loop) -> Result<Value, Stop> {
        let items = self.items(each)?;
        self.looping += 1;
        let collected = self.collect_items(each, &items);
        self.looping -= 1;
        collected
    }

    fn collect_items(&mut self, each: &Loop, items: &[Value]) -> Result<Value, Stop> {
        let mut collected = Vec::new();
        for item in items {
            self.spend(1)?;
            self.locals[each.depth] = item.clone();
            if let Some(test) = &each.test
                && !self.truth(test)?
            {
                continue;
            }
            let value = match each.kind {
                LoopKind::Filter if self.truth(&each.body)? => item.clone(),
                LoopKind::Filter => continue,
                _ => self.value(&each.body)?,
            };
            self.spend_on(&value)?;
            collected.push(value);
        }
        Ok(Value::List(collected.into()))
    }
}

fn missing<T>(name: &str) -> Result<T, Stop> {
    Stop::error(format!("`{name}` is missing"))
}

/// Whether a value is of a type, so that it can be taken as it is.
pub(super) fn is_of(value: &Value, of_type: &ValueType) -> bool {
    match (value, of_type) {
        (Value::Bool(_), ValueType::Bool)
        | (Value::Int(_), ValueType::Int)
        | (Value::String(_), ValueType::String)
        | (Value::Timestamp(_), ValueType::Timestamp)
        | (Value::Duration(_), ValueType::Duration)
        | (_, ValueType::Any) => true,
        (Value::Double(double), ValueType::Decimal) => double.is_finite(),
        (Value::List(items), ValueType::List(of)) => items.iter().all(|item| is_of(item, of)),
        (Value::Object(values), ValueType::Object(fields)) => {
            fields.iter().all(|(key, (of, _))| values.get(key).is_none_or(|value| is_of(value, of)))
        }
        _ => false,
    }
}

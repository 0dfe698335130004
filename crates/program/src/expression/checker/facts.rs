//! What is declared and can be read: the event's properties, the profile's traits, metrics and balances, constants.

use std::sync::Arc;

use cel::parser::Expression as Tree;

use super::{
    Checker,
    guards::step,
    paths::{Found, Need, written},
};
use crate::{
    Kind,
    expression::{
        Declared, ValueType,
        tree::{Node, Read, Source},
    },
};

impl<'a> Checker<'a> {
    /// A path from a root.
    pub(super) fn named(&mut self, tree: &'a Tree, names: &[&'a str]) -> Option<Found> {
        match names {
            ["event", ..] if !self.scope.has_event() => {
                self.fault(
                    tree,
                    "unknown_name",
                    "There is no event here.",
                    "Use what is known of the profile: `profile.traits`, `profile.metrics`, `profile.balances`, `in_audience(…)`.",
                );
                None
            }
            ["event", "name", rest @ ..] => {
                self.fact(tree, Source::EventName, "event.name", known_as(ValueType::String), rest)
            }
            ["event", "timestamp", rest @ ..] => self.fact(
                tree,
                Source::EventTimestamp,
                "event.timestamp",
                known_as(ValueType::Timestamp),
                rest,
            ),
            ["event", "properties", path @ ..] if !path.is_empty() => self.property(tree, path),
            ["profile", "traits", key, rest @ ..] => match self.scope.profile_trait(key) {
                Some(declared) => {
                    self.refer(Kind::Trait, key);
                    self.fact(
                        tree,
                        Source::Trait((*key).into()),
                        &format!("profile.traits.{key}"),
                        declared,
                        rest,
                    )
                }
                None => self.undeclared(tree, "trait", "profile.traits", key, Kind::Trait),
            },
            ["profile", "metrics", key, rest @ ..] => match self.scope.metric(key) {
                Some(declared) => {
                    self.refer(Kind::Metric, key);
                    self.fact(
                        tree,
                        Source::Metric((*key).into()),
                        &format!("profile.metrics.{key}"),
                        declared,
                        rest,
                    )
                }
                None => self.undeclared(tree, "metric", "profile.metrics", key, Kind::Metric),
            },
            ["profile", "balances", key, rest @ ..] => {
                if self.scope.currency(key) {
                    self.refer(Kind::Currency, key);
                    let declared = known_as(ValueType::Int);
                    self.fact(
                        tree,
                        Source::Balance((*key).into()),
                        &format!("profile.balances.{key}"),
                        declared,
                        rest,
                    )
                } else {
                    self.undeclared(tree, "currency", "profile.balances", key, Kind::Currency)
                }
            }
            ["constants", key, rest @ ..] => match self.scope.constant(key) {
                Some(declared) => {
                    self.refer(Kind::Constant, key);
                    self.fact(
                        tree,
                        Source::Constant((*key).into()),
                        &format!("constants.{key}"),
                        declared,
                        rest,
                    )
                }
                None => self.undeclared(tree, "constant", "constants", key, Kind::Constant),
            },
            _ => {
                self.unknown_root(tree, names);
                None
            }
        }
    }

    /// A read of a fact, and of fields below it.
    fn fact(
        &mut self,
        tree: &'a Tree,
        source: Source,
        name: &str,
        declared: Declared,
        below: &[&str],
    ) -> Option<Found> {
        let place = source_place(name);
        let needs = if declared.always {
            Vec::new()
        } else {
            vec![Need { place: Some(place.clone()), name: name.into(), item: None }]
        };
        let node = self.node(source, name, declared.of_type.clone());
        let mut found = Found { node, of: declared.of_type, name: name.into(), place: Some(place), needs };
        for key in below {
            found = self.field(tree, found, key)?;
        }
        Some(found)
    }

    fn node(&mut self, source: Source, name: &str, of_type: ValueType) -> Node {
        let read = Read { source, name: name.into(), of_type, wanted: None };
        self.reads.insert(Arc::clone(&read.name), read.clone());
        Node::Read(Box::new(read))
    }

    fn property(&mut self, tree: &'a Tree, path: &[&'a str]) -> Option<Found> {
        let mut name = "event.properties".to_owned();
        let mut place = step("event", "properties");
        let mut needs = Vec::new();
        let mut of: Option<ValueType> = None;
        for depth in 1..=path.len() {
            let key = path[depth - 1];
            let declared = match &of {
                // A field of an object is as sure as the object says, once the object is there.
                Some(ValueType::Object(fields)) if fields.contains_key(key) => {
                    fields.get(key).map(|(of, always)| Declared { of_type: of.clone(), always: *always })
                }
                Some(ValueType::Any) => self
                    .scope
                    .property(&path[..depth])
                    .or(Some(Declared { of_type: ValueType::Any, always: false })),
                _ => self.scope.property(&path[..depth]),
            };
            let Some(declared) = declared else {
                self.unknown_property(tree, &name, path, depth, of.as_ref());
                return None;
            };
            name.push_str(&written(key));
            place = step(&place, key);
            if !declared.always {
                needs.push(Need { place: Some(place.clone()), name: name.clone(), item: None });
            }
            of = Some(declared.of_type);
        }
        let of = of?;
        let source = Source::Property(path.iter().map(|&part| part.into()).collect());
        let node = self.node(source, &name, of.clone());
        Some(Found { node, of, name, place: Some(place), needs })
    }
}

const fn known_as(of_type: ValueType) -> Declared {
    Declared { of_type, always: true }
}

/// The place of a fact with a plain dotted name.
fn source_place(name: &str) -> String {
    let mut parts = name.split('.');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |place, part| step(&place, part))
}

//! What an object refers to, read off its canonical spec without compiling it.
//!
//! It is syntactic on purpose: closures are computed over bundles that do not compile yet, because what
//! they need has not come along.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use serde_json::Value;

use crate::{Address, Key, Kind};

/// One object naming another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// What is named.
    pub to: Address,
    /// JSON pointer to the field that names it, e.g. `/spec/trigger/event`.
    pub pointer: String,
}

/// Everything that the object at `address` refers to, by address, then pointer. Text that is not a key or
/// not an expression refers to nothing; checking reports it.
pub fn references(address: &Address, spec: &Value) -> Vec<Reference> {
    let mut found = Found::default();
    let spec = At { value: spec, pointer: "/spec".into() };
    match address.kind {
        Kind::Metric => {
            found.key(Kind::EventType, spec.field("event"));
            found.expression(spec.field("where"));
        }
        Kind::Audience => found.expression(spec.field("condition")),
        Kind::Reactor => reactor(&spec, &mut found),
        Kind::Settings | Kind::Constant | Kind::Secret | Kind::EventType | Kind::Trait | Kind::Currency => {}
    }
    found.0.into_iter().collect()
}

fn reactor(spec: &At<'_>, found: &mut Found) {
    if let Some(trigger) = spec.field("trigger") {
        found.key(Kind::EventType, trigger.field("event"));
        found.key(Kind::Audience, trigger.field("audience_entered"));
        found.key(Kind::Audience, trigger.field("audience_left"));
    }
    found.expression(spec.field("condition"));
    found.key(Kind::Currency, spec.field("budget").and_then(|budget| budget.field("currency")));
    for action in spec.field("actions").iter().flat_map(At::items) {
        for name in ["award", "deduct"] {
            if let Some(points) = action.field(name) {
                found.key(Kind::Currency, points.field("currency"));
                found.expression(points.field("amount"));
            }
        }
        if let Some(set) = action.field("set_trait") {
            found.key(Kind::Trait, set.field("trait"));
            found.key(Kind::Trait, set.field("key"));
            found.expression(set.field("value"));
        }
        if let Some(emit) = action.field("emit_event") {
            found.key(Kind::EventType, emit.field("event"));
            found.expressions(emit.field("properties").as_ref());
        }
        if let Some(call) = action.field("call_webhook") {
            found.key(Kind::Secret, call.field("secret"));
            found.expressions(call.field("data").as_ref());
        }
        if let Some(send) = action.field("send_message") {
            found.expressions(send.field("data").as_ref());
        }
    }
}

/// A value and where it stands.
struct At<'a> {
    value: &'a Value,
    pointer: String,
}

impl<'a> At<'a> {
    fn field(&self, name: &str) -> Option<At<'a>> {
        let value = self.value.get(name)?;
        Some(At { value, pointer: format!("{}/{name}", self.pointer) })
    }

    fn items(&self) -> Vec<At<'a>> {
        let items = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
        let at = |(i, value)| At { value, pointer: format!("{}/{i}", self.pointer) };
        items.iter().enumerate().map(at).collect()
    }

    fn fields(&self) -> Vec<At<'a>> {
        let entries = self.value.as_object().into_iter().flatten();
        entries
            .map(|(key, value)| At {
                value,
                pointer: format!("{}/{}", self.pointer, key.replace('~', "~0").replace('/', "~1")),
            })
            .collect()
    }
}

#[derive(Default)]
struct Found(BTreeSet<Reference>);

impl Found {
    fn key(&mut self, kind: Kind, at: Option<At<'_>>) {
        if let Some(at) = at
            && let Some(text) = at.value.as_str()
        {
            self.add(kind, text, &at.pointer);
        }
    }

    fn add(&mut self, kind: Kind, key: &str, pointer: &str) {
        if let Ok(key) = Key::new(key) {
            self.0.insert(Reference { to: Address::new(kind, key), pointer: pointer.into() });
        }
    }

    fn expression(&mut self, at: Option<At<'_>>) {
        if let Some(at) = at
            && let Some(source) = at.value.as_str()
            && let Ok(tree) = cel::parser::Parser::new().parse(source)
        {
            self.walk(&tree, &at.pointer);
        }
    }

    fn expressions(&mut self, at: Option<&At<'_>>) {
        for field in at.into_iter().flat_map(At::fields) {
            self.expression(Some(field));
        }
    }

    fn walk(&mut self, tree: &IdedExpr, pointer: &str) {
        match &tree.expr {
            Expr::Select(select) => {
                self.member(&select.operand.expr, &select.field, pointer);
                self.walk(&select.operand, pointer);
            }
            Expr::Call(call) => self.call(call, pointer),
            Expr::Comprehension(fold) => {
                for part in
                    [&fold.iter_range, &fold.accu_init, &fold.loop_cond, &fold.loop_step, &fold.result]
                {
                    self.walk(part, pointer);
                }
            }
            Expr::List(list) => list.elements.iter().for_each(|item| self.walk(item, pointer)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| self.entry(&entry.expr, pointer)),
            Expr::Struct(made) => made.entries.iter().for_each(|entry| self.entry(&entry.expr, pointer)),
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
        }
    }

    fn entry(&mut self, entry: &EntryExpr, pointer: &str) {
        match entry {
            EntryExpr::StructField(field) => self.walk(&field.value, pointer),
            EntryExpr::MapEntry(pair) => {
                self.walk(&pair.key, pointer);
                self.walk(&pair.value, pointer);
            }
        }
    }

    fn call(&mut self, call: &CallExpr, pointer: &str) {
        match (call.func_name.as_str(), call.args.as_slice()) {
            ("in_audience", [name]) => {
                if let Some(key) = literal(name) {
                    self.add(Kind::Audience, key, pointer);
                }
            }
            ("_[_]", [operand, name]) => {
                if let Some(key) = literal(name) {
                    self.member(&operand.expr, key, pointer);
                }
            }
            _ => {}
        }
        call.target.iter().for_each(|target| self.walk(target, pointer));
        call.args.iter().for_each(|argument| self.walk(argument, pointer));
    }

    /// `OPERAND.field`, where the operand is a place that holds objects.
    fn member(&mut self, operand: &Expr, field: &str, pointer: &str) {
        let kind = match operand {
            Expr::Ident(name) if name == "constants" => Kind::Constant,
            Expr::Select(select) if matches!(&select.operand.expr, Expr::Ident(name) if name == "profile") => {
                match select.field.as_str() {
                    "traits" => Kind::Trait,
                    "metrics" => Kind::Metric,
                    "balances" => Kind::Currency,
                    _ => return,
                }
            }
            _ => return,
        };
        self.add(kind, field, pointer);
    }
}

fn literal(tree: &IdedExpr) -> Option<&str> {
    match &tree.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, spec: &str, expected: &[&str]) {
        let spec = serde_json::from_str(spec).expect("JSON");
        let found: Vec<String> = references(&address.parse().expect("address"), &spec)
            .into_iter()
            .map(|one| format!("{} {}", one.to, one.pointer))
            .collect();
        assert_eq!(found, expected, "{address}");
    }

    #[test]
    fn fields_and_expressions() {
        check("currency/points", r#"{"name":"Points"}"#, &[]);
        check(
            "metric/orders",
            r#"{"event":"order","aggregate":"count","where":"event.properties.total > constants.floor"}"#,
            &["constant/floor /spec/where", "event_type/order /spec/event"],
        );
        check(
            "audience/big",
            r#"{"condition":"has(profile.metrics.spend) && profile.metrics['spend'] > 5.0 && !in_audience('staff') && profile.balances.points > 0 && ['a'].exists(x, x == profile.traits.country)"}"#,
            &[
                "trait/country /spec/condition",
                "metric/spend /spec/condition",
                "audience/staff /spec/condition",
                "currency/points /spec/condition",
            ],
        );
        check("audience/broken", r#"{"condition":"profile.metrics. >"}"#, &[]);
    }

    #[test]
    fn every_place_in_a_reactor() {
        check(
            "reactor/r",
            r#"{"trigger":{"event":"order"},"condition":"in_audience('big')","budget":{"currency":"points","amount":5},
                "actions":[
                  {"award":{"currency":"points","of":"total","rate":1}},
                  {"deduct":{"currency":"stars","amount":"profile.metrics.n"}},
                  {"set_trait":{"trait":"level","value":"constants.level"}},
                  {"emit_event":{"event":"done","properties":{"a/b":"profile.traits.level"}}},
                  {"call_webhook":{"url":"https://x.example","secret":"hook","data":{"n":"profile.metrics.n"}}},
                  {"send_message":{"template":"t","channel":"email","data":{"n":"profile.balances.points"}}}]}"#,
            &[
                "constant/level /spec/actions/2/set_trait/value",
                "secret/hook /spec/actions/4/call_webhook/secret",
                "event_type/done /spec/actions/3/emit_event/event",
                "event_type/order /spec/trigger/event",
                "trait/level /spec/actions/2/set_trait/trait",
                "trait/level /spec/actions/3/emit_event/properties/a~1b",
                "metric/n /spec/actions/1/deduct/amount",
                "metric/n /spec/actions/4/call_webhook/data/n",
                "audience/big /spec/condition",
                "currency/points /spec/actions/0/award/currency",
                "currency/points /spec/actions/5/send_message/data/n",
                "currency/points /spec/budget/currency",
                "currency/stars /spec/actions/1/deduct/currency",
            ],
        );
        check(
            "reactor/r",
            r#"{"trigger":{"audience_left":"big"}}"#,
            &["audience/big /spec/trigger/audience_left"],
        );
    }
}

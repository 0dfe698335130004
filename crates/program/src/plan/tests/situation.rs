//! A source, a target, a base and the rest, in a few words.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    Address, Bundle, Fault, Key,
    closure::Graph,
    diff,
    plan::{Choices, Computed, Facts, Origin, OriginKind, Plan, PlanError, PlanInput, Selection, Side},
};

pub(super) fn at(text: &str) -> Address {
    text.parse().expect("an address")
}

pub(super) fn key(text: &str) -> Key {
    Key::new(text).expect("a key")
}

/// Objects as `address spec` pairs, made canonical.
pub(super) fn bundle(objects: &[(&str, &str)]) -> Bundle {
    let spec = |text: &str| diff::text(&diff::parse(text).expect("JSON"));
    Bundle { specs: objects.iter().map(|(address, text)| (at(address), spec(text))).collect() }
}

/// A stand-in for the compiler: every reference must exist, `of` must be a property that the trigger's event
/// type declares, and a currency may not be both `strict` and `loose`.
pub(super) fn check(bundle: &Bundle) -> Vec<Fault> {
    let values: BTreeMap<Address, Value> =
        bundle.specs.iter().map(|(at, text)| (at.clone(), diff::parse(text).expect("JSON"))).collect();
    let fault = |address: &Address, pointer: &str, message: String| Fault {
        position: None,
        address: Some(address.clone()),
        pointer: pointer.into(),
        code: "test",
        message,
        help: None,
    };
    let graph = Graph::of(&values);
    let mut faults: Vec<Fault> = graph
        .missing()
        .flat_map(|(to, who)| who.iter().map(move |one| (to, one)))
        .map(|(to, one)| fault(&one.address, &one.pointer, format!("there is no {to}")))
        .collect();
    for (address, spec) in &values {
        let is = |name: &str| spec.get(name) == Some(&Value::Bool(true));
        if is("strict") && is("loose") {
            faults.push(fault(address, "/spec/loose", "strict and loose".into()));
        }
        let event = spec.pointer("/trigger/event").and_then(Value::as_str);
        let schema = event.and_then(|event| values.get(&at(&format!("event_type/{event}"))));
        let of = spec.pointer("/actions/0/award/of").and_then(Value::as_str);
        if let (Some(schema), Some(of)) = (schema, of)
            && schema.pointer(&format!("/schema/properties/{of}")).is_none()
        {
            faults.push(fault(address, "/spec/actions/0/award/of", format!("there is no property {of}")));
        }
    }
    faults
}

/// Everything a plan is computed from.
#[derive(Clone, Debug)]
pub(super) struct Situation {
    pub(super) source: Bundle,
    pub(super) target: Bundle,
    pub(super) base: Option<Bundle>,
    pub(super) choices: Choices,
    pub(super) facts: Facts,
    pub(super) epoch: u64,
    pub(super) names: (&'static str, &'static str),
}

impl Situation {
    pub(super) fn new(base: Option<Bundle>, source: Bundle, target: Bundle) -> Self {
        Self {
            source,
            target,
            base,
            choices: Choices::default(),
            facts: Facts::default(),
            epoch: 7,
            names: ("staging", "live"),
        }
    }

    pub(super) fn of(
        base: Option<&[(&str, &str)]>,
        source: &[(&str, &str)],
        target: &[(&str, &str)],
    ) -> Self {
        Self::new(base.map(bundle), bundle(source), bundle(target))
    }

    pub(super) fn select(mut self, addresses: &[&str]) -> Self {
        self.choices.select = Selection::Only(addresses.iter().map(|one| at(one)).collect());
        self
    }

    pub(super) fn take(mut self, side: Side, address: &str) -> Self {
        self.choices.take.insert(at(address), side);
        self
    }

    pub(super) fn allow_delete(mut self) -> Self {
        self.choices.allow_delete = true;
        self
    }

    pub(super) fn compute(&self) -> Result<Computed, PlanError> {
        Plan::compute(&PlanInput {
            origin: Origin {
                kind: OriginKind::Environment,
                id: "env-source".into(),
                name: self.names.0.into(),
            },
            source_revision: None,
            source: &self.source,
            target_id: "env-target".into(),
            target_name: self.names.1.into(),
            epoch: self.epoch,
            head: None,
            target: &self.target,
            base: self.base.as_ref(),
            choices: self.choices.clone(),
            facts: &self.facts,
            check: &check,
        })
    }

    pub(super) fn computed(&self) -> Computed {
        self.compute().expect("a plan")
    }

    pub(super) fn plan(&self) -> Plan {
        self.computed().plan
    }

    /// The situation after the plan was applied, with nothing selected or decided any more.
    pub(super) fn applied(&self) -> Self {
        let computed = self.computed();
        let mut next = self.clone();
        next.target = computed.result;
        next.base = Some(computed.next_base);
        next.choices = Choices { allow_delete: self.choices.allow_delete, ..Choices::default() };
        next.epoch += 1;
        next
    }
}

/// The actions in order, as `+ address`.
pub(super) fn actions(plan: &Plan) -> Vec<String> {
    let sign = crate::plan::render::sign;
    plan.actions.iter().map(|one| format!("{} {}", sign(one.op), one.address)).collect()
}

/// The blockers as `code address`.
pub(super) fn blockers(plan: &Plan) -> Vec<String> {
    let code = |one: &crate::plan::Blocker| serde_json::to_value(one.code).expect("a word");
    let word = |one| code(one).as_str().expect("a word").to_owned();
    let address = |one: &crate::plan::Blocker| one.address.as_ref().map(ToString::to_string);
    plan.blockers.iter().map(|one| format!("{} {}", word(one), address(one).unwrap_or_default())).collect()
}

pub(super) fn words(addresses: &BTreeSet<Address>) -> Vec<String> {
    addresses.iter().map(ToString::to_string).collect()
}

/// The record shop in small.
pub(super) const SHOP: &[(&str, &str)] = &[
    ("event_type/order", r#"{"name":"Order Completed","schema":{"properties":{"total":{"type":"number"}}}}"#),
    ("metric/spend", r#"{"event":"order","aggregate":"sum","of":"total"}"#),
    ("audience/big", r#"{"condition":"profile.metrics.spend > 500.0"}"#),
    ("currency/points", r#"{"name":"Points","decimals":0}"#),
    (
        "reactor/points_for_orders",
        r#"{"trigger":{"event":"order"},"actions":[{"award":{"currency":"points","of":"total","rate":1}}]}"#,
    ),
    (
        "reactor/welcome",
        r#"{"trigger":{"audience_entered":"big"},"actions":[{"award":{"currency":"points","amount":"100"}}]}"#,
    ),
];

/// The shop with some objects put in place of others (or added), and without those given as empty.
pub(super) fn shop(changes: &[(&str, &str)]) -> Bundle {
    let mut shop = bundle(SHOP);
    for (address, spec) in changes {
        shop.specs.remove(&at(address));
        if !spec.is_empty() {
            shop.specs.extend(bundle(&[(address, spec)]).specs);
        }
    }
    shop
}

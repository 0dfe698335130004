//! Plans over real programs: read from YAML, checked by the compiler.

use std::collections::BTreeSet;

use program::{
    Address, Bundle, Fault, Program,
    closure::references,
    diff, document,
    expression::Expression,
    kinds::reactor::{Action, Amount},
    plan::{Choices, Computed, ConflictReason, Facts, Origin, OriginKind, Plan, PlanInput, Selection},
};

fn read(text: &str) -> Bundle {
    let files = [("program.yaml".to_owned(), text.to_owned())];
    match document::load(&files) {
        Ok(loaded) => loaded.bundle,
        Err(faults) => panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

fn check(bundle: &Bundle) -> Vec<Fault> {
    Program::compile(bundle).err().unwrap_or_default()
}

fn at(text: &str) -> Address {
    text.parse().expect("an address")
}

fn plan(base: Option<&Bundle>, source: &Bundle, target: &Bundle, select: &[&str]) -> Computed {
    let mut choices = Choices::default();
    if !select.is_empty() {
        choices.select = Selection::Only(select.iter().map(|one| at(one)).collect());
    }
    Plan::compute(&PlanInput {
        origin: Origin { kind: OriginKind::Directory, id: "shop".into(), name: "shop".into() },
        source_revision: None,
        source,
        target_id: "live".into(),
        target_name: "live".into(),
        epoch: 1,
        head: None,
        target,
        base,
        choices,
        facts: &Facts::default(),
        check: &check,
    })
    .expect("a plan")
}

fn lines(plan: &Plan) -> Vec<String> {
    let because = |one: &program::plan::Action| one.because.as_ref().map(|why| format!(" ({why})"));
    plan.actions.iter().map(|one| format!("{}{}", one.address, because(one).unwrap_or_default())).collect()
}

const SHOP: &str = r"
kind: event_type
key: order
spec: {schema: {type: object, properties: {total: {type: number}}, required: [total]}}
---
kind: metric
key: spend
spec: {event: order, aggregate: sum, of: properties.total}
---
kind: audience
key: big
spec: {condition: profile.metrics.spend > 500.0}
---
kind: currency
key: points
spec: {name: Points}
---
kind: reactor
key: earn
spec:
  trigger: {event: order}
  schedule: {from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z}
  actions: [{award: {currency: points, of: properties.total}}]
---
kind: reactor
key: welcome
spec:
  trigger: {audience_entered: big}
  actions: [{award: {currency: points, amount: 100}}]
";

#[test]
fn a_selection_compiles_in_an_empty_target() {
    let computed = plan(None, &read(SHOP), &Bundle::default(), &["reactor/welcome"]);
    assert_eq!(
        lines(&computed.plan),
        [
            "event_type/order (metric/spend → /spec/event)",
            "metric/spend (audience/big → /spec/condition)",
            "audience/big (reactor/welcome → /spec/trigger/audience_entered)",
            "currency/points (reactor/welcome → /spec/actions/0/award/currency)",
            "reactor/welcome",
        ]
    );
    assert!(!computed.plan.blocked(), "{:?}", computed.plan.blockers);
    assert_eq!(check(&computed.result), []);
}

#[test]
fn a_new_property_brings_its_event_type() {
    let base = read(SHOP);
    let net = SHOP
        .replace("{total: {type: number}}", "{total: {type: number}, net: {type: number}}")
        .replace("of: properties.total}}]", "of: properties.net}}]")
        .replace("name: Points", "name: Sparks");
    let computed = plan(Some(&base), &read(&net), &base, &["reactor/earn"]);
    assert_eq!(
        lines(&computed.plan),
        ["event_type/order (reactor/earn → /spec/trigger/event)", "reactor/earn"]
    );
    assert!(!computed.plan.blocked(), "{:?}", computed.plan.blockers);
}

#[test]
fn a_new_type_comes_through_what_lies_between() {
    // The audience compares a metric's value, whose type is that of the event's property.
    let level = |of_type: &str, condition: &str| {
        read(&format!(
            "{SHOP}---
kind: event_type
key: seen
spec: {{schema: {{type: object, properties: {{level: {{type: {of_type}}}}}}}}}
---
kind: metric
key: level
spec: {{event: seen, aggregate: last, of: properties.level}}
---
kind: audience
key: high
spec: {{condition: \"has(profile.metrics.level) && profile.metrics.level {condition}\"}}
"
        ))
    };
    let (base, source) = (level("string", "== 'gold'"), level("integer", "> 2"));
    let computed = plan(Some(&base), &source, &base, &["audience/high"]);
    assert_eq!(lines(&computed.plan), ["event_type/seen (metric/level → /spec/event)", "audience/high"]);
    assert!(!computed.plan.blocked(), "{:?}", computed.plan.blockers);
}

#[test]
fn merged_edits_that_are_no_object_together_are_a_conflict() {
    let base = read(SHOP);
    let source = read(&SHOP.replace("from: 2026-01-01T00:00:00Z, ", ""));
    let target = read(&SHOP.replace(", until: 2027-01-01T00:00:00Z", ""));
    let computed = plan(Some(&base), &source, &target, &[]);
    assert_eq!(computed.plan.conflicts[0].address, at("reactor/earn"));
    assert_eq!(computed.plan.conflicts[0].reason, ConflictReason::DoesNotCheck);
    let kinder = read(&SHOP.replace("{name: Points}", "{name: Points, pending_days: 14}"));
    let named = read(&SHOP.replace("{name: Points}", "{name: Sparks}"));
    let both = plan(Some(&base), &kinder, &named, &[]);
    let expected = read(&SHOP.replace("{name: Points}", "{name: Sparks, pending_days: 14}"));
    assert_eq!(both.result, expected, "apart, they are merged into the canonical form");
}

#[test]
fn a_tightened_schema_that_breaks_another_is_blocked() {
    let base = read(SHOP);
    let mut source = base.clone();
    source.specs.insert(
        at("event_type/order"),
        r#"{"schema":{"additionalProperties":false,"properties":{"net":{"type":"number"}},"type":"object"}}"#
            .into(),
    );
    let computed = plan(Some(&base), &source, &base, &["event_type/order"]);
    assert!(computed.plan.blocked());
    let named: BTreeSet<String> = computed
        .plan
        .blockers
        .iter()
        .filter_map(|one| one.address.as_ref())
        .map(ToString::to_string)
        .collect();
    assert!(named.contains("reactor/earn") && named.contains("metric/spend"), "{:?}", computed.plan.blockers);
}

const EVERYTHING: &str = r#"
---
kind: constant
key: floor
spec: {type: decimal, default: 5}
---
kind: secret
key: hook
spec: {}
---
kind: trait
key: country
spec: {type: string}
---
kind: event_type
key: thanked
spec: {schema: {type: object, properties: {country: {type: string}}}}
---
kind: metric
key: large
spec: {event: order, aggregate: count, where: event.properties.total > constants.floor}
---
kind: audience
key: local
spec: {condition: "has(profile.traits.country) && profile.traits.country == 'NL' && !in_audience('big')"}
---
kind: reactor
key: busy
spec:
  trigger: {event: order}
  condition: in_audience('local') && event.properties.total > constants.floor && profile.balances.points < 10
  budget: {currency: points, amount: 1000}
  actions:
    - award: {currency: points, amount: profile.metrics.large * 2}
    - deduct: {currency: points, amount: profile.balances.points}
    - set_trait: {trait: country, value: "'NL'"}
    - emit_event: {event: thanked, properties: {country: "has(profile.traits.country) ? profile.traits.country : 'NL'"}}
    - call_webhook: {url: "https://shop.example/hook", secret: hook, data: {n: profile.metrics.large}}
    - send_message: {template: thanks, channel: email, data: {n: profile.balances.points}}
"#;

/// The syntactic reading of references sees everything that the compiler's own does.
#[test]
fn references_agree_with_the_compiler() {
    let bundle = read(&format!("{SHOP}{EVERYTHING}"));
    let program = Program::compile(&bundle).expect("no faults");
    let found = |address: &str| -> BTreeSet<Address> {
        let address = at(address);
        let spec = diff::parse(&bundle.specs[&address]).expect("JSON");
        references(&address, &spec).into_iter().map(|one| one.to).collect()
    };
    let compiled = |expressions: &[&Expression]| -> BTreeSet<Address> {
        expressions.iter().flat_map(|one| one.references.iter().cloned()).collect()
    };
    let with = |mut all: BTreeSet<Address>, more: &[&str]| {
        all.extend(more.iter().map(|one| at(one)));
        all
    };
    for (key, audience) in &program.audiences {
        assert_eq!(found(&format!("audience/{key}")), compiled(&[&audience.condition]), "{key}");
    }
    for (key, metric) in &program.metrics {
        let filter: Vec<&Expression> = metric.filter.iter().collect();
        let event = format!("event_type/{}", metric.event);
        assert_eq!(found(&format!("metric/{key}")), with(compiled(&filter), &[&event]), "{key}");
    }
    let (_, busy) = program.reactors.iter().find(|(key, _)| key.as_str() == "busy").expect("it is there");
    let mut expressions: Vec<&Expression> = busy.condition.iter().collect();
    for action in &busy.actions {
        match action {
            Action::Award { amount, .. } | Action::Deduct { amount, .. } => {
                expressions.extend(match amount {
                    Amount::Expression(expression) => Some(expression),
                    Amount::Of { .. } => None,
                });
            }
            Action::SetTrait { value, .. } => expressions.push(value),
            Action::EmitEvent { properties: data, .. }
            | Action::CallWebhook { data, .. }
            | Action::SendMessage { data, .. } => expressions.extend(data.iter().map(|(_, value)| value)),
        }
    }
    let named = ["event_type/order", "event_type/thanked", "currency/points", "trait/country", "secret/hook"];
    assert_eq!(found("reactor/busy"), with(compiled(&expressions), &named));
}

#[test]
fn a_plan_of_a_whole_program_survives_its_file() {
    let source = read(&format!("{SHOP}{EVERYTHING}"));
    let computed = plan(None, &source, &Bundle::default(), &[]);
    let read = Plan::from_json(&computed.plan.to_json().expect("JSON")).expect("reads back");
    assert_eq!(read, computed.plan);
    assert_eq!(read.source_bundle(), source);
    let again = plan(None, &read.source_bundle(), &Bundle::default(), &[]);
    assert_eq!(read.stale(&again.plan), Ok(()));
    let after = plan(Some(&computed.next_base), &source, &computed.result, &[]);
    assert!(after.plan.is_empty() && !after.plan.moves_base());
}

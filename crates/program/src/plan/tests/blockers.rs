use super::situation::{Situation, actions, blockers, bundle, key, shop};
use crate::plan::Held;

const A: &str = r#"{"name":"A"}"#;

#[test]
fn deleting_what_is_used_names_the_users() {
    let source = shop(&[("currency/points", ""), ("reactor/points_for_orders", ""), ("reactor/welcome", "")]);
    let situation = Situation::new(Some(shop(&[])), source, shop(&[])).allow_delete();
    assert!(!situation.plan().blocked());
    let some = situation.select(&["currency/points", "reactor/welcome"]).plan();
    assert_eq!(blockers(&some), ["still_referenced currency/points"]);
    let blocker = &some.blockers[0];
    assert!(
        blocker.message.contains("reactor/points_for_orders → /spec/actions/0/award/currency"),
        "{blocker:?}"
    );
    assert!(blocker.help.as_deref().is_some_and(|help| help.contains("--select reactor/points_for_orders")));
}

#[test]
fn deleting_what_members_hold_names_the_count() {
    let base =
        [("audience/big", r#"{"condition":"true"}"#), ("currency/points", r#"{"name":"A","decimals":2}"#)];
    let mut situation = Situation::of(Some(&base), &[], &base).allow_delete();
    assert!(!situation.plan().blocked());
    situation.facts.members.insert(key("big"), 734);
    situation.facts.held.insert(key("points"), Held { wallets: 1, points: 120 });
    let plan = situation.plan();
    assert_eq!(blockers(&plan), ["held currency/points", "held audience/big"]);
    assert_eq!(plan.blockers[1].count, Some(734));
    assert_eq!(plan.blockers[1].message, "it would be deleted, but has 734 members");
    assert_eq!(
        plan.blockers[0].message,
        "it would be deleted, but 1 wallet holds or owes any: 1.20 altogether"
    );
    assert!(plan.blockers[0].help.as_deref().is_some_and(|help| help.starts_with("retire it instead")));
    situation.facts.members.insert(key("big"), 0);
    assert_eq!(blockers(&situation.plan()), ["held currency/points"]);
}

#[test]
fn bindings_of_the_result_must_be_there() {
    let source = [
        ("constant/rate", r#"{"type":"int"}"#),
        ("constant/name", r#"{"type":"string","default":"x"}"#),
        ("secret/hook", "{}"),
    ];
    let mut situation = Situation::of(None, &source, &[]);
    let plan = situation.plan();
    assert_eq!(actions(&plan), ["+ constant/name", "+ constant/rate", "+ secret/hook"]);
    assert_eq!(blockers(&plan), ["unbound_constant constant/rate", "unbound_secret secret/hook"]);
    assert_eq!(
        plan.blockers[1].help.as_deref(),
        Some("set it: greenroom secrets set hook --environment live")
    );
    situation.facts.secrets.insert(key("hook"));
    situation.facts.constants.insert(key("rate"), serde_json::json!("two"));
    let plan = situation.plan();
    assert_eq!(blockers(&plan), ["constant_mismatch constant/rate"]);
    assert!(!plan.to_json().expect("JSON").contains("two"), "values are never shown");
    situation.facts.constants.insert(key("rate"), serde_json::json!(2));
    assert!(!situation.plan().blocked());
    // What is wrong in the target anyway does not hold up a plan that does nothing.
    assert!(!Situation::of(None, &source, &source).plan().blocked());
}

#[test]
fn a_result_that_does_not_check_is_blocked() {
    let broken = bundle(&[("currency/points", r#"{"strict":true,"loose":true}"#)]);
    let plan = Situation::new(None, broken, bundle(&[])).plan();
    assert_eq!(blockers(&plan), ["fault currency/points"]);
    assert_eq!(plan.blockers[0].message, "the result does not check: strict and loose (at /spec/loose)");
    // A reference to nothing is told once, with who refers.
    let lost = bundle(&[("metric/n", r#"{"event":"gone"}"#)]);
    assert_eq!(
        blockers(&Situation::new(None, lost, bundle(&[])).plan()),
        ["missing_reference event_type/gone"]
    );
}

#[test]
fn exit_codes() {
    let nothing = Situation::of(None, &[], &[]).plan();
    assert_eq!((nothing.exit_code(false), nothing.exit_code(true)), (0, 0));
    let changes = Situation::of(None, &[("currency/points", A)], &[]).plan();
    assert_eq!((changes.exit_code(false), changes.exit_code(true)), (0, 2));
    let blocked = Situation::of(None, &[("secret/hook", "{}")], &[]).plan();
    assert_eq!((blocked.exit_code(false), blocked.exit_code(true)), (3, 3));
}

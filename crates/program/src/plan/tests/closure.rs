use super::situation::{Situation, actions, at, blockers, bundle, shop, words};
use crate::plan::Side;

const RICHER: &str = r#"{"name":"Order Completed","schema":{"properties":{"total":{"type":"number"},"net":{"type":"number"}}}}"#;
const BY_NET: &str =
    r#"{"trigger":{"event":"order"},"actions":[{"award":{"currency":"points","of":"net","rate":1}}]}"#;
const R: &str = "reactor/points_for_orders";

#[test]
fn a_selection_takes_what_the_target_lacks() {
    let plan = Situation::new(None, shop(&[]), bundle(&[])).select(&["reactor/welcome"]).plan();
    assert_eq!(
        actions(&plan),
        ["+ event_type/order", "+ metric/spend", "+ audience/big", "+ currency/points", "+ reactor/welcome"]
    );
    let because: Vec<_> = plan
        .actions
        .iter()
        .map(|one| one.because.as_ref().map(ToString::to_string).unwrap_or_default())
        .collect();
    assert_eq!(
        because,
        [
            "metric/spend → /spec/event",
            "audience/big → /spec/condition",
            "reactor/welcome → /spec/trigger/audience_entered",
            "reactor/welcome → /spec/actions/0/award/currency",
            "",
        ]
    );
    assert_eq!(words(&plan.not_selected), [R]);
}

#[test]
fn an_older_form_comes_along_when_it_is_needed() {
    let source = shop(&[("event_type/order", RICHER), (R, BY_NET)]);
    let needed = Situation::new(Some(shop(&[])), source.clone(), shop(&[])).select(&[R]).plan();
    assert_eq!(actions(&needed), ["~ event_type/order", "~ reactor/points_for_orders"]);
    let because = needed.actions[0].because.as_ref().map(ToString::to_string);
    assert_eq!(because.as_deref(), Some("reactor/points_for_orders → /spec/trigger/event"));
    assert!(!needed.blocked());
    // Not needed: it stays, and the plan says so.
    let doubled =
        r#"{"trigger":{"event":"order"},"actions":[{"award":{"currency":"points","of":"total","rate":2}}]}"#;
    let source = shop(&[("event_type/order", RICHER), (R, doubled)]);
    let not = Situation::new(Some(shop(&[])), source, shop(&[])).select(&[R]).plan();
    assert_eq!(actions(&not), ["~ reactor/points_for_orders"]);
    assert_eq!(words(&not.not_selected), ["event_type/order"]);
    assert!(not.notes[0].contains("--select event_type/order"), "{:?}", not.notes);
}

#[test]
fn what_the_target_deleted_is_not_brought_back_unasked() {
    let target = shop(&[("metric/spend", ""), ("audience/big", ""), ("reactor/welcome", "")]);
    let louder = r#"{"trigger":{"audience_entered":"big"},"actions":[{"award":{"currency":"points","amount":"200"}}]}"#;
    let source = shop(&[("reactor/welcome", louder)]);
    let situation = Situation::new(Some(shop(&[])), source, target)
        .select(&["reactor/welcome"])
        .take(Side::Source, "reactor/welcome");
    let plan = situation.plan();
    assert_eq!(actions(&plan), ["+ reactor/welcome"]);
    assert_eq!(blockers(&plan), ["missing_reference audience/big"]);
    assert_eq!(plan.blockers[0].help.as_deref(), Some("bring it back with --take source audience/big"));
    let back = situation.take(Side::Source, "audience/big").take(Side::Source, "metric/spend").plan();
    assert_eq!(actions(&back), ["+ metric/spend", "+ audience/big", "+ reactor/welcome"]);
    assert!(!back.blocked());
}

#[test]
fn deletions_come_last_users_first() {
    let source = shop(&[("reactor/welcome", ""), ("audience/big", ""), ("metric/spend", "")]);
    let plan = Situation::new(Some(shop(&[])), source, shop(&[])).allow_delete().plan();
    assert_eq!(actions(&plan), ["- reactor/welcome", "- audience/big", "- metric/spend"]);
    assert!(!plan.blocked());
    assert!(plan.actions.iter().all(|one| one.after.is_none() && one.before.is_some()));
}

#[test]
fn effects_follow_what_a_condition_rests_on() {
    let source = shop(&[(
        "metric/spend",
        r#"{"event":"order","aggregate":"sum","of":"total","window":"calendar_year"}"#,
    )]);
    let mut situation = Situation::new(Some(shop(&[])), source, shop(&[]));
    situation.facts.members.insert(super::situation::key("big"), 734);
    let effects = situation.plan().effects;
    let audience = &effects.audiences[0];
    assert_eq!(audience.address, at("audience/big"));
    assert_eq!(words(&audience.because), ["metric/spend"]);
    assert_eq!(audience.members, Some(734));
    assert_eq!(audience.on_entered, [at("reactor/welcome")]);
    assert!(effects.metrics[0].backfill);
    assert!(!effects.audience_reactors_run);
    let renamed =
        shop(&[("metric/spend", r#"{"event":"order","aggregate":"sum","of":"total","description":"x"}"#)]);
    assert!(Situation::new(Some(shop(&[])), renamed, shop(&[])).plan().effects.audiences.is_empty());
}

use super::situation::{Situation, actions, at, blockers};
use crate::plan::{PlanError, Selection, Side};

const A: &str = r#"{"name":"A"}"#;
const B: &str = r#"{"name":"B"}"#;
const C: &str = r#"{"name":"C"}"#;
const P: &str = "currency/points";

#[test]
fn a_conflict_is_decided_by_name() {
    let both = Situation::of(Some(&[(P, A)]), &[(P, B)], &[(P, C)]);
    let source = both.clone().take(Side::Source, P);
    assert_eq!(actions(&source.plan()), ["~ currency/points"]);
    assert!(!source.plan().blocked());
    let target = both.take(Side::Target, P);
    let computed = target.computed();
    assert!(computed.plan.is_empty() && !computed.plan.blocked());
    assert!(computed.plan.moves_base(), "so that the question is not asked again");
    assert_eq!(&*computed.result.specs[&at(P)], C);
    let next = target.applied();
    assert!(next.plan().is_empty());
    assert_eq!(next.plan().drift.len(), 1, "from then on it is drift");
}

#[test]
fn drift_is_undone_by_name() {
    let changed = Situation::of(Some(&[(P, A)]), &[(P, A)], &[(P, B)]).take(Side::Source, P);
    assert_eq!(actions(&changed.plan()), ["~ currency/points"]);
    let deleted = Situation::of(Some(&[(P, A)]), &[(P, A)], &[]).take(Side::Source, P);
    assert_eq!(actions(&deleted.plan()), ["+ currency/points"]);
    let made = Situation::of(Some(&[]), &[], &[(P, A)]).take(Side::Source, P);
    assert!(made.plan().is_empty(), "a deletion needs its own permission");
    assert_eq!(actions(&made.allow_delete().plan()), ["- currency/points"]);
}

#[test]
fn an_update_is_declined_by_name() {
    let situation = Situation::of(Some(&[(P, A)]), &[(P, B)], &[(P, A)]).take(Side::Target, P);
    assert!(situation.plan().is_empty());
    assert_eq!(situation.plan().drift.len(), 1);
}

#[test]
fn deletions_only_when_asked_for() {
    let situation = Situation::of(Some(&[(P, A)]), &[], &[(P, A)]);
    assert!(situation.plan().is_empty());
    assert_eq!(actions(&situation.clone().allow_delete().plan()), ["- currency/points"]);
    // What the target made for itself is never deleted along.
    let own = Situation::of(Some(&[]), &[], &[(P, A)]).allow_delete();
    assert!(own.plan().is_empty());
    let conflict = Situation::of(Some(&[(P, A)]), &[], &[(P, B)]).allow_delete();
    assert_eq!(blockers(&conflict.plan()), ["conflict currency/points"]);
    assert!(conflict.plan().blockers[0].help.as_deref().is_some_and(|help| help.contains("--allow-delete")));
}

#[test]
fn a_selection_of_nothing_is_an_error() {
    let mut situation = Situation::of(None, &[(P, A)], &[]);
    situation.choices.select = Selection::Only([].into());
    assert_eq!(situation.compute().err(), Some(PlanError::EmptySelection));
}

#[test]
fn unknown_addresses_get_a_suggestion() {
    let situation = Situation::of(None, &[(P, A)], &[]);
    let unknown = PlanError::UnknownAddress { address: at("currency/point"), like: Some(at(P)) };
    assert_eq!(situation.clone().select(&["currency/point"]).compute().err(), Some(unknown.clone()));
    assert_eq!(situation.clone().take(Side::Source, "currency/point").compute().err(), Some(unknown.clone()));
    assert_eq!(
        unknown.to_string(),
        "there is no currency/point in the source or the target; did you mean currency/points?"
    );
    let far = situation.select(&["reactor/zzz"]).compute().err();
    assert_eq!(far, Some(PlanError::UnknownAddress { address: at("reactor/zzz"), like: None }));
}

#[test]
fn a_choice_outside_the_selection_is_an_error() {
    let two = [(P, A), ("currency/stars", A)];
    let situation = Situation::of(None, &two, &[]).select(&[P]).take(Side::Source, "currency/stars");
    assert!(matches!(situation.compute(), Err(PlanError::TakeNotSelected { .. })));
}

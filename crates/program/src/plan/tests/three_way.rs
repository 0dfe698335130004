use super::situation::{Situation, actions, at, blockers, words};
use crate::{
    Address,
    plan::{ConflictReason, DriftKind, DriftReason, How},
};

const A: &str = r#"{"name":"A","decimals":0}"#;
const B: &str = r#"{"name":"B","decimals":0}"#;
const C: &str = r#"{"name":"C","decimals":0}"#;
const A2: &str = r#"{"name":"A","decimals":2}"#;
const P: &str = "currency/points";

type Form<'a> = Option<&'a str>;

fn objects(form: Form<'_>) -> Vec<(&str, &str)> {
    form.map(|spec| (P, spec)).into_iter().collect()
}

fn situation(base: Option<Form<'_>>, source: Form<'_>, target: Form<'_>) -> Situation {
    Situation::of(base.map(objects).as_deref(), &objects(source), &objects(target))
}

#[test]
fn each_combination_comes_out() {
    let (a, b, c, a2) = (Some(A), Some(B), Some(C), Some(A2));
    for (base, source, target, expected, after) in [
        (Some(a), a, a, "", a),
        (Some(a), b, b, "", b),
        (Some(a), b, a, "~ currency/points", b),
        (Some(None), a, None, "+ currency/points", a),
        (Some(a), a, b, "drift", b),
        (Some(a), a, None, "drift", None),
        (Some(None), None, a, "drift", a),
        (Some(a), None, a, "kept", a),
        (None, None, a, "kept", a),
        (None, a, None, "+ currency/points", a),
        (Some(a), b, c, "conflict", c),
        (Some(a), None, b, "conflict", b),
        (Some(a), b, None, "conflict", None),
        (Some(None), a, b, "conflict", b),
        (None, a, b, "conflict", b),
        // Different fields: merged.
        (Some(a), b, a2, "~ currency/points", Some(r#"{"decimals":2,"name":"B"}"#)),
    ] {
        let computed = situation(base, source, target).computed();
        let plan = &computed.plan;
        let mut found = actions(plan);
        found.extend(
            plan.drift.iter().filter(|one| one.reason == DriftReason::Untouched).map(|_| "drift".into()),
        );
        found.extend(plan.kept.iter().map(|_| "kept".into()));
        found.extend(plan.conflicts.iter().map(|_| "conflict".into()));
        let context = format!("{base:?} {source:?} {target:?}");
        assert_eq!(found.join(" "), expected, "{context}");
        let expected = after.map(|spec| crate::diff::text(&crate::diff::parse(spec).expect("JSON")));
        assert_eq!(computed.result.specs.get(&at(P)), expected.as_ref(), "{context}");
        assert_eq!(plan.blocked(), !plan.conflicts.is_empty(), "{context}");
    }
}

#[test]
fn an_update_names_its_fields_and_hashes() {
    let computed = situation(Some(Some(A)), Some(B), Some(A)).computed();
    let action = &computed.plan.actions[0];
    assert_eq!(action.fields[0].pointer, "/spec/name");
    assert_eq!(action.fields[0].before, Some("A".into()));
    assert_eq!(action.fields[0].after, Some("B".into()));
    assert_eq!(action.after, computed.result.manifest().get(&at(P)).copied());
    assert_ne!(action.before, action.after);
    assert_eq!(computed.plan.result, computed.result.manifest_hash());
}

#[test]
fn a_conflict_names_field_and_author() {
    let mut situation = situation(Some(Some(A)), Some(B), Some(C));
    let author = [("/spec/name".to_owned(), "Ada".to_owned())].into();
    situation.facts.target_authors.0.insert(at(P), author);
    let plan = situation.plan();
    let conflict = &plan.conflicts[0];
    assert_eq!(conflict.reason, ConflictReason::SameFields);
    let field = &conflict.fields[0];
    assert_eq!((field.pointer.as_str(), field.target_author.as_deref()), ("/spec/name", Some("Ada")));
    assert_eq!(field.base, Some("A".into()));
    assert_eq!(field.source_author, None);
    assert_eq!(blockers(&plan), ["conflict currency/points"]);
    assert!(plan.blockers[0].message.contains("/spec/name (target: Ada)"), "{:?}", plan.blockers);
}

#[test]
fn different_fields_are_merged_and_the_targets_is_shown() {
    let plan = situation(Some(Some(A)), Some(B), Some(A2)).plan();
    assert_eq!(plan.actions[0].how, How::Merged);
    assert_eq!(plan.actions[0].fields.len(), 1, "only what changes in the target");
    let drift = &plan.drift[0];
    assert_eq!((drift.kind, drift.reason), (DriftKind::Changed, DriftReason::Merged));
    assert_eq!(drift.fields[0].pointer, "/spec/decimals");
}

#[test]
fn a_merge_that_does_not_check_is_a_conflict() {
    let (base, strict, loose) =
        (r#"{"name":"A"}"#, r#"{"name":"A","strict":true}"#, r#"{"loose":true,"name":"A"}"#);
    let computed = situation(Some(Some(base)), Some(strict), Some(loose)).computed();
    assert_eq!(computed.plan.conflicts[0].reason, ConflictReason::DoesNotCheck);
    let pointers: Vec<_> = computed.plan.conflicts[0].fields.iter().map(|one| one.pointer.as_str()).collect();
    assert_eq!(pointers, ["/spec/loose", "/spec/strict"]);
    assert_eq!(blockers(&computed.plan), ["conflict currency/points"]);
    assert_eq!(&*computed.result.specs[&at(P)], loose);
}

#[test]
fn drift_of_another_object_stays_beside_an_update() {
    let base = [(P, A), ("currency/stars", A)];
    let source = [(P, B), ("currency/stars", A)];
    let target = [(P, A), ("currency/stars", C), ("currency/local", A)];
    let plan = Situation::of(Some(&base), &source, &target).plan();
    assert_eq!(actions(&plan), ["~ currency/points"]);
    let drift: Vec<(Address, DriftKind)> =
        plan.drift.iter().map(|one| (one.address.clone(), one.kind)).collect();
    assert_eq!(drift, [(at("currency/local"), DriftKind::Made), (at("currency/stars"), DriftKind::Changed)]);
    assert_eq!(words(&plan.kept), Vec::<String>::new());
}

#[test]
fn what_was_agreed_is_not_asked_again() {
    // Both sides made the same edit, each on its own. Then the source goes on.
    let same = situation(Some(Some(A)), Some(B), Some(B));
    assert!(same.plan().is_empty());
    assert!(same.plan().moves_base());
    let mut next = same.applied();
    next.source = super::situation::bundle(&[(P, C)]);
    assert_eq!(actions(&next.plan()), ["~ currency/points"]);
    assert!(!next.plan().blocked());
}

#[test]
fn kept_stays_kept_when_nothing_was_ever_promoted() {
    let mut next = situation(None, None, Some(A)).applied();
    assert_eq!(words(&next.plan().kept), [P]);
    next = next.allow_delete();
    assert_eq!(actions(&next.plan()), ["- currency/points"]);
}

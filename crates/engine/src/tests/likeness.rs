//! Where two programs are said to decide alike, they do: random lives, decided under programs that differ in reactors.

use std::sync::Arc;

use proptest::{prelude::*, strategy::ValueTree};

use super::{
    properties::{live, shape, step, yaml},
    world::rules,
};
use crate::{Decision, Effect, Likeness, Profile, evolve, record, replay};

/// What may be otherwise in the candidate: a part of the program's text, and what stands there instead.
const CHANGES: [(&str, &str); 13] = [
    ("amount: 70}\n", "amount: 71}\n"),
    ("rate: 0.35", "rate: 0.5"),
    ("points: 70", "points: 69"),
    ("total > 20.0", "total > 90.0"),
    ("count: 2", "count: 3"),
    ("key: spend\nspec:", "key: spend\nspec:\n  priority: 5"),
    ("amount: 25", "amount: 26"),
    ("template: spent", "template: gone"),
    ("value: \"'gold'\"", "value: \"'silver'\""),
    ("amount: 3}", "amount: 4}"),
    ("limits: [{count: 1}]", "limits: [{count: 2}]"),
    ("trigger: {audience_left: gold}", "trigger: {audience_left: active}"),
    (
        "kind: reactor\nkey: farewell\n",
        "kind: reactor\nkey: extra\nspec: {trigger: {audience_entered: poor}, actions: [{award: {currency: points, amount: 1}}]}\n---\nkind: reactor\nkey: farewell\n",
    ),
];

/// But for where the profile stands, which is another program's.
fn in_essence(mut decision: Decision) -> Vec<u8> {
    decision.effects.retain(|effect| !matches!(effect, Effect::Basis(_)));
    record::decision_bytes(&decision)
}

#[test]
fn every_change_is_one() {
    let shape =
        shape().new_tree(&mut proptest::test_runner::TestRunner::deterministic()).expect("a shape").current();
    let text = yaml(&shape);
    let same = Likeness::of(&rules(&text, 1, "1990-01-01"), &rules(&text, 2, "1991-01-01"));
    for (from, to) in CHANGES {
        let (one, other) = (rules(&text, 1, "1990-01-01"), rules(&text.replace(from, to), 1, "1990-01-01"));
        assert_ne!(one.basis, other.basis, "`{from}` is in the text");
        let likeness = Likeness::of(&one, &other);
        assert!(likeness.is_some() && likeness != same, "{from}: {likeness:?}");
    }
    for (from, to) in [
        ("rolling_days: ", "rolling_days: 1"),
        ("total < 300.0", "total < 301.0"),
        ("name: Miles", "name: Airmiles"),
    ] {
        let other = rules(&text.replace(from, to), 1, "1990-01-01");
        assert_eq!(Likeness::of(&rules(&text, 1, "1990-01-01"), &other), None, "{from}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_cannot_part_is_decided_alike(
        one in shape(),
        two in shape(),
        steps in prop::collection::vec(step(), 1..50),
        changes in prop::sample::subsequence(CHANGES.to_vec(), 1..4),
    ) {
        let text = changes.iter().fold(yaml(&one), |text, (from, to)| text.replace(from, to));
        let candidate = rules(&text, 1_000, "1990-01-01");
        let world = live(&[one, two], steps);
        for (id, records) in &world.journal {
            let mut state = Profile::new(*id);
            let mut history = Vec::new();
            for encoded in records {
                let opened = record::open(&encoded.header, Some(&encoded.body)).expect("it opens");
                let recorded = record::decode(&encoded.header, Some(&encoded.body)).expect("it reads back");
                let (Some(input), then) = (opened.input(), &world.epochs[&opened.epoch()]) else { continue };
                let past: Arc<[_]> = Arc::from(history.clone());
                let (decision, after) =
                    replay::retrace(then, state.clone(), &opened, &past).expect("it is decided again");
                if let Some(likeness) = Likeness::of(then, &candidate) {
                    let parts = likeness.parts(then, input, &decision);
                    prop_assert!(!parts || likeness.may_part(then, input), "{:?}", input);
                    let upgrade = matches!(input, crate::Input::Upgrade { .. });
                    if !parts && !upgrade {
                        let basis = if state.basis == then.basis { candidate.basis } else { state.basis };
                        let before = Profile { basis, ..state.clone() };
                        let (other, _) = replay::retrace(&candidate, before, &opened, &past)
                            .expect("the candidate decides it");
                        prop_assert_eq!(in_essence(other), in_essence(decision));
                    }
                }
                history.extend(replay::history_of(&recorded));
                evolve(&mut state, &recorded);
                prop_assert_eq!(&after, &state);
            }
        }
    }
}

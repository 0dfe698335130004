//! What holds for all bundles.

use std::collections::BTreeSet;

use proptest::{collection::btree_map, prelude::*, sample::select};

use super::situation::{Situation, at};
use crate::{
    Address, Bundle,
    diff::{self, Sides, State},
    plan::{Op, Selection, Side},
};

/// A small world in which everything refers to everything, so that collisions are common.
fn bundles() -> impl Strategy<Value = Bundle> {
    let event = select(vec![
        "{}",
        r#"{"schema":{"properties":{"net":1}}}"#,
        r#"{"schema":{"properties":{"gross":1}}}"#,
    ]);
    let metric =
        select(vec![r#"{"event":"a"}"#, r#"{"event":"b"}"#, r#"{"event":"a","window":"calendar_year"}"#]);
    let audience = select(vec![
        r#"{"condition":"profile.metrics.a > 1"}"#,
        r#"{"condition":"profile.metrics.b > 1"}"#,
        r#"{"condition":"profile.balances.a > 1","description":"x"}"#,
    ]);
    let currency = (0..3, 0..3, any::<bool>(), any::<bool>()).prop_map(|(name, decimals, strict, loose)| {
        format!(r#"{{"name":"{name}","decimals":{decimals},"strict":{strict},"loose":{loose}}}"#)
    });
    let reactor = (select(vec!["a", "b"]), select(vec!["net", "gross"]), 0..3, any::<bool>()).prop_map(
        |(event, of, priority, entered)| {
            let trigger =
                if entered { format!(r#""audience_entered":"{event}""#) } else { format!(r#""event":"{event}""#) };
            format!(
                r#"{{"trigger":{{{trigger}}},"priority":{priority},"actions":[{{"award":{{"currency":"{event}","of":"{of}"}}}}]}}"#
            )
        },
    );
    let of = |kind: &'static str, specs: BoxedStrategy<String>| {
        btree_map(select(vec!["a", "b", "c"]), specs, 0..3)
            .prop_map(move |some| some.into_iter().map(move |(key, spec)| (format!("{kind}/{key}"), spec)))
    };
    let text = |one: proptest::sample::Select<&'static str>| one.prop_map(str::to_owned).boxed();
    (
        of("event_type", text(event)),
        of("metric", text(metric)),
        of("audience", text(audience)),
        of("currency", currency.boxed()),
        of("reactor", reactor.boxed()),
    )
        .prop_map(|(a, b, c, d, e)| Bundle {
            specs: a
                .chain(b)
                .chain(c)
                .chain(d)
                .chain(e)
                .map(|(address, spec)| (at(&address), diff::text(&diff::parse(&spec).expect("JSON"))))
                .collect(),
        })
}

/// Mostly like `like`, with some objects of `other`: so that all four states are common.
fn edited(like: &Bundle, other: &Bundle, mask: u32) -> Bundle {
    let all: BTreeSet<&Address> = like.specs.keys().chain(other.specs.keys()).collect();
    let pick = |i: usize| if mask >> (i % 32) & 1 == 1 { other } else { like };
    let specs = all
        .into_iter()
        .enumerate()
        .filter_map(|(i, address)| pick(i).specs.get(address).map(|spec| (address.clone(), spec.clone())));
    Bundle { specs: specs.collect() }
}

/// Half the bits, so that edits are sparse and often apart.
fn situations() -> impl Strategy<Value = Situation> {
    let masks = || (any::<u32>(), any::<u32>()).prop_map(|(a, b)| a & b);
    let bundles = (bundles(), bundles(), bundles(), masks(), masks());
    (bundles, prop::option::weighted(0.8, Just(())), any::<bool>()).prop_map(
        |((base, ours, theirs, mine, yours), known, allow_delete)| {
            let (source, target) = (edited(&base, &ours, mine), edited(&base, &theirs, yours));
            let mut situation = Situation::new(known.map(|()| base), source, target);
            situation.choices.allow_delete = allow_delete;
            situation
        },
    )
}

/// A selection among all that there is, or everything.
fn selected() -> impl Strategy<Value = Situation> {
    (situations(), any::<u32>()).prop_map(|(mut situation, mask)| {
        let all = addresses(&situation).into_iter().enumerate();
        let some: BTreeSet<Address> =
            all.filter(|(i, _)| mask >> (i % 32) & 1 == 1).map(|(_, at)| at).collect();
        if !some.is_empty() {
            situation.choices.select = Selection::Only(some);
        }
        situation
    })
}

fn addresses(situation: &Situation) -> BTreeSet<Address> {
    situation.source.specs.keys().chain(situation.target.specs.keys()).cloned().collect()
}

fn state(situation: &Situation, address: &Address) -> State {
    let of = |bundle: &'_ Bundle| bundle.specs.get(address).cloned();
    let (base, source, target) =
        (situation.base.as_ref().map(of), of(&situation.source), of(&situation.target));
    Sides { base: base.as_ref().map(Option::as_deref), source: source.as_deref(), target: target.as_deref() }
        .state()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_on_both_sides_is_nothing_to_do(bundle in bundles(), base in prop::option::of(bundles())) {
        let plan = Situation::new(base, bundle.clone(), bundle).plan();
        prop_assert!(plan.is_empty() && !plan.blocked());
        prop_assert!(plan.drift.is_empty() && plan.kept.is_empty() && plan.not_selected.is_empty());
        prop_assert_eq!(plan.result, plan.target.manifest);
    }

    #[test]
    fn applied_and_planned_again_is_nothing_to_do(situation in selected()) {
        let computed = situation.computed();
        let mut again = situation.clone();
        again.target = computed.result;
        again.base = Some(computed.next_base);
        // What was deleted on both sides is no longer known by its address.
        let known = addresses(&again);
        if let Selection::Only(some) = &mut again.choices.select {
            some.retain(|address| known.contains(address));
            prop_assume!(!some.is_empty());
        }
        let plan = again.plan();
        prop_assert!(plan.actions.is_empty(), "{:?}", plan.actions);
        // What was open stays open, and nothing new opens.
        let open = |one: &crate::plan::Plan| one.conflicts.iter().map(|c| c.address.clone()).collect::<Vec<_>>();
        if situation.choices.select == Selection::Everything {
            prop_assert_eq!(open(&plan), open(&computed.plan));
        }
    }

    #[test]
    fn each_side_keeps_what_it_alone_changed(situation in situations()) {
        let computed = situation.computed();
        for address in addresses(&situation) {
            let after = computed.result.specs.get(&address);
            let (source, target) = (situation.source.specs.get(&address), situation.target.specs.get(&address));
            match state(&situation, &address) {
                State::Same | State::Target => prop_assert_eq!(after, target, "{}", address),
                State::Source if source.is_some() || situation.choices.allow_delete => {
                    prop_assert_eq!(after, source, "{}", address);
                }
                State::Source => prop_assert_eq!(after, target, "{}", address),
                State::Both => {
                    let conflict = computed.plan.conflicts.iter().any(|one| one.address == address);
                    prop_assert!(!conflict || after == target, "{}", address);
                }
            }
        }
    }

    #[test]
    fn a_merge_holds_both_edits(situation in situations()) {
        let computed = situation.computed();
        for action in computed.plan.actions.iter().filter(|one| one.how == crate::plan::How::Merged) {
            let of = |bundle: &Bundle| bundle.specs.get(&action.address).map(|text| diff::parse(text).expect("JSON"));
            let base = situation.base.as_ref().and_then(of);
            let after = of(&computed.result).expect("merged");
            for side in [&situation.source, &situation.target] {
                for change in diff::fields(base.as_ref(), of(side).as_ref()) {
                    let at = change.pointer.strip_prefix("/spec").expect("a pointer").to_owned();
                    prop_assert_eq!(after.pointer(&at), change.after.as_ref(), "{}", change.pointer);
                }
            }
            let faults = super::situation::check(&computed.result);
            prop_assert!(!faults.iter().any(|one| one.address.as_ref() == Some(&action.address)));
        }
    }

    #[test]
    fn a_closure_is_closed(situation in selected()) {
        let computed = situation.computed();
        let mut again = situation.clone();
        if let Selection::Only(some) = &mut again.choices.select {
            some.extend(computed.plan.actions.iter().map(|one| one.address.clone()));
            some.extend(computed.plan.conflicts.iter().map(|one| one.address.clone()));
        }
        let second = again.computed();
        prop_assert!(second.plan.actions.iter().all(|one| one.because.is_none()));
        prop_assert_eq!(second.result, computed.result);
    }

    #[test]
    fn unselected_objects_stay(situation in selected()) {
        let computed = situation.computed();
        for address in &computed.plan.not_selected {
            prop_assert_eq!(computed.result.specs.get(address), situation.target.specs.get(address));
        }
        for action in &computed.plan.actions {
            let named = match &situation.choices.select {
                Selection::Everything => true,
                Selection::Only(some) => some.contains(&action.address),
            };
            prop_assert!(named != action.because.is_some());
        }
    }

    #[test]
    fn everything_decided_nothing_open(situation in situations(), source in any::<bool>()) {
        let mut situation = situation.allow_delete();
        let side = if source { Side::Source } else { Side::Target };
        situation.choices.take = addresses(&situation).into_iter().map(|at| (at, side)).collect();
        let computed = situation.computed();
        prop_assert!(computed.plan.conflicts.is_empty());
        prop_assert_eq!(&computed.result, if source { &situation.source } else { &situation.target });
        prop_assert!(situation.applied().plan().conflicts.is_empty());
    }

    #[test]
    fn actions_lead_from_target_to_result(situation in selected()) {
        let computed = situation.computed();
        let mut built = situation.target.manifest();
        for action in &computed.plan.actions {
            prop_assert_eq!(built.get(&action.address), action.before.as_ref());
            prop_assert_eq!(action.op == Op::Create, action.before.is_none());
            match action.after {
                Some(hash) => built.insert(action.address.clone(), hash),
                None => built.remove(&action.address),
            };
            prop_assert!(!action.fields.is_empty());
        }
        prop_assert_eq!(built, computed.result.manifest());
    }

    #[test]
    fn the_same_input_gives_the_same_file(situation in selected()) {
        prop_assert_eq!(situation.plan().to_json().ok(), situation.plan().to_json().ok());
    }

    #[test]
    fn a_file_reads_back(situation in selected()) {
        let plan = situation.plan();
        let text = plan.to_json().expect("JSON");
        let read = crate::plan::Plan::from_json(&text);
        prop_assert_eq!(read.as_ref().map(crate::plan::Plan::source_bundle), Ok(situation.source.clone()));
        prop_assert_eq!(read, Ok(plan));
    }

    #[test]
    fn the_digest_moves_with_what_matters_and_only_then(situation in selected(), other in bundles()) {
        let digest = situation.plan().digest;
        let changed = |change: &dyn Fn(&mut Situation)| {
            let mut next = situation.clone();
            change(&mut next);
            next.compute().map(|computed| computed.plan.digest).ok()
        };
        // What is only shown, or judged anew when applying.
        let shown = changed(&|next| {
            next.names = ("elsewhere", "production");
            next.facts.members = ["a", "b", "c"].map(|key| (super::situation::key(key), 5)).into();
            for address in addresses(next) {
                next.facts.target_authors.0.insert(address, [(String::new(), "Ada".to_owned())].into());
            }
        });
        prop_assert_eq!(shown, Some(digest));
        // What is assumed and chosen.
        prop_assert_ne!(changed(&|next| next.epoch += 1), Some(digest));
        prop_assert_ne!(changed(&|next| next.choices.allow_delete = !next.choices.allow_delete), Some(digest));
        prop_assert_ne!(changed(&|next| next.choices.run_audience_reactors = true), Some(digest));
        if other != situation.target {
            prop_assert_ne!(changed(&|next| next.target = other.clone()), Some(digest));
        }
        if Some(&other) != situation.base.as_ref() {
            prop_assert_ne!(changed(&|next| next.base = Some(other.clone())), Some(digest));
        }
        if situation.choices.select == Selection::Everything && other != situation.source {
            prop_assert_ne!(changed(&|next| next.source = other.clone()), Some(digest));
        }
        // An edit in the source that nobody selected.
        let ours = |one: &&Address| situation.source.specs.contains_key(*one) && state(&situation, one) == State::Source;
        if let Some(address) = situation.plan().not_selected.iter().find(ours) {
            let edit = |next: &mut Situation| {
                next.source.specs.insert(address.clone(), r#"{"description":"edited"}"#.into());
            };
            prop_assert_eq!(changed(&edit), Some(digest), "{}", address);
        }
    }
}

//! The ledger balances, over long random histories.

use std::collections::BTreeMap;

use ledger::{Expiry, ExpiryEnd, GroupId, PostingGroup, ProfileId, Wallet, Wallets};
use proptest::prelude::*;

use crate::book::{Book, day, terms};
use crate::office::{MEMBERS, Office, Step, currencies};

fn step() -> impl Strategy<Value = Step> {
    let (who, currency) = (0..MEMBERS, 0..currencies().len());
    prop_oneof![
        8 => (who.clone(), currency.clone(), 1..40_i64, prop_oneof![4 => Just(0), 1 => 0..60_i64], prop::bool::weighted(0.2))
            .prop_map(|(who, currency, amount, late, by_hand)| Step::Give(who, currency, amount, late, by_hand)),
        7 => (who.clone(), currency, 1..60_i64, any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(who, currency, amount, part, by_hand)| Step::Take(who, currency, amount, part, by_hand)),
        5 => (who.clone(), any::<usize>()).prop_map(|(who, which)| Step::Reverse(who, which)),
        1 => (who.clone(), who.clone()).prop_map(|(from, to)| Step::Merge(from, to)),
        4 => (1..12_i64).prop_map(Step::Wait),
        1 => prop::option::weighted(0.2, who).prop_map(|who| who.map_or(Step::Wait(1), Step::Erase)),
    ]
}

fn history(steps: &[Step]) -> Result<Office, TestCaseError> {
    let mut office = Office::new();
    for (n, step) in steps.iter().enumerate() {
        office.step(step).map_err(|fault| TestCaseError::fail(format!("step {n}, {step:?}: {fault}")))?;
    }
    Ok(office)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every step is checked against the reference and by the books; then the journal is replayed.
    #[test]
    fn the_ledger_balances_and_replay_equals_record(steps in prop::collection::vec(step(), 1..220)) {
        let office = history(&steps)?;
        let mut replayed: BTreeMap<ProfileId, Wallets> = BTreeMap::new();
        for (id, group) in &office.journal {
            let bytes = postcard::to_allocvec(group).expect("encodes");
            let read: PostingGroup = postcard::from_bytes(&bytes).expect("decodes");
            prop_assert_eq!(&read, group);
            let text = serde_json::to_string(group).expect("encodes");
            prop_assert_eq!(&serde_json::from_str::<PostingGroup>(&text).expect("decodes"), group);
            replayed.entry(id.profile).or_default().apply(&read, *id).expect("what was recorded fits");
        }
        for member in office.members.iter().chain(&office.gone) {
            let wallets = replayed.remove(&member.profile).unwrap_or_default();
            prop_assert_eq!(&wallets, &member.wallets);
            let bytes = postcard::to_allocvec(&wallets).expect("encodes");
            prop_assert_eq!(&bytes, &postcard::to_allocvec(&member.wallets).expect("encodes"));
            prop_assert_eq!(&postcard::from_bytes::<Wallets>(&bytes).expect("decodes"), &wallets);
            let text = serde_json::to_string(&wallets).expect("encodes");
            prop_assert_eq!(&serde_json::from_str::<Wallets>(&text).expect("decodes"), &wallets);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Looking once after a long time does what looking at every moment does.
    #[test]
    fn due_work_does_not_depend_on_when_it_is_looked_at(steps in prop::collection::vec(step(), 1..120)) {
        let office = history(&steps)?;
        let later = office.now + jiff::SignedDuration::from_hours(24 * 400);
        for member in &office.members {
            let (mut once, mut often) = (member.wallets.clone(), member.wallets.clone());
            let id = GroupId { profile: member.profile, n: u64::MAX, index: 0 };
            for group in once.due(later).expect("due work") {
                once.apply(&group, id).expect("it fits");
            }
            while let Some(next) = often.due_at().filter(|due| *due <= later) {
                // At one and the same moment it does not matter which of the two goes first.
                let first = if next.as_second() % 2 == 0 { often.expire(next) } else { often.mature(next) };
                for group in first.expect("due work") {
                    prop_assert_eq!(group.at, next);
                    often.apply(&group, id).expect("it fits");
                }
                for group in often.due(next).expect("due work") {
                    often.apply(&group, id).expect("it fits");
                }
            }
            prop_assert_eq!(once, often);
        }
    }

    /// Whichever of two members is merged into the other, the same is left.
    #[test]
    fn a_merge_gives_the_same_wallets_in_either_direction(steps in prop::collection::vec(step(), 1..120)) {
        let office = history(&steps)?;
        let (one, other) = (&office.members[0], &office.members[1]);
        let merged = |into: &Wallets, from: &Wallets| {
            let mut wallets = into.clone();
            let id = GroupId { profile: one.profile, n: u64::MAX, index: 0 };
            for group in wallets.take_in(from, office.now).expect("it can be taken in") {
                wallets.apply(&group, id).expect("it fits");
            }
            wallets.0.retain(|_, wallet| *wallet != Wallet::default());
            wallets
        };
        prop_assert_eq!(merged(&one.wallets, &other.wallets), merged(&other.wallets, &one.wallets));
    }

    /// The order in which points come in has no bearing on what a deduction leaves.
    #[test]
    fn the_order_of_awards_does_not_matter(
        awards in prop::collection::vec((1..100_i64, 0..40_i64), 1..12).prop_shuffle(),
        asked in 1..500_i64,
    ) {
        let outcome = |awards: &[(i64, i64)]| {
            let mut book = Book::new(terms());
            book.terms.expiry = Expiry::AfterDays(60, ExpiryEnd::Day);
            for (amount, on) in awards {
                book.award(*amount, day(*on));
            }
            book.deduct_part(asked, day(41));
            let mut left = BTreeMap::<_, i64>::new();
            for lot in book.wallet().lots.values() {
                *left.entry(lot.expires_at).or_default() += lot.left;
            }
            left
        };
        let mut sorted = awards.clone();
        sorted.sort_unstable();
        prop_assert_eq!(outcome(&awards), outcome(&sorted));
    }
}

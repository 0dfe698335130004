//! Wallets that move: merge and erase.

use ledger::{Account, Error, ProfileId, Reason, Wallets};

use crate::book::{Book, day, terms};

/// Two members of one currency, and both legs of a merge of the first into the second.
fn merge(from: &mut Book, into: &mut Book, days: i64) {
    let state = from.wallets.clone();
    for group in from.wallets.close(day(days), Reason::MergeOut).expect("it can be closed") {
        from.post(group);
    }
    for group in into.wallets.take_in(&state, day(days)).expect("it can be taken in") {
        into.post(group);
    }
    assert_eq!(from.sum(Account::Clearing) + into.sum(Account::Clearing), 0);
}

fn pair() -> (Book, Book) {
    (Book::of(ProfileId([1; 16]), terms()), Book::of(ProfileId([2; 16]), terms()))
}

#[test]
fn lots_keep_their_ids_and_times() {
    let (mut from, mut into) = pair();
    from.terms.pending_days = 14;
    let pending = from.award(30, day(0));
    from.terms.pending_days = 0;
    let spendable = from.award(20, day(1));
    into.award(5, day(1));
    let lots = from.wallet().lots.clone();
    merge(&mut from, &mut into, 2);
    assert_eq!((from.available(), from.pending(), from.sum(Account::Clearing)), (0, 0, 50));
    assert_eq!((into.available(), into.pending()), (25, 30));
    for lot in [pending, spendable] {
        assert_eq!(into.wallet().lots[&lot], lots[&lot]);
    }
    assert_eq!(into.run(day(14)), 1);
    assert_eq!((into.available(), into.pending()), (55, 0));
}

#[test]
fn debt_moves_too_and_is_paid_off_by_either_side() {
    for debtor_moves in [true, false] {
        let (mut from, mut into) = pair();
        let (debtor, saver) = if debtor_moves { (&mut from, &mut into) } else { (&mut into, &mut from) };
        debtor.terms.allow_negative = true;
        debtor.deduct(30, day(0)).expect("it may go below zero");
        let lot = saver.award(100, day(0));
        merge(&mut from, &mut into, 1);
        assert_eq!((into.available(), into.wallet().debt, into.left(lot)), (70, 0, 70));
        assert_eq!((from.available(), from.wallet().debt), (0, 0));
    }
}

#[test]
fn equal_debt_and_savings_still_move() {
    let (mut from, mut into) = pair();
    from.terms.allow_negative = true;
    from.terms.pending_days = 10;
    let lot = from.award(30, day(0));
    from.deduct(30, day(0)).expect("it may go below zero");
    merge(&mut from, &mut into, 1);
    assert_eq!((into.available(), into.pending(), into.left(lot)), (-30, 30, 30));
    assert_eq!(into.sum(Account::Clearing), 0);
}

#[test]
fn what_was_reversed_before_a_merge_cannot_be_reversed_after_it() {
    let (mut from, mut into) = pair();
    let lot = from.award(100, day(0));
    let original = from.group(lot).clone();
    from.reverse(lot, day(1)).expect("all of it is there");
    into.award(100, day(1));
    merge(&mut from, &mut into, 2);
    let again = into.wallets.reverse(&original, lot, &into.terms, day(3));
    assert_eq!(again, Err(Error::AlreadyReversed(lot)));
}

#[test]
fn what_was_earned_before_a_merge_can_be_reversed_after_it() {
    let (mut from, mut into) = pair();
    let lot = from.award(100, day(0));
    let original = from.group(lot).clone();
    merge(&mut from, &mut into, 2);
    let group = into.wallets.reverse(&original, lot, &into.terms, day(3)).expect("all of it is there");
    into.post(group);
    assert_eq!(into.available(), 0);
}

#[test]
fn the_same_wallet_is_not_taken_in_twice() {
    let (mut from, mut into) = pair();
    from.award(1, day(0));
    let state = from.wallets.clone();
    merge(&mut from, &mut into, 1);
    assert!(matches!(into.wallets.take_in(&state, day(1)), Err(Error::Unbalanced(_))));
}

#[test]
fn an_erased_members_points_go_to_adjusted() {
    let mut book = Book::new(terms());
    book.terms.pending_days = 3;
    book.award(30, day(0));
    book.terms.pending_days = 0;
    book.award(12, day(0));
    for group in book.wallets.close(day(1), Reason::Erase).expect("it can be closed") {
        book.post(group);
    }
    assert_eq!((book.available(), book.pending(), book.sum(Account::Adjusted)), (0, 0, 42));
    assert_eq!(book.wallets, Wallets::default());
    assert_eq!(book.wallets.close(day(2), Reason::Erase), Ok(Vec::new()));
}

#[test]
fn a_wallet_that_holds_nothing_is_closed_too() {
    let mut book = Book::new(terms());
    let lot = book.award(30, day(0));
    book.reverse(lot, day(1)).expect("all of it is there");
    let groups = book.wallets.close(day(2), Reason::MergeOut).expect("it can be closed");
    assert_eq!(groups.iter().map(|group| group.postings.len()).collect::<Vec<_>>(), [0]);
    for group in groups {
        book.post(group);
    }
    assert_eq!(book.wallets, Wallets::default());
}

#[test]
fn a_closing_group_that_leaves_something_does_not_fit() {
    let mut book = Book::new(terms());
    book.award(30, day(0));
    let group = book.wallets.close(day(1), Reason::MergeOut).expect("it can be closed").remove(0);
    book.award(5, day(1));
    let before = book.wallets.clone();
    let (mut stale, id) = (group, book.next_id());
    stale.postings[0].balance = Some(5);
    assert!(matches!(book.wallets.apply(&stale, id), Err(Error::Unbalanced(_))));
    assert_eq!(book.wallets, before);
}

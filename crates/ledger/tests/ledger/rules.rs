//! The rules one by one, in numbers.

use ledger::{Account, Error, Expiry, ExpiryEnd, PostingGroup, Reason, Shortfall};

use crate::book::{Book, day, points, terms};

#[test]
fn an_award_opens_a_lot_out_of_issued() {
    let mut book = Book::new(terms());
    let lot = book.award(100, day(1));
    assert_eq!(book.available(), 100);
    assert_eq!(book.left(lot), 100);
    assert_eq!(book.sum(Account::Issued), -100);
}

#[test]
fn a_deduction_takes_the_lot_that_ends_first() {
    let mut book = Book::new(terms());
    let never = book.award(70, day(0));
    book.terms.expiry = Expiry::AfterDays(30, ExpiryEnd::Day);
    let later = book.award(100, day(5));
    let sooner = book.award(50, day(1));
    book.deduct(120, day(6)).expect("220 are there");
    assert_eq!([sooner, later, never].map(|lot| book.left(lot)), [0, 30, 70]);
    assert_eq!(book.sum(Account::Redeemed), 120);
}

#[test]
fn a_deduction_never_overdraws() {
    let mut book = Book::new(terms());
    book.award(10, day(1));
    let refused = book.deduct(11, day(2)).expect_err("only 10 are there");
    assert_eq!(refused, Error::Insufficient { currency: points(), available: 10, asked: 11 });
    assert!(book.deduct_part(11, day(2)).is_some());
    assert_eq!(book.available(), 0);
    assert_eq!(book.deduct_part(1, day(2)), None);
}

#[test]
fn a_deduction_below_zero_makes_debt_and_the_next_award_pays_it_off() {
    let mut book = Book::new(terms());
    book.terms.allow_negative = true;
    book.award(10, day(1));
    book.deduct(25, day(2)).expect("it may go below zero");
    assert_eq!((book.available(), book.wallet().debt), (-15, 15));
    let lot = book.award(20, day(3));
    assert_eq!((book.available(), book.wallet().debt, book.left(lot)), (5, 0, 5));
}

#[test]
fn debt_from_before_the_currency_stopped_going_below_zero_stays_as_it_is() {
    let mut book = Book::new(terms());
    book.terms.allow_negative = true;
    book.deduct(25, day(0)).expect("it may go below zero");
    book.terms.allow_negative = false;
    assert_eq!(book.deduct_part(10, day(1)), None);
    let refused = book.deduct(10, day(1)).expect_err("there is less than nothing");
    assert_eq!(refused, Error::Insufficient { currency: points(), available: -25, asked: 10 });
    book.award(30, day(2));
    assert_eq!(book.available(), 5);
}

#[test]
fn pending_points_mature_pay_off_debt_and_expire() {
    let mut book = Book::new(terms());
    book.terms.allow_negative = true;
    book.terms.pending_days = 14;
    book.terms.expiry = Expiry::AfterDays(30, ExpiryEnd::Day);
    let lot = book.award(100, day(0));
    assert_eq!((book.available(), book.pending()), (0, 100));
    book.deduct(30, day(1)).expect("it may go below zero");
    assert_eq!((book.available(), book.pending(), book.left(lot)), (-30, 100, 100));
    assert_eq!(book.wallets.due_at(), Some(day(14)));
    assert_eq!(book.run(day(13)), 0);
    assert_eq!(book.run(day(14)), 1);
    assert_eq!((book.available(), book.pending(), book.left(lot)), (70, 0, 70));
    assert_eq!(book.run(day(40)), 1);
    assert_eq!((book.available(), book.sum(Account::Expired)), (0, 70));
    assert_eq!(book.wallets.due_at(), None);
}

#[test]
fn points_can_be_spent_up_to_the_instant_they_end() {
    let mut book = Book::new(terms());
    book.terms.expiry = Expiry::AfterDays(1, ExpiryEnd::Day);
    let lot = book.award(10, day(0));
    let end = book.wallet().lots[&lot].expires_at.expect("it ends");
    let just_before = end - jiff::SignedDuration::from_micros(1);
    book.deduct(4, just_before).expect("not over yet");
    let late = book.deduct(1, end).expect_err("nothing is there any more, though it has not been posted yet");
    assert_eq!(late, Error::Insufficient { currency: points(), available: 0, asked: 1 });
    assert_eq!(book.run(just_before), 0);
    assert_eq!(book.run(end), 1);
    assert_eq!(book.sum(Account::Expired), 6);
}

#[test]
fn a_lot_awarded_late_is_opened_and_then_expires() {
    let mut book = Book::new(terms());
    book.terms.expiry = Expiry::AfterDays(5, ExpiryEnd::Day);
    book.award(10, day(100));
    book.award(20, day(10));
    assert_eq!(book.run(day(100)), 1);
    assert_eq!((book.available(), book.sum(Account::Expired)), (10, 20));
}

#[test]
fn points_that_end_before_they_mature_expire_while_pending() {
    let mut book = Book::new(terms());
    book.terms.pending_days = 10;
    book.terms.expiry = Expiry::AfterDays(3, ExpiryEnd::Day);
    book.award(10, day(0));
    assert_eq!(book.wallets.mature(day(30)), Ok(Vec::new()));
    assert_eq!(book.run(day(30)), 1);
    assert_eq!((book.available(), book.pending(), book.sum(Account::Expired)), (0, 0, 10));
}

#[test]
fn adjustments_go_against_the_adjusted_account() {
    let mut book = Book::new(terms());
    let id = book.next_id();
    let credit = book.wallets.award(&points(), &book.terms, 30, day(0), id, Reason::Adjust);
    book.post(credit.expect("a credit"));
    let debit = book.wallets.deduct(&points(), &book.terms, 12, day(1), Shortfall::Refuse, Reason::Adjust);
    book.post(debit.expect("30 are there").expect("something"));
    assert_eq!((book.available(), book.sum(Account::Adjusted)), (18, -18));
}

#[test]
fn amounts_that_cannot_be_held_are_refused() {
    let mut book = Book::new(terms());
    book.award(i64::MAX - 5, day(0));
    let id = book.next_id();
    for amount in [0, -1, i64::MIN, 6] {
        let award = book.wallets.award(&points(), &book.terms, amount, day(1), id, Reason::Award);
        assert!(matches!(award, Err(Error::Amount(_))), "award {amount}: {award:?}");
    }
    let mut pending = book.terms.clone();
    pending.pending_days = 1;
    let award = book.wallets.award(&points(), &pending, 6, day(1), id, Reason::Award);
    assert!(matches!(award, Err(Error::Amount(_))), "it could not mature: {award:?}");
    for amount in [0, -1, i64::MIN] {
        let refused = book.deduct(amount, day(1));
        assert!(matches!(refused, Err(Error::Amount(_))), "deduct {amount}: {refused:?}");
    }
    book.terms.allow_negative = true;
    book.deduct(i64::MAX, day(1)).expect("down to −5");
    book.deduct(i64::MAX - 5, day(1)).expect("down to −(2^63 − 1)");
    assert!(matches!(book.deduct(2, day(1)), Err(Error::Amount(_))));
    assert_eq!(book.available(), -i64::MAX);
}

/// Breaks a group.
type Spoil = fn(&mut PostingGroup);

#[test]
fn a_group_that_does_not_fit_changes_nothing() {
    let mut book = Book::new(terms());
    book.terms.expiry = Expiry::AfterDays(30, ExpiryEnd::Day);
    book.award(10, day(0));
    book.terms.expiry = Expiry::Never;
    book.award(20, day(0));
    let mut before = book.clone();
    book.deduct(15, day(1)).expect("30 are there");
    let good = book.groups.pop().expect("the deduction").1;
    let wallets = before.wallets.clone();
    let spoilt: [(&str, Spoil); 9] = [
        ("unbalanced", |group| group.postings[0].amount += 1),
        ("a wrong balance", |group| group.postings[0].balance = Some(1)),
        ("no balance", |group| group.postings[0].balance = None),
        ("a balance outside", |group| group.postings[2].balance = Some(0)),
        ("more than the lot holds", |group| {
            group.postings[0].amount -= 1;
            group.postings[1].amount += 1;
            group.postings[0].balance = Some(19);
        }),
        ("an unknown lot", |group| group.postings[0].lot.as_mut().expect("a lot").n = 99),
        ("paying off debt that is not there", |group| {
            group.postings[0].amount = 10;
            group.postings[0].lot = None;
        }),
        ("no times", |group| group.lots.truncate(1)),
        ("other times", |group| group.lots[0].awarded_at = day(3)),
    ];
    for (what, spoil) in spoilt {
        let mut group = good.clone();
        spoil(&mut group);
        let id = before.next_id();
        let refused = before.wallets.apply(&group, id);
        assert!(matches!(refused, Err(Error::Unbalanced(_))), "{what}: {refused:?}");
        assert_eq!(before.wallets, wallets, "{what}");
    }
    let id = before.next_id();
    before.wallets.apply(&good, id).expect("as it was proposed, it fits");
    assert_eq!(before.wallets, book.wallets);
}

#[test]
fn points_that_end_together_stand_in_one_lot() {
    let mut book = Book::new(terms());
    let first = book.award(10, day(0));
    book.award(5, day(1));
    assert_eq!((book.wallet().lots.len(), book.left(first)), (1, 15));
    book.terms.pending_days = 2;
    let pending = book.award(7, day(2));
    assert_eq!((book.wallet().lots.len(), book.left(pending)), (2, 7), "it waits on its own");
    book.run(day(4));
    assert_eq!((book.wallet().lots.len(), book.left(first), book.left(pending)), (1, 22, 0));
    book.terms.pending_days = 0;
    book.terms.expiry = Expiry::AfterDays(30, ExpiryEnd::Month);
    book.award(1, day(5));
    book.award(1, day(6));
    assert_eq!(book.wallet().lots.len(), 2, "those that end have another lot");
    book.reverse(pending, day(7)).expect("its points are among those of the first");
    assert_eq!((book.left(first), book.available()), (15, 17));
}

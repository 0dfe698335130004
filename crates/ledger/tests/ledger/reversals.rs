//! Reversals, case by case.

use ledger::{Account, Error, Expiry, ExpiryEnd, Reason};

use crate::book::{Book, day, terms};

fn negative() -> Book {
    let mut book = Book::new(terms());
    book.terms.allow_negative = true;
    book
}

#[test]
fn an_award_is_taken_back_from_its_own_lot() {
    let mut book = Book::new(terms());
    let (kept, lot) = (book.award(40, day(1)), book.award(100, day(2)));
    let reversal = book.reverse(lot, day(3)).expect("all of it is there");
    assert_eq!(book.group(reversal).cites, Some(lot));
    assert_eq!([kept, lot].map(|lot| book.left(lot)), [40, 0]);
    assert_eq!(book.sum(Account::Issued), -40);
    assert_eq!(book.reverse(lot, day(4)), Err(Error::AlreadyReversed(lot)));
}

#[test]
fn a_pending_award_is_taken_back_from_pending() {
    let mut book = Book::new(terms());
    book.terms.pending_days = 14;
    let lot = book.award(100, day(0));
    book.reverse(lot, day(3)).expect("all of it is there");
    assert_eq!((book.pending(), book.wallets.due_at()), (0, None));
}

#[test]
fn what_was_spent_is_taken_from_other_lots_down_to_zero() {
    let mut book = Book::new(terms());
    let first = book.award(100, day(0));
    let second = book.award(50, day(1));
    book.deduct(90, day(2)).expect("150 are there");
    book.reverse(first, day(3)).expect("60 are there");
    assert_eq!((book.left(first), book.left(second), book.available()), (0, 0, 0));
    let original = book.group(first).clone();
    assert_eq!(book.wallets.not_reversed(&original, first), 40, "what could not be taken back");
    assert_eq!(book.reverse(first, day(4)), Err(Error::AlreadyReversed(first)), "nothing is there to take");
    let third = book.award(25, day(5));
    book.reverse(first, day(6)).expect("25 are there now");
    assert_eq!((book.left(third), book.wallets.not_reversed(&original, first)), (0, 15));
}

#[test]
fn what_was_spent_becomes_debt_when_the_currency_goes_below_zero() {
    let mut book = negative();
    let first = book.award(100, day(0));
    let second = book.award(50, day(1));
    book.deduct(90, day(2)).expect("150 are there");
    book.reverse(first, day(3)).expect("it may go below zero");
    assert_eq!((book.left(second), book.wallet().debt, book.available()), (0, 40, -40));
    assert_eq!(book.reverse(first, day(4)), Err(Error::AlreadyReversed(first)));
}

#[test]
fn points_that_ran_out_are_not_taken_back() {
    let mut book = Book::new(terms());
    let kept = book.award(100, day(0));
    book.terms.expiry = Expiry::AfterDays(10, ExpiryEnd::Day);
    let ended = book.award(30, day(0));
    book.deduct(10, day(1)).expect("130 are there");
    book.run(day(20));
    assert_eq!(book.sum(Account::Expired), 20);
    assert_eq!(book.reverse(ended, day(20)), Err(Error::AlreadyReversed(ended)));
    assert_eq!(book.left(kept), 100);
}

#[test]
fn points_are_lost_from_the_very_instant_their_lot_ends() {
    let mut book = Book::new(terms());
    book.award(100, day(0));
    book.terms.expiry = Expiry::AfterDays(10, ExpiryEnd::Day);
    let lot = book.award(30, day(0));
    let end = book.wallet().lots[&lot].expires_at.expect("it ends");
    book.deduct(10, day(1)).expect("130 are there");
    let mut before = book.clone();
    before.reverse(lot, end - jiff::SignedDuration::from_micros(1)).expect("20 in the lot, 10 elsewhere");
    assert_eq!(before.available(), 90);
    book.run(end);
    assert_eq!(book.reverse(lot, end), Err(Error::AlreadyReversed(lot)));
}

#[test]
fn what_had_paid_off_debt_is_owed_again_even_after_expiry() {
    let mut book = negative();
    book.deduct(30, day(0)).expect("it may go below zero");
    book.terms.expiry = Expiry::AfterDays(10, ExpiryEnd::Day);
    let award = book.award(50, day(1));
    book.run(day(20));
    book.reverse(award, day(20)).expect("30 had paid off debt");
    assert_eq!((book.wallet().debt, book.sum(Account::Expired), book.sum(Account::Issued)), (30, 20, -20));
    assert_eq!(book.reverse(award, day(21)), Err(Error::AlreadyReversed(award)));
}

#[test]
fn a_deduction_is_given_back_to_the_very_lots() {
    let mut book = Book::new(terms());
    book.terms.expiry = Expiry::AfterDays(30, ExpiryEnd::Day);
    let (first, second) = (book.award(20, day(0)), book.award(30, day(5)));
    let wallet = book.wallet().clone();
    let deduction = book.deduct(35, day(6)).expect("50 are there");
    assert_eq!([first, second].map(|lot| book.left(lot)), [0, 15]);
    book.reverse(deduction, day(7)).expect("it can be given back");
    assert_eq!(book.wallet().lots, wallet.lots);
    assert_eq!(book.sum(Account::Redeemed), 0);
    assert_eq!(book.reverse(deduction, day(8)), Err(Error::AlreadyReversed(deduction)));
}

#[test]
fn a_lot_that_ended_meanwhile_is_restored_and_expires() {
    let mut book = Book::new(terms());
    book.terms.expiry = Expiry::AfterDays(10, ExpiryEnd::Day);
    let lot = book.award(20, day(0));
    let deduction = book.deduct(20, day(1)).expect("20 are there");
    book.reverse(deduction, day(40)).expect("it can be given back");
    assert_eq!(book.left(lot), 20);
    assert!(book.deduct(1, day(40)).is_err(), "restored, but over");
    assert_eq!(book.run(day(40)), 1);
    assert_eq!((book.available(), book.sum(Account::Expired)), (0, 20));
}

#[test]
fn an_overdraft_is_given_back_to_debt_and_the_rest_as_a_fresh_lot() {
    let mut book = negative();
    let lot = book.award(10, day(0));
    let deduction = book.deduct(50, day(1)).expect("it may go below zero");
    book.award(25, day(2));
    assert_eq!(book.wallet().debt, 15);
    book.terms.expiry = Expiry::AfterDays(10, ExpiryEnd::Day);
    book.reverse(deduction, day(3)).expect("it can be given back");
    assert_eq!((book.wallet().debt, book.left(lot), book.left(deduction)), (0, 10, 25));
    assert_eq!(book.wallet().lots[&deduction].awarded_at, day(3));
    assert!(book.wallet().lots[&deduction].expires_at.is_some());
}

#[test]
fn points_given_back_pay_off_debt() {
    let mut book = negative();
    let lot = book.award(20, day(0));
    let first = book.deduct(20, day(1)).expect("20 are there");
    book.deduct(5, day(2)).expect("it may go below zero");
    book.reverse(first, day(3)).expect("it can be given back");
    assert_eq!((book.wallet().debt, book.left(lot), book.available()), (0, 15, 15));
}

#[test]
fn only_awards_deductions_and_adjustments_can_be_reversed() {
    let mut book = Book::new(terms());
    book.terms.expiry = Expiry::AfterDays(1, ExpiryEnd::Day);
    let lot = book.award(5, day(0));
    book.run(day(10));
    let (expiry, group) = book.groups.last().cloned().expect("it expired");
    assert_eq!(group.reason, Reason::Expire);
    assert_eq!(book.reverse(expiry, day(11)), Err(Error::NotReversible(expiry, Reason::Expire)));
    book.terms.expiry = Expiry::Never;
    let again = book.award(7, day(12));
    let reversal = book.reverse(again, day(13)).expect("all of it is there");
    assert_eq!(book.reverse(reversal, day(14)), Err(Error::NotReversible(reversal, Reason::Reverse)));
    assert_eq!(book.left(lot), 0);
}

//! The rules one by one, in numbers.

use ledger::{Account, Error, Expiry, ExpiryEnd};

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
fn reversing_an_award_takes_back_its_own_lot() {
    let mut book = Book::new(terms());
    let (kept, lot) = (book.award(40, day(1)), book.award(100, day(2)));
    book.reverse(lot, day(3)).expect("all of it is there");
    assert_eq!([kept, lot].map(|lot| book.left(lot)), [40, 0]);
    assert_eq!(book.sum(Account::Issued), -40);
    assert_eq!(book.reverse(lot, day(4)), Err(Error::AlreadyReversed(lot)));
}

//! The worked example of `docs/ledger.md`, line by line.

use jiff::Timestamp;
use ledger::{Account, Error, Expiry, ExpiryEnd, Rounding, points_for};

use crate::book::{Book, terms};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// Lines as in the page: account, amount, the record whose lot it is.
fn lines(book: &Book, n: usize) -> Vec<(Account, i64, Option<u64>)> {
    let group = &book.groups[n - 1].1;
    group
        .postings
        .iter()
        .map(|posting| (posting.account, posting.amount, posting.lot.map(|lot| lot.n)))
        .collect()
}

#[test]
fn the_example_of_the_page() -> Result<(), Error> {
    use Account::{Available, Expired, Issued, Pending, Redeemed};

    let mut book = Book::new(terms());
    book.terms.pending_days = 14;
    book.terms.expiry = Expiry::AfterDays(365, ExpiryEnd::Month);
    let price = "59.90".parse().expect("a decimal");

    let first = book.award(points_for(price, 1.into(), Rounding::Floor)?, at("2024-03-01T10:00:00Z"));
    assert_eq!(book.run(at("2024-03-15T10:00:00Z")), 1);
    book.award(40, at("2024-05-02T09:00:00Z"));
    assert_eq!(book.run(at("2024-05-16T09:00:00Z")), 1);
    let spent = book.deduct(70, at("2024-05-20T12:00:00Z"))?;
    book.reverse(first, at("2024-05-25T12:00:00Z"))?;
    assert_eq!(book.wallets.not_reversed(book.group(first), first), 30);
    book.reverse(spent, at("2024-05-28T12:00:00Z"))?;
    book.reverse(first, at("2024-05-29T12:00:00Z"))?;
    assert_eq!(book.run(at("2025-04-01T00:00:00Z")), 1);
    assert_eq!(book.run(at("2025-06-01T00:00:00Z")), 1);

    let expected = [
        (vec![(Pending, 59, Some(1)), (Issued, -59, None)], 0, 59),
        (vec![(Pending, -59, Some(1)), (Available, 59, Some(1))], 59, 0),
        (vec![(Pending, 40, Some(3)), (Issued, -40, None)], 59, 40),
        (vec![(Pending, -40, Some(3)), (Available, 40, Some(3))], 99, 0),
        (vec![(Available, -59, Some(1)), (Available, -11, Some(3)), (Redeemed, 70, None)], 29, 0),
        (vec![(Available, -29, Some(3)), (Issued, 29, None)], 0, 0),
        (vec![(Available, 59, Some(1)), (Available, 11, Some(3)), (Redeemed, -70, None)], 70, 0),
        (vec![(Available, -30, Some(1)), (Issued, 30, None)], 40, 0),
        (vec![(Available, -29, Some(1)), (Expired, 29, None)], 11, 0),
        (vec![(Available, -11, Some(3)), (Expired, 11, None)], 0, 0),
    ];
    assert_eq!(book.groups.len(), expected.len());
    let (mut available, mut pending) = (0, 0);
    for (n, (postings, available_then, pending_then)) in (1..).zip(expected) {
        assert_eq!(lines(&book, n), postings, "m/{n}/0");
        available += book.groups[n - 1].1.sum(Available);
        pending += book.groups[n - 1].1.sum(Pending);
        assert_eq!((available, pending), (available_then, pending_then), "after m/{n}/0");
    }
    assert_eq!([Issued, Redeemed, Expired].map(|account| book.sum(account)), [-40, 0, 40]);
    Ok(())
}

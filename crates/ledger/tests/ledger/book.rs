//! One member's book: every group that was posted, and the wallets they add up to.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use ledger::{
    Account, CurrencyKey, Error, Expiry, GroupId, PostingGroup, ProfileId, Reason, Shortfall, Terms, Wallet,
    Wallets,
};

/// Noon, this many days after the beginning of 2001 (UTC).
pub(crate) fn day(days: i64) -> Timestamp {
    let start: Timestamp = "2001-01-01T12:00:00Z".parse().expect("a time");
    start + (24 * days).hours()
}

/// Points that can be spent at once, never end, and never go below zero.
pub(crate) fn terms() -> Terms {
    Terms { pending_days: 0, expiry: Expiry::Never, allow_negative: false, zone: TimeZone::UTC }
}

/// The currency of these tests.
pub(crate) fn points() -> CurrencyKey {
    "points".into()
}

/// A member's book.
#[derive(Clone)]
pub(crate) struct Book {
    pub(crate) profile: ProfileId,
    pub(crate) terms: Terms,
    pub(crate) wallets: Wallets,
    pub(crate) groups: Vec<(GroupId, PostingGroup)>,
}

impl Book {
    pub(crate) fn new(terms: Terms) -> Self {
        Self::of(ProfileId([7; 16]), terms)
    }

    pub(crate) fn of(profile: ProfileId, terms: Terms) -> Self {
        Self { profile, terms, wallets: Wallets::default(), groups: Vec::new() }
    }

    /// The id the next group will have.
    pub(crate) fn next_id(&self) -> GroupId {
        GroupId { profile: self.profile, n: self.groups.len() as u64 + 1, index: 0 }
    }

    pub(crate) fn post(&mut self, group: PostingGroup) -> GroupId {
        let id = self.next_id();
        self.wallets.apply(&group, id).expect("a proposed group fits");
        self.groups.push((id, group));
        id
    }

    pub(crate) fn group(&self, id: GroupId) -> &PostingGroup {
        &self.groups.iter().find(|(of, _)| *of == id).expect("a recorded group").1
    }

    pub(crate) fn award(&mut self, amount: i64, at: Timestamp) -> GroupId {
        let id = self.next_id();
        let group = self.wallets.award(&points(), &self.terms, amount, at, id, Reason::Award);
        self.post(group.expect("an award"))
    }

    pub(crate) fn deduct(&mut self, amount: i64, at: Timestamp) -> Result<GroupId, Error> {
        let group =
            self.wallets.deduct(&points(), &self.terms, amount, at, Shortfall::Refuse, Reason::Deduct)?;
        Ok(self.post(group.expect("refused when short, so never nothing")))
    }

    pub(crate) fn deduct_part(&mut self, amount: i64, at: Timestamp) -> Option<GroupId> {
        let group = self.wallets.deduct(&points(), &self.terms, amount, at, Shortfall::Part, Reason::Deduct);
        group.expect("part will do").map(|group| self.post(group))
    }

    pub(crate) fn reverse(&mut self, id: GroupId, at: Timestamp) -> Result<GroupId, Error> {
        let group = self.wallets.reverse(self.group(id), id, &self.terms, at)?;
        Ok(self.post(group))
    }

    /// Everything due by then.
    pub(crate) fn run(&mut self, at: Timestamp) -> usize {
        let groups = self.wallets.due(at).expect("due work");
        let count = groups.len();
        for group in groups {
            self.post(group);
        }
        count
    }

    pub(crate) fn wallet(&self) -> &Wallet {
        self.wallets.wallet(&points())
    }

    pub(crate) fn available(&self) -> i64 {
        self.wallet().available()
    }

    pub(crate) fn pending(&self) -> i64 {
        self.wallet().pending()
    }

    /// What is left of a lot; 0 when it is gone.
    pub(crate) fn left(&self, lot: GroupId) -> i64 {
        self.wallet().lots.get(&lot).map_or(0, |lot| lot.left)
    }

    /// The sum of all postings on an account.
    pub(crate) fn sum(&self, account: Account) -> i64 {
        self.groups.iter().map(|(_, group)| group.sum(account)).sum()
    }
}

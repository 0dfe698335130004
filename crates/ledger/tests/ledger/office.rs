//! Several members and currencies over time: every operation is done to the ledger and to the reference, and
//! the books are checked after each.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use ledger::{
    Account, CurrencyKey, Error, Expiry, ExpiryEnd, GroupId, LotTimes, PostingGroup, ProfileId, Reason,
    Shortfall, Terms, Wallets,
};

use crate::{book::day, naive::Naive};

pub(crate) const MEMBERS: usize = 3;

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Member, currency, amount, how many days late, by hand or not.
    Give(usize, usize, i64, i64, bool),
    /// Member, currency, amount, whether part will do, by hand or not.
    Take(usize, usize, i64, bool, bool),
    /// Member, and which of its earlier groups.
    Reverse(usize, usize),
    /// From, to.
    Merge(usize, usize),
    Erase(usize),
    /// Days.
    Wait(i64),
}

/// Currencies of every kind. The last is silly on purpose: its points end before they mature.
pub(crate) fn currencies() -> Vec<(CurrencyKey, Terms)> {
    let zone = TimeZone::get("Europe/Berlin").expect("the time zone data is built in");
    let terms = |pending_days, expiry, allow_negative| Terms {
        pending_days,
        expiry,
        allow_negative,
        zone: zone.clone(),
    };
    vec![
        ("points".into(), terms(0, Expiry::Never, false)),
        ("miles".into(), terms(7, Expiry::AfterDays(30, ExpiryEnd::Month), false)),
        ("credit".into(), terms(0, Expiry::AfterDays(20, ExpiryEnd::Day), true)),
        ("slow_credit".into(), terms(5, Expiry::AfterDays(12, ExpiryEnd::Day), true)),
        ("fleeting".into(), terms(10, Expiry::AfterDays(3, ExpiryEnd::Day), false)),
    ]
}

/// A member: its own stream, its wallets, and the reference beside it.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) profile: ProfileId,
    records: u64,
    pub(crate) wallets: Wallets,
    /// Everything that was posted in this stream and in those merged into it.
    pub(crate) groups: Vec<(GroupId, PostingGroup)>,
    naive: BTreeMap<CurrencyKey, Naive>,
    /// What the postings of this stream add up to.
    sums: BTreeMap<(CurrencyKey, Account), i64>,
}

/// All of it.
pub(crate) struct Office {
    pub(crate) currencies: Vec<(CurrencyKey, Terms)>,
    pub(crate) members: Vec<Member>,
    /// Merged or erased.
    pub(crate) gone: Vec<Member>,
    /// Every group of every stream, in order.
    pub(crate) journal: Vec<(GroupId, PostingGroup)>,
    pub(crate) now: Timestamp,
    born: u8,
}

impl Member {
    fn new(born: u8) -> Self {
        Self {
            profile: ProfileId([born; 16]),
            records: 0,
            wallets: Wallets::default(),
            groups: Vec::new(),
            naive: BTreeMap::new(),
            sums: BTreeMap::new(),
        }
    }

    fn next_id(&self) -> GroupId {
        GroupId { profile: self.profile, n: self.records + 1, index: 0 }
    }

    /// Applies a group after checking it on its own: sums to zero, every balance after is right.
    fn post(&mut self, group: PostingGroup) -> Result<GroupId, String> {
        let id = self.next_id();
        let total: i64 = group.postings.iter().map(|posting| posting.amount).sum();
        if total != 0 || group.postings.iter().any(|posting| posting.amount == 0) {
            return Err(format!("{group:#?} is not balanced"));
        }
        for posting in &group.postings {
            let sum = self.sums.entry((group.currency.clone(), posting.account)).or_default();
            *sum += posting.amount;
            if posting.balance != posting.account.of_profile().then_some(*sum) {
                return Err(format!("the balance should be {sum}: {posting:?} in {group:#?}"));
            }
        }
        self.wallets.apply(&group, id).map_err(|error| error.to_string())?;
        self.records += 1;
        self.groups.push((id, group));
        Ok(id)
    }

    fn naive(&mut self, currency: &CurrencyKey) -> &mut Naive {
        self.naive.entry(currency.clone()).or_default()
    }

    pub(crate) fn sum(&self, currency: &CurrencyKey, account: Account) -> i64 {
        self.sums.get(&(currency.clone(), account)).copied().unwrap_or(0)
    }
}

impl Office {
    pub(crate) fn new() -> Self {
        let mut office = Self {
            currencies: currencies(),
            members: Vec::new(),
            gone: Vec::new(),
            journal: Vec::new(),
            now: day(0),
            born: 0,
        };
        for _ in 0..MEMBERS {
            let member = office.newborn();
            office.members.push(member);
        }
        office
    }

    fn newborn(&mut self) -> Member {
        self.born += 1;
        Member::new(self.born)
    }

    fn post(&mut self, who: usize, group: PostingGroup) -> Result<GroupId, String> {
        let id = self.members[who].post(group)?;
        self.journal.extend(self.members[who].groups.last().cloned());
        Ok(id)
    }

    /// Does one thing, then whatever is due, and checks the books.
    pub(crate) fn step(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Step::Give(who, currency, amount, late, by_hand) => {
                self.give(who, currency, amount, late, by_hand)?;
            }
            Step::Take(who, currency, amount, part, by_hand) => {
                self.take(who, currency, amount, part, by_hand)?;
            }
            Step::Reverse(who, which) => self.reverse(who, which)?,
            Step::Merge(from, to) if from != to => self.merge(from, to)?,
            Step::Merge(..) => {}
            Step::Erase(who) => {
                self.close(who, Reason::Erase)?;
            }
            Step::Wait(days) => self.now += jiff::SignedDuration::from_hours(24 * days),
        }
        self.run_due()?;
        self.check()
    }

    fn run_due(&mut self) -> Result<(), String> {
        let now = self.now;
        for who in 0..self.members.len() {
            let groups = self.members[who].wallets.due(now).map_err(|error| error.to_string())?;
            for group in groups {
                self.post(who, group)?;
            }
            self.members[who].naive.values_mut().for_each(|naive| naive.advance(now));
            if self.members[who].wallets.due_at().is_some_and(|due| due <= now) {
                return Err("due work is left".to_owned());
            }
        }
        Ok(())
    }

    fn give(
        &mut self,
        who: usize,
        currency: usize,
        amount: i64,
        late: i64,
        by_hand: bool,
    ) -> Result<(), String> {
        let (key, terms) = self.currencies[currency].clone();
        let at = self.now - jiff::SignedDuration::from_hours(24 * late);
        let member = &self.members[who];
        let reason = if by_hand { Reason::Adjust } else { Reason::Award };
        let group = member.wallets.award(&key, &terms, amount, at, member.next_id(), reason);
        let id = self.post(who, group.map_err(|error| error.to_string())?)?;
        let times = terms.times(at).map_err(|error| error.to_string())?;
        self.members[who].naive(&key).award(id, amount, times);
        Ok(())
    }

    fn take(
        &mut self,
        who: usize,
        currency: usize,
        amount: i64,
        part: bool,
        by_hand: bool,
    ) -> Result<(), String> {
        let (key, terms) = self.currencies[currency].clone();
        let (now, id) = (self.now, self.members[who].next_id());
        let taken = self.members[who].naive(&key).deduct(id, amount, now, terms.allow_negative, part);
        let short = if part { Shortfall::Part } else { Shortfall::Refuse };
        let reason = if by_hand { Reason::Adjust } else { Reason::Deduct };
        let before = self.members[who].wallets.wallet(&key).available();
        match self.members[who].wallets.deduct(&key, &terms, amount, now, short, reason) {
            Ok(Some(group)) if group.net() == -taken => {
                self.post(who, group)?;
                if !terms.allow_negative && self.members[who].wallets.wallet(&key).available() < 0 {
                    return Err("overdrawn".to_owned());
                }
                Ok(())
            }
            Ok(None) if taken == 0 && part => Ok(()),
            Err(Error::Insufficient { available, .. }) if taken == 0 && !part && available == before => {
                Ok(())
            }
            other => Err(format!("expected {taken} to be taken, got {other:?}")),
        }
    }

    fn reverse(&mut self, who: usize, which: usize) -> Result<(), String> {
        let member = &self.members[who];
        if member.groups.is_empty() {
            return Ok(());
        }
        let (id, original) = member.groups[which % member.groups.len()].clone();
        let (_, terms) =
            self.currencies.iter().find(|(key, _)| *key == original.currency).expect("known").clone();
        let now = self.now;
        let fresh = LotTimes { matures_at: None, ..terms.times(now).map_err(|error| error.to_string())? };
        let open = member.wallets.not_reversed(&original, id);
        let moved = self.members[who].naive(&original.currency).reverse(id, now, terms.allow_negative, fresh);
        let reversible = matches!(original.reason, Reason::Award | Reason::Deduct | Reason::Adjust);
        match self.members[who].wallets.reverse(&original, id, &terms, now) {
            Ok(group) if group.net().abs() == moved && group.cites == Some(id) && moved > 0 => {
                self.post(who, group)?;
                let short = self.members[who].wallets.not_reversed(&original, id);
                if short == open - moved { Ok(()) } else { Err(format!("{short} not taken back of {open}")) }
            }
            Err(Error::AlreadyReversed(_)) if moved == 0 && reversible => Ok(()),
            Err(Error::NotReversible(..)) if moved == 0 && !reversible => Ok(()),
            other => Err(format!("expected {moved} to be reversed, got {other:?}")),
        }
    }

    /// Closes a member's wallets; another takes its place.
    fn close(&mut self, who: usize, reason: Reason) -> Result<(), String> {
        let now = self.now;
        for group in self.members[who].wallets.close(now, reason).map_err(|error| error.to_string())? {
            self.post(who, group)?;
        }
        if self.members[who].wallets != Wallets::default() {
            return Err(format!("closed, but {:?}", self.members[who].wallets));
        }
        let newborn = self.newborn();
        self.gone.push(std::mem::replace(&mut self.members[who], newborn));
        Ok(())
    }

    fn merge(&mut self, from: usize, to: usize) -> Result<(), String> {
        let state = self.members[from].wallets.clone();
        self.close(from, Reason::MergeOut)?;
        let groups = self.members[to].wallets.take_in(&state, self.now).map_err(|error| error.to_string())?;
        for group in groups {
            self.post(to, group)?;
        }
        let old = self.gone.last().expect("just closed").clone();
        for (currency, naive) in old.naive {
            let now = self.now;
            self.members[to].naive(&currency).absorb(naive, now);
        }
        self.gone.last_mut().expect("just closed").naive.clear();
        let earlier = old.groups.into_iter();
        self.members[to].groups.splice(0..0, earlier);
        Ok(())
    }

    /// What must hold at any time.
    fn check(&self) -> Result<(), String> {
        for member in &self.members {
            for (currency, terms) in &self.currencies {
                let wallet = member.wallets.wallet(currency);
                if let Some(naive) = member.naive.get(currency) {
                    naive
                        .check(wallet)
                        .map_err(|fault| format!("{currency} of {}: {fault}", member.profile))?;
                    let kept = naive.earned - naive.spent - naive.expired - naive.reversed;
                    let left = wallet.available() + wallet.pending();
                    if kept != left || naive.left() != left {
                        return Err(format!("earned {kept} net, {left} left of {currency}"));
                    }
                }
                if wallet.available() != member.sum(currency, Account::Available)
                    || wallet.pending() != member.sum(currency, Account::Pending)
                {
                    return Err(format!("{wallet:?} is not what its postings add up to"));
                }
                let spendable = wallet.lots.values().any(|lot| lot.matures_at.is_none());
                if wallet.lots.values().any(|lot| lot.left <= 0)
                    || wallet.debt < 0
                    || (wallet.debt > 0 && (!terms.allow_negative || spendable))
                {
                    return Err(format!("{wallet:?} must not be"));
                }
            }
        }
        for (currency, _) in &self.currencies {
            let everyone = || self.members.iter().chain(&self.gone);
            let sum = |account| everyone().map(|member| member.sum(currency, account)).sum::<i64>();
            let left = sum(Account::Available) + sum(Account::Pending);
            if sum(Account::Clearing) != 0 {
                return Err(format!("clearing holds {}", sum(Account::Clearing)));
            }
            let (issued, adjusted) = (sum(Account::Issued), sum(Account::Adjusted));
            if -issued != sum(Account::Redeemed) + sum(Account::Expired) + adjusted + left {
                return Err(format!("{currency} is not accounted for"));
            }
        }
        Ok(())
    }
}

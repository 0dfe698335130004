//! The header's bytes: format byte 1, then postcard of a frozen shape. Names are written once a record.

use std::sync::Arc;

use jiff::Timestamp;
use ledger::{Account, CurrencyKey, LotTimes, Posting, PostingGroup, ProfileId, Reason};
use serde::{Deserialize, Serialize};

use super::{
    Undecodable, Writing,
    form::{IdForm, after, bad, code, micros, put, since, take, take_front, time, word, write},
};
use crate::{Decision, Demanded, Outcome, Stopped, Times, names};

const FORMAT: u8 = 1;

/// Every kind of record, by its code. Only ever appended to.
const KINDS: [&str; 14] = [
    "track",
    "identify",
    "page",
    "screen",
    "group",
    "alias",
    "timer",
    "upgrade",
    "credit",
    "debit",
    "reverse",
    "erase",
    "merge_out",
    "merge_in",
];

const ACCOUNTS: [Account; 8] = [
    Account::Available,
    Account::Pending,
    Account::Held,
    Account::Issued,
    Account::Redeemed,
    Account::Expired,
    Account::Adjusted,
    Account::Clearing,
];

const REASONS: [Reason; 9] = [
    Reason::Award,
    Reason::Deduct,
    Reason::Mature,
    Reason::Expire,
    Reason::Adjust,
    Reason::Reverse,
    Reason::MergeOut,
    Reason::MergeIn,
    Reason::Erase,
];

#[derive(Serialize, Deserialize)]
enum StoppedForm {
    Condition,
    Error,
    Schedule,
    Limit(u16, u32),
    Budget,
    SwitchedOff,
    Depth,
    Short,
}

#[derive(Serialize, Deserialize)]
struct OutcomeForm {
    step: u16,
    reactor: u16,
    stopped: Option<StoppedForm>,
}

#[derive(Serialize, Deserialize)]
struct LotForm {
    /// Distances: from the group's time, then from the award.
    awarded: i64,
    matures: Option<i64>,
    expires: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct PostingForm {
    account: u8,
    amount: i64,
    lot: IdForm,
    balance: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct GroupForm {
    currency: u16,
    reason: u8,
    /// Distance from the record's `occurred_at`.
    at: i64,
    reactor: Option<u16>,
    cites: IdForm,
    lots: Vec<LotForm>,
    reversed: Vec<(IdForm, i64)>,
    postings: Vec<PostingForm>,
}

#[derive(Serialize, Deserialize)]
struct GrantForm {
    counter: u16,
    ceiling: i64,
    asked: i64,
    part: bool,
    granted: i64,
    n: u64,
}

/// The part of a decision that headers keep.
#[derive(Serialize, Deserialize)]
pub(super) struct KeptForm<'a> {
    #[serde(borrow)]
    names: Vec<&'a str>,
    outcomes: Vec<OutcomeForm>,
    groups: Vec<GroupForm>,
    grants: Vec<GrantForm>,
}

/// What comes before the part of a decision that is kept.
#[derive(Serialize, Deserialize)]
struct FrontForm {
    profile: [u8; 16],
    n: u64,
    occurred_at: i64,
    /// Distance from `occurred_at`.
    decided: i64,
    epoch: u64,
    decision_version: u16,
    kind: u8,
    key: Option<[u8; 16]>,
    unique: Option<[u8; 16]>,
}

/// What comes after it: the hashes of the body and of the previous record.
type EndForm = ([u8; HASH], [u8; HASH]);

const HASH: usize = 32;

/// Names written once. Few in a record, so that looking through them is quicker than a map.
#[derive(Default)]
struct Names<'a>(Vec<&'a str>);

impl<'a> Names<'a> {
    fn index(&mut self, name: &'a str) -> u16 {
        let at = self.0.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.0.push(name);
            self.0.len() - 1
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }
}

/// Where ids and times of a record are counted from.
#[derive(Clone, Copy)]
pub(super) struct Base {
    pub(super) profile: ProfileId,
    pub(super) n: u64,
    pub(super) occurred_at: Timestamp,
}

impl<'a> KeptForm<'a> {
    pub(super) fn of(decision: &'a Decision, base: Base) -> Self {
        let mut names = Names::default();
        let outcomes = decision.outcomes.iter().map(|outcome| outcome_form(outcome, &mut names)).collect();
        let groups = decision.groups.iter().map(|group| group_form(group, base, &mut names)).collect();
        let grants = decision
            .grants
            .iter()
            .map(|grant| GrantForm {
                counter: names.index(&grant.counter),
                ceiling: grant.ceiling,
                asked: grant.asked,
                part: grant.part,
                granted: grant.granted,
                n: grant.n,
            })
            .collect();
        Self { names: names.0, outcomes, groups, grants }
    }

    fn read(self, base: Base) -> Result<Decision, Undecodable> {
        let names: Vec<Arc<str>> = self.names.into_iter().map(names::shared).collect();
        let name = |at: u16| names.get(usize::from(at)).cloned().ok_or_else(|| bad("a name is missing"));
        let mut decision = Decision::default();
        for outcome in self.outcomes {
            let stopped = outcome.stopped.as_ref().map(read_stopped);
            decision.outcomes.push(Outcome { step: outcome.step, reactor: name(outcome.reactor)?, stopped });
        }
        for group in self.groups {
            let currency = CurrencyKey(name(group.currency)?);
            let reactor = group.reactor.map(name).transpose()?;
            decision.groups.push(read_group(group, currency, reactor, base)?);
        }
        for grant in self.grants {
            decision.grants.push(Demanded {
                counter: name(grant.counter)?.as_ref().into(),
                ceiling: grant.ceiling,
                asked: grant.asked,
                part: grant.part,
                granted: grant.granted,
                n: grant.n,
            });
        }
        Ok(decision)
    }
}

fn outcome_form<'a>(outcome: &'a Outcome, names: &mut Names<'a>) -> OutcomeForm {
    let stopped = outcome.stopped.as_ref().map(|stopped| match stopped {
        Stopped::Condition => StoppedForm::Condition,
        Stopped::Error => StoppedForm::Error,
        Stopped::Schedule => StoppedForm::Schedule,
        Stopped::Limit(at, count) => StoppedForm::Limit(*at, *count),
        Stopped::Budget => StoppedForm::Budget,
        Stopped::SwitchedOff => StoppedForm::SwitchedOff,
        Stopped::Depth => StoppedForm::Depth,
        Stopped::Short => StoppedForm::Short,
    });
    OutcomeForm { step: outcome.step, reactor: names.index(&outcome.reactor), stopped }
}

fn read_stopped(form: &StoppedForm) -> Stopped {
    match form {
        StoppedForm::Condition => Stopped::Condition,
        StoppedForm::Error => Stopped::Error,
        StoppedForm::Schedule => Stopped::Schedule,
        StoppedForm::Limit(at, count) => Stopped::Limit(*at, *count),
        StoppedForm::Budget => Stopped::Budget,
        StoppedForm::SwitchedOff => Stopped::SwitchedOff,
        StoppedForm::Depth => Stopped::Depth,
        StoppedForm::Short => Stopped::Short,
    }
}

fn group_form<'a>(group: &'a PostingGroup, base: Base, names: &mut Names<'a>) -> GroupForm {
    GroupForm {
        currency: names.index(&group.currency.0),
        reason: code(&REASONS, &group.reason),
        at: since(group.at, base.occurred_at),
        reactor: group.reactor.as_deref().map(|reactor| names.index(reactor)),
        cites: IdForm::of(group.cites, base.profile, base.n),
        lots: group
            .lots
            .iter()
            .map(|times| LotForm {
                awarded: since(times.awarded_at, group.at),
                matures: times.matures_at.map(|at| since(at, times.awarded_at)),
                expires: times.expires_at.map(|at| since(at, times.awarded_at)),
            })
            .collect(),
        reversed: group
            .reversed
            .iter()
            .map(|(id, amount)| (IdForm::of(Some(*id), base.profile, base.n), *amount))
            .collect(),
        postings: group
            .postings
            .iter()
            .map(|posting| PostingForm {
                account: code(&ACCOUNTS, &posting.account),
                amount: posting.amount,
                lot: IdForm::of(posting.lot, base.profile, base.n),
                balance: posting.balance,
            })
            .collect(),
    }
}

fn read_group(
    form: GroupForm,
    currency: CurrencyKey,
    reactor: Option<Arc<str>>,
    base: Base,
) -> Result<PostingGroup, Undecodable> {
    let at = after(base.occurred_at, form.at)?;
    let mut lots = Vec::new();
    for lot in form.lots {
        let awarded_at = after(at, lot.awarded)?;
        lots.push(LotTimes {
            awarded_at,
            matures_at: lot.matures.map(|distance| after(awarded_at, distance)).transpose()?,
            expires_at: lot.expires.map(|distance| after(awarded_at, distance)).transpose()?,
        });
    }
    let mut postings = Vec::new();
    for posting in form.postings {
        postings.push(Posting {
            account: word(&ACCOUNTS, posting.account)?,
            amount: posting.amount,
            lot: posting.lot.read(base.profile, base.n),
            balance: posting.balance,
        });
    }
    let mut reversed = Vec::new();
    for (id, amount) in form.reversed {
        reversed.push((id.read(base.profile, base.n).ok_or_else(|| bad("a group has no id"))?, amount));
    }
    let cites = form.cites.read(base.profile, base.n);
    let reason = word(&REASONS, form.reason)?;
    Ok(PostingGroup { currency, reason, at, reactor, cites, lots, reversed, postings })
}

pub(super) fn encode(writing: &Writing<'_>, body: [u8; HASH]) -> Vec<u8> {
    let Times { occurred_at, decided_at } = writing.times;
    let front = FrontForm {
        profile: writing.profile.0,
        n: writing.n,
        occurred_at: micros(occurred_at),
        decided: since(decided_at, occurred_at),
        epoch: writing.epoch,
        decision_version: crate::DECISION_VERSION,
        kind: code(&KINDS, &writing.input.kind()),
        key: writing.key,
        unique: writing.unique,
    };
    let kept = KeptForm::of(writing.decision, Base { profile: writing.profile, n: writing.n, occurred_at });
    let end: EndForm = (body, writing.previous);
    put(vec![FORMAT], &(front, kept, end))
}

/// A header, opened: what it kept of the decision is still in bytes.
pub(super) struct Header<'a> {
    pub(super) base: Base,
    pub(super) times: Times,
    pub(super) epoch: u64,
    pub(super) decision_version: u16,
    pub(super) kind: &'static str,
    pub(super) key: Option<[u8; 16]>,
    pub(super) unique: Option<[u8; 16]>,
    pub(super) kept: &'a [u8],
    pub(super) body: [u8; HASH],
    pub(super) previous: [u8; HASH],
}

pub(super) fn open(bytes: &[u8]) -> Result<Header<'_>, Undecodable> {
    let (front, rest): (FrontForm, _) = match bytes.split_first() {
        Some((&FORMAT, rest)) => take_front(rest)?,
        Some((other, _)) => return Err(Undecodable(format!("header format {other} is not known"))),
        None => return Err(bad("the header is empty")),
    };
    let short = || bad("the header is too short");
    let (kept, end) = rest.split_at_checked(rest.len().saturating_sub(2 * HASH)).ok_or_else(short)?;
    let (body, previous): EndForm = take(end)?;
    let profile = ProfileId(front.profile);
    let occurred_at = time(front.occurred_at)?;
    Ok(Header {
        base: Base { profile, n: front.n, occurred_at },
        times: Times { occurred_at, decided_at: after(occurred_at, front.decided)? },
        epoch: front.epoch,
        decision_version: front.decision_version,
        kind: word(&KINDS, front.kind)?,
        key: front.key,
        unique: front.unique,
        kept,
        body,
        previous,
    })
}

impl Header<'_> {
    /// What it kept of the decision, read; there are no effects in it.
    pub(super) fn decision(&self) -> Result<Decision, Undecodable> {
        take::<KeptForm<'_>>(self.kept)?.read(self.base)
    }

    /// Whether that is kept in the very bytes in which this decision is. `scratch` is written over.
    pub(super) fn keeps(&self, decision: &Decision, scratch: &mut Vec<u8>) -> bool {
        write(scratch, &KeptForm::of(decision, self.base)) && scratch == self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_a_code() {
        for (at, account) in ACCOUNTS.iter().enumerate() {
            assert_eq!(usize::from(code(&ACCOUNTS, account)), at);
        }
        // Exhaustive matches: a new word does not compile until it has been added here and above.
        for account in ACCOUNTS {
            match account {
                Account::Available
                | Account::Pending
                | Account::Held
                | Account::Issued
                | Account::Redeemed
                | Account::Expired
                | Account::Adjusted
                | Account::Clearing => {}
            }
        }
        for reason in REASONS {
            match reason {
                Reason::Award
                | Reason::Deduct
                | Reason::Mature
                | Reason::Expire
                | Reason::Adjust
                | Reason::Reverse
                | Reason::MergeOut
                | Reason::MergeIn
                | Reason::Erase => {}
            }
        }
    }
}

//! Counting what one side came to.

use std::sync::Arc;

use engine::{Decision, Effect, Profile};
use ledger::{Account, PostingGroup};

/// Which side is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Recorded,
    Candidate,
}

use super::report::{Both, Report};

impl Both {
    pub(super) fn add(&mut self, side: Side, amount: i64) {
        match side {
            Side::Recorded => self.recorded += amount,
            Side::Candidate => self.candidate += amount,
        }
    }
}

/// All points that a decision gave or took.
pub(super) fn points_total(decision: &Decision) -> i64 {
    decision.groups.iter().map(points_in).sum()
}

/// What a group posts to the member's own accounts.
fn points_in(group: &PostingGroup) -> i64 {
    let own = group.postings.iter().filter(|posting| posting.account.of_profile());
    own.map(|posting| posting.amount).sum()
}

/// Counts a decision into the report.
pub(super) fn decision(report: &mut Report, side: Side, decision: &Decision) {
    for outcome in &decision.outcomes {
        let reactor = report.reactors.entry(Arc::clone(&outcome.reactor)).or_default();
        if outcome.stopped.is_none() {
            reactor.fired.add(side, 1);
        }
    }
    for group in &decision.groups {
        if let Some(reactor) = &group.reactor {
            let reactor = report.reactors.entry(Arc::clone(reactor)).or_default();
            let points = reactor.points.entry(Arc::clone(&group.currency.0)).or_default();
            points.add(side, points_in(group));
        }
        let currency = report.currencies.entry(Arc::clone(&group.currency.0)).or_default();
        for posting in &group.postings {
            match posting.account {
                // Issued points leave this account: its postings are negative.
                Account::Issued => currency.issued.add(side, -posting.amount),
                Account::Redeemed => currency.redeemed.add(side, posting.amount),
                Account::Expired => currency.expired.add(side, posting.amount),
                Account::Adjusted => currency.adjusted.add(side, -posting.amount),
                Account::Available | Account::Pending | Account::Held | Account::Clearing => {}
            }
        }
    }
    for effect in &decision.effects {
        if let Effect::Outbox(channel, reactor, _) = effect {
            report.messages.entry(format!("{channel} by {reactor}")).or_default().add(side, 1);
        }
    }
}

/// Counts a member's end state into the report.
pub(super) fn end_state(report: &mut Report, side: Side, profile: &Profile) {
    for (currency, points) in held(profile) {
        report.currencies.entry(currency).or_default().liability.add(side, points);
    }
    for audience in profile.audiences.keys() {
        report.audiences.entry(Arc::clone(audience)).or_default().add(side, 1);
    }
}

/// What a member holds, by currency.
pub(super) fn held(profile: &Profile) -> impl Iterator<Item = (Arc<str>, i64)> {
    let wallets = profile.wallets.0.iter();
    wallets.map(|(currency, wallet)| (Arc::clone(&currency.0), wallet.available() + wallet.pending()))
}

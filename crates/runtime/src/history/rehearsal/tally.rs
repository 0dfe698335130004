//! Counting what one side came to.

use std::collections::BTreeMap;

use engine::{Decision, Effect, Profile};
use ledger::Account;

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

/// Points that a decision gave (or took) by reactor and currency: on the member's own accounts, corrections
/// and expiry left out.
pub(super) fn points_of(decision: &Decision) -> BTreeMap<(&str, &str), i64> {
    let mut points = BTreeMap::new();
    for group in &decision.groups {
        let Some(reactor) = group.reactor.as_deref() else { continue };
        let sum: i64 = group
            .postings
            .iter()
            .filter(|posting| posting.account.of_profile())
            .map(|posting| posting.amount)
            .sum();
        *points.entry((reactor, &*group.currency.0)).or_insert(0) += sum;
    }
    points
}

/// All points that a decision gave or took.
pub(super) fn points_total(decision: &Decision) -> i64 {
    decision
        .groups
        .iter()
        .flat_map(|group| &group.postings)
        .filter(|posting| posting.account.of_profile())
        .map(|posting| posting.amount)
        .sum()
}

/// Counts a decision into the report.
pub(super) fn decision(report: &mut Report, side: Side, decision: &Decision) {
    for outcome in &decision.outcomes {
        let reactor = report.reactors.entry(outcome.reactor.to_string()).or_default();
        if outcome.stopped.is_none() {
            reactor.fired.add(side, 1);
        }
    }
    for ((reactor, currency), points) in points_of(decision) {
        let reactor = report.reactors.entry(reactor.to_owned()).or_default();
        reactor.points.entry(currency.to_owned()).or_default().add(side, points);
    }
    for group in &decision.groups {
        let currency = report.currencies.entry(group.currency.to_string()).or_default();
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
        report.audiences.entry(audience.to_string()).or_default().add(side, 1);
    }
}

/// What a member holds, by currency.
pub(super) fn held(profile: &Profile) -> BTreeMap<String, i64> {
    profile
        .wallets
        .0
        .iter()
        .map(|(currency, wallet)| (currency.to_string(), wallet.available() + wallet.pending()))
        .collect()
}

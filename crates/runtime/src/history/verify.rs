//! `verify`: every recorded decision made again and compared to the byte; every chain, sum and view checked.

use std::collections::BTreeMap;

use engine::Profile;
use ledger::{Account, CurrencyKey, ProfileId};
use serde::Serialize;
use store::{Life, ProfileRow, Record};

use super::{
    retraced::{Retraced, Verdict},
    walk::{self, RulesSeen},
};
use crate::{Environment, Result, work::Progress};

/// What does not hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Stable word: `chain`, `unbalanced`, `decision`, `view`, `sum`, `storage`.
    pub code: &'static str,
    /// Where: a record `profile/n`, a view row, a sum.
    pub at: String,
    /// What was expected and what is there.
    pub what: String,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verified {
    /// Profile records read.
    pub records: u64,
    /// Of those, decided again and equal to the byte.
    pub redecided: u64,
    /// Of those, checked for chain and balance only: decided by another version of the engine.
    pub other_version: u64,
    /// Of those, checked for chain and balance only: their bodies were erased.
    pub erased: u64,
    /// Profiles.
    pub profiles: u64,
    /// Control records, chained.
    pub control_records: u64,
    /// Everything that does not hold; the first 100 in words.
    pub findings: Vec<Finding>,
    /// How many findings there are in all.
    pub findings_total: u64,
}

const FINDINGS_SHOWN_MAX: usize = 100;

impl Verified {
    /// Whether everything holds.
    pub fn passed(&self) -> bool {
        self.findings_total == 0
    }

    fn find(&mut self, code: &'static str, at: &dyn std::fmt::Display, what: impl Into<String>) {
        self.findings_total += 1;
        if self.findings.len() < FINDINGS_SHOWN_MAX {
            self.findings.push(Finding { code, at: at.to_string(), what: what.into() });
        }
    }
}

/// Where a record stands; written down only when something is found there.
struct Place(ProfileId, u64);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// What is gathered on the way through the members' lives.
#[derive(Default)]
struct Walk {
    /// The member at hand.
    member: Option<Member>,
    sums: Sums,
    rules: RulesSeen,
    scratch: Vec<u8>,
}

/// A member as far as their stream has been gone through, and the row that this must come to.
struct Member {
    id: ProfileId,
    stream: Retraced,
    row: Option<ProfileRow>,
}

type Sums = BTreeMap<(CurrencyKey, Account), i64>;

impl Environment {
    /// Verifies the whole environment as it was when this began. Reads everything, writes nothing.
    pub async fn verify(&self, progress: &Progress) -> Result<Verified> {
        progress.begin(self.store.record_count().await?);
        // What the store checks by itself and what is decided again have nothing in common but the file.
        let (checked, walked) = tokio::join!(self.store.check(), self.verify_records(progress));
        let (checked, mut verified) = (checked?, walked?);
        // First what is wrong with the store: the rest may follow from it.
        let found = std::mem::take(&mut verified.findings);
        let found_total = std::mem::take(&mut verified.findings_total);
        for problem in checked {
            verified.find("storage", &"store", problem);
        }
        verified.findings.extend(found);
        verified.findings.truncate(FINDINGS_SHOWN_MAX);
        verified.findings_total += found_total;
        Ok(verified)
    }

    async fn verify_records(&self, progress: &Progress) -> Result<Verified> {
        // Reading the control stream checks its chain.
        let control_records = self.epochs.refresh().await?.epoch;
        let mut verified = Verified { control_records, ..Verified::default() };
        let mut walk = Walk::default();
        let mut pages = walk::lives(self);
        let mut gone_through = 0;
        while let Some(lives) = pages.next().await? {
            for Life { profile, row, records } in lives {
                if walk.member.as_ref().is_none_or(|member| member.id != profile) {
                    verify_row(walk.member.take(), &mut verified);
                    let stream = Retraced::from(Profile::new(profile));
                    walk.member = Some(Member { id: profile, stream, row: None });
                }
                if let Some(member) = &mut walk.member {
                    member.row = row;
                }
                for record in &records {
                    self.verify_record(record, &mut walk, &mut verified).await?;
                    gone_through += 1;
                    if gone_through == walk::TURN {
                        progress.add(std::mem::take(&mut gone_through));
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
        verify_row(walk.member.take(), &mut verified);
        progress.add(gone_through);
        self.verify_sums(&walk.sums, &mut verified).await?;
        Ok(verified)
    }

    async fn verify_record(&self, record: &Record, walk: &mut Walk, verified: &mut Verified) -> Result<()> {
        let Some(Member { id, stream, .. }) = &mut walk.member else { return Ok(()) };
        let at = Place(*id, record.n);
        let opened = match walk::opened(record) {
            Ok(opened) => opened,
            Err(error) => {
                verified.find("chain", &at, error.to_string());
                stream.missed();
                return Ok(());
            }
        };
        if let Some(misfit) = stream.state().and_then(|state| engine::replay::misfit(state, &opened)) {
            verified.find("chain", &at, misfit);
        }
        let decision = match stream.next(self, &mut walk.rules, &opened, &mut walk.scratch).await? {
            Ok((decision, verdict)) => {
                match verdict {
                    Verdict::Same => verified.redecided += 1,
                    Verdict::Erased => verified.erased += 1,
                    Verdict::OtherVersion => verified.other_version += 1,
                    Verdict::Differs(what) => verified.find("decision", &at, what),
                }
                decision
            }
            Err(error) => {
                verified.find("chain", &at, error.to_string());
                return Ok(());
            }
        };
        verified.records += 1;
        for group in &decision.groups {
            let sum: i128 = group.postings.iter().map(|posting| i128::from(posting.amount)).sum();
            if sum != 0 {
                verified.find("unbalanced", &at, format!("a posting group sums to {sum}, not 0"));
            }
            for posting in &group.postings {
                *walk.sums.entry((group.currency.clone(), posting.account)).or_default() += posting.amount;
            }
        }
        Ok(())
    }

    async fn verify_sums(&self, sums: &Sums, verified: &mut Verified) -> Result<()> {
        for ((currency, account), sum) in sums {
            if *account == Account::Clearing && *sum != 0 {
                verified.find(
                    "sum",
                    &format!("{currency} {account:?}"),
                    format!("clearing sums to {sum}, not 0"),
                );
            }
        }
        let mut by_currency: BTreeMap<&CurrencyKey, i128> = BTreeMap::new();
        for ((currency, _), sum) in sums {
            *by_currency.entry(currency).or_default() += i128::from(*sum);
        }
        for (currency, sum) in by_currency.iter().filter(|(_, sum)| **sum != 0) {
            verified.find("sum", currency, format!("all accounts together sum to {sum}, not 0"));
        }
        // While events go on coming in, the stored sums are ahead of what was read: only then.
        let read = self.store.record_count().await? == verified.records;
        if read {
            for (currency, account, stored) in self.store.sums().await? {
                let expected = sums.get(&(currency.clone(), account)).copied().unwrap_or(0);
                if stored != expected {
                    verified.find(
                        "sum",
                        &format!("{currency} {account:?}"),
                        format!("the view says {stored}, the records add up to {expected}"),
                    );
                }
            }
        }
        Ok(())
    }
}

/// A member's row against what the records add up to. One that has moved on since is left out: the newer records were not
/// read.
fn verify_row(member: Option<Member>, verified: &mut Verified) {
    let Some(Member { id, stream, row }) = member else { return };
    verified.profiles += 1;
    let Some(state) = stream.state() else { return };
    match row {
        None => verified.find("view", &id, "the profile has records but no view row"),
        Some(row) if row.n > state.n => {}
        Some(row) if row.n < state.n => verified.find(
            "view",
            &id,
            format!("the view stands at record {}, the journal at {}", row.n, state.n),
        ),
        Some(row) => {
            if row != crate::views::profile_row(state) {
                verified.find("view", &id, "the view is not what the records add up to");
            }
        }
    }
}

//! Batches for tests: what is written, in few words.

use std::{fmt::Debug, sync::Arc};

use jiff::Timestamp;
use ledger::{Account, ProfileId};

use super::at;
use crate::{
    Claim, Commit, CounterKey, Deciding, Demand, DirectoryEntry, DirectoryKey, Environment, Epoch, Granted,
    NewRecord, OutboxRow, ProfileRow, ProfileWrite, QuarantineRow, Result, Step, Stream, SumChange, Tail,
    Writes,
};

/// A profile's id, by number. Spread over the buckets.
pub fn profile(no: u32) -> ProfileId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&no.wrapping_mul(0x9e37_79b9).to_be_bytes());
    id[12..].copy_from_slice(&no.to_be_bytes());
    ProfileId(id)
}

/// A hash, by number.
pub fn hash(no: u32) -> [u8; 16] {
    profile(no ^ 0x00ff_00ff).0
}

/// A record of a stream.
pub fn record(stream: Stream, n: u64) -> NewRecord {
    let at = at(i64::try_from(n).unwrap_or(0));
    NewRecord {
        stream,
        n,
        decided_at: at,
        header: format!("header {n} of {stream:?}").into_bytes(),
        body: Some(format!("body {n} of {stream:?}").into_bytes()),
    }
}

/// A profile's row after `n` records.
pub fn row(id: ProfileId, n: u64) -> ProfileRow {
    let mut tail = [0; 32];
    tail[..8].copy_from_slice(&n.to_be_bytes());
    let state: Arc<[u8]> = format!("state of {id} after {n}").into_bytes().into();
    ProfileRow { id, n, tail, state, manifest: [1; 32], due_at: None }
}

/// Where its stream ends after `n` records.
pub fn tail(id: ProfileId, n: u64) -> Option<Tail> {
    (n > 0).then(|| row(id, n).tail())
}

/// A write of that row, decided from `expected`.
pub fn write(id: ProfileId, expected: u64, n: u64) -> ProfileWrite {
    ProfileWrite {
        from: tail(id, expected),
        row: row(id, n),
        entered: Vec::new(),
        left: Vec::new(),
        found_by: Vec::new(),
        no_longer_found_by: Vec::new(),
    }
}

/// The records after `expected` up to `n`, and the row.
pub fn life(id: ProfileId, expected: u64, n: u64) -> Writes {
    Writes {
        records: (expected + 1..=n).map(|n| record(Stream::Profile(id), n)).collect(),
        profiles: vec![write(id, expected, n)],
        ..Writes::default()
    }
}

/// A claim on an absent message key, leading to a profile's record.
pub fn claim(no: u32, id: ProfileId, n: u64) -> Claim {
    Claim {
        key: DirectoryKey::Message(hash(no)),
        expected: None,
        entry: DirectoryEntry::Record(Stream::Profile(id), n),
    }
}

/// A change of a sum.
pub fn sum(currency: &str, account: Account, amount: i64) -> SumChange {
    SumChange { currency: currency.into(), account, amount }
}

/// An outbox row of a profile's record.
pub fn outbox(id: ProfileId, n: u64, index: u16, payload: &str) -> OutboxRow {
    OutboxRow {
        profile: id,
        n,
        index,
        channel: "webhook".to_owned(),
        at: at(i64::try_from(n).unwrap_or(0)),
        incarnation: 1,
        status: "recorded".to_owned(),
        payload: payload.to_owned(),
    }
}

/// A quarantine row.
pub fn quarantined(message: [u8; 16], identity: Option<[u8; 16]>, when: Timestamp) -> QuarantineRow {
    QuarantineRow {
        message,
        identity,
        at: when,
        name: Some("Order Completed".to_owned()),
        code: "schema".to_owned(),
        errors: "[]".to_owned(),
    }
}

/// A demand on a counter.
pub fn demand(counter: &str, ceiling: i64, amount: i64, part: bool) -> Demand {
    Demand { counter: CounterKey(counter.to_owned()), ceiling, amount, part }
}

/// A batch that writes what is known beforehand.
#[derive(Debug)]
pub struct Known(pub Writes);

impl Deciding for Known {
    fn step(&mut self, _: &[Granted]) -> Step {
        Step::Write(Box::new(std::mem::take(&mut self.0)))
    }
}

/// A batch made by a function of what is granted at each step.
pub struct Stepping<F>(pub F);

impl<F> Debug for Stepping<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stepping")
    }
}

impl<F: FnMut(&[Granted]) -> Step + Send> Deciding for Stepping<F> {
    fn step(&mut self, granted: &[Granted]) -> Step {
        (self.0)(granted)
    }
}

/// Commits what is known beforehand.
pub async fn commit(environment: &Arc<dyn Environment>, epoch: Epoch, writes: Writes) -> Result<Commit> {
    environment.commit(epoch, Box::new(Known(writes))).await
}

/// Commits, and it must succeed.
pub async fn must(environment: &Arc<dyn Environment>, epoch: Epoch, writes: Writes) {
    let outcome = commit(environment, epoch, writes).await.expect("the store is well");
    assert_eq!(outcome, Commit::Committed);
}

//! Rebuilding: every view dropped and filled again from the journal, in one transaction.

use std::collections::HashMap;

use ledger::ProfileId;
use store::{BUCKETS, Commit, Identity, Refill, Stream, Writes};

use super::{aside, end, same_incarnation};
use crate::{
    fault::{Result, refused},
    pool::Lease,
    session::Session,
    tables::{
        counters::{self, Counter},
        directory::Claims,
        head::{self, BEGIN_EXCLUSIVE},
        manifests, memberships, profiles,
        quarantine::Change,
        scan::{self, Kinds, Place},
        search,
        shards::all_took,
        sums,
    },
};

/// How many records are handed over at a time.
const PAGE: usize = 1_000;

/// Rows go, tables stay: readers see the old ones until the end. Schedules are not dropped: they come with
/// control changes, not from records. What is idle here is the caller, who may think for a while.
const CLEAR: &str = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '60s';
    DELETE FROM directory; DELETE FROM profile; DELETE FROM manifest; DELETE FROM membership; DELETE FROM audience;
    DELETE FROM search; DELETE FROM account_sum; DELETE FROM counter; DELETE FROM quarantine";

/// Runs a rebuild in a transaction of its own, with no batch beside it.
pub(crate) async fn rebuild(lease: &mut Lease, identity: &Identity, refill: Box<dyn Refill>) -> Result<()> {
    lease.dirty();
    let outcome = fill(lease, identity, refill).await.map(|()| Commit::Committed);
    match end(lease, outcome).await? {
        Commit::Committed => Ok(()),
        _ => Err(refused("a rebuild wrote the same row twice")),
    }
}

async fn fill(session: &Session, identity: &Identity, refill: Box<dyn Refill>) -> Result<()> {
    session.plain(BEGIN_EXCLUSIVE).await?;
    same_incarnation(identity, head::read(session).await?)?;
    session.plain(CLEAR).await?;
    let (mut refill, tails) = read(session, refill).await?;
    loop {
        let (back, rows) = asked(refill, |refill| refill.rows()).await?;
        refill = back;
        let Some(rows) = rows else { break };
        write(session, &rows, &tails).await?;
    }
    manifests::recount(session).await?;
    memberships::recount(session).await?;
    let (_, counters) = asked(refill, |refill| Ok(refill.counters())).await?;
    for (key, used, n) in counters {
        counters::put(session, &key, Counter { used, n }).await?;
    }
    Ok(())
}

/// Asks the caller for something. What it does in there is its own work, and a panic its own.
async fn asked<T: Send + 'static>(
    mut refill: Box<dyn Refill>,
    ask: impl FnOnce(&mut dyn Refill) -> store::Result<T> + Send + 'static,
) -> Result<(Box<dyn Refill>, T)> {
    let (refill, told) = aside(move || {
        let told = ask(refill.as_mut());
        (refill, told)
    })
    .await?;
    Ok((refill, told?))
}

/// Hands every record over. Answers where each profile's stream ends.
async fn read(
    session: &Session,
    mut refill: Box<dyn Refill>,
) -> Result<(Box<dyn Refill>, HashMap<ProfileId, u64>)> {
    let mut tails = HashMap::new();
    let mut after = Place::before(0);
    let until = i16::try_from(BUCKETS).unwrap_or(i16::MAX);
    loop {
        let records = scan::scan(session, &after, until, Kinds::All, PAGE).await?;
        let Some(last) = records.last() else { return Ok((refill, tails)) };
        after = Place::of(last);
        for record in &records {
            if let Stream::Profile(id) = record.stream {
                tails.insert(id, record.n);
            }
        }
        let hand_over =
            |refill: &mut dyn Refill| records.into_iter().try_for_each(|record| refill.record(record));
        (refill, ()) = asked(refill, hand_over).await?;
    }
}

/// Writes rows of views; `tails` has where the streams of their profiles end.
pub(super) async fn write(session: &Session, rows: &Writes, tails: &HashMap<ProfileId, u64>) -> Result<()> {
    if !rows.records.is_empty() || !rows.erase.is_empty() {
        return Err(refused("only rows of views can be filled in, no records and no erasures"));
    }
    for write in &rows.profiles {
        let (id, n, end) = (write.row.id, write.row.n, tails.get(&write.row.id).copied().unwrap_or(0));
        if n != end {
            return Err(refused(format!("the row of profile {id} says {n}, its stream ends at {end}")));
        }
    }
    let claims = Claims::of(&rows.claims, &rows.forget);
    claims.put(session).await?;
    let profiles = profiles::Columns::of(&rows.profiles);
    profiles.put(session).await?;
    let (memberships, search) =
        (memberships::Columns::of(&rows.profiles, false), search::Columns::of(&rows.profiles, false));
    let quarantine: Vec<_> =
        rows.quarantine.iter().map(|(message, row)| Change::of(message, row.as_ref())).collect();
    let sums = sums::Columns::of(&rows.sums, 0)?;
    let mut calls = Vec::new();
    memberships.calls(&mut calls);
    search.calls(&mut calls);
    calls.extend(quarantine.iter().map(Change::write));
    session.flight(&calls).await?;
    if !sums.currency.is_empty() {
        let answer = session.flight(&[sums.add()]).await?.pop().unwrap_or_default();
        all_took(answer.count, sums.currency.len(), "the sums of accounts")?;
        sums.check(session, &answer).await?;
    }
    Ok(())
}

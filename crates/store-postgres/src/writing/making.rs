//! Rows of another store, put as they are into an environment that is being made.

use std::collections::{BTreeMap, HashMap};

use ledger::ProfileId;
use store::{
    Carried, CarriedRecord, CounterKey, NewRecord, OutboxRow, OutsideChange, Record, Stream, Writes,
    encoding::stream_name,
};

use super::rebuild;
use crate::{
    fault::{Result, refused},
    pool::Lease,
    session::Session,
    tables::{
        configuration, control,
        counters::{self, Counter},
        due, erasures, feed,
        head::{self, BEGIN_EXCLUSIVE, Head},
        journal, manifests, memberships, outbox, outside,
        quarantine_streams::{Put, Tail},
        rehearsals,
        shards::all_took,
        sums,
    },
};

/// Puts rows in one transaction.
pub(crate) async fn put(lease: &mut Lease, rows: Vec<Carried>) -> Result<()> {
    begin(lease).await?;
    let outcome = put_all(lease, rows).await;
    end(lease, outcome).await
}

/// Puts rows of views in one transaction.
pub(crate) async fn fill(lease: &mut Lease, views: &Writes) -> Result<()> {
    begin(lease).await?;
    let outcome = fill_all(lease, views).await;
    end(lease, outcome).await
}

/// Puts the counters, and adds up what is counted over all rows, in one transaction.
pub(crate) async fn count(lease: &mut Lease, rows: &[(CounterKey, i64, u64)]) -> Result<()> {
    begin(lease).await?;
    let outcome = count_all(lease, rows).await;
    end(lease, outcome).await
}

/// Counting takes as long as it takes.
async fn begin(lease: &mut Lease) -> Result<()> {
    lease.dirty();
    lease.plain(BEGIN_EXCLUSIVE).await?;
    lease.plain("SET LOCAL statement_timeout = 0").await
}

async fn end(lease: &mut Lease, outcome: Result<()>) -> Result<()> {
    match outcome {
        Ok(()) => lease.commit().await,
        Err(fault) => {
            // A connection that is gone has rolled back.
            let _ = lease.rollback().await;
            if fault.is_conflict() { Err(refused("a row that has been put before")) } else { Err(fault) }
        }
    }
}

async fn put_all(session: &Session, rows: Vec<Carried>) -> Result<()> {
    let (mut of_control, mut objects, mut records) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match row {
            Carried::Control(record) => of_control.push(record),
            Carried::Object(row) => objects.push(row),
            Carried::Revision(row) => configuration::put_revision(session, &row).await?,
            Carried::Promotion(row) => configuration::put_promotion(session, &row).await?,
            Carried::Schedule(address, at) => due::put_schedule(session, &address, at).await?,
            Carried::Key(row) => outside::change(session, &OutsideChange::PutKey(row)).await?,
            Carried::Secret(row) => outside::change(session, &OutsideChange::PutSecret(row)).await?,
            Carried::Rehearsal(rehearsal) => rehearsals::put(session, &rehearsal).await?,
            Carried::Checkpoint(name, place) => {
                outside::change(session, &OutsideChange::PutCheckpoint(name, place)).await?;
            }
            Carried::Record(carried) => records.push(carried),
            Carried::Erasure { stream, at, pending } => erasures::put(session, stream, at, pending).await?,
        }
    }
    if !of_control.is_empty() {
        put_control(session, of_control).await?;
    }
    if !objects.is_empty() {
        configuration::put_objects(session, &objects).await?;
    }
    if records.is_empty() { Ok(()) } else { put_records(session, records).await }
}

async fn put_control(session: &Session, records: Vec<Record>) -> Result<()> {
    let mut head = head::read(session).await?;
    for record in records {
        let next = head.epoch + 1;
        if record.stream != Stream::Control || record.n != next {
            let (n, stream) = (record.n, record.stream);
            return Err(refused(format!("record {n} of {stream:?} as record {next} of the control stream")));
        }
        control::append(session, &record.into()).await?;
        head = Head { epoch: next, ..head };
    }
    head::write(session, head).await
}

/// A page of records, taken apart.
#[derive(Default)]
struct Parts {
    records: Vec<NewRecord>,
    outbox: Vec<OutboxRow>,
    /// The first record of each stream in this page.
    firsts: Vec<(Stream, u64)>,
    quarantined: BTreeMap<[u8; 16], Tail>,
    of_profiles: i64,
}

impl Parts {
    fn of(carried: Vec<CarriedRecord>) -> Result<Self> {
        let mut parts = Self::default();
        let mut ends: HashMap<Stream, u64> = HashMap::new();
        for CarriedRecord { record, outbox, identity } in carried {
            let (stream, n) = (record.stream, record.n);
            match ends.insert(stream, n) {
                None => parts.firsts.push((stream, n)),
                Some(end) if n == end + 1 => {}
                Some(end) => return Err(gap(stream, n, &format!("which ends at {end}"))),
            }
            match stream {
                Stream::Control => {
                    return Err(refused("a record of the control stream among those of profiles"));
                }
                Stream::Profile(_) => parts.of_profiles += 1,
                Stream::Quarantine(message) => {
                    parts.quarantined.insert(message, Tail { n, identity });
                }
            }
            if let Some(row) = outbox.iter().find(|row| Stream::Profile(row.profile) != stream || row.n != n)
            {
                return Err(refused(format!(
                    "an outbox row of record {} of profile {} with another record",
                    row.n, row.profile
                )));
            }
            parts.outbox.extend(outbox);
            parts.records.push(record.into());
        }
        Ok(parts)
    }
}

fn gap(stream: Stream, n: u64, why: &str) -> crate::fault::Fault {
    refused(format!("record {n} of {}, {why}", stream_name(stream)))
}

async fn put_records(session: &Session, carried: Vec<CarriedRecord>) -> Result<()> {
    let parts = Parts::of(carried)?;
    if let Some((stream, n)) = journal::without_previous(session, &parts.firsts).await? {
        return Err(gap(stream, n, "which has none before it"));
    }
    let no = feed::unannounced(session).await?;
    let mut made: HashMap<(ProfileId, u64), i64> = HashMap::new();
    for (at, record) in parts.records.iter().enumerate() {
        if let Stream::Profile(id) = record.stream {
            made.insert((id, record.n), feed::place(no, at));
        }
    }
    let records = journal::Columns::of(&parts.records, no);
    let outbox = outbox::Columns::of(&parts.outbox, &made)?;
    let tails: Vec<_> = parts.quarantined.iter().map(|(message, tail)| Put::of(message, *tail)).collect();
    let counted = sums::Counted::of(parts.of_profiles, session.shard);
    let mut calls = vec![records.append(), outbox.add()];
    calls.extend(tails.iter().map(Put::write));
    calls.push(counted.add());
    let answer = session.flight(&calls).await?.pop().unwrap_or_default();
    all_took(answer.count, 1, "the count of records")
}

async fn fill_all(session: &Session, views: &Writes) -> Result<()> {
    let ids: Vec<_> = views.profiles.iter().map(|write| write.row.id).collect();
    let ends = journal::ends(session, &ids).await?;
    rebuild::write(session, views, &ends).await
}

async fn count_all(session: &Session, rows: &[(CounterKey, i64, u64)]) -> Result<()> {
    manifests::recount(session).await?;
    memberships::recount(session).await?;
    for (key, used, n) in rows {
        counters::put(session, key, Counter { used: *used, n: *n }).await?;
    }
    Ok(())
}

//! What the store can check by itself: every row's checksum, every stream's positions, and the counts it
//! keeps. Pages are the server's own business (`pg_checksums`, `amcheck`).

use std::collections::{BTreeMap, HashMap};

use store::{
    BUCKETS, Direction, Stream,
    encoding::{hex, stream_name},
};

use crate::{
    fault::{Fault, Result},
    session::Session,
    tables::{
        configuration, control, counters, directory, due, erasures, head, manifests, memberships, outbox,
        outside, profiles, quarantine, quarantine_streams, rehearsals,
        scan::{self, Kinds, Place},
        search, sums,
    },
};

/// How many complaints are worth reading.
const SAID_MAX: usize = 100;

struct Complaints<'a> {
    environment: &'a str,
    said: Vec<String>,
}

impl Complaints<'_> {
    fn say(&mut self, what: String) {
        if self.said.len() < SAID_MAX {
            self.said.push(what);
        }
    }

    /// Notes what went wrong and goes on.
    fn hear<T>(&mut self, outcome: Result<T>) -> Option<T> {
        outcome.map_err(|fault: Fault| self.say(fault.told_of(self.environment, "checking").to_string())).ok()
    }
}

/// Everything that is wrong, for people; empty when nothing is. Reads one moment.
pub(crate) async fn run(session: &Session, environment: &str) -> Vec<String> {
    let mut complaints = Complaints { environment, said: Vec::new() };
    let outcome = records(session, &mut complaints).await;
    complaints.hear(outcome);
    let outcome = views(session, &mut complaints).await;
    complaints.hear(outcome);
    let outcome = others(session, &mut complaints).await;
    complaints.hear(outcome);
    complaints.said
}

/// The journal: every sum, every stream without gaps, as long as its row says.
async fn records(session: &Session, complaints: &mut Complaints<'_>) -> Result<()> {
    let mut tails: HashMap<Stream, u64> = HashMap::new();
    let mut of_profiles = 0;
    let until = i16::try_from(BUCKETS).unwrap_or(i16::MAX);
    let mut after = Place::before(0);
    loop {
        let records = scan::scan(session, &after, until, Kinds::All, 1_000).await?;
        let Some(last) = records.last() else { break };
        after = Place::of(last);
        for record in records {
            of_profiles += u64::from(matches!(record.stream, Stream::Profile(_)));
            tails.insert(record.stream, record.n);
        }
    }
    let said = sums::records(session).await?;
    if said != of_profiles {
        complaints.say(format!("{of_profiles} records of profiles, the count says {said}"));
    }
    let otherwise = |stream: Stream, n: u64, said: u64| {
        let stream = stream_name(stream);
        format!("{stream} ends at record {n}, its row says {said}")
    };
    profiles::each(session, |told| {
        if let Some(row) = complaints.hear(told) {
            let n = tails.remove(&Stream::Profile(row.id)).unwrap_or(0);
            if n != row.n {
                complaints.say(otherwise(Stream::Profile(row.id), n, row.n));
            }
        }
        Ok(())
    })
    .await?;
    quarantine_streams::each(session, |told| {
        if let Some((message, tail)) = complaints.hear(told) {
            let n = tails.remove(&Stream::Quarantine(message)).unwrap_or(0);
            if n != tail.n {
                complaints.say(otherwise(Stream::Quarantine(message), n, tail.n));
            }
        }
        Ok(())
    })
    .await?;
    for (stream, n) in tails {
        complaints.say(format!("{} ends at record {n}, its row is gone", stream_name(stream)));
    }
    let epoch = head::read(session).await?.epoch;
    let (mut last, mut end) = (None, 0);
    loop {
        let records = control::following(session, Direction::Forward, last, 1_000).await?;
        let Some(record) = records.last() else { break };
        end = record.n;
        last = i64::try_from(record.n).ok();
    }
    if end != epoch {
        complaints.say(format!("the control stream ends at record {end}, the head says {epoch}"));
    }
    Ok(())
}

async fn views(session: &Session, complaints: &mut Complaints<'_>) -> Result<()> {
    let mut members: BTreeMap<String, u64> = BTreeMap::new();
    memberships::each(session, |told| {
        if let Some((audience, _, _)) = complaints.hear(told) {
            *members.entry(audience.to_owned()).or_default() += 1;
        }
        Ok(())
    })
    .await?;
    let counted: BTreeMap<String, u64> = memberships::counts(session)
        .await?
        .into_iter()
        .map(|(key, count)| (key.to_string(), count))
        .collect();
    if counted != members {
        complaints.say(format!("audiences have {members:?} members, the counts say {counted:?}"));
    }
    let (counted, found) = (manifests::counted(session).await?, manifests::found(session).await?);
    if counted != found {
        let told = |counts: &BTreeMap<[u8; 32], u64>| {
            counts
                .iter()
                .map(|(hash, n)| format!("{n} at {}", hex(&hash[..4])))
                .collect::<Vec<_>>()
                .join(", ")
        };
        complaints.say(format!("profiles by manifest: {}; the counts say {}", told(&found), told(&counted)));
    }
    search::each(session, |told| {
        complaints.hear(told);
        Ok(())
    })
    .await?;
    counters::each(session, |told| {
        complaints.hear(told);
        Ok(())
    })
    .await?;
    directory::each(session, |told| {
        complaints.hear(told);
        Ok(())
    })
    .await?;
    quarantine::each(session, |told| {
        complaints.hear(told);
        Ok(())
    })
    .await
}

async fn others(session: &Session, complaints: &mut Complaints<'_>) -> Result<()> {
    configuration::read_through(session, |told| {
        complaints.hear(told);
        Ok(())
    })
    .await?;
    outbox::each(session, |told| {
        complaints.hear(told);
        Ok(())
    })
    .await?;
    complaints.hear(outside::keys(session).await);
    complaints.hear(outside::secrets(session).await);
    complaints.hear(outside::checkpoints(session).await);
    complaints.hear(rehearsals::after(session, 0, usize::MAX).await);
    complaints.hear(erasures::list(session).await);
    complaints.hear(due::schedules(session).await);
    complaints.hear(sums::list(session).await);
    Ok(())
}

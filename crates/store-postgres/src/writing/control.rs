//! A control change: configuration and what decisions depend on, in one step.

use store::{Commit, Condition, ControlWrites, Epoch, Error, Identity, OutsideChange, Stream};

use super::{end, same_incarnation};
use crate::{
    fault::{Result, refused},
    pool::Lease,
    session::Session,
    tables::{
        configuration, control, due,
        head::{self, BEGIN_EXCLUSIVE, Head},
        memberships, outside, sums,
    },
};

/// Runs a change in a transaction of its own, with no batch beside it.
pub(crate) async fn change(
    lease: &mut Lease,
    identity: &Identity,
    epoch: Epoch,
    writes: &ControlWrites,
) -> Result<Commit> {
    lease.dirty();
    let outcome = run(lease, identity, epoch, writes).await;
    alone(end(lease, outcome).await?)
}

/// Runs a change of outside state with no batch beside it.
pub(crate) async fn outside(lease: &mut Lease, identity: &Identity, change: &OutsideChange) -> Result<()> {
    lease.dirty();
    let outcome = run_outside(lease, identity, change).await.map(|()| Commit::Committed);
    alone(end(lease, outcome).await?).map(drop)
}

/// Nothing here is decided from rows that others may have touched.
fn alone(outcome: Commit) -> Result<Commit> {
    match outcome {
        Commit::Conflict => {
            Err(Error::Recovering("another change came between; try again".to_owned()).into())
        }
        other => Ok(other),
    }
}

async fn run_outside(session: &Session, identity: &Identity, change: &OutsideChange) -> Result<()> {
    session.plain(BEGIN_EXCLUSIVE).await?;
    same_incarnation(identity, head::read(session).await?)?;
    outside::change(session, change).await
}

async fn run(session: &Session, identity: &Identity, epoch: Epoch, writes: &ControlWrites) -> Result<Commit> {
    session.plain(BEGIN_EXCLUSIVE).await?;
    let head = head::read(session).await?;
    same_incarnation(identity, head)?;
    if head.epoch != epoch {
        return Ok(Commit::EpochMoved(head.epoch));
    }
    for condition in &writes.conditions {
        check(session, condition).await?;
    }
    if !writes.objects.is_empty() {
        configuration::put_objects(session, &writes.objects).await?;
    }
    for revision in &writes.revisions {
        configuration::put_revision(session, revision).await?;
    }
    if let Some(promotion) = &writes.promotion {
        configuration::put_promotion(session, promotion).await?;
    }
    if let Some(schedules) = &writes.schedules {
        due::put_schedules(session, schedules).await?;
    }
    for change in &writes.outside {
        outside::change(session, change).await?;
    }
    if let Some(record) = &writes.record {
        let next = head.epoch + 1;
        if record.stream != Stream::Control || record.n != next {
            let (n, stream) = (record.n, record.stream);
            return Err(refused(format!("record {n} of {stream:?} as record {next} of the control stream")));
        }
        control::append(session, record).await?;
        head::write(session, Head { epoch: next, ..head }).await?;
    }
    Ok(Commit::Committed)
}

async fn check(session: &Session, condition: &Condition) -> Result<()> {
    let found = match condition {
        Condition::SecretBound(key) => (!outside::has_secret(session, key).await?)
            .then(|| "it has none; set it with `greenroom secrets set`".to_owned()),
        Condition::SecretUnbound(key) => {
            outside::has_secret(session, key).await?.then(|| "it has one".to_owned())
        }
        Condition::NoBalance(currency) => {
            let held = sums::held(session, currency).await?;
            let told: Vec<String> = held
                .iter()
                .map(|(account, amount)| format!("{amount} are {account:?}").to_lowercase())
                .collect();
            (!held.is_empty()).then(|| told.join(" and "))
        }
        Condition::Members(audience, count) => {
            let members = memberships::count(session, audience).await?;
            (members != *count).then(|| format!("it has {members} now"))
        }
    };
    match found {
        None => Ok(()),
        Some(found) => Err(Error::Unmet { condition: condition.clone(), found }.into()),
    }
}

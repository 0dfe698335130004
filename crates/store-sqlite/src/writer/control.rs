//! A control change: configuration and what decisions depend on, in one step.

use rusqlite::Connection;
use store::{Commit, Condition, ControlWrites, Epoch, Error, NewRecord, Stream};

use crate::{
    fault::{Result, refused},
    tables::{configuration, due, journal, memberships, outside, position::Position, streams, sums},
};

/// Writes the change. What it wrote is to be rolled back unless it answers `Committed`.
pub(super) fn run(
    connection: &Connection,
    position: &mut Position,
    epoch: Epoch,
    writes: &ControlWrites,
) -> Result<Commit> {
    if position.epoch != epoch {
        return Ok(Commit::EpochMoved(position.epoch));
    }
    for condition in &writes.conditions {
        check(connection, condition)?;
    }
    for object in &writes.objects {
        configuration::put_object(connection, object)?;
    }
    for revision in &writes.revisions {
        configuration::put_revision(connection, revision)?;
    }
    if let Some(promotion) = &writes.promotion {
        configuration::put_promotion(connection, promotion)?;
    }
    if let Some(schedules) = &writes.schedules {
        due::put_schedules(connection, schedules)?;
    }
    for change in &writes.outside {
        outside::change(connection, change)?;
    }
    if let Some(record) = &writes.record {
        let tail = streams::tail(connection, Stream::Control)?;
        append(connection, position, tail.seq, record)?;
    }
    Ok(Commit::Committed)
}

/// Appends the next record of the control stream, whose last one is row `last`.
pub(super) fn append(
    connection: &Connection,
    position: &mut Position,
    last: i64,
    record: &NewRecord,
) -> Result<()> {
    if record.stream != Stream::Control || record.n != position.epoch + 1 {
        let (n, next) = (record.n, position.epoch + 1);
        return Err(refused(format!(
            "record {n} of {:?} as record {next} of the control stream",
            record.stream
        )));
    }
    position.seq += 1;
    position.epoch += 1;
    journal::append(connection, position.seq, last, record)?;
    streams::put_control(connection, record.n, position.seq)
}

fn check(connection: &Connection, condition: &Condition) -> Result<()> {
    let found = match condition {
        Condition::SecretBound(key) => (!outside::has_secret(connection, key)?)
            .then(|| "it has none; set it with `greenroom secrets set`".to_owned()),
        Condition::SecretUnbound(key) => {
            outside::has_secret(connection, key)?.then(|| "it has one".to_owned())
        }
        Condition::NoBalance(currency) => {
            let held = sums::held(connection, currency)?;
            let told: Vec<String> = held
                .iter()
                .map(|(account, amount)| format!("{amount} are {account:?}").to_lowercase())
                .collect();
            (!held.is_empty()).then(|| told.join(" and "))
        }
        Condition::Members(audience, count) => {
            let members = memberships::count(connection, audience)?;
            (members != *count).then(|| format!("it has {members} now"))
        }
    };
    match found {
        None => Ok(()),
        Some(found) => Err(Error::Unmet { condition: condition.clone(), found }.into()),
    }
}

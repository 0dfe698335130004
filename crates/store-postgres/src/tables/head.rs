//! The head: the epoch, which every batch reads under the environment's lock, and the lock itself.
//!
//! The lock is the table's own: batches take it in the mode `ROW SHARE`, which they share, control changes
//! `EXCLUSIVE`, which lets readers be. It lives in the server's memory, so a batch writes nothing to take it;
//! it is queued for in order, so that a stream of batches does not starve a change; and only who may write
//! the table can take it.

use store::{
    Error,
    encoding::{Sum, int, uint, verify},
};

use crate::{
    fault::{Result, damaged},
    session::{Call, Session},
    tables::feed,
};

/// Begins a batch's transaction, under the shared lock.
const BEGIN_SHARED: &str = "BEGIN; LOCK TABLE head IN ROW SHARE MODE";
/// Begins a transaction that no batch runs beside.
pub(crate) const BEGIN_EXCLUSIVE: &str = "BEGIN; LOCK TABLE head IN EXCLUSIVE MODE";

const READ: &str = "SELECT epoch, incarnation, crc FROM head WHERE one = 1";
const READ_FOR_BATCH: &str = "SELECT epoch, incarnation, crc, nextval('feed_no') FROM head WHERE one = 1";

/// What an environment's head says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) epoch: u64,
    pub(crate) incarnation: u64,
}

impl Head {
    fn sum(self) -> i64 {
        Sum::of("head").int(int(self.epoch)).int(int(self.incarnation)).end()
    }
}

fn verified(row: Option<&tokio_postgres::Row>) -> Result<Head> {
    let row = row.ok_or_else(|| damaged("the environment's head", "its row is gone"))?;
    let head = Head { epoch: uint(row.try_get(0)?)?, incarnation: uint(row.try_get(1)?)? };
    verify(head.sum(), row.try_get(2)?, || "the environment's head".to_owned())?;
    Ok(head)
}

pub(crate) async fn read(session: &Session) -> Result<Head> {
    verified(session.query_opt(READ, &[]).await?.as_ref())
}

/// Refuses when the server takes no writes now, because it is a standby or is told not to.
pub(crate) async fn writable(session: &Session) -> Result<()> {
    read(session).await?;
    let sql = "SELECT current_setting('transaction_read_only') = 'on'";
    let read_only = session.query_opt(sql, &[]).await?.map_or(Ok(false), |row| row.try_get(0))?;
    if read_only {
        return Err(Error::Recovering("the database is read-only".to_owned()).into());
    }
    Ok(())
}

/// Begins a batch: takes the lock shared, and reads the head in a statement after it. Also the batch's number.
pub(crate) async fn begin_batch(session: &Session, class: i32) -> Result<(Head, i64)> {
    let answers = session
        .flight(&[
            Call::Plain(BEGIN_SHARED),
            Call::With(feed::ANNOUNCE, vec![&class]),
            Call::With(READ_FOR_BATCH, vec![]),
        ])
        .await?;
    let row = answers.last().and_then(|answer| answer.rows.first());
    let head = verified(row)?;
    Ok((head, row.map_or(Ok(0), |row| row.try_get(3))?))
}

/// Writes it over what is there.
pub(crate) async fn write(session: &Session, head: Head) -> Result<()> {
    session
        .execute(
            "UPDATE head SET epoch = $1, incarnation = $2, crc = $3 WHERE one = 1",
            &[&int(head.epoch), &int(head.incarnation), &head.sum()],
        )
        .await?;
    Ok(())
}

/// The first head of a new environment.
pub(crate) async fn make(session: &Session, head: Head) -> Result<()> {
    session
        .execute(
            "INSERT INTO head (one, epoch, incarnation, crc) VALUES (1, $1, $2, $3)",
            &[&int(head.epoch), &int(head.incarnation), &head.sum()],
        )
        .await?;
    Ok(())
}

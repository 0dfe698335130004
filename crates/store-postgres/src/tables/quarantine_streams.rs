//! The tails of quarantine streams, and whose events they hold.

use store::encoding::{Sum, array, hex, int, uint, verify};
use tokio_postgres::Row;

use super::bucket_of;
use crate::{
    fault::Result,
    session::{Call, Session},
};

/// A quarantine stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tail {
    pub(crate) n: u64,
    pub(crate) identity: Option<[u8; 16]>,
}

fn sum(message: &[u8], tail: Tail) -> i64 {
    let identity = tail.identity.as_ref().map(<[u8; 16]>::as_slice);
    Sum::of("quarantine_stream").bytes(message).int(int(tail.n)).opt_bytes(identity).end()
}

/// A row of `message, n, identity, crc`, verified.
pub(crate) fn verified(row: &Row) -> Result<([u8; 16], Tail)> {
    let message: [u8; 16] = array(row.try_get(0)?)?;
    let identity: Option<&[u8]> = row.try_get(2)?;
    let tail = Tail { n: uint(row.try_get(1)?)?, identity: identity.map(array).transpose()? };
    verify(sum(&message, tail), row.try_get(3)?, || {
        format!("the tail of quarantined event {}", hex(&message))
    })?;
    Ok((message, tail))
}

/// What names a row: bucket and message.
pub(crate) struct Key(i16, Vec<u8>);

impl Key {
    pub(crate) fn of(message: &[u8; 16]) -> Self {
        Self(bucket_of(message), message.to_vec())
    }

    /// Reads and locks it.
    pub(crate) fn lock(&self) -> Call<'_> {
        Call::With(
            "SELECT message, n, identity, crc FROM quarantine_stream WHERE bucket = $1 AND message = $2 FOR UPDATE",
            vec![&self.0, &self.1],
        )
    }
}

/// A row to write.
pub(crate) struct Put(Key, i64, Option<Vec<u8>>, i64);

impl Put {
    pub(crate) fn of(message: &[u8; 16], tail: Tail) -> Self {
        let identity = tail.identity.map(|identity| identity.to_vec());
        Self(Key::of(message), int(tail.n), identity, sum(message, tail))
    }

    pub(crate) fn write(&self) -> Call<'_> {
        Call::With(
            "INSERT INTO quarantine_stream (bucket, message, n, identity, crc) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (bucket, message) DO UPDATE
             SET n = excluded.n, identity = excluded.identity, crc = excluded.crc",
            vec![&self.0.0, &self.0.1, &self.1, &self.2, &self.3],
        )
    }
}

pub(crate) async fn find(session: &Session, message: &[u8; 16]) -> Result<Option<Tail>> {
    let key = Key::of(message);
    let row = session
        .query_opt(
            "SELECT message, n, identity, crc FROM quarantine_stream WHERE bucket = $1 AND message = $2",
            &[&key.0, &key.1],
        )
        .await?;
    row.as_ref().map(|row| verified(row).map(|(_, tail)| tail)).transpose()
}

/// The quarantined events that carry this identity.
pub(crate) async fn of_identity(session: &Session, identity: [u8; 16]) -> Result<Vec<[u8; 16]>> {
    let rows = session
        .query(
            "SELECT message, n, identity, crc FROM quarantine_stream WHERE identity = $1 ORDER BY message",
            &[&identity.as_slice()],
        )
        .await?;
    rows.iter().map(|row| verified(row).map(|(message, _)| message)).collect()
}

/// Every row.
pub(crate) async fn each(
    session: &Session,
    mut visit: impl FnMut(Result<([u8; 16], Tail)>) -> Result<()> + Send,
) -> Result<()> {
    let sql = "SELECT message, n, identity, crc FROM quarantine_stream";
    super::each_row(session, sql, &[], |row| visit(verified(row))).await
}

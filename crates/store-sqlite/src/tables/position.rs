//! How far an environment has come: one row, written once a transaction.

use rusqlite::{Connection, OptionalExtension};

use crate::{
    checksum::Sum,
    codec::{int, uint},
    fault::{Result, damaged, verify},
};

/// How far an environment has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// Transactions so far, of any kind.
    pub(crate) changes: u64,
    /// The journal's last row.
    pub(crate) seq: i64,
    /// How many of its rows belong to profiles.
    pub(crate) records: u64,
    /// The control stream's last position.
    pub(crate) epoch: u64,
}

impl Position {
    fn sum(&self) -> i64 {
        Sum::of("position")
            .int(int(self.changes))
            .int(self.seq)
            .int(int(self.records))
            .int(int(self.epoch))
            .end()
    }

    pub(crate) fn read(connection: &Connection) -> Result<Self> {
        let row = connection
            .prepare_cached("SELECT changes, seq, records, epoch, crc FROM position WHERE one = 1")?
            .query_row([], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get::<_, i64>(4)?))
            })
            .optional()?;
        let Some((changes, seq, records, epoch, crc)) = row else {
            return Err(damaged("the store's position", "its row is gone"));
        };
        let position = Self { changes: uint(changes)?, seq, records: uint(records)?, epoch: uint(epoch)? };
        verify(position.sum(), crc, || "the store's position".to_owned())?;
        Ok(position)
    }

    pub(crate) fn write(&self, connection: &Connection) -> Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO position (one, changes, seq, records, epoch, crc) VALUES (1, ?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (one) DO UPDATE SET changes = ?1, seq = ?2, records = ?3, epoch = ?4, crc = ?5",
            )?
            .execute((int(self.changes), self.seq, int(self.records), int(self.epoch), self.sum()))?;
        Ok(())
    }
}

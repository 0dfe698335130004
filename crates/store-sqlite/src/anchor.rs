//! The anchor: how far an environment has come, written outside its data file.
//!
//! A data file cannot tell that it is an older copy of itself, or that its log lost its end. Two small files
//! beside it can: they are written in turn, at most once a second and at closing, without a sync of their
//! own, so they cost nothing and may lag by that second. A store that is behind its anchor is not opened.

use std::{fs, path::PathBuf};

use rusqlite::Connection;
use store::{Error, Identity, Result};

use crate::{
    checksum::Sum,
    codec::{hex, int, unhex},
    fault::{self, Fault, file},
    tables::{journal, position::Position},
};

const FORMAT: &str = "greenroom-anchor-1";

/// What an anchor says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    environment: [u8; 16],
    incarnation: u64,
    changes: u64,
    seq: i64,
    /// The sum of the journal's row at `seq`; 0 when there is none yet.
    row: i64,
}

impl Stamp {
    fn of(connection: &Connection, identity: &Identity, position: Position) -> fault::Result<Self> {
        let row = journal::stamp(connection, position.seq)?.unwrap_or(0);
        Ok(Self {
            environment: identity.id,
            incarnation: identity.incarnation,
            changes: position.changes,
            seq: position.seq,
            row,
        })
    }

    fn sum(&self) -> i64 {
        Sum::of(FORMAT)
            .bytes(&self.environment)
            .int(int(self.incarnation))
            .int(int(self.changes))
            .int(self.seq)
            .int(self.row)
            .end()
    }

    fn text(&self) -> String {
        let Self { environment, incarnation, changes, seq, row } = self;
        format!("{FORMAT} {} {incarnation} {changes} {seq} {row} {}\n", hex(environment), self.sum())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        if words.next()? != FORMAT {
            return None;
        }
        let stamp = Self {
            environment: unhex(words.next()?)?.try_into().ok()?,
            incarnation: words.next()?.parse().ok()?,
            changes: words.next()?.parse().ok()?,
            seq: words.next()?.parse().ok()?,
            row: words.next()?.parse().ok()?,
        };
        let sum: i64 = words.next()?.parse().ok()?;
        (sum == stamp.sum() && words.next().is_none()).then_some(stamp)
    }
}

/// The two slots of an environment's anchor.
#[derive(Debug)]
pub(crate) struct Anchor {
    slots: [PathBuf; 2],
    turn: usize,
}

impl Anchor {
    pub(crate) fn new(slots: [PathBuf; 2]) -> Self {
        Self { slots, turn: 0 }
    }

    /// Writes the slot whose turn it is. Not synced: it may lag, it may not cost.
    pub(crate) fn write(
        &mut self,
        connection: &Connection,
        identity: &Identity,
        position: Position,
    ) -> Result<()> {
        let stamp = Stamp::of(connection, identity, position)
            .map_err(|fault| fault.told(&identity.name, "reading the journal's end"))?;
        let path = &self.slots[self.turn];
        fs::write(path, stamp.text()).map_err(|e| file("writing", path, e))?;
        crate::folder::restrict(path)?;
        self.turn = 1 - self.turn;
        Ok(())
    }

    /// Forgets what the slots say (a restore has put another store in place).
    pub(crate) fn reset(&self) -> Result<()> {
        self.slots.iter().try_for_each(|path| match fs::remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(file("removing", path, e)),
            _ => Ok(()),
        })
    }

    /// The newest thing that the slots say about this environment.
    fn newest(&mut self, identity: &Identity) -> Result<Option<Stamp>> {
        let mut newest: Option<Stamp> = None;
        for (slot, path) in self.slots.iter().enumerate() {
            let text = match fs::read_to_string(path) {
                Ok(text) => text,
                Err(e)
                    if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::InvalidData) =>
                {
                    continue;
                }
                Err(e) => return Err(file("reading", path, e)),
            };
            let Some(stamp) = Stamp::parse(&text) else { continue };
            if stamp.environment != identity.id {
                return Err(Error::Refused(format!(
                    "{} belongs to another environment; files of two data folders have been mixed up",
                    path.display()
                )));
            }
            let order = |stamp: &Stamp| (stamp.incarnation, stamp.changes);
            if newest.as_ref().is_none_or(|best| order(&stamp) > order(best)) {
                newest = Some(stamp);
                self.turn = 1 - slot;
            }
        }
        Ok(newest)
    }

    /// Whether the slots say anything.
    pub(crate) fn is_there(&mut self, identity: &Identity) -> Result<bool> {
        Ok(self.newest(identity)?.is_some())
    }

    /// The highest incarnation that the slots know of.
    pub(crate) fn incarnation(&mut self, identity: &Identity) -> Result<u64> {
        Ok(self.newest(identity)?.map_or(0, |stamp| stamp.incarnation))
    }

    /// Refuses a store that is behind its anchor, or that has gone another way since.
    pub(crate) fn check(
        &mut self,
        connection: &Connection,
        identity: &Identity,
        position: Position,
    ) -> Result<()> {
        let Some(stamp) = self.newest(identity)? else {
            if position.changes > 1 {
                tracing::warn!(
                    environment = identity.name,
                    "no anchor can be read: whether this is the newest copy of the data is not known"
                );
            }
            return Ok(());
        };
        if identity.incarnation > stamp.incarnation {
            return Ok(());
        }
        let rewound = |detail: String| Error::Rewound {
            what: format!("the data file of environment `{}`", identity.name),
            detail: format!(
                "{detail}. An older copy was put back, or its write-ahead log was lost or damaged; put the newest \
                 files back, or restore a backup with `greenroom restore`"
            ),
        };
        if identity.incarnation < stamp.incarnation {
            return Err(rewound(format!(
                "it is incarnation {}, incarnation {} has been served",
                identity.incarnation, stamp.incarnation
            )));
        }
        if position.changes < stamp.changes || position.seq < stamp.seq {
            return Err(rewound(format!(
                "it ends at record {} (change {}), record {} (change {}) has been acknowledged",
                position.seq, position.changes, stamp.seq, stamp.changes
            )));
        }
        let row = journal::stamp(connection, stamp.seq)
            .map_err(|fault: Fault| fault.told(&identity.name, "reading the journal"))?
            .unwrap_or(0);
        if row != stamp.row {
            return Err(rewound(format!(
                "its record {} is not the one that has been acknowledged",
                stamp.seq
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_comes_back_and_a_changed_one_does_not() {
        let stamp = Stamp { environment: [3; 16], incarnation: 1, changes: 12, seq: 9, row: 77 };
        let text = stamp.text();
        assert_eq!(Stamp::parse(&text), Some(stamp));
        assert_eq!(Stamp::parse(&text.replace(" 12 ", " 11 ")), None);
        assert_eq!(Stamp::parse(&text[..text.len() - 1]), None, "a torn write");
        assert_eq!(Stamp::parse(""), None);
    }
}

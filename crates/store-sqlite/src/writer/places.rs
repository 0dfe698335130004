//! Where profiles stand: remembered between commits, because only this writer moves them. Saves reading each
//! row before it is written over.

use std::collections::HashMap;

use ledger::ProfileId;
use rusqlite::Connection;

use crate::{
    fault::Result,
    tables::profiles::{self, Place},
};

/// Profiles remembered in each of two generations; about 100 bytes each.
const GENERATION: usize = 100_000;

/// Places as of the last batch. To be dropped whole when one is undone.
#[derive(Default)]
pub(crate) struct Places {
    newer: HashMap<ProfileId, Place>,
    older: HashMap<ProfileId, Place>,
}

impl Places {
    /// Where a profile stands; `None` when there is no row of it.
    pub(super) fn find(&self, connection: &Connection, id: ProfileId) -> Result<Option<Place>> {
        if let Some(place) = self.newer.get(&id).or_else(|| self.older.get(&id)) {
            return Ok(Some(*place));
        }
        Ok(profiles::find(connection, id)?.map(|found| found.place()))
    }

    /// Notes where one stands now.
    pub(super) fn note(&mut self, id: ProfileId, place: Place) {
        self.newer.insert(id, place);
        if self.newer.len() >= GENERATION {
            self.older = std::mem::take(&mut self.newer);
        }
    }
}

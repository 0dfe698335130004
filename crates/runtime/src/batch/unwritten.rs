//! A batch that has been decided, before its rows are made.

use std::collections::HashMap;

use store::{DirectoryEntry, DirectoryKey, ProfileWrite, SumChange, Tail, Writes};

use super::scratch::{Changed, Working};

/// What a batch changes. Its rows are made when it is written, by the writer: the next batch is decided meanwhile.
pub(crate) struct Unwritten {
    changed: Vec<Changed>,
    /// All but the profiles.
    writes: Writes,
}

impl Unwritten {
    /// Of what a batch has come to; also gives where directory keys lead now.
    pub(super) fn new(working: Working) -> (Self, HashMap<DirectoryKey, Option<DirectoryEntry>>) {
        let sum = |((currency, account), amount)| SumChange { currency, account, amount };
        let writes = Writes {
            records: working.records,
            claims: working.claims,
            profiles: Vec::new(),
            sums: working.sums.into_iter().map(sum).collect(),
            quarantine: working.quarantine,
            outbox: working.outbox,
            erase: working.erase,
            forget: working.forget,
        };
        (Self { changed: working.profiles.into_values().collect(), writes }, working.directory)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.writes.is_empty()
    }

    /// Makes the rows.
    pub(super) fn into_writes(self) -> Writes {
        let profiles = self.changed.iter().map(row).collect();
        Writes { profiles, ..self.writes }
    }
}

fn row(changed: &Changed) -> ProfileWrite {
    let view = engine::replay::project(changed.before.as_deref(), &changed.now);
    ProfileWrite {
        from: changed.before.as_ref().map(|before| Tail { n: before.n, hash: before.tail }),
        row: crate::views::profile_row(&changed.now),
        entered: view.entered,
        left: view.left,
        found_by: view.found_by,
        no_longer_found_by: view.no_longer_found_by,
    }
}

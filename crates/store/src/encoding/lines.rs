//! A view's rows as lines of text, for comparison: only what follows from the journal, no row numbers and no
//! times of writing. The same of every backend.

use ledger::{Account, CurrencyKey, ProfileId};

use super::{hex, micros};
use crate::{CounterKey, DirectoryEntry, ProfileRow, QuarantineRow, Share};

/// The lines of one share of a view, as they come.
#[derive(Debug)]
pub struct Lines {
    share: Share,
    lines: Vec<String>,
}

impl Lines {
    /// None yet.
    pub fn of(share: Share) -> Self {
        Self { share, lines: Vec::new() }
    }

    /// Keeps a line if it is of the share.
    pub fn push(&mut self, line: String) {
        if self.share.holds(&line) {
            self.lines.push(line);
        }
    }

    /// The same of several.
    pub fn extend(&mut self, lines: impl IntoIterator<Item = String>) {
        lines.into_iter().for_each(|line| self.push(line));
    }

    /// What was kept, sorted.
    pub fn sorted(mut self) -> Vec<String> {
        self.lines.sort_unstable();
        self.lines
    }
}

/// Of `profiles`.
pub fn profile_line(row: &ProfileRow) -> String {
    let due = row.due_at.map_or_else(|| "-".to_owned(), |at| micros(at).to_string());
    let (tail, manifest, state) = (hex(&row.tail), hex(&row.manifest), hex(&row.state));
    format!("{} {} {tail} {manifest} {due} {state}", row.id, row.n)
}

/// Of `memberships`; `since` in microseconds.
pub fn membership_line(audience: &str, profile: ProfileId, since: i64) -> String {
    format!("{audience} {profile} {since}")
}

/// Of `search`.
pub fn search_line(trait_key: &str, value: &[u8], profile: ProfileId) -> String {
    format!("{trait_key} {} {profile}", hex(value))
}

/// Of `due`: a profile's; `at` in microseconds.
pub fn profile_due_line(at: i64, profile: ProfileId) -> String {
    format!("{at} profile {profile}")
}

/// Of `due`: a schedule's; `at` in microseconds.
pub fn schedule_due_line(at: i64, address: &str) -> String {
    format!("{at} schedule {address}")
}

/// Of `sums`.
pub fn sum_line(currency: &CurrencyKey, account: Account, amount: i64) -> String {
    format!("{currency} {account:?} {amount}")
}

/// Of `counters`.
pub fn counter_line(key: &CounterKey, used: i64, n: u64) -> String {
    format!("{} {used} {n}", key.0)
}

/// Of `directory`; the key as [`super::directory_key`] packs it.
pub fn directory_line(key: &[u8; 17], entry: DirectoryEntry) -> String {
    format!("{} {entry:?}", hex(key))
}

/// Of `quarantine`.
pub fn quarantine_line(row: &QuarantineRow) -> String {
    let identity = row.identity.map_or_else(|| "-".to_owned(), |identity| hex(&identity));
    let name = row.name.as_deref().map_or_else(|| "-".to_owned(), |name| hex(name.as_bytes()));
    let (message, at, errors) = (hex(&row.message), micros(row.at), hex(row.errors.as_bytes()));
    format!("{message} {identity} {at} {name} {} {errors}", row.code)
}

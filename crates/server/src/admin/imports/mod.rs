//! Imports: history from files, in parts, which can be taken up again where they were broken off.

pub(crate) mod list;
pub(crate) mod part;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use runtime::{Environment, timers::TimersHeld};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::Problem;

/// What is kept of how far an import has come.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    next_line: u64,
    prefix: Option<String>,
    file: Option<String>,
    finished: bool,
}

impl Kept {
    fn write(&self) -> Result<String, Problem> {
        serde_json::to_string(self).map_err(|error| Problem::internal(&error))
    }

    /// Earlier builds kept nothing but the line.
    fn read(text: &str) -> Self {
        let line = |line| Self { next_line: line, prefix: None, file: None, finished: false };
        text.parse().map(line).ok().or_else(|| serde_json::from_str(text).ok()).unwrap_or_else(|| line(1))
    }
}

/// Between two parts of an import, due work is held back for so long.
const LEASE: Duration = Duration::from_secs(30);

/// While an import's parts keep coming, due work does not fire by the clock: 1997's orders behave as 1997.
#[derive(Clone, Default)]
pub(crate) struct Leases(Arc<Mutex<BTreeMap<[u8; 16], Lease>>>);

struct Lease {
    until: Instant,
    _held: TimersHeld,
}

impl Leases {
    /// Holds due work back from now on until no part has come for a while.
    async fn renew(&self, environment: &Arc<Environment>) {
        let id = environment.id();
        if self.prolong(id) {
            return;
        }
        let held = environment.hold_timers().await;
        // Another part may have done the same meanwhile.
        if self.prolong(id) {
            return;
        }
        let lease = Lease { until: Instant::now() + LEASE, _held: held };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, lease);
        let leases = self.clone();
        tokio::spawn(async move {
            while let Some(until) = leases.due(id) {
                tokio::time::sleep_until(until).await;
            }
        });
    }

    /// Whether due work is held back already; if so, for longer from now on.
    fn prolong(&self, id: [u8; 16]) -> bool {
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lease) = leases.get_mut(&id) else { return false };
        lease.until = Instant::now() + LEASE;
        true
    }

    /// Ends it at once: the last part has come.
    fn end(&self, environment: &Environment) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&environment.id());
    }

    /// When to look again; `None` once it is over.
    fn due(&self, id: [u8; 16]) -> Option<Instant> {
        let mut leases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = leases.get(&id)?.until;
        if until <= Instant::now() {
            leases.remove(&id);
            return None;
        }
        Some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_earlier_builds_kept_is_read() -> Result<(), Problem> {
        let line = |next_line| Kept { next_line, prefix: None, file: None, finished: false };
        assert_eq!(Kept::read("40001"), line(40_001));
        let kept = Kept { prefix: Some("ab".into()), file: Some("/f".into()), finished: true, ..line(7) };
        assert_eq!(Kept::read(&kept.write()?), kept);
        assert_eq!(Kept::read("?"), line(1), "from the start: what was taken in already is a duplicate");
        Ok(())
    }
}

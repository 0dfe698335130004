//! Imports: history from files, in parts, which can be taken up again where they were broken off.

pub(crate) mod list;
pub(crate) mod part;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use runtime::{Environment, timers::TimersHeld};
use tokio::time::Instant;

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

//! Due work: lots that expire or mature, windows that roll, schedules that begin and end, and profiles that
//! still have to come under a new program. One table says what is due; this task sees that it is done.

use std::{collections::BTreeMap, sync::Arc, sync::atomic::Ordering, time::Duration};

use jiff::Timestamp;
use ledger::ProfileId;
use program::Address;
use store::{ControlWrites, Due, DueOwner};

use crate::{
    Environment, Error, Result,
    control::{Actor, Change, ClockSetting, ControlDraft},
    intake::Work,
    nodes::{RECOMPUTATION, TIMERS},
};

/// Profiles woken in one piece of work.
const WAKE_AT_ONCE: usize = 200;
/// Profiles looked for at once where they are woken part by part of a distributed store, so that the pieces are not small.
const LOOK_FOR_APART: usize = 4_000;
/// The table is looked at again at least this often.
const IDLE: Duration = Duration::from_secs(30);
/// The same where other nodes decide as well: nobody tells this one what has become due by their decisions.
const IDLE_AMONG_NODES: Duration = Duration::from_secs(1);
/// And not more often than this when something went wrong.
const BACK_OFF: Duration = Duration::from_secs(2);
/// Whoever could not be brought under a new program is tried again after so long.
const SWEEP_PUT_OFF_MS: i64 = 30_000;
/// Room in the queue is left to clients: background work waits while more than this waits already.
const QUEUE_LEFT_TO_CLIENTS: usize = 2_000;

/// Runs until the environment stops.
pub(crate) async fn run(environment: Arc<Environment>) {
    while !environment.live.is_stopping() {
        let wait = match turn(&environment).await {
            Ok(wait) => wait,
            Err(Error::Stopping(_)) => return,
            Err(error) => {
                tracing::warn!(environment = environment.name(), %error, "due work failed; it stays due");
                BACK_OFF
            }
        };
        if !wait.is_zero() {
            // Woken early when something changes; the time-out is the common end.
            let _ = tokio::time::timeout(wait, environment.live.timers_changed.notified()).await;
        }
    }
}

/// Does some of what is due and says how long to wait for more.
async fn turn(environment: &Environment) -> Result<Duration> {
    if environment.intake.waiting() > QUEUE_LEFT_TO_CLIENTS {
        return Ok(Duration::from_millis(50));
    }
    let put_off = environment.live.sweep_again_at.load(Ordering::Acquire);
    if environment.has_duty(RECOMPUTATION)
        && environment.machine_now().as_millisecond() >= put_off
        && environment.sweep_some().await?
    {
        return Ok(Duration::from_millis(1)); // lets clients in between
    }
    if !environment.has_duty(TIMERS) {
        return Ok(IDLE);
    }
    // While history is being imported, its own events say when due work fires: old orders come in order.
    if environment.timers_are_held() {
        return Ok(Duration::from_millis(200));
    }
    let now = environment.now();
    match environment.fire_due(now).await? {
        Fired::Some => return Ok(Duration::ZERO),
        Fired::Stuck => {
            tracing::warn!(environment = environment.name(), "there is due work that does not get done");
            return Ok(BACK_OFF);
        }
        Fired::Nothing => {}
    }
    let idle = if environment.store.nodes().is_some() { IDLE_AMONG_NODES } else { IDLE };
    let Some(next) = environment.store.next_due().await? else { return Ok(idle) };
    match environment.state().clock {
        ClockSetting::Manual(_) => Ok(idle),
        ClockSetting::System => {
            let wait = next.as_millisecond().saturating_sub(now.as_millisecond());
            Ok(Duration::from_millis(u64::try_from(wait).unwrap_or(0)).clamp(Duration::from_millis(10), idle))
        }
    }
}

/// What became of what was due.
pub(crate) enum Fired {
    /// There was nothing.
    Nothing,
    /// It was fired, and there may be more.
    Some,
    /// There is nothing left but what cannot be decided.
    Stuck,
}

/// Holds back due work while it lives; see [`Environment::hold_timers`].
pub struct TimersHeld(Arc<Environment>);

impl Drop for TimersHeld {
    fn drop(&mut self) {
        self.0.live.timers_held.fetch_sub(1, Ordering::AcqRel);
        self.0.live.wake_timers();
    }
}

impl Environment {
    /// Keeps due work from firing by the clock while history is imported, so that 1997's orders behave as
    /// 1997: their own times still fire what was due before them.
    pub async fn hold_timers(self: &Arc<Self>) -> TimersHeld {
        self.live.timers_held.fetch_add(1, Ordering::AcqRel);
        let held = TimersHeld(Arc::clone(self));
        // They may be another node's.
        self.be_heard().await;
        held
    }

    /// Fires one page of what is due by `until`, earliest first.
    pub(crate) async fn fire_due(&self, until: Timestamp) -> Result<Fired> {
        let due = self.store.due(until, self.looked_for()).await?;
        if due.is_empty() {
            return Ok(Fired::Nothing);
        }
        let mut profiles = Vec::with_capacity(due.len());
        for Due { at, owner } in &due {
            match owner {
                DueOwner::Profile(profile) => profiles.push((*profile, *at)),
                DueOwner::Schedule(address) => self.schedule_reached(address, *at).await?,
            }
        }
        if !profiles.is_empty() {
            let before = profiles.clone();
            self.wake(profiles).await?;
            // Work that could not be done (it is in the log) must not be tried in a tight loop.
            let again = self.store.due(until, WAKE_AT_ONCE).await?;
            let stuck =
                |due: &Due| matches!(due.owner, DueOwner::Profile(p) if before.contains(&(p, due.at)));
            if !again.is_empty() && again.iter().all(stuck) {
                return Ok(Fired::Stuck);
            }
        }
        Ok(Fired::Some)
    }

    /// How many profiles to look for that have something to do.
    fn looked_for(&self) -> usize {
        let is_apart = self.store.part(ProfileId([0; 16])).is_some();
        if is_apart { LOOK_FOR_APART } else { WAKE_AT_ONCE }
    }

    /// Brings profiles up to date until the given times: those that lie in one part of a distributed store together.
    async fn wake(&self, profiles: Vec<(ProfileId, Timestamp)>) -> Result<()> {
        for profiles in pieces(profiles, |profile| self.store.part(profile)) {
            let (reply, answer) = tokio::sync::oneshot::channel();
            self.intake.offer(Work::Wake { profiles, reply }, 1_000)?;
            answer.await.unwrap_or_else(|_| Err(Error::Stopping(self.name().to_owned())))?;
        }
        Ok(())
    }

    /// Notes that a schedule's time has come, unless that has been noted: whoever advances the clock and whoever follows it
    /// may see it at the same time.
    async fn schedule_reached(&self, address: &str, due: Timestamp) -> Result<()> {
        let owner = DueOwner::Schedule(address.to_owned());
        let address: Address = address.parse().map_err(Error::Internal)?;
        loop {
            let rules = self.refresh_rules().await?;
            let still = self.store.due(due, self.looked_for()).await?;
            if !still.iter().any(|still| still.at == due && still.owner == owner) {
                return Ok(());
            }
            let began = engine::rules::program_schedules(&rules.program)
                .iter()
                .any(|schedule| schedule.0 == address && schedule.1 == Some(due));
            let left = schedule_points(&rules.program, due);
            let extra = ControlWrites { schedules: Some(left), ..Default::default() };
            let draft = ControlDraft {
                actor: Actor::system(),
                message: None,
                change: Change::ScheduleReached { address: address.clone(), began, due },
            };
            match self.change(draft, extra, Some(rules.epoch)).await {
                // Then it may be another program's schedule, or have been noted.
                Err(Error::Stale(_)) => {}
                changed => return changed.map(drop),
            }
        }
    }

    /// Sweeps some profiles that are still under an older program, or constants that have been bound anew. Says whether there are more.
    pub(crate) async fn sweep_some(&self) -> Result<bool> {
        let basis = self.rules().basis;
        let behind = self.store.behind(basis, self.looked_for()).await?;
        if behind.is_empty() {
            self.live.sweep_left.store(0, Ordering::Release);
            return Ok(false);
        }
        let left = self.live.sweep_left.load(Ordering::Acquire);
        if left == 0 {
            let (count, _) = self.store.behind_count(basis).await?;
            self.live.sweep_left.store(count, Ordering::Release);
        }
        let swept = behind.len() as u64;
        // No work is due before the beginning: waking then only brings profiles under the new program.
        let profiles = behind.iter().map(|id| (*id, Timestamp::MIN)).collect();
        self.wake(profiles).await?;
        // Whoever cannot be brought there (it is in the log) must not keep all others from what is due.
        let again = self.store.behind(basis, self.looked_for()).await?;
        if !again.is_empty() && self.rules().basis == basis && again.iter().all(|id| behind.contains(id)) {
            let put_off = self.machine_now().as_millisecond().saturating_add(SWEEP_PUT_OFF_MS);
            self.live.sweep_again_at.store(put_off, Ordering::Release);
            self.live.sweep_left.store(again.len() as u64, Ordering::Release);
            tracing::warn!(
                environment = self.name(),
                left = again.len(),
                "members cannot be brought under the program; due work of the others goes on, they are tried again later"
            );
            return Ok(false);
        }
        let left = self.live.sweep_left.load(Ordering::Acquire).saturating_sub(swept);
        self.live.sweep_left.store(left, Ordering::Release);
        Ok(true)
    }

    /// How far the recomputation after a change of program has come: profiles left, and in all.
    pub async fn sweep_progress(&self) -> Result<(u64, u64)> {
        Ok(self.store.behind_count(self.rules().basis).await?)
    }

    /// Moves the test clock forward: everything that is due until then fires, in time order.
    pub async fn advance_clock(&self, actor: Actor, to: Timestamp) -> Result<Timestamp> {
        if self.is_live() {
            return Err(Error::Refused(format!(
                "environment `{}` is live: its clock is the world's; only test environments have a test clock",
                self.name()
            )));
        }
        let now = self.now();
        if to < now {
            return Err(Error::Refused(format!(
                "the test clock stands at {now} and only moves forward; {to} is before that"
            )));
        }
        let draft = ControlDraft { actor, message: None, change: Change::ClockSet { now: Some(to) } };
        self.change(draft, ControlWrites::default(), None).await?;
        while self.sweep_some().await? {}
        while matches!(self.fire_due(to).await?, Fired::Some) {}
        Ok(to)
    }
}

/// Profiles in pieces of work, none of which is in two parts; in each as they came.
fn pieces(
    profiles: Vec<(ProfileId, Timestamp)>,
    part: impl Fn(ProfileId) -> Option<u16>,
) -> Vec<Vec<(ProfileId, Timestamp)>> {
    let mut parts: BTreeMap<Option<u16>, Vec<(ProfileId, Timestamp)>> = BTreeMap::new();
    for one in profiles {
        parts.entry(part(one.0)).or_default().push(one);
    }
    parts.values().flat_map(|part| part.chunks(WAKE_AT_ONCE).map(<[_]>::to_vec)).collect()
}

/// Schedule points of a program after a time, earliest per object.
pub(crate) fn schedule_points(program: &program::Program, after: Timestamp) -> Vec<(String, Timestamp)> {
    let mut points: BTreeMap<String, Timestamp> = BTreeMap::new();
    for (address, from, until) in engine::rules::program_schedules(program) {
        for at in [from, until].into_iter().flatten().filter(|at| *at > after) {
            let point = points.entry(address.to_string()).or_insert(at);
            *point = (*point).min(at);
        }
    }
    points.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_work_stays_in_its_part_and_is_not_too_large() {
        let all: Vec<_> = (0..=255).map(|no| (ProfileId([no; 16]), Timestamp::UNIX_EPOCH)).collect();
        let whole = pieces(all.clone(), |_| None);
        assert_eq!(whole.iter().map(Vec::len).collect::<Vec<_>>(), [200, 56], "as they came");
        assert_eq!(whole.concat(), all);
        let part = |id: ProfileId| Some(u16::from(id.0[0] % 4));
        let apart = pieces(all.clone(), part);
        assert_eq!(apart.len(), 4);
        for piece in &apart {
            assert!(piece.is_sorted() && piece.iter().all(|(id, _)| part(*id) == part(piece[0].0)));
        }
        assert_eq!(apart.concat().len(), all.len());
    }
}

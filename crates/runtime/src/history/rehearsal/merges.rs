//! Members who were merged: what one takes in is told by another's stream, which therefore goes first.

use std::collections::{HashMap, VecDeque};

use engine::{Input, Profile, record::Recorded};
use ledger::ProfileId;
use store::{Record, Stream};

use super::{
    Members, Rehearsal,
    candidate::{Candidate, Counters, NotCarried},
};
use crate::{Result, batch};

/// The order in which the records of a page are gone through: as they stand, but that a member who is merged into another
/// comes before.
pub(super) struct Order<'p> {
    page: &'p [Record],
    steps: Vec<Step>,
    next: usize,
    /// To be done first, the last of them before the others.
    first: Vec<usize>,
    /// Where each stream's records stand; made when it is needed.
    streams: Option<HashMap<Stream, Vec<usize>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    ToDo,
    Called,
    Done,
}

impl<'p> Order<'p> {
    pub(super) fn of(page: &'p [Record]) -> Self {
        Self { page, steps: vec![Step::ToDo; page.len()], next: 0, first: Vec::new(), streams: None }
    }

    /// The record to go through now; it is taken to be gone through unless it is put off.
    pub(super) fn next(&mut self) -> Option<(usize, &'p Record)> {
        let at = self.first.pop().unwrap_or_else(|| {
            while self.steps.get(self.next).is_some_and(|step| *step == Step::Done) {
                self.next += 1;
            }
            self.next
        });
        *self.steps.get_mut(at)? = Step::Done;
        Some((at, self.page.get(at)?))
    }

    /// Puts a record off until this member has left, if that stands in the page and has not been reached.
    pub(super) fn put_off(&mut self, at: usize, until_left: ProfileId) -> bool {
        let streams = self.streams.get_or_insert_with(|| {
            let mut streams: HashMap<Stream, Vec<usize>> = HashMap::new();
            for (at, record) in self.page.iter().enumerate() {
                streams.entry(record.stream).or_default().push(at);
            }
            streams
        });
        let theirs = streams.get(&Stream::Profile(until_left)).map(Vec::as_slice).unwrap_or_default();
        let leaves = |at: &usize| {
            let header = self.page.get(*at).map(|record| record.header.as_slice()).unwrap_or_default();
            engine::record::open(header, None).is_ok_and(|opened| opened.kind() == "merge_out")
        };
        let step = |at: usize| self.steps.get(at).copied().unwrap_or(Step::Done);
        let to_do = theirs.iter().copied().filter(|at| step(*at) != Step::Done);
        let to_do: Vec<usize> = to_do.collect();
        let Some(last) = to_do.iter().position(leaves) else { return false };
        let called: Vec<usize> = to_do.into_iter().take(last + 1).collect();
        // Two that wait for each other are in no sound journal.
        if called.iter().any(|at| step(*at) == Step::Called) {
            return false;
        }
        self.first.push(at);
        self.first.extend(called.iter().rev());
        for at in called.into_iter().chain([at]) {
            if let Some(step) = self.steps.get_mut(at) {
                *step = Step::Called;
            }
        }
        true
    }
}

/// A member's own stream under the candidate, apart from all others: shared counters begin at nothing.
pub(super) struct Alone {
    pub(super) records: VecDeque<Recorded>,
    recorded: Profile,
    /// From where the window begins for this member.
    pub(super) candidate: Option<Candidate>,
    pub(super) counters: Counters,
}

impl Rehearsal<'_> {
    /// How a member stood under the candidate when they were merged into another, if that has been reached.
    pub(super) fn left<'m>(&'m self, members: &'m Members, id: ProfileId) -> Option<&'m Profile> {
        let at_hand = members.get(&id).and_then(|member| member.candidate.as_ref()?.left.as_deref());
        at_hand.or_else(|| self.left.get(&id))
    }

    /// The same, of a member who is taken in now: worked out from their own stream where it has not been reached.
    pub(super) async fn take_in(&mut self, members: &Members, id: ProfileId) -> Result<Option<Profile>> {
        if let Some(state) = self.left(members, id).cloned() {
            self.left.remove(&id); // nobody takes them in again
            return Ok(Some(state));
        }
        self.taken_in.insert(id);
        self.absorbed(id).await
    }

    /// A member has been gone through.
    pub(super) fn ended(&mut self, members: &mut Members, id: ProfileId) {
        let Some(mut member) = members.remove(&id) else { return };
        let left = member.candidate.as_mut().and_then(|candidate| candidate.left.take());
        if let Some(left) = left
            && !self.taken_in.contains(&id)
        {
            self.left.insert(id, *left);
        }
        self.end(id, member);
    }

    pub(super) async fn alone(&self, id: ProfileId) -> Result<Alone> {
        Ok(Alone {
            records: batch::records(self.environment, id).await?.into(),
            recorded: Profile::new(id),
            candidate: self.since.is_none().then(|| Candidate::fresh(id)),
            counters: Counters::default(),
        })
    }

    /// Goes on by a record. What it counts for is counted where the streams of all are read.
    pub(super) async fn go_on(
        &self,
        alone: &mut Alone,
        recorded: &Recorded,
        absorbed: Option<Profile>,
    ) -> Result<()> {
        self.reach(alone, recorded).await?;
        engine::evolve(&mut alone.recorded, recorded);
        if let Some(candidate) = &mut alone.candidate
            && let Err(NotCarried::Fault(fault)) =
                candidate.carry(&self.candidate, &mut alone.counters, recorded.into(), false, absorbed)
        {
            tracing::debug!(%fault, "an event could not be decided under the candidate");
        }
        Ok(())
    }

    /// Begins the candidate's side, if the window begins with this record.
    pub(super) async fn reach(&self, alone: &mut Alone, recorded: &Recorded) -> Result<()> {
        if alone.candidate.is_none() && self.in_window(recorded.times) {
            alone.candidate = Some(self.begin(&alone.recorded, recorded.n, &mut alone.counters).await?);
        }
        Ok(())
    }

    /// How a member stood under the candidate when they were merged into another, by their own stream alone: for when it
    /// is not among the records at hand. Of whom they took in themselves likewise.
    pub(super) async fn absorbed(&self, from: ProfileId) -> Result<Option<Profile>> {
        let mut waiting = vec![self.alone(from).await?];
        let mut taken_in: Option<Option<Profile>> = None;
        while let Some(alone) = waiting.last_mut() {
            if let Some(Input::MergeIn { from, .. }) = alone.records.front().and_then(|it| it.input.as_ref())
                && taken_in.is_none()
            {
                let from = *from;
                waiting.push(self.alone(from).await?);
                continue;
            }
            let Some(recorded) = alone.records.pop_front() else {
                waiting.pop();
                taken_in = Some(None);
                continue;
            };
            self.go_on(alone, &recorded, taken_in.take().flatten()).await?;
            if matches!(recorded.input, Some(Input::MergeOut { .. })) {
                let left = waiting.pop().and_then(|alone| alone.candidate).and_then(|it| it.left);
                taken_in = Some(left.map(|state| *state));
            }
        }
        Ok(taken_in.flatten())
    }
}

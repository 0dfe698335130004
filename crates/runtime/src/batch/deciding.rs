//! Deciding a batch: item by item, in order, purely; told what was granted when it asks.

mod settling;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use engine::{Profile, Rules};
use jiff::Timestamp;
use ledger::ProfileId;
use store::{Demand, DirectoryEntry, DirectoryKey, Granted};

use self::settling::Settled;
use super::{
    Answer,
    item::Item,
    items::{decide_item, set_aside},
    job::{Job, Task},
    load::Loaded,
    orders::{OrderStop, decide_order},
    scratch::{Ground, Salts, Scratch, Stop, Working},
    unwritten::Unwritten,
};
use crate::{
    Environment, Error, Result,
    command::Ordered,
    hashed::Hasher,
    ingest::{ItemOutcome, Problem},
    live::{Counted, LogLine},
    seal,
};

/// What a decided batch leaves behind for after the commit.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) answers: Vec<Answer>,
    /// Profiles as they are now.
    pub(crate) profiles: HashMap<ProfileId, Arc<Profile>>,
    /// Where directory keys lead now.
    pub(crate) directory: HashMap<DirectoryKey, Option<DirectoryEntry>>,
    pub(crate) counted: Counted,
    pub(crate) lines: Vec<LogLine>,
    pub(crate) due_changed: bool,
}

/// Where the output is left: the deciding itself is given away to the store.
#[derive(Clone, Default)]
pub(crate) struct OutputSlot(Arc<Mutex<Left>>);

#[derive(Default)]
struct Left {
    output: Option<Output>,
    settled: Option<Settled>,
}

impl OutputSlot {
    pub(crate) fn take(&self) -> Result<Output> {
        let output = self.0.lock().unwrap_or_else(PoisonError::into_inner).output.take();
        let mut output =
            output.ok_or_else(|| Error::Internal("a batch was committed that was never decided".into()))?;
        self.settle(&mut output);
        Ok(output)
    }

    /// Puts what was decided again into what was taken before that.
    pub(crate) fn settle(&self, output: &mut Output) {
        let settled = self.0.lock().unwrap_or_else(PoisonError::into_inner).settled.take();
        if let Some(settled) = settled {
            output.settle(settled);
        }
    }
}

/// How far a batch has come.
pub(crate) enum Progress {
    /// These must be granted first.
    Demands(Vec<Demand>),
    /// To its end.
    Decided(Unwritten),
}

/// One thing of a batch, decided in one go.
#[derive(Clone)]
enum Part {
    Item {
        job: usize,
        item: Item,
        releases: Option<[u8; 16]>,
    },
    /// Asked for, and not there.
    Absent {
        job: usize,
    },
    Order {
        job: usize,
    },
    Wake {
        profile: ProfileId,
        until: Timestamp,
    },
}

/// A batch being decided.
pub(crate) struct BatchDeciding {
    ground: Ground,
    hasher: Hasher,
    tasks: Vec<Task>,
    parts: Vec<Part>,
    next: usize,
    grants: Vec<Granted>,
    /// What the part that is next has asked for.
    asked: Vec<Demand>,
    /// What parts were granted that asked.
    granted: BTreeMap<usize, Vec<(Demand, Granted)>>,
    working: Working,
    salts: Salts,
    outcomes: Vec<Vec<ItemOutcome>>,
    orders: BTreeMap<usize, Result<Ordered>>,
    counted: Counted,
    lines: Vec<LogLine>,
    heard: bool,
    /// There is a part that came to nothing at all.
    incomplete: bool,
    slot: OutputSlot,
}

impl BatchDeciding {
    pub(crate) fn new(
        environment: &Environment,
        rules: Arc<Rules>,
        jobs: &[Job],
        loaded: Loaded,
    ) -> Result<(Self, OutputSlot)> {
        let tasks: Vec<Task> = jobs.iter().map(|job| job.task.clone()).collect();
        let mut parts = Vec::new();
        for (job, task) in tasks.iter().enumerate() {
            match task {
                Task::Items(items) => {
                    parts.extend(items.iter().map(|item| Part::Item {
                        job,
                        item: item.clone(),
                        releases: None,
                    }));
                }
                Task::Order { .. } => parts.push(Part::Order { job }),
                Task::Wake(profiles) => {
                    parts.extend(profiles.iter().map(|&(profile, until)| Part::Wake { profile, until }));
                }
                Task::Release(messages) => {
                    parts.extend(messages.iter().map(|key| match loaded.released.get(key) {
                        Some((item, _)) => Part::Item { job, item: item.clone(), releases: Some(*key) },
                        None => Part::Absent { job },
                    }));
                }
            }
        }
        let slot = OutputSlot::default();
        let deciding = Self {
            ground: Ground {
                rules,
                decide: environment.options.decide,
                incarnation: environment.store.identity().incarnation,
                now: environment.now(),
                loaded,
            },
            hasher: environment.hasher.clone(),
            outcomes: vec![Vec::new(); tasks.len()],
            tasks,
            parts,
            next: 0,
            grants: Vec::new(),
            asked: Vec::new(),
            granted: BTreeMap::new(),
            working: Working::default(),
            salts: Salts::new(seal::random()?),
            orders: BTreeMap::new(),
            counted: Counted::default(),
            lines: Vec::new(),
            heard: environment.live.is_heard(),
            incomplete: false,
            slot: slot.clone(),
        };
        Ok((deciding, slot))
    }

    /// Decides one part on a scratch of its own.
    fn part(&mut self, part: &Part) -> Result<(), Stop> {
        let mut scratch = Scratch::new(&self.ground, &self.working, &self.grants, &mut self.salts);
        match part {
            Part::Item { job, item, releases } => {
                let outcome = match decide_item(&mut scratch, &self.hasher, item, *releases) {
                    Ok(outcome) => outcome,
                    Err(Stop::Needs(demand)) => return Err(Stop::Needs(demand)),
                    // The item is put aside for its fault; whatever it had done so far is dropped.
                    Err(Stop::Fault(fault)) => {
                        scratch = Scratch::new(&self.ground, &self.working, &[], &mut self.salts);
                        let problems = vec![Problem { pointer: String::new(), detail: fault.to_string() }];
                        set_aside(&mut scratch, &self.hasher, item, "fault", problems, *releases)?
                    }
                };
                let own = scratch.own;
                self.report(item, &outcome);
                self.outcomes[*job].push(outcome);
                self.working.merge(own);
            }
            Part::Absent { job } => self.outcomes[*job].push(ItemOutcome::Absent),
            Part::Order { job } => {
                let Some(Task::Order { profile, command, idempotency_key }) = self.tasks.get(*job) else {
                    return Ok(());
                };
                let key = idempotency_key.as_deref().map(|key| self.hasher.command(key));
                match decide_order(&mut scratch, &self.hasher, *profile, command, key) {
                    Ok(ordered) => {
                        let own = scratch.own;
                        self.orders.insert(*job, Ok(ordered));
                        self.working.merge(own);
                    }
                    Err(OrderStop::Stop(Stop::Needs(demand))) => return Err(Stop::Needs(demand)),
                    Err(OrderStop::Stop(Stop::Fault(fault))) => {
                        self.orders.insert(*job, Err(Error::Refused(fault.what)));
                    }
                    Err(OrderStop::Refused(error)) => {
                        self.orders.insert(*job, Err(error));
                    }
                }
            }
            Part::Wake { profile, until } => match scratch.bring_up(*profile, *until) {
                Ok(()) => {
                    let own = scratch.own;
                    self.working.merge(own);
                }
                Err(Stop::Needs(demand)) => return Err(Stop::Needs(demand)),
                Err(Stop::Fault(fault)) => {
                    tracing::error!(%profile, %fault, "due work could not be decided; it stays due");
                }
            },
        }
        Ok(())
    }

    /// What an item is counted under.
    fn label<'a>(&self, item: &'a Item) -> &'a str {
        let (kind, event) = kind_and_event(item);
        // Only declared names become a metric's label: clients could make up any number of others.
        let declared = |name: &&str| self.ground.rules.program.event_names.contains_key(*name);
        event.filter(declared).unwrap_or(kind)
    }

    fn report(&mut self, item: &Item, outcome: &ItemOutcome) {
        self.counted.add(word(outcome), self.label(item));
        if self.heard {
            let (kind, event) = kind_and_event(item);
            let profile = match outcome {
                ItemOutcome::Decided(decided) => Some(decided.profile),
                _ => None,
            };
            self.lines.push(LogLine {
                decided_at: self.ground.now,
                kind: kind.to_owned(),
                event: event.map(str::to_owned),
                message_id: Some(item.message_id().to_owned()),
                profile,
                outcome: outcome.clone(),
            });
        }
    }

    /// Everything is decided: leaves the output, and gives what is to be written.
    fn conclude(&mut self) -> Unwritten {
        let working = std::mem::take(&mut self.working);
        let mut due_changed = false;
        let mut kept = HashMap::with_capacity(working.profiles.len());
        for changed in working.profiles.values() {
            due_changed |= changed.due_changed();
            kept.insert(changed.now.id, Arc::clone(&changed.now));
        }
        let mut answers = Vec::with_capacity(self.tasks.len());
        for (job, task) in self.tasks.iter().enumerate() {
            answers.push(match task {
                Task::Items(_) | Task::Release(_) => Answer::Items(std::mem::take(&mut self.outcomes[job])),
                Task::Order { .. } => Answer::Order(
                    self.orders
                        .remove(&job)
                        .unwrap_or_else(|| Err(Error::Internal("an order was left out".into()))),
                ),
                Task::Wake(_) => Answer::Woken,
            });
        }
        let (unwritten, directory) = Unwritten::new(working);
        *self.slot.0.lock().unwrap_or_else(PoisonError::into_inner) = Left {
            settled: None,
            output: Some(Output {
                answers,
                profiles: kept,
                directory,
                counted: std::mem::take(&mut self.counted),
                lines: std::mem::take(&mut self.lines),
                due_changed,
            }),
        };
        unwritten
    }

    /// Decides as far as possible, with what has been granted since.
    pub(crate) fn go_on(&mut self, granted: &[Granted]) -> Progress {
        self.grants.extend_from_slice(granted);
        while let Some(part) = self.parts.get(self.next).cloned() {
            match self.part(&part) {
                Ok(()) => self.done(),
                Err(Stop::Needs(demand)) => {
                    self.asked.push(demand.clone());
                    return Progress::Demands(vec![demand]);
                }
                Err(Stop::Fault(fault)) => {
                    // Only putting an item aside can fail here, and then only by a bug: leave the item
                    // unanswered rather than half-done.
                    tracing::error!(%fault, "an item could not even be put aside");
                    self.incomplete = true;
                    self.done();
                }
            }
        }
        Progress::Decided(self.conclude())
    }

    /// The next part is done.
    fn done(&mut self) {
        if !self.asked.is_empty() {
            let granted = std::mem::take(&mut self.asked).into_iter().zip(self.grants.drain(..));
            self.granted.insert(self.next, granted.collect());
        }
        self.grants.clear();
        self.next += 1;
    }
}

const fn word(outcome: &ItemOutcome) -> &'static str {
    match outcome {
        ItemOutcome::Decided(_) => "decided",
        ItemOutcome::Duplicate { .. } => "duplicate",
        ItemOutcome::Quarantined { .. } => "quarantined",
        ItemOutcome::Absent => "absent",
    }
}

fn kind_and_event(item: &Item) -> (&str, Option<&str>) {
    match item {
        Item::Message(prepared) => (prepared.message.kind.as_str(), prepared.message.event.as_deref()),
        Item::Malformed(malformed, _) => ("malformed", malformed.name.as_deref()),
    }
}

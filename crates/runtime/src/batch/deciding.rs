//! Deciding a batch: item by item, in order, purely; told what was granted when it asks.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use engine::{
    Command, Decision, Identity, Input, Known, Message, Profile, Rules, admit::Admission, input::Order,
    profile::Standing, resolve::Owner,
};
use jiff::Timestamp;
use ledger::ProfileId;
use store::{Deciding, DirectoryEntry, DirectoryKey, Granted, ProfileWrite, Step, Stream, SumChange, Writes};

use super::{
    Answer,
    job::{Item, Job, Task},
    load::{self, Loaded},
    scratch::{Ground, Keys, Salts, Scratch, Stop, Working},
};
use crate::{
    Environment, Error, Result,
    command::Ordered,
    hashed::Hasher,
    ingest::{Decided, ItemOutcome, Problem},
    live::LogLine,
    quarantine, seal,
};

/// What a decided batch leaves behind for after the commit.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) answers: Vec<Answer>,
    /// Profiles as they are now.
    pub(crate) profiles: HashMap<ProfileId, Arc<Profile>>,
    /// Where directory keys lead now.
    pub(crate) directory: HashMap<DirectoryKey, Option<DirectoryEntry>>,
    pub(crate) counted: BTreeMap<(String, &'static str), u64>,
    pub(crate) lines: Vec<LogLine>,
    pub(crate) due_changed: bool,
}

/// Where the output is left: the deciding itself is given away to the store.
#[derive(Clone, Default)]
pub(crate) struct OutputSlot(Arc<Mutex<Option<Output>>>);

impl OutputSlot {
    pub(crate) fn take(&self) -> Result<Output> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .ok_or_else(|| Error::Internal("a batch was committed that was never decided".into()))
    }
}

/// One thing of a batch, decided in one go.
#[derive(Clone)]
enum Part {
    Item { job: usize, item: Item, releases: Option<[u8; 16]> },
    Order { job: usize },
    Wake { profile: ProfileId, until: Timestamp },
}

/// A batch being decided.
pub(crate) struct BatchDeciding {
    ground: Ground,
    hasher: Hasher,
    tasks: Vec<Task>,
    parts: Vec<Part>,
    next: usize,
    grants: Vec<Granted>,
    working: Working,
    salts: Salts,
    outcomes: Vec<Vec<ItemOutcome>>,
    orders: BTreeMap<usize, Result<Ordered>>,
    counted: BTreeMap<(String, &'static str), u64>,
    lines: Vec<LogLine>,
    heard: bool,
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
                Task::Release(messages) => parts.extend(messages.iter().filter_map(|key| {
                    let (item, _) = loaded.released.get(key)?;
                    Some(Part::Item { job, item: item.clone(), releases: Some(*key) })
                })),
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
            working: Working::default(),
            salts: Salts::new(seal::random()?),
            orders: BTreeMap::new(),
            counted: BTreeMap::new(),
            lines: Vec::new(),
            heard: environment.live.is_heard(),
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

    fn report(&mut self, item: &Item, outcome: &ItemOutcome) {
        let word = match outcome {
            ItemOutcome::Decided(_) => "decided",
            ItemOutcome::Duplicate { .. } => "duplicate",
            ItemOutcome::Quarantined { .. } => "quarantined",
        };
        let (kind, event) = match item {
            Item::Message(message) => (kind_word(message), message.event.clone()),
            Item::Malformed(malformed) => ("malformed", malformed.name.clone()),
        };
        // Only declared names become a metric's label: clients could make up any number of others.
        let label = event
            .as_deref()
            .filter(|name| self.ground.rules.program.event_names.contains_key(*name))
            .unwrap_or(kind);
        *self.counted.entry((label.to_owned(), word)).or_default() += 1;
        if self.heard {
            let profile = match outcome {
                ItemOutcome::Decided(decided) => Some(decided.profile),
                _ => None,
            };
            self.lines.push(LogLine {
                decided_at: self.ground.now,
                kind: kind.to_owned(),
                event,
                message_id: Some(item.message_id().to_owned()),
                profile,
                outcome: outcome.clone(),
            });
        }
    }

    fn finish(&mut self) -> Writes {
        let working = std::mem::take(&mut self.working);
        let mut due_changed = false;
        let mut profiles = Vec::with_capacity(working.profiles.len());
        let mut kept = HashMap::with_capacity(working.profiles.len());
        for changed in working.profiles.into_values() {
            let view = engine::replay::project(changed.before.as_deref(), &changed.now);
            due_changed |= changed.before.as_ref().and_then(|before| before.due_at) != changed.now.due_at;
            profiles.push(ProfileWrite {
                expected: changed.before.as_ref().map_or(0, |before| before.n),
                row: crate::views::profile_row(&changed.now),
                entered: view.entered,
                left: view.left,
                found_by: view.found_by,
                no_longer_found_by: view.no_longer_found_by,
            });
            kept.insert(changed.now.id, changed.now);
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
        *self.slot.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Output {
            answers,
            profiles: kept,
            directory: working.directory,
            counted: std::mem::take(&mut self.counted),
            lines: std::mem::take(&mut self.lines),
            due_changed,
        });
        Writes {
            records: working.records,
            claims: working.claims,
            profiles,
            sums: working
                .sums
                .into_iter()
                .map(|((currency, account), amount)| SumChange { currency, account, amount })
                .collect(),
            quarantine: working.quarantine,
            outbox: working.outbox,
            erase: working.erase,
            forget: working.forget,
        }
    }
}

impl Deciding for BatchDeciding {
    fn step(&mut self, granted: &[Granted]) -> Step {
        self.grants.extend_from_slice(granted);
        while let Some(part) = self.parts.get(self.next).cloned() {
            match self.part(&part) {
                Ok(()) => {
                    self.grants.clear();
                    self.next += 1;
                }
                Err(Stop::Needs(demand)) => return Step::Demand(vec![demand]),
                Err(Stop::Fault(fault)) => {
                    // Only putting an item aside can fail here, and then only by a bug: leave the item
                    // unanswered rather than half-done.
                    tracing::error!(%fault, "an item could not even be put aside");
                    self.grants.clear();
                    self.next += 1;
                }
            }
        }
        Step::Write(Box::new(self.finish()))
    }
}

fn kind_word(message: &Message) -> &'static str {
    match message.kind {
        engine::MessageKind::Track => "track",
        engine::MessageKind::Identify => "identify",
        engine::MessageKind::Page => "page",
        engine::MessageKind::Screen => "screen",
        engine::MessageKind::Group => "group",
        engine::MessageKind::Alias => "alias",
    }
}

fn decide_item(
    scratch: &mut Scratch<'_>,
    hasher: &Hasher,
    item: &Item,
    releases: Option<[u8; 16]>,
) -> Result<ItemOutcome, Stop> {
    let key = hasher.message(item.message_id());
    let seen = scratch.directory(&DirectoryKey::Message(key));
    let in_quarantine = DirectoryEntry::Record(Stream::Quarantine(key), 1);
    let first_time = match releases {
        None => seen.is_none(),
        Some(_) => seen == Some(in_quarantine),
    };
    if !first_time {
        return Ok(ItemOutcome::Duplicate { by: "message_id".into() });
    }
    let message = match item {
        Item::Message(message) => message,
        Item::Malformed(malformed) => {
            return set_aside(scratch, hasher, item, "malformed", malformed.problems.clone(), releases);
        }
    };
    let rules = Arc::clone(&scratch.ground.rules);
    let warnings = match engine::admit(&rules, message) {
        Admission::Accept(warnings) => warnings,
        Admission::Quarantine { code, problems } => {
            return set_aside(scratch, hasher, item, code, problems, releases);
        }
    };
    let unique = engine::admit::unique_value(&rules, message)
        .map(|(event_type, value)| hasher.unique(event_type.as_str(), &value));
    if let Some(unique) = unique
        && scratch.directory(&DirectoryKey::Unique(unique)).is_some()
    {
        return Ok(ItemOutcome::Duplicate { by: unique_by(&rules, message) });
    }
    let (target, n, decision) = decide_message(scratch, hasher, message, Keys { key: Some(key), unique })?;
    let record = DirectoryEntry::Record(Stream::Profile(target), n);
    scratch.claim(DirectoryKey::Message(key), record);
    if let Some(unique) = unique {
        scratch.claim(DirectoryKey::Unique(unique), record);
    }
    if let Some(released) = releases
        && let Some((_, first)) = scratch.ground.loaded.released.get(&released)
    {
        let record = quarantine::released(first, scratch.ground.now)
            .map_err(|error| engine::Fault::new("internal", "quarantine", error.to_string()))?;
        scratch.own.records.push(record);
        scratch.own.quarantine.push((released, None));
    }
    Ok(ItemOutcome::Decided(decided(target, n, rules.epoch, &decision, warnings)))
}

/// Resolves whose message it is, merges who must be merged, and decides it.
fn decide_message(
    scratch: &mut Scratch<'_>,
    hasher: &Hasher,
    message: &Arc<Message>,
    keys: Keys,
) -> Result<(ProfileId, u64, Decision), Stop> {
    let owner = |identity: &Identity| match scratch
        .directory(&DirectoryKey::Identity(hasher.identity(identity)))
    {
        Some(DirectoryEntry::Profile(profile)) => {
            let profile = scratch.living(profile);
            let known = scratch.profile(profile).is_some_and(|profile| profile.standing == Standing::Known);
            Some(Owner { profile, known })
        }
        _ => None,
    };
    let user = message.user_id.clone().map(Identity::User);
    let anonymous = message.anonymous_id.clone().map(Identity::Anonymous);
    let previous = message.previous_id.as_ref().and_then(|previous| {
        owner(&Identity::User(previous.clone())).or_else(|| owner(&Identity::Anonymous(previous.clone())))
    });
    let known = Known {
        user: user.as_ref().and_then(owner),
        anonymous: anonymous.as_ref().and_then(owner),
        previous,
    };
    let resolution = engine::resolve(message, known);
    let target = resolution.target;
    let at = message.occurred_at;
    scratch.bring_up(target, at)?;
    for &from in &resolution.merges {
        merge(scratch, hasher, from, target, at)?;
    }
    scratch.bring_up(target, at)?;
    let (n, decision) =
        scratch.input(target, &Input::Message(Arc::clone(message), resolution.claims.clone()), at, keys)?;
    for identity in &resolution.claims {
        let key = DirectoryKey::Identity(hasher.identity(identity));
        scratch.claim(key, DirectoryEntry::Profile(target));
    }
    Ok((target, n, decision))
}

/// One person under two profiles: the first moves into the second, in both streams at once.
fn merge(
    scratch: &mut Scratch<'_>,
    hasher: &Hasher,
    from: ProfileId,
    into: ProfileId,
    at: Timestamp,
) -> Result<(), Stop> {
    scratch.bring_up(from, at)?;
    let Some(state) = scratch.profile(from).map(|profile| Profile::clone(profile)) else { return Ok(()) };
    let identities = state.identities.clone();
    scratch.input(from, &Input::MergeOut { into }, at, Keys::default())?;
    scratch.input(into, &Input::MergeIn { from, state: Box::new(state) }, at, Keys::default())?;
    for identity in identities.iter() {
        let key = DirectoryKey::Identity(hasher.identity(identity));
        scratch.claim(key, DirectoryEntry::Profile(into));
    }
    Ok(())
}

/// Puts an item into quarantine, once: a released item that still does not fit stays where it is.
fn set_aside(
    scratch: &mut Scratch<'_>,
    hasher: &Hasher,
    item: &Item,
    code: &str,
    problems: Vec<Problem>,
    releases: Option<[u8; 16]>,
) -> Result<ItemOutcome, Stop> {
    let problems = quarantine::told(problems);
    if releases.is_none() {
        let key = hasher.message(item.message_id());
        let salt = scratch.salt();
        let fault = |error: Error| engine::Fault::new("internal", "quarantine", error.to_string());
        let record =
            quarantine::put_aside(key, load::incoming(item), code, &problems, scratch.ground.now, salt)
                .map_err(fault)?;
        let row = quarantine::row(&as_stored(&record), hasher).map_err(fault)?;
        scratch.own.quarantine.push((key, row));
        scratch.own.records.push(record);
        scratch.claim(DirectoryKey::Message(key), DirectoryEntry::Record(Stream::Quarantine(key), 1));
    }
    Ok(ItemOutcome::Quarantined { code: code.to_owned(), problems })
}

fn as_stored(record: &store::NewRecord) -> store::Record {
    store::Record {
        stream: record.stream,
        n: record.n,
        decided_at: record.decided_at,
        header: record.header.clone(),
        body: record.body.clone(),
    }
}

fn unique_by(rules: &Rules, message: &Message) -> String {
    message
        .event
        .as_deref()
        .and_then(|name| rules.program.event_names.get(name))
        .and_then(|key| rules.program.event_types.get(key))
        .and_then(|event_type| event_type.unique_by.as_ref())
        .map_or_else(|| "unique_by".into(), |path| format!("properties.{}", path.join(".")))
}

fn decided(profile: ProfileId, n: u64, epoch: u64, decision: &Decision, warnings: Vec<Problem>) -> Decided {
    let fired =
        decision.outcomes.iter().filter(|o| o.stopped.is_none()).map(|o| o.reactor.to_string()).collect();
    let mut points: BTreeMap<String, i64> = BTreeMap::new();
    for group in &decision.groups {
        for posting in group.postings.iter().filter(|posting| posting.account.of_profile()) {
            *points.entry(group.currency.to_string()).or_default() += posting.amount;
        }
    }
    Decided { profile, n, epoch, fired, points: points.into_iter().collect(), warnings }
}

enum OrderStop {
    Stop(Stop),
    Refused(Error),
}

impl From<Stop> for OrderStop {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

fn decide_order(
    scratch: &mut Scratch<'_>,
    hasher: &Hasher,
    profile: ProfileId,
    command: &Command,
    key: Option<[u8; 16]>,
) -> Result<Ordered, OrderStop> {
    if let Some(key) = key
        && scratch.directory(&DirectoryKey::Command(key)).is_some()
    {
        return earlier_order(scratch, command, profile, key).map_err(OrderStop::Refused);
    }
    let missing = || OrderStop::Refused(Error::Store(store::Error::Missing(format!("profile {profile}"))));
    let mut living = scratch.living(profile);
    if command.order == Order::Erase && !scratch.is_active(living) {
        // What it lives on in is erased, it itself is not: so after a restore, which erases one by one.
        living = profile;
    }
    let Some(state) = scratch.profile(living).cloned() else { return Err(missing()) };
    if command.order == Order::Erase {
        if state.standing == Standing::Erased {
            return Err(missing());
        }
    } else if !state.is_active() {
        return Err(missing());
    }
    let at = scratch.ground.now.max(state.latest);
    scratch.bring_up(living, at)?;
    let input = Input::Command(command.clone());
    let identities = scratch.profile(living).map(|profile| profile.identities.clone()).unwrap_or_default();
    let (n, decision) = scratch.input(living, &input, at, Keys { key, unique: None })?;
    if command.order == Order::Erase {
        for identity in identities.iter() {
            scratch.forget(DirectoryKey::Identity(hasher.identity(identity)));
        }
        let streams = scratch.ground.loaded.erasures.get(&profile).cloned().unwrap_or_default();
        for stream in &streams {
            match stream {
                // Those merged into it: their own streams say that they are erased, too.
                Stream::Profile(merged) if *merged != living => {
                    let latest =
                        scratch.profile(*merged).filter(|merged| merged.standing != Standing::Erased);
                    let Some(latest) = latest.map(|merged| merged.latest) else { continue };
                    scratch.input(*merged, &input, at.max(latest), Keys::default())?;
                }
                Stream::Quarantine(message) => scratch.own.quarantine.push((*message, None)),
                Stream::Profile(_) | Stream::Control => {}
            }
        }
        scratch.own.erase.extend(streams);
    }
    if let Some(key) = key {
        scratch.claim(DirectoryKey::Command(key), DirectoryEntry::Record(Stream::Profile(living), n));
    }
    Ok(Ordered { profile: living, n, groups: decision.groups, replayed: false })
}

/// The same order again under its key: what it came to then. Another order under it is refused.
fn earlier_order(
    scratch: &Scratch<'_>,
    command: &Command,
    profile: ProfileId,
    key: [u8; 16],
) -> Result<Ordered> {
    let Some(recorded) = scratch.ground.loaded.commands.get(&key) else {
        // Decided earlier in this very batch: the caller asks again and finds it.
        return Err(Error::Conflict(
            "a request with this Idempotency-Key is being carried out at this moment; send this one again to get its answer".into(),
        ));
    };
    let same = match &recorded.input {
        Some(Input::Command(earlier)) => {
            earlier.order == command.order && scratch.living(profile) == scratch.living(recorded.profile)
        }
        // Its body was erased: the order cannot be compared any more.
        _ => false,
    };
    if !same {
        return Err(Error::KeyReused);
    }
    Ok(Ordered {
        profile: recorded.profile,
        n: recorded.n,
        groups: recorded.decision.groups.clone(),
        replayed: true,
    })
}

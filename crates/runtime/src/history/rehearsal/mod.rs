//! Rehearsal: recorded history under a candidate program, beside the record itself, in memory, unable to
//! send anything.
//!
//! The *control* decides every record of the window again under its own rules; if that does not give the
//! record, the rehearsal says untrusted. The *candidate* gets the same inputs (events, orders, merges) and
//! runs its own timers. As long as a member's history cannot have come to anything else under the candidate, the two
//! are *in step*: the control's decision is the candidate's too ([`engine::Likeness`]).

mod affected;
mod candidate;
mod control;
mod kept;
mod merges;
pub mod report;
mod tally;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use engine::{Decision, Input, Likeness, MessageKind, Profile, Rules, Times, record::Opened};
use jiff::Timestamp;
use ledger::ProfileId;
use program::{Bundle, Program, plan::Choices};
use store::{Record, Stream};

pub use self::kept::Rehearsed;
use self::{
    affected::{Most, Weighed},
    candidate::{Candidate, Counters, NotCarried},
    merges::Order,
    report::Report,
    tally::Side,
};
use super::{
    retraced::Retraced,
    walk::{self, RulesSeen},
};
use crate::{Environment, Error, Result, configuration::PlanSource, control::Actor, work::Progress};

/// What to rehearse.
pub struct RehearsalRequest {
    /// Where the candidate comes from.
    pub source: PlanSource,
    /// What was chosen.
    pub choices: Choices,
    /// Events from here on (by when they happened); everything if `None`.
    pub since: Option<Timestamp>,
    /// And before this.
    pub until: Option<Timestamp>,
}

/// Why a record is left out whose body is gone.
const ERASED: &str = "its body was erased";
const AFFECTED_SHOWN_MAX: usize = 10;
/// Clients can make up any number of names.
const EVENTS_COMPARED_MAX: usize = 10_000;
const UNTRUSTED_REASONS_MAX: usize = 10;

impl Environment {
    /// Rehearses on this environment's own history. Only the report is written: it is kept here.
    pub async fn rehearse(
        &self,
        request: RehearsalRequest,
        actor: &Actor,
        progress: &Progress,
    ) -> Result<Rehearsed> {
        // Better now than when all has been read.
        self.store.writable().await?;
        let began = self.machine_now();
        let planned = self.plan(&request.source, request.choices.clone()).await?;
        if !planned.plan.conflicts.is_empty() {
            // What is undecided would be left out, and the figures would speak of something else.
            let undecided = planned.plan.conflicts.iter().map(|conflict| {
                format!("{}: both sides have their own form; decide with --take", conflict.address)
            });
            return Err(Error::Blocked(undecided.collect()));
        }
        let current = self.epochs.refresh().await?.manifest.map(|manifest| manifest.0);
        let rehearsed = self.rehearse_bundle(planned.result(), request.since, request.until, progress);
        let mut report = Box::pin(rehearsed).await?; // large
        let took = self.machine_now().as_millisecond() - began.as_millisecond();
        report.took_ms = u64::try_from(took).unwrap_or(0);
        let manifests = (current, planned.result().manifest_hash().0);
        let row = self.keep(&report, planned.plan.digest.to_string(), manifests, actor).await?;
        Ok(Rehearsed { row, report })
    }

    /// Rehearses a bundle as a whole.
    async fn rehearse_bundle(
        &self,
        bundle: &Bundle,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        progress: &Progress,
    ) -> Result<Report> {
        progress.begin(self.store.record_count().await?);
        let state = self.epochs.refresh().await?;
        let program = Arc::new(Program::compile(bundle).map_err(Error::Faults)?);
        let mut candidate = self.epochs.compile_rules(&state, program)?;
        candidate.since = since.unwrap_or(Timestamp::MIN);
        let budgeted: BTreeSet<Arc<str>> = candidate
            .program
            .reactors
            .iter()
            .filter(|(_, reactor)| reactor.budget.is_some())
            .map(|(key, _)| key.shared())
            .collect();
        let mut rehearsal = Rehearsal {
            environment: self,
            progress,
            candidate: Arc::new(candidate),
            since,
            until,
            end: until.unwrap_or_else(|| self.now()),
            counters: Counters::default(),
            rules: RulesSeen::default(),
            report: Report {
                format_version: report::FORMAT_VERSION,
                environment: self.name().to_owned(),
                current: state.manifest.map(|manifest| manifest.to_string()).unwrap_or_default(),
                candidate: bundle.manifest_hash().to_string(),
                since,
                until,
                trusted: true,
                ..Report::default()
            },
            affected: Vec::new(),
            asks_the_same: HashMap::new(),
            likeness: HashMap::new(),
            left: HashMap::new(),
            taken_in: HashSet::new(),
            scratch: Vec::new(),
        };
        // Shared budgets couple members: what one gets depends on what others got before.
        if budgeted.is_empty() {
            rehearsal.one_by_one().await?;
        } else {
            rehearsal.all_at_once().await?;
        }
        rehearsal.finish(&budgeted).await
    }
}

/// A member on both sides.
struct Member {
    recorded: Retraced,
    /// The candidate has taken over (the window has begun for this member).
    begun: bool,
    /// The candidate's side; `None` while it is in step with what is recorded.
    candidate: Option<Box<Candidate>>,
    /// The event with the largest difference in points so far.
    most: Option<Box<Most>>,
}

type Members = HashMap<ProfileId, Member>;

struct Rehearsal<'a> {
    environment: &'a Environment,
    progress: &'a Progress,
    candidate: Arc<Rules>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    end: Timestamp,
    counters: Counters,
    rules: RulesSeen,
    report: Report,
    affected: Vec<Weighed>,
    /// Of each epoch's events, whether the candidate asks the same of them.
    asks_the_same: HashMap<u64, HashMap<String, bool>>,
    /// How alike the candidate and each epoch's rules are; `None` when they differ in more than reactors.
    likeness: HashMap<u64, Option<Arc<Likeness>>>,
    /// How members who have ended stood when they were merged into others who have not been gone through.
    left: HashMap<ProfileId, Profile>,
    /// Whose that was worked out before they were gone through.
    taken_in: HashSet<ProfileId>,
    scratch: Vec<u8>,
}

impl Rehearsal<'_> {
    /// Goes through the members, one after the other.
    async fn one_by_one(&mut self) -> Result<()> {
        let expected = self.environment.store.record_count().await?;
        let mut members = HashMap::new();
        let mut pages = walk::lives(self.environment);
        let (mut goes_on, mut gone_through) = (None, 0);
        while let Some(lives) = pages.next().await? {
            let mut ids: Vec<ProfileId> = lives.iter().map(|life| life.profile).collect();
            if let Some(id) = goes_on.take_if(|id| ids.first() != Some(id)) {
                self.ended(&mut members, id);
            }
            let records: Vec<Record> = lives.into_iter().flat_map(|life| life.records).collect();
            gone_through += records.len() as u64;
            self.page(&mut members, &records).await?;
            goes_on = ids.pop();
            for (at, id) in ids.into_iter().enumerate() {
                self.ended(&mut members, id);
                if at % walk::TURN == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
        if let Some(id) = goes_on {
            self.ended(&mut members, id);
        }
        if gone_through < expected {
            return Err(Error::Store(store::Error::Damaged {
                what: format!("the members of environment `{}`", self.environment.name()),
                detail: format!(
                    "their rows lead to {gone_through} records of {expected}; see `greenroom verify`"
                ),
            }));
        }
        Ok(())
    }

    /// Goes through all records in the order in which they were made.
    async fn all_at_once(&mut self) -> Result<()> {
        let mut members = HashMap::new();
        let mut pages = walk::feed(self.environment);
        while let Some(mut page) = pages.next().await? {
            page.retain(|record| matches!(record.stream, Stream::Profile(_)));
            // Across members the order is that of deciding, then of ids. A stable sort keeps that of each stream, in
            // which `decided_at` never goes back.
            page.sort_by_key(|record| (record.decided_at, record.stream));
            self.page(&mut members, &page).await?;
        }
        let mut ids: Vec<ProfileId> = members.keys().copied().collect();
        ids.sort_unstable();
        for (at, id) in ids.into_iter().enumerate() {
            self.ended(&mut members, id);
            if at % walk::TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Goes through records, in their order but for members who were merged.
    async fn page(&mut self, members: &mut Members, page: &[Record]) -> Result<()> {
        let (mut order, mut gone_through) = (Order::of(page), 0);
        while let Some((at, record)) = order.next() {
            let opened = walk::opened(record)?;
            if let Some(Input::MergeIn { from, .. }) = opened.input()
                && self.left(members, *from).is_none()
                && order.put_off(at, *from)
            {
                continue;
            }
            self.record(members, record, &opened).await?;
            gone_through += 1;
            if gone_through == walk::TURN {
                self.progress.add(std::mem::take(&mut gone_through));
                tokio::task::yield_now().await;
            }
        }
        self.progress.add(gone_through);
        Ok(())
    }

    fn in_window(&self, times: Times) -> bool {
        let at = times.occurred_at;
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }

    async fn record(&mut self, members: &mut Members, record: &Record, opened: &Opened<'_>) -> Result<()> {
        let id = opened.profile();
        let member = members.entry(id).or_insert_with(|| Member {
            recorded: Retraced::from(Profile::new(id)),
            begun: self.since.is_none(),
            candidate: None,
            most: None,
        });
        if self.until.is_some_and(|until| opened.times().occurred_at >= until) {
            return Ok(());
        }
        let Some(input) = opened.input() else { return self.erased(members, opened).await };
        // Once the window has begun for a member, what comes late belongs to it as well.
        let (decision, before) = if member.begun || self.in_window(opened.times()) {
            if !member.begun
                && let Some(recorded) = member.recorded.state()
            {
                let mut counters = std::mem::take(&mut self.counters);
                let begun = self.begin(recorded, opened.n(), &mut counters).await;
                self.counters = counters;
                member.candidate = Some(Box::new(begun?));
                member.begun = true;
            }
            let (decision, before) = self.control(member, opened).await?;
            tally::decision(&mut self.report, Side::Recorded, &decision);
            (decision, before)
        } else {
            (member.recorded.pass(opened)?, None)
        };
        if !member.begun {
            // What was granted before the window is gone from the budget.
            self.counters.spend(&decision.grants);
            return Ok(());
        }
        if let Some(before) = &before
            && member.candidate.is_none()
        {
            member.candidate = Some(Box::new(self.part(before.clone())));
        }
        if member.candidate.is_none() {
            self.in_step(opened, &decision);
            return Ok(());
        }
        let absorbed = match input {
            Input::MergeIn { from, .. } => self.take_in(members, *from).await?,
            _ => None,
        };
        let admitted = self.is_admitted(opened).await?;
        let Some(member) = members.get_mut(&id) else { return Ok(()) };
        let Some(candidate) = &mut member.candidate else { return Ok(()) };
        let played = self.carry(candidate, opened, admitted, absorbed);
        if let (Input::Message(..), Some(before)) = (input, before) {
            Most::weigh(&mut member.most, record, &decision, before, candidate, played);
        }
        Ok(())
    }

    /// Passes over what was erased since: it is left out on both sides, for nobody knows what the candidate would have
    /// come to.
    async fn erased(&mut self, members: &mut Members, opened: &Opened<'_>) -> Result<()> {
        let Some(member) = members.get_mut(&opened.profile()) else { return Ok(()) };
        let (decision, _) = self.control(member, opened).await?;
        // But it is gone from the budget.
        self.counters.spend(&decision.grants);
        if self.in_window(opened.times()) {
            *self.report.not_carried_over.entry(ERASED.to_owned()).or_default() += 1;
        }
        Ok(())
    }

    /// Counts what both sides come to alike.
    fn in_step(&mut self, opened: &Opened<'_>, decision: &Decision) {
        self.report.events += u64::from(matches!(opened.input(), Some(Input::Message(..))));
        if !matches!(opened.input(), Some(Input::Upgrade { .. })) {
            tally::decision(&mut self.report, Side::Candidate, decision);
        }
    }

    /// The candidate's side of a member who has been in step until now.
    fn part(&self, recorded: Profile) -> Candidate {
        let shared = recorded.n;
        let basis =
            if recorded.n > 0 && recorded.is_active() { self.candidate.basis } else { recorded.basis };
        Candidate::parted(Profile { basis, ..recorded }, shared)
    }

    /// The candidate as of the beginning of the span, out of the state recorded before record `n`.
    async fn begin(&self, recorded: &Profile, n: u64, counters: &mut Counters) -> Result<Candidate> {
        let mut candidate = Candidate::parted(recorded.clone(), recorded.n);
        let history = if self.candidate.needs_history(recorded) {
            walk::history_before(self.environment, recorded.id, n).await?
        } else {
            Arc::default()
        };
        let at = self.since.unwrap_or(Timestamp::MIN);
        candidate.upgrade(&self.candidate, counters, history, at).map_err(Error::Decision)?;
        Ok(candidate)
    }

    /// Whether the candidate takes a message for certain, because it asks no more of it than the program that took
    /// it; compared once for each epoch and event.
    async fn is_admitted(&mut self, opened: &Opened<'_>) -> Result<bool> {
        let Some(Input::Message(message, _)) = opened.input() else { return Ok(false) };
        let (MessageKind::Track, Some(event)) = (message.kind, &message.event) else { return Ok(false) };
        let known = self.asks_the_same.entry(opened.epoch()).or_default();
        if let Some(known) = known.get(event) {
            return Ok(*known);
        }
        let then = self.rules.at(self.environment, opened.epoch()).await?;
        let same = engine::admit::asks_the_same(&self.candidate, &then, event);
        if known.len() < EVENTS_COMPARED_MAX {
            known.insert(event.clone(), same);
        }
        Ok(same)
    }

    /// Carries a record over to the candidate's side of its member. Gives what the candidate makes of it, if it takes it.
    fn carry(
        &mut self,
        candidate: &mut Candidate,
        opened: &Opened<'_>,
        admitted: bool,
        absorbed: Option<Profile>,
    ) -> Option<Decision> {
        self.report.events += u64::from(matches!(opened.input(), Some(Input::Message(..))));
        let carried = candidate.carry(&self.candidate, &mut self.counters, opened.into(), admitted, absorbed);
        let mut decisions = match carried {
            Ok(decisions) => decisions,
            Err(NotCarried::Rejected(code)) => {
                *self.report.rejected.entry(code.to_owned()).or_default() += 1;
                Vec::new()
            }
            Err(NotCarried::Left(why)) => {
                *self.report.not_carried_over.entry(why.to_owned()).or_default() += 1;
                Vec::new()
            }
            Err(NotCarried::Fault(fault)) => {
                *self.report.rejected.entry("fault".to_owned()).or_default() += 1;
                tracing::debug!(%fault, "an event could not be decided under the candidate");
                Vec::new()
            }
        };
        for decision in &decisions {
            tally::decision(&mut self.report, Side::Candidate, decision);
        }
        decisions.pop()
    }

    async fn finish(mut self, budgeted: &BTreeSet<Arc<str>>) -> Result<Report> {
        for (key, _) in &self.candidate.program.reactors {
            let reactor = self.report.reactors.entry(key.shared()).or_default();
            reactor.dead = reactor.fired.candidate == 0;
        }
        for key in budgeted {
            self.report.reactors.entry(Arc::clone(key)).or_default().depends_on_order = true;
        }
        let current = self.environment.rules();
        for (key, currency) in &mut self.report.currencies {
            let declared = [&current.program, &self.candidate.program];
            let declared = declared.into_iter().find_map(|program| program.currencies.get(&**key));
            currency.decimals = declared.map_or(0, |declared| declared.decimals);
        }
        self.keep_most_affected();
        for Weighed { mut affected, most, .. } in std::mem::take(&mut self.affected) {
            if let Some(most) = most {
                affected.event = Some(self.explained(&most).await?);
            }
            self.report.most_affected.push(affected);
        }
        Ok(self.report)
    }
}

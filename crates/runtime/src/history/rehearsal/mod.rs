//! Rehearsal: recorded history under a candidate program, beside the record itself, in memory, unable to
//! send anything.
//!
//! The *control* decides every record of the window again under its own rules; if that does not give the
//! record, the rehearsal says untrusted. The *candidate* gets the same inputs (events, orders, merges) and
//! runs its own timers. As long as a member's history cannot have come to anything else under the candidate, the two
//! are *in step*: the control's decision is the candidate's too ([`engine::Likeness`]).

mod candidate;
mod kept;
pub mod report;
mod tally;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use engine::{
    DECISION_VERSION, Decision, Input, Likeness, MessageKind, Profile, Rules, Times, record::Opened,
};
use jiff::Timestamp;
use ledger::ProfileId;
use program::{Bundle, Program, plan::Choices};
use store::Buckets;

pub use self::kept::Rehearsed;
use self::{
    candidate::{Candidate, Counters, NotCarried},
    report::{Affected, AffectedEvent, Both, Doubt, Report},
    tally::Side,
};
use super::{
    retraced::{Retraced, Verdict},
    walk::{self, RulesSeen},
};
use crate::{Environment, Error, Result, batch, configuration::PlanSource, control::Actor, work::Progress};

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
        let mut report =
            self.rehearse_bundle(planned.result(), request.since, request.until, progress).await?;
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
        let budgeted: BTreeSet<String> = candidate
            .program
            .reactors
            .iter()
            .filter(|(_, reactor)| reactor.budget.is_some())
            .map(|(key, _)| key.to_string())
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
            scratch: Vec::new(),
        };
        // Shared budgets couple members: then nobody may be left for a later share.
        let shares = if budgeted.is_empty() { walk::shares(self).await? } else { vec![Buckets::ALL] };
        for share in shares {
            rehearsal.share(share).await?;
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
    candidate: Option<Candidate>,
    /// The candidate's side as it was when it was merged into another member.
    left: Option<Profile>,
    /// The event with the largest difference in points so far.
    most: Option<(i64, u64)>,
}

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
    affected: Vec<(i64, Affected)>,
    /// Of each epoch's events, whether the candidate asks the same of them.
    asks_the_same: HashMap<u64, HashMap<String, bool>>,
    /// How alike the candidate and each epoch's rules are; `None` when they differ in more than reactors.
    likeness: HashMap<u64, Option<Arc<Likeness>>>,
    scratch: Vec<u8>,
}

impl Rehearsal<'_> {
    async fn share(&mut self, share: Buckets) -> Result<()> {
        let mut members: HashMap<ProfileId, Member> = HashMap::new();
        let mut pages = walk::Pages::of(self.environment, share);
        while let Some(page) = pages.next().await? {
            let mut records = Vec::with_capacity(page.len());
            for record in &page {
                records.push(walk::opened(record)?);
            }
            // Across members the order is that of deciding, then of ids; within one it is the stream's. A
            // stable sort keeps the latter, since `decided_at` never goes back in a stream.
            records.sort_by_key(|opened| (opened.times().decided_at, opened.profile()));
            for opened in records {
                self.record(&mut members, &opened).await?;
            }
            self.progress.add(page.len());
            tokio::task::yield_now().await; // clients come first
        }
        let mut ended: Vec<(ProfileId, Member)> = members.into_iter().collect();
        ended.sort_by_key(|(id, _)| *id);
        for (id, member) in ended {
            self.end(id, member);
        }
        Ok(())
    }

    fn in_window(&self, times: Times) -> bool {
        let at = times.occurred_at;
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }

    async fn record(&mut self, members: &mut HashMap<ProfileId, Member>, opened: &Opened<'_>) -> Result<()> {
        let id = opened.profile();
        let member = members.entry(id).or_insert_with(|| Member {
            recorded: Retraced::from(Profile::new(id)),
            begun: self.since.is_none(),
            candidate: None,
            left: None,
            most: None,
        });
        if self.until.is_some_and(|until| opened.times().occurred_at >= until) {
            return Ok(());
        }
        let (decision, before) = if self.in_window(opened.times()) {
            if !member.begun
                && let Some(recorded) = member.recorded.state()
            {
                let mut counters = std::mem::take(&mut self.counters);
                let begun = self.begin(recorded, opened.n(), &mut counters).await;
                self.counters = counters;
                member.candidate = Some(begun?);
                member.begun = true;
            }
            let (decision, before) = self.control(member, opened).await?;
            tally::decision(&mut self.report, Side::Recorded, &decision);
            (decision, before)
        } else {
            (member.recorded.pass(opened)?, None)
        };
        if !member.begun {
            return Ok(());
        }
        if let Some(before) = before {
            member.candidate = Some(self.part(before));
        }
        let Some(candidate) = &member.candidate else {
            self.in_step(opened, &decision);
            return Ok(());
        };
        let absorbed = match opened.input() {
            Some(Input::MergeOut { .. }) => {
                member.left = Some(candidate.state.clone());
                None
            }
            // Across members the order of records is not that of what led to what: until the other member has
            // been seen to leave, only their own stream tells how they stood then.
            Some(Input::MergeIn { from, .. }) => match members.get(from).and_then(|other| other.left.clone())
            {
                Some(state) => Some(state),
                None => self.absorbed(*from).await?,
            },
            _ => None,
        };
        let admitted = self.is_admitted(opened).await?;
        let Some(member) = members.get_mut(&id) else { return Ok(()) };
        if let Some(candidate) = &mut member.candidate
            && let Some(most) = self.carry(candidate, opened, &decision, admitted, absorbed)
            && member.most.is_none_or(|(before, _)| most > before)
        {
            member.most = Some((most, opened.n()));
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

    /// How alike the candidate and the rules of an epoch are.
    async fn likeness(&mut self, epoch: u64) -> Result<Option<Arc<Likeness>>> {
        if let Some(known) = self.likeness.get(&epoch) {
            return Ok(known.clone());
        }
        let then = self.rules.at(self.environment, epoch).await?;
        let likeness = Likeness::of(&then, &self.candidate).map(Arc::new);
        self.likeness.insert(epoch, likeness.clone());
        Ok(likeness)
    }

    /// The candidate as of the beginning of the span, out of the state recorded before record `n`.
    async fn begin(&self, recorded: &Profile, n: u64, counters: &mut Counters) -> Result<Candidate> {
        let mut candidate = Candidate::new(recorded.clone());
        let history = if self.candidate.needs_history(recorded) {
            walk::history_before(self.environment, recorded.id, n).await?
        } else {
            Arc::default()
        };
        let at = self.since.unwrap_or(Timestamp::MIN);
        candidate.upgrade(&self.candidate, counters, history, at).map_err(Error::Decision)?;
        Ok(candidate)
    }

    /// Decides a record again under its own rules, and gives what is recorded; a difference makes the rehearsal
    /// untrusted. If the member was in step and this record may come to something else under the candidate, also the
    /// state before it.
    async fn control(
        &mut self,
        member: &mut Member,
        opened: &Opened<'_>,
    ) -> Result<(Decision, Option<Profile>)> {
        let at = || format!("{}/{}", opened.profile(), opened.n());
        let mut before = None;
        let mut likeness = None;
        if member.candidate.is_none() {
            let rules = self.rules.at(self.environment, opened.epoch()).await?;
            likeness = self.likeness(opened.epoch()).await?;
            let may_part = match (&likeness, opened.input()) {
                (Some(likeness), Some(input)) if opened.decision_version() == DECISION_VERSION => {
                    likeness.may_part(&rules, input)
                }
                _ => true,
            };
            before = member.recorded.state().filter(|_| may_part).cloned();
        }
        let recorded = &mut member.recorded;
        let (decision, verdict) =
            recorded.next(self.environment, &mut self.rules, opened, &mut self.scratch).await??;
        if let (Some(likeness), Some(input), Verdict::Same) = (likeness, opened.input(), &verdict) {
            let rules = self.rules.at(self.environment, opened.epoch()).await?;
            before = before.filter(|_| likeness.parts(&rules, input, &decision));
        }
        match verdict {
            Verdict::Same => self.report.control_records += 1,
            Verdict::Erased => {} // the candidate does not see it either
            Verdict::OtherVersion => self.distrust(
                opened.profile(),
                format!(
                    "record {} was decided by engine version {}, this is version {DECISION_VERSION}",
                    at(),
                    opened.decision_version()
                ),
            ),
            Verdict::Differs(what) => {
                let why = format!("record {} does not come out as recorded: {what}", at());
                self.distrust(opened.profile(), why);
            }
        }
        Ok((decision, before))
    }

    fn distrust(&mut self, of: ProfileId, why: String) {
        self.report.trusted = false;
        if self.report.untrusted_because.len() < UNTRUSTED_REASONS_MAX {
            self.report.untrusted_because.push(Doubt { of, why });
        }
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

    /// Carries a record over to the candidate's side of its member. For a message: by how many points the two sides
    /// differ, if they do.
    fn carry(
        &mut self,
        candidate: &mut Candidate,
        opened: &Opened<'_>,
        recorded: &Decision,
        admitted: bool,
        absorbed: Option<Profile>,
    ) -> Option<i64> {
        let is_message = matches!(opened.input(), Some(Input::Message(..)));
        self.report.events += u64::from(is_message);
        let carried = candidate.carry(&self.candidate, &mut self.counters, opened.into(), admitted, absorbed);
        let decisions = match carried {
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
        let points: i64 = decisions.last().map_or(0, tally::points_total);
        let difference = (points - tally::points_total(recorded)).abs();
        (is_message && difference > 0).then_some(difference)
    }

    /// A member merged in whose records have not all been read: their own stream under the candidate, up to the merge.
    async fn absorbed(&self, from: ProfileId) -> Result<Option<Profile>> {
        let mut candidate = Candidate::fresh(from);
        for recorded in batch::records(self.environment, from).await? {
            if matches!(recorded.input, Some(Input::MergeOut { .. })) {
                break;
            }
            let other = match &recorded.input {
                Some(Input::MergeIn { from, .. }) => Box::pin(self.absorbed(*from)).await?,
                _ => None,
            };
            // What is counted for that member is counted where their own stream is read.
            if let Err(NotCarried::Fault(fault)) =
                candidate.carry(&self.candidate, &mut Counters::default(), (&recorded).into(), false, other)
            {
                tracing::debug!(%fault, "an event could not be decided under the candidate");
            }
        }
        Ok(Some(candidate.state))
    }

    /// A member's end: due work up to the window's end, and what they hold on both sides.
    fn end(&mut self, id: ProfileId, member: Member) {
        let Some(recorded) = member.recorded.state() else { return };
        let mut candidate = match member.candidate {
            Some(candidate) => candidate,
            None if member.begun => self.part(recorded.clone()),
            None => {
                let mut candidate = Candidate::new(recorded.clone());
                if let Err(fault) =
                    candidate.upgrade(&self.candidate, &mut self.counters, Arc::default(), self.end)
                {
                    tracing::debug!(%fault, "a member could not be brought under the candidate");
                }
                candidate
            }
        };
        match candidate.bring_up(&self.candidate, &mut self.counters, self.end) {
            Ok(decisions) => {
                for decision in &decisions {
                    tally::decision(&mut self.report, Side::Candidate, decision);
                }
            }
            Err(fault) => {
                *self.report.rejected.entry("fault".to_owned()).or_default() += 1;
                tracing::debug!(%fault, "due work could not be decided under the candidate");
            }
        }
        self.report.profiles += 1;
        tally::end_state(&mut self.report, Side::Recorded, recorded);
        tally::end_state(&mut self.report, Side::Candidate, &candidate.state);
        let (before, after) = (tally::held(recorded), tally::held(&candidate.state));
        let mut points: BTreeMap<String, Both> = BTreeMap::new();
        for (currency, amount) in before {
            points.entry(currency).or_default().recorded = amount;
        }
        for (currency, amount) in after {
            points.entry(currency).or_default().candidate = amount;
        }
        points.retain(|_, both| both.delta() != 0);
        let audiences_differ = !recorded.audiences.keys().eq(candidate.state.audiences.keys());
        if points.is_empty() && !audiences_differ {
            return;
        }
        self.report.profiles_affected += 1;
        let weight: i64 = points.values().map(|both| both.delta().abs()).sum();
        let event = member.most.map(|(_, n)| AffectedEvent {
            n,
            occurred_at: Timestamp::UNIX_EPOCH,
            event: None,
            points: Both::default(),
            recorded: None,
            candidate: None,
        });
        self.affected.push((weight, Affected { profile: id, points, event }));
        if self.affected.len() > 10 * AFFECTED_SHOWN_MAX {
            self.keep_most_affected();
        }
    }

    fn keep_most_affected(&mut self) {
        self.affected.sort_by(|a, b| (b.0, a.1.profile).cmp(&(a.0, b.1.profile)));
        self.affected.truncate(AFFECTED_SHOWN_MAX);
    }

    async fn finish(mut self, budgeted: &BTreeSet<String>) -> Result<Report> {
        for (key, _) in &self.candidate.program.reactors {
            let reactor = self.report.reactors.entry(key.to_string()).or_default();
            reactor.dead = reactor.fired.candidate == 0;
        }
        for key in budgeted {
            self.report.reactors.entry(key.clone()).or_default().depends_on_order = true;
        }
        self.keep_most_affected();
        let affected = std::mem::take(&mut self.affected);
        for (_, mut affected) in affected {
            if let Some(event) = &mut affected.event {
                self.both_traces(affected.profile, event).await?;
            }
            self.report.most_affected.push(affected);
        }
        Ok(self.report)
    }

    /// Both sides' reasons for one event: the member's stream walked once more.
    async fn both_traces(&mut self, profile: ProfileId, event: &mut AffectedEvent) -> Result<()> {
        let explained = self.environment.explain_record(profile, event.n).await?;
        event.occurred_at = explained.occurred_at;
        event.event = explained.message.as_ref().and_then(|message| message.event.clone());
        event.points.recorded = tally::points_total(&explained.decision);
        event.recorded = explained.trace.ok();
        let mut state = Profile::new(profile);
        let mut candidate = self.since.is_none().then(|| Candidate::fresh(profile));
        let mut counters = Counters::default();
        for recorded in batch::records(self.environment, profile).await? {
            if candidate.is_none() && self.in_window(recorded.times) {
                candidate = Some(self.begin(&state, recorded.n, &mut counters).await?);
            }
            engine::evolve(&mut state, &recorded);
            let Some(candidate) = &mut candidate else { continue };
            if recorded.n == event.n {
                if let Ok((decision, trace)) = candidate.traced(&self.candidate, &mut counters, &recorded) {
                    event.points.candidate = tally::points_total(&decision);
                    event.candidate = Some(trace);
                }
                break;
            }
            let absorbed = match &recorded.input {
                Some(Input::MergeIn { from, .. }) => self.absorbed(*from).await?,
                _ => None,
            };
            let _ = candidate.carry(&self.candidate, &mut counters, (&recorded).into(), false, absorbed);
        }
        Ok(())
    }
}

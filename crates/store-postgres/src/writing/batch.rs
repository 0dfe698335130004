//! One batch: decided, checked against what it was decided from, and written.

use store::{Commit, Deciding, Epoch, Granted, Step, Writes};

use super::{
    aside, end, erase,
    plan::{Held, Looked, Plan},
    same_incarnation,
};
use crate::{
    fault::Result,
    opened::Opened,
    pool::Lease,
    session::{Call, Session},
    spread::Spread,
    tables::{
        counters::{self, Grants},
        feed, head, manifests,
        memberships::{self, CountColumns},
        shards::all_took,
        sums,
    },
};

/// Runs a batch in a transaction of its own.
pub(crate) async fn commit(
    lease: &mut Lease,
    opened: &Opened,
    epoch: Epoch,
    deciding: Box<dyn Deciding>,
) -> Result<Commit> {
    lease.dirty();
    let (outcome, erased) = match run(lease, opened, epoch, deciding).await {
        Ok((commit, erased)) => (Ok(commit), erased),
        Err(fault) => (Err(fault), false),
    };
    let ended = end(lease, outcome).await;
    if erased && matches!(ended, Ok(Commit::Committed)) {
        opened.sweeper.ask();
    }
    ended
}

/// Answers also whether something was erased.
async fn run(
    session: &Session,
    opened: &Opened,
    epoch: Epoch,
    mut deciding: Box<dyn Deciding>,
) -> Result<(Commit, bool)> {
    let identity = &opened.identity;
    let (head, no) = head::begin_batch(session, feed::class(&identity.id)).await?;
    opened.followers.begun(no);
    same_incarnation(identity, head)?;
    if head.epoch != epoch {
        return Ok((Commit::EpochMoved(head.epoch), false));
    }
    let mut grants = Grants::new(&opened.habits);
    let mut granted: Vec<Granted> = Vec::new();
    let writes = loop {
        let (back, step) = step(deciding, granted).await?;
        deciding = back;
        match step {
            Step::Demand(demands) => granted = grants.grant(session, &demands).await?,
            Step::Write(writes) => break writes,
        }
    };
    write(session, &opened.spread, no, deciding, writes, &grants).await
}

/// Deciding is work: it is done where it keeps no connection of other batches waiting. A panic in there is the
/// batch's own.
async fn step(mut deciding: Box<dyn Deciding>, granted: Vec<Granted>) -> Result<(Box<dyn Deciding>, Step)> {
    aside(move || {
        let step = deciding.step(&granted);
        (deciding, step)
    })
    .await
}

/// Checks what the batch rests on, has decided again what others have changed meanwhile, and writes everything. Answers
/// also whether something was erased.
async fn write(
    session: &Session,
    spread: &Spread,
    no: i64,
    mut deciding: Box<dyn Deciding>,
    mut writes: Box<Writes>,
    grants: &Grants<'_>,
) -> Result<(Commit, bool)> {
    let mut counts = manifests::Counts::default();
    // Which members it writes stays the same when it is decided again.
    let together = spread.shard(&writes);
    let mut plan = Plan::of(&writes, no, together.is_some())?;
    let looked = look(session, &plan).await?;
    match looked.held {
        Held::Not => return Ok((Commit::Conflict, false)),
        Held::All => {
            if !plan.go_on(&looked, &mut counts)? {
                return Ok((Commit::Conflict, false));
            }
        }
        Held::Overtaken => {
            let overtaken = plan.overtaken(session).await?;
            if overtaken.is_empty() {
                return Ok((Commit::Conflict, false));
            }
            let first = plan.into_first(&looked, &overtaken);
            let reach = writes.reach();
            let (decided, again) = aside(move || {
                let decided = deciding.overtaken(&mut writes, &overtaken);
                (decided, writes)
            })
            .await?;
            writes = again;
            if !decided || writes.reach() != reach {
                return Ok((Commit::Conflict, false));
            }
            plan = Plan::of(&writes, no, together.is_some())?;
            if !plan.go_on_after(&first, &looked, &mut counts)? {
                return Ok((Commit::Conflict, false));
            }
        }
    }
    // Sums are added to where the members lie, if all of them lie together.
    let shard = together.unwrap_or(session.shard);
    let commit = rows(session, shard, &writes, &plan, &counts, grants).await?;
    Ok((commit, !writes.erase.is_empty()))
}

/// Takes the directory, writes profiles over those that the batch was decided from, looks at quarantine streams.
async fn look(session: &Session, plan: &Plan<'_>) -> Result<Looked> {
    let mut calls = Vec::new();
    plan.expectations(&mut calls);
    let answers = if calls.is_empty() { Vec::new() } else { session.flight(&calls).await? };
    plan.looked(answers)
}

/// Writes everything else; `Conflict` when something is not as it was looked at.
async fn rows(
    session: &Session,
    shard: i16,
    writes: &Writes,
    plan: &Plan<'_>,
    manifests: &manifests::Counts,
    grants: &Grants<'_>,
) -> Result<Commit> {
    let granted = grants.rows();
    let mut calls = Vec::new();
    plan.rows(&mut calls);
    calls.extend(granted.iter().map(counters::write));
    // What is locked longest by others comes last. Where it depends on what the rows say it has to wait.
    let added = Added::of(writes, plan, manifests, shard)?;
    let mut members = memberships::Counts::default();
    let waits = plan.moves_members() || !writes.erase.is_empty();
    if !waits {
        added.calls(&mut calls);
    }
    let mut answers = session.flight(&calls).await?.into_iter();
    if !plan.written(&mut answers, &mut members)? {
        return Ok(Commit::Conflict);
    }
    answers.by_ref().take(granted.len()).for_each(drop);
    if waits {
        erase::streams(session, &writes.erase, &mut members).await?;
        let members = members.columns(shard);
        let mut calls = Vec::new();
        members_call(&members, &mut calls);
        let counted = calls.len();
        added.calls(&mut calls);
        answers = session.flight(&calls).await?.into_iter();
        for answer in answers.by_ref().take(counted) {
            all_took(answer.count, members.key.len(), "the counts of members")?;
        }
    }
    added.check(session, &mut answers).await?;
    Ok(Commit::Committed)
}

fn members_call<'a>(members: &'a CountColumns, calls: &mut Vec<Call<'a>>) {
    if !members.key.is_empty() {
        calls.push(members.add());
    }
}

/// What is added up in shards.
struct Added {
    manifests: manifests::Columns,
    sums: sums::Columns,
    records: sums::Counted,
}

impl Added {
    fn of(writes: &Writes, plan: &Plan<'_>, manifests: &manifests::Counts, shard: i16) -> Result<Self> {
        Ok(Self {
            manifests: manifests.columns(shard),
            sums: sums::Columns::of(&writes.sums, shard)?,
            records: sums::Counted::of(plan.profile_records, shard),
        })
    }

    fn calls<'a>(&'a self, calls: &mut Vec<Call<'a>>) {
        if !self.manifests.hash.is_empty() {
            calls.push(self.manifests.add());
        }
        if !self.sums.currency.is_empty() {
            calls.push(self.sums.add());
        }
        if self.records.records != 0 {
            calls.push(self.records.add());
        }
    }

    async fn check(
        &self,
        session: &Session,
        answers: &mut std::vec::IntoIter<crate::session::Answer>,
    ) -> Result<()> {
        let mut next = || answers.next().unwrap_or_default();
        if !self.manifests.hash.is_empty() {
            all_took(next().count, self.manifests.hash.len(), "the counts of profiles")?;
        }
        let sums = (!self.sums.currency.is_empty()).then(&mut next);
        if self.records.records != 0 {
            all_took(next().count, 1, "the count of records")?;
        }
        match sums {
            Some(answer) => self.sums.check(session, &answer).await,
            None => Ok(()),
        }
    }
}

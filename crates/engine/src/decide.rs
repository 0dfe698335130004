//! decide and settle: what an input does to a profile.

mod actions;
mod audiences;
mod command;
mod due;
mod merge;
mod message;
mod reactor;
mod upgrade;
mod words;
mod work;

use ledger::ProfileId;
use sha2::{Digest, Sha256};

use crate::{Decision, Demanded, Fault, Input, Profile, Rules, Times, Trace, input::Order};
pub(crate) use work::Stop;
use work::Work;

/// A demand on a counter shared by many profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterDemand {
    /// Which counter, e.g. `budget/reactor/spring_bonus`.
    pub counter: String,
    /// Its ceiling as the program says.
    pub ceiling: i64,
    /// How much; positive.
    pub amount: i64,
    /// Whether less will do.
    pub part: bool,
}

/// What deciding gives.
#[derive(Debug)]
pub enum Proposal {
    /// Decided, with what it saw (nothing, unless a trace was asked for).
    Decided(Box<Decision>, Trace),
    /// First this must be granted.
    Demands(CounterDemand, Suspended),
}

/// A decision waiting for a grant. Give it to [`settle`].
#[derive(Debug)]
pub struct Suspended(Box<Waiting>);

#[derive(Debug)]
struct Waiting {
    rules: Rules,
    profile: Profile,
    input: Input,
    times: Times,
    grants: Vec<Demanded>,
    demand: CounterDemand,
    traced: bool,
}

/// What an input does to a profile. `profile` is the state before; for a new profile [`Profile::new`].
/// Times count to the microsecond.
pub fn decide(rules: &Rules, profile: &Profile, input: &Input, times: Times) -> Result<Proposal, Fault> {
    propose(rules, profile, input, times, Vec::new(), false)
}

/// The same, and tells what it saw. The decision is the same one.
pub fn decide_traced(
    rules: &Rules,
    profile: &Profile,
    input: &Input,
    times: Times,
) -> Result<Proposal, Fault> {
    propose(rules, profile, input, times, Vec::new(), true)
}

/// Goes on with a grant: amount and position in the counter's stream.
///
/// A decision is begun anew with all the grants it has been given so far and comes to the same demand again:
/// nothing else in it can have changed, and there is no half-made state to keep.
pub fn settle(suspended: Suspended, granted: i64, n: u64) -> Result<Proposal, Fault> {
    let Waiting { rules, profile, input, times, mut grants, demand: waiting, traced } = *suspended.0;
    let fits = if waiting.part {
        (0..=waiting.amount).contains(&granted)
    } else {
        granted == 0 || granted == waiting.amount
    };
    if !fits {
        let what = format!("{granted} of {} asked for cannot be what was granted", waiting.amount);
        return Err(Fault::new("grants", waiting.counter, what));
    }
    grants.push(Demanded {
        counter: waiting.counter,
        ceiling: waiting.ceiling,
        asked: waiting.amount,
        part: waiting.part,
        granted,
        n,
    });
    propose(&rules, &profile, &input, times, grants, traced)
}

/// Decides with grants given before, in their order (as a record has them). Asks for more when they do not
/// suffice; grants that do not fit what is asked are a fault.
pub fn decide_with(
    rules: &Rules,
    profile: &Profile,
    input: &Input,
    times: Times,
    grants: &[Demanded],
    traced: bool,
) -> Result<Proposal, Fault> {
    propose(rules, profile, input, times, grants.to_vec(), traced)
}

fn propose(
    rules: &Rules,
    profile: &Profile,
    input: &Input,
    times: Times,
    grants: Vec<Demanded>,
    traced: bool,
) -> Result<Proposal, Fault> {
    match reckon(rules, profile.clone(), input, times, &grants, traced) {
        Ok((decision, trace, _)) => Ok(Proposal::Decided(Box::new(decision), trace)),
        Err(Stop::Fault(fault)) => Err(fault),
        Err(Stop::Demand(demand)) => Ok(Proposal::Demands(
            demand.clone(),
            Suspended(Box::new(Waiting {
                rules: rules.clone(),
                profile: profile.clone(),
                input: input.clone(),
                times,
                grants,
                demand,
                traced,
            })),
        )),
    }
}

/// The decision, what it saw, and the working copy's end state: what `evolve` must come to as well (but for
/// the chain, which is not known yet). What nobody else holds of the profile is changed where it lies.
pub(crate) fn reckon(
    rules: &Rules,
    profile: Profile,
    input: &Input,
    times: Times,
    grants: &[Demanded],
    traced: bool,
) -> Result<(Decision, Trace, Profile), Stop> {
    let mut work = Work::new(rules, profile, input.kind(), times.whole(), grants, traced);
    run(&mut work, input)?;
    Ok(work.done()?)
}

fn run<'a>(work: &mut Work<'a>, input: &'a Input) -> Result<(), Stop> {
    match input {
        Input::Upgrade { react, history } => work.upgrade(*react, history)?,
        Input::Timer => work.timer()?,
        Input::Command(command) if matches!(command.order, Order::Erase) => return work.erase(),
        Input::MergeOut { into } => return work.merge_out(*into),
        Input::Message(..) | Input::Command(_) | Input::MergeIn { .. } => {
            work.must_be_current()?;
            match input {
                Input::Message(message, claims) => work.message(message, claims)?,
                Input::Command(command) => work.command(&command.order)?,
                Input::MergeIn { from, state } => work.merge_in(*from, state)?,
                _ => {}
            }
        }
    }
    work.steps()?;
    work.rolls()
}

/// The id of the profile that a message creates: derived from the message id, so that a replay makes the
/// same one in every environment.
pub fn profile_id_for(message_id: &str) -> ProfileId {
    let mut hash = Sha256::new();
    hash.update(b"greenroom profile\n");
    hash.update(message_id);
    let hash: [u8; 32] = hash.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    ProfileId(id)
}

//! A profile's stream decided again, record by record: what `verify` and the control of a rehearsal have in common.

use std::sync::Arc;

use engine::{
    DECISION_VERSION, Decision, Input, Profile,
    record::{Opened, Undecodable, is_same},
    replay,
};

use super::walk::{self, RulesSeen};
use crate::{Environment, Error, Result};

/// What became of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Decided again, and equal to the byte.
    Same,
    /// Not decided again: its body has been erased.
    Erased,
    /// Not decided again: another version of the engine decided it.
    OtherVersion,
    /// It does not come out as it was recorded; in words.
    Differs(String),
}

/// A profile as far as its stream has been gone through.
pub(super) struct Retraced {
    /// Gone only while a record is being decided.
    state: Option<Profile>,
    /// Something did not come out as it was recorded, or did not go on where the last record ended. From then on the
    /// state before each record is kept until it is known that the record does, which costs a copy.
    careful: bool,
}

impl Retraced {
    pub(super) const fn from(state: Profile) -> Self {
        Self { state: Some(state), careful: false }
    }

    /// The state after the last record.
    pub(super) fn state(&self) -> Option<&Profile> {
        self.state.as_ref()
    }

    /// A record of it could not be opened.
    pub(super) const fn missed(&mut self) {
        self.careful = true;
    }

    /// Goes on by the next record without deciding it again. Gives what is recorded.
    pub(super) fn pass(&mut self, opened: &Opened<'_>) -> Result<Decision, Undecodable> {
        let state = self.state.take().unwrap_or_else(|| Profile::new(opened.profile()));
        let (state, outcome) = evolved(state, opened, ());
        self.state = Some(state);
        outcome.map(|(decision, ())| decision)
    }

    /// Goes on by the next record: decides it again under its own rules, and gives what is recorded. A record that
    /// cannot be read changes nothing. `scratch` is written over.
    pub(super) async fn next(
        &mut self,
        environment: &Environment,
        rules: &mut RulesSeen,
        opened: &Opened<'_>,
        scratch: &mut Vec<u8>,
    ) -> Result<Result<(Decision, Verdict), Undecodable>> {
        let state = self.state.take().unwrap_or_else(|| Profile::new(opened.profile()));
        let (state, outcome) = match opened.input() {
            None => evolved(state, opened, Verdict::Erased),
            Some(_) if opened.decision_version() != DECISION_VERSION => {
                evolved(state, opened, Verdict::OtherVersion)
            }
            Some(input) => {
                let rules = rules.at(environment, opened.epoch()).await?;
                let history = if matches!(input, Input::Upgrade { .. }) && rules.needs_history(&state) {
                    walk::history_before(environment, opened.profile(), opened.n()).await?
                } else {
                    Arc::default()
                };
                self.careful |= replay::misfit(&state, opened).is_some();
                let before = if self.careful {
                    state
                } else {
                    match replay::retrace(&rules, state, opened, &history) {
                        Ok((decision, after)) if opened.holds(&decision, scratch) => {
                            self.state = Some(after);
                            return Ok(Ok((decision, Verdict::Same)));
                        }
                        _ => {
                            self.careful = true;
                            state_before(environment, opened).await?
                        }
                    }
                };
                let verdict = match replay::retrace(&rules, before.clone(), opened, &history) {
                    Ok((again, _)) => match opened.decision() {
                        Ok(recorded) if is_same(&again, &recorded) => Verdict::Same,
                        Ok(recorded) => Verdict::Differs(
                            replay::difference(&recorded, &again)
                                .unwrap_or_else(|| "the bytes differ".into()),
                        ),
                        Err(_) => Verdict::Same, // which `evolved` tells
                    },
                    Err(fault) => Verdict::Differs(format!("it cannot be decided again: {fault}")),
                };
                evolved(before, opened, verdict)
            }
        };
        self.state = Some(state);
        Ok(outcome)
    }
}

/// Applies what is recorded.
fn evolved<V>(
    mut state: Profile,
    opened: &Opened<'_>,
    verdict: V,
) -> (Profile, Result<(Decision, V), Undecodable>) {
    match opened.decision() {
        Ok(decision) => {
            engine::evolve_opened(&mut state, opened, &decision);
            (state, Ok((decision, verdict)))
        }
        Err(error) => (state, Err(error)),
    }
}

/// The state before a record that goes on where the last one ended: its stream read once more. Where that has come to be
/// unreadable, what can be known of it: the place.
async fn state_before(environment: &Environment, opened: &Opened<'_>) -> Result<Profile> {
    match walk::state_before(environment, opened.profile(), opened.n()).await {
        Ok(Some((state, _))) => Ok(state),
        Ok(None) | Err(Error::Undecodable(_)) => {
            Ok(Profile { n: opened.n() - 1, tail: opened.previous(), ..Profile::new(opened.profile()) })
        }
        Err(error) => Err(error),
    }
}

//! Who would enter and leave audiences if a program took over: every profile upgraded, for show.

use std::{collections::BTreeMap, sync::Arc};

use engine::{Effect, Input, Profile, Proposal, Times};
use program::{Bundle, Key, Program, plan::Crossing};

use crate::{Environment, Error, Result, batch, control::EpochState};

/// With more profiles than this the plan says nothing about crossings rather than take minutes.
const PROFILES_COUNTED_MAX: u64 = 200_000;
const PAGE: usize = 1_000;

impl Environment {
    /// Counts crossings under the candidate; empty when there are too many profiles to count.
    pub(super) async fn crossings(
        &self,
        state: &EpochState,
        candidate: &Bundle,
    ) -> Result<BTreeMap<Key, Crossing>> {
        let mut counts: BTreeMap<Key, Crossing> = BTreeMap::new();
        let program = Arc::new(Program::compile(candidate).map_err(Error::Faults)?);
        let (_, profiles) = self.store.behind_count(program.manifest.0).await?;
        if profiles > PROFILES_COUNTED_MAX {
            return Ok(counts);
        }
        let mut rules = self.epochs.compile_rules(state, program)?;
        rules.since = self.now();
        let mut after = None;
        loop {
            let page = self.store.profile_list(after, PAGE).await?;
            for row in &page.rows {
                let profile = Profile::decode(&row.state)?;
                if !profile.is_active() {
                    continue;
                }
                let history = if rules.needs_history(&profile) {
                    batch::history(self, profile.id).await?
                } else {
                    Arc::default()
                };
                let at = rules.since.max(profile.latest);
                let times = Times::new(at, at.max(profile.decided_at));
                let input = Input::Upgrade { react: false, history };
                if let Proposal::Decided(decision, _) = engine::decide(&rules, &profile, &input, times)? {
                    for effect in &decision.effects {
                        let (key, entered) = match effect {
                            Effect::Entered(key, _) => (key, true),
                            Effect::Left(key, _) => (key, false),
                            _ => continue,
                        };
                        let Ok(key) = Key::new(key) else { continue };
                        let crossing = counts.entry(key).or_default();
                        if entered { crossing.enter += 1 } else { crossing.leave += 1 }
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(counts);
            }
        }
    }
}

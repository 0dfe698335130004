//! The control: every record decided again under its own rules. If that does not give the record, nothing else of the
//! rehearsal can be trusted.

use std::sync::Arc;

use engine::{DECISION_VERSION, Decision, Input, Likeness, Profile, record::Opened};
use ledger::ProfileId;

use super::{Member, Rehearsal, UNTRUSTED_REASONS_MAX, report::Doubt};
use crate::{Result, history::retraced::Verdict};

impl Rehearsal<'_> {
    /// How alike the candidate and the rules of an epoch are.
    pub(super) async fn likeness(&mut self, epoch: u64) -> Result<Option<Arc<Likeness>>> {
        if let Some(known) = self.likeness.get(&epoch) {
            return Ok(known.clone());
        }
        let then = self.rules.at(self.environment, epoch).await?;
        let likeness = Likeness::of(&then, &self.candidate).map(Arc::new);
        self.likeness.insert(epoch, likeness.clone());
        Ok(likeness)
    }

    /// Decides a record again under its own rules, and gives what is recorded; a difference makes the rehearsal
    /// untrusted. Also the state before it, of a member who is not in step, or is not any more because this record may come
    /// to something else under the candidate.
    pub(super) async fn control(
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
        } else if matches!(opened.input(), Some(Input::Message(..))) {
            before = member.recorded.state().cloned();
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

    pub(super) fn distrust(&mut self, of: ProfileId, why: String) {
        self.report.trusted = false;
        if self.report.untrusted_because.len() < UNTRUSTED_REASONS_MAX {
            self.report.untrusted_because.push(Doubt { of, why });
        }
    }
}

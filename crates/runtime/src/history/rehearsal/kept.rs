//! Reports as they are kept: in the environment whose history they read, and so that what they say of a member can
//! go with the member.
//!
//! What conditions saw, and the differences that make a report untrusted, are about people. They are kept apart from
//! the figures, each under the profile it speaks of; the store takes them away when that one is erased.

use std::str::FromStr;

use ledger::ProfileId;
use serde_json::{Value, json};
use store::{AboutMember, OutsideChange, Rehearsal, RehearsalRow};

use super::report::Report;
use crate::{
    Environment, Error, Result,
    control::{Actor, hex},
    seal,
};

/// A rehearsal that has been done, and is kept.
pub struct Rehearsed {
    /// What a list shows of it.
    pub row: RehearsalRow,
    /// What came out.
    pub report: Report,
}

/// The parts of a report that speak of single members, in the order in which they are kept.
const OF_MEMBERS: [&str; 2] = ["untrusted_because", "most_affected"];

impl Environment {
    /// Keeps a report.
    pub(super) async fn keep(
        &self,
        report: &Report,
        digest: String,
        manifests: (Option<[u8; 32]>, [u8; 32]),
        actor: &Actor,
    ) -> Result<RehearsalRow> {
        let row = RehearsalRow {
            id: format!("rehearsal_{}", hex(&seal::random::<8>()?)),
            at: self.machine_now(),
            actor_id: actor.id.clone(),
            actor: actor.name.clone(),
            digest,
            current: manifests.0,
            candidate: manifests.1,
            since: report.since,
            until: report.until,
            trusted: report.trusted,
        };
        let (report, members) = apart(report)?;
        let kept = Rehearsal { row: row.clone(), report, members };
        self.store.outside(OutsideChange::PutRehearsal(Box::new(kept))).await?;
        Ok(row)
    }

    /// A report that is kept, as JSON: what was said of people who have been erased since is gone from it.
    pub async fn rehearsal(&self, id: &str) -> Result<(RehearsalRow, Value)> {
        let Some(kept) = self.store.rehearsal(id).await? else {
            return Err(Error::Missing {
                what: "rehearsal",
                name: id.to_owned(),
                environment: self.name().to_owned(),
            });
        };
        let report = together(&kept.report, &kept.members)?;
        Ok((kept.row, report))
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> Error {
    Error::Internal(format!("a rehearsal's report: {error}"))
}

/// Takes the parts that speak of members out of the rest; in their places stays of whom they spoke.
fn apart(report: &Report) -> Result<(String, Vec<AboutMember>)> {
    let doubts = report.untrusted_because.iter().map(|doubt| doubt.of);
    let affected = report.most_affected.iter().map(|affected| affected.profile);
    let whom: [Vec<ProfileId>; 2] = [doubts.collect(), affected.collect()];
    let mut rest = serde_json::to_value(report).map_err(|error| unreadable(&error))?;
    let mut members = Vec::new();
    for (part, whom) in OF_MEMBERS.into_iter().zip(whom) {
        let whole = rest[part].take();
        for (profile, about) in whom.iter().zip(whole.as_array().into_iter().flatten()) {
            members.push(AboutMember { profile: *profile, about: about.to_string() });
        }
        rest[part] = json!(whom);
    }
    Ok((rest.to_string(), members))
}

/// Puts them back.
fn together(rest: &str, members: &[AboutMember]) -> Result<Value> {
    let mut report: Value = serde_json::from_str(rest).map_err(|error| unreadable(&error))?;
    let mut members = members.iter();
    for part in OF_MEMBERS {
        let places = report[part].as_array().map_or(0, Vec::len);
        let whole = members.by_ref().take(places).map(|member| match member.about.as_str() {
            "" if part == "most_affected" => {
                Ok(json!({"profile": member.profile, "points": {}, "event": null, "erased": true}))
            }
            "" => {
                Ok(json!(format!("what it says of profile {} went when that one was erased", member.profile)))
            }
            about => Value::from_str(about).map_err(|error| unreadable(&error)),
        });
        report[part] = Value::Array(whole.collect::<Result<_>>()?);
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::{
        super::report::{Affected, Doubt},
        *,
    };

    #[test]
    fn a_report_comes_together_again_without_the_erased() {
        let (ada, bob) = (ProfileId([1; 16]), ProfileId([2; 16]));
        let doubt = |of, why: &str| Doubt { of, why: why.to_owned() };
        let affected = |profile| Affected { profile, points: [].into(), event: None };
        let report = Report {
            events: 7,
            untrusted_because: vec![doubt(ada, "ada@example.org differs"), doubt(bob, "bob differs")],
            most_affected: vec![affected(bob), affected(ada)],
            ..Report::default()
        };
        let (rest, mut members) = apart(&report).expect("it is JSON");
        assert!(!rest.contains("differs") && rest.contains("\"events\":7"), "{rest}");
        let whole = together(&rest, &members).expect("it reads");
        assert_eq!(whole, serde_json::to_value(&report).expect("it is JSON"));

        for member in members.iter_mut().filter(|member| member.profile == ada) {
            member.about.clear();
        }
        let left = together(&rest, &members).expect("it reads");
        assert!(!left.to_string().contains("ada@example.org"), "{left}");
        assert_eq!(left["untrusted_because"][1], "bob differs");
        assert_eq!(left["most_affected"][0]["erased"], Value::Null);
        assert_eq!(left["most_affected"][1]["erased"], true);
        assert_eq!(left["events"], 7);
    }
}

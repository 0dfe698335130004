//! `greenroom apply`.

use std::path::PathBuf;

use anyhow::Result;
use program::plan::Plan;
use serde_json::{Value, json};

use super::change::{self, Change, Chosen};
use crate::{
    client::routes,
    context::Context,
    exit::Exit,
    output::{
        Format,
        text::{at, short},
    },
};

/// Apply a program or a plan, all or nothing
///
/// Shows the plan and asks. In a script, look at `plan` first and give its digest with --expect: then exactly
/// that is applied, or nothing (exit code 4 if anything has changed). --auto-approve applies whatever the plan
/// says. Without either, and nobody to ask, nothing is done and the exit code is 6.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["path", "from"]))]
pub(crate) struct Apply {
    /// A plan file, or a program's folder
    #[arg(value_name = "PLANFILE|DIR")]
    path: Option<PathBuf>,
    /// The environment whose program it is
    #[arg(long, value_name = "ENV")]
    from: Option<String>,
    /// The environment that is changed; a plan file names its own
    #[arg(long, value_name = "ENV")]
    to: Option<String>,
    #[command(flatten)]
    chosen: Chosen,
    /// Apply only the plan that has this digest
    #[arg(long, value_name = "DIGEST")]
    expect: Option<String>,
    /// Ask nobody
    #[arg(long)]
    auto_approve: bool,
    /// Why; kept with the change
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
}

/// Whether to go on with a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Go,
    Nothing,
    Ask,
    Blocked,
    Stale,
    ApprovalRequired,
}

impl Apply {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let source = change::source(self.path.as_deref(), self.from.as_deref())?;
        let Some(change) = Change::new(source, self.to.as_deref(), &self.chosen, context)? else {
            return Ok(Exit::Failed);
        };
        let client = context.client()?;
        let (plan, _) = change.planned(&client)?;
        if context.global.output == Format::Table {
            write!(context.out, "{}", plan.to_text())?;
            context.out.flush()?;
        }
        let digest = plan.digest.to_string();
        let verdict = self.verdict(&plan, context.interactive);
        if !matches!(verdict, Verdict::Go | Verdict::Ask) {
            // Programs get the plan too; people have seen it.
            let words = if verdict == Verdict::Nothing { "nothing to do\n" } else { "" };
            context.show(&json!({"revision": null, "plan": plan}), |out| Ok(write!(out, "{words}")?))?;
        }
        match verdict {
            Verdict::Go => {}
            Verdict::Nothing => return Ok(Exit::Done),
            Verdict::Blocked => {
                context.note("nothing was done: the plan is blocked, for the reasons above")?;
                return Ok(Exit::Blocked);
            }
            Verdict::Stale => {
                context.note(&format!(
                    "nothing was done: the plan has the digest {digest} now, {} was expected. Something has changed since; look at the plan again",
                    self.expect.as_deref().unwrap_or_default(),
                ))?;
                return Ok(Exit::Stale);
            }
            Verdict::ApprovalRequired => {
                context.note(&format!(
                    "nothing was done: there is nobody here to ask. Look at the plan, then give --expect {digest}, or --auto-approve"
                ))?;
                return Ok(Exit::ApprovalRequired);
            }
            Verdict::Ask => {
                if !context.confirm(&format!("Apply this to {}?", change.target))? {
                    context.note("nothing was done")?;
                    return Ok(Exit::ApprovalRequired);
                }
            }
        }
        let mut body = Value::Object(change.body);
        body["expect"] = json!(digest);
        body["message"] = json!(self.message);
        let applied = client.post(&format!("{}/apply", routes::environment(&change.target)), &body)?;
        context.show(&applied, |out| {
            if applied.get("revision").is_none_or(Value::is_null) {
                return Ok(writeln!(out, "nothing to do; noted as compared")?);
            }
            writeln!(
                out,
                "applied: {} is at revision {} from epoch {} on",
                change.target,
                short(&applied, "/revision"),
                at(&applied, "/epoch"),
            )?;
            Ok(())
        })?;
        Ok(Exit::Done)
    }

    fn verdict(&self, plan: &Plan, interactive: bool) -> Verdict {
        if self.expect.as_ref().is_some_and(|expected| *expected != plan.digest.to_string()) {
            return Verdict::Stale;
        }
        if plan.blocked() {
            return Verdict::Blocked;
        }
        if plan.is_empty() && !plan.moves_base() {
            return Verdict::Nothing;
        }
        match (self.auto_approve || self.expect.is_some(), interactive) {
            (true, _) => Verdict::Go,
            (false, true) => Verdict::Ask,
            (false, false) => Verdict::ApprovalRequired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_applied_that_nobody_looked_at() {
        let plan = |actions: bool, blocked: bool| example(actions, blocked);
        let digest = plan(true, false).digest.to_string();
        let apply = |expect: Option<&str>, auto_approve: bool| Apply {
            path: None,
            from: None,
            to: None,
            chosen: Chosen::default(),
            expect: expect.map(str::to_owned),
            auto_approve,
            message: None,
        };
        for (apply, plan, interactive, expected) in [
            (apply(None, false), plan(true, false), false, Verdict::ApprovalRequired),
            (apply(None, false), plan(true, false), true, Verdict::Ask),
            (apply(None, true), plan(true, false), false, Verdict::Go),
            (apply(Some(&digest), false), plan(true, false), false, Verdict::Go),
            (apply(Some("sha256:other"), true), plan(true, false), true, Verdict::Stale),
            (apply(None, true), plan(true, true), true, Verdict::Blocked),
            (apply(None, false), plan(false, false), false, Verdict::Nothing),
        ] {
            assert_eq!(apply.verdict(&plan, interactive), expected, "{apply:?}");
        }
    }

    /// A plan as the program crate computes it.
    fn example(actions: bool, blocked: bool) -> Plan {
        use program::{
            Bundle, document,
            plan::{Choices, Facts, Origin, OriginKind, PlanInput},
        };
        let mut files = Vec::new();
        if actions {
            files.push((
                "a.yaml".to_owned(),
                "kind: currency\nkey: points\nspec: {name: Points}\n".to_owned(),
            ));
        }
        if blocked {
            files.push(("b.yaml".to_owned(), "kind: secret\nkey: hook\n".to_owned()));
        }
        let source = document::load(&files).expect("it checks").bundle;
        let target = Bundle::default();
        let input = PlanInput {
            origin: Origin { kind: OriginKind::Directory, id: "files".into(), name: "shop".into() },
            source_revision: None,
            source: &source,
            target_id: "live".into(),
            target_name: "live".into(),
            epoch: 1,
            head: None,
            target: &target,
            base: (!actions).then_some(&target),
            choices: Choices::default(),
            facts: &Facts::default(),
            check: &|_| Vec::new(),
        };
        Plan::compute(&input).expect("a plan").plan
    }
}

//! `greenroom rehearse`.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    change::{self, Change, Chosen},
    long, span,
};
use crate::{
    context::Context,
    exit::Exit,
    output::{Amounts, Format, rehearsal, text::at},
};

/// Try a change on recorded history: what would have come out differently
///
/// Reads the history of the environment that would be changed, and decides every event twice: as recorded,
/// which must come out as recorded, and under the change. Nothing is decided and nothing is sent; the report
/// is kept there (`greenroom rehearsals`). Ctrl-C ends it at any time. Exit code 5 when the report is not to be
/// trusted, or exceeds a --budget.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["path", "from"]))]
pub(crate) struct Rehearse {
    /// A plan file, or a program's folder
    #[arg(value_name = "PLANFILE|DIR")]
    path: Option<PathBuf>,
    /// The environment whose program is tried
    #[arg(long, value_name = "ENV")]
    from: Option<String>,
    /// The environment whose history is read; a plan file names its own
    #[arg(long, value_name = "ENV")]
    to: Option<String>,
    #[command(flatten)]
    chosen: Chosen,
    /// Only events from this time on
    #[arg(long, value_name = "TIME", value_parser = span::moment_utc)]
    since: Option<Timestamp>,
    /// Only events before this time
    #[arg(long, value_name = "TIME", value_parser = span::moment_utc)]
    until: Option<Timestamp>,
    /// Fail when more points of a currency would be issued than this beyond those recorded (repeated)
    #[arg(long = "budget", value_name = "CURRENCY=AMOUNT", value_parser = budget)]
    budgets: Vec<(String, String)>,
}

fn budget(text: &str) -> Result<(String, String), String> {
    let wrong = || format!("`{text}` is not a budget; write it like points=1000");
    let (currency, amount) = text.split_once('=').ok_or_else(wrong)?;
    Amounts::is_amount(amount).then(|| (currency.to_owned(), amount.to_owned())).ok_or_else(wrong)
}

impl Rehearse {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let source = change::source(self.path.as_deref(), self.from.as_deref())?;
        let Some(change) = Change::new(source, self.to.as_deref(), &self.chosen, context)? else {
            return Ok(Exit::Failed);
        };
        let mut body = Value::Object(change.body);
        body["since"] = json!(self.since);
        body["until"] = json!(self.until);
        let mut report = long::post(context, &change.target, "rehearse", &body)?;
        // Written as people write them, also where the report is for programs.
        let amounts = Amounts::of(&context.client()?, &change.target)?.with_those_of(&report);
        let exceeded = exceeded(&report, &self.budgets, &amounts)?;
        if !self.budgets.is_empty() {
            report["exceeded"] = json!(exceeded);
        }
        match context.global.output {
            Format::Markdown => {
                write!(context.out, "{}", rehearsal::markdown(&report, &amounts))?;
                context.out.flush()?;
            }
            _ => context.show(&report, |out| Ok(write!(out, "{}", rehearsal::text(&report, &amounts))?))?,
        }
        let (id, target) = (at(&report, "/id"), &change.target);
        context
            .note(&format!("kept as {id}; see it again with `greenroom rehearsals show -e {target} {id}`"))?;
        for what in &exceeded {
            context.note(&format!("over budget: {what}"))?;
        }
        let trusted = report.get("trusted").and_then(Value::as_bool).unwrap_or(false);
        Ok(if trusted && exceeded.is_empty() { Exit::Done } else { Exit::RehearsalFailed })
    }
}

/// What exceeds its budget, in words.
fn exceeded(report: &Value, budgets: &[(String, String)], amounts: &Amounts) -> Result<Vec<String>> {
    let mut exceeded = Vec::new();
    for (currency, allowed) in budgets {
        let issued = report
            .pointer("/currencies")
            .and_then(|currencies| currencies.get(currency))
            .and_then(|it| it.get("issued"))
            .ok_or_else(|| anyhow!("--budget {currency}=…: the report has no currency `{currency}`"))?;
        let side = |name: &str| issued.get(name).and_then(Value::as_i64).unwrap_or(0);
        let more = side("candidate").saturating_sub(side("recorded"));
        let allowed = amounts.read(currency, allowed)?;
        if more > allowed {
            let (more, allowed) = (amounts.number(currency, more), amounts.number(currency, allowed));
            let named = amounts.named(currency);
            exceeded.push(format!("{more} more {named} would be issued; {allowed} are allowed"));
        }
    }
    Ok(exceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_pass_or_fail() -> Result<()> {
        let report = json!({"currencies": {"points": {"issued": {"recorded": 100, "candidate": 150}}}});
        let exceeded = |currency: &str, allowed: &str, decimals| {
            let amounts = crate::output::amounts_with("points", decimals);
            exceeded(&report, &[(currency.to_owned(), allowed.to_owned())], &amounts)
        };
        assert!(exceeded("points", "50", 0)?.is_empty());
        assert_eq!(exceeded("points", "49", 0)?, ["50 more points would be issued; 49 are allowed"]);
        assert!(exceeded("points", "0.5", 2)?.is_empty());
        assert_eq!(exceeded("points", "0.49", 2)?, ["0.50 more points would be issued; 0.49 are allowed"]);
        assert!(exceeded("gems", "1", 0).is_err());
        assert_eq!(budget("points=5"), Ok(("points".into(), "5".into())));
        assert!(budget("points").is_err() && budget("points=x").is_err());
        Ok(())
    }
}

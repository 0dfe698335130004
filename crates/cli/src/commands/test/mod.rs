//! `greenroom test`: a program's own cases, run without a server.
//!
//! [`read`] reads cases, [`world`] is a small environment in memory, [`check`] compares what came of a case
//! with what was expected. All of it is deterministic: no clock, no chance.

mod case;
mod check;
mod fields;
mod read;
mod rules;
mod run;
mod world;

use std::{io::Write, path::PathBuf};

use anyhow::Result;
use program::Program;
use serde::Serialize;
use serde_json::json;

use super::files;
use crate::{context::Context, exit::Exit, output::text::plural};

/// Run a program's own test cases, without a server
///
/// Cases are YAML files in DIR/tests: events and clock in; points, postings, audiences, traits, metrics and
/// outbox expected. See docs/testing-programs.md. Exit code 1 if one fails.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// The program's folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// What came of a case.
#[derive(Debug, Serialize)]
struct Tried {
    name: String,
    file: String,
    line: u32,
    passed: bool,
    failures: Vec<Failure>,
}

/// An expectation that did not hold.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Failure {
    /// `file:line:column` of the expectation.
    at: String,
    /// `balances/ann/points`.
    what: String,
    expected: String,
    got: String,
    /// What happened to that member, event by event.
    trace: Vec<String>,
}

impl Test {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let Some((_, loaded)) = files::checked(&self.folder, context)? else { return Ok(Exit::Failed) };
        let program = match Program::compile(&loaded.bundle) {
            Ok(program) => program,
            Err(faults) => anyhow::bail!(
                "the program does not compile: {}",
                faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            ),
        };
        let texts = files::read_where(&self.folder, is_test)?;
        let mut cases = Vec::new();
        let mut faults = Vec::new();
        for (name, text) in &texts {
            let shown = self.folder.join(name).display().to_string();
            match read::cases(&shown, text, &program) {
                Ok(found) => cases.extend(found),
                Err(found) => faults.extend(found),
            }
        }
        if !faults.is_empty() {
            context.show(&json!({ "faults": faults }), |out| {
                faults.iter().try_for_each(|fault| writeln!(out, "{fault}"))?;
                Ok(())
            })?;
            context.note(&plural(faults.len(), "fault in the cases", "faults in the cases"))?;
            return Ok(Exit::Failed);
        }
        if let Some(only) = &self.only {
            cases.retain(|case| case.name.contains(only.as_str()));
        }
        let base = rules::Ground::new(program);
        let tried: Vec<Tried> = cases.iter().map(|case| run::run(&base, case)).collect();
        let failed = tried.iter().filter(|one| !one.passed).count();
        let passed = tried.len() - failed;
        let value = json!({"passed": passed, "failed": failed, "cases": tried});
        context.show(&value, |out| {
            for one in &tried {
                told(one, out)?;
            }
            writeln!(out, "{passed} passed, {failed} failed")?;
            Ok(())
        })?;
        if tried.is_empty() {
            context
                .note(&format!("no cases found; put some into {}", self.folder.join("tests").display()))?;
        }
        Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
    }
}

/// Whether a file of a program's folder holds cases: `tests/….yaml`, or `….test.yaml` anywhere.
fn is_test(name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let inside = name.starts_with("tests/") || name.contains("/tests/");
    matches!(extension, "yaml" | "yml" | "json") && (inside || stem.strip_suffix(".test").is_some())
}

fn told(one: &Tried, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{} {}", if one.passed { "ok  " } else { "FAIL" }, one.name)?;
    for failure in &one.failures {
        writeln!(out, "     {}: {}", failure.at, failure.what)?;
        writeln!(out, "       expected {}", failure.expected)?;
        writeln!(out, "       got      {}", failure.got)?;
        for line in &failure.trace {
            writeln!(out, "       | {line}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! `greenroom verify`.

use anyhow::Result;
use serde_json::{Value, json};

use super::long;
use crate::{
    arguments::In,
    context::Context,
    exit::Exit,
    output::text::{at, number},
};

/// Prove that every recorded decision comes out the same again
///
/// Decides every record anew under its own program and compares to the byte; checks every chain, sum and
/// view. Writes nothing, and can be ended at any time with Ctrl-C. Exit code 1 if anything does not hold.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    place: In,
}

impl Verify {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let verified = long::post(context, &self.place.environment, "verify", &json!({}))?;
        let passed = verified.get("passed").and_then(Value::as_bool).unwrap_or(false);
        context.show(&verified, |out| {
            for (what, pointer) in [
                ("records", "/records"),
                ("decided again, equal to the byte", "/redecided"),
                ("of another decision version (chain and balance checked)", "/other_version"),
                ("erased (chain and balance checked)", "/erased"),
                ("profiles", "/profiles"),
                ("control records", "/control_records"),
            ] {
                writeln!(out, "  {what}: {}", number(&verified, pointer))?;
            }
            for finding in verified.get("findings").and_then(Value::as_array).into_iter().flatten() {
                writeln!(
                    out,
                    "  ! {} {}: {}",
                    at(finding, "/code"),
                    at(finding, "/at"),
                    at(finding, "/what")
                )?;
            }
            if passed {
                writeln!(out, "{} holds", self.place.environment)?;
            } else {
                writeln!(
                    out,
                    "{} findings: {} does not hold",
                    number(&verified, "/findings_total"),
                    self.place.environment
                )?;
            }
            Ok(())
        })?;
        Ok(if passed { Exit::Done } else { Exit::Failed })
    }
}

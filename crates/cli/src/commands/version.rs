//! `greenroom version`.

use anyhow::Result;
use serde_json::json;

use crate::{context::Context, exit::Exit};

pub(crate) fn run(context: &mut Context) -> Result<Exit> {
    let value = json!({
        "greenroom": env!("CARGO_PKG_VERSION"),
        "decision_version": engine::DECISION_VERSION,
        "plan_format": program::plan::FORMAT_VERSION,
        "rehearsal_format": runtime::history::report::FORMAT_VERSION,
        "record_format": engine::record::FORMAT_VERSION,
        "sqlite": store_sqlite::sqlite_version(),
    });
    context.show(&value, |out| {
        writeln!(out, "greenroom {}", env!("CARGO_PKG_VERSION"))?;
        for (name, what) in [
            ("decision_version", "decision version (the engine's; verify decides its own version anew)"),
            ("record_format", "record format"),
            ("plan_format", "plan format"),
            ("rehearsal_format", "rehearsal report format"),
            ("sqlite", "SQLite, bundled"),
        ] {
            writeln!(out, "  {what}: {}", crate::output::text::at(&value, &format!("/{name}")))?;
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

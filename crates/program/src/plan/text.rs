//! The terse form, for a terminal.

use std::fmt::Write as _;

use super::{
    Plan,
    render::{audience, conflict_rows, drift, inline, origin, sign, summary, visible},
};

impl Plan {
    /// The plan in a few lines. No colours.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write_text(&mut out).ok();
        out
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        let target = visible(&self.target.name);
        let blocked = if self.blocked() { " (blocked)" } else { "" };
        writeln!(out, "{} → {target}: {}{blocked}", visible(&self.source.origin.name), summary(self))?;
        for action in &self.actions {
            let note = origin(action).map(|note| format!("  ({note})")).unwrap_or_default();
            writeln!(out, "  {} {}{note}", sign(action.op), action.address)?;
            for change in action.fields.iter().filter(|one| one.pointer != "/spec") {
                let (before, after) = (inline(change.before.as_ref()), inline(change.after.as_ref()));
                writeln!(out, "      {}: {before} → {after}", visible(&change.pointer))?;
            }
        }
        for conflict in &self.conflicts {
            writeln!(out, "  ! {}", conflict.address)?;
            for [pointer, base, source, target] in conflict_rows(conflict) {
                writeln!(out, "      {pointer}: {base} → source {source}, target {target}")?;
            }
        }
        section(
            out,
            "drift, kept:",
            self.drift.iter().map(|one| format!("{}  {}", one.address, drift(one, &target))),
        )?;
        let kept = format!("only in {target}, kept (--allow-delete removes them):");
        section(out, &kept, self.kept.iter().map(ToString::to_string))?;
        let run = self.effects.audience_reactors_run;
        let metrics = self.effects.metrics.iter().map(|one| {
            let from = if one.backfill { "from the recorded history" } else { "from now on" };
            format!("{}  counted {from}", one.address)
        });
        let audiences =
            self.effects.audiences.iter().map(|one| format!("{}  {}", one.address, audience(one, run)));
        section(out, "members:", metrics.chain(audiences))?;
        section(out, "notes:", self.notes.iter().map(|note| visible(note)))?;
        if !self.not_selected.is_empty() {
            let count = self.not_selected.len();
            let (differ, are) = if count == 1 { ("object differs", "is") } else { ("objects differ", "are") };
            writeln!(out, "{count} more {differ} and {are} not selected")?;
        }
        let blockers = self.blockers.iter().map(|one| {
            let at = one.address.as_ref().map(|at| format!("{at}: ")).unwrap_or_default();
            let help =
                one.help.as_ref().map(|help| format!("\n      help: {}", visible(help))).unwrap_or_default();
            format!("{at}{}{help}", visible(&one.message))
        });
        section(out, "blocked:", blockers)?;
        writeln!(out, "digest {}", self.digest)
    }
}

fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) -> std::fmt::Result {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        writeln!(out, "{title}")?;
    }
    for line in lines {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

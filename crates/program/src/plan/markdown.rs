//! The form for a pull request.

use std::fmt::{Result, Write as _};

use super::{
    Action, Op, Plan,
    render::{audience, conflict_rows, diff_lines, drift, inline, origin, summary, visible, word},
};

/// Comments on the big forges end at 65,536 characters: details are left out beyond this.
const DETAILS_BYTES_MAX: usize = 50_000;

impl Plan {
    /// The plan as a comment on a pull request.
    pub fn to_markdown(&self) -> String {
        let mut out = String::new();
        self.write_markdown(&mut out).ok();
        out
    }

    fn write_markdown(&self, out: &mut String) -> Result {
        let (source, target) = (escape(&self.source.origin.name), escape(&self.target.name));
        writeln!(out, "## Plan: {source} → {target}\n")?;
        let verdict = if self.blocked() { " **Blocked.**" } else { "" };
        writeln!(out, "**{}.**{verdict}\n", capital(&summary(self)))?;
        self.blocked_markdown(out)?;
        self.changes_markdown(out)?;
        self.conflicts_markdown(out)?;
        self.kept_markdown(out)?;
        self.members_markdown(out)?;
        if !self.notes.is_empty() {
            writeln!(out, "### Notes\n")?;
            for note in &self.notes {
                writeln!(out, "- {}", escape(note))?;
            }
            writeln!(out)?;
        }
        if !self.not_selected.is_empty() {
            let list: Vec<_> = self.not_selected.iter().map(|at| code(&at.to_string())).collect();
            writeln!(out, "Not selected, though it differs: {}.\n", list.join(", "))?;
        }
        writeln!(out, "---\n\nAssumes {target} at epoch {}. Digest:\n", self.target.epoch)?;
        writeln!(out, "```\n{}\n```", self.digest)
    }

    fn blocked_markdown(&self, out: &mut String) -> Result {
        if !self.blocked() {
            return Ok(());
        }
        writeln!(out, "### Blocked\n")?;
        for one in &self.blockers {
            let at =
                one.address.as_ref().map(|at| format!("{}: ", code(&at.to_string()))).unwrap_or_default();
            writeln!(out, "- {at}{}", escape(&one.message))?;
            if let Some(help) = &one.help {
                writeln!(out, "  - {}", escape(help))?;
            }
        }
        writeln!(out)
    }

    fn changes_markdown(&self, out: &mut String) -> Result {
        if self.actions.is_empty() {
            return Ok(());
        }
        writeln!(out, "| change | object | fields | |\n| --- | --- | --- | --- |")?;
        for action in &self.actions {
            let fields: Vec<_> = match action.op {
                Op::Update => action.fields.iter().map(|one| cell(&one.pointer)).collect(),
                Op::Create | Op::Delete => Vec::new(),
            };
            let note = origin(action).map(|note| escape(&note)).unwrap_or_default();
            let object = code(&action.address.to_string());
            writeln!(out, "| {} | {object} | {} | {note} |", word(action.op), fields.join(", "))?;
        }
        writeln!(out)?;
        let mut left_out = 0_usize;
        for action in &self.actions {
            let details = details(action);
            if out.len() + details.len() > DETAILS_BYTES_MAX {
                left_out += 1;
            } else {
                out.push_str(&details);
            }
        }
        if left_out > 0 {
            writeln!(out, "_The details of {left_out} more are left out here; the plan file has them._\n")?;
        }
        Ok(())
    }

    fn conflicts_markdown(&self, out: &mut String) -> Result {
        if self.conflicts.is_empty() {
            return Ok(());
        }
        writeln!(out, "### Conflicts\n")?;
        writeln!(
            out,
            "| object | field | last promoted | source | target |\n| --- | --- | --- | --- | --- |"
        )?;
        for conflict in &self.conflicts {
            for row in conflict_rows(conflict) {
                let row = row.map(|text| cell(&text)).join(" | ");
                writeln!(out, "| {} | {row} |", code(&conflict.address.to_string()))?;
            }
        }
        writeln!(out)
    }

    fn kept_markdown(&self, out: &mut String) -> Result {
        let target = visible(&self.target.name);
        if !self.drift.is_empty() {
            writeln!(out, "### Drift, kept\n")?;
            for one in &self.drift {
                writeln!(out, "- {} {}", code(&one.address.to_string()), escape(&drift(one, &target)))?;
                for change in one.fields.iter().filter(|change| change.pointer != "/spec") {
                    let (here, there) = (inline(change.after.as_ref()), inline(change.before.as_ref()));
                    writeln!(
                        out,
                        "  - {}: {}, in the source {}",
                        code(&change.pointer),
                        code(&here),
                        code(&there)
                    )?;
                }
            }
            writeln!(out)?;
        }
        if !self.kept.is_empty() {
            let list: Vec<_> = self.kept.iter().map(|at| code(&at.to_string())).collect();
            writeln!(
                out,
                "Only in {}, kept (`--allow-delete` removes): {}.\n",
                escape(&target),
                list.join(", ")
            )?;
        }
        Ok(())
    }

    fn members_markdown(&self, out: &mut String) -> Result {
        if self.effects.audiences.is_empty() && self.effects.metrics.is_empty() {
            return Ok(());
        }
        writeln!(out, "### What happens to members\n")?;
        for one in &self.effects.metrics {
            let from = if one.backfill { "from the recorded history" } else { "from now on" };
            writeln!(out, "- {}: counted {from}", code(&one.address.to_string()))?;
        }
        let run = self.effects.audience_reactors_run;
        for one in &self.effects.audiences {
            writeln!(out, "- {}: {}", code(&one.address.to_string()), escape(&audience(one, run)))?;
        }
        writeln!(out)
    }
}

fn details(action: &Action) -> String {
    let open = if action.op == Op::Update { " open" } else { "" };
    let mut out = format!(
        "<details{open}><summary>{} <code>{}</code></summary>\n\n```diff\n",
        word(action.op),
        action.address
    );
    // Every line of the block begins with a sign, so that no content can close the fence.
    for line in action.fields.iter().flat_map(diff_lines) {
        out.push_str(&line);
        out.push('\n');
    }
    out.push_str("```\n\n</details>\n\n");
    out
}

/// Text that Markdown and HTML leave alone.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '@' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Text as code; a backtick would end it and is shown as an apostrophe.
fn code(text: &str) -> String {
    format!("`{}`", visible(text).replace('`', "'"))
}

/// Text as code in a table, where a bar ends the cell even there.
fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

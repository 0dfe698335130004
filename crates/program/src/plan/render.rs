//! What the two readable forms share.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    Action, AudienceEffect, Conflict, Drift, DriftKind, DriftReason, How, Op, Plan, blocker::plural,
};
use crate::diff::{self, FieldChange};

pub(super) const fn sign(op: Op) -> char {
    match op {
        Op::Create => '+',
        Op::Update => '~',
        Op::Delete => '-',
    }
}

pub(super) const fn word(op: Op) -> &'static str {
    match op {
        Op::Create => "create",
        Op::Update => "update",
        Op::Delete => "delete",
    }
}

/// `2 to create, 1 to update; 1 conflict`, or `nothing to do`.
pub(super) fn summary(plan: &Plan) -> String {
    let mut parts = Vec::new();
    for op in [Op::Create, Op::Update, Op::Delete] {
        let count = plan.actions.iter().filter(|action| action.op == op).count();
        if count > 0 {
            parts.push(format!("{count} to {}", word(op)));
        }
    }
    if !plan.conflicts.is_empty() {
        let count = plan.conflicts.len() as u64;
        parts.push(format!("{count} {}", plural(count, "conflict")));
    }
    if parts.is_empty() { "nothing to do".into() } else { parts.join(", ") }
}

/// Text on one line in which nothing hides: control characters, and those that reorder or conceal what is
/// beside them, are written as escapes.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
        if hidden {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// A value on one line; `—` for none.
pub(super) fn inline(value: Option<&Value>) -> String {
    value.map_or_else(|| "—".into(), |value| visible(&diff::text(value)))
}

/// The lines of a unified diff for one field.
pub(super) fn diff_lines(change: &FieldChange) -> Vec<String> {
    let whole = change.pointer == "/spec";
    let mut lines = Vec::new();
    for (sign, value) in [('-', &change.before), ('+', &change.after)] {
        let Some(value) = value else { continue };
        if value.is_object() || value.is_array() {
            let pretty =
                serde_json::to_string_pretty(value).unwrap_or_else(|_| diff::text(value).to_string());
            let mut pretty = pretty.lines().map(visible);
            if !whole && let Some(first) = pretty.next() {
                lines.push(format!("{sign} {}: {first}", visible(&change.pointer)));
            }
            lines.extend(pretty.map(|line| format!("{sign} {line}")));
        } else {
            lines.push(format!("{sign} {}: {}", visible(&change.pointer), inline(Some(value))));
        }
    }
    lines
}

/// The pointers of some fields, joined.
pub(super) fn pointers(fields: &[FieldChange]) -> String {
    fields.iter().map(|one| visible(&one.pointer)).collect::<Vec<_>>().join(", ")
}

/// How an action came to be, when it is not simply the source's.
pub(super) fn origin(action: &Action) -> Option<String> {
    match (&action.because, action.how) {
        (Some(because), _) => Some(format!("needed by {because}")),
        (None, How::Source) => None,
        (None, How::Merged) => Some("merged with edits of the target".into()),
        (None, How::Taken) => Some("taken from the source by choice".into()),
    }
}

/// What an entry of drift says, without its address.
pub(super) fn drift(drift: &Drift, target: &str) -> String {
    let did = match drift.kind {
        DriftKind::Made => format!("made in {target}"),
        DriftKind::Changed => format!("changed in {target}"),
        DriftKind::Deleted => format!("deleted in {target}"),
    };
    let by = if drift.authors.is_empty() {
        String::new()
    } else {
        format!(" by {}", visible(&drift.authors.join(", ")))
    };
    let why = match drift.reason {
        DriftReason::Untouched => "",
        DriftReason::Merged => ", beside the source's edit",
        DriftReason::Taken => ", kept by choice",
    };
    match drift.kind {
        DriftKind::Changed => format!("{did}{by}{why}: {}", pointers(&drift.fields)),
        DriftKind::Made | DriftKind::Deleted => format!("{did}{by}{why}"),
    }
}

/// The rows of a conflict: pointer, base, source, target, with authors.
pub(super) fn conflict_rows(conflict: &Conflict) -> Vec<[String; 4]> {
    let by = |value: &Option<Value>, author: &Option<String>| match author {
        Some(author) => format!("{} (by {})", inline(value.as_ref()), visible(author)),
        None => inline(value.as_ref()),
    };
    let row = |one: &super::ConflictField| {
        [
            visible(&one.pointer),
            inline(one.base.as_ref()),
            by(&one.source, &one.source_author),
            by(&one.target, &one.target_author),
        ]
    };
    conflict.fields.iter().map(row).collect()
}

/// What happens to an audience, without its address.
pub(super) fn audience(effect: &AudienceEffect, run: bool) -> String {
    let mut parts = vec!["members are computed again".to_owned()];
    if let Some(members) = effect.members {
        parts.push(format!("{members} now"));
    }
    if let (Some(enter), Some(leave)) = (effect.enter, effect.leave) {
        parts.push(format!("{enter} would enter, {leave} would leave"));
    }
    for (when, reactors, count) in
        [("entering", &effect.on_entered, effect.enter), ("leaving", &effect.on_left, effect.leave)]
    {
        for reactor in reactors {
            parts.push(match (run, count) {
                (true, Some(count)) => format!("{reactor} (on {when}) runs for {count}"),
                (true, None) => format!("{reactor} (on {when}) runs"),
                (false, Some(count)) => format!("{reactor} (on {when}) is suppressed for {count}"),
                (false, None) => format!("{reactor} (on {when}) is suppressed"),
            });
        }
    }
    parts.join("; ")
}

//! Why a decision came out as it did: the reactors considered, what they saw, what stopped them.

use serde_json::{Map, Value};

use super::text::{at, cell, visible};

/// A trace in lines. The first of each reactor says whether it fired, those below it why.
pub(crate) fn lines(trace: &Value) -> Vec<String> {
    let considered = trace.get("considered").and_then(Value::as_array).cloned().unwrap_or_default();
    if considered.is_empty() {
        return vec!["no reactor was considered".into()];
    }
    let mut lines = Vec::new();
    for one in &considered {
        let text = |name: &str| one.get(name).and_then(Value::as_str).map(visible);
        let fired = one.get("stopped").is_none_or(Value::is_null);
        let did: Vec<String> =
            one.get("did").and_then(Value::as_array).into_iter().flatten().map(cell).collect();
        let outcome = match (fired, text("stopped")) {
            (false, Some(why)) => format!("stopped: {why}"),
            _ if did.is_empty() => "fired".to_owned(),
            _ => format!("fired: {}", did.join("; ")),
        };
        let mark = if fired { '+' } else { '-' };
        lines.push(format!("{mark} {} on {}: {outcome}", at(one, "/reactor"), at(one, "/cause")));
        if let Some(condition) = text("condition") {
            lines.push(format!("    condition {condition}"));
        }
        let saw = one.get("saw").and_then(Value::as_object).cloned().unwrap_or_default();
        lines.extend(saw.iter().map(|(path, value)| format!("    saw {} = {}", visible(path), cell(value))));
        for limit in one.get("limits").and_then(Value::as_array).into_iter().flatten() {
            let empty = Map::new();
            let limit = limit.as_object().unwrap_or(&empty);
            let part = |name: &str| limit.get(name).map_or_else(|| "-".into(), cell);
            lines.push(format!(
                "    limit {} per {}: {} used before",
                part("count"),
                part("window"),
                part("used")
            ));
        }
    }
    lines
}

/// What a trace notes besides: work that came due, what was left out and why.
pub(crate) fn notes(trace: &Value) -> Vec<String> {
    let changes = trace.get("changes").and_then(Value::as_array).into_iter().flatten();
    changes.map(|change| at(change, "/what")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_trace_tells_who_fired_and_who_was_stopped() {
        let trace = json!({"considered": [
            {"step": 0, "cause": "event order_completed", "reactor": "points_for_orders", "condition": null,
             "saw": {}, "limits": [], "stopped": null, "did": ["award 29 points"]},
            {"step": 0, "cause": "event order_completed", "reactor": "bonus", "condition": "profile.metrics.orders == 5",
             "saw": {"profile.metrics.orders": 1}, "limits": [{"window": "lifetime", "used": 0, "count": 1}],
             "stopped": "its condition was false", "did": []},
        ]});
        assert_eq!(
            lines(&trace),
            [
                "+ points_for_orders on event order_completed: fired: award 29 points",
                "- bonus on event order_completed: stopped: its condition was false",
                "    condition profile.metrics.orders == 5",
                "    saw profile.metrics.orders = 1",
                "    limit 1 per lifetime: 0 used before",
            ]
        );
        assert_eq!(lines(&json!({"considered": []})), ["no reactor was considered"]);
        assert_eq!(
            notes(&json!({"changes": [{"step": 0, "what": "8.40 coins matured"}]})),
            ["8.40 coins matured"]
        );
        assert!(notes(&trace).is_empty());
    }
}

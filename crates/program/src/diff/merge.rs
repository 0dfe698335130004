//! Two edits of one object, put together where they touch different fields.

use serde_json::{Map, Value};

use super::fields::child;

/// A field that both sides changed, each in its own way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeConflict {
    /// JSON pointer into the document.
    pub pointer: String,
    /// What it was when they last agreed.
    pub base: Option<Value>,
    /// What the source made of it.
    pub source: Option<Value>,
    /// What the target made of it.
    pub target: Option<Value>,
}

/// Merges two edits of `base`. Objects are merged field by field; everything else, arrays included, is one
/// value: the order of actions has a meaning that no merge can guess.
pub fn merge(base: &Value, source: &Value, target: &Value) -> Result<Value, Vec<MergeConflict>> {
    let mut conflicts = Vec::new();
    let merged = three("/spec", Some(base), Some(source), Some(target), &mut conflicts);
    match merged {
        Some(value) if conflicts.is_empty() => Ok(value),
        _ => Err(conflicts),
    }
}

fn three(
    pointer: &str,
    base: Option<&Value>,
    source: Option<&Value>,
    target: Option<&Value>,
    conflicts: &mut Vec<MergeConflict>,
) -> Option<Value> {
    if source == target || source == base {
        return target.cloned();
    }
    if target == base {
        return source.cloned();
    }
    // What both made where there was nothing is one value, as with whole objects: two halves of two ideas are
    // not an idea.
    if let (Some(Value::Object(was)), Some(Value::Object(ours)), Some(Value::Object(theirs))) =
        (base, source, target)
    {
        let mut keys: Vec<&String> = was.keys().chain(ours.keys()).chain(theirs.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut merged = Map::new();
        for key in keys {
            let at = child(pointer, key);
            if let Some(value) = three(&at, was.get(key), ours.get(key), theirs.get(key), conflicts) {
                merged.insert(key.clone(), value);
            }
        }
        return Some(Value::Object(merged));
    }
    conflicts.push(MergeConflict {
        pointer: pointer.into(),
        base: base.cloned(),
        source: source.cloned(),
        target: target.cloned(),
    });
    target.cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, source: &str, target: &str, expected: Result<&str, &[&str]>) {
        let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let found = merge(&json(base), &json(source), &json(target))
            .map_err(|all| all.into_iter().map(|one| one.pointer).collect::<Vec<_>>());
        let expected = expected.map(json).map_err(|all| all.iter().map(ToString::to_string).collect());
        assert_eq!(found, expected, "{base} / {source} / {target}");
    }

    #[test]
    fn apart_merges_together_conflicts() {
        check(r#"{"a":1,"b":1}"#, r#"{"a":2,"b":1}"#, r#"{"a":1,"b":2}"#, Ok(r#"{"a":2,"b":2}"#));
        check(r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#, Err(&["/spec/a"]));
        check(r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":2}"#, Ok(r#"{"a":2}"#));
        check(r#"{"a":1,"b":1}"#, r#"{"b":1}"#, r#"{"a":1,"b":2}"#, Ok(r#"{"b":2}"#));
        check(r#"{"a":1}"#, "{}", r#"{"a":2}"#, Err(&["/spec/a"]));
        check("{}", r#"{"s":{"x":1}}"#, r#"{"s":{"y":1}}"#, Err(&["/spec/s"]));
        check(r#"{"s":{}}"#, r#"{"s":{"x":1}}"#, r#"{"s":{"y":1}}"#, Ok(r#"{"s":{"x":1,"y":1}}"#));
        check(r#"{"l":[1,2]}"#, r#"{"l":[1,3]}"#, r#"{"l":[0,2]}"#, Err(&["/spec/l"]));
        // A trigger changed to another kind in the source and to another event in the target is one field.
        check(
            r#"{"t":{"event":"a"}}"#,
            r#"{"t":{"audience_entered":"b"}}"#,
            r#"{"t":{"event":"c"}}"#,
            Err(&["/spec/t/event"]),
        );
    }
}

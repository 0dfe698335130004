//! Two specs, field by field.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldChange {
    /// JSON pointer into the document, e.g. `/spec/actions/0/award/rate`. An index into an array that
    /// grew is of the array after, into one that shrank of the array before.
    pub pointer: String,
    /// What it was; absent when there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub before: Option<Value>,
    /// What it becomes; absent when there will be nothing.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub after: Option<Value>,
}

/// A `null` that is there is `Some(Null)`: it is a value, not an absence.
pub(crate) fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// The fields in which `after` differs from `before`, by pointer. A whole object that comes or goes is one
/// change at `/spec`.
pub fn fields(before: Option<&Value>, after: Option<&Value>) -> Vec<FieldChange> {
    let mut out = Vec::new();
    compare("/spec", before, after, &mut out);
    out
}

fn compare(pointer: &str, before: Option<&Value>, after: Option<&Value>, out: &mut Vec<FieldChange>) {
    match (before, after) {
        (Some(before), Some(after)) if before == after => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                compare(&child(pointer, key), old.get(key), new.get(key), out);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => arrays(pointer, old, new, out),
        (None, None) => {}
        (before, after) => {
            out.push(FieldChange { pointer: pointer.into(), before: before.cloned(), after: after.cloned() });
        }
    }
}

/// Arrays of one length compare item by item. A run of items that came or went at one place is shown as
/// such; anything else is the whole array, which reads better than a cascade of shifted items.
fn arrays(pointer: &str, old: &[Value], new: &[Value], out: &mut Vec<FieldChange>) {
    let at = |index: usize| format!("{pointer}/{index}");
    if old.len() == new.len() {
        for (index, (before, after)) in old.iter().zip(new).enumerate() {
            compare(&at(index), Some(before), Some(after), out);
        }
        return;
    }
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (gone, come) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    if gone.is_empty() {
        out.extend(come.iter().enumerate().map(|(i, item)| FieldChange {
            pointer: at(head + i),
            before: None,
            after: Some(item.clone()),
        }));
    } else if come.is_empty() {
        out.extend(gone.iter().enumerate().map(|(i, item)| FieldChange {
            pointer: at(head + i),
            before: Some(item.clone()),
            after: None,
        }));
    } else {
        out.push(FieldChange { pointer: pointer.into(), before: Some(old.into()), after: Some(new.into()) });
    }
}

/// A pointer one level down (RFC 6901).
pub(super) fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, after: &str, expected: &[(&str, Option<&str>, Option<&str>)]) {
        let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let expected: Vec<FieldChange> = expected
            .iter()
            .map(|(pointer, before, after)| FieldChange {
                pointer: (*pointer).into(),
                before: before.map(json),
                after: after.map(json),
            })
            .collect();
        assert_eq!(fields(Some(&json(before)), Some(&json(after))), expected, "{before} -> {after}");
    }

    #[test]
    fn names_each_field() {
        check(r#"{"a":1}"#, r#"{"a":1}"#, &[]);
        check(r#"{"a":1}"#, r#"{"a":2}"#, &[("/spec/a", Some("1"), Some("2"))]);
        check(r#"{"a":{"b":1}}"#, r#"{"a":{"b":1,"c":null}}"#, &[("/spec/a/c", None, Some("null"))]);
        check(r#"{"x/y":{"~":1}}"#, r#"{"x/y":{}}"#, &[("/spec/x~1y/~0", Some("1"), None)]);
        check(r#"{"a":1.10}"#, r#"{"a":1.1}"#, &[("/spec/a", Some("1.10"), Some("1.1"))]);
        check(r#"{"a":1}"#, r#"{"a":[1]}"#, &[("/spec/a", Some("1"), Some("[1]"))]);
    }

    #[test]
    fn arrays_show_what_came_and_went() {
        check(r#"{"a":[1,2]}"#, r#"{"a":[1,3]}"#, &[("/spec/a/1", Some("2"), Some("3"))]);
        check(r#"{"a":[1,2]}"#, r#"{"a":[0,1,2]}"#, &[("/spec/a/0", None, Some("0"))]);
        check(r#"{"a":[1,2,3]}"#, r#"{"a":[1,3]}"#, &[("/spec/a/1", Some("2"), None)]);
        check(r#"{"a":[1,2,3]}"#, r#"{"a":[4,3]}"#, &[("/spec/a", Some("[1,2,3]"), Some("[4,3]"))]);
        check(r#"{"a":[1,1]}"#, r#"{"a":[1]}"#, &[("/spec/a/1", Some("1"), None)]);
    }

    #[test]
    fn a_null_survives_json() {
        let change = FieldChange { pointer: "/spec/a".into(), before: Some(Value::Null), after: None };
        let text = serde_json::to_string(&change).expect("writes");
        assert_eq!(text, r#"{"pointer":"/spec/a","before":null}"#);
        assert_eq!(serde_json::from_str::<FieldChange>(&text).expect("reads"), change);
    }
}

//! The order in which audiences can be worked out.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Address, Key, Kind};

/// Audience keys such that each comes after those it refers to, alphabetical where that leaves a choice;
/// or the circles, each beginning with its first key.
pub(crate) fn order(audiences: &BTreeMap<&Key, &BTreeSet<Address>>) -> Result<Vec<Key>, Vec<Vec<Key>>> {
    let mut left: BTreeMap<&Key, BTreeSet<&Key>> = audiences
        .iter()
        .map(|(key, references)| {
            let on = references
                .iter()
                .filter(|address| address.kind == Kind::Audience && audiences.contains_key(&address.key))
                .map(|address| &address.key)
                .collect();
            (*key, on)
        })
        .collect();
    let mut ordered = Vec::new();
    while let Some(next) = left.iter().find(|(_, on)| on.is_empty()).map(|(key, _)| *key) {
        left.remove(next);
        for on in left.values_mut() {
            on.remove(next);
        }
        ordered.push(next.clone());
    }
    if left.is_empty() { Ok(ordered) } else { Err(circles(&left)) }
}

/// Walks from each key left over, along the first reference, until it comes round.
fn circles(left: &BTreeMap<&Key, BTreeSet<&Key>>) -> Vec<Vec<Key>> {
    let mut seen: BTreeSet<&Key> = BTreeSet::new();
    let mut found = Vec::new();
    for start in left.keys() {
        let mut way: Vec<&Key> = Vec::new();
        let mut at = *start;
        while seen.insert(at) {
            way.push(at);
            match left.get(at).and_then(|on| on.first()) {
                Some(next) => at = next,
                None => break,
            }
        }
        if let Some(begins) = way.iter().position(|key| *key == at) {
            let mut circle = way.split_off(begins);
            let smallest = circle.iter().enumerate().min_by_key(|(_, key)| **key).map_or(0, |(i, _)| i);
            circle.rotate_left(smallest);
            found.push(circle.into_iter().cloned().collect());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &[(&str, &[&str])], expected: Result<&[&str], &[&[&str]]>) {
        let key = |text: &str| Key::new(text).expect("a key");
        let audiences: Vec<(Key, BTreeSet<Address>)> = given
            .iter()
            .map(|(name, on)| {
                (key(name), on.iter().map(|on| Address::new(Kind::Audience, key(on))).collect())
            })
            .collect();
        let audiences = audiences.iter().map(|(key, on)| (key, on)).collect();
        let expected = match expected {
            Ok(keys) => Ok(keys.iter().map(|text| key(text)).collect::<Vec<_>>()),
            Err(circles) => {
                Err(circles.iter().map(|circle| circle.iter().map(|text| key(text)).collect()).collect())
            }
        };
        assert_eq!(order(&audiences), expected);
    }

    #[test]
    fn audiences_come_after_what_they_rest_on() {
        check(&[("a", &["c"]), ("b", &[]), ("c", &["b"])], Ok(&["b", "c", "a"]));
        check(&[("a", &["unknown"]), ("b", &["a"])], Ok(&["a", "b"]));
        check(&[("a", &["a"])], Err(&[&["a"]]));
        check(
            &[("a", &["c"]), ("b", &["c"]), ("c", &["b"]), ("x", &["y"]), ("y", &["x"]), ("z", &[])],
            Err(&[&["b", "c"], &["x", "y"]]),
        );
    }
}

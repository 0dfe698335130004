//! Folders are named for the domain; reactors have a `trigger`, never an `on`.

use std::collections::BTreeSet;

use super::Finding;
use crate::workspace::Text;

const RULE: &str = "names";
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "misc"];

pub(super) fn check(texts: &[Text]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = empty_names(texts)
        .into_iter()
        .map(|path| Finding::fault(RULE, path, "says nothing of what is inside; name it for the domain"))
        .collect();
    for text in texts.iter().filter(|text| text.has_extension(&["yaml", "yml"])) {
        for (line, _) in text.text.lines().enumerate().filter(|(_, line)| is_on(line)) {
            let message = "`on:` is `true` to readers of YAML 1.1; a reactor's key is `trigger:`";
            findings.push(Finding::fault(RULE, format!("{}:{}", text.path, line + 1), message));
        }
    }
    findings
}

/// Folders and modules with a name that could hold anything.
fn empty_names(texts: &[Text]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in texts {
        let parts: Vec<&str> = text.path.split('/').collect();
        for (i, part) in parts.iter().enumerate() {
            if EMPTY_NAMES.contains(part)
                || part.strip_suffix(".rs").is_some_and(|m| EMPTY_NAMES.contains(&m))
            {
                found.insert(parts[..=i].join("/"));
            }
        }
    }
    found
}

fn is_on(line: &str) -> bool {
    let mut key = line.trim_start();
    while let Some(rest) = key.strip_prefix("- ") {
        key = rest.trim_start();
    }
    key == "on:" || key.starts_with("on: ") || key.starts_with("\"on\":") || key.starts_with("'on':")
}

#[cfg(test)]
mod tests {
    use super::{super::text, *};

    #[test]
    fn folders_and_modules() {
        let found = empty_names(&[
            text("crates/a/src/utils/b.rs", ""),
            text("crates/a/src/utils/c.rs", ""),
            text("crates/a/src/common.rs", ""),
            text("crates/a/src/uncommon/helpers_of_state.rs", ""),
        ]);
        let expected = ["crates/a/src/common.rs", "crates/a/src/utils"].map(ToOwned::to_owned);
        assert_eq!(found, BTreeSet::from(expected));
    }

    #[test]
    fn on_as_a_key() {
        for (line, expected) in [
            ("on: order_completed", true),
            ("  on:", true),
            ("  - on: x", true),
            ("'on': x", true),
            ("trigger: on", false),
            ("onward: 1", false),
            ("# on: a comment", false),
        ] {
            assert_eq!(is_on(line), expected, "{line}");
        }
        let found = check(&[text("examples/a.yaml", "kind: reactor\nspec:\n  on: x\n")]);
        assert_eq!(found[0].place, "examples/a.yaml:3");
    }
}

//! What may be linked into Greenroom: `deny.toml`, checked over `cargo metadata`.
//!
//! The same file is read by `cargo deny`, which takes longer to build than everything here; its other checks
//! need the network.

use anyhow::{Context, Result};
use serde_json::Value;

use super::Finding;

const RULE: &str = "licences";

struct Policy {
    licences: Vec<String>,
    banned: Vec<(String, String)>,
    registries: Vec<String>,
}

pub(super) fn check(metadata: &Value, policy: &str) -> Result<Vec<Finding>> {
    let policy = read(policy)?;
    let packages = metadata["packages"].as_array().context("`cargo metadata` has no packages")?;
    let mut findings = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let place = format!("{name} {}", package["version"].as_str().unwrap_or_default());
        let source = package["source"].as_str();
        let mut fault = |message: String| findings.push(Finding::fault(RULE, place.clone(), message));

        match package["license"].as_str() {
            Some(expression) if permitted(expression, &policy.licences) => {}
            Some(expression) => {
                fault(format!("its licence `{expression}` is not among those deny.toml allows"));
            }
            None => fault("names no licence".to_owned()),
        }
        if let Some((_, reason)) = policy.banned.iter().find(|(banned, _)| banned == name) {
            fault(format!("is banned by deny.toml: {reason}"));
        }
        if let Some(source) = source {
            let from = source.strip_prefix("registry+").unwrap_or(source);
            if !policy.registries.iter().any(|registry| registry == from) {
                fault(format!("comes from {source}, which deny.toml does not allow"));
            }
        }
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            if source.is_none() && dependency["req"] == "*" && dependency["path"].is_null() {
                fault(format!("asks for any version of `{}`; name one", dependency["name"]));
            }
        }
    }
    Ok(findings)
}

fn read(policy: &str) -> Result<Policy> {
    let policy: toml::Table = policy.parse().context("deny.toml is not TOML")?;
    let strings = |table: &str, key: &str| -> Result<Vec<String>> {
        let list = policy.get(table).and_then(|table| table.get(key)).and_then(toml::Value::as_array);
        let list = list.with_context(|| format!("deny.toml has no list `{table}.{key}`"))?;
        Ok(list.iter().filter_map(|item| item.as_str().map(ToOwned::to_owned)).collect())
    };
    let denied = policy.get("bans").and_then(|bans| bans.get("deny")).and_then(toml::Value::as_array);
    let banned = denied.context("deny.toml has no list `bans.deny`")?.iter().map(|ban| {
        let word = |key: &str| ban.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        (word("crate"), word("reason"))
    });
    Ok(Policy {
        licences: strings("licenses", "allow")?,
        banned: banned.collect(),
        registries: strings("sources", "allow-registry")?,
    })
}

/// Whether an SPDX expression can be met with allowed licences alone. `/` is the old way to write `OR`.
fn permitted(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<&str> = spaced.split_whitespace().collect();
    words.reverse();
    let met = alternatives(&mut words, allowed);
    met && words.is_empty()
}

// The words stand in reverse, so that the next one is popped.
fn alternatives(words: &mut Vec<&str>, allowed: &[String]) -> bool {
    let mut met = conjunction(words, allowed);
    while words.last() == Some(&"OR") {
        words.pop();
        met |= conjunction(words, allowed);
    }
    met
}

fn conjunction(words: &mut Vec<&str>, allowed: &[String]) -> bool {
    let mut met = licence(words, allowed);
    while words.last() == Some(&"AND") {
        words.pop();
        met &= licence(words, allowed);
    }
    met
}

fn licence(words: &mut Vec<&str>, allowed: &[String]) -> bool {
    match words.pop() {
        Some("(") => {
            let met = alternatives(words, allowed);
            words.pop() == Some(")") && met
        }
        Some(name) => {
            let mut name = name.to_owned();
            if words.last() == Some(&"WITH") {
                words.pop();
                name = format!("{name} WITH {}", words.pop().unwrap_or_default());
            }
            allowed.contains(&name)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn expressions() {
        let allowed = ["MIT", "ISC", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"].map(ToOwned::to_owned);
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("GPL-3.0 OR MIT", true),
            ("MIT/Apache-2.0", true),
            ("MIT AND GPL-3.0", false),
            ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
            ("(GPL-3.0 OR AGPL-3.0) AND Unicode-3.0", false),
            ("GPL-2.0 OR GPL-3.0 AND MIT", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0", false),
            ("MIT ISC", false),
            ("(MIT", false),
            ("", false),
        ] {
            assert_eq!(permitted(expression, &allowed), expected, "{expression}");
        }
    }

    const POLICY: &str = r#"
        [licenses]
        allow = ["MIT"]
        [bans]
        deny = [{ crate = "left-pad", reason = "three lines" }]
        [sources]
        allow-registry = ["https://example.org/index"]
    "#;

    fn found(package: &Value) -> Vec<String> {
        let findings =
            check(&json!({ "packages": [package.clone()] }), POLICY).expect("policy and metadata are whole");
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn licence_name_source_and_version_are_checked() {
        let good = json!({ "name": "a", "version": "1.0.0", "license": "MIT",
            "source": "registry+https://example.org/index" });
        assert_eq!(found(&good), Vec::<String>::new());

        let change = |key: &str, value: &str| {
            let mut package = good.clone();
            package[key] = json!(value);
            found(&package)
        };
        assert!(change("license", "AGPL-3.0")[0].contains("AGPL-3.0"));
        assert!(change("name", "left-pad")[0].contains("three lines"));
        assert!(change("source", "git+https://example.org/x")[0].contains("git+https://example.org/x"));
        let silent = json!({ "name": "a", "license": null, "source": null });
        assert_eq!(found(&silent), ["names no licence"]);
        let any = json!({ "name": "ours", "license": "MIT", "source": null,
            "dependencies": [{ "name": "b", "req": "*" }, { "name": "c", "req": "*", "path": "../c" }] });
        assert_eq!(found(&any), ["asks for any version of `\"b\"`; name one"]);
    }

    #[test]
    fn a_policy_without_a_list_is_an_error() {
        assert!(check(&json!({ "packages": [] }), "[licenses]").is_err());
    }
}

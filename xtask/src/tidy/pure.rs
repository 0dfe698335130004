//! The pure crates know no runtime, database, network, clock or random source.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use super::Finding;
use crate::{process, workspace};

const RULE: &str = "pure";
const PURE: &[&str] = &["program", "ledger", "engine"];

/// Nowhere below a pure crate: whatever needs these does I/O.
const NOWHERE: &[&str] = &[
    "async-std",
    "axum",
    "hyper",
    "libsqlite3-sys",
    "mio",
    "native-tls",
    "openssl",
    "postgres",
    "reqwest",
    "ring",
    "rusqlite",
    "rustls",
    "smol",
    "socket2",
    "sqlx",
    "tokio",
    "tokio-postgres",
    "tracing-subscriber",
    "ureq",
];

/// Not named by a pure crate itself. Below it they may stand where a library seeds its hash tables with them
/// (`jsonschema`, `cel`); the linter bans their use in our code by name.
const NOT_BY_US: &[&str] = &[
    "async-trait",
    "chrono",
    "fastrand",
    "futures",
    "getrandom",
    "rand",
    "rustix",
    "tempfile",
    "time",
    "uuid",
];

pub(super) fn check(metadata: &Value) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for name in PURE {
        findings.extend(named(metadata, name));
        let arguments =
            ["tree", "--locked", "-e", "normal", "--prefix", "none", "--format", "{p}", "-p", name];
        findings.extend(below(name, &process::output(&mut workspace::cargo(&arguments))?));
    }
    Ok(findings)
}

fn named(metadata: &Value, name: &str) -> Vec<Finding> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let dependencies = packages
        .filter(|package| package["name"] == name)
        .filter_map(|package| package["dependencies"].as_array());
    let named = dependencies
        .flatten()
        .filter(|dependency| dependency["kind"] != "dev")
        .filter_map(|dependency| dependency["name"].as_str());
    named
        .filter(|dependency| NOT_BY_US.contains(dependency))
        .map(|dependency| {
            let message = format!("depends on `{dependency}`; a pure crate is given its times and ids");
            Finding::fault(RULE, name, message)
        })
        .collect()
}

fn below(name: &str, tree: &str) -> Vec<Finding> {
    let all: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    all.into_iter()
        .filter(|dependency| NOWHERE.contains(dependency))
        .map(|dependency| {
            let message = format!(
                "`{dependency}` stands below it (`cargo tree -p {name} -e normal -i {dependency}` shows how); \
                 pure crates do no I/O"
            );
            Finding::fault(RULE, name, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_runtime_anywhere_below_is_found() {
        let tree = "engine v0.1.0 (/somewhere)\nserde v1.0.0\nsome-client v1.0.0\ntokio v1.54.1\ntokio v1.54.1 (*)\n";
        let findings = below("engine", tree);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.starts_with("`tokio` stands below it"));
        assert_eq!(below("engine", "engine v0.1.0\ntokio-free v1.0.0\n"), []);
    }

    #[test]
    fn a_random_source_may_stand_below_but_not_be_named() {
        assert_eq!(below("program", "program v0.1.0\ngetrandom v0.3.4\n"), []);
        let metadata = json!({ "packages": [{ "name": "program", "dependencies": [
            { "name": "getrandom", "kind": null }, { "name": "rand", "kind": "dev" }, { "name": "regex", "kind": null },
        ]}]});
        let findings = named(&metadata, "program");
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("getrandom"));
    }
}

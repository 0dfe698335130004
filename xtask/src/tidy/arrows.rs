//! Dependencies between our crates point one way.

use anyhow::{Context, Result};
use serde_json::Value;

use super::Finding;

const RULE: &str = "arrows";

/// What a crate may depend on, of ours. The picture in ARCHITECTURE.md says the same; this is the one that is
/// enforced.
pub(super) const ARROWS: &[(&str, &[&str])] = &[
    ("program", &[]),
    ("ledger", &[]),
    ("engine", &["ledger", "program"]),
    ("store", &["ledger", "program"]),
    ("checked-pages", &[]),
    ("store-sqlite", &["store", "checked-pages", "ledger", "program"]),
    ("store-postgres", &["store", "ledger", "program"]),
    ("runtime", &["store", "engine", "ledger", "program"]),
    ("server", &["runtime", "store", "engine", "ledger", "program"]),
    (
        "cli",
        &[
            "examples",
            "server",
            "runtime",
            "store-sqlite",
            "store-postgres",
            "store",
            "engine",
            "ledger",
            "program",
        ],
    ),
    ("testing", &["xtask", "store-sqlite", "store-postgres", "store"]),
    ("examples", &[]),
    ("xtask", &["examples"]),
    ("bench", &[]),
];

/// Named by `cli`, and in the tests of any crate.
const BACKENDS: &[&str] = &["store-sqlite", "store-postgres"];

/// What tests may use beyond the arrows: whole-process tests start servers and read the record shop's orders, and
/// tests of several crates stand on the same ground.
const TESTS_ONLY: &[(&str, &str)] =
    &[("cli", "xtask"), ("runtime", "testing"), ("server", "testing"), ("store-postgres", "testing")];

pub(super) fn check(metadata: &Value) -> Result<Vec<Finding>> {
    let packages = metadata["packages"].as_array().context("`cargo metadata` has no packages")?;
    let ours: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut findings = Vec::new();
    for package in packages {
        let name = package["name"].as_str().context("a package without a name")?;
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            let message =
                "is not in the table of arrows; add it to xtask/src/tidy/arrows.rs and ARCHITECTURE.md";
            findings.push(Finding::fault(RULE, name, message));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let Some(to) = dependency["name"].as_str().filter(|to| ours.contains(to)) else { continue };
            let in_tests = dependency["kind"] == "dev";
            let tests_may =
                in_tests && (BACKENDS.contains(&to) || TESTS_ONLY.contains(&(name, to)) || to == name);
            if !allowed.contains(&to) && !tests_may {
                findings.push(Finding::fault(RULE, name, forbidden(name, to, in_tests)));
            }
        }
    }
    Ok(findings)
}

fn forbidden(from: &str, to: &str, in_tests: bool) -> String {
    if BACKENDS.contains(&to) {
        return format!("names the backend `{to}`; only `cli` and tests may, all else goes through `store`");
    }
    let how = if in_tests { "its tests depend" } else { "depends" };
    let reason = if ARROWS.iter().any(|(name, allowed)| *name == to && allowed.contains(&from)) {
        format!("the arrow goes from `{to}` to `{from}`")
    } else {
        "there is no such arrow in ARCHITECTURE.md".to_owned()
    };
    format!("{how} on `{to}`, but {reason}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(from: &str, to: &str, kind: Option<&str>) -> Vec<String> {
        let metadata = json!({ "packages": [
            { "name": from, "dependencies": [{ "name": to, "kind": kind }, { "name": "serde", "kind": null }] },
            { "name": to, "dependencies": [] },
        ]});
        check(&metadata).expect("it is metadata").into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn arrows_that_are_drawn_pass() {
        for (from, to) in
            [("cli", "server"), ("server", "runtime"), ("runtime", "engine"), ("engine", "ledger")]
        {
            assert_eq!(found(from, to, None), Vec::<String>::new(), "{from} → {to}");
        }
    }

    #[test]
    fn an_arrow_the_wrong_way_is_named() {
        assert_eq!(
            found("engine", "runtime", None),
            ["depends on `runtime`, but the arrow goes from `runtime` to `engine`"]
        );
        assert_eq!(
            found("ledger", "program", None),
            ["depends on `program`, but there is no such arrow in ARCHITECTURE.md"]
        );
        assert_eq!(
            found("store-sqlite", "engine", None).len(),
            1,
            "backends know only pure data and `store`"
        );
        assert_eq!(found("engine", "store", Some("dev")).len(), 1, "tests of pure crates stay pure");
    }

    #[test]
    fn only_cli_and_tests_name_a_backend() {
        assert_eq!(found("cli", "store-sqlite", None), Vec::<String>::new());
        assert_eq!(found("runtime", "store-sqlite", Some("dev")), Vec::<String>::new());
        assert!(found("runtime", "store-sqlite", None)[0].contains("names the backend"));
        assert!(found("server", "store-sqlite", Some("build"))[0].contains("names the backend"));
    }

    #[test]
    fn only_tests_stand_on_the_ground_of_tests() {
        assert_eq!(found("runtime", "testing", Some("dev")), Vec::<String>::new());
        assert_eq!(found("runtime", "testing", None).len(), 1);
        assert_eq!(found("testing", "runtime", None).len(), 1, "it is under all of them");
    }

    #[test]
    fn a_new_crate_must_take_its_place() {
        let metadata = json!({ "packages": [{ "name": "sidecar", "dependencies": [] }] });
        let findings = check(&metadata).expect("it is metadata");
        assert!(findings[0].message.contains("not in the table"));
    }
}

//! Every crate inherits the workspace's lints: a rule that a new crate can forget is no rule.

use toml::{Table, Value};

use super::Finding;
use crate::workspace::Text;

const RULE: &str = "manifests";

/// Crates that write the workspace's lints out instead, all of them, to allow one thing: `unsafe` where it is
/// named. Whoever adds to this list says in the crate's manifest why there is no other way.
const UNSAFE: &[&str] = &["crates/checked-pages/Cargo.toml"];

pub(super) fn check(texts: &[Text]) -> Vec<Finding> {
    let workspace = texts.iter().find(|text| text.path == "Cargo.toml").map_or("", |root| root.text.as_str());
    let manifests = texts.iter().filter(|text| text.path.ends_with("/Cargo.toml"));
    manifests
        .filter_map(|manifest| {
            let fault = if UNSAFE.contains(&manifest.path.as_str()) {
                differs(workspace, &manifest.text)
            } else {
                fault(&manifest.text)
            };
            fault.map(|message| Finding::fault(RULE, &manifest.path, message))
        })
        .collect()
}

fn fault(manifest: &str) -> Option<String> {
    let manifest: Table = match manifest.parse() {
        Ok(manifest) => manifest,
        Err(error) => return Some(format!("is not TOML: {error}")),
    };
    let inherited = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool);
    (inherited != Some(true)).then(|| "lacks `[lints] workspace = true`".to_owned())
}

/// Whether lints that are written out are not those of the workspace, but for `unsafe`, which stays denied where
/// nothing allows it. Lints beyond them are welcome.
fn differs(workspace: &str, manifest: &str) -> Option<String> {
    let (workspace, manifest): (Table, Table) = match (workspace.parse(), manifest.parse()) {
        (Ok(workspace), Ok(manifest)) => (workspace, manifest),
        (Err(error), _) | (_, Err(error)) => return Some(format!("is not TOML: {error}")),
    };
    let Some(ours) =
        workspace.get("workspace").and_then(|table| table.get("lints")).and_then(Value::as_table)
    else {
        return Some("cannot be compared: the workspace has no lints".to_owned());
    };
    let denied = Value::String("deny".to_owned());
    for (tool, lints) in ours {
        for (lint, level) in lints.as_table().into_iter().flatten() {
            let expected = if lint == "unsafe_code" { &denied } else { level };
            let found = manifest.get("lints").and_then(|all| all.get(tool)).and_then(|lints| lints.get(lint));
            if found != Some(expected) {
                return Some(format!("`{tool}.{lint}` is not {expected}, as the workspace has it"));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{super::text, *};

    #[test]
    fn lints_are_inherited() {
        let good = text("crates/a/Cargo.toml", "[package]\nname = \"a\"\n[lints]\nworkspace = true\n");
        let bad = text("crates/b/Cargo.toml", "[package]\nname = \"b\"\n");
        let broken = text("crates/c/Cargo.toml", "[package\n");
        let root = text("Cargo.toml", "[workspace]\n");
        let findings = check(&[good, bad, broken, root]);
        let places: Vec<&str> = findings.iter().map(|finding| finding.place.as_str()).collect();
        assert_eq!(places, ["crates/b/Cargo.toml", "crates/c/Cargo.toml"]);
    }

    const WORKSPACE: &str =
        "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n[workspace.lints.clippy]\ntodo = \"deny\"\n";

    #[test]
    fn one_that_needs_unsafe_differs_in_nothing_else() {
        let check = |lints: &str| check(&[text("Cargo.toml", WORKSPACE), text(UNSAFE[0], lints)]).len();
        let (rust, clippy) = ("[lints.rust]\nunsafe_code = \"deny\"\n", "[lints.clippy]\ntodo = \"deny\"\n");
        assert_eq!(check(&format!("{rust}unused = \"deny\"\n{clippy}")), 0, "and may be stricter");
        assert_eq!(check(rust), 1, "a lint is missing");
        assert_eq!(check(&format!("{rust}{}", clippy.replace("deny", "allow"))), 1, "one is weaker");
        assert_eq!(check(&format!("{}{clippy}", rust.replace("deny", "allow"))), 1, "unsafe anywhere");
        assert_eq!(super::check(&[text(UNSAFE[0], rust)]).len(), 1, "nothing to compare it to");
    }
}

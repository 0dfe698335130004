//! Every crate inherits the workspace's lints: a rule that a new crate can forget is no rule.

use super::Finding;
use crate::workspace::Text;

const RULE: &str = "manifests";

pub(super) fn check(texts: &[Text]) -> Vec<Finding> {
    let manifests = texts.iter().filter(|text| text.path.ends_with("/Cargo.toml"));
    manifests
        .filter_map(|manifest| fault(&manifest.text).map(|m| Finding::fault(RULE, &manifest.path, m)))
        .collect()
}

fn fault(manifest: &str) -> Option<String> {
    let manifest: toml::Table = match manifest.parse() {
        Ok(manifest) => manifest,
        Err(error) => return Some(format!("is not TOML: {error}")),
    };
    let inherited =
        manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
    (inherited != Some(true)).then(|| "lacks `[lints] workspace = true`".to_owned())
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
}

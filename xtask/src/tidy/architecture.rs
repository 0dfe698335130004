//! ARCHITECTURE.md has a row for every crate: a list in prose that no test reads goes stale.

use anyhow::{Context, Result};
use serde_json::Value;

use super::Finding;
use crate::workspace::Text;

const RULE: &str = "links";
const PAGE: &str = "ARCHITECTURE.md";

pub(super) fn check(metadata: &Value, texts: &[Text]) -> Result<Vec<Finding>> {
    let packages = metadata["packages"].as_array().context("`cargo metadata` has no packages")?;
    let page = texts.iter().find(|text| text.path == PAGE).context("there is no ARCHITECTURE.md")?;
    let missing = packages.iter().filter_map(|package| package["name"].as_str()).filter(|name| {
        let row = format!("| `{name}` |");
        !page.text.lines().any(|line| line.starts_with(&row))
    });
    Ok(missing.map(|name| Finding::fault(RULE, PAGE, format!("its table has no row for `{name}`"))).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::text, *};

    #[test]
    fn every_crate_has_a_row() {
        let metadata = json!({ "packages": [{ "name": "engine" }, { "name": "store" }] });
        let page = text(PAGE, "| crate |\n| `engine` | decides |\nand `store` in prose\n");
        let found = check(&metadata, &[page]).expect("the page is there");
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("`store`"));
        assert!(check(&metadata, &[]).is_err());
    }
}

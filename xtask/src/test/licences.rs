//! What may be linked into Greenroom: `deny.toml`, checked by `cargo deny`. It is offline: advisories, which need the
//! network, are not part of it.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use super::python;
use crate::{process, workspace};

/// What of the policy is checked.
const CHECKS: [&str; 3] = ["licenses", "bans", "sources"];

pub(super) fn check() -> Result<()> {
    let (root, tools) = (workspace::root(), workspace::target().join("tools/deny"));
    python::install(&root.join("tests/licences/requirements.txt"), &tools)?;
    let policy = root.join("deny.toml");
    process::run(&mut deny(&tools, &policy))?;

    // A check that lets everything pass would have passed, too.
    let text = fs::read_to_string(&policy).with_context(|| format!("reading {}", policy.display()))?;
    for (part, forbidding, stricter) in stricter(&text)? {
        let strict = tools.join("stricter.toml");
        fs::write(&strict, stricter).with_context(|| format!("writing {}", strict.display()))?;
        let output = deny(&tools, &strict).output().context("starting `cargo deny`")?;
        let summary = String::from_utf8_lossy(&output.stdout);
        ensure!(
            summary.contains(&format!("{part} FAILED")),
            "`cargo deny` found nothing with a policy {forbidding}: it does not look. It said: {summary}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

fn deny(tools: &Path, policy: &Path) -> Command {
    let mut command = Command::new(tools.join("bin/cargo-deny"));
    command.args(["--offline", "--locked", "--manifest-path"]).arg(workspace::root().join("Cargo.toml"));
    command.arg("--config").arg(policy).args(["check", "--hide-inclusion-graph"]).args(CHECKS);
    command
}

/// The policy, each time with one thing forbidden that we have: a licence, a crate, a source. With what part of it finds
/// that.
fn stricter(policy: &str) -> Result<[(&'static str, &'static str, String); 3]> {
    let changed = |from: &str, to: &str| -> Result<String> {
        ensure!(
            policy.contains(from),
            "deny.toml has no line `{from}` any more; see xtask/src/test/licences.rs"
        );
        Ok(policy.replacen(from, to, 1))
    };
    let index = "allow-registry = [\"https://github.com/rust-lang/crates.io-index\"]";
    Ok([
        ("licenses", "that lacks MIT", changed("  \"MIT\",\n", "")?),
        (
            "bans",
            "that bans serde",
            changed("deny = [\n", "deny = [\n  { crate = \"serde\", reason = \"a trial\" },\n")?,
        ),
        ("sources", "that lacks crates.io", changed(index, "allow-registry = []")?),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_can_be_made_stricter_in_each_of_its_parts() {
        let policy = fs::read_to_string(workspace::root().join("deny.toml")).expect("deny.toml is there");
        let before: toml::Table = policy.parse().expect("it is TOML");
        for (part, forbidding, stricter) in stricter(&policy).expect("its lines are there") {
            let after: toml::Table = stricter.parse().expect("it is TOML");
            let differ: Vec<&str> = CHECKS.into_iter().filter(|part| before[*part] != after[*part]).collect();
            assert_eq!(differ, [part], "a policy {forbidding}");
        }
    }
}

//! `cargo xtask tidy`: the rules that no compiler checks. Each is a module with a function that returns what
//! it found; none of them prints or stops at the first finding.

use std::fmt;

use anyhow::{Result, bail};

use crate::workspace;

mod architecture;
mod arrows;
mod lengths;
mod links;
mod manifests;
mod names;
mod pure;
mod words;

/// For `--help`.
pub const HELP: &str = "\
Checks the rules that no compiler checks, and reports all that it finds.

Usage: cargo xtask tidy

  arrows      dependencies between our crates point one way; only `cli` and tests name a backend
  pure        program, ledger and engine know no runtime, database, network, clock or random source
  manifests   every crate inherits the workspace's lints; one that needs `unsafe` differs in nothing else
  lengths     a file has at most 500 lines (warning) or 800 (fault), its tests not counted
  names       no folder `utils`, `common`, `helpers`, `misc`; no `on:` key in YAML
  words       no text speaks of paths of the machine it was written on
  links       what Markdown files link to exists; ARCHITECTURE.md names every crate
";

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Said, and no more.
    Warning,
    /// The check fails.
    Fault,
}

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub weight: Weight,
    /// The rule's name.
    pub rule: &'static str,
    /// A file, or a crate.
    pub place: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Finding {
    fn fault(rule: &'static str, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { weight: Weight::Fault, rule, place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::Warning => "warning",
            Weight::Fault => "fault",
        };
        write!(f, "{weight}[{}] {}: {}", self.rule, self.place, self.message)
    }
}

/// Runs all rules.
pub fn run(arguments: &[String]) -> Result<()> {
    if let Some(argument) = arguments.first() {
        bail!("`{argument}` is not understood; tidy takes no arguments");
    }
    let findings = check()?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    let faults = findings.iter().filter(|finding| finding.weight == Weight::Fault).count();
    if faults > 0 {
        bail!("{faults} faults; see above");
    }
    println!("tidy: {} warnings, no faults", findings.len());
    Ok(())
}

/// What all rules find in this workspace.
pub fn check() -> Result<Vec<Finding>> {
    let root = workspace::root();
    let members = workspace::metadata()?;
    let texts = workspace::texts()?;

    let mut findings = arrows::check(&members)?;
    findings.extend(pure::check(&members)?);
    findings.extend(manifests::check(&texts));
    findings.extend(lengths::check(&texts));
    findings.extend(names::check(&texts));
    findings.extend(words::check(&texts));
    findings.extend(links::check(&texts, &|path| root.join(path).exists()));
    findings.extend(architecture::check(&members, &texts)?);
    Ok(findings)
}

#[cfg(test)]
fn text(path: &str, text: &str) -> workspace::Text {
    workspace::Text { path: path.into(), text: text.into() }
}

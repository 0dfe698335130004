//! `cargo xtask test`: everything that must be green. Installs what it needs, asks nothing, stops at nothing,
//! and says at the end what failed. A check that could not run has failed.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::{process, tidy, workspace};

mod licences;
mod nextest;
mod python;
mod sdks;
pub(crate) mod setup;

/// For `--help`.
pub const HELP: &str = "\
Everything that must be green. On a fresh Debian as root it first installs what it needs.

Usage: cargo xtask test [--no-setup]

  --no-setup  take the machine as it is

  set-up      gcc, PostgreSQL, HAProxy, Node and Python from Debian; rustfmt, clippy and cargo-nextest for Rust
  format      cargo fmt --check
  tidy        cargo xtask tidy
  lints       cargo clippy, warnings are errors
  licences    cargo deny: every dependency's licence, name and source is one that deny.toml allows
  clients     the unmodified client libraries of the tests, from npm and PyPI
  tests       cargo nextest: units, properties, conformance, whole processes, crashes, power cuts, clients;
              with a PostgreSQL server in a temporary folder, which goes when they are done. Stories and the
              API's tests run twice: on SQLite, and on PostgreSQL

The build goes where CARGO_TARGET_DIR says, or into `target`.
";

/// One check: its name, how long it took, what went wrong.
struct Outcome {
    name: &'static str,
    seconds: u64,
    fault: Option<String>,
}

/// Runs all checks.
pub fn run(arguments: &[String]) -> Result<()> {
    let set_up = match arguments {
        [] => true,
        [argument] if argument == "--no-setup" => false,
        _ => bail!("{} is not understood; see `cargo xtask test --help`", arguments.join(" ")),
    };
    let mut outcomes = Vec::new();
    let mut check = |name: &'static str, chore: &mut dyn FnMut() -> Result<()>| {
        println!("\n── {name} ──");
        let start = Instant::now();
        let fault = chore().err().map(|error| format!("{error:#}"));
        if let Some(fault) = &fault {
            eprintln!("{name} failed: {fault}");
        }
        outcomes.push(Outcome { name, seconds: start.elapsed().as_secs(), fault });
    };

    if set_up {
        check("set-up", &mut setup::install);
    }
    check("format", &mut || process::run(&mut workspace::cargo(&["fmt", "--all", "--check"])));
    check("tidy", &mut || tidy::run(&[]));
    check("lints", &mut || {
        let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
        process::run(&mut workspace::cargo(&arguments))
    });
    check("licences", &mut licences::check);
    check("clients", &mut sdks::install);
    let mut counts = nextest::Counts::default();
    check("tests", &mut || {
        counts = nextest::run()?;
        counts.verdict()
    });
    if nextest::has_doc_tests()? {
        check("examples in docs", &mut || {
            process::run(&mut workspace::cargo(&["test", "--workspace", "--doc", "--locked", "--quiet"]))
        });
    }
    summary(&outcomes, &counts)
}

fn summary(outcomes: &[Outcome], counts: &nextest::Counts) -> Result<()> {
    println!();
    for outcome in outcomes {
        let verdict = if outcome.fault.is_some() { "FAILED" } else { "ok" };
        println!("{:<18} {:>5} s  {verdict}", outcome.name, outcome.seconds);
    }
    let failed: Vec<&str> = outcomes.iter().filter(|o| o.fault.is_some()).map(|o| o.name).collect();
    println!("{} of {} checks passed", outcomes.len() - failed.len(), outcomes.len());
    println!("tests: {} passed, {} failed", counts.passed, counts.failed);
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

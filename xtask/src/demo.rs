//! `cargo xtask demo`: builds `greenroom` and runs its demonstration.

use std::{os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};

use crate::{process, workspace};

/// For `--help`.
pub const HELP: &str = "\
Builds Greenroom and runs `greenroom demo` on `demo` in the target folder: a record shop with 69,659 real orders,
a changed rule in staging, and what to try next. The shop stays open until Ctrl-C; run again, it opens as it was
left.

Usage: cargo xtask demo [--tour] [--once]

  --tour   run what there is to try as well: plan, rehearse, promote, explain
  --once   end instead of keeping the shop open
";

/// Runs it; further arguments are those of `greenroom demo`.
pub fn run(arguments: &[String]) -> Result<()> {
    println!("Building …");
    process::run(&mut workspace::cargo(&["build", "--release", "--locked", "--bins"]))?;
    let mut demo = Command::new(workspace::built("release", "greenroom"));
    let folder = workspace::target().join("demo");
    // As short as it can be: it is shown in every command.
    let here = std::env::current_dir().ok().and_then(|here| Some(folder.strip_prefix(here).ok()?.to_owned()));
    demo.arg("demo").arg(here.unwrap_or(folder)).args(arguments);
    // In our place, so that Ctrl-C is its own.
    Err(demo.exec()).with_context(|| format!("`{}` could not be started", process::shown(&demo)))
}

//! The unmodified client libraries that the whole-process tests drive: from npm and PyPI, by lock file, into
//! the target folder.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use super::python;
use crate::{process, workspace};

pub(super) fn install() -> Result<()> {
    node(&workspace::root().join("tests/sdk/node"), &workspace::target().join("sdk/node"))?;
    let requirements = workspace::root().join("tests/sdk/python/requirements.txt");
    python::install(&requirements, &workspace::target().join("sdk/python"))
}

/// `npm ci` into `to`. Scripts of packages are not run: none of them needs to.
fn node(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    let lock = fs::read(from.join("package-lock.json")).context("tests/sdk/node/package-lock.json")?;
    let installed = to.join("installed-lock.json");
    if fs::read(&installed).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    for file in ["package.json", "package-lock.json"] {
        fs::copy(from.join(file), to.join(file)).with_context(|| format!("copying {file}"))?;
    }
    process::run(
        Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(to),
    )?;
    fs::write(&installed, lock).with_context(|| format!("writing {}", installed.display()))
}

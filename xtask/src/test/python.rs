//! Packages from PyPI, pinned and checked by hash, each list in a virtual environment of its own.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::process;

/// Makes a virtual environment in `to` with exactly what `requirements` lists, unless it is there.
pub(super) fn install(requirements: &Path, to: &Path) -> Result<()> {
    let wanted = fs::read(requirements).with_context(|| format!("reading {}", requirements.display()))?;
    let installed = to.join("installed-requirements.txt");
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(to))?;
    let arguments =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"];
    process::run(Command::new(to.join("bin/python")).args(arguments).arg(requirements))?;
    fs::write(&installed, wanted).with_context(|| format!("writing {}", installed.display()))
}

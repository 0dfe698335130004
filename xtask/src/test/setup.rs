//! What a fresh Debian machine lacks. Each tool is looked for first, so that a second run installs nothing.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{postgres, process, workspace};

/// Newer ones need a newer compiler than the workspace's.
const NEXTEST: &str = "0.9";

/// A Debian package, and how to tell that what it brings is there.
struct Package {
    name: &'static str,
    present: fn() -> bool,
}

const PACKAGES: &[Package] = &[
    // Compiles the bundled SQLite, and the library of the power-cut tests.
    Package { name: "build-essential", present: || process::present("gcc") },
    Package { name: "git", present: || process::present("git") },
    // The store on PostgreSQL is tested on a server of our own.
    Package { name: postgres::PACKAGE, present: postgres::present },
    // What stands before several nodes.
    Package { name: "haproxy", present: || process::output(Command::new("haproxy").arg("-v")).is_ok() },
    // Client libraries.
    Package { name: "nodejs", present: || process::present("node") },
    Package { name: "npm", present: || process::present("npm") },
    Package { name: "python3-venv", present: python_makes_environments },
];

pub(super) fn install() -> Result<()> {
    let missing: Vec<&str> = PACKAGES.iter().filter(|p| !(p.present)()).map(|p| p.name).collect();
    apt(&missing)?;
    rust_component("fmt", "rustfmt")?;
    rust_component("clippy", "clippy")?;
    if !has_nextest() {
        println!("installing cargo-nextest (built from source, some minutes)");
        let version = format!("^{NEXTEST}");
        process::run(
            workspace::cargo(&["install", "--locked", "cargo-nextest", "--version", &version]).env(
                // Beside the workspace's own build, so that a second machine's cache of it helps here too.
                "CARGO_TARGET_DIR",
                workspace::target().join("tools"),
            ),
        )?;
    }
    Ok(())
}

/// Installs Debian packages; as root, without questions.
pub(crate) fn apt(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    if !process::present("apt-get") {
        bail!(
            "this machine has no apt-get; install by hand what these Debian packages bring: {}",
            packages.join(" ")
        );
    }
    println!("installing from Debian: {}", packages.join(" "));
    process::run(Command::new("apt-get").args(["update", "-q"]))?;
    let install = ["install", "-q", "-y", "--no-install-recommends"];
    process::run(
        Command::new("apt-get").args(install).args(packages).env("DEBIAN_FRONTEND", "noninteractive"),
    )
    .context("installing Debian packages needs root; run as root once, or install them by hand")
}

fn rust_component(subcommand: &str, component: &str) -> Result<()> {
    if process::output(&mut workspace::cargo(&[subcommand, "--version"])).is_ok() {
        return Ok(());
    }
    process::run(Command::new("rustup").args(["component", "add", component]))
}

fn has_nextest() -> bool {
    process::output(&mut workspace::cargo(&["nextest", "--version"])).is_ok()
}

fn python_makes_environments() -> bool {
    process::output(Command::new("python3").args(["-c", "import ensurepip, venv"])).is_ok()
}

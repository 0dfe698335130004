//! Where things are: the workspace's root, its target folder, the files under version control.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;

/// The workspace's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.to_owned(), Path::to_owned)
}

/// Where builds go: `CARGO_TARGET_DIR`, or `target` in the root.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// A program that the workspace builds, e.g. `greenroom` of the `release` profile.
pub fn built(profile: &str, program: &str) -> PathBuf {
    target().join(profile).join(program)
}

/// `cargo`, in the root, as the one that runs us.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    // What cargo says of this package to its own programs: some build scripts would take it for a change and
    // have their crates built again.
    for (name, _) in env::vars_os() {
        let told = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_MANIFEST_")
                || name == "CARGO_CRATE_NAME"
        });
        if told {
            command.env_remove(name);
        }
    }
    command
}

/// What cargo knows of the workspace's own crates.
pub fn metadata() -> Result<Value> {
    let text = process::output(&mut cargo(&["metadata", "--format-version=1", "--locked", "--no-deps"]))?;
    serde_json::from_str(&text).context("`cargo metadata` did not print JSON")
}

/// A file under version control, or new and not ignored: its path below the root, and its text.
pub struct Text {
    /// Below the root, with forward slashes.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl Text {
    /// Whether its name ends in one of these, e.g. `rs`.
    pub fn has_extension(&self, extensions: &[&str]) -> bool {
        let own = Path::new(&self.path).extension();
        own.is_some_and(|own| extensions.iter().any(|extension| own == *extension))
    }
}

/// The text files of the workspace, sorted by path. Binary files are left out.
pub fn texts() -> Result<Vec<Text>> {
    let root = root();
    let listed = process::output(
        Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .current_dir(&root),
    )?;
    let mut texts = Vec::new();
    for path in listed.lines() {
        // A file deleted but not yet staged is listed; a symlink to a folder cannot be read.
        let Ok(bytes) = std::fs::read(root.join(path)) else { continue };
        if let Ok(text) = String::from_utf8(bytes) {
            texts.push(Text { path: path.to_owned(), text });
        }
    }
    texts.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(texts)
}

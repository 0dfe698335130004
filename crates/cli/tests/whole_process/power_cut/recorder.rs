//! Builds the recorder and preloads it into programs.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::{
    disk::{Unsynced, rebuild},
    log,
};

/// A folder under watch, the log of what happened to it, and room for rebuilt ones.
pub(crate) struct Watched {
    _room: tempfile::TempDir,
    library: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) log: PathBuf,
    rebuilt: PathBuf,
}

/// Where the sources of the harness are.
pub(crate) fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/power-cut")
}

impl Watched {
    /// An empty folder, and the recorder built with gcc.
    pub(crate) fn new() -> Result<Self> {
        let room = tempfile::tempdir()?;
        // The kernel tells paths without links; so must we.
        let at = fs::canonicalize(room.path())?;
        let library = at.join("recorder.so");
        let compiled = Command::new("gcc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-nonnull-compare", "-o"])
            .arg(&library)
            .arg(sources().join("recorder.c"))
            .arg("-lpthread")
            .output()
            .context("gcc could not be started")?;
        ensure!(compiled.status.success(), "recorder.c:\n{}", String::from_utf8_lossy(&compiled.stderr));
        let folder = at.join("watched");
        fs::create_dir(&folder)?;
        fs::write(at.join("log"), "")?;
        Ok(Self { library, folder, log: at.join("log"), rebuilt: at.join("rebuilt"), _room: room })
    }

    /// Sets the recorder on a program that is about to be started.
    pub(crate) fn preload(&self, command: &mut Command, syncs_ignored: bool) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("POWER_CUT_FOLDER", &self.folder)
            .env("POWER_CUT_LOG", &self.log);
        if syncs_ignored {
            command.env("POWER_CUT_SYNCS", "ignored");
        }
    }

    /// What happened so far.
    pub(crate) fn entries(&self) -> Result<Vec<log::Entry>> {
        log::read(&self.log)
    }

    /// The folder as a power cut would have left it; the one rebuilt before is gone.
    pub(crate) fn rebuilt(&self, entries: &[log::Entry], cut: u64, unsynced: Unsynced) -> Result<&Path> {
        if self.rebuilt.exists() {
            fs::remove_dir_all(&self.rebuilt)?;
        }
        rebuild(entries, cut, unsynced, &self.rebuilt)?;
        Ok(&self.rebuilt)
    }

    /// Whether the log tells all that happened: with nothing lost, it must make the very same folder.
    pub(crate) fn check_complete(&self) -> Result<()> {
        let rebuilt = contents(self.rebuilt(&self.entries()?, u64::MAX, Unsynced::Kept)?)?;
        let real = contents(&self.folder)?;
        let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        ensure!(
            names(&real) == names(&rebuilt),
            "the folder has {:?}, the log makes {:?}: something went around the recorder",
            names(&real),
            names(&rebuilt)
        );
        for (path, content) in &real {
            let same = rebuilt.get(path) == Some(content);
            ensure!(
                same,
                "{} differs from what the log makes: a write went around the recorder",
                path.display()
            );
        }
        Ok(())
    }
}

fn contents(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for item in fs::read_dir(&next)? {
            let path = item?.path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.to_string_lossy().ends_with("-shm") {
                found.insert(path.strip_prefix(folder)?.to_owned(), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

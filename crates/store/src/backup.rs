//! What backups of all backends have in common: they say how far they are, and none is left half done.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use crate::{Error, Result};

/// Hears how far a backup is: bytes so far, and of about how many.
pub type BackupTold = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// Tells how far a backup is to whoever waits for it, and notices when nobody does any more.
pub struct BackupWatch {
    told: BackupTold,
    waited_for: Weak<()>,
    done: u64,
    total: u64,
}

impl BackupWatch {
    /// `waited_for` is gone when nobody waits any more.
    pub fn new(told: BackupTold, waited_for: Weak<()>) -> Self {
        Self { told, waited_for, done: 0, total: 0 }
    }

    /// There are about so many bytes to be gone through.
    pub fn begin(&mut self, total: u64) -> Result<()> {
        self.total = total;
        self.add(0)
    }

    /// So many more have been. An error once nobody waits any more.
    pub fn add(&mut self, bytes: u64) -> Result<()> {
        self.done += bytes;
        (self.told)(self.done, self.total);
        if self.waited_for.strong_count() == 0 {
            return Err(Error::Refused("nobody waits for the backup any more; it was given up".to_owned()));
        }
        Ok(())
    }
}

/// Stands in the folder until the backup is whole.
const MARK: &str = "unfinished";

/// A folder that a backup is being written into. Unless it is finished, it is as before when this is dropped.
#[derive(Debug)]
pub struct Unfinished {
    folder: PathBuf,
    was_there: bool,
    finished: bool,
}

impl Unfinished {
    /// Takes a folder that is absent or empty, for its owner alone. Of two who ask at once one gets it.
    pub fn begin(folder: &Path) -> io::Result<Self> {
        let was_there = folder.try_exists()?;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        if fs::read_dir(folder)?.next().is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        File::options().write(true).create_new(true).mode(0o600).open(folder.join(MARK))?;
        Ok(Self { folder: folder.to_owned(), was_there, finished: false })
    }

    /// The backup is whole: it stays. On disk when this answers.
    pub fn finish(mut self) -> io::Result<()> {
        fs::remove_file(self.folder.join(MARK))?;
        File::open(&self.folder)?.sync_all()?;
        self.finished = true;
        Ok(())
    }

    fn clear(&self) -> io::Result<()> {
        if !self.was_there {
            return fs::remove_dir_all(&self.folder);
        }
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished {
            // What cannot be taken away stays with its mark, and is no backup: the manifest is written last.
            let _ = self.clear();
        }
    }
}

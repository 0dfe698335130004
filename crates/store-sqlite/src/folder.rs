//! The data folder: where files are, and who may read them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use store::Result;

use crate::{fault::file, hold::Hold};

/// The control store's file.
pub(crate) const CONTROL: &str = "control.db";

/// A data folder, held by this process until it is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    _hold: Hold,
}

impl Folder {
    /// Takes a folder, making it if it is absent.
    pub(crate) fn take(root: &Path) -> Result<Self> {
        make(root)?;
        let hold = Hold::take(root)?;
        for part in ["environments", "anchors", "erasures"] {
            make(&root.join(part))?;
        }
        Ok(Self { root: root.to_owned(), _hold: hold })
    }

    pub(crate) fn control(&self) -> PathBuf {
        self.root.join(CONTROL)
    }

    /// The folder of an environment's store.
    pub(crate) fn environment(&self, name: &str) -> PathBuf {
        self.root.join("environments").join(name)
    }

    /// An environment's data file.
    pub(crate) fn store(&self, name: &str) -> PathBuf {
        self.environment(name).join("store.db")
    }

    /// An environment's two anchor slots.
    pub(crate) fn anchors(&self, name: &str) -> [PathBuf; 2] {
        anchors(&self.root, name)
    }

    /// An environment's list of erasures outside its data file.
    pub(crate) fn erasures(&self, name: &str) -> PathBuf {
        self.root.join("erasures").join(format!("{name}.log"))
    }
}

/// An environment's two anchor slots in a data folder.
pub(crate) fn anchors(root: &Path, name: &str) -> [PathBuf; 2] {
    [0, 1].map(|slot| root.join("anchors").join(format!("{name}.{slot}")))
}

/// Makes a folder that only its owner may enter.
pub(crate) fn make(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| file("making", path, e))
}

/// Lets only the owner read a file.
pub(crate) fn restrict(path: &Path) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(|e| file("restricting", path, e))
}

/// Makes an empty file for its owner alone, so that what is opened there later is never readable by others.
pub(crate) fn make_file(path: &Path) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|e| file("making", path, e))?;
    restrict(path)
}

/// Syncs a folder, so that the names in it last.
pub(crate) fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|e| file("syncing", path, e))
}

/// A data file and what `SQLite` keeps beside it.
pub(crate) fn with_companions(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}

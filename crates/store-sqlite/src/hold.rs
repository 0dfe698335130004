//! The lock on a data folder, which one process holds.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::FlockOperation;
use store::{Error, Result};

use crate::fault::file;

/// A data folder, held by this process until this is dropped. A store in the folder holds it itself; whoever keeps other
/// things there, with a store somewhere else, takes it so.
#[derive(Debug)]
pub struct Hold {
    _lock: File,
}

impl Hold {
    /// Takes a folder that is there.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] when another process holds it; whatever the file system says.
    pub fn take(root: &Path) -> Result<Self> {
        let path = root.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|e| file("opening", &path, e))?;
        if let Err(error) = rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(file("locking", &path, error.into()));
            }
            let mut holder = String::new();
            // Only to help people; without it the message still names the folder.
            let _ = lock.read_to_string(&mut holder);
            let holder = holder.trim();
            let by = if holder.is_empty() { String::new() } else { format!(" (process {holder})") };
            return Err(Error::InUse(format!("{}{by}", root.display())));
        }
        let note = |lock: &mut File| {
            lock.set_len(0)?;
            lock.rewind()?;
            writeln!(lock, "{}", std::process::id())
        };
        note(&mut lock).map_err(|e| file("writing", &path, e))?;
        Ok(Self { _lock: lock })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_holder() {
        let root = tempfile::tempdir().expect("a folder can be made");
        let held = Hold::take(root.path()).expect("nobody holds it");
        let refused = Hold::take(root.path()).expect_err("it is held");
        let said = refused.to_string();
        assert!(said.contains(&std::process::id().to_string()) && said.contains("in use"), "{said}");
        drop(held);
        Hold::take(root.path()).expect("it was let go");
    }
}

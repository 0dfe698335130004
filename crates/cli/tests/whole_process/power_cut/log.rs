//! What `tests/power-cut/recorder.c` wrote down.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

/// One thing that happened below the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Where it ends in the log: the log was this long once it had happened.
    pub(crate) end: u64,
    pub(crate) what: What,
}

/// An inode's number. Used again by the file system once the file is gone.
pub(crate) type Inode = u64;

/// Paths are below the folder; the folder itself is the empty one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Create {
        inode: Inode,
        path: String,
    },
    Write {
        inode: Inode,
        at: u64,
        data: Vec<u8>,
    },
    Truncate {
        inode: Inode,
        length: u64,
    },
    /// Returned; it began when the log was `began` long.
    Sync {
        inode: Inode,
        began: u64,
    },
    SyncFolder {
        path: String,
        began: u64,
    },
    Rename {
        from: String,
        to: String,
    },
    Unlink {
        path: String,
    },
    MakeFolder {
        path: String,
    },
    RemoveFolder {
        path: String,
    },
}

/// Reads a log. What was cut off at its end when its writer was killed is left out.
pub(crate) fn read(path: &Path) -> Result<Vec<Entry>> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let mut rest = bytes.as_slice();
    let mut entries = Vec::new();
    while let Some(what) = take(&mut rest)? {
        entries.push(Entry { end: (bytes.len() - rest.len()) as u64, what });
    }
    Ok(entries)
}

const HEADER_BYTES: usize = 40;

fn take(rest: &mut &[u8]) -> Result<Option<What>> {
    let Some((header, after)) = rest.split_at_checked(HEADER_BYTES) else { return Ok(None) };
    let short = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let long = |at: usize| u64::from(short(at)) | u64::from(short(at + 4)) << 32;
    let (inode, position, length) = (long(16), long(24), usize::try_from(long(32))?);
    let (first, second) = (short(4) as usize, short(8) as usize);
    let Some((body, after)) = after.split_at_checked(first + second + length) else { return Ok(None) };
    *rest = after;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).context("a path that is not UTF-8");
    let path = text(&body[..first])?;
    let to = text(&body[first..first + second])?;
    Ok(Some(match short(0) {
        1 => What::Create { inode, path },
        2 => What::Write { inode, at: position, data: body[first + second..].to_vec() },
        3 => What::Truncate { inode, length: position },
        4 => What::Sync { inode, began: position },
        5 => {
            ensure!(position & 2 == 0, "two names were exchanged, which is not modelled: {path}, {to}");
            What::Rename { from: path, to }
        }
        6 => What::Unlink { path },
        7 => What::MakeFolder { path },
        8 => What::SyncFolder { path, began: position },
        9 => What::RemoveFolder { path },
        10 => bail!("a second name for a file, which is not modelled: {path}, {to}"),
        other => bail!("the log has an entry of the unknown kind {other}"),
    }))
}

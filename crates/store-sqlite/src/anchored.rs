//! Whether data files are as new as what was acknowledged, for whoever only looks: nothing is opened for writing, and
//! the folder may be served meanwhile.

use std::{fs, path::Path};

use store::{Identity, Result};

use crate::{
    Options,
    anchor::Anchor,
    connection,
    fault::{Fault, file},
    folder,
    tables::{identity, position::Position},
};

/// Where an environment's data file stands.
#[derive(Debug)]
pub enum Anchored {
    /// At its anchor, or after it.
    Agrees,
    /// Nothing says how far it had come: its anchor is gone, or it was never written to.
    Unknown,
    /// It is behind, or cannot be read; the error says which.
    Not(store::Error),
}

/// How often one that is being written is looked at again: its anchor may move between two looks.
const LOOKS: u32 = 3;

/// Looks at every environment of a data folder, by name.
pub fn anchored(root: &Path) -> Result<Vec<(String, Anchored)>> {
    let environments = root.join("environments");
    let mut found = Vec::new();
    let entries = match fs::read_dir(&environments) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(e) => return Err(file("reading", &environments, e)),
    };
    for entry in entries {
        let entry = entry.map_err(|e| file("reading", &environments, e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path().join("store.db");
        if !path.exists() {
            continue;
        }
        let mut told = look(root, &name, &path);
        for _ in 1..LOOKS {
            if told.is_ok() {
                break;
            }
            told = look(root, &name, &path);
        }
        found.push((name, told.unwrap_or_else(Anchored::Not)));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

fn look(root: &Path, name: &str, path: &Path) -> Result<Anchored> {
    let told = |fault: Fault| fault.told(name, "looking at its store");
    let connection = connection::reading(path, &Options::default()).map_err(told)?;
    let (identity, position): (Option<Identity>, Position) = {
        let moment = connection.unchecked_transaction().map_err(|error| told(error.into()))?;
        (identity::read(&moment).map_err(told)?, Position::read(&moment).map_err(told)?)
    };
    // One that is being made says nothing of itself yet.
    let Some(identity) = identity else { return Ok(Anchored::Unknown) };
    let mut anchor = Anchor::new(folder::anchors(root, name));
    anchor.check(&connection, &identity, position)?;
    Ok(if anchor.is_there(&identity)? { Anchored::Agrees } else { Anchored::Unknown })
}

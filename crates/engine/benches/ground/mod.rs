//! The rules of a program in this repository.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
};

use engine::{Rules, rules::Index};
use program::{Program, document};

fn files(folder: &Path, into: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .expect("the program is there")
        .map(|entry| entry.expect("readable").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.to_string_lossy().into_owned();
            into.push((name, fs::read_to_string(&path).expect("readable")));
        }
    }
}

/// The rules that a folder says, named from the root of the repository.
pub(crate) fn rules(folder: &str) -> Rules {
    let mut documents = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder), &mut documents);
    let loaded = document::load(&documents).expect("it is sound");
    let program = Arc::new(Program::compile(&loaded.bundle).expect("it compiles"));
    Rules {
        basis: program.manifest.0,
        epoch: 1,
        since: jiff::Timestamp::UNIX_EPOCH,
        react_on_upgrade: false,
        constants: BTreeMap::new(),
        switched_off: BTreeSet::new(),
        live: true,
        index: Arc::new(Index::new(&program)),
        program,
    }
}

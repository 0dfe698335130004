//! Documents: YAML or JSON text in, a checked bundle out, with the place of everything in it.

pub(crate) mod header;
pub(crate) mod locate;
pub mod number;
pub mod parse;
pub mod tree;

use std::collections::BTreeMap;

use crate::{
    Address, Bundle, Fault, Position, canonical,
    check::{self, Document},
    decode::{Reader, Source, View},
    document::tree::{Node, Tree},
};

/// A program read from files.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its content.
    pub bundle: Bundle,
    /// Where everything stands.
    pub positions: Positions,
}

/// Where objects and their fields stand in the files.
#[derive(Clone, Debug, Default)]
pub struct Positions(BTreeMap<Address, BTreeMap<String, Position>>);

impl Positions {
    /// Where an object's document begins.
    pub fn object(&self, address: &Address) -> Option<&Position> {
        self.at(address, "")
    }

    /// Where the value at a JSON pointer into the document stands (`/spec/condition`); failing that, what
    /// contains it.
    pub fn at(&self, address: &Address, pointer: &str) -> Option<&Position> {
        let places = self.0.get(address)?;
        let mut pointer = pointer;
        loop {
            if let Some(position) = places.get(pointer) {
                return Some(position);
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }
}

/// Whether a file of a program's folder holds documents, by its name (with `/` between folders): `.yaml`,
/// `.yml` or `.json`; not hidden, not a program's own tests (`tests/…`, `*.test.yaml`), not the origin file.
pub fn is_document(name: &str) -> bool {
    let mut steps = name.split('/').filter(|step| !step.is_empty() && *step != "." && *step != "..").rev();
    let Some(file) = steps.next() else { return false };
    let Some((stem, extension)) = file.rsplit_once('.') else { return false };
    let hidden = file.starts_with('.') || steps.clone().any(|folder| folder.starts_with('.'));
    matches!(extension, "yaml" | "yml" | "json")
        && !hidden
        && stem.strip_suffix(".test").is_none()
        && file != crate::pull::ORIGIN_FILE
        && steps.all(|folder| folder != "tests")
}

/// The fields that a kind's spec may have, in the order in which people read them.
pub const fn fields_of(kind: crate::Kind) -> &'static [&'static str] {
    crate::decode::fields_of(kind)
}

/// Reads a program from `(file name, text)` pairs. Files that are not documents ([`is_document`]) are passed
/// over. All faults are reported together, ordered by position.
pub fn load(files: &[(String, String)]) -> Result<Loaded, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut parsed: Vec<(Source<'_>, Vec<Node>)> = Vec::new();
    for (name, text) in files.iter().filter(|(name, _)| is_document(name)) {
        let source = Source { name, text };
        let (nodes, text_faults) = parse::parse(text);
        let reader = Reader::new(Some(source), None);
        for fault in text_faults {
            reader.fault_at(
                fault.at,
                &fault.pointer,
                fault.code,
                fault.message,
                fault.help.unwrap_or_default(),
            );
        }
        faults.extend(reader.into_faults());
        parsed.push((source, nodes));
    }
    let mut documents: Vec<Document<'_>> = Vec::new();
    let mut positions = Positions::default();
    for (source, nodes) in &parsed {
        for node in nodes {
            if let Some(document) = header::read(*source, node, &mut faults) {
                let places = positions.0.entry(document.address.clone()).or_default();
                note(source.name, &View::new(node, String::new()), places);
                documents.push(document);
            }
        }
    }
    let objects = check::check(&documents, &mut faults);
    if !faults.is_empty() {
        faults.sort();
        faults.dedup();
        return Err(faults);
    }
    let specs = objects
        .iter()
        .map(|object| (object.address(), canonical::encode(&object.key, &object.spec)))
        .collect();
    Ok(Loaded { bundle: Bundle { specs }, positions })
}

fn note(file: &str, view: &View<'_>, places: &mut BTreeMap<String, Position>) {
    let at = view.node.at;
    places.entry(view.pointer.clone()).or_insert(Position {
        file: file.into(),
        line: at.line,
        column: at.column,
    });
    match &view.node.tree {
        Tree::List(items) => {
            for (i, node) in items.iter().enumerate() {
                note(file, &view.step(&i.to_string(), node), places);
            }
        }
        Tree::Map(entries) => {
            for entry in entries {
                note(file, &view.step(&entry.name, &entry.value), places);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_holds_more_than_documents() {
        for name in ["a.yaml", "reactors/a.yml", "./x/y.json"] {
            assert!(is_document(name), "{name}");
        }
        for name in [
            "README.md",
            "yaml",
            ".hidden.yaml",
            ".git/a.yaml",
            "tests/a.yaml",
            "a.test.yaml",
            "greenroom.origin.json",
            "",
        ] {
            assert!(!is_document(name), "{name}");
        }
    }
}

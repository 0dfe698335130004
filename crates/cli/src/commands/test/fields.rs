//! A case's objects read field by field; every fault is kept with its place.

use program::document::tree::{Entry, Mark, Node, Tree};

use super::case::Place;
use crate::suggest;

/// Collects what is wrong in one file.
pub(super) struct Faults<'a> {
    file: &'a str,
    pub(super) found: Vec<String>,
}

impl<'a> Faults<'a> {
    pub(super) const fn new(file: &'a str) -> Self {
        Self { file, found: Vec::new() }
    }

    pub(super) fn place(&self, at: Mark) -> Place {
        format!("{}:{}:{}", self.file, at.line, at.column)
    }

    pub(super) fn add(&mut self, at: Mark, what: impl AsRef<str>) {
        self.found.push(format!("{}: {}", self.place(at), what.as_ref()));
    }
}

/// An object whose fields are taken one after the other; those left over are unknown.
pub(super) struct Fields<'n> {
    entries: &'n [Entry],
    taken: Vec<&'static str>,
    pub(super) at: Mark,
}

impl<'n> Fields<'n> {
    /// The fields of an object; a fault if it is none.
    pub(super) fn of(node: &'n Node, what: &str, faults: &mut Faults<'_>) -> Option<Self> {
        let Tree::Map(entries) = &node.tree else {
            faults.add(node.at, format!("{what} must be an object, not {}", node.describe()));
            return None;
        };
        Some(Self { entries, taken: Vec::new(), at: node.at })
    }

    /// A field's value.
    pub(super) fn take(&mut self, name: &'static str) -> Option<&'n Node> {
        self.taken.push(name);
        self.entries.iter().find(|entry| &*entry.name == name).map(|entry| &entry.value)
    }

    /// A text.
    pub(super) fn text(&mut self, name: &'static str, faults: &mut Faults<'_>) -> Option<String> {
        let node = self.take(name)?;
        text(node, name, faults)
    }

    /// A whole number.
    pub(super) fn whole(&mut self, name: &'static str, faults: &mut Faults<'_>) -> Option<i64> {
        let node = self.take(name)?;
        whole(node, name, faults)
    }

    /// Tells of fields that nobody took.
    pub(super) fn finish(self, faults: &mut Faults<'_>) {
        for entry in self.entries {
            if !self.taken.contains(&&*entry.name) {
                faults.add(entry.at, suggest::unknown("field", &entry.name, &self.taken));
            }
        }
    }
}

/// A text; numbers are taken as they are written, so that ids need no quotes.
pub(super) fn text(node: &Node, what: &str, faults: &mut Faults<'_>) -> Option<String> {
    match &node.tree {
        Tree::String(text) => Some(text.value.to_string()),
        Tree::Number(number) => Some(number.to_string()),
        _ => {
            faults.add(node.at, format!("`{what}` must be a text, not {}", node.describe()));
            None
        }
    }
}

/// A whole number.
pub(super) fn whole(node: &Node, what: &str, faults: &mut Faults<'_>) -> Option<i64> {
    let number = match &node.tree {
        Tree::Number(number) => number.parse().ok(),
        _ => None,
    };
    if number.is_none() {
        faults.add(node.at, format!("`{what}` must be a whole number, not {}", node.describe()));
    }
    number
}

/// A list's items.
pub(super) fn list<'n>(node: &'n Node, what: &str, faults: &mut Faults<'_>) -> &'n [Node] {
    match &node.tree {
        Tree::List(items) => items,
        Tree::Null => &[],
        _ => {
            faults.add(node.at, format!("`{what}` must be a list, not {}", node.describe()));
            &[]
        }
    }
}

/// An object's fields by name.
pub(super) fn entries<'n>(node: &'n Node, what: &str, faults: &mut Faults<'_>) -> &'n [Entry] {
    match &node.tree {
        Tree::Map(entries) => entries,
        Tree::Null => &[],
        _ => {
            faults.add(node.at, format!("`{what}` must be an object, not {}", node.describe()));
            &[]
        }
    }
}

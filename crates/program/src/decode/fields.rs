//! Objects and their fields.

use super::{Reader, suggest};
use crate::document::{
    parse::push_step,
    tree::{Node, Tree},
};

/// A value with its JSON pointer.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    pub(crate) node: &'a Node,
    pub(crate) pointer: String,
}

impl<'a> View<'a> {
    pub(crate) const fn new(node: &'a Node, pointer: String) -> Self {
        Self { node, pointer }
    }

    pub(crate) fn step(&self, name: &str, node: &'a Node) -> Self {
        let mut pointer = self.pointer.clone();
        push_step(&mut pointer, name);
        Self { node, pointer }
    }

    /// Notes that this should have been something else.
    pub(crate) fn wrong_type(&self, reader: &Reader<'_>, expected: &str) {
        if !matches!(self.node.tree, Tree::Refused) {
            let found = self.node.describe();
            reader.fault(self, "wrong_type", format!("expected {expected}, found {found}"), "");
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self, reader: &Reader<'_>, expected: &str) -> Option<Vec<View<'a>>> {
        if let Tree::List(items) = &self.node.tree {
            Some(items.iter().enumerate().map(|(i, node)| self.step(&i.to_string(), node)).collect())
        } else {
            self.wrong_type(reader, expected);
            None
        }
    }

    /// The entries of an object whose fields are named by the user, sorted by name.
    pub(crate) fn entries(&self, reader: &Reader<'_>, expected: &str) -> Option<Vec<(&'a str, View<'a>)>> {
        if let Tree::Map(entries) = &self.node.tree {
            let mut entries: Vec<_> =
                entries.iter().map(|entry| (&*entry.name, self.step(&entry.name, &entry.value))).collect();
            entries.sort_by_key(|(name, _)| *name);
            Some(entries)
        } else {
            self.wrong_type(reader, expected);
            None
        }
    }

    /// This object's fields, of which only `allowed` may be written.
    pub(crate) fn fields<'r>(
        &self,
        reader: &'r Reader<'r>,
        what: &'static str,
        allowed: &'static [&'static str],
    ) -> Option<Fields<'a, 'r>> {
        let Tree::Map(entries) = &self.node.tree else {
            let list = allowed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            self.wrong_type(reader, &format!("{what} with the fields {list}"));
            return None;
        };
        let mut known = true;
        for entry in entries.iter().filter(|entry| !allowed.contains(&&*entry.name)) {
            known = false;
            reader.fault_at(
                entry.at,
                &self.step(&entry.name, &entry.value).pointer,
                "unknown_field",
                format!("`{}` is not a field of {what}", entry.name),
                suggest::help(&entry.name, allowed),
            );
        }
        Some(Fields { reader, view: self.clone(), what, known })
    }

    /// The one entry of a one-key object such as an action or a trigger: which of `allowed`, and its value.
    pub(crate) fn one_of(
        &self,
        reader: &Reader<'_>,
        what: &str,
        allowed: &'static [&'static str],
    ) -> Option<(&'static str, View<'a>)> {
        let list = || allowed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let Tree::Map(entries) = &self.node.tree else {
            self.wrong_type(reader, &format!("{what}: an object with exactly one of {}", list()));
            return None;
        };
        let mut found = None;
        for entry in entries {
            match allowed.iter().find(|name| **name == &*entry.name) {
                Some(name) if entries.len() == 1 => found = Some((*name, self.step(name, &entry.value))),
                Some(_) => {}
                None => reader.fault_at(
                    entry.at,
                    &self.step(&entry.name, &entry.value).pointer,
                    "unknown_field",
                    format!("`{}` is not {what}", entry.name),
                    suggest::help(&entry.name, allowed),
                ),
            }
        }
        if entries.len() != 1 {
            let message = format!("{what} is an object with exactly one field; this has {}", entries.len());
            reader.fault(self, "wrong_type", message, format!("Write one of {}.", list()));
        }
        found
    }
}

/// The fields of an object.
#[derive(Debug)]
pub(crate) struct Fields<'a, 'r> {
    pub(crate) reader: &'r Reader<'r>,
    pub(crate) view: View<'a>,
    what: &'static str,
    /// No unknown field was found.
    known: bool,
}

impl<'a> Fields<'a, '_> {
    /// A field, if it is written.
    pub(crate) fn get(&self, name: &str) -> Option<View<'a>> {
        self.view.node.field(name).map(|node| self.view.step(name, node))
    }

    /// A field that must be there.
    pub(crate) fn required(&self, name: &str) -> Option<View<'a>> {
        let found = self.get(name);
        if found.is_none() {
            self.reader.fault(
                &self.view,
                "missing_field",
                format!("{} needs the field `{name}`", self.what),
                "",
            );
        }
        found
    }

    /// Reads a field that must be there.
    pub(crate) fn read<T>(&self, name: &str, read: impl FnOnce(&View<'a>) -> Option<T>) -> Option<T> {
        self.required(name).and_then(|view| read(&view))
    }

    /// Reads a field that may be left out: `Some(None)` when it is, `None` when it is faulty.
    pub(crate) fn optional<T>(
        &self,
        name: &str,
        read: impl FnOnce(&View<'a>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.get(name) {
            None => Some(None),
            Some(view) => read(&view).map(Some),
        }
    }

    /// Reads a field that may be left out, with what holds then.
    pub(crate) fn or<T>(
        &self,
        name: &str,
        default: T,
        read: impl FnOnce(&View<'a>) -> Option<T>,
    ) -> Option<T> {
        Some(self.optional(name, read)?.unwrap_or(default))
    }

    /// The description every kind has: trimmed; an empty one is none.
    pub(crate) fn description(&self) -> Option<Option<String>> {
        let text = self.optional("description", |view| view.text(self.reader))?;
        Some(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// `Some` when every field was known; to be asked last.
    pub(crate) fn all_known(&self) -> Option<()> {
        self.known.then_some(())
    }
}

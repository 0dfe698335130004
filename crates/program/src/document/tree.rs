//! The spanned tree that documents are read into: JSON's shapes, each with the place it stands at.

use std::{ops::Range, sync::Arc};

/// A place in a text: line and column from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// How a string was written; needed to find a place inside it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `|` or `>`
    Block,
}

/// A string with the bytes of the file it was written in.
#[derive(Clone, Debug)]
pub struct Text {
    /// What it says.
    pub value: Arc<str>,
    /// How and where it was written; `None` when it does not come from a file.
    pub written: Option<(Style, Range<usize>)>,
}

/// A value.
#[derive(Clone, Debug)]
pub enum Tree {
    /// null, or nothing at all
    Null,
    /// true or false
    Bool(bool),
    /// a number in its normal form (see [`super::number`])
    Number(Arc<str>),
    /// text
    String(Text),
    /// a list
    List(Vec<Node>),
    /// an object in the order written; no field twice
    Map(Vec<Entry>),
    /// something whose fault has been reported already
    Refused,
}

/// A field of an object.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: Arc<str>,
    /// Where the name stands.
    pub at: Mark,
    /// Its value.
    pub value: Node,
}

/// A value and where it begins.
#[derive(Clone, Debug)]
pub struct Node {
    /// The value.
    pub tree: Tree,
    /// Where.
    pub at: Mark,
}

impl Node {
    /// What it is, for a person.
    pub fn describe(&self) -> String {
        match &self.tree {
            Tree::Null => "nothing".into(),
            Tree::Bool(value) => format!("`{value}`"),
            Tree::Number(text) => format!("the number {text}"),
            Tree::String(text) if text.value.chars().count() <= 40 && !text.value.contains('\n') => {
                format!("the text `{}`", text.value)
            }
            Tree::String(_) => "a text".into(),
            Tree::List(_) => "a list".into(),
            Tree::Map(_) => "an object".into(),
            Tree::Refused => "a faulty value".into(),
        }
    }

    /// A field's value, when this is an object that has it.
    pub fn field(&self, name: &str) -> Option<&Node> {
        match &self.tree {
            Tree::Map(entries) => entries.iter().find(|entry| &*entry.name == name).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// As JSON, numbers exact.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.tree {
            Tree::Null | Tree::Refused => Value::Null,
            Tree::Bool(value) => Value::Bool(*value),
            Tree::Number(text) => super::number::to_json(text),
            Tree::String(text) => Value::String(text.value.to_string()),
            Tree::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Tree::Map(entries) => Value::Object(
                entries.iter().map(|entry| (entry.name.to_string(), entry.value.to_json())).collect(),
            ),
        }
    }

    /// From JSON, without places.
    pub fn from_json(value: &serde_json::Value) -> Result<Self, String> {
        use serde_json::Value;
        let tree = match value {
            Value::Null => Tree::Null,
            Value::Bool(value) => Tree::Bool(*value),
            Value::Number(number) => Tree::Number(super::number::normal(&number.to_string())?.into()),
            Value::String(text) => Tree::String(Text { value: text.as_str().into(), written: None }),
            Value::Array(items) => Tree::List(items.iter().map(Self::from_json).collect::<Result<_, _>>()?),
            Value::Object(fields) => Tree::Map(
                fields
                    .iter()
                    .map(|(name, value)| {
                        Ok(Entry {
                            name: name.as_str().into(),
                            at: Mark::default(),
                            value: Self::from_json(value)?,
                        })
                    })
                    .collect::<Result<_, String>>()?,
            ),
        };
        Ok(Self { tree, at: Mark::default() })
    }
}

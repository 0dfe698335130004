//! The fields of a message that are the customer's own: properties, traits, context. They come as a JSON object, and
//! stay one where they are held against a schema; those of a record are looked into where they lie in its bytes, for
//! of many fields few are ever asked for.

pub(crate) mod packed;

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, LazyLock, OnceLock},
};

use program::expression::{self, Json as _, Look};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value as Json};

use packed::{Names, Packed};

/// The fields of an object. As a map they are made when they are first asked for as one.
#[derive(Clone)]
pub struct Fields(Form);

#[derive(Clone)]
enum Form {
    /// An object.
    Tree(Json),
    /// The bytes of an object, of which it is known that they can be read, and where they begin.
    Packed { bytes: Arc<[u8]>, begin: usize, names: Names, tree: OnceLock<Json> },
}

static NONE: LazyLock<Map<String, Json>> = LazyLock::new(Map::new);

impl Fields {
    /// Of fields as a record keeps them: they begin at `begin`, where they have been [gone through](Names::read).
    pub(crate) fn packed(bytes: Arc<[u8]>, begin: usize, names: Names) -> Self {
        Self(Form::Packed { bytes, begin, names, tree: OnceLock::new() })
    }

    /// As a JSON value: an object.
    pub fn as_json(&self) -> &Json {
        match &self.0 {
            Form::Tree(tree) => tree,
            Form::Packed { bytes, begin, tree, .. } => {
                tree.get_or_init(|| Json::Object(packed::object_of(bytes, *begin).into_map()))
            }
        }
    }

    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        match &self.0 {
            Form::Tree(_) => self.is_empty(),
            Form::Packed { names, .. } => names.is_empty(),
        }
    }

    /// Each of them.
    pub(crate) fn entries(&self) -> Entries<'_> {
        match &self.0 {
            Form::Tree(tree) => match tree.look() {
                Look::Object(entries) => Entries::Tree(entries),
                _ => Entries::Packed(packed::object_of(&[], 0)),
            },
            Form::Packed { bytes, begin, .. } => Entries::Packed(packed::object_of(bytes, *begin)),
        }
    }

    /// What stands at a path below them.
    pub(crate) fn at<S: AsRef<str>>(&self, path: &[S]) -> Option<At<'_>> {
        let (first, rest) = path.split_first()?;
        match &self.0 {
            Form::Tree(_) => {
                let mut at = self.get(first.as_ref())?;
                for step in rest {
                    at = at.as_object()?.get(step.as_ref())?;
                }
                Some(At::Tree(at))
            }
            Form::Packed { bytes, names, .. } => {
                let mut at = names.find(bytes, first.as_ref())?;
                for step in rest {
                    at = at.as_object()?.get(step.as_ref())?;
                }
                Some(At::Packed(at))
            }
        }
    }
}

impl Default for Fields {
    fn default() -> Self {
        Map::new().into()
    }
}

impl From<Map<String, Json>> for Fields {
    fn from(map: Map<String, Json>) -> Self {
        Self(Form::Tree(Json::Object(map)))
    }
}

impl Deref for Fields {
    type Target = Map<String, Json>;

    fn deref(&self) -> &Map<String, Json> {
        // It is made of an object only.
        self.as_json().as_object().unwrap_or(&NONE)
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Into::into)
    }
}

/// A value among the fields.
#[derive(Clone, Copy)]
pub(crate) enum At<'a> {
    Tree(&'a Json),
    Packed(Packed<'a>),
}

impl<'a> At<'a> {
    /// The text that it is.
    pub(crate) fn text(self) -> Option<&'a str> {
        match self {
            Self::Tree(json) => json.as_str(),
            Self::Packed(json) => json.text(),
        }
    }

    /// Whether it is a list or an object.
    pub(crate) fn is_nested(self) -> bool {
        match self {
            Self::Tree(json) => json.is_array() || json.is_object(),
            Self::Packed(json) => json.is_nested(),
        }
    }
}

impl<'a> expression::Json<'a> for At<'a> {
    type Items = Items<'a>;
    type Fields = Entries<'a>;

    fn look(self) -> Look<'a, Self> {
        match self {
            Self::Tree(json) => at(json.look(), Items::Tree, Entries::Tree),
            Self::Packed(json) => at(json.look(), Items::Packed, Entries::Packed),
        }
    }
}

fn at<'a, J: expression::Json<'a>>(
    look: Look<'a, J>,
    items: fn(J::Items) -> Items<'a>,
    entries: fn(J::Fields) -> Entries<'a>,
) -> Look<'a, At<'a>> {
    match look {
        Look::Null => Look::Null,
        Look::Bool(truth) => Look::Bool(truth),
        Look::Number(number) => Look::Number(number),
        Look::Text(text) => Look::Text(text),
        Look::List(of) => Look::List(items(of)),
        Look::Object(of) => Look::Object(entries(of)),
    }
}

type TreeEntries<'a> = <&'a Json as expression::Json<'a>>::Fields;

/// The items of a list among the fields.
pub(crate) enum Items<'a> {
    Tree(std::slice::Iter<'a, Json>),
    Packed(packed::Items<'a>),
}

impl<'a> Iterator for Items<'a> {
    type Item = At<'a>;

    fn next(&mut self) -> Option<At<'a>> {
        match self {
            Self::Tree(items) => items.next().map(At::Tree),
            Self::Packed(items) => items.next().map(At::Packed),
        }
    }
}

/// Names and values, of the fields themselves or of an object among them.
pub(crate) enum Entries<'a> {
    Tree(TreeEntries<'a>),
    Packed(packed::Object<'a>),
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a str, At<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Tree(entries) => entries.next().map(|(name, value)| (name, At::Tree(value))),
            Self::Packed(entries) => entries.next().map(|(name, value)| (name, At::Packed(value))),
        }
    }
}

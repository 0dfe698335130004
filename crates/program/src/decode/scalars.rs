//! Scalars: texts, numbers, words, keys, moments, paths.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{Reader, View, suggest};
use crate::{
    Key,
    document::{number, tree::Tree},
    expression::ValueType,
};

/// The words for types of traits and constants.
pub(crate) const TYPES: &[(&str, ValueType)] = &[
    ("bool", ValueType::Bool),
    ("int", ValueType::Int),
    ("decimal", ValueType::Decimal),
    ("string", ValueType::String),
    ("timestamp", ValueType::Timestamp),
];

impl<'a> View<'a> {
    /// A text.
    pub(crate) fn text(&self, reader: &Reader<'_>) -> Option<&'a str> {
        if let Tree::String(text) = &self.node.tree {
            return Some(&text.value);
        }
        match &self.node.tree {
            Tree::Bool(_) | Tree::Number(_) => {
                let found = self.node.describe();
                reader.fault(
                    self,
                    "wrong_type",
                    format!("expected a text, found {found}"),
                    "Put it in quotes to make it text.",
                );
            }
            _ => self.wrong_type(reader, "a text"),
        }
        None
    }

    /// A text of 1 to `most` characters, trimmed.
    pub(crate) fn short_text(&self, reader: &Reader<'_>, most: usize) -> Option<&'a str> {
        let text = self.text(reader)?.trim();
        let count = text.chars().count();
        if (1..=most).contains(&count) && !text.chars().any(char::is_control) {
            return Some(text);
        }
        let message = if count == 0 {
            "this text is empty".into()
        } else if count > most {
            format!("this text has {count} characters; at most {most} are allowed")
        } else {
            "this text has control characters".into()
        };
        reader.fault(self, "out_of_range", message, "");
        None
    }

    /// true or false.
    pub(crate) fn boolean(&self, reader: &Reader<'_>) -> Option<bool> {
        if let Tree::Bool(value) = self.node.tree {
            return Some(value);
        }
        let word = match &self.node.tree {
            Tree::String(text) => text.value.to_lowercase(),
            _ => String::new(),
        };
        let help = match word.as_str() {
            "yes" | "on" | "y" => "Write `true`.",
            "no" | "off" | "n" => "Write `false`.",
            "true" | "false" => "Leave out the quotes.",
            _ => "",
        };
        if help.is_empty() {
            self.wrong_type(reader, "`true` or `false`");
        } else {
            let found = self.node.describe();
            reader.fault(self, "wrong_type", format!("expected `true` or `false`, found {found}"), help);
        }
        None
    }

    /// A whole number within a range.
    pub(crate) fn int<T>(&self, reader: &Reader<'_>, range: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        let Tree::Number(text) = &self.node.tree else {
            self.wrong_type(reader, "a whole number");
            return None;
        };
        let amount = number::amount(text).ok()?;
        if amount.contains(['.', 'e']) {
            self.wrong_type(reader, "a whole number");
            return None;
        }
        let value = amount.parse::<i64>().ok().and_then(|value| T::try_from(value).ok());
        let inside = value.filter(|value| range.contains(value));
        if inside.is_none() {
            let message = format!("{text} is outside {} to {}", range.start(), range.end());
            reader.fault(self, "out_of_range", message, "");
        }
        inside
    }

    /// An exact decimal: a number, or a text that is one.
    pub(crate) fn decimal(&self, reader: &Reader<'_>) -> Option<Decimal> {
        let text: &str = match &self.node.tree {
            Tree::Number(text) => text,
            Tree::String(text) if number::is_number(&text.value) => &text.value,
            _ => {
                self.wrong_type(reader, "a number");
                return None;
            }
        };
        let decimal = number::amount(text)
            .ok()
            .and_then(|text| Decimal::from_str_exact(&text).ok())
            .map(|decimal| decimal.normalize());
        if decimal.is_none() {
            let message = format!("{text} is beyond what an exact decimal holds");
            reader.fault(self, "out_of_range", message, "At most 28 digits.");
        }
        decimal
    }

    /// One of a few words.
    pub(crate) fn word<T: Clone>(&self, reader: &Reader<'_>, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let Tree::String(text) = &self.node.tree else {
            let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            self.wrong_type(reader, &format!("one of {list}"));
            return None;
        };
        let found = words.iter().find(|(name, _)| *name == &*text.value);
        if found.is_none() {
            let message = format!("`{}` is not one of the words allowed here", text.value);
            reader.fault(self, "unknown_word", message, suggest::help(&text.value, &names));
        }
        found.map(|(_, value)| value.clone())
    }

    /// A type's word.
    pub(crate) fn type_word(&self, reader: &Reader<'_>) -> Option<ValueType> {
        self.word(reader, TYPES)
    }

    /// An object's key.
    pub(crate) fn key(&self, reader: &Reader<'_>) -> Option<Key> {
        let text = self.text(reader)?;
        match Key::new(text) {
            Ok(key) => Some(key),
            Err(why) => {
                reader.fault(self, "bad_key", why, "");
                None
            }
        }
    }

    /// A moment, RFC 3339.
    pub(crate) fn moment(&self, reader: &Reader<'_>) -> Option<Timestamp> {
        let text = self.text(reader)?;
        if let Ok(moment) = text.parse() {
            return Some(moment);
        }
        let help =
            "Write date, time and offset (RFC 3339): `2026-03-01T00:00:00Z` or `2026-03-01T00:00:00+01:00`.";
        reader.fault(self, "wrong_type", format!("`{text}` is not a moment"), help);
        None
    }

    /// A path to a property, written `properties.a.b`; without the `properties`.
    pub(crate) fn property_path(&self, reader: &Reader<'_>) -> Option<Vec<String>> {
        let text = self.text(reader)?;
        let steps: Vec<String> = text.split('.').map(str::to_owned).collect();
        let whole = steps.len() >= 2 && steps.iter().all(|step| !step.is_empty());
        if whole && steps[0] == "properties" {
            return Some(steps[1..].to_vec());
        }
        let tail = text.strip_prefix("event.properties.").unwrap_or(text).trim_matches('.');
        reader.fault(
            self,
            "bad_path",
            format!("`{text}` is not a path to a property"),
            format!("Write `properties.{tail}`."),
        );
        None
    }
}

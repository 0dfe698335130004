//! A TOML table read field by field: every fault is kept, with its line and column.

use std::{collections::BTreeSet, fmt, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::suggest;

/// Something wrong in the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
    /// What, and what to do.
    pub(crate) what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.what)
    }
}

/// Collects faults of one text.
pub(crate) struct Faults<'t> {
    text: &'t str,
    pub(crate) found: Vec<Fault>,
}

impl<'t> Faults<'t> {
    pub(crate) const fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub(crate) fn add(&mut self, span: &Range<usize>, what: impl Into<String>) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.found.push(Fault { line, column, what: what.into() });
    }
}

/// A table whose fields are taken one after the other; those left over are unknown.
pub(crate) struct Reader<'a, 'i> {
    table: &'a DeTable<'i>,
    taken: BTreeSet<&'static str>,
}

/// A value and where it stands.
pub(crate) type Field<'a, 'i> = &'a Spanned<DeValue<'i>>;

/// A table with a name of its own.
pub(crate) struct Named<'a, 'i> {
    pub(crate) name: &'a str,
    /// Where its name stands.
    pub(crate) place: Range<usize>,
    pub(crate) table: Reader<'a, 'i>,
}

impl<'a, 'i> Reader<'a, 'i> {
    pub(crate) const fn new(table: &'a DeTable<'i>) -> Self {
        Self { table, taken: BTreeSet::new() }
    }

    /// The field, if it is there.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Field<'a, 'i>> {
        self.taken.insert(name);
        self.table.iter().find(|(key, _)| key.get_ref().as_ref() == name).map(|(_, value)| value)
    }

    /// A text.
    pub(crate) fn text(
        &mut self,
        name: &'static str,
        faults: &mut Faults<'_>,
    ) -> Option<(String, Range<usize>)> {
        let field = self.take(name)?;
        match field.get_ref() {
            DeValue::String(text) => Some((text.to_string(), field.span())),
            other => {
                faults.add(&field.span(), format!("`{name}` must be a text in quotes, not {}", a(other)));
                None
            }
        }
    }

    /// A whole number in a range.
    pub(crate) fn number(
        &mut self,
        name: &'static str,
        range: std::ops::RangeInclusive<u64>,
        faults: &mut Faults<'_>,
    ) -> Option<u64> {
        let field = self.take(name)?;
        let number = match field.get_ref() {
            DeValue::Integer(number) => {
                u64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()
            }
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            faults.add(&field.span(), format!("`{name}` must be a whole number from {least} to {most}"));
        }
        number
    }

    /// A table inside.
    pub(crate) fn table(&mut self, name: &'static str, faults: &mut Faults<'_>) -> Option<Reader<'a, 'i>> {
        let field = self.take(name)?;
        match field.get_ref() {
            DeValue::Table(table) => Some(Reader::new(table)),
            other => {
                faults.add(&field.span(), format!("`{name}` must be a table (`[{name}]`), not {}", a(other)));
                None
            }
        }
    }

    /// The tables inside whose names are free, such as environments'.
    pub(crate) fn tables(&self, faults: &mut Faults<'_>) -> Vec<Named<'a, 'i>> {
        let mut found = Vec::new();
        for (key, value) in self.table {
            let name = key.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(table) => {
                    found.push(Named { name, place: key.span(), table: Reader::new(table) });
                }
                other => faults.add(&value.span(), format!("`{name}` must be a table, not {}", a(other))),
            }
        }
        found
    }

    /// Tells of fields that nobody took.
    pub(crate) fn finish(self, faults: &mut Faults<'_>) {
        let allowed: Vec<&str> = self.taken.iter().copied().collect();
        for (key, _) in self.table {
            let name = key.get_ref().as_ref();
            if !self.taken.contains(name) {
                faults.add(&key.span(), suggest::unknown("field", name, &allowed));
            }
        }
    }
}

/// What a value is, for a person.
pub(crate) fn a(value: &DeValue<'_>) -> String {
    match value.type_str() {
        word @ ("array" | "integer") => format!("an {word}"),
        word => format!("a {word}"),
    }
}

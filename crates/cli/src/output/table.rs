//! Aligned columns.

use std::fmt;

use serde_json::Value;

use super::text::{at, moment, number, short};

/// Rows under a header. Columns of numbers stand to the right.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// What a column shows of each row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column {
    /// The value.
    Plain,
    /// A time, to the second.
    Time,
    /// The beginning of a hash.
    Hash,
    /// A number with its thousands apart.
    Number,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    /// The rows of a list (`{data: [...]}`, or an array), each column a title, a JSON pointer and a form.
    pub(crate) fn of(list: &Value, columns: &[(&str, &str, Column)]) -> Self {
        let titles: Vec<&str> = columns.iter().map(|(title, ..)| *title).collect();
        let mut table = Self::new(&titles);
        let rows = list.get("data").unwrap_or(list);
        for row in rows.as_array().into_iter().flatten() {
            let cells = columns.iter().map(|(_, pointer, form)| match form {
                Column::Plain => at(row, pointer),
                Column::Time => moment(row, pointer),
                Column::Hash => short(row, pointer),
                Column::Number => number(row, pointer),
            });
            table.push(cells);
        }
        table
    }

    /// Adds a row.
    pub(crate) fn push<S: Into<String>>(&mut self, row: impl IntoIterator<Item = S>) {
        self.rows.push(row.into_iter().map(Into::into).collect());
    }

    /// Whether it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn is_number(text: &str) -> bool {
    text == "-"
        || text.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | ',' | '.' | '%'))
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.header.len();
        let column = |i: usize| self.rows.iter().filter_map(move |row| row.get(i));
        let widths: Vec<usize> = (0..columns)
            .map(|i| column(i).map(|cell| width(cell)).chain([width(&self.header[i])]).max().unwrap_or(0))
            .collect();
        let right: Vec<bool> = (0..columns)
            .map(|i| column(i).any(|cell| cell != "-") && column(i).all(|cell| is_number(cell)))
            .collect();
        for row in std::iter::once(&self.header).chain(&self.rows) {
            let mut line = String::new();
            for (i, cell) in row.iter().enumerate().take(columns) {
                let padding = " ".repeat(widths[i].saturating_sub(width(cell)));
                if i > 0 {
                    line.push_str("  ");
                }
                if right[i] {
                    line.push_str(&padding);
                }
                line.push_str(cell);
                if !right[i] {
                    line.push_str(&padding);
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_aligned_and_numbers_stand_right() {
        let list = json!({"data": [
            {"name": "live", "n": 69659, "head": "9b74c9897bac770ffc029102", "at": "1997-01-05T00:00:00Z"},
            {"name": "staging-größer", "n": 7},
        ]});
        let table = Table::of(
            &list,
            &[
                ("NAME", "/name", Column::Plain),
                ("RECORDS", "/n", Column::Number),
                ("HEAD", "/head", Column::Hash),
                ("AT", "/at", Column::Time),
            ],
        );
        let expected = "\
NAME            RECORDS  HEAD          AT
live             69,659  9b74c9897bac  1997-01-05 00:00:00Z
staging-größer        7  -             -
";
        assert_eq!(table.to_string(), expected);
        assert!(!table.is_empty());
        assert!(Table::of(&json!({"data": []}), &[("A", "/a", Column::Plain)]).is_empty());
    }
}

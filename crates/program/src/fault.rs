//! What is wrong with a program, where, and what to do about it.

use serde::Serialize;

use crate::Address;

/// A place in a file; lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The file, as it was named to us.
    pub file: String,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// One fault. All faults of a program are reported together, ordered by position.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// Where it stands, if it came from a file.
    pub position: Option<Position>,
    /// The object it is in, if that is known.
    pub address: Option<Address>,
    /// JSON pointer into the document, e.g. `/spec/actions/0/award/currency`.
    pub pointer: String,
    /// A stable word for machines, e.g. `unknown_field`, `bad_reference`, `expression_type`.
    pub code: &'static str,
    /// What is wrong, for a person.
    pub message: String,
    /// What to do, for a person; often a did-you-mean.
    pub help: Option<String>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(at) = &self.position {
            write!(f, "{}:{}:{}: ", at.file, at.line, at.column)?;
        }
        if let Some(address) = &self.address {
            write!(f, "{address}: ")?;
        }
        f.write_str(&self.message)?;
        if !self.pointer.is_empty() {
            write!(f, " (at {})", self.pointer)?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

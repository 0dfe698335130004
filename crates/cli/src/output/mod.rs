//! The forms that results take.

mod amount;
pub(crate) mod rehearsal;
mod table;
pub(crate) mod text;
pub(crate) mod trace;
pub(crate) mod yaml;

pub(crate) use amount::Amounts;
#[cfg(test)]
pub(crate) use amount::with as amounts_with;
pub(crate) use table::{Column, Table};

/// A form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: what the server answered.
    Json,
    /// The same, as YAML.
    Yaml,
    /// For pull requests (plans and rehearsals only).
    Markdown,
}

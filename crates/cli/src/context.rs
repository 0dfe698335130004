//! What every command is given: where the server is, where output goes and in which form.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use serde_json::Value;

use crate::{
    arguments::Global,
    client::{self, Client},
    output::{Amounts, Format, Table, yaml},
};

/// A command's surroundings.
pub(crate) struct Context {
    pub(crate) global: Global,
    /// Results.
    pub(crate) out: Box<dyn Write>,
    /// Everything else.
    pub(crate) err: Box<dyn Write>,
    /// Whether a person sits at both ends: only then is anything asked.
    pub(crate) interactive: bool,
    /// Whether a person sees standard error as it comes: only then is told how far things are.
    pub(crate) watched: bool,
}

impl Context {
    /// On the process's own streams.
    pub(crate) fn new(global: Global) -> Self {
        Self {
            global,
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
            watched: io::stderr().is_terminal(),
        }
    }

    /// A client of the running server.
    pub(crate) fn client(&self) -> Result<Client> {
        Ok(Client::new(client::find(&self.global)?))
    }

    /// A client of the collector, with a write key.
    pub(crate) fn collector(&self, key: String) -> Result<Client> {
        Ok(Client::new(client::find_collector(&self.global, key)?))
    }

    /// How amounts of an environment's currencies are written for people. Asked for only where people read.
    pub(crate) fn amounts(&self, client: &Client, environment: &str) -> Result<Amounts> {
        match self.global.output {
            Format::Json | Format::Yaml => Ok(Amounts::default()),
            Format::Table | Format::Markdown => Amounts::of(client, environment),
        }
    }

    /// Shows a result: as JSON or YAML whole, else as people read it.
    pub(crate) fn show(
        &mut self,
        value: &Value,
        people: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        match self.global.output {
            Format::Json => writeln!(self.out, "{}", serde_json::to_string_pretty(value)?)?,
            Format::Yaml => write!(self.out, "{}", yaml::write(value))?,
            Format::Table | Format::Markdown => people(&mut *self.out)?,
        }
        self.out.flush()?;
        Ok(())
    }

    /// Shows a list.
    pub(crate) fn list(&mut self, value: &Value, table: impl FnOnce() -> Table) -> Result<()> {
        let more = value.get("has_more").and_then(Value::as_bool).unwrap_or(false);
        self.show(value, |out| {
            let table = table();
            if table.is_empty() {
                writeln!(out, "nothing here")?;
            } else {
                write!(out, "{table}")?;
            }
            Ok(())
        })?;
        if more && self.global.output == Format::Table {
            self.note("There are more; ask for them with --limit.")?;
        }
        Ok(())
    }

    /// Says something on the side.
    pub(crate) fn note(&mut self, text: &str) -> Result<()> {
        writeln!(self.err, "{text}")?;
        Ok(())
    }

    /// Says that it could not be done.
    pub(crate) fn complain(&mut self, error: &anyhow::Error) {
        // Nobody to tell if this fails as well.
        let _ = self.out.flush();
        let _ = writeln!(self.err, "error: {error:#}");
    }

    /// Asks a question that only `yes` answers.
    pub(crate) fn confirm(&mut self, question: &str) -> Result<bool> {
        write!(self.err, "{question} Only `yes` goes on: ")?;
        self.err.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer.trim() == "yes")
    }
}

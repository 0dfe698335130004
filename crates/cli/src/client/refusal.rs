//! A problem of the server, as people read it.

use std::fmt;

use serde_json::Value;

use crate::{exit::Exit, output::text::visible};

/// What the server would not do, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The stable word.
    pub(crate) code: String,
    /// The HTTP status.
    pub(crate) status: u16,
    title: String,
    detail: String,
    /// Pointer and detail of each fault.
    errors: Vec<(String, String)>,
    page: Option<String>,
    request_id: Option<String>,
    /// Seconds to wait before trying again.
    pub(crate) retry_after: Option<u64>,
}

/// More faults than this are counted, not shown.
const SHOWN_MAX: usize = 50;

impl Refusal {
    /// Reads a problem document; anything else is told as it is.
    pub(crate) fn read(status: u16, body: &str) -> Self {
        let problem: Value = serde_json::from_str(body).unwrap_or_default();
        let text = |name: &str| problem.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(code) = text("code") else {
            let body: String = body.chars().take(300).collect();
            let title = format!("the server answered {status}, and not as a Greenroom does");
            return Self { status, title, detail: body, ..Self::default() };
        };
        let errors = problem.get("errors").and_then(Value::as_array).into_iter().flatten().map(|error| {
            let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            (text("pointer"), text("detail"))
        });
        Self {
            code,
            status,
            title: text("title").unwrap_or_default(),
            detail: text("detail").unwrap_or_default(),
            errors: errors.collect(),
            page: text("type").filter(|page| page != "about:blank"),
            request_id: text("request_id"),
            retry_after: None,
        }
    }

    /// The reason in a line.
    pub(crate) fn why(&self) -> String {
        let (title, detail) = (visible(&self.title), visible(&self.detail));
        if detail.is_empty() { title } else { format!("{title}: {detail}") }
    }

    /// The exit code of an error: a refusal's own, else 1.
    pub(crate) fn exit_of(error: &anyhow::Error) -> Exit {
        error.downcast_ref::<Self>().map_or(Exit::Failed, |refusal| Exit::of_problem(&refusal.code))
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible(&self.title))?;
        if !self.detail.is_empty() {
            write!(f, "\n  {}", visible(&self.detail))?;
        }
        for (pointer, detail) in self.errors.iter().take(SHOWN_MAX) {
            f.write_str("\n  - ")?;
            // Details of programs have several lines: file:line:column, then help.
            let mut lines = detail.lines();
            let first = lines.next().unwrap_or_default();
            let told = pointer.is_empty() || first.contains(pointer.as_str());
            if !told {
                write!(f, "{}: ", visible(pointer))?;
            }
            f.write_str(&visible(first))?;
            for line in lines {
                write!(f, "\n    {}", visible(line.trim()))?;
            }
        }
        if self.errors.len() > SHOWN_MAX {
            write!(f, "\n  … and {} more", self.errors.len() - SHOWN_MAX)?;
        }
        if let Some(seconds) = self.retry_after {
            write!(f, "\n  try again in {seconds} s")?;
        }
        if let Some(page) = &self.page {
            write!(f, "\n  see {}", visible(page))?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " (request {})", visible(id))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_told_whole() {
        let body = r#"{"type":"https://greenroom.dev/docs/errors/invalid_program","title":"The program has faults",
            "status":422,"code":"invalid_program","detail":"The program has 2 fault(s).","request_id":"r1",
            "errors":[{"pointer":"/spec/trigger","detail":"a.yaml:3:1: no such event (at /spec/trigger)\n  help: declare it"},
                      {"pointer":"/spec/key","detail":"bad\u001b[2J"}]}"#;
        let refusal = Refusal::read(422, body);
        let expected = "\
The program has faults
  The program has 2 fault(s).
  - a.yaml:3:1: no such event (at /spec/trigger)
    help: declare it
  - /spec/key: bad\u{fffd}[2J
  see https://greenroom.dev/docs/errors/invalid_program (request r1)";
        assert_eq!(refusal.to_string(), expected);
        assert_eq!(Refusal::exit_of(&refusal.into()), Exit::Failed);
        let stale = Refusal::read(412, r#"{"code":"stale","title":"It has changed since"}"#);
        assert_eq!(Refusal::exit_of(&stale.into()), Exit::Stale);
        let foreign = Refusal::read(502, "<html>Bad gateway");
        assert!(foreign.to_string().contains("502"), "{foreign}");
        assert_eq!(Refusal::exit_of(&anyhow::anyhow!("x")), Exit::Failed);
    }
}

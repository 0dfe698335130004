//! What people and programs are told: a command's words and exit code, a request's status and problem.

use std::{
    fs,
    io::Write,
    process::{Output, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use ureq::http::{HeaderMap, Request};
use xtask::greenroom::Greenroom;

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) exit: Option<i32>,
    pub(crate) out: String,
    /// Standard error, [`masked`].
    pub(crate) err: String,
}

/// Runs a `greenroom` command about a server.
pub(crate) fn said(server: &Greenroom, arguments: &[&str]) -> Result<Said> {
    Said::of(&server.command(arguments).output()?)
}

/// The same, with something on standard input.
pub(crate) fn said_given(server: &Greenroom, arguments: &[&str], input: &str) -> Result<Said> {
    let mut command = server.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().context("it has a standard input")?.write_all(input.as_bytes())?;
    Said::of(&child.wait_with_output()?)
}

impl Said {
    fn of(output: &Output) -> Result<Self> {
        Ok(Self {
            exit: output.status.code(),
            out: String::from_utf8(output.stdout.clone())?,
            err: masked(std::str::from_utf8(&output.stderr)?),
        })
    }

    /// An error unless the command ended so.
    pub(crate) fn exits(self, code: i32) -> Result<Self> {
        ensure!(self.exit == Some(code), "it ended with {:?}, not with {code}: {self:#?}", self.exit);
        Ok(self)
    }
}

/// A text whose hashes and ids of requests, which differ from run to run, are cut to `…`.
pub(crate) fn masked(text: &str) -> String {
    const LONG: usize = 32;
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let hexadecimal = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let (run, after) = rest.split_at(hexadecimal);
        out.push_str(if run.len() >= LONG { "…" } else { run });
        let next = after.find(|c: char| c.is_ascii_hexdigit()).unwrap_or(after.len());
        out.push_str(&after[..next]);
        rest = &after[next..];
    }
    out
}

/// What came back of a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Reads it to its end, so that the connection can be used again.
    pub(crate) fn read(mut answer: ureq::http::Response<ureq::Body>) -> Result<Self> {
        let text = answer.body_mut().with_config().limit(64 << 20).read_to_string()?;
        let body =
            serde_json::from_str(&text).with_context(|| format!("an answer that is not JSON: {text}"))?;
        Ok(Self { status: answer.status().as_u16(), headers: answer.headers().clone(), body })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body, if all went well.
    pub(crate) fn done(self) -> Result<Value> {
        ensure!(self.status == 200, "answered {}: {}", self.status, self.body);
        Ok(self.body)
    }

    /// The words of a problem; an error unless it is one with this status and code.
    pub(crate) fn refused(&self, status: u16, code: &str) -> Result<&str> {
        let fits = self.status == status && self.body["code"] == code && self.body["status"] == status;
        ensure!(fits, "expected {status} {code}, was answered {}: {}", self.status, self.body);
        self.body["detail"].as_str().context("a problem without `detail`")
    }
}

/// The admin API of a server, asked as its administrator over a connection of its own.
pub(crate) struct Admin {
    agent: ureq::Agent,
    url: String,
    authorization: String,
}

impl Admin {
    pub(crate) fn new(server: &Greenroom) -> Result<Self> {
        let token = fs::read_to_string(server.folder().join("admin.token"))?;
        Ok(Self {
            agent: ureq::Agent::new_with_config(
                ureq::Agent::config_builder().http_status_as_error(false).build(),
            ),
            url: format!("{}/admin/v1", server.collector()?),
            authorization: format!("Bearer {}", token.trim()),
        })
    }

    pub(crate) fn get(&self, path: &str) -> Result<Answer> {
        let request = self.agent.get(format!("{}{path}", self.url));
        Answer::read(request.header("Authorization", &self.authorization).call()?)
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Result<Answer> {
        let mut request = Request::post(format!("{}{path}", self.url))
            .header("Authorization", &self.authorization)
            .header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(self.agent.run(request.body(body.to_string())?)?)
    }

    /// All rows of a list, page by page.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<Value>> {
        let mut rows = Vec::new();
        let mut next = String::new();
        loop {
            let mut page = self.get(&format!("{path}?limit=200{next}"))?.done()?;
            rows.append(page["data"].as_array_mut().context("a list has `data`")?);
            let Some(cursor) = page["next_cursor"].as_str() else { return Ok(rows) };
            next = format!("&cursor={cursor}");
        }
    }
}

#[test]
fn only_what_differs_from_run_to_run_is_masked() {
    let id = "0123456789abcdef0123456789abcdef";
    assert_eq!(masked(&format!("(request {id}) of epoch 12, face")), "(request …) of epoch 12, face");
    assert_eq!(masked(id), "…");
    assert_eq!(masked(&id[1..]), &id[1..]);
    assert_eq!(masked("no such thing é…"), "no such thing é…");
}

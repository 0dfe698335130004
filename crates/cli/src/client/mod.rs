//! The admin API's client: finds the server, carries requests, turns refusals into words.
//!
//! Answers stay JSON: what `--output json` prints is what the server said.

mod find;
mod refusal;
pub(crate) mod routes;
mod serving;

pub(crate) use find::{Found, find, find_collector};
pub(crate) use refusal::Refusal;
pub(crate) use serving::{ADMIN_TOKEN_FILE, SERVING_FILE, Serving, ServingListener};

use std::{
    io::BufReader,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use serde_json::Value;
use ureq::http::{Method, Request, Response};

/// For the connection to come about. Answers may take as long as they need: a rehearsal reads a history.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer read: a plan with its program, or a large page.
const ANSWER_BYTES_MAX: u64 = 256 << 20;
/// The server gives at most this many rows at once.
const PAGE_ROWS_MAX: usize = 200;

/// A client of one server with one credential.
pub(crate) struct Client {
    agent: ureq::Agent,
    found: Found,
    /// Which of the server's addresses answered last for the environment at hand.
    at: AtomicUsize,
}

/// Whether the environment is served at another address of the server.
fn is_elsewhere(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.code == "wrong_listener")
}

/// An answer with its headers.
pub(crate) struct Answer {
    /// The body as it was sent.
    pub(crate) text: String,
    /// `ETag`, to be sent back as `If-Match`.
    pub(crate) tag: Option<String>,
}

impl Answer {
    /// The body as JSON. An empty one is `null`.
    pub(crate) fn json(&self) -> Result<Value> {
        if self.text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&self.text).context("the server's answer is not JSON; is this a Greenroom?")
    }
}

impl Client {
    /// For a server that was found.
    pub(crate) fn new(found: Found) -> Self {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("greenroom-cli/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT_TIMEOUT));
        if found.is_local() {
            config = config.proxy(None);
        }
        Self { agent: config.build().new_agent(), found, at: AtomicUsize::new(0) }
    }

    /// Every address of the server.
    fn servers(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.found.server).chain(&self.found.others).map(String::as_str)
    }

    /// Asks at the address that answered last, and where that does not serve the environment, at the others: which
    /// environments are served where is the server's affair, and it refuses before it does anything.
    fn anywhere<T>(&self, ask: impl Fn(&str) -> Result<T>) -> Result<T> {
        let servers: Vec<&str> = self.servers().collect();
        let begin = self.at.load(Ordering::Relaxed);
        let mut refused = None;
        for at in (begin..begin + servers.len()).map(|at| at % servers.len()) {
            match ask(servers[at]) {
                Err(error) if is_elsewhere(&error) => refused = refused.or(Some(error)),
                answer => {
                    self.at.store(at, Ordering::Relaxed);
                    return answer;
                }
            }
        }
        Err(refused.unwrap_or_else(|| anyhow!("there is no server to ask")))
    }

    /// A list whole, of what is served at any of the server's addresses. Each row is told once, by its `name`.
    pub(crate) fn list_everywhere(&self, path: &str) -> Result<Value> {
        let mut rows: Vec<Value> = Vec::new();
        let (mut refused, mut answered) = (None, false);
        for at in 0..self.servers().count() {
            self.at.store(at, Ordering::Relaxed);
            // By `anywhere`, an address that refuses answers by the next: told twice, kept once.
            match self.list(path, usize::MAX) {
                Err(error) if is_elsewhere(&error) => refused = Some(error),
                list => {
                    answered = true;
                    let mut list = list?;
                    let Some(Value::Array(more)) = list.get_mut("data").map(Value::take) else { continue };
                    let known = |row: &Value| rows.iter().any(|it| it.get("name") == row.get("name"));
                    let more: Vec<Value> = more.into_iter().filter(|row| !known(row)).collect();
                    rows.extend(more);
                }
            }
        }
        self.at.store(0, Ordering::Relaxed);
        match refused {
            Some(error) if !answered => Err(error),
            _ => Ok(serde_json::json!({ "data": rows, "has_more": false, "next_cursor": null })),
        }
    }

    /// Reads.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, &[], None)?.json()
    }

    /// How the server is. That it is not ready is an answer, too.
    pub(crate) fn readiness(&self) -> Result<Value> {
        let mut whole = self.readiness_at(&self.found.server)?;
        for server in &self.found.others {
            // Each address tells of the environments that are served there.
            let mut other = self.readiness_at(server)?;
            if whole.get("status").and_then(Value::as_str) == Some("ok") {
                whole["status"] = other["status"].take();
            }
            let known = whole.get_mut("environments").and_then(Value::as_array_mut);
            if let (Some(known), Value::Array(more)) = (known, other["environments"].take()) {
                for one in more {
                    if !known.iter().any(|it| it.get("name") == one.get("name")) {
                        known.push(one);
                    }
                }
            }
        }
        Ok(whole)
    }

    fn readiness_at(&self, server: &str) -> Result<Value> {
        let mut body = self.exchange(server, Method::GET, "/readyz", &[], None)?.into_body();
        let text = body.with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let text = text.with_context(|| format!("reading the answer of {server}"))?;
        Answer { text, tag: None }.json()
    }

    /// Reads, and keeps the tag.
    pub(crate) fn get_tagged(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, &[], None)
    }

    /// Asks for something to be done.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(Method::POST, path, &[], Some(body))?.json()
    }

    /// Any request.
    pub(crate) fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        self.anywhere(move |server| self.read(self.exchange(server, method.clone(), path, headers, body)?))
    }

    fn read(&self, response: Response<ureq::Body>) -> Result<Answer> {
        let status = response.status();
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let tag = header("etag");
        let retry_after = header("retry-after").and_then(|seconds| seconds.parse().ok());
        let mut body = response.into_body();
        let text = body
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_string()
            .with_context(|| format!("reading the answer of {}", self.found.server))?;
        if status.is_success() {
            return Ok(Answer { text, tag });
        }
        let mut refusal = Refusal::read(status.as_u16(), &text);
        refusal.retry_after = retry_after;
        Err(refusal.into())
    }

    /// Hands in text of some other type than JSON.
    pub(crate) fn post_text(&self, path: &str, content_type: &str, text: &str) -> Result<Value> {
        let answer = self.anywhere(|server| {
            let request = self.request(server, Method::POST, path).header("content-type", content_type);
            let result = self.agent.run(request.body(text.as_bytes().to_vec())?);
            self.read(result.map_err(|error| self.unreachable(server, &error))?)
        });
        answer?.json()
    }

    /// The lines of an answer that does not end.
    pub(crate) fn lines(&self, path: &str) -> Result<BufReader<Box<dyn std::io::Read>>> {
        self.anywhere(|server| {
            let response = self.exchange(server, Method::GET, path, &[], None)?;
            let status = response.status();
            let mut body = response.into_body();
            if !status.is_success() {
                let text = body.read_to_string().unwrap_or_default();
                return Err(Refusal::read(status.as_u16(), &text).into());
            }
            let lines: Box<dyn std::io::Read> = Box::new(body.into_reader());
            Ok(BufReader::new(lines))
        })
    }

    /// A list up to `limit` rows, from as many pages as that takes.
    pub(crate) fn list(&self, path: &str, limit: usize) -> Result<Value> {
        let mut rows: Vec<Value> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let wanted = (limit - rows.len()).clamp(1, PAGE_ROWS_MAX);
            let joint = if path.contains('?') { '&' } else { '?' };
            let mut page_path = format!("{path}{joint}limit={wanted}");
            if let Some(cursor) = &cursor {
                page_path.push_str("&cursor=");
                page_path.push_str(&routes::encoded(cursor));
            }
            let mut page = self.get(&page_path)?;
            if let Some(Value::Array(more)) = page.get_mut("data").map(Value::take) {
                rows.extend(more);
            }
            cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
            let has_more = page.get("has_more").and_then(Value::as_bool).unwrap_or(false);
            if !has_more || cursor.is_none() || rows.len() >= limit {
                return Ok(serde_json::json!({
                    "data": rows, "has_more": has_more, "next_cursor": cursor,
                }));
            }
        }
    }

    fn exchange(
        &self,
        server: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Response<ureq::Body>> {
        let mut request = self.request(server, method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let result = match body {
            Some(body) => {
                let request =
                    request.header("content-type", "application/json").body(serde_json::to_vec(body)?)?;
                self.agent.run(request)
            }
            None => self.agent.run(request.body(())?),
        };
        result.map_err(|error| self.unreachable(server, &error))
    }

    fn request(&self, server: &str, method: Method, path: &str) -> ureq::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{server}{path}"))
            .header("authorization", format!("Bearer {}", self.found.token))
    }

    fn unreachable(&self, server: &str, error: &ureq::Error) -> anyhow::Error {
        match &self.found.serving_file {
            Some(file) => anyhow!(
                "no answer from {server} ({error}), though {} names it: the server may have stopped. Start it with `greenroom serve --data {}`",
                file.display(),
                file.parent().unwrap_or(file).display(),
            ),
            None => anyhow!("no answer from {server} ({error}); is the server running there?"),
        }
    }
}

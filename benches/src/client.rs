//! A client of few instructions: HTTP/1.1 over a connection that is kept.

use std::io::Write;

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A connection to a collector.
pub struct Client {
    stream: TcpStream,
    host: String,
    authorization: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// How a POST was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200.
    Taken,
    /// 429: the server is full; send it again.
    Full,
}

impl Client {
    /// Connects to `host:port`, with a write key.
    pub async fn connect(host: &str, key: &str) -> Result<Self> {
        let stream = TcpStream::connect(host).await.with_context(|| format!("connecting to {host}"))?;
        stream.set_nodelay(true)?;
        let authorization = basic(key);
        Ok(Self { stream, host: host.to_owned(), authorization, request: Vec::new(), answer: Vec::new() })
    }

    /// Posts a body to `/v1/batch`.
    pub async fn post(&mut self, body: &[u8]) -> Result<Answer> {
        let Self { host, authorization, request, .. } = self;
        request.clear();
        write!(
            request,
            "POST /v1/batch HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {authorization}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )?;
        request.extend_from_slice(body);
        self.stream.write_all(&self.request).await.context("sending")?;
        match self.read_answer().await? {
            200 => Ok(Answer::Taken),
            429 => Ok(Answer::Full),
            status => bail!("answered {status}: {}", String::from_utf8_lossy(&self.answer)),
        }
    }

    async fn read_answer(&mut self) -> Result<u16> {
        self.answer.clear();
        loop {
            if let Some((status, length)) = parse(&self.answer)?
                && self.answer.len() >= length
            {
                return Ok(status);
            }
            let count = self.stream.read_buf(&mut self.answer).await.context("receiving")?;
            ensure!(count > 0, "the server closed the connection");
        }
    }
}

/// The status, and how long head and body are together; `None` until the head is whole.
fn parse(answer: &[u8]) -> Result<Option<(u16, usize)>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&answer[..end]).context("an answer that is not text")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Ok(Some((status, end + 4 + length.context("an answer without a length")?)))
}

/// `key:` in base64.
fn basic(key: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = format!("{key}:").into_bytes();
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = three.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for digit in 0..4 {
            let place = (number >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit <= three.len() { char::from(DIGITS[place]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64() {
        assert_eq!(basic("a"), "YTo=");
        assert_eq!(basic("ab"), "YWI6");
        assert_eq!(basic("Aladdin"), "QWxhZGRpbjo=");
        assert_eq!(basic("abc"), "YWJjOg==");
    }

    #[test]
    fn answers() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\nx: y\r\n\r\n{\"success\":true}";
        assert_eq!(parse(answer).expect("whole"), Some((200, answer.len())));
        assert_eq!(parse(&answer[..20]).expect("not whole"), None);
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}

//! `greenroom import`.

mod known;
mod source;

use std::{
    io::{self, BufRead, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use self::{
    known::{Known, Lines, Read, way},
    source::Source,
};
use crate::{
    arguments::In,
    client::{
        Client, Refusal,
        routes::{self, encoded, query},
    },
    context::Context,
    exit::Exit,
    output::text::count,
    progress::Progress,
};

/// Import events from a file of Segment messages, one a line
///
/// The file may be compressed with gzip. Events count as of their own time: an import of 1997's orders behaves
/// as 1997. A line without a messageId gets one of the import's name and its number, so that equal lines are separate
/// events and the same file has its effect once. Broken off and started again, it goes on where it was, also when
/// the line that stopped it, or what comes after, was mended meanwhile; when what was imported already has changed
/// it is refused. Imported again, everything is a duplicate.
#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// The file (NDJSON, or NDJSON in gzip); `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: In,
    /// What the import is called; by default the file's content tells which one it is. The same name goes on with the
    /// same import, another is another one
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Begin with the first line, even if an earlier import of this file was broken off
    #[arg(long)]
    from_start: bool,
    /// How many events are sent at once
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=2500))]
    at_once: u32,
}

/// A part is sent before it grows larger than this.
const PART_BYTES_MAX: usize = 4 << 20;
/// Told to wait more often than this in a row, we give up.
const WAITS_MAX: u32 = 60;

/// What an import came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    events: u64,
    decided: u64,
    duplicate: u64,
    quarantined: u64,
}

impl Counts {
    fn add(&mut self, done: &Value) {
        let n = |name: &str| done.get(name).and_then(Value::as_u64).unwrap_or(0);
        self.events += n("events");
        self.decided += n("decided");
        self.duplicate += n("duplicate");
        self.quarantined += n("quarantined");
    }
}

impl Import {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let client = context.client()?;
        let source = Source::of(&self.file)?;
        let path = format!("{}/imports", routes::environment(&self.place.environment));
        let known = Known::all(&client.list(&path, usize::MAX)?);
        let read = Read::of(&source, &known)?;
        let file = place_of(&self.file);
        let way = way(&known, &read, self.name.as_deref(), file.as_deref())?;
        let (name, lines) = (way.name, read.lines);
        let first = if self.from_start { 1 } else { way.first };
        if first > 1 {
            context.note(&format!(
                "going on with line {} of {}: what stands before it is imported (import {name})",
                count_of(first),
                count_of(lines)
            ))?;
        }
        let mut reader = source.read()?;
        let (mut line, mut sum) = (Vec::new(), Lines::default());
        for _ in 1..first {
            line.clear();
            reader.read_until(b'\n', &mut line).with_context(|| format!("reading {source}"))?;
            sum.add(&line);
        }
        let begun = Instant::now();
        let mut counts = Counts::default();
        let mut progress = Progress::new(context.watched);
        let mut next = first;
        let one = format!("{path}/{}", encoded(&name));
        while next <= lines {
            let stopped = || {
                format!(
                    "the import {name} stopped: everything before line {next} is durable. Once what is wrong is mended, \
                     in line {next} or behind it, the same command goes on there"
                )
            };
            let part = part(&mut reader, next, self.at_once, &mut sum)
                .with_context(|| format!("reading {source}"))
                .with_context(stopped)?;
            if part.lines == 0 {
                bail!("{source} became shorter while it was imported");
            }
            let last = next + part.lines > lines;
            let query = query(&[("prefix", Some(sum.sum())), ("file", file.clone())]);
            let query = format!("{one}{query}&first_line={next}&last={last}");
            let done = patiently(&client, &query, &part.text, &mut *context.err).with_context(stopped)?;
            counts.add(&done);
            next += part.lines;
            let so_far = |rate| so_far(next - 1, lines, rate, &counts);
            progress.tell(&mut *context.err, next - first, so_far)?;
        }
        progress.end(&mut *context.err)?;
        let seconds = begun.elapsed().as_secs_f64();
        let value = json!({
            "import": name, "environment": self.place.environment, "lines": lines, "first_line": first,
            "events": counts.events, "decided": counts.decided, "duplicate": counts.duplicate,
            "quarantined": counts.quarantined, "seconds": (seconds * 1000.0).round() / 1000.0,
        });
        context.show(&value, |out| {
            writeln!(
                out,
                "{} events from {} lines into {}:",
                count_of(counts.events),
                count_of(lines - first + 1),
                self.place.environment
            )?;
            for (what, n) in [
                ("decided", counts.decided),
                ("duplicates", counts.duplicate),
                ("in quarantine", counts.quarantined),
            ] {
                writeln!(out, "  {what}: {}", count_of(n))?;
            }
            Ok(())
        })?;
        Ok(Exit::Done)
    }
}

fn count_of(n: u64) -> String {
    count(i64::try_from(n).unwrap_or(i64::MAX))
}

/// What tells a file from others at the next run; nothing does for standard input.
fn place_of(file: &Path) -> Option<String> {
    if file == Path::new("-") {
        return None;
    }
    std::fs::canonicalize(file).ok().map(|path| path.to_string_lossy().into_owned())
}

struct Part {
    text: String,
    lines: u64,
}

/// The next lines from `first` on, as many as go together; each is added to the sum.
fn part(reader: &mut impl BufRead, first: u64, at_once: u32, sum: &mut Lines) -> Result<Part> {
    let mut part = Part { text: String::new(), lines: 0 };
    let mut line = Vec::new();
    while part.lines < u64::from(at_once) && part.text.len() < PART_BYTES_MAX {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        match std::str::from_utf8(&line) {
            Ok(text) => part.text.push_str(text),
            Err(error) => bail!(
                "line {} is not UTF-8: byte {} of it belongs to no character; save the file as UTF-8",
                first + part.lines,
                error.valid_up_to() + 1
            ),
        }
        sum.add(&line);
        part.lines += 1;
    }
    Ok(part)
}

/// Sends a part, again where the server asks for patience. Says so at once, and why: a store may be full, and nobody
/// looks after it who does not know.
fn patiently(client: &Client, path: &str, text: &str, err: &mut dyn Write) -> Result<Value> {
    let mut told = String::new();
    for _ in 0..WAITS_MAX {
        match client.post_text(path, "application/x-ndjson", text) {
            Err(error) => match error.downcast_ref::<Refusal>() {
                Some(refusal @ Refusal { status: 429 | 503, .. }) => {
                    wait(refusal, &mut told, err)?;
                }
                _ => return Err(error),
            },
            done => return done,
        }
    }
    bail!("the server has asked to wait {WAITS_MAX} times, at last because: {told}")
}

/// Waits as long as the server asks for; a reason that is not the last one is told.
fn wait(refusal: &Refusal, told: &mut String, err: &mut dyn Write) -> io::Result<()> {
    let why = refusal.why();
    if *told != why {
        writeln!(err, "waiting, because the server says: {why}")?;
        *told = why;
    }
    thread::sleep(Duration::from_secs(refusal.retry_after.unwrap_or(1).clamp(1, 30)));
    Ok(())
}

/// How far it is, in words.
fn so_far(line: u64, lines: u64, rate: u64, counts: &Counts) -> String {
    format!(
        "line {} of {} ({}%), {rate} a second, {} duplicates, {} in quarantine",
        count_of(line),
        count_of(lines),
        line * 100 / lines.max(1),
        count_of(counts.duplicate),
        count_of(counts.quarantined),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_it_waits_is_told_once() -> Result<()> {
        let full = r#"{"code":"no_space","title":"No space is left","detail":"Free some space."}"#;
        let refusal = Refusal::read(503, full);
        let (mut told, mut err) = (String::new(), Vec::new());
        wait(&refusal, &mut told, &mut err)?;
        wait(&refusal, &mut told, &mut err)?;
        let said = String::from_utf8(err)?;
        assert_eq!(said, "waiting, because the server says: No space is left: Free some space.\n");
        Ok(())
    }

    #[test]
    fn parts_are_whole_lines() -> Result<()> {
        let mut reader = "a\nb\nc".as_bytes();
        let mut sum = Lines::default();
        let first = part(&mut reader, 1, 2, &mut sum)?;
        assert_eq!((first.text.as_str(), first.lines), ("a\nb\n", 2));
        let second = part(&mut reader, 3, 2, &mut sum)?;
        assert_eq!((second.text.as_str(), second.lines), ("c", 1));
        assert_eq!(part(&mut reader, 4, 2, &mut sum)?.lines, 0);
        let mut broken = &b"a\nb\nc\xff\n"[..];
        let said = part(&mut broken, 6, 500, &mut Lines::default()).map(|part| part.lines);
        assert!(said.is_err_and(|error| error.to_string().starts_with("line 8 is not UTF-8: byte 2")));
        let mut counts = Counts::default();
        counts.add(&json!({"events": 3, "decided": 2, "duplicate": 1, "quarantined": 0}));
        assert_eq!(counts, Counts { events: 3, decided: 2, duplicate: 1, quarantined: 0 });
        Ok(())
    }
}

//! `greenroom import`.

mod source;

use std::{
    io::{BufRead, Read},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::source::Source;
use crate::{
    arguments::In,
    client::{
        Client, Refusal,
        routes::{self, encoded},
    },
    context::Context,
    exit::Exit,
    output::text::count,
    progress::Progress,
};

/// Import events from a file of Segment messages, one a line
///
/// The file may be compressed with gzip. Events count as of their own time: an import of 1997's orders behaves
/// as 1997. A line without a messageId gets one of the file and its number, so that equal lines are separate
/// events and the same file has its effect once. Broken off and started again, it goes on where it was;
/// imported again, everything is a duplicate.
#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// The file (NDJSON, or NDJSON in gzip); `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: In,
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
        let (name, lines) = fingerprint(&source)?;
        let path = format!("{}/imports", routes::environment(&self.place.environment));
        let first = if self.from_start { 1 } else { resume(&client, &path, &name, lines)? };
        if first > 1 {
            context.note(&format!("going on with line {} of {}", count_of(first), count_of(lines)))?;
        }
        let mut reader = source.read()?;
        let mut line = String::new();
        for _ in 1..first {
            line.clear();
            reader.read_line(&mut line).with_context(|| format!("reading {source}"))?;
        }
        let begun = Instant::now();
        let mut counts = Counts::default();
        let mut progress = Progress::new(context.watched);
        let mut next = first;
        let one = format!("{path}/{}", encoded(&name));
        while next <= lines {
            let part = part(&mut reader, self.at_once).with_context(|| format!("line {next} of {source}"))?;
            if part.lines == 0 {
                bail!("{source} became shorter while it was imported");
            }
            let last = next + part.lines > lines;
            let query = format!("{one}?first_line={next}&last={last}");
            let done = patiently(&client, &query, &part.text).with_context(|| {
                format!("the import stopped at line {next}; everything before it is durable, the same command goes on there")
            })?;
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

/// The import's name, by its content as it is unpacked, and how many lines it has.
fn fingerprint(source: &Source) -> Result<(String, u64)> {
    let mut reader = source.read()?;
    let mut hash = Sha256::new();
    let (mut lines, mut ends_open) = (0, false);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let unread =
            || format!("{source} cannot be read to its end, and nothing of it has been imported now");
        let n = reader.read(&mut buffer).with_context(unread)?;
        let Some(bytes) = buffer.get(..n).filter(|bytes| !bytes.is_empty()) else { break };
        hash.update(bytes);
        lines += bytes.split(|byte| *byte == b'\n').count() as u64 - 1;
        ends_open = bytes.last() != Some(&b'\n');
    }
    let digest = crate::hexadecimal::write(&hash.finalize());
    Ok((digest.chars().take(32).collect(), lines + u64::from(ends_open)))
}

/// The line to go on with: the first, unless an import of this file was broken off.
fn resume(client: &Client, path: &str, name: &str, lines: u64) -> Result<u64> {
    let list = client.list(path, usize::MAX)?;
    let next = list
        .get("data")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|one| one.get("name").and_then(Value::as_str) == Some(name))
        .and_then(|one| one.get("next_line")?.as_u64());
    Ok(next.filter(|next| *next <= lines).unwrap_or(1).max(1))
}

struct Part {
    text: String,
    lines: u64,
}

/// The next lines, as many as go together.
fn part(reader: &mut impl BufRead, at_once: u32) -> std::io::Result<Part> {
    let mut part = Part { text: String::new(), lines: 0 };
    while part.lines < u64::from(at_once) && part.text.len() < PART_BYTES_MAX {
        if reader.read_line(&mut part.text)? == 0 {
            break;
        }
        part.lines += 1;
    }
    Ok(part)
}

/// Sends a part, again where the server asks for patience.
fn patiently(client: &Client, path: &str, text: &str) -> Result<Value> {
    for _ in 0..WAITS_MAX {
        match client.post_text(path, "application/x-ndjson", text) {
            Err(error) => match error.downcast_ref::<Refusal>() {
                Some(Refusal { status: 429 | 503, retry_after, .. }) => {
                    thread::sleep(Duration::from_secs(retry_after.unwrap_or(1).clamp(1, 30)));
                }
                _ => return Err(error),
            },
            done => return done,
        }
    }
    bail!("the server has too much to do; try again later")
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
    fn a_file_is_known_by_its_content() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        for (name, text) in [("a", "1\n2\n3"), ("b", "1\n2\n3"), ("c", "1\n2\n3\n"), ("d", "")] {
            std::fs::write(path(name), text)?;
        }
        let known = |name: &str| fingerprint(&Source::of(&path(name))?);
        assert_eq!(known("a")?, known("b")?);
        assert_ne!(known("a")?.0, known("c")?.0);
        assert_eq!(known("a")?.1, 3);
        assert_eq!(known("c")?.1, 3);
        assert_eq!(known("d")?.1, 0);
        assert_eq!(known("a")?.0.len(), 32);
        Ok(())
    }

    #[test]
    fn parts_are_whole_lines() -> Result<()> {
        let mut reader = "a\nb\nc".as_bytes();
        let first = part(&mut reader, 2)?;
        assert_eq!((first.text.as_str(), first.lines), ("a\nb\n", 2));
        let second = part(&mut reader, 2)?;
        assert_eq!((second.text.as_str(), second.lines), ("c", 1));
        assert_eq!(part(&mut reader, 2)?.lines, 0);
        let mut counts = Counts::default();
        counts.add(&json!({"events": 3, "decided": 2, "duplicate": 1, "quarantined": 0}));
        assert_eq!(counts, Counts { events: 3, decided: 2, duplicate: 1, quarantined: 0 });
        Ok(())
    }
}

//! Erasure: bodies and what hangs on them, for good; headers stay.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use jiff::Timestamp;
use rusqlite::Connection;
use store::Stream;

use crate::{
    codec::{self, StreamKey, hex, micros, unhex},
    fault::{Result, file, refused},
    tables::{erasures, journal, memberships, outbox, quarantine, rehearsals, search, streams},
};

/// Erases streams and notes them in the list of erasures.
pub(super) fn streams(connection: &Connection, erase: &[Stream]) -> Result<()> {
    for stream in erase {
        one(connection, *stream)?;
        erasures::put(connection, *stream, Timestamp::now(), false)?;
    }
    Ok(())
}

fn one(connection: &Connection, stream: Stream) -> Result<()> {
    if stream == Stream::Control {
        return Err(refused("the control stream cannot be erased"));
    }
    let tail = streams::tail(connection, stream)?;
    let mut rows = Vec::new();
    streams::walk(connection, stream, tail, |row| {
        rows.push(row);
        Ok(true)
    })?;
    for row in &rows {
        journal::erase_body(connection, row)?;
        outbox::erase(connection, row.seq)?;
    }
    match stream {
        Stream::Control => Ok(()),
        Stream::Profile(id) => {
            rehearsals::erase(connection, id)?;
            search::remove_all(connection, id)?;
            let mut members = memberships::Counts::default();
            memberships::leave_all(connection, id, &mut members)?;
            members.write(connection)
        }
        Stream::Quarantine(message) => {
            quarantine::remove(connection, &message)?;
            if let Some(mut row) = streams::quarantined(connection, &message)? {
                row.identity = None;
                streams::put_quarantined(connection, &message, &row)?;
            }
            Ok(())
        }
    }
}

/// Erases again what a restore has brought back; profiles stay pending, since only a decision can close
/// their wallets.
pub(crate) fn again(connection: &Connection, listed: &[(Stream, Timestamp)]) -> Result<()> {
    for (stream, at) in listed {
        if streams::tail(connection, *stream)?.n == 0 {
            continue;
        }
        one(connection, *stream)?;
        erasures::put(connection, *stream, *at, matches!(stream, Stream::Profile(_)))?;
    }
    Ok(())
}

// ---- the list outside the data file ------------------------------------------------------------------------

fn line(stream: Stream, at: i64) -> String {
    let said = format!("{} {at}", hex(StreamKey::new(stream).bytes()));
    format!("{said} {:08x}\n", crc32fast::hash(said.as_bytes()))
}

fn parse(line: &str) -> Option<(Stream, i64)> {
    let (said, sum) = line.rsplit_once(' ')?;
    if u32::from_str_radix(sum, 16).ok()? != crc32fast::hash(said.as_bytes()) {
        return None;
    }
    let (stream, at) = said.split_once(' ')?;
    Some((codec::stream(&unhex(stream)?).ok()?, at.parse().ok()?))
}

/// Adds erasures of now to the list outside the data file.
pub(super) fn note(path: &Path, streams: &[Stream]) -> store::Result<()> {
    let now = micros(Timestamp::now());
    append(path, &streams.iter().map(|stream| (*stream, now)).collect::<Vec<_>>())
}

fn append(path: &Path, listed: &[(Stream, i64)]) -> store::Result<()> {
    let text: String = listed.iter().map(|(stream, at)| line(*stream, *at)).collect();
    let write = || {
        let mut list = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        list.write_all(text.as_bytes())?;
        list.sync_all()
    };
    write().map_err(|e| file("writing", path, e))
}

/// What the list outside the data file says. Torn lines are left out.
pub(crate) fn noted(path: &Path) -> store::Result<Vec<(Stream, Timestamp)>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(file("reading", path, e)),
    };
    let text = String::from_utf8_lossy(&text);
    let listed = text.lines().filter_map(parse);
    Ok(listed.filter_map(|(stream, at)| Some((stream, codec::time(at).ok()?))).collect())
}

/// Adds what the data file knows and the list outside does not (a crash came between the two).
pub(crate) fn reconcile(connection: &Connection, path: &Path) -> Result<()> {
    let known: BTreeMap<Stream, Timestamp> = noted(path)?.into_iter().collect();
    let missing: Vec<(Stream, i64)> = erasures::list(connection)?
        .into_iter()
        .filter(|(stream, _, _)| !known.contains_key(stream))
        .map(|(stream, at, _)| (stream, at))
        .collect();
    if !missing.is_empty() {
        append(path, &missing)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_and_torn_ones_do_not() {
        let stream = Stream::Profile(ledger::ProfileId([4; 16]));
        let text = line(stream, 17);
        assert_eq!(parse(text.trim_end()), Some((stream, 17)));
        for end in 0..text.trim_end().len() {
            assert_eq!(parse(&text[..end]), None);
        }
    }
}

//! Which import a file belongs to, and which line it goes on with.
//!
//! An event without a `messageId` is named by the import and its line's number. So a file that was mended behind
//! what has been imported must go on under the same name, or everything before would count a second time; and one
//! that was changed before that must not go on.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::source::Source;
use crate::hexadecimal;

/// An import as the server knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: String,
    /// Everything before this line is durable.
    pub(super) next_line: u64,
    /// What stands before that line, as [`Lines`] sums it up. An import by an older build has none.
    pub(super) prefix: Option<String>,
    /// The file it was read from.
    pub(super) file: Option<String>,
    pub(super) finished: bool,
}

impl Known {
    /// Of the server's list.
    pub(super) fn all(list: &Value) -> Vec<Self> {
        let text = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
        let rows = list.get("data").and_then(Value::as_array).into_iter().flatten();
        rows.map(|one| Self {
            name: text(one, "name").unwrap_or_default(),
            next_line: one.get("next_line").and_then(Value::as_u64).unwrap_or(1),
            prefix: text(one, "prefix"),
            file: text(one, "file"),
            finished: one.get("finished").and_then(Value::as_bool).unwrap_or(false),
        })
        .collect()
    }
}

/// The sum of a file's first lines, however each of them ends.
#[derive(Clone, Default)]
pub(super) struct Lines(Sha256);

impl Lines {
    /// Adds the next line.
    pub(super) fn add(&mut self, line: &[u8]) {
        self.0.update(line.strip_suffix(b"\n").unwrap_or(line));
        self.0.update(b"\n");
    }

    pub(super) fn sum(&self) -> String {
        hexadecimal::write(&self.0.clone().finalize())
    }
}

/// A file, read once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// What its whole content is called.
    pub(super) name: String,
    pub(super) lines: u64,
    /// The sums of its first lines, at the numbers that were asked for.
    prefixes: BTreeMap<u64, String>,
}

impl Read {
    pub(super) fn of(source: &Source, known: &[Known]) -> Result<Self> {
        let asked: BTreeSet<u64> = known.iter().map(|one| one.next_line.saturating_sub(1)).collect();
        let mut reader = source.read()?;
        let (mut whole, mut sum) = (Sha256::new(), Lines::default());
        let (mut read, mut line) = (Self::default(), Vec::new());
        loop {
            line.clear();
            let n = reader.read_until(b'\n', &mut line).with_context(|| {
                format!("{source} cannot be read to its end, and nothing of it has been imported now")
            })?;
            if n == 0 {
                read.name = hexadecimal::write(&whole.finalize()).chars().take(32).collect();
                return Ok(read);
            }
            whole.update(&line);
            sum.add(&line);
            read.lines += 1;
            if asked.contains(&read.lines) {
                read.prefixes.insert(read.lines, sum.sum());
            }
        }
    }

    /// Whether it begins with all that was imported.
    fn begins_with(&self, one: &Known) -> bool {
        one.next_line > 1
            && one.prefix.is_some()
            && self.prefixes.get(&(one.next_line - 1)) == one.prefix.as_ref()
    }
}

/// How to import a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) name: String,
    /// The line to go on with.
    pub(super) first: u64,
}

/// Finds the import that a file belongs to, or begins one: the one that was named; the same content; one that the
/// file begins with. What was finished is only gone on with in the same file: others may well begin alike.
pub(super) fn way(known: &[Known], read: &Read, named: Option<&str>, file: Option<&str>) -> Result<Way> {
    let same_file = |one: &Known| one.file.is_some() && one.file.as_deref() == file;
    let begun = |one: &Known| {
        let first = if one.next_line > read.lines { 1 } else { one.next_line.max(1) };
        Way { name: one.name.clone(), first }
    };
    if let Some(name) = named {
        let Some(one) = known.iter().find(|one| one.name == name) else {
            return Ok(Way { name: name.to_owned(), first: 1 });
        };
        if one.prefix.is_some() && one.next_line > 1 && !read.begins_with(one) {
            bail!(changed(one));
        }
        return Ok(begun(one));
    }
    if let Some(same) = known.iter().find(|one| one.name == read.name) {
        return Ok(begun(same));
    }
    let fits = |one: &&Known| read.begins_with(one) && (!one.finished || same_file(one));
    if let Some(one) = known.iter().filter(fits).max_by_key(|one| one.next_line) {
        return Ok(begun(one));
    }
    if let Some(one) = known.iter().find(|one| same_file(one) && !one.finished && one.next_line > 1) {
        bail!(changed(one));
    }
    Ok(Way { name: read.name.clone(), first: 1 })
}

fn changed(one: &Known) -> String {
    format!(
        "the import {0} of this file has come to line {1}, and what stands before it is not what was imported. Nothing \
         was imported now: events without a messageId are named by their line, and some would count twice. Put the first \
         {2} lines back as they were (lines from {1} on may be changed); or, to import the file as another one, where \
         events without a messageId count again, give it a name of its own with --name",
        one.name,
        one.next_line,
        one.next_line - 1,
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn sum(text: &str) -> String {
        let mut lines = Lines::default();
        text.split_inclusive('\n').for_each(|line| lines.add(line.as_bytes()));
        lines.sum()
    }

    fn read(folder: &Path, text: &str, known: &[Known]) -> Result<Read> {
        let path = folder.join("file");
        std::fs::write(&path, text)?;
        Read::of(&Source::of(&path)?, known)
    }

    #[test]
    fn a_file_is_known_by_its_content() -> Result<()> {
        let room = tempfile::tempdir()?;
        let name = |text: &str| read(room.path(), text, &[]).map(|read| read.name);
        assert_eq!(name("1\n2\n3")?, name("1\n2\n3")?);
        assert_ne!(name("1\n2\n3")?, name("1\n2\n3\n")?);
        assert_eq!(name("")?.len(), 32);
        for (text, lines) in [("1\n2\n3", 3), ("1\n2\n3\n", 3), ("", 0)] {
            assert_eq!(read(room.path(), text, &[])?.lines, lines, "{text:?}");
        }
        assert_eq!(sum("1\n2"), sum("1\n2\n"), "whether or not a last line had its end already");
        Ok(())
    }

    /// The import `old` of `/f` has come to line 3: `a` and `b` are durable.
    #[test]
    fn what_was_mended_goes_on_and_what_was_changed_does_not() -> Result<()> {
        let room = tempfile::tempdir()?;
        let old = Known {
            name: "old".into(),
            next_line: 3,
            prefix: Some(sum("a\nb\n")),
            file: Some("/f".into()),
            finished: false,
        };
        let ended = Known { finished: true, ..old.clone() };
        let ancient = Known { prefix: None, file: None, ..old.clone() };
        let check = |known: &Known, text: &str, named, file| -> Result<Option<(bool, u64)>> {
            let known = std::slice::from_ref(known);
            let read = read(room.path(), text, known)?;
            let way = way(known, &read, named, Some(file));
            // Whether under the old name, and with which line.
            Ok(way.ok().map(|way| (way.name == "old", way.first)))
        };
        for (what, known, text, named, file, expected) in [
            ("mended behind it", &old, "a\nb\nC\nd\n", None, "/f", Some((true, 3))),
            ("a mended copy", &old, "a\nb\nC\n", None, "/g", Some((true, 3))),
            ("another file", &old, "x\ny\nz\n", None, "/g", Some((false, 1))),
            ("changed before it", &old, "a\nB\nc\n", None, "/f", None),
            ("a line more before it", &old, "a\na\nb\nc\n", None, "/f", None),
            ("cut off before it", &old, "a\n", None, "/f", None),
            ("changed, as another one", &old, "a\nB\nc\n", Some("new"), "/f", Some((false, 1))),
            ("by its name", &old, "a\nb\nc\n", Some("old"), "/g", Some((true, 3))),
            ("by its name, changed", &old, "A\nb\nc\n", Some("old"), "/g", None),
            ("grown since it was finished", &ended, "a\nb\nc\n", None, "/f", Some((true, 3))),
            ("finished, and again", &ended, "a\nb\n", None, "/f", Some((true, 1))),
            ("begins like a finished one", &ended, "a\nb\nc\n", None, "/g", Some((false, 1))),
            ("written anew after it was finished", &ended, "x\ny\nz\n", None, "/f", Some((false, 1))),
            ("of an older build, by its name", &ancient, "a\nb\nc\n", Some("old"), "/f", Some((true, 3))),
            ("of an older build", &ancient, "a\nb\nc\n", None, "/f", Some((false, 1))),
        ] {
            assert_eq!(check(known, text, named, file)?, expected, "{what}");
        }
        Ok(())
    }
}

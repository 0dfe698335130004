//! From an offset inside a string's value back to the place in the file where that part was written.

use std::ops::Range;

use super::tree::{Mark, Style, Text};

/// The place of byte `offset` of the text's value. Falls back to where the text begins.
pub(crate) fn locate(file: &str, text: &Text, begins: Mark, offset: usize) -> Mark {
    let Some((style, range)) = &text.written else { return begins };
    match raw_offset(file, &text.value, *style, range, offset) {
        Some(at) => mark_at(file, at),
        None => begins,
    }
}

/// Line and column of a byte of the file.
fn mark_at(file: &str, at: usize) -> Mark {
    let before = file.get(..at).unwrap_or(file);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Mark {
        line: count(before.matches('\n').count() + 1),
        column: count(before[line_start..].chars().count() + 1),
    }
}

/// Walks the written form and the value side by side. White space is folded, indented and trimmed by
/// YAML, so it is skipped on both sides; everything else appears in both, in the same order.
fn raw_offset(file: &str, value: &str, style: Style, range: &Range<usize>, offset: usize) -> Option<usize> {
    let raw = file.get(range.clone())?;
    let mut at = match style {
        Style::Single | Style::Double => 1,
        // The header line (`|-`, `>2 # why`) is not content.
        Style::Block if raw.starts_with(['|', '>']) => raw.find('\n')? + 1,
        Style::Block | Style::Plain => 0,
    };
    let mut last = at;
    for (here, character) in value.char_indices() {
        if here > offset {
            break;
        }
        if character.is_whitespace() {
            continue;
        }
        at += skipped(raw.get(at..)?, style)?;
        let length = written_length(raw.get(at..)?, style)?;
        last = at + if here == offset { 0 } else { length.min(raw.len() - at) };
        if here == offset {
            return Some(range.start + at);
        }
        at += length;
    }
    // White space, or the end: right after what came before it.
    Some(range.start + last)
}

/// How many bytes of white space come next, written as such or escaped.
fn skipped(raw: &str, style: Style) -> Option<usize> {
    let mut at = 0;
    loop {
        at += raw[at..].find(|c: char| !c.is_whitespace())?;
        let escape = raw[at..].strip_prefix('\\').and_then(|rest| rest.chars().next());
        match escape {
            Some('n' | 't' | 'r' | ' ' | 'v' | 'f' | 'N' | '_' | 'L' | 'P') if style == Style::Double => {
                at += 2;
            }
            _ => return Some(at),
        }
    }
}

/// How many bytes the next character takes as written.
fn written_length(raw: &str, style: Style) -> Option<usize> {
    let first = raw.chars().next()?;
    match (style, first) {
        (Style::Single, '\'') => Some(2),
        (Style::Double, '\\') => {
            let mut rest = raw[1..].chars();
            match rest.next()? {
                'x' => Some(4),
                'u' => Some(6),
                'U' => Some(10),
                // A line break that is escaped away stands for nothing: take the next character's place.
                '\n' | '\r' => {
                    let skipped = raw[1..].find(|c: char| !c.is_whitespace())? + 1;
                    Some(skipped + written_length(&raw[skipped..], style)?)
                }
                other => Some(1 + other.len_utf8()),
            }
        }
        _ => Some(first.len_utf8()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{parse::parse, tree::Tree};

    /// Every `!` of the value must be found at a `!` of the file.
    fn check(file: &str, places: &[(u32, u32)]) {
        let (documents, faults) = parse(file);
        assert!(faults.is_empty(), "{faults:?}");
        let node = documents[0].field("v").expect("has v");
        let Tree::String(text) = &node.tree else { panic!("not a text") };
        let found: Vec<_> = text
            .value
            .match_indices('!')
            .map(|(offset, _)| locate(file, text, node.at, offset))
            .map(|mark| (mark.line, mark.column))
            .collect();
        assert_eq!(found, places, "{file}");
    }

    #[test]
    fn offsets_lead_back_to_the_file() {
        check("v: a ! b!\n", &[(1, 6), (1, 9)]);
        check("v: é ! b\n", &[(1, 6)]);
        check("v: 'it''s ! b'\n", &[(1, 11)]);
        check("v: \"a \\\"x\\\" \\u00e9 ! b\"\n", &[(1, 20)]);
        check("v: \"a\\n ! b\\t!\"\n", &[(1, 9), (1, 14)]);
        check("v: |\n  one\n    two ! x\n\n  !\n", &[(3, 9), (5, 3)]);
        check("k: 1\nv: >-\n    one\n    two ! x\n\n    !\n", &[(4, 9), (6, 5)]);
        check("v: one\n  two !\n  three\n", &[(2, 7)]);
        check("v: | # why\n  a !\n", &[(2, 5)]);
        check("{\"v\": \"a !\"}", &[(1, 10)]);
    }
}

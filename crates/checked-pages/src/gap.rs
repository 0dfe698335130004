//! What lies between a page's cells and their pointers: nothing, as far as `SQLite` cares.
//!
//! When rows move between pages, `SQLite` leaves copies of them in there, also where deleted content is to be
//! overwritten (`secure_delete` covers cells that are freed, not cells that moved away). Who erases a person's
//! rows later erases them where they are, not where they were. So the gap is filled with zeros before a page
//! reaches the disk.

use std::ops::Range;

use crate::seal::{PAGE_BYTES, Page, SEAL_BYTES};

/// A page of a tree says in its first byte which; other pages begin with the number of a page. In a file smaller
/// than this, of 2^24 pages, the first byte of such a number is 0, so that neither is taken for the other. (A 1
/// would be no kind of tree either: what is in the log and not yet in the file may grow it by as much again.)
const BYTES_MAX: i64 = 4096 << 24;
/// Where trees may begin in a page: the first one has the file's header before it.
const FIRST: usize = 100;
/// Where the header names the largest root page of a database that packs itself. Such a database has pages that
/// begin with neither, and is not for this layer.
const LARGEST_ROOT: Range<usize> = 52..56;

/// Whether a first page is one of a database that packs itself.
pub(crate) fn packs_itself(first: &Page) -> bool {
    first[LARGEST_ROOT].iter().any(|byte| *byte != 0)
}

/// Clears the gap of a page that is to be written to a file of `file_bytes`. Pages that are not of a tree have none.
pub(crate) fn clear(page: &mut Page, number: u64, file_bytes: i64) {
    if file_bytes < BYTES_MAX
        && let Some(gap) = find(page, if number == 0 { FIRST } else { 0 })
    {
        page[gap].fill(0);
    }
}

fn find(page: &Page, begin: usize) -> Option<Range<usize>> {
    let number = |at: usize| usize::from(u16::from_be_bytes([page[at], page[at + 1]]));
    let header = match page[begin] {
        0x0a | 0x0d => 8,  // a leaf
        0x02 | 0x05 => 12, // one with children
        _ => return None,
    };
    let (cells, content) = (number(begin + 3), number(begin + 5));
    let pointers = begin + header..begin + header + 2 * cells;
    let end = PAGE_BYTES - SEAL_BYTES;
    if pointers.end > content || content > end {
        return None;
    }
    // A gap with a cell in it is none.
    let sound = pointers.clone().step_by(2).all(|at| (content..end).contains(&number(at)));
    sound.then_some(pointers.end..content)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of a tree with two cells, and what has been left in its gap.
    fn page(begin: usize, kind: u8, header: usize) -> Page {
        let mut page = [0xee; PAGE_BYTES];
        page[begin] = kind;
        page[begin + 3..begin + 5].copy_from_slice(&2_u16.to_be_bytes());
        page[begin + 5..begin + 7].copy_from_slice(&4000_u16.to_be_bytes());
        page[begin + header..begin + header + 2].copy_from_slice(&4050_u16.to_be_bytes());
        page[begin + header + 2..begin + header + 4].copy_from_slice(&4000_u16.to_be_bytes());
        page
    }

    #[test]
    fn only_the_gap_is_cleared() {
        for (number, begin, kind, header) in
            [(0, 100, 0x0d, 8), (5, 0, 0x0a, 8), (5, 0, 0x02, 12), (5, 0, 0x05, 12)]
        {
            let before = page(begin, kind, header);
            let mut after = before;
            clear(&mut after, number, 0);
            let gap = begin + header + 4..4000;
            assert!(after[gap.clone()].iter().all(|byte| *byte == 0), "kind {kind}");
            assert_eq!(after[..gap.start], before[..gap.start], "kind {kind}");
            assert_eq!(after[gap.end..], before[gap.end..], "kind {kind}");
        }
    }

    #[test]
    fn what_is_not_surely_a_page_of_a_tree_is_left_alone() {
        let good = page(0, 0x0a, 8);
        for (what, place, bytes) in [
            ("an overflow page", 0, [0, 0]),
            ("more pointers than fit", 3, [0xea, 0x60]),
            ("cells begin at 0", 5, [0, 0]),
            ("cells begin in the seal", 5, [0x0f, 0xfa]),
            ("a cell in the gap", 8, [0x0b, 0xb8]),
        ] {
            let mut before = good;
            before[place..place + 2].copy_from_slice(&bytes);
            let mut after = before;
            clear(&mut after, 5, 0);
            assert_eq!(after, before, "{what}");
        }
        let mut after = good;
        clear(&mut after, 5, BYTES_MAX);
        assert_eq!(after, good, "the number of a page could begin so");
    }
}

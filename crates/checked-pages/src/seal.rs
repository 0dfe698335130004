//! The seal: the last bytes of a page, over all others and the page's place.

/// The size of every page.
pub const PAGE_BYTES: usize = 4096;
/// How many bytes at a page's end belong to its seal.
pub const SEAL_BYTES: usize = 8;
/// How many bytes the file's header has, at the beginning of the first page.
pub(crate) const HEADER_BYTES: i64 = 100;
const CONTENT: usize = PAGE_BYTES - SEAL_BYTES;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Where the header says how many bytes at each page's end are not `SQLite`'s.
const RESERVED: usize = 20;
/// What it says there in a file of ours.
const ROOM: u8 = 8;
const _: () = assert!(ROOM as usize == SEAL_BYTES, "the header leaves room for exactly a seal");

/// A page with its seal.
pub(crate) type Page = [u8; PAGE_BYTES];

/// The seal of a page: a sum over its bytes, and one over those and its place. Pages are numbered from 0.
fn seal(content: &[u8], number: u64) -> [u8; SEAL_BYTES] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(content);
    let alone = hasher.clone().finalize();
    hasher.update(&number.to_le_bytes());
    let placed = hasher.finalize();
    let mut seal = [0; SEAL_BYTES];
    seal[..4].copy_from_slice(&alone.to_le_bytes());
    seal[4..].copy_from_slice(&placed.to_le_bytes());
    seal
}

/// Seals a page.
pub(crate) fn close(page: &mut Page, number: u64) {
    let made = seal(&page[..CONTENT], number);
    page[CONTENT..].copy_from_slice(&made);
}

/// Whether a page is what was written at its place. One of zeros only is not: every page is written before it is
/// read, so zeros are what a disk gives that has lost it.
pub(crate) fn holds(page: &Page, number: u64) -> bool {
    page[CONTENT..] == seal(&page[..CONTENT], number)
}

/// Whether the header on a first page leaves the seals' bytes alone.
pub(crate) fn leaves_room(first: &Page) -> bool {
    first[RESERVED] == ROOM
}

/// Whether a first page belongs to a database that was made without this layer. Where only that one byte of the
/// header was damaged the file is ours, and its first page is bad.
pub(crate) fn is_foreign(first: &Page) -> bool {
    if first[..MAGIC.len()] != *MAGIC || leaves_room(first) {
        return false;
    }
    let mut mended = *first;
    mended[RESERVED] = ROOM;
    !holds(&mended, 0)
}

/// The one page of an empty database, sealed: a header as the file format describes it, and an empty leaf.
pub(crate) fn empty_database() -> Page {
    let mut page = [0; PAGE_BYTES];
    page[..16].copy_from_slice(MAGIC);
    page[16..18].copy_from_slice(&4096_u16.to_be_bytes());
    page[18] = 1; // written with a rollback journal, until told otherwise
    page[19] = 1; // and read so
    page[RESERVED] = ROOM;
    page[21] = 64; // fixed by the format
    page[22] = 32; // fixed by the format
    page[23] = 32; // fixed by the format
    page[27] = 1; // changes so far
    page[31] = 1; // pages
    page[47] = 4; // schema format
    page[59] = 1; // UTF-8
    page[95] = 1; // the change at which the next number held
    page[96..100].copy_from_slice(&rusqlite::ffi::SQLITE_VERSION_NUMBER.to_be_bytes());
    page[100] = 0x0d; // a leaf of a table
    page[105..107].copy_from_slice(&4088_u16.to_be_bytes()); // its content begins where the seal does
    close(&mut page, 0);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_and_any_other_place_is_noticed() {
        let page = empty_database();
        assert!(holds(&page, 0));
        assert!(!holds(&page, 1), "another place");
        for bit in 0..PAGE_BYTES * 8 {
            let mut flipped = page;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!holds(&flipped, 0), "bit {bit}");
            assert!(!is_foreign(&flipped), "bit {bit}: it is damaged, but ours");
        }
    }

    #[test]
    fn a_page_that_the_disk_has_lost_is_noticed() {
        for number in [0, 1, 7, u64::from(u32::MAX)] {
            assert!(!holds(&[0; PAGE_BYTES], number), "{number}");
        }
    }

    #[test]
    fn a_database_without_room_is_told_from_ours() {
        let mut page = empty_database();
        page[RESERVED] = 0;
        page[2000] ^= 1; // what is there is another's, so the seal at the end is none
        assert!(is_foreign(&page));
        assert!(!leaves_room(&page));
        assert!(!is_foreign(&[7; PAGE_BYTES]), "not SQLite's at all: bad, not another's");
    }
}

use super::*;

/// Entries that end at 10, 20, 30, …
fn entries(whats: Vec<What>) -> Vec<Entry> {
    whats.into_iter().zip(1_u64..).map(|(what, i)| Entry { end: i * 10, what }).collect()
}

fn create(inode: Inode, path: &str) -> What {
    What::Create { inode, path: path.into() }
}

fn write(inode: Inode, at: u64, data: &str) -> What {
    What::Write { inode, at, data: data.into() }
}

/// The files that are left, as `path=content`.
fn left(whats: Vec<What>, cut: u64, unsynced: Unsynced) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    rebuild(&entries(whats), cut, unsynced, folder.path()).expect("the log makes sense");
    let mut found = Vec::new();
    let mut folders = vec![folder.path().to_owned()];
    while let Some(next) = folders.pop() {
        for item in fs::read_dir(next).expect("a folder") {
            let path = item.expect("an item").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder.path()).expect("below it").display().to_string();
                found.push(format!("{name}={}", fs::read_to_string(path).expect("text").replace('\0', "0")));
            }
        }
    }
    found.sort();
    found
}

const ALL: u64 = u64::MAX;

#[test]
fn only_what_was_synced_stays() {
    let whats =
        || vec![create(1, "a"), write(1, 0, "one"), What::Sync { inode: 1, began: 20 }, write(1, 3, "two")];
    assert_eq!(left(whats(), ALL, Unsynced::Dropped), ["a=one"]);
    assert_eq!(left(whats(), ALL, Unsynced::Kept), ["a=onetwo"]);
    assert_eq!(left(whats(), 20, Unsynced::Dropped), Vec::<String>::new(), "cut before the sync returned");
    assert_eq!(left(whats(), 20, Unsynced::Kept), ["a=one"]);
}

#[test]
fn a_write_during_a_sync_is_not_covered_by_it() {
    let whats =
        vec![create(1, "a"), write(1, 0, "one"), write(1, 0, "two"), What::Sync { inode: 1, began: 20 }];
    assert_eq!(left(whats, ALL, Unsynced::Dropped), ["a=one"]);
}

#[test]
fn truncation_needs_a_sync_too() {
    let mut whats = vec![create(1, "a"), write(1, 0, "abcdef"), What::Sync { inode: 1, began: 20 }];
    whats.push(What::Truncate { inode: 1, length: 2 });
    assert_eq!(left(whats.clone(), ALL, Unsynced::Dropped), ["a=abcdef"]);
    whats.push(What::Sync { inode: 1, began: 40 });
    assert_eq!(left(whats, ALL, Unsynced::Dropped), ["a=ab"]);
}

#[test]
fn renames_and_removals_hold_once_the_folder_is_synced() {
    let mut whats = vec![create(1, "a"), write(1, 0, "x"), What::Sync { inode: 1, began: 20 }];
    whats.push(What::Rename { from: "a".into(), to: "b".into() });
    assert_eq!(left(whats.clone(), ALL, Unsynced::Dropped), ["a=x"]);
    whats.push(What::SyncFolder { path: String::new(), began: 40 });
    assert_eq!(left(whats.clone(), ALL, Unsynced::Dropped), ["b=x"]);
    whats.push(What::Unlink { path: "b".into() });
    assert_eq!(left(whats.clone(), ALL, Unsynced::Dropped), ["b=x"], "the old name comes back");
    assert_eq!(left(whats, ALL, Unsynced::Kept), Vec::<String>::new());
}

#[test]
fn a_rename_over_a_file_is_one_step() {
    let whats = vec![
        create(1, "a"),
        write(1, 0, "old"),
        What::Sync { inode: 1, began: 20 },
        create(2, "a.new"),
        write(2, 0, "new"),
        What::Sync { inode: 2, began: 50 },
        What::Rename { from: "a.new".into(), to: "a".into() },
    ];
    for seed in 0..20 {
        let found = left(whats.clone(), ALL, Unsynced::Some(seed));
        assert!(found == ["a.new=new", "a=old"] || found == ["a=new"], "{found:?}");
    }
}

#[test]
fn what_is_in_a_lost_folder_is_lost() {
    let mut whats = vec![
        What::MakeFolder { path: "f".into() },
        create(1, "f/a"),
        write(1, 0, "x"),
        What::Sync { inode: 1, began: 30 },
    ];
    assert_eq!(left(whats.clone(), ALL, Unsynced::Dropped), Vec::<String>::new());
    whats.push(What::SyncFolder { path: String::new(), began: 40 });
    assert_eq!(left(whats, ALL, Unsynced::Dropped), ["f/a=x"]);
}

#[test]
fn an_inode_used_again_is_another_file() {
    let whats = vec![
        create(1, "a"),
        write(1, 0, "first"),
        What::Sync { inode: 1, began: 20 },
        What::Unlink { path: "a".into() },
        create(1, "b"),
        write(1, 0, "second"),
        What::Sync { inode: 1, began: 60 },
    ];
    assert_eq!(left(whats, ALL, Unsynced::Dropped), ["b=second"]);
}

#[test]
fn writes_are_torn_at_sectors() {
    let pieces: Vec<(u64, usize)> =
        sectors(500, &[0; 1100]).iter().map(|(at, piece)| (*at, piece.len())).collect();
    assert_eq!(pieces, [(500, 12), (512, 512), (1024, 512), (1536, 64)]);
    let whats = || vec![create(1, "a"), What::Sync { inode: 1, began: 10 }, write(1, 0, &"x".repeat(4096))];
    let torn = (0..20).map(|seed| left(whats(), ALL, Unsynced::Torn(seed)));
    let partly =
        torn.filter(|files| files[0].contains('x') && (files[0].contains('0') || files[0].len() < 4098));
    assert!(partly.count() > 10, "most seeds tear the write");
}

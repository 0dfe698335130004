//! A disk that forgets what was not synced. The model is written down in `tests/power-cut/README.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result};

use super::{
    chance::Chance,
    log::{Entry, Inode, What},
};

/// What becomes of the unsynced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsynced {
    /// None of it is there.
    Dropped,
    /// All of it is there: what `kill -9` leaves.
    Kept,
    /// Each write is there or not.
    Some(u64),
    /// Each sector of each write is there or not.
    Torn(u64),
}

const SECTOR: u64 = 512;

/// Stands for a file through renames, and is not used twice as inodes are.
type FileId = usize;

#[derive(Clone, Debug)]
enum Change {
    Write { at: u64, data: Vec<u8> },
    Truncate { length: u64 },
}

/// A file's content: on the disk, and on its way there.
#[derive(Clone, Debug, Default)]
struct File {
    durable: Vec<u8>,
    pending: Vec<(u64, Change)>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    File(FileId),
    Folder,
}

/// A change of one name. A rename is two of them, kept or lost together.
#[derive(Clone, Debug)]
struct NameChange {
    end: u64,
    sets: Vec<(String, Option<Node>)>,
}

/// The folder as it is, and as the disk has it.
#[derive(Clone, Debug, Default)]
struct Disk {
    files: Vec<File>,
    by_inode: BTreeMap<Inode, FileId>,
    /// As programs see it.
    names: BTreeMap<String, Node>,
    /// As the disk has it.
    durable: BTreeMap<String, Node>,
    /// By folder, in order.
    pending: BTreeMap<String, Vec<NameChange>>,
}

/// Makes `folder` what the disk may hold when the power goes after the entries that end at or before `cut`.
pub(crate) fn rebuild(entries: &[Entry], cut: u64, unsynced: Unsynced, folder: &Path) -> Result<()> {
    let mut disk = Disk::default();
    for entry in entries.iter().take_while(|entry| entry.end <= cut) {
        disk.happen(entry)?;
    }
    disk.lose_power(unsynced);
    disk.write(folder)
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

impl Disk {
    fn happen(&mut self, entry: &Entry) -> Result<()> {
        match &entry.what {
            What::Create { inode, path } => {
                self.files.push(File::default());
                let id = self.files.len() - 1;
                self.by_inode.insert(*inode, id);
                self.name(entry.end, path, vec![(path.clone(), Some(Node::File(id)))]);
            }
            What::Write { inode, at, data } => {
                self.change(entry.end, *inode, Change::Write { at: *at, data: data.clone() })?;
            }
            What::Truncate { inode, length } => {
                self.change(entry.end, *inode, Change::Truncate { length: *length })?;
            }
            What::Sync { inode, began } => {
                let id = self.file(*inode)?;
                self.files[id].settle(*began);
                self.settle_creation(Node::File(id), *began);
            }
            What::SyncFolder { path, began } => {
                self.settle_names(path, *began);
                self.settle_folder(path, *began);
            }
            What::Rename { from, to } => {
                let node = self.names.get(from).copied().with_context(|| format!("{from} was never made"))?;
                let mut sets = vec![(from.clone(), None), (to.clone(), Some(node))];
                if node == Node::Folder {
                    let inside = format!("{from}/");
                    for (path, node) in self.names.range(inside.clone()..) {
                        let Some(rest) = path.strip_prefix(&inside) else { break };
                        sets.push((path.clone(), None));
                        sets.push((format!("{to}/{rest}"), Some(*node)));
                    }
                }
                self.name(entry.end, to, sets);
            }
            What::Unlink { path } | What::RemoveFolder { path } => {
                self.name(entry.end, path, vec![(path.clone(), None)]);
            }
            What::MakeFolder { path } => self.name(entry.end, path, vec![(path.clone(), Some(Node::Folder))]),
        }
        Ok(())
    }

    fn file(&self, inode: Inode) -> Result<FileId> {
        self.by_inode.get(&inode).copied().with_context(|| format!("inode {inode} was never created"))
    }

    fn change(&mut self, end: u64, inode: Inode, change: Change) -> Result<()> {
        let id = self.file(inode)?;
        self.files[id].pending.push((end, change));
        Ok(())
    }

    fn name(&mut self, end: u64, path: &str, sets: Vec<(String, Option<Node>)>) {
        set(&mut self.names, &sets);
        self.pending.entry(parent(path).to_owned()).or_default().push(NameChange { end, sets });
    }

    /// A folder was synced: all that was done to names in it before holds.
    fn settle_names(&mut self, folder: &str, began: u64) {
        let Some(pending) = self.pending.get_mut(folder) else { return };
        let count = pending.iter().take_while(|change| change.end <= began).count();
        for change in pending.drain(..count) {
            set(&mut self.durable, &change.sets);
        }
    }

    /// A file was synced: its creation holds too, and so does whatever the journal has before it in that folder.
    fn settle_creation(&mut self, node: Node, began: u64) {
        let made = |change: &NameChange| {
            change.end <= began && matches!(&change.sets[..], [(_, Some(n))] if *n == node)
        };
        let found = self.pending.iter().find_map(|(folder, pending)| {
            let change = pending.iter().find(|change| made(change))?;
            Some((folder.clone(), change.end))
        });
        if let Some((folder, end)) = found {
            self.settle_names(&folder, end);
        }
    }

    /// A folder was synced: its own name holds too.
    fn settle_folder(&mut self, path: &str, began: u64) {
        let above = parent(path).to_owned();
        let made = |change: &&NameChange| {
            change.end <= began && change.sets == [(path.to_owned(), Some(Node::Folder))]
        };
        if let Some(end) =
            self.pending.get(&above).and_then(|pending| pending.iter().find(made)).map(|c| c.end)
        {
            self.settle_names(&above, end);
        }
    }

    fn lose_power(&mut self, unsynced: Unsynced) {
        let mut chance = Chance::new(match unsynced {
            Unsynced::Dropped | Unsynced::Kept => 0,
            Unsynced::Some(seed) | Unsynced::Torn(seed) => seed,
        });
        for file in &mut self.files {
            file.lose_power(unsynced, &mut chance);
        }
        for pending in std::mem::take(&mut self.pending).into_values() {
            let kept = match unsynced {
                Unsynced::Dropped => 0,
                Unsynced::Kept => pending.len(),
                Unsynced::Some(_) | Unsynced::Torn(_) => chance.below(pending.len() + 1),
            };
            for change in &pending[..kept] {
                set(&mut self.durable, &change.sets);
            }
        }
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let mut folders = BTreeSet::from([String::new()]);
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        // Sorted, so a folder comes before what is in it. What is in a folder that was lost is lost too.
        for (path, node) in &self.durable {
            if !folders.contains(parent(path)) {
                continue;
            }
            let to = folder.join(path);
            match node {
                Node::Folder => {
                    fs::create_dir(&to).with_context(|| format!("making {}", to.display()))?;
                    folders.insert(path.clone());
                }
                Node::File(id) => {
                    fs::write(&to, &self.files[*id].durable)
                        .with_context(|| format!("writing {}", to.display()))?;
                }
            }
        }
        Ok(())
    }
}

fn set(names: &mut BTreeMap<String, Node>, sets: &[(String, Option<Node>)]) {
    for (path, node) in sets {
        match node {
            Some(node) => drop(names.insert(path.clone(), *node)),
            None => drop(names.remove(path)),
        }
    }
}

impl File {
    /// The file was synced: all that was done to it before holds.
    fn settle(&mut self, began: u64) {
        let count = self.pending.iter().take_while(|(end, _)| *end <= began).count();
        for (_, change) in self.pending.drain(..count) {
            apply(&mut self.durable, &change);
        }
    }

    fn lose_power(&mut self, unsynced: Unsynced, chance: &mut Chance) {
        for (_, change) in std::mem::take(&mut self.pending) {
            match (unsynced, change) {
                (Unsynced::Dropped, _) => {}
                (Unsynced::Torn(_), Change::Write { at, data }) => {
                    for (at, sector) in sectors(at, &data) {
                        if chance.toss() {
                            apply(&mut self.durable, &Change::Write { at, data: sector.to_vec() });
                        }
                    }
                }
                (Unsynced::Kept, change) => apply(&mut self.durable, &change),
                (_, change) => {
                    if chance.toss() {
                        apply(&mut self.durable, &change);
                    }
                }
            }
        }
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    let place = |position: u64| usize::try_from(position).expect("files here fit into memory");
    match change {
        Change::Truncate { length } => content.resize(place(*length), 0),
        Change::Write { at, data } => {
            let (from, to) = (place(*at), place(*at) + data.len());
            if content.len() < to {
                content.resize(to, 0);
            }
            content[from..to].copy_from_slice(data);
        }
    }
}

/// A write cut where the disk's sectors end.
fn sectors(at: u64, data: &[u8]) -> Vec<(u64, &[u8])> {
    let mut pieces = Vec::new();
    let (mut at, mut rest) = (at, data);
    while !rest.is_empty() {
        let room = usize::try_from(SECTOR - at % SECTOR).expect("a sector is small");
        let (piece, after) = rest.split_at(room.min(rest.len()));
        pieces.push((at, piece));
        at += piece.len() as u64;
        rest = after;
    }
    pieces
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;

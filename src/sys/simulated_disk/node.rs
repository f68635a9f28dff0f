//! Files and directories as the running process sees them, and as much of them as is safe.
//!
//! ```text
//!   write, set_len, allocate ──► seen                 create, rename, remove ──► seen
//!                           └──► pending ─ sync ─► safe                     └──► pending ─ sync_dir ─► safe
//! ```
//!
//! Owned by a [`Contents`](super::contents::Contents). Invariant: `safe` with all of `pending` done to it is
//! `seen`, unless the sync of a file failed and dropped what was pending (`torn` from then on).
use super::draw::{Draw, Fate};
use super::image::Image;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Number of a file or directory; names point to it.
pub(super) type NodeId = usize;

/// What happened to a file since it was last synced.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Bytes were written.
    Write { offset: u64, bytes: Arc<[u8]> },
    /// It was cut or lengthened.
    Length(u64),
    /// Room was taken, and it was lengthened to it if it was shorter.
    Room(u64),
}

/// A file.
#[derive(Clone, Debug, Default)]
pub(super) struct FileNode {
    pub(super) seen: Image,
    safe: Image,
    /// With the number of the operation that made each.
    pending: Vec<(u64, Change)>,
    /// Bytes that have their place on the disk: writing below needs no room.
    pub(super) room: u64,
    torn: bool,
}

impl FileNode {
    pub(super) fn change(&mut self, operation: u64, change: Change) {
        match &change {
            Change::Write { offset, bytes } => {
                self.seen.write(bytes, *offset);
                // Bytes without a place between the two stay without one: their room is not counted.
                if *offset <= self.room {
                    self.room = self.room.max(offset + bytes.len() as u64);
                }
            }
            Change::Length(len) => {
                self.seen.set_len(*len);
                // The machine's files take room for what they are lengthened by, too.
                self.room = *len;
            }
            Change::Room(len) => {
                self.seen.set_len(self.seen.len().max(*len));
                self.room = self.room.max(*len);
            }
        }
        self.pending.push((operation, change));
    }

    pub(super) fn sync(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        if self.torn {
            // What a failed sync dropped stays dropped: only what was written since becomes safe.
            self.safe = self.drawn(&mut Draw::everything());
        } else {
            self.safe = self.seen.clone();
        }
        self.pending.clear();
    }

    /// The sync fails: some of what was pending is safe, the rest never will be. The process goes on seeing
    /// it (ext4, XFS) or, if `forgets`, sees what is on the disk (btrfs).
    pub(super) fn sync_fails(&mut self, draw: &mut Draw, forgets: bool) {
        self.safe = self.drawn(draw);
        self.pending.clear();
        self.torn = true;
        if forgets {
            self.seen = self.safe.clone();
            self.torn = false;
        }
    }

    pub(super) fn is_safe(&self) -> bool {
        self.pending.is_empty() && !self.torn
    }

    pub(super) fn pending(&self) -> impl Iterator<Item = u64> {
        self.pending.iter().map(|(operation, _)| *operation)
    }

    /// The file as a crash leaves it.
    pub(super) fn crashed(&self, draw: &mut Draw) -> Self {
        let safe = self.drawn(draw);
        FileNode {
            seen: safe.clone(),
            room: self.room.min(safe.len()),
            safe,
            pending: Vec::new(),
            torn: false,
        }
    }

    /// Data and length are separate things on a disk: either may be there without the other.
    fn drawn(&self, draw: &mut Draw) -> Image {
        let mut image = self.safe.clone();
        let mut len = image.len();
        for (operation, change) in &self.pending {
            match change {
                Change::Write { offset, bytes } => {
                    let end = offset + bytes.len() as u64;
                    match draw.fate(*operation) {
                        Fate::Kept => {
                            image.put(bytes, *offset);
                            len = len.max(end);
                        }
                        Fate::Torn => {
                            draw.tear(*offset, bytes.len(), |range| {
                                image.put(&bytes[range.clone()], offset + range.start as u64);
                            });
                            if draw.coin() {
                                len = len.max(end);
                            }
                        }
                        Fate::Lost => {
                            if draw.lengthens() {
                                len = len.max(end);
                            }
                        }
                    }
                }
                Change::Length(to) => {
                    if draw.keeps(*operation) {
                        image.cut(*to);
                        len = *to;
                    }
                }
                Change::Room(to) => {
                    if draw.keeps(*operation) {
                        len = len.max(*to);
                    }
                }
            }
        }
        image.set_len(len);
        image
    }

    /// Changes bytes that are safe behind everyone's back.
    pub(super) fn decay(&mut self, bytes: &[u8], offset: u64) {
        self.safe.put(bytes, offset);
        self.seen.put(bytes, offset);
    }
}

/// What happened to the names of a directory since it was last synced.
#[derive(Clone, Debug)]
enum Naming {
    Add(Arc<str>, NodeId),
    Remove(Arc<str>),
    Rename(Arc<str>, Arc<str>, NodeId),
}

/// Names, in order.
pub(super) type Names = BTreeMap<Arc<str>, NodeId>;

/// A directory.
#[derive(Clone, Debug, Default)]
pub(super) struct DirectoryNode {
    seen: Names,
    safe: Names,
    pending: Vec<(u64, Naming)>,
}

impl DirectoryNode {
    pub(super) fn names(&self) -> &Names {
        &self.seen
    }

    pub(super) fn add(&mut self, operation: u64, name: &str, node: NodeId) {
        self.change(operation, Naming::Add(name.into(), node));
    }

    pub(super) fn remove(&mut self, operation: u64, name: &str) {
        self.change(operation, Naming::Remove(name.into()));
    }

    pub(super) fn rename(&mut self, operation: u64, from: &str, to: &str, node: NodeId) {
        self.change(operation, Naming::Rename(from.into(), to.into(), node));
    }

    fn change(&mut self, operation: u64, naming: Naming) {
        apply(&mut self.seen, &naming);
        self.pending.push((operation, naming));
    }

    pub(super) fn sync(&mut self) {
        self.safe.clone_from(&self.seen);
        self.pending.clear();
    }

    pub(super) fn is_safe(&self) -> bool {
        self.pending.is_empty()
    }

    pub(super) fn pending(&self) -> impl Iterator<Item = u64> {
        self.pending.iter().map(|(operation, _)| *operation)
    }

    /// The directory as a crash leaves it.
    pub(super) fn crashed(&self, draw: &mut Draw) -> Self {
        let safe = self.drawn(draw);
        DirectoryNode {
            seen: safe.clone(),
            safe,
            pending: Vec::new(),
        }
    }

    fn drawn(&self, draw: &mut Draw) -> Names {
        let mut names = self.safe.clone();
        for (operation, naming) in &self.pending {
            if draw.keeps(*operation) {
                apply(&mut names, naming);
            }
        }
        names
    }
}

fn apply(names: &mut Names, naming: &Naming) {
    match naming {
        Naming::Add(name, node) => {
            names.insert(name.clone(), *node);
        }
        Naming::Remove(name) => {
            names.remove(name);
        }
        Naming::Rename(from, to, node) => {
            names.remove(from);
            names.insert(to.clone(), *node);
        }
    }
}

/// A file or a directory.
#[derive(Clone, Debug)]
pub(super) enum Node {
    File(FileNode),
    Directory(DirectoryNode),
}

impl Node {
    pub(super) fn is_safe(&self) -> bool {
        match self {
            Node::File(file) => file.is_safe(),
            Node::Directory(directory) => directory.is_safe(),
        }
    }
}

//! The reads under way: what was asked for, by whom, and since when.
//!
//! A key's fingerprint may belong to several records; then each is asked for, in a slot of its own, and the
//! first slot leads:
//!
//! ```text
//!   fetch(key) ─► slot 4 (leads, left 3) ─ location a        Found in any: the leader hands it on
//!                 slot 9 (led by 4)      ─ location b        all answered, none Found: Absent
//!                 slot 2 (led by 4)      ─ location c
//! ```
//!
//! Owned by the task; allocated once. Compaction may move a record that is being read; it tells here, so
//! that `location` always is where the index says the record is.

/// No record: the slot has been answered and waits for those it leads.
pub(super) const NOWHERE: u32 = u32::MAX;

/// One read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Read {
    pub(super) key: u64,
    pub(super) since_ns: u64,
    pub(super) fingerprint: u32,
    pub(super) location: u32,
    /// The caller's number for it.
    pub(super) ticket: u32,
    /// The slot of the first read for this key.
    pub(super) leader: u32,
    /// Of a leader: reads for this key not yet answered.
    pub(super) left: u32,
    /// Of a leader: the key was found.
    pub(super) found: bool,
    /// The key is to be forgotten: nobody wants the value.
    pub(super) forget: bool,
}

/// The reads under way.
#[derive(Debug)]
pub(super) struct Waiting {
    reads: Vec<Read>,
    free: Vec<u32>,
    /// Slots of keys that are to be forgotten.
    going: usize,
}

impl Waiting {
    pub(super) fn new(reads_max: usize) -> Self {
        let free = Read {
            location: NOWHERE,
            ..Read::default()
        };
        Waiting {
            reads: vec![free; reads_max],
            free: (0..reads_max as u32).rev().collect(),
            going: 0,
        }
    }

    /// Reads that may still be asked for.
    #[inline(always)]
    pub(super) fn room(&self) -> usize {
        self.free.len()
    }

    /// Reads that may be under way.
    pub(super) fn capacity(&self) -> usize {
        self.reads.len()
    }

    /// Reads under way.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.reads.len() - self.free.len()
    }

    /// Takes a slot. `leader` is the first slot of the same key, where there is one already.
    #[inline(always)]
    pub(super) fn add(&mut self, read: Read, leader: Option<u32>) -> Option<u32> {
        let slot = self.free.pop()?;
        let leader = leader.unwrap_or(slot);
        self.reads[slot as usize] = Read {
            leader,
            left: 0,
            ..read
        };
        self.reads[leader as usize].left += 1;
        self.going += usize::from(read.forget);
        Some(slot)
    }

    #[inline(always)]
    pub(super) fn get(&self, slot: u32) -> Read {
        self.reads[slot as usize]
    }

    /// The read in `slot` was answered; the leader of its key, once that is known.
    #[inline(always)]
    pub(super) fn answered(&mut self, slot: u32, found: bool) -> Option<Read> {
        let leader = self.reads[slot as usize].leader;
        self.reads[slot as usize].location = NOWHERE;
        self.going -= usize::from(self.reads[slot as usize].forget);
        if slot != leader {
            self.free.push(slot);
        }
        let first = &mut self.reads[leader as usize];
        first.left -= 1;
        first.found |= found;
        let first = *first;
        (first.left == 0).then(|| {
            self.free.push(leader);
            first
        })
    }

    /// Whether a read of `location` is under way.
    pub(super) fn is_asked(&self, location: u32) -> bool {
        self.reads.iter().any(|read| read.location == location)
    }

    /// Whether `location` is being read in order to forget `key`.
    #[inline(always)]
    pub(super) fn is_going(&self, location: u32, key: u64) -> bool {
        let is_so = |read: &Read| read.location == location && read.forget && read.key == key;
        self.going > 0 && self.reads.iter().any(is_so)
    }

    /// Location and key of what is being read in order to forget the key, if it is there.
    pub(super) fn going(&self) -> impl Iterator<Item = [u64; 2]> {
        let asked = self.reads.iter();
        let going = asked.filter(|read| read.forget && read.location != NOWHERE);
        going.map(|read| [u64::from(read.location), read.key])
    }

    /// Compaction moved a record that is being read.
    pub(super) fn moved(&mut self, from: u32, to: u32) {
        for read in self.reads.iter_mut().filter(|read| read.location == from) {
            read.location = to;
        }
    }
}

//! The index: where the latest record of a cold key is. Eight bytes a key at a load of about 0.8, and it
//! grows and shrinks without a pause.
//!
//! ```text
//!   hash   63 ───────────── 32 31 ────── 0          entry  63 ───────── 32  31   30 ────── 0
//!          │  fingerprint     │ partition│                 │ fingerprint │asked│ location  │
//!
//!   fingerprint ─ low bits ─► bucket (linear hashing: one bucket splits at a time)
//!               ─ × homes >> 32 ─► home: where in the bucket the search starts
//!
//!   bucket, homes = 8, entries in the order of their fingerprints:   [·|12|30|31|·|·|77|80‖81|·|·]
//!                                                                      homes               tail
//! ```
//!
//! Plainly: a sorted array with gaps. A search starts at the home of its fingerprint and ends at the first
//! greater one; an insertion moves the entries up to the next gap, a removal those behind it back. Entries
//! of one fingerprint stand side by side: several keys may share the 32 bits, and only their records tell
//! them apart.
//!
//! Linear hashing (Litwin 1980): with `2^d + s` buckets, bucket `s` is the next to be split, by the next bit
//! of its fingerprints. So there is no directory to double, and a bucket that cannot be split (many keys of
//! one fingerprint) just grows. A bucket that is full is copied into one with a quarter more homes, and
//! one whose turn it is into two: about a thousand entries each. That is the longest pause there is.
//!
//! Invariant: in a bucket, entries ascend by fingerprint, no gap lies between an entry and its home, and the
//! last slot is a gap. Owned by the task. The plain version it must agree with is a `HashMap` (tests).

use crate::sys::memory::prefetch_read;

/// A gap. No entry has this value: no fingerprint is `u32::MAX`.
const EMPTY: u64 = u64::MAX;
/// Set in the low half of an entry whose record is being read.
pub(super) const ASKED: u32 = 1 << 31;
/// Entries a bucket has on average after a round of splits; twice that before.
const ENTRIES_MEAN: u64 = 512;
/// Homes of the smallest bucket.
const HOMES_MIN: u32 = 16;
/// Gaps behind the last entry, so that few insertions run against the end.
const TAIL_SLOTS: usize = 16;
/// Slots of a cache line.
const LINE_SLOTS: usize = 8;
/// Headers of buckets stand in groups, so that none is ever copied.
const GROUP: usize = 256;

/// The part of a hash that the index keeps.
#[inline(always)]
pub(super) fn fingerprint(hash: u64) -> u32 {
    ((hash >> 32) as u32).min(u32::MAX - 1)
}

/// Where an entry says its record is.
#[inline(always)]
pub(super) fn location(entry: u64) -> u32 {
    entry as u32 & !ASKED
}

/// Whether the record of an entry is being read.
#[inline(always)]
pub(super) fn is_asked(entry: u64) -> bool {
    entry as u32 & ASKED != 0
}

#[inline(always)]
fn fingerprint_of(entry: u64) -> u32 {
    (entry >> 32) as u32
}

#[derive(Debug, Default)]
struct Bucket {
    slots: Box<[u64]>,
    homes: u32,
    len: u32,
}

impl Bucket {
    #[inline(always)]
    fn home(&self, fingerprint: u32) -> usize {
        ((u64::from(fingerprint) * u64::from(self.homes)) >> 32) as usize
    }

    /// Slots of the entries with this fingerprint; where none is, the place one would have.
    #[inline(always)]
    fn find(&self, fingerprint: u32) -> std::ops::Range<usize> {
        let mut at = self.home(fingerprint);
        // The last slot is a gap, and a gap's fingerprint is greater than any.
        while self
            .slots
            .get(at)
            .is_some_and(|e| fingerprint_of(*e) < fingerprint)
        {
            at += 1;
        }
        let from = at;
        while self
            .slots
            .get(at)
            .is_some_and(|e| fingerprint_of(*e) == fingerprint)
        {
            at += 1;
        }
        from..at
    }

    /// Entries at which it wants more homes.
    fn is_full(&self) -> bool {
        u64::from(self.len) * 8 >= u64::from(self.homes) * 7
    }

    fn is_sparse(&self) -> bool {
        self.homes > HOMES_MIN && self.len < self.homes / 2
    }

    /// A bucket of these entries, ascending, with room for a quarter more before it is full.
    fn of(entries: &[u64]) -> Self {
        let homes = (entries.len() as u32 * 10).div_ceil(7).max(HOMES_MIN);
        let mut bucket = Bucket {
            slots: Box::default(),
            homes,
            len: entries.len() as u32,
        };
        let mut slots = Vec::with_capacity(homes as usize + 2 * TAIL_SLOTS);
        for entry in entries {
            let home = bucket.home(fingerprint_of(*entry));
            if slots.len() < home {
                slots.resize(home, EMPTY);
            }
            slots.push(*entry);
        }
        let end = (homes as usize).max(slots.len()) + TAIL_SLOTS;
        slots.resize(end, EMPTY);
        bucket.slots = slots.into_boxed_slice();
        bucket
    }

    fn bytes(&self) -> u64 {
        self.slots.len() as u64 * 8
    }
}

/// Entries by fingerprint.
#[derive(Debug)]
pub(super) struct Index {
    groups: Vec<Box<[Bucket]>>,
    /// Buckets in use: `2^round + the next one to be split`.
    buckets: u32,
    round: u32,
    len: u64,
    bytes: u64,
    scratch: Vec<u64>,
    upper: Vec<u64>,
}

impl Index {
    pub(super) fn new() -> Self {
        let mut index = Index {
            groups: Vec::new(),
            buckets: 0,
            round: 0,
            len: 0,
            bytes: 0,
            scratch: Vec::with_capacity(2 * ENTRIES_MEAN as usize),
            upper: Vec::with_capacity(2 * ENTRIES_MEAN as usize),
        };
        index.add(Bucket::of(&[]));
        index
    }

    /// Entries.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes of memory, headers and gaps included.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes + (self.groups.len() * (GROUP * size_of::<Bucket>() + 16)) as u64
    }

    #[inline(always)]
    fn bucket_of(&self, fingerprint: u32) -> (usize, usize) {
        let low = fingerprint & ((2 << self.round) - 1);
        let folded = fingerprint & ((1 << self.round) - 1);
        let bucket = if low < self.buckets { low } else { folded } as usize;
        (bucket / GROUP, bucket % GROUP)
    }

    #[inline(always)]
    fn bucket(&self, fingerprint: u32) -> &Bucket {
        let (group, at) = self.bucket_of(fingerprint);
        &self.groups[group][at]
    }

    /// Asks for the header of the bucket of this fingerprint, which [`Index::prefetch`] reads.
    #[inline(always)]
    pub(super) fn prefetch_header(&self, fingerprint: u32) {
        let (group, at) = self.bucket_of(fingerprint);
        prefetch_read(&self.groups[group], at);
    }

    /// Asks for the line where the search for this fingerprint starts, and for the next: a look-up that ends
    /// late, and most insertions, which go on to the next gap, need it too.
    #[inline(always)]
    pub(super) fn prefetch(&self, fingerprint: u32) {
        let bucket = self.bucket(fingerprint);
        let home = bucket.home(fingerprint);
        prefetch_read(&bucket.slots, home);
        prefetch_read(&bucket.slots, home + LINE_SLOTS);
    }

    /// The entries of this fingerprint.
    #[inline(always)]
    pub(super) fn find(&self, fingerprint: u32) -> &[u64] {
        let bucket = self.bucket(fingerprint);
        &bucket.slots[bucket.find(fingerprint)]
    }

    /// Adds an entry.
    pub(super) fn insert(&mut self, fingerprint: u32, location: u32) {
        let (group, at) = self.bucket_of(fingerprint);
        let bucket = &mut self.groups[group][at];
        if bucket.is_full() {
            Self::rebuild(bucket, &mut self.bytes, &mut self.scratch);
        }
        let place = bucket.find(fingerprint).end;
        let mut gap = bucket.slots[place..].iter().position(|e| *e == EMPTY);
        if gap.is_none_or(|gap| place + gap + 1 == bucket.slots.len()) {
            // Against the end: rare, for hashes that pile up there. A new copy has a new tail.
            Self::rebuild(bucket, &mut self.bytes, &mut self.scratch);
            let place = bucket.find(fingerprint).end;
            gap = bucket.slots[place..].iter().position(|e| *e == EMPTY);
        }
        let place = bucket.find(fingerprint).end;
        let gap = place + gap.expect("the last slot of a bucket is a gap");
        bucket.slots.copy_within(place..gap, place + 1);
        bucket.slots[place] = u64::from(fingerprint) << 32 | u64::from(location);
        bucket.len += 1;
        self.len += 1;
        if self.len > u64::from(self.buckets) * ENTRIES_MEAN {
            self.split();
        }
    }

    /// Removes the entry with this location, asked for or not; whether there was one.
    pub(super) fn remove(&mut self, fingerprint: u32, location: u32) -> bool {
        let (group, at) = self.bucket_of(fingerprint);
        let bucket = &mut self.groups[group][at];
        let found = bucket.find(fingerprint);
        let from = found.start;
        let Some(offset) = bucket.slots[found]
            .iter()
            .position(|e| self::location(*e) == location)
        else {
            return false;
        };
        let hole = from + offset;
        let mut end = hole + 1;
        while bucket.slots[end] != EMPTY && bucket.home(fingerprint_of(bucket.slots[end])) < end {
            end += 1;
        }
        bucket.slots.copy_within(hole + 1..end, hole);
        bucket.slots[end - 1] = EMPTY;
        bucket.len -= 1;
        self.len -= 1;
        if bucket.is_sparse() {
            Self::rebuild(bucket, &mut self.bytes, &mut self.scratch);
        }
        true
    }

    /// Has the entry with location `from` say `to`, flag included; the entry as it was.
    pub(super) fn change(
        &mut self,
        fingerprint: u32,
        from: u32,
        to: impl FnOnce(u32) -> u32,
    ) -> bool {
        let (group, at) = self.bucket_of(fingerprint);
        let bucket = &mut self.groups[group][at];
        let found = bucket.find(fingerprint);
        for entry in &mut bucket.slots[found] {
            if location(*entry) == from {
                *entry = u64::from(fingerprint) << 32 | u64::from(to(*entry as u32));
                return true;
            }
        }
        false
    }

    fn rebuild(bucket: &mut Bucket, bytes: &mut u64, scratch: &mut Vec<u64>) {
        scratch.clear();
        scratch.extend(bucket.slots.iter().filter(|e| **e != EMPTY));
        *bytes -= bucket.bytes();
        *bucket = Bucket::of(scratch);
        *bytes += bucket.bytes();
    }

    fn add(&mut self, bucket: Bucket) {
        let (group, at) = (self.buckets as usize / GROUP, self.buckets as usize % GROUP);
        if group == self.groups.len() {
            self.groups
                .push((0..GROUP).map(|_| Bucket::default()).collect());
        }
        self.bytes += bucket.bytes();
        self.groups[group][at] = bucket;
        self.buckets += 1;
        if self.buckets == 2 << self.round {
            self.round += 1;
        }
    }

    /// Splits the bucket whose turn it is.
    fn split(&mut self) {
        let turn = (self.buckets - (1 << self.round)) as usize;
        let bucket = &mut self.groups[turn / GROUP][turn % GROUP];
        self.scratch.clear();
        self.upper.clear();
        for entry in bucket.slots.iter().filter(|e| **e != EMPTY) {
            let half = if fingerprint_of(*entry) >> self.round & 1 == 0 {
                &mut self.scratch
            } else {
                &mut self.upper
            };
            half.push(*entry);
        }
        self.bytes -= bucket.bytes();
        *bucket = Bucket::of(&self.scratch);
        self.bytes += bucket.bytes();
        let upper = Bucket::of(&self.upper);
        self.add(upper);
    }
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;

//! The hot table: sets of sixteen entries, each under one line of metadata.
//!
//! Owned by one task. Everything is allocated, and its pages are present, when `new` returns; full sets
//! give up an entry for each that comes.
//!
//! ```text
//!   one reserve:   ├ line 0 │ line 1 │ … │ line S−1 ┤├ set 0: entry 0 … 15 │ set 1: … │ set S−1 … ┤
//!                     64 B each: tags and policy          64 B each, or as many lines as the value takes
//!
//!   byte of an entry  0     8       16                                 64
//!                     ├─────┼───────┼──────────────────────────────────┤
//!                     │ key │ stamp │ value (48 B; longer: more lines) │
//!                     └─────┴───────┴──────────────────────────────────┘
//!
//!   a batch:   prefetch(hash)   asks for the line of the set
//!              look(spot)       the line is here: asks for the entry, or for the one that an insertion would take
//!              hit / insert     everything is here
//! ```
//!
//! Invariants
//! 1. A set is below `sets`, a way below 16: both lie inside the reserve, which is aligned to lines, was
//!    zeroed by the system and is never unmapped before the table goes.
//! 2. Way `w` of a set is empty if and only if its tag is 0; otherwise its tag is that of the hash of its key.
//! 3. No key is twice in the table (`insert` is for absent keys).
#![allow(unsafe_code)]

use super::capture::Capture;
use super::lanes::equal_u8;
use super::policy::{ALL, EMPTY, SetPolicy, WAYS, tag_of};
use crate::partition::mum64;
use crate::sys::memory::{HUGE_PAGE_BYTES, Reserve};
use bytemuck::Pod;
use std::marker::PhantomData;

/// An entry: a key, its state, and what the owner stamps on it.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug)]
pub struct Entry<V> {
    /// The key; the table finds the entry by it.
    pub key: u64,
    /// The owner's; the table only keeps it.
    pub stamp: u64,
    /// The state.
    pub value: V,
}

const _: () = {
    assert!(
        size_of::<Entry<[u64; 6]>>() == 64,
        "48 bytes share a line with the key"
    );
    assert!(size_of::<Entry<[u64; 7]>>() == 128);
    assert!(core::mem::offset_of!(Entry<u64>, value) == 16);
};

/// Where to look for a key: a hint, which stays harmless whatever happens to the table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spot {
    set: u32,
}

/// Lines of an entry asked for ahead; more than these and the processor's own prefetcher has caught on.
const PREFETCH_LINES_MAX: usize = 4;

/// Tables up to this size stay in the second-level cache, where asking ahead costs more than it saves.
/// Measured with S3-FIFO on zipf(0.99), second-level cache of 2 MiB, asking against not asking: 0.7 MB −35 to
/// −48 %, 1.4 MB −14 to −32 %, 2.7 MB +2 to +3 %, 5.4 MB +8 to +33 %, 11 MB and above +53 to +71 %.
const SMALL_BYTES_MAX: usize = 2 << 20;

/// Why a hot table could not be made.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot reserve {bytes} bytes for a hot table: {source}; lower state.memory, or lift the limit (ulimit -v, vm.overcommit_memory)"
)]
pub struct HotError {
    bytes: usize,
    source: std::io::Error,
}

/// A bounded table. `V` is plain bytes; the policy `P` chooses within a set who leaves.
pub struct Hot<V, P> {
    lines: *mut P,
    entries: *mut Entry<V>,
    sets: u32,
    is_large: bool,
    len: usize,
    reserve: Reserve,
    pub(super) capture: Option<Box<Capture>>,
    held: PhantomData<(V, P)>,
}

// SAFETY: the table owns its reserve, and nothing else points into it.
unsafe impl<V: Pod + Send, P: SetPolicy> Send for Hot<V, P> {}

impl<V: Pod, P: SetPolicy> Hot<V, P> {
    const SET_BYTES: usize = {
        assert!(
            size_of::<P>() == 64 && align_of::<P>() <= 64,
            "one line a set"
        );
        size_of::<P>() + WAYS as usize * size_of::<Entry<V>>()
    };

    /// As many whole sets as `memory_bytes` hold, but at least one. All pages are present on return.
    ///
    /// # Errors
    /// When the system refuses the memory.
    pub fn new(memory_bytes: usize) -> Result<Self, HotError> {
        let sets = (memory_bytes / Self::SET_BYTES).clamp(1, u32::MAX as usize);
        let bytes = sets * Self::SET_BYTES;
        let reserve = Reserve::new(bytes).map_err(|source| HotError { bytes, source })?;
        reserve.advise_huge(0..bytes / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES);
        reserve.prefault(0..bytes);
        let lines: *mut P = reserve.base().cast();
        for set in 0..sets {
            // SAFETY: invariant 1.
            unsafe { lines.add(set).write(P::empty()) };
        }
        Ok(Hot {
            lines,
            // SAFETY: the lines of all sets lie inside the reserve; the entries begin behind them.
            entries: unsafe { lines.add(sets) }.cast(),
            sets: sets as u32,
            is_large: bytes > SMALL_BYTES_MAX,
            len: 0,
            reserve,
            capture: None,
            held: PhantomData,
        })
    }

    /// Entries held.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no entry is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Entries that fit.
    pub fn capacity_slots(&self) -> usize {
        self.sets as usize * WAYS as usize
    }

    /// Bytes of lines and entries.
    pub fn bytes(&self) -> usize {
        self.reserve.len()
    }

    /// Whether asking ahead pays; if not, [`Hot::prefetch`] and [`Hot::look`] touch nothing.
    #[inline(always)]
    pub fn is_large(&self) -> bool {
        self.is_large
    }

    #[inline(always)]
    fn set_of(&self, hash: u64) -> u32 {
        (((hash >> 32) * u64::from(self.sets)) >> 32) as u32
    }

    #[inline(always)]
    fn line(&self, set: u32) -> &P {
        debug_assert!(set < self.sets);
        // SAFETY: invariant 1.
        unsafe { &*self.lines.add(set as usize) }
    }

    #[inline(always)]
    fn line_mut(&mut self, set: u32) -> &mut P {
        debug_assert!(set < self.sets);
        // SAFETY: invariant 1; borrowed mutably with the table.
        unsafe { &mut *self.lines.add(set as usize) }
    }

    #[inline(always)]
    fn entry_at(&self, set: u32, way: u32) -> *mut Entry<V> {
        debug_assert!(set < self.sets && way < WAYS);
        // SAFETY: invariant 1.
        unsafe {
            self.entries
                .add(set as usize * WAYS as usize + way as usize)
        }
    }

    #[inline(always)]
    fn entry(&self, set: u32, way: u32) -> &Entry<V> {
        // SAFETY: invariant 1; `Entry` of a `Pod` value has no invalid bytes.
        unsafe { &*self.entry_at(set, way) }
    }

    #[inline(always)]
    fn entry_mut(&mut self, set: u32, way: u32) -> &mut Entry<V> {
        // SAFETY: invariant 1; borrowed mutably with the table.
        unsafe { &mut *self.entry_at(set, way) }
    }

    /// The set of `hash`, whose line of metadata the processor is asked to fetch.
    #[inline(always)]
    pub fn prefetch(&self, hash: u64) -> Spot {
        let set = self.set_of(hash);
        if self.is_large {
            fetch(std::ptr::from_ref(self.line(set)).cast(), 1);
        }
        Spot { set }
    }

    /// The line of the set has arrived: asks for the lines of the entry, or, if there is none, for those of
    /// the one that an insertion would take.
    #[inline(always)]
    pub fn look(&self, spot: Spot, hash: u64) -> Spot {
        if !self.is_large {
            return spot;
        }
        let set = self.checked(spot);
        let line = self.line(set);
        let found = equal_u8(line.tags(), tag_of(hash));
        let way = if found != 0 {
            found.trailing_zeros()
        } else {
            let free = equal_u8(line.tags(), EMPTY);
            if free != 0 {
                free.trailing_zeros()
            } else {
                line.victim(hash)
            }
        };
        fetch(
            self.entry_at(set, way % WAYS).cast(),
            (size_of::<Entry<V>>() / 64).min(PREFETCH_LINES_MAX),
        );
        spot
    }

    /// Whether no entry of the set can be that of `hash`, for who would ask elsewhere then.
    #[inline(always)]
    pub fn is_absent(&self, spot: Spot, hash: u64) -> bool {
        equal_u8(self.line(self.checked(spot)).tags(), tag_of(hash)) == 0
    }

    /// A spot of another table may name a set that this one has not.
    #[inline(always)]
    fn checked(&self, spot: Spot) -> u32 {
        assert!(spot.set < self.sets, "a spot of another table");
        spot.set
    }

    #[inline(always)]
    fn find(&self, set: u32, hash: u64, key: u64) -> Option<u32> {
        let mut found = equal_u8(self.line(set).tags(), tag_of(hash));
        while found != 0 {
            let way = found.trailing_zeros();
            if self.entry(set, way).key == key {
                return Some(way);
            }
            found &= found - 1;
        }
        None
    }

    /// The entry of `key`, which counts as asked for. `hash` is `mum64(key)`, `spot` what `prefetch` or
    /// `look` said of it, however long ago.
    #[inline(always)]
    pub fn hit(&mut self, spot: Spot, hash: u64, key: u64) -> Option<&mut Entry<V>> {
        let set = self.checked(spot);
        let way = self.find(set, hash, key)?;
        self.touch(set, way);
        self.line_mut(set).hit(way);
        Some(self.entry_mut(set, way))
    }

    /// The entry of `key`, without telling the policy.
    pub fn peek(&self, hash: u64, key: u64) -> Option<&Entry<V>> {
        let set = self.set_of(hash);
        let way = self.find(set, hash, key)?;
        Some(self.entry(set, way))
    }

    /// Whether an insertion with this hash would cost another entry its place.
    #[inline(always)]
    pub fn would_evict(&self, hash: u64) -> bool {
        equal_u8(self.line(self.set_of(hash)).tags(), EMPTY) == 0
    }

    /// Takes in `key`, which must not be held. If its set is full, one entry leaves: `evicted` sees it as
    /// it was, before it is overwritten.
    #[inline(always)]
    pub fn insert(
        &mut self,
        hash: u64,
        key: u64,
        stamp: u64,
        value: V,
        evicted: impl FnOnce(&Entry<V>),
    ) -> &mut Entry<V> {
        debug_assert!(self.peek(hash, key).is_none(), "invariant 3: key {key}");
        debug_assert_eq!(hash, mum64(key), "invariant 2: key {key}");
        let set = self.set_of(hash);
        let entries = self.entry_at(set, 0);
        let line = self.line_mut(set);
        let free = equal_u8(line.tags(), EMPTY);
        let way = if free != 0 {
            line.fill(hash, free) % WAYS
        } else {
            // SAFETY: invariant 1; the line that is borrowed mutably is not among the entries.
            let hash_of = |way: u32| mum64(unsafe { (*entries.add((way % WAYS) as usize)).key });
            line.replace(hash, hash_of) % WAYS
        };
        self.touch(set, way);
        self.line_mut(set).tags_mut()[way as usize] = tag_of(hash);
        if free != 0 {
            self.len += 1;
        } else {
            evicted(self.entry(set, way));
        }
        let entry = self.entry_mut(set, way);
        *entry = Entry { key, stamp, value };
        entry
    }

    /// Removes `key`; whether it was held.
    pub fn remove(&mut self, hash: u64, key: u64) -> bool {
        let set = self.set_of(hash);
        let Some(way) = self.find(set, hash, key) else {
            return false;
        };
        self.touch(set, way);
        let line = self.line_mut(set);
        line.tags_mut()[way as usize] = EMPTY;
        line.remove(way);
        self.len -= 1;
        true
    }

    /// The entry in place `at`, counted through the sets, if there is one.
    #[inline]
    pub(super) fn entry_in(&self, at: usize) -> Option<&Entry<V>> {
        let (set, way) = ((at / WAYS as usize) as u32, at as u32 % WAYS);
        let is_held = set < self.sets && self.line(set).tags()[way as usize] != EMPTY;
        is_held.then(|| self.entry(set, way))
    }

    /// Every entry, set by set: in the order of the high halves of the hashes, but for the order in a set.
    pub fn iter(&self) -> impl Iterator<Item = &Entry<V>> {
        (0..self.sets).flat_map(move |set| {
            let held = equal_u8(self.line(set).tags(), EMPTY) ^ ALL;
            (0..WAYS)
                .filter(move |way| held >> way & 1 == 1)
                .map(move |way| self.entry(set, way))
        })
    }
}

/// Asks the processor for `lines` lines from `from` on.
#[inline(always)]
fn fetch(from: *const i8, lines: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in 0..lines {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads no memory and cannot fault, wherever it points.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(line * 64)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (from, lines);
}

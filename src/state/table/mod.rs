//! The state table: open addressing, one cache line a slot, growing in place while events go on.
//!
//! Owned by one task. Keys are hashed once (`partition::hash`); the *high* bits of the hash are the slot,
//! so slots stand in the order of their hashes, and a table of twice the size keeps that order:
//!
//! ```text
//!   byte 0     8       16                                 64
//!        ├─────┼───────┼──────────────────────────────────┤
//!        │ key │ stamp │ value (48 B; longer: more lines) │   one slot; its stamp is 0 when it is empty
//!        └─────┴───────┴──────────────────────────────────┘   beside it one control byte (`controls.rs`)
//!
//!   growing, from the top down; `front` always stands behind an empty slot
//!
//!   slot 0            front            N            2·front                2N
//!        ├── old layout ──┤·· vacated ···············┤──── new layout ───────┤
//!          home = hash >> shift                        home = hash >> (shift - 1)
//! ```
//!
//! Invariants
//! 1. Linear probing: no empty slot lies between an entry and its home slot.
//! 2. A hash up to `last_old` lives in the old layout, one above it in the new; at rest `last_old` is
//!    `u64::MAX`, so that one comparison serves both cases.
//! 3. Every slot below `capacity + tail` lies inside the reserved memory; a slot whose stamp is 0 is empty.
//!
//! Growing costs each newly inserted key [`MIGRATE_PER_INSERT`] slots of sequential copying and no event
//! more than one cluster beyond that; there is never a second copy of the table. Its worst moment is half
//! way, when all pages of the new half are there and `0.75 + 0.06` of the old slots are filled: 2.46 slots
//! (160 bytes) a key. The plain version it must agree with is `HashMap` (tests below).
#![allow(unsafe_code)]

mod capture;
#[cfg(test)]
mod capture_tests;
mod controls;
mod grow;
mod options;
mod search;
#[cfg(test)]
mod tests;
mod walk;

pub use capture::TableShape;
pub use options::{TableError, TableOptions};
pub use search::{Place, Way};

use capture::{Capture, Tags};
use controls::Controls;
use search::Crowding;

use super::growth::{Growth, Prefaulter};
use crate::partition::mum64;
use crate::sys::memory::Reserve;
use bytemuck::Pod;
use std::marker::PhantomData;
use std::sync::Arc;

/// One entry and its place. Two thirds of a line are the user's; the stamp is read with the key.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Slot<V> {
    key: u64,
    /// 0: empty; [`NEW`]: not stamped yet; else the user's. Time to live keeps the time of the last event.
    stamp: u64,
    value: V,
}

/// The stamp of an entry that its user has not stamped.
pub(super) const NEW: u64 = 1;

const _: () = {
    assert!(
        size_of::<Slot<[u64; 6]>>() == 64,
        "a value of 48 bytes shares its line with the key"
    );
    assert!(size_of::<Slot<[u64; 7]>>() == 128);
    assert!(core::mem::offset_of!(Slot<u64>, value) == 16);
};

/// Growth is asked for at this load (percent) and starts at the next, once its first pages are there.
const REQUEST_PERCENT: usize = 70;
const GROW_PERCENT: usize = 75;
/// At this load the table no longer waits for the helper and takes the page faults itself.
const FORCE_PERCENT: usize = 92;
/// Old slots moved for each key inserted while growing. More would need pages faster than the helper
/// zeroes them (each old slot wants two new ones: 1 KB a key, 10 GB/s at 10 M new keys a second); fewer
/// would let the old half fill up: as it is, its last part ends at a load of 0.875.
const MIGRATE_PER_INSERT: usize = 8;
/// Moved in one go, to stay on the same lines.
const MIGRATE_SLOTS: usize = 256;
/// How far ahead of the slot being moved its line is fetched.
const MIGRATE_AHEAD: usize = 16;
/// Slots behind the last home slot, for the cluster that runs over the end.
const TAIL_SLOTS: usize = 4096;
/// Smallest table.
const CAPACITY_SLOTS_MIN: usize = 256;
/// Insertions between two calls of [`Table::settle`] at the most: what the slack of the smallest table bears.
pub const SETTLE_EVERY: usize = 64;

/// Keyed state of one partition. `V` is zeroed when its key is first seen.
pub struct Table<V> {
    base: *mut Slot<V>,
    controls: Controls,
    crowding: Crowding,
    shift: u32,
    last_old: u64,
    len: usize,
    /// `len` at which `insert` must look after growth.
    watch: usize,
    front: usize,
    /// `len` up to which the slots owed to growth have been moved.
    paid_len: usize,
    phase: Phase,
    capacity_slots_max: usize,
    growth: Arc<Growth>,
    scratch: Vec<Slot<V>>,
    layout_version: u64,
    /// The slot that [`Table::sweep`] looks at next.
    swept: usize,
    tags: Tags,
    capture: Option<Box<Capture>>,
    value: PhantomData<V>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Rest,
    Requested,
    Growing,
}

/// Reserves `wanted` bytes, or half as often as the system refuses, but not less than `least`.
fn reserve(wanted: usize, least: usize) -> Result<(Reserve, usize), TableError> {
    let mut bytes = wanted;
    loop {
        match Reserve::new(bytes) {
            Ok(reserve) => return Ok((reserve, bytes)),
            Err(_) if bytes / 2 >= least => bytes /= 2,
            Err(source) => return Err(TableError { bytes, source }),
        }
    }
}

// SAFETY: the table owns its slots; the helper that shares `growth` never reads or writes them.
unsafe impl<V: Pod + Send> Send for Table<V> {}

impl<V: Pod> Table<V> {
    /// A table for `options`; `prefaulter` brings in pages ahead of growth where there is one.
    ///
    /// # Errors
    /// When the address space cannot be reserved.
    pub fn new(options: TableOptions, prefaulter: Option<&Prefaulter>) -> Result<Self, TableError> {
        let slot_bytes = size_of::<Slot<V>>();
        let wanted = (options.expected_keys * 100).div_ceil(GROW_PERCENT - 2);
        let capacity = wanted.next_power_of_two().max(CAPACITY_SLOTS_MIN);
        let least = (capacity + TAIL_SLOTS) * slot_bytes;
        let (reserve, bytes) = reserve(options.reserve_bytes.max(least), least)?;
        if options.expected_keys > 0 {
            reserve.prefault_huge(0..capacity * slot_bytes);
        }
        let slots_max = bytes / slot_bytes;
        let controls = Controls::new(slots_max).map_err(|source| TableError { bytes, source })?;
        if options.expected_keys > 0 {
            controls.prefault(0..capacity + TAIL_SLOTS);
        }
        let growth = Arc::new(Growth::new(
            reserve,
            controls.memory(),
            slot_bytes,
            prefaulter.and_then(Prefaulter::thread),
        ));
        if let Some(helper) = prefaulter {
            helper.serve(&growth);
        }
        let mut table = Table {
            base: growth.reserve.base().cast(),
            controls,
            crowding: Crowding::default(),
            shift: 64 - capacity.trailing_zeros(),
            last_old: u64::MAX,
            len: 0,
            watch: 0,
            front: 0,
            paid_len: 0,
            phase: Phase::Rest,
            capacity_slots_max: slots_max - TAIL_SLOTS,
            growth,
            // The last move of a growth begins below twice as many slots as one moves: no event pays for room.
            scratch: Vec::with_capacity(2 * MIGRATE_SLOTS),
            layout_version: 0,
            swept: 0,
            tags: Tags::none(),
            capture: None,
            value: PhantomData,
        };
        table.watch = table.load(REQUEST_PERCENT);
        Ok(table)
    }

    /// Keys held.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no key is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of the slots in use and of their controls; while growing, with the part of the new half that has been
    /// written.
    pub fn state_bytes(&self) -> usize {
        let capacity = self.capacity_slots();
        let new_half = match self.phase {
            Phase::Growing => 2 * capacity - (2 * self.front).max(capacity),
            Phase::Rest | Phase::Requested => 0,
        };
        (capacity + new_half) * (size_of::<Slot<V>>() + 1)
    }

    fn capacity_slots(&self) -> usize {
        1usize << (64 - self.shift)
    }

    fn end_slots(&self) -> usize {
        self.capacity_slots() << usize::from(self.phase == Phase::Growing)
    }

    fn load(&self, percent: usize) -> usize {
        self.capacity_slots() / 100 * percent + self.capacity_slots() % 100 * percent / 100
    }

    #[inline(always)]
    fn home(&self, hash: u64) -> usize {
        (hash >> (self.shift - u32::from(hash > self.last_old))) as usize
    }

    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    fn slot(&self, index: usize) -> &mut Slot<V> {
        debug_assert!(index < self.capacity_slots_max + TAIL_SLOTS);
        // SAFETY: invariant 3; the table is the only owner of its slots and hands out one at a time.
        unsafe { &mut *self.base.add(index) }
    }

    /// Grows with each change of the layout; a place found before is void.
    #[inline(always)]
    pub fn layout_version(&self) -> u64 {
        self.layout_version
    }

    /// The state of `key`, whose hash has its home at `place` (or that was looked for there already);
    /// zeroed if it is new.
    ///
    /// Never grows the table: call [`Table::settle`] at least once in [`SETTLE_EVERY`] insertions.
    #[inline(always)]
    pub fn at(&mut self, place: Place, key: u64) -> &mut V {
        &mut self.slot_at(place, key).value
    }

    /// The same with the entry's stamp, [`NEW`] if the key is new; it must not become 0.
    #[inline(always)]
    pub fn at_stamped(&mut self, place: Place, key: u64) -> (&mut u64, &mut V) {
        let slot = self.slot_at(place, key);
        (&mut slot.stamp, &mut slot.value)
    }

    #[inline(always)]
    fn slot_at(&mut self, place: Place, key: u64) -> &mut Slot<V> {
        let mut index = place.index();
        loop {
            let slot = self.slot(index);
            if slot.stamp == 0 {
                self.touch(index);
                self.controls.fill(index, mum64(key));
                *self.slot(index) = Slot {
                    key,
                    stamp: NEW,
                    value: V::zeroed(),
                };
                self.len += 1;
                return self.slot(index);
            }
            if slot.key == key {
                self.touch(index);
                return self.slot(index);
            }
            index += 1;
        }
    }

    /// The state of `key`, zeroed if it is new. `hash` is `mum64(key)`.
    #[inline]
    pub fn entry(&mut self, hash: u64, key: u64) -> &mut V {
        self.settle();
        let home = self.home(hash);
        self.at(Place::at_home(home), key)
    }

    /// Grows as far as the insertions since the last call ask for. Places found before are void.
    #[inline(always)]
    pub fn settle(&mut self) {
        if self.len >= self.watch {
            self.grow();
        }
        if self.crowding.is_due() {
            self.crowding.judge(self.len);
        }
    }

    /// Writes a whole slot past the caches: what is moved is not needed soon, and the old bytes of its line need not be
    /// read. Such writes are ordered for this thread; before another may see them, [`Table::written_through`].
    #[inline(always)]
    fn write_through(&mut self, index: usize, entry: &Slot<V>) {
        #[cfg(target_arch = "x86_64")]
        {
            use core::arch::x86_64::{__m128i, _mm_load_si128, _mm_stream_si128};
            let from = std::ptr::from_ref(entry).cast::<__m128i>();
            let to = std::ptr::from_mut(self.slot(index)).cast::<__m128i>();
            for part in 0..size_of::<Slot<V>>() / size_of::<__m128i>() {
                // SAFETY: both are slots, aligned to 64 bytes and a multiple of them long; SSE2 is part of x86-64.
                unsafe { _mm_stream_si128(to.add(part), _mm_load_si128(from.add(part))) };
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            *self.slot(index) = *entry;
        }
    }

    /// What was written past the caches comes before all that this thread writes from now on: the table may go to
    /// another core.
    fn written_through(&self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: SSE is part of x86-64.
        unsafe {
            core::arch::x86_64::_mm_sfence();
        }
    }

    /// Asks the processor for the first line of a slot.
    #[inline(always)]
    fn fetch(&self, index: usize) {
        self.fetch_line(index, 0);
    }

    /// Asks the processor for a line of a slot.
    #[inline(always)]
    fn fetch_line(&self, index: usize, line: usize) {
        #[cfg(target_arch = "x86_64")]
        {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let slot = self.base.wrapping_add(index).cast::<i8>();
            // SAFETY: a prefetch reads no memory and cannot fault, wherever it points.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(slot.wrapping_add(64 * line)) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (index, line);
    }
}

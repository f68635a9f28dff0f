//! The bare table: what a careful person would write for `aggregate` and nothing else.
//!
//! A power-of-two table of 64-byte slots on huge pages, all of it touched before the start; events in
//! groups of 32 with their slots prefetched; the result folded into the engine's XXH3 digest. No partitions,
//! no growth, no removal.
//!
//! Owned by one thread. Invariant: `slots` is a power of two, and `base` leads to that many slots within
//! `map`, every one of them zeroed or written by `fold`.

use memmap2::MmapMut;
use millstream::app::aggregate::Total;
use millstream::bytemuck::Zeroable;
use millstream::partition::mum64;
use millstream::sink::Digestible;
use millstream::source::trace::native::KeyedRecord;

/// Events whose slots are asked for together: some ten misses that the processor keeps under way, thrice.
pub const GROUP: usize = 32;

const HUGE_PAGE_BYTES: usize = 2 << 20;

#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Slot<S> {
    key: u64,
    used: u64,
    state: S,
}

const _: () = assert!(size_of::<Slot<Total>>() == 64);

/// State by key; totals, if nothing else is said.
pub struct BareTable<S = Total> {
    base: *mut Slot<S>,
    slots: usize,
    shift: u32,
    /// Keeps the memory behind `base`.
    _map: MmapMut,
}

// SAFETY: `base` leads into the mapping, which the table owns and moves with it.
unsafe impl<S: Send> Send for BareTable<S> {}

impl<S: Zeroable + Copy> BareTable<S> {
    /// A table for `distinct` keys, which must not be exceeded: it never grows, and a full one is searched
    /// for ever.
    pub fn new(distinct: usize) -> Self {
        let slots = (distinct * 3 / 2).next_power_of_two().max(2);
        let mut map = memmap2::MmapOptions::new()
            .len(slots * size_of::<Slot<S>>() + HUGE_PAGE_BYTES)
            .map_anon()
            .expect("memory");
        let _ = map.advise(memmap2::Advice::HugePage);
        map.fill(0);
        let start = map.as_mut_ptr();
        // SAFETY: the mapping is longer than its slots by far more than they are shifted here.
        let base = unsafe { start.add(start.align_offset(64)) }.cast::<Slot<S>>();
        BareTable {
            base,
            slots,
            shift: 64 - slots.trailing_zeros(),
            _map: map,
        }
    }

    /// Shows each of `items`, with the state of its key, to `each`.
    #[inline(always)]
    pub fn visit<T>(
        &mut self,
        items: &[T],
        key: impl Fn(&T) -> u64,
        mut each: impl FnMut(&T, &mut S),
    ) {
        let (base, mask, shift) = (self.base, self.slots - 1, self.shift);
        for group in items.chunks(GROUP) {
            let mut homes = [0usize; GROUP];
            for (home, item) in homes.iter_mut().zip(group) {
                *home = (mum64(key(item)) >> shift) as usize;
                // SAFETY: the high bits of a hash are below `slots` (invariant).
                prefetch(unsafe { base.add(*home) });
            }
            for (home, item) in homes.iter().zip(group) {
                let key = key(item);
                let mut index = *home;
                let slot = loop {
                    // SAFETY: the index is masked to `slots`, and one slot is borrowed at a time (invariant).
                    let slot = unsafe { &mut *base.add(index & mask) };
                    if slot.used == 0 {
                        slot.used = 1;
                        slot.key = key;
                        break slot;
                    }
                    if slot.key == key {
                        break slot;
                    }
                    index += 1;
                };
                each(item, &mut slot.state);
            }
        }
    }

    /// Every key with its state, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, S)> {
        // SAFETY: `base` leads to `slots` slots, zeroed or written (invariant).
        let slots = unsafe { std::slice::from_raw_parts(self.base, self.slots) };
        let used = slots.iter().filter(|slot| slot.used != 0);
        used.map(|slot| (slot.key, slot.state))
    }
}

impl BareTable {
    /// Takes in the events that `event` finds in `items`; the sum of their results' digests.
    #[inline(always)]
    pub fn fold<T>(&mut self, items: &[T], event: impl Fn(&T) -> &KeyedRecord) -> u64 {
        let mut sum = 0u64;
        let key = |item: &T| event(item).key;
        self.visit(items, key, |item, total| {
            let event = event(item);
            total.add(event.value, event.ts_ns);
            sum = sum.wrapping_add(total.record(event.key).digest());
        });
        sum
    }
}

#[inline(always)]
fn prefetch<S>(slot: *const Slot<S>) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads no memory and cannot fault.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(slot.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = slot;
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream::sys::random::Random;
    use std::collections::HashMap;

    #[test]
    fn the_digest_is_that_of_a_plain_map() {
        let mut random = Random::stream(3, "bare");
        let event = |ts_ns| KeyedRecord {
            key: random.below(1_000),
            value: random.below(1_000) as i64 - 500,
            ts_ns,
        };
        let events: Vec<KeyedRecord> = (0..10_007).map(event).collect();
        let mut totals = HashMap::<u64, Total>::new();
        let mut expected = 0u64;
        for event in &events {
            let total = totals.entry(event.key).or_default();
            total.add(event.value, event.ts_ns);
            expected = expected.wrapping_add(total.record(event.key).digest());
        }
        assert_eq!(BareTable::new(1_000).fold(&events, |event| event), expected);
    }
}

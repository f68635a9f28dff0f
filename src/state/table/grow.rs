//! Growth of the table, in place: asked for, waited for, and done one move a call.
//!
//! The picture and the invariants are in the header of [`super`].

use super::{
    FORCE_PERCENT, GROW_PERCENT, MIGRATE_AHEAD, MIGRATE_PER_INSERT, MIGRATE_SLOTS, Phase,
    REQUEST_PERCENT, Slot, Table,
};
use crate::partition::mum64;
use bytemuck::Pod;

impl<V: Pod> Table<V> {
    /// Looks after growth, at or above `watch` keys.
    #[cold]
    #[inline(never)]
    pub(super) fn grow(&mut self) {
        let slot_bytes = size_of::<Slot<V>>();
        let capacity = self.capacity_slots();
        if self.phase == Phase::Rest {
            assert!(
                self.len < self.load(97) || capacity * 2 <= self.capacity_slots_max,
                "state table full at {} keys: use more partitions, or lift the limit on address space (ulimit -v)",
                self.len
            );
            if capacity * 2 > self.capacity_slots_max {
                self.watch = self.load(97);
                return;
            }
            self.growth
                .request(capacity * slot_bytes, capacity * 2 * slot_bytes);
            self.phase = Phase::Requested;
            self.watch = self.load(GROW_PERCENT);
        }
        if self.phase == Phase::Requested {
            if self.len < self.watch {
                return;
            }
            self.phase = Phase::Growing;
            self.expect_blocks();
            self.front = capacity;
            self.paid_len = self.len;
            self.watch = 0;
        }
        let late = self.len >= self.load(FORCE_PERCENT);
        if self.len < self.paid_len + MIGRATE_SLOTS / MIGRATE_PER_INSERT && !late {
            return;
        }
        let from = 2 * self.front.saturating_sub(4 * MIGRATE_SLOTS) * slot_bytes;
        if from >= capacity * slot_bytes && !self.growth.is_ready(from) && !late {
            return;
        }
        // One move a call, however much is owed after a wait: what is owed is paid off over the next calls,
        // at up to 16 slots a key, and no event waits for more than the 256 slots of one.
        self.paid_len += MIGRATE_SLOTS / MIGRATE_PER_INSERT;
        self.migrate();
    }

    /// Moves the entries of at least [`MIGRATE_SLOTS`] old home slots to the new layout.
    fn migrate(&mut self) {
        self.layout_version += 1;
        let mut from = self.front.saturating_sub(MIGRATE_SLOTS);
        while from > 0 && !self.controls.is_empty(from - 1) {
            from -= 1;
        }
        let mut end = self.front;
        while !self.controls.is_empty(end) {
            end += 1;
        }
        if 2 * from < end {
            return self.finish(end);
        }
        self.last_old = ((from as u64) << self.shift).wrapping_sub(1);
        self.front = from;
        for index in from..end {
            self.fetch(index + MIGRATE_AHEAD);
            if !self.controls.is_empty(index) {
                let entry = self.take(index);
                let to = self.claim(&entry);
                self.write_through(to, &entry);
            }
        }
        self.written_through();
        self.growth.wrote(2 * from * size_of::<Slot<V>>());
    }

    /// The last entries have no room to move upwards one by one: they go through a buffer.
    fn finish(&mut self, end: usize) {
        let mut entries = std::mem::take(&mut self.scratch);
        for index in 0..end {
            if !self.controls.is_empty(index) {
                let entry = self.take(index);
                entries.push(entry);
            }
        }
        self.shift -= 1;
        self.last_old = u64::MAX;
        self.phase = Phase::Rest;
        self.growth.wrote(0);
        for entry in entries.drain(..) {
            let to = self.claim(&entry);
            *self.slot(to) = entry;
        }
        self.scratch = entries;
        self.watch = self.load(REQUEST_PERCENT);
    }

    /// Takes the entry out of a slot.
    #[inline(always)]
    fn take(&mut self, index: usize) -> Slot<V> {
        self.touch(index);
        self.controls.clear(index);
        let entry = *self.slot(index);
        self.slot(index).stamp = 0;
        entry
    }

    /// The slot for an entry that is in none, which the caller writes at once. Only controls are looked at: the line of
    /// the slot is not needed for it.
    #[inline(always)]
    fn claim(&mut self, entry: &Slot<V>) -> usize {
        let hash = mum64(entry.key);
        let mut index = self.home(hash);
        while !self.controls.is_empty(index) {
            index += 1;
        }
        self.touch(index);
        self.controls.fill(index, hash);
        index
    }
}

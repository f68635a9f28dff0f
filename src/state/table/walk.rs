//! Walks over the whole table: to read it, to thin it out, to sweep it a few slots at a time.

use super::Table;
use bytemuck::Pod;

impl<V: Pod> Table<V> {
    /// Every key and its state, in the order of the slots.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        let end = self.end_slots();
        (0..)
            .map(|index| self.slot(index))
            .enumerate()
            .take_while(move |(index, slot)| *index < end || slot.stamp != 0)
            .filter(|(_, slot)| slot.stamp != 0)
            .map(|(_, slot)| (slot.key, &slot.value))
    }

    /// Shows every entry to `keep` and removes those for which it says false.
    pub fn retain(&mut self, keep: &mut dyn FnMut(u64, &V) -> bool) {
        let mut index = 0;
        while index < self.end_slots() || self.slot(index).stamp != 0 {
            let slot = self.slot(index);
            if slot.stamp != 0 && !keep(slot.key, &slot.value) {
                // What moves up into this slot is shown next.
                self.empty(index);
            } else {
                index += 1;
            }
        }
    }

    /// Looks at the next `slots` slots, round and round, and removes the entries whose stamp `is_over`
    /// finds old. Returns how many. Places found before are void if there were any.
    #[inline]
    pub fn sweep(&mut self, slots: usize, is_over: impl Fn(u64) -> bool) -> u64 {
        let mut removed = 0;
        for _ in 0..slots {
            if self.swept >= self.end_slots() {
                self.swept = 0;
            }
            let slot = self.slot(self.swept);
            if slot.stamp != 0 && is_over(slot.stamp) {
                // What moves up into this slot is looked at next.
                self.empty(self.swept);
                removed += 1;
            } else {
                self.swept += 1;
            }
        }
        removed
    }
}

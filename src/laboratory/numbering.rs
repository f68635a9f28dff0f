//! Numbers for keys: dense, in the order of first appearance, so that a simulation knows arrays only.
//!
//! ```text
//!   key ─ mum64(key ^ salt) ─► slots, open addressing, 16 bytes each ─► node 0, 1, 2, …
//!                 │ top bits: which slot   low 32 bits: whether a sample keeps the key
//! ```
//!
//! Owned by the reader of one trace. Grows by doubling at 5/8 full: nothing waits for an answer here.
//!
//! Invariant: every node below `len` stands in exactly one slot, and no key in two.

use crate::partition::mum64;
use crate::sys::memory::prefetch_read;
use crate::sys::random::splitmix64;

/// Keys looked up together: their slots are fetched before the first is looked at. More than a core has
/// in flight at a time (10 to 16 lines) gains nothing.
const TOGETHER: usize = 16;
/// A node that stands for nothing.
const NONE: u32 = u32::MAX;
/// All keys are kept.
const KEEP_ALL: u64 = 1 << 32;

#[derive(Clone, Copy, Debug)]
struct Slot {
    key: u64,
    node: u32,
}

const EMPTY: Slot = Slot { key: 0, node: NONE };
const _: () = assert!(size_of::<Slot>() == 16, "four to a cache line");

/// Which node stands for which key.
#[derive(Clone, Debug)]
pub(super) struct Numbering {
    slots: Vec<Slot>,
    shift: u32,
    len: u32,
    salt: u64,
    /// Keys are kept whose low 32 bits of hash are below this, out of 2^32.
    keep_below: u64,
}

impl Numbering {
    /// Keeps that share of all keys, picked by their hash under `seed`; 1.0 keeps all.
    pub(super) fn new(rate: f64, seed: u64) -> Self {
        let mut state = seed;
        Numbering {
            slots: vec![EMPTY; 1 << 12],
            shift: 64 - 12,
            len: 0,
            salt: splitmix64(&mut state),
            keep_below: ((rate * KEEP_ALL as f64).round() as u64).clamp(1, KEEP_ALL),
        }
    }

    /// Nodes given.
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// The share of keys that are kept.
    pub(super) fn rate(&self) -> f64 {
        self.keep_below as f64 / KEEP_ALL as f64
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> u64 {
        (self.slots.len() * size_of::<Slot>()) as u64
    }

    /// Calls `each` with the index and the node of every key that is kept, in order.
    pub(super) fn number(&mut self, keys: &[u64], mut each: impl FnMut(usize, u32)) {
        for (group, keys) in keys.chunks(TOGETHER).enumerate() {
            self.make_room();
            let mut hashes = [0; TOGETHER];
            for (hash, key) in hashes.iter_mut().zip(keys) {
                *hash = mum64(key ^ self.salt);
                prefetch_read(&self.slots, (*hash >> self.shift) as usize);
            }
            for (index, (key, hash)) in keys.iter().zip(hashes).enumerate() {
                if hash & 0xFFFF_FFFF < self.keep_below {
                    each(group * TOGETHER + index, self.node_of(*key, hash));
                }
            }
        }
    }

    #[inline]
    fn node_of(&mut self, key: u64, hash: u64) -> u32 {
        let mask = self.slots.len() - 1;
        let mut at = (hash >> self.shift) as usize;
        loop {
            let slot = self.slots[at];
            if slot.node == NONE {
                let node = self.len;
                self.slots[at] = Slot { key, node };
                self.len += 1;
                return node;
            }
            if slot.key == key {
                return slot.node;
            }
            at = (at + 1) & mask;
        }
    }

    fn make_room(&mut self) {
        if (self.len as usize + TOGETHER) * 8 <= self.slots.len() * 5 {
            return;
        }
        self.shift -= 1;
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; 1 << (64 - self.shift)]);
        old.into_iter().for_each(|slot| self.place(slot));
    }

    fn place(&mut self, slot: Slot) {
        if slot.node == NONE {
            return;
        }
        let mask = self.slots.len() - 1;
        let mut at = (mum64(slot.key ^ self.salt) >> self.shift) as usize;
        while self.slots[at].node != NONE {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    /// Keeps half as many keys from now on. Returns the new node of each old one, `None` where it is no
    /// longer kept; their order stays.
    pub(super) fn halve(&mut self) -> Vec<Option<u32>> {
        self.keep_below = (self.keep_below / 2).max(1);
        let mut kept = vec![None; self.len as usize];
        let full = self.slots.iter().filter(|slot| slot.node != NONE);
        for slot in full {
            if mum64(slot.key ^ self.salt) & 0xFFFF_FFFF < self.keep_below {
                kept[slot.node as usize] = Some(0);
            }
        }
        self.len = 0;
        for node in kept.iter_mut().flatten() {
            *node = self.len;
            self.len += 1;
        }
        let len = self.slots.len();
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; len]);
        for mut slot in old {
            let new = kept.get(slot.node as usize).copied().flatten();
            slot.node = new.unwrap_or(NONE);
            self.place(slot);
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::random::Random;
    use std::collections::HashMap;

    fn numbered(numbering: &mut Numbering, keys: &[u64]) -> Vec<(usize, u32)> {
        let mut found = Vec::new();
        numbering.number(keys, |index, node| found.push((index, node)));
        found
    }

    #[test]
    fn keys_are_numbered_in_the_order_of_first_appearance() {
        let mut random = Random::new(3);
        let keys: Vec<u64> = (0..200_000).map(|_| random.below(30_000) * 4096).collect();
        let mut model = HashMap::new();
        let expected = keys.iter().enumerate().map(|(index, key)| {
            let next = model.len() as u32;
            (index, *model.entry(*key).or_insert(next))
        });
        let expected: Vec<_> = expected.collect();
        let mut numbering = Numbering::new(1.0, 42);
        assert_eq!(numbered(&mut numbering, &keys), expected);
        assert_eq!(numbering.len() as usize, model.len());
    }

    #[test]
    fn the_extreme_keys_are_keys_like_others() {
        let mut numbering = Numbering::new(1.0, 1);
        let found = numbered(&mut numbering, &[u64::MAX, 0, 0, u64::MAX]);
        assert_eq!(found, [(0, 0), (1, 1), (2, 1), (3, 0)]);
    }

    #[test]
    fn a_rate_keeps_that_share_and_halving_keeps_half_of_those() {
        let keys: Vec<u64> = (0..100_000).collect();
        let mut numbering = Numbering::new(0.25, 42);
        let first = numbered(&mut numbering, &keys);
        // Binomial: 25,000 ± 5 × 137.
        assert!((24_315..25_685).contains(&first.len()), "{}", first.len());
        let renumbered = numbering.halve();
        assert_eq!(numbering.rate(), 0.125);
        let kept = renumbered.iter().flatten().count();
        assert!((11_900..13_100).contains(&kept), "{kept}");
        // What is kept keeps its place among the others, and the keys themselves are found under the new numbers.
        let expected: Vec<_> = first
            .iter()
            .filter_map(|(index, node)| Some((*index, renumbered[*node as usize]?)))
            .collect();
        assert_eq!(numbered(&mut numbering, &keys), expected);
    }
}

//! Which node a key has: a hash table of node numbers; the keys themselves are kept by node.
//!
//! ```text
//!   hash(key) ─► slot ─► next slot ─► …        4 bytes a slot, at least two slots for each node
//!                 │
//!                 └─ node ─► keys[node] == key?
//! ```
//!
//! Linear probing. Removal moves what follows back into the gap, so there are no tombstones, and a table
//! of fixed size stays as fast as it was.

use crate::partition::mum64;

/// A free slot.
const FREE: u32 = u32::MAX;

/// Nodes by key.
#[derive(Clone, Debug)]
pub(super) struct Index {
    slots: Box<[u32]>,
    keys: Box<[u64]>,
    /// Leaves of a hash the bits of a slot.
    shift: u32,
}

impl Index {
    /// For nodes below `nodes`.
    pub(super) fn new(nodes: u32) -> Self {
        let slots = (2 * nodes as usize).next_power_of_two().max(2);
        Index {
            slots: vec![FREE; slots].into(),
            keys: vec![0; nodes as usize].into(),
            shift: 64 - slots.ilog2(),
        }
    }

    #[inline(always)]
    fn first_slot(&self, key: u64) -> usize {
        (mum64(key) >> self.shift) as usize
    }

    #[inline(always)]
    fn following(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }

    /// The node of `key`.
    #[inline]
    pub(super) fn get(&self, key: u64) -> Option<u32> {
        let mut slot = self.first_slot(key);
        loop {
            let node = self.slots[slot];
            if node == FREE {
                return None;
            }
            if self.keys[node as usize] == key {
                return Some(node);
            }
            slot = self.following(slot);
        }
    }

    /// Gives `key`, which has no node, the node `node`, which has no key.
    #[inline]
    pub(super) fn insert(&mut self, key: u64, node: u32) {
        let mut slot = self.first_slot(key);
        while self.slots[slot] != FREE {
            slot = self.following(slot);
        }
        self.slots[slot] = node;
        self.keys[node as usize] = key;
    }

    /// Takes its key from `node`, which has one.
    #[inline]
    pub(super) fn remove(&mut self, node: u32) {
        let mut gap = self.first_slot(self.keys[node as usize]);
        while self.slots[gap] != node {
            gap = self.following(gap);
        }
        let mut slot = gap;
        loop {
            slot = self.following(slot);
            let other = self.slots[slot];
            if other == FREE {
                break;
            }
            // It may move back as far as its first slot: only if that is not between gap and slot.
            let first = self.first_slot(self.keys[other as usize]);
            let mask = self.slots.len() - 1;
            if slot.wrapping_sub(first) & mask >= slot.wrapping_sub(gap) & mask {
                self.slots[gap] = other;
                gap = slot;
            }
        }
        self.slots[gap] = FREE;
    }

    /// Bytes of slots and keys.
    pub(super) fn bytes(&self) -> u64 {
        (size_of_val::<[u32]>(&self.slots) + size_of_val::<[u64]>(&self.keys)) as u64
    }
}

//! FIFO: the object that came first goes first.
//!
//! ```text
//!   request(x):  held? hit
//!                while no room: evict the oldest
//!                x becomes the newest
//! ```
//!
//! Metadata: a node is a bit and 8 bytes of links. A hit reads the bit alone.

use super::lists::Lists;
use super::{Bounds, Departures, Policy, Sizes};

/// First in, first out.
#[derive(Clone, Debug)]
pub struct Fifo {
    capacity: u64,
    used: u64,
    held: Box<[u64]>,
    queue: Lists,
}

#[inline(always)]
fn bit(node: u32) -> (usize, u64) {
    (node as usize / 64, 1 << (node % 64))
}

impl Fifo {
    /// Takes `node`, which is held, out.
    #[inline(always)]
    fn take(&mut self, node: u32, sizes: &impl Sizes) {
        let (word, bit) = bit(node);
        self.held[word] &= !bit;
        self.used -= sizes.size(node);
        self.queue.take(node);
    }
}

impl Policy for Fifo {
    const NAME: &'static str = "fifo";

    fn new(bounds: Bounds) -> Self {
        Fifo {
            capacity: bounds.capacity,
            used: 0,
            held: vec![0; (bounds.nodes as usize).div_ceil(64)].into(),
            queue: Lists::new(bounds.nodes, 1),
        }
    }

    fn ghosts(_: Bounds) -> u64 {
        0
    }

    #[inline]
    fn request(
        &mut self,
        node: u32,
        _: u64,
        sizes: &impl Sizes,
        departures: &mut impl Departures,
    ) -> bool {
        let (word, bit) = bit(node);
        if self.held[word] & bit != 0 {
            return true;
        }
        let size = sizes.size(node);
        if size > self.capacity {
            departures.evicted(node);
            departures.forgotten(node);
            return false;
        }
        let newest = self.queue.anchor(0);
        while self.used + size > self.capacity {
            let victim = self.queue.oldest(newest);
            self.take(victim, sizes);
            departures.evicted(victim);
            departures.forgotten(victim);
        }
        self.held[word] |= bit;
        self.used += size;
        self.queue.insert(newest, node);
        false
    }

    fn remove(&mut self, node: u32, sizes: &impl Sizes) -> bool {
        let (word, bit) = bit(node);
        let held = self.held[word] & bit != 0;
        if held {
            self.take(node, sizes);
        }
        held
    }

    fn metadata_bytes(&self) -> u64 {
        size_of_val::<[u64]>(&self.held) as u64 + self.queue.bytes()
    }
}

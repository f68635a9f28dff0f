//! LRU: the object that was not used for the longest time goes first.
//!
//! ```text
//!   request(x):  held? x becomes the newest, hit
//!                while no room: evict the oldest
//!                x becomes the newest
//! ```
//!
//! Source: the stack of R. L. Mattson et al., "Evaluation techniques for storage hierarchies", IBM Systems
//! Journal 9(2), 1970. Metadata: a node is 8 bytes of links.

use super::lists::Lists;
use super::{Bounds, Departures, Policy, Sizes};

/// Least recently used.
#[derive(Clone, Debug)]
pub struct Lru {
    capacity: u64,
    used: u64,
    queue: Lists,
}

impl Policy for Lru {
    const NAME: &'static str = "lru";

    fn new(bounds: Bounds) -> Self {
        Lru {
            capacity: bounds.capacity,
            used: 0,
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
        let newest = self.queue.anchor(0);
        if self.queue.contains(node) {
            self.queue.take(node);
            self.queue.insert(newest, node);
            return true;
        }
        let size = sizes.size(node);
        if size > self.capacity {
            departures.evicted(node);
            departures.forgotten(node);
            return false;
        }
        while self.used + size > self.capacity {
            let victim = self.queue.oldest(newest);
            self.queue.take(victim);
            self.used -= sizes.size(victim);
            departures.evicted(victim);
            departures.forgotten(victim);
        }
        self.used += size;
        self.queue.insert(newest, node);
        false
    }

    fn remove(&mut self, node: u32, sizes: &impl Sizes) -> bool {
        let held = self.queue.contains(node);
        if held {
            self.queue.take(node);
            self.used -= sizes.size(node);
        }
        held
    }

    fn metadata_bytes(&self) -> u64 {
        self.queue.bytes()
    }
}
